//! Whatever happens to a file: an error that says so, or the right answer. Never a panic, never a wrong answer.

use super::*;

/// A journal with something of everything: two segments, pages, marks, attempts, outcomes, shared keys, a plugin.
async fn whole(dir: &Path, plugin: &[u8]) -> PathBuf {
    let journal = Journal::create(dir, &manifest(2), Some(plugin)).unwrap();
    for (segment, number, last) in [(0, 0, false), (0, 1, true), (1, 0, false), (1, 1, false), (1, 2, true)] {
        let mut record = page(segment, number, last, vec![(1, 5), (2, u64::from(number) + 10)]);
        record.failures = vec![outcome(segment, number, 4, OutcomeKind::Failed, Phase::Scan)];
        journal.commit_page(record).await.unwrap();
    }
    journal.seal().await.unwrap();
    journal.set_state(RunState::Applying).await.unwrap();
    journal.mark_sent(0, 0, vec![0, 1, 2]).await.unwrap();
    journal.mark_done(0, 0, vec![0, 1]).await.unwrap();
    journal.new_attempt(attempt(0, 0, 2)).await.unwrap();
    journal.mark_sent(1, 1, vec![0, 1]).await.unwrap();
    for (position, kind) in [(0, OutcomeKind::Doubtful), (1, OutcomeKind::Skipped)] {
        journal.settle(outcome(1, 1, position, kind, Phase::Apply)).await.unwrap();
    }
    journal.0.path.clone()
}

/// All answers of a journal, each as text.
fn answers(journal: &Journal) -> Vec<Result<String, Error>> {
    fn text<T: std::fmt::Debug>(answer: Result<T, Error>) -> Result<String, Error> {
        answer.map(|answer| format!("{answer:?}"))
    }
    let mut all = vec![
        Ok(format!("{:?}", journal.manifest())),
        text(journal.state()),
        text(journal.is_sealed()),
        text(journal.counters()),
        text(journal.segments()),
        text(journal.counts()),
        text(journal.unfinished_pages()),
        text(journal.outcomes(3)),
        text(journal.outcomes(100)),
        text(journal.component()),
        text(journal.next_shared_page(None)),
        text(journal.next_shared_page(Some((0, 1)))),
    ];
    for (segment, page) in [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2)] {
        all.push(text(journal.page(segment, page)));
        all.push(text(journal.attempts(segment, page)));
    }
    all
}

fn is_said(error: &Error) -> bool {
    matches!(error, Error::Corrupt { .. } | Error::Foreign { .. } | Error::Newer { .. } | Error::Older { .. })
}

#[tokio::test]
async fn a_flipped_bit_anywhere_gives_an_error_or_changes_no_answer() {
    let dir = tempfile::tempdir().unwrap();
    let path = whole(dir.path(), &[3; 9_000]).await;
    let right = answers(&Journal::read(&path).unwrap());
    assert!(right.iter().all(Result::is_ok), "{right:?}");
    let bytes = std::fs::read(&path).unwrap();
    let (mut refused, mut damaged) = (0, 0);
    // The header byte by byte; the rest by a stride that is prime, so that it meets every part of a page.
    for at in (0..100).chain((100..bytes.len()).step_by(151)) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        std::fs::write(&path, &flipped).unwrap();
        // To work on it makes a difference in the header, and waits for the disk.
        for open in [Journal::read, Journal::open].into_iter().take(if at < 100 { 2 } else { 1 }) {
            let journal = match open(&path) {
                Ok(journal) => journal,
                Err(error) => {
                    assert!(is_said(&error), "byte {at}: {error:?}");
                    refused += 1;
                    continue;
                }
            };
            for (answer, right) in answers(&journal).iter().zip(&right) {
                match answer {
                    Err(error) => {
                        assert!(is_said(error), "byte {at}: {error:?}");
                        damaged += 1;
                    }
                    right_or_wrong => assert_eq!(right_or_wrong, right, "byte {at}"),
                }
            }
            let checked = journal.check();
            let written = match &journal.0.writer {
                Some(_) => journal.set_state(RunState::Interrupted).await,
                None => Ok(()),
            };
            for error in [checked, written].into_iter().filter_map(Result::err) {
                assert!(is_said(&error), "byte {at}: {error:?}");
            }
        }
        for beside in ["drift-wal", "drift-shm"] {
            let _not_there = std::fs::remove_file(path.with_extension(beside));
        }
    }
    println!("{refused} refused, {damaged} damaged");
    assert!(refused > 50 && damaged > 50, "{refused} refused, {damaged} damaged");
}

#[tokio::test]
async fn a_truncated_file_is_damaged_wherever_it_ends() {
    let dir = tempfile::tempdir().unwrap();
    let path = whole(dir.path(), &[3; 9_000]).await;
    let bytes = std::fs::read(&path).unwrap();
    for length in [0, 1, 15, 16, 99, 100, 511, 4_095, 4_096, 4_097, 8_192, bytes.len() / 2, bytes.len() - 4_096, bytes.len() - 1]
    {
        std::fs::write(&path, &bytes[..length]).unwrap();
        for opened in [Journal::read(&path), Journal::open(&path)] {
            let Err(error) = opened else { panic!("{length}: not found") };
            assert!(is_said(&error), "{length}: {error:?}");
        }
    }
}

#[tokio::test]
async fn neither_opening_nor_the_state_reads_what_is_large() {
    let dir = tempfile::tempdir().unwrap();
    let path = whole(dir.path(), &[0xab; 3_000_000]).await;
    let mut bytes = std::fs::read(&path).unwrap();
    // All of the plugin's pages but their neighbours, links and all.
    let plugin: Vec<usize> =
        (0..bytes.len() / 4_096).filter(|at| bytes[at * 4_096 + 100..(at + 1) * 4_096].iter().all(|b| *b == 0xab)).collect();
    assert!(plugin.len() > 700);
    plugin.iter().for_each(|at| bytes[at * 4_096..(at + 1) * 4_096].fill(0xff));
    std::fs::write(&path, &bytes).unwrap();
    let journal = Journal::open(&path).unwrap();
    assert_eq!((journal.state(), journal.is_sealed(), journal.counts().is_ok()), (Ok(RunState::Applying), Ok(true), true));
    assert!(matches!(journal.component(), Err(Error::Corrupt { .. })));
    assert!(matches!(journal.check(), Err(Error::Corrupt { .. })));
}

#[tokio::test]
async fn keys_elsewhere_that_are_damaged_before_the_seal_do_not_part_items_that_share_one() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::create(dir.path(), &manifest(1), None).unwrap();
    journal.commit_page(page(0, 0, true, vec![(0, 9), (1, 9)])).await.unwrap();
    let path = journal.0.path.clone();
    drop(journal);
    Connection::open(&path).unwrap().execute("UPDATE elsewhere SET hash = 8 WHERE position = 1", []).unwrap();
    let journal = Journal::open(&path).unwrap();
    let Err(Error::Corrupt { problem, .. }) = journal.seal().await else { panic!() };
    assert!(problem.contains("the keys that page 0/0 writes elsewhere"), "{problem}");
    assert_eq!(journal.is_sealed(), Ok(false));
}

#[tokio::test]
async fn a_record_that_is_missing_or_in_anothers_place_is_named() {
    let dir = tempfile::tempdir().unwrap();
    for (damage, named) in [
        ("DELETE FROM page WHERE segment = 1 AND page = 2", "the marks of page 1/2"),
        ("DELETE FROM page WHERE segment = 0 AND page = 0", "the marks of page 0/0"),
        ("DELETE FROM segment WHERE segment = 1", "segments"),
        ("DELETE FROM content WHERE segment = 0 AND page = 1", "the items of page 0/1"),
        ("DELETE FROM attempt", "the attempts of page 0/0"),
        ("DELETE FROM outcome WHERE segment = 1 AND page = 1 AND position = 1", "the outcomes of page 1/1"),
        (
            "UPDATE content SET content = (SELECT content FROM content WHERE segment = 0 AND page = 0) WHERE page = 1 AND segment = 0",
            "the items of page 0/1",
        ),
        ("UPDATE run SET record = x'00'", "the state of the run: it is cut off"),
        ("UPDATE component SET content = substr(content, 2)", "the plugin"),
        ("UPDATE segment SET record = 'text'", "record"),
        ("CREATE TRIGGER t AFTER UPDATE ON page BEGIN DELETE FROM outcome; END", "its tables"),
        ("DROP TABLE elsewhere", "its tables"),
    ] {
        let path = whole(dir.path(), b"wasm").await;
        Connection::open(&path).unwrap().execute(damage, []).unwrap();
        let Err(Error::Corrupt { problem, .. }) = Journal::read(&path).and_then(|journal| journal.check()) else {
            panic!("not found: {damage}");
        };
        assert!(problem.contains(named), "{damage}: {problem}");
    }
}

#[test]
fn what_is_no_journal_or_of_another_format_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.drift");
    let read = || Journal::read(&path).map(drop).unwrap_err();
    std::fs::write(&path, "hello, this is no database, and long enough to be looked at").unwrap();
    assert!(matches!(read(), Error::Foreign { .. }));
    std::fs::write(&path, "").unwrap();
    assert!(matches!(read(), Error::Corrupt { problem, .. } if problem.contains("empty")));
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(matches!(read(), Error::Foreign { .. }));
    std::fs::remove_dir(&path).unwrap();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    assert!(matches!(read(), Error::Foreign { found, .. } if found.contains("another program's")));
    assert!(matches!(find(dir.path(), "nowhere"), Err(Error::NotFound { .. })));

    let path = Journal::create(dir.path(), &manifest(1), None).unwrap().0.path.clone();
    for (format, words) in [(1, "has format 1"), (store::FORMAT + 1, "has format 8")] {
        Connection::open(&path).unwrap().pragma_update(None, "user_version", format).unwrap();
        let error = Journal::read(&path).map(drop).unwrap_err();
        assert!(matches!(error, Error::Older { .. } | Error::Newer { .. }), "{error:?}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn a_page_that_says_it_is_larger_than_it_can_be_takes_no_memory() {
    let which = Which::Content(0, 0);
    let whole = which.open(which.squeeze(&vec![7u8; 100_000]).unwrap()).unwrap();
    assert!(whole.len() < 1_000, "{}", whole.len());
    let read: Vec<u8> = which.expand(which.close(whole.clone())).unwrap();
    assert_eq!(read.len(), 100_000);
    for (size, how) in [(u32::MAX, "larger than it can be"), (99_000, "cannot be decompressed")] {
        let lie = [size.to_le_bytes().as_slice(), &whole[4..]].concat();
        let found = which.expand::<Vec<u8>>(which.close(lie)).map(|read| read.len()).unwrap_err();
        assert!(matches!(&found, Problem::Corrupt(problem) if problem.contains(how)), "{size}: {found:?}");
    }
}
