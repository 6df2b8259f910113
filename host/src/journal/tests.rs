//! The journal's promises, on real files.

mod damage;
mod values;

use super::*;
use crate::migration::{Direction, RunContext};
use crate::model::{Action, Item, Key, KeyAttribute, KeySchema, KeyType, Patch, Value};

pub(crate) fn manifest(segments: u32) -> Manifest {
    let key = KeySchema { partition: KeyAttribute { name: "id".into(), kind: KeyType::N }, sort: None };
    let context = RunContext {
        table: "T".into(),
        key,
        started_at: "2026-11-23T00:00:00Z".into(),
        arguments: vec![],
        secrets: crate::migration::Secrets::default(),
        seed: String::new(),
    };
    Manifest {
        run: new_run_id(),
        host_version: "0".into(),
        created: String::new(),
        direction: Direction::Migrate,
        number: 1.into(),
        name: "n".into(),
        summary: String::new(),
        digest: "d".into(),
        repeatable: false,
        context,
        table_arn: String::new(),
        table_id: String::new(),
        segments,
        consistent: true,
        page_limit: 10,
        filter: None,
        guard: "item".into(),
        max_errors: "0".into(),
        grants: vec![],
        limits: vec![],
        meta_table: "m".into(),
        conflict_retries: 5,
        exactly_once: crate::model::ExactlyOnce::No,
        no_atomic: false,
        check_source: false,
        no_images: false,
        restores: None,
        sweep: false,
        secret_arguments: vec![],
        policy: None,
        max_read_units: None,
        max_write_units: None,
        journal_max: None,
        window: None,
        part: None,
        estimate: None,
        features: None,
        home_region: None,
        backup: false,
        endpoint_url: None,
        region: None,
        profile: None,
    }
}

fn page(segment: u32, page: u32, last: bool, elsewhere: Vec<(u32, u64)>) -> PageRecord {
    let image = |id: u32| [("id", Value::from(id)), ("b", Value::B(vec![0, 255]))].into_iter().collect::<Item>();
    let entries = (0..3).map(|position| Entry {
        position,
        image: image(position),
        actions: vec![Action::Patch(Patch { set: [("x", Value::from(1))].into_iter().collect(), remove: vec![] })],
    });
    let cursor = (!last).then(|| Key::from_attributes([("id", Value::from(page))].into_iter().collect()));
    let logs = Logs::default();
    PageRecord {
        segment,
        page,
        cursor,
        last,
        scanned: 5,
        unchanged: 2,
        entries: entries.collect(),
        failures: vec![],
        elsewhere,
        logs,
    }
}

fn outcome(segment: u32, page: u32, position: u32, kind: OutcomeKind, phase: Phase) -> OutcomeRecord {
    let (key, message) = (format!("id={position}"), "as it were".into());
    let (id, image) = (Some(Key::from_attributes([("id", Value::from(position))].into_iter().collect())), None);
    let rest = (None, None, vec![], None);
    let (present, failure, log, backtrace) = rest;
    OutcomeRecord { segment, page, position, kind, phase, key, id, image, present, failure, message, log, backtrace, attempts: 1 }
}

fn attempt(segment: u32, page: u32, position: u32) -> AttemptRecord {
    let image = [("id", Value::from(position))].into_iter().collect();
    AttemptRecord { segment, page, position, attempt: 2, image, actions: vec![] }
}

fn rule<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::Rule { problem, .. }) => problem,
        other => panic!("not refused by a rule: {other:?}"),
    }
}

#[tokio::test]
async fn a_page_and_its_cursor_are_there_after_reopening_and_a_replayed_page_counts_once() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::create(dir.path(), &manifest(1), Some(b"wasm")).unwrap();
    journal.commit_page(page(0, 0, false, vec![])).await.unwrap();
    journal.commit_page(page(0, 1, false, vec![(0, 7)])).await.unwrap();
    let mut again = page(0, 1, false, vec![(0, 7)]);
    again.failures = vec![outcome(0, 1, 9, OutcomeKind::Failed, Phase::Scan)];
    journal.commit_page(again.clone()).await.unwrap();
    journal.commit_page(again).await.unwrap();
    let path = journal.0.path.clone();
    assert!(matches!(Journal::open(&path), Err(Error::Locked { .. })));
    drop(journal);
    let journal = Journal::open(&path).unwrap();
    let segment = journal.segments().unwrap().remove(0);
    assert_eq!((segment.pages, segment.scanned, segment.done, segment.cursor.is_some()), (2, 10, false, true));
    let counts = journal.counts().unwrap();
    assert_eq!((counts.scanned, counts.changed, counts.unchanged, counts.failed), (10, 6, 4, 1));
    assert_eq!(journal.outcomes(10).unwrap().len(), 1);
    assert_eq!(journal.component().unwrap().as_deref(), Some(b"wasm".as_slice()));
    assert_eq!(journal.check(), Ok(()));
}

/// All of these pages is sent and done.
async fn carry_out(journal: &Journal, pages: &[(u32, u32)]) {
    for &(segment, page) in pages {
        journal.mark_sent(segment, page, vec![0, 1, 2]).await.unwrap();
        journal.mark_done(segment, page, vec![0, 1, 2]).await.unwrap();
    }
}

#[tokio::test]
async fn each_window_has_a_seal_of_its_own_and_is_gone_on_with_where_it_stood() {
    let dir = tempfile::tempdir().unwrap();
    let windows = Manifest { window: Some(2), ..manifest(5) };
    let journal = Journal::create(dir.path(), &windows, None).unwrap();
    for segment in 0..3 {
        journal.commit_page(page(segment, 0, true, vec![(0, 7)])).await.unwrap();
    }
    assert_eq!(journal.next_window(), Ok(0..2));
    journal.seal().await.unwrap();
    assert_eq!((journal.sealed_segments(), journal.is_sealed(), journal.next_window()), (Ok(2), Ok(false), Ok(2..4)));
    assert!(rule(journal.seal().await).contains("segment 3 is not done"), "and it seals nothing by halves");
    assert!(rule(journal.commit_page(page(1, 0, true, vec![])).await).contains("sealed"));
    assert!(rule(journal.mark_sent(2, 0, vec![0]).await).contains("segment 2 is not sealed"));
    assert_eq!(
        journal.unfinished_pages().unwrap(),
        [(0, 0), (1, 0)],
        "of what is planned and not sealed, nothing is carried out"
    );
    assert_eq!((journal.counts().unwrap().scanned, journal.sealed_counts().unwrap().scanned), (15, 10));
    assert_eq!(journal.sealed_counts().unwrap().shared, 2, "of its own window");
    assert_eq!(journal.windows(), Ok(Windows { segments: 2, count: 3, sealed: 1, done: 0 }));
    assert_eq!(journal.is_cleared(), Ok(false));
    journal.clear().await.unwrap();
    assert!(rule(journal.finish_window().await).contains("page 0/0 is not done"));
    carry_out(&journal, &[(0, 0), (1, 0)]).await;
    journal.finish_window().await.unwrap();
    assert_eq!((journal.windows().unwrap().done, journal.page(0, 0).unwrap().entries.len()), (1, 3), "and keeps its items");

    journal.commit_page(page(3, 0, true, vec![(0, 8)])).await.unwrap();
    journal.seal().await.unwrap();
    // What is finished is counted from memory here, and from the file by whoever comes next.
    let path = journal.path().to_owned();
    let (here, unfinished) = (journal.counts().unwrap(), journal.unfinished_pages().unwrap());
    drop(journal);
    let journal = Journal::open(&path).unwrap();
    assert_eq!((journal.counts().unwrap(), journal.unfinished_pages().unwrap()), (here, unfinished));
    assert_eq!(journal.is_cleared(), Ok(false), "of the next window it is looked at anew");
    assert_eq!((here.scanned, here.changed, here.done, here.shared), (20, 12, 6, 2), "a key of two windows is shared by none");
    carry_out(&journal, &[(2, 0), (3, 0)]).await;
    journal.commit_page(page(4, 0, true, vec![])).await.unwrap();
    journal.seal().await.unwrap();
    assert_eq!((journal.is_sealed(), journal.next_window().unwrap().is_empty()), (Ok(true), true));
    assert_eq!(journal.windows(), Ok(Windows { segments: 2, count: 3, sealed: 3, done: 2 }));
    carry_out(&journal, &[(4, 0)]).await;
    assert_eq!((journal.windows().unwrap().done, journal.check()), (3, Ok(())));
}

#[tokio::test]
async fn without_images_the_items_of_a_window_that_is_done_are_dropped_but_where_one_failed() {
    let dir = tempfile::tempdir().unwrap();
    let windows = Manifest { window: Some(3), no_images: true, ..manifest(6) };
    let journal = Journal::create(dir.path(), &windows, None).unwrap();
    for segment in 0..3 {
        journal.commit_page(page(segment, 0, true, vec![(0, 7)])).await.unwrap();
    }
    journal.seal().await.unwrap();
    journal.new_attempt(attempt(0, 0, 1)).await.unwrap();
    carry_out(&journal, &[(0, 0)]).await;
    for (segment, kind) in [(1, OutcomeKind::Failed), (2, OutcomeKind::Skipped)] {
        journal.mark_sent(segment, 0, vec![0, 2]).await.unwrap();
        journal.mark_done(segment, 0, vec![0, 2]).await.unwrap();
        journal.settle(outcome(segment, 0, 1, kind, Phase::Apply)).await.unwrap();
    }
    let before = journal.counts().unwrap();
    journal.finish_window().await.unwrap();
    let entries = [0, 1, 2].map(|segment| journal.page(segment, 0).unwrap().entries.len());
    assert_eq!(entries, [0, 3, 0]);
    assert_eq!((journal.counts(), journal.attempts(0, 0).unwrap().len()), (Ok(before), 0));
    assert_eq!((before.done, before.failed, before.conflicts, before.skipped), (9, 1, 1, 1));
    let path = journal.path().to_owned();
    drop(journal);
    let journal = Journal::open(&path).unwrap();
    assert_eq!((journal.counts(), journal.check(), journal.page(2, 0).unwrap().entries.len()), (Ok(before), Ok(()), 0));
    journal.finish_window().await.unwrap();
    assert_eq!(journal.counts(), Ok(before), "once more, it is the same");
    // What failed is taken up where its window is done, too.
    let again = TakenUp::Attempt { record: attempt(1, 0, 1), shared: false };
    journal.take_up(1, 0, vec![again]).await.unwrap();
    assert_eq!(journal.unfinished_pages().unwrap(), [(1, 0)]);
}

#[tokio::test]
async fn a_page_that_would_make_the_file_larger_than_it_may_be_is_refused_alone() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::create(dir.path(), &manifest(1), None).unwrap();
    journal.keep_below(400_000);
    let mut committed = 0;
    let full = loop {
        let mut large = page(0, committed, false, vec![]);
        large.entries[0].image.insert("much", Value::B(vec![7; 50_000]));
        match journal.commit_page(large).await {
            Ok(()) => committed += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(&full, Error::Full { most, .. } if most.0 == 400_000) && committed > 3, "{full} after {committed}");
    assert_eq!((journal.segments().unwrap()[0].pages, journal.check()), (committed, Ok(())));
    journal.set_state(RunState::Interrupted).await.unwrap();
    journal.keep_below(u64::MAX);
    journal.commit_page(page(0, committed, true, vec![])).await.unwrap();
    let path = journal.path().to_owned();
    drop(journal);
    assert!(std::fs::metadata(path).unwrap().len() <= 400_000);
}

#[tokio::test]
async fn done_and_shared_are_kept_and_shared_pages_come_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::create(dir.path(), &manifest(3), None).unwrap();
    journal.commit_page(page(0, 0, false, vec![(0, 9), (0, 9), (1, 8)])).await.unwrap();
    journal.commit_page(page(0, 1, true, vec![(1, 7), (1, 7)])).await.unwrap();
    journal.commit_page(page(1, 0, true, vec![(2, 9)])).await.unwrap();
    journal.commit_page(page(2, 0, false, vec![])).await.unwrap();
    journal.commit_page(page(2, 1, true, vec![(0, 8), (1, u64::MAX)])).await.unwrap();
    journal.seal().await.unwrap();
    journal.seal().await.unwrap();
    let shared = |segment, page| journal.page(segment, page).unwrap().shared;
    assert_eq!(shared(0, 0), [true, true, false]);
    assert_eq!(shared(0, 1), [false; 3], "one item writing one key twice shares it with nobody");
    assert_eq!((shared(1, 0), shared(2, 0), shared(2, 1)), (vec![false, false, true], vec![false; 3], vec![true, false, false]));
    assert_eq!(journal.counts().unwrap().shared, 4);
    let order = || {
        let mut pages = vec![];
        while let Some(page) = journal.next_shared_page(pages.last().copied()).unwrap() {
            pages.push(page);
        }
        pages
    };
    assert_eq!(order(), [(0, 0), (1, 0), (2, 1)]);
    assert_eq!(journal.unfinished_pages().unwrap(), [(0, 0), (1, 0), (2, 0), (0, 1), (2, 1)]);
    journal.mark_sent(1, 0, vec![0, 2]).await.unwrap();
    journal.mark_done(1, 0, vec![2]).await.unwrap();
    assert_eq!(order(), [(0, 0), (2, 1)], "a page whose shared items are done is passed over, whatever else it has");
    let read = journal.page(1, 0).unwrap();
    assert_eq!((read.sent, read.done), (vec![true, false, true], vec![false, false, true]));
    assert_eq!(read.entries, page(1, 0, true, vec![]).entries);
    journal.mark_sent(1, 0, vec![1]).await.unwrap();
    journal.mark_done(1, 0, vec![0, 1, 2]).await.unwrap();
    assert_eq!(journal.unfinished_pages().unwrap(), [(0, 0), (2, 0), (0, 1), (2, 1)]);
    assert_eq!(journal.counts().unwrap().changed, 15);
}

#[tokio::test]
async fn in_doubt_is_what_was_sent_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::create(dir.path(), &manifest(1), None).unwrap();
    journal.commit_page(page(0, 0, true, vec![(0, 9), (1, 9)])).await.unwrap();
    journal.seal().await.unwrap();
    let sent = || journal.page(0, 0).unwrap().sent;
    journal.mark_sent(0, 0, vec![2]).await.unwrap();
    assert_eq!(sent(), [false, false, true], "those before it that share a key were never sent");
    journal.mark_sent(0, 0, vec![0]).await.unwrap();
    assert_eq!(sent(), [true, false, true]);
    journal.new_attempt(attempt(0, 0, 2)).await.unwrap();
    assert_eq!(sent(), [true, false, false], "the attempt before is answered, and the new one has not left");
    assert_eq!(journal.attempts(0, 0).unwrap(), [attempt(0, 0, 2)]);
    assert!(rule(journal.mark_done(0, 0, vec![2]).await).contains("never marked as sent"));
    journal.mark_sent(0, 0, vec![2]).await.unwrap();
    journal.mark_done(0, 0, vec![2]).await.unwrap();
    assert_eq!(journal.counts().unwrap().conflicts, 1);
}

#[tokio::test]
async fn nothing_of_the_first_half_comes_after_the_seal_or_out_of_turn() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::create(dir.path(), &manifest(2), None).unwrap();
    assert!(rule(journal.commit_page(page(0, 1, false, vec![])).await).contains("the next is 0/0"));
    assert!(rule(journal.commit_page(page(2, 0, false, vec![])).await).contains("no segment 2"));
    for number in 0..3 {
        journal.commit_page(page(0, number, false, vec![])).await.unwrap();
    }
    assert!(rule(journal.commit_page(page(0, 0, false, vec![])).await).contains("the next is 0/3"), "an older page");
    assert!(rule(journal.commit_page(page(0, 4, false, vec![])).await).contains("the next is 0/3"), "a page was left out");
    journal.commit_page(page(0, 3, true, vec![])).await.unwrap();
    assert!(rule(journal.commit_page(page(0, 4, true, vec![])).await).contains("segment 0 is done"));
    assert!(rule(journal.seal().await).contains("segment 1 is not done"));
    journal.commit_page(page(1, 0, true, vec![])).await.unwrap();
    journal.seal().await.unwrap();
    assert!(rule(journal.commit_page(page(1, 0, true, vec![])).await).contains("sealed"));
    assert_eq!(journal.counts().unwrap().scanned, 25);
}

#[tokio::test]
async fn nothing_of_the_second_half_comes_before_the_seal_or_to_an_item_that_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::create(dir.path(), &manifest(1), None).unwrap();
    journal.commit_page(page(0, 0, true, vec![])).await.unwrap();
    let skipped = || outcome(0, 0, 1, OutcomeKind::Skipped, Phase::Apply);
    for early in [
        journal.mark_sent(0, 0, vec![0]).await,
        journal.mark_done(0, 0, vec![0]).await,
        journal.new_attempt(attempt(0, 0, 0)).await,
        journal.settle(skipped()).await,
    ] {
        assert!(rule(early).contains("not sealed"));
    }
    assert!(rule(journal.unfinished_pages()).contains("not sealed"));
    assert!(rule(journal.next_shared_page(None)).contains("not sealed"));
    journal.seal().await.unwrap();
    assert!(rule(journal.mark_sent(0, 1, vec![0]).await).contains("no page 0/1"));
    assert!(rule(journal.mark_sent(0, 0, vec![3]).await).contains("no actions"));
    journal.mark_sent(0, 0, vec![0, 1]).await.unwrap();
    journal.mark_done(0, 0, vec![0]).await.unwrap();
    journal.settle(skipped()).await.unwrap();
    assert!(rule(journal.settle(skipped()).await).contains("is done"));
    assert!(rule(journal.mark_sent(0, 0, vec![0]).await).contains("is done"));
    assert!(rule(journal.new_attempt(attempt(0, 0, 1)).await).contains("is done"));
    let counts = journal.counts().unwrap();
    assert_eq!((counts.skipped, counts.conflicts), (1, 0), "what was refused left nothing behind");
}

#[tokio::test]
async fn a_write_that_a_rule_refuses_does_not_take_those_beside_it_along() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::create(dir.path(), &manifest(1), None).unwrap();
    journal.commit_page(page(0, 0, true, vec![])).await.unwrap();
    journal.seal().await.unwrap();
    journal.mark_sent(0, 0, vec![0, 1, 2]).await.unwrap();
    let writes = (0..200).map(|n| {
        let journal = journal.clone();
        tokio::spawn(async move { journal.mark_done(0, 0, vec![if n % 2 == 0 { n % 3 } else { 77 }]).await })
    });
    for (at, write) in writes.collect::<Vec<_>>().into_iter().enumerate() {
        assert_eq!(write.await.unwrap().is_ok(), at % 2 == 0);
    }
    assert_eq!(journal.page(0, 0).unwrap().done, [true; 3]);
}

#[tokio::test]
async fn the_lock_is_given_up_when_all_is_written_and_the_file_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::create(dir.path(), &manifest(1), None).unwrap();
    let path = journal.0.path.clone();
    for number in 0..200 {
        // Handed in, and not waited for.
        let mut commit = Box::pin(journal.commit_page(page(0, number, false, vec![])));
        let _pending = std::future::poll_fn(|context| std::task::Poll::Ready(commit.as_mut().poll(context))).await;
    }
    drop(journal);
    assert!(!path.with_extension("drift-wal").exists(), "whoever closes the file last leaves no log beside it");
    assert_eq!(Journal::open(&path).unwrap().segments().unwrap()[0].pages, 200);
}

#[cfg(unix)]
#[tokio::test]
async fn all_that_is_made_is_the_users_alone_also_in_a_folder_that_others_may_read() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let dir = tempfile::tempdir().unwrap();
    let (new, old) = (dir.path().join("a/new"), dir.path().join("old"));
    std::fs::create_dir(&old).unwrap();
    std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o755)).unwrap();
    for runs in [&new, &old] {
        let journal = Journal::create(runs, &manifest(1), None).unwrap();
        journal.commit_page(page(0, 0, false, vec![])).await.unwrap();
        let files: Vec<PathBuf> = std::fs::read_dir(runs).unwrap().map(|file| file.unwrap().path()).collect();
        let mut ends: Vec<_> = files.iter().map(|path| path.extension().unwrap().to_str().unwrap()).collect();
        ends.sort_unstable();
        assert_eq!(ends, ["drift", "drift-shm", "drift-wal", "lock"]);
        files.iter().for_each(|path| assert_eq!(mode(path), 0o600, "{}", path.display()));
    }
    assert_eq!((mode(&new), mode(&old)), (0o700, 0o755));
}

#[cfg(unix)]
#[test]
fn a_folder_in_which_others_may_write_is_refused_for_work_and_may_be_looked_at() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = Journal::create(dir.path(), &manifest(1), None).unwrap().0.path.clone();
    for open in [0o770, 0o707, 0o1777] {
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(open)).unwrap();
        let made = Journal::create(dir.path(), &manifest(1), None).map(drop);
        let opened = Journal::open(&path).map(drop);
        for refused in [made, opened] {
            let Err(refused @ Error::OpenToOthers { .. }) = refused else { panic!("{open:o}: {refused:?}") };
            assert!(refused.to_string().contains("chmod go-w"), "{refused}");
        }
        assert!(Journal::read(&path).is_ok());
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "nothing was made");
}

#[test]
fn a_journal_is_there_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let run = manifest(1);
    let path = dir.path().join(format!("{}.drift", run.run));
    // What a process that was killed leaves, and what stops another from making it.
    std::fs::write(path.with_extension("drift-new"), "").unwrap();
    let Err(refused @ Error::NotBegun { .. }) = Journal::create(dir.path(), &run, None).map(drop) else { panic!() };
    assert!(refused.to_string().contains("the run has not begun"), "{refused}");
    assert!(!path.exists() && !path.with_extension("lock").exists());
    assert!(list(dir.path()).unwrap().is_empty(), "half a journal is no run");
    std::fs::remove_file(path.with_extension("drift-new")).unwrap();
    drop(Journal::create(dir.path(), &run, None).unwrap());
    assert!(rule(Journal::create(dir.path(), &run, None).map(drop)).contains("already"));
}

#[tokio::test]
async fn runs_are_listed_with_what_they_are_and_damaged_ones_with_their_error() {
    let dir = tempfile::tempdir().unwrap();
    assert!(list(&dir.path().join("nowhere")).unwrap().is_empty());
    let mut one = manifest(1);
    one.run = "20261123-000000-aaaa".into();
    let journal = Journal::create(dir.path(), &one, Some(&[7; 100_000])).unwrap();
    journal.set_state(RunState::Interrupted).await.unwrap();
    std::fs::write(dir.path().join("20261124-000000-bbbb.drift"), "hello").unwrap();
    std::fs::write(dir.path().join("notes.txt"), "hello").unwrap();
    let runs = list(dir.path()).unwrap();
    assert_eq!(runs.iter().map(|run| run.run.as_str()).collect::<Vec<_>>(), [one.run.as_str(), "20261124-000000-bbbb"]);
    let about = runs[0].about.as_ref().unwrap();
    assert_eq!(
        (about.state, about.name.as_str(), about.table.as_str()),
        (RunState::Interrupted, "n", "T"),
        "also while it is at work"
    );
    assert!(runs[0].bytes > 100_000);
    assert!(matches!(runs[1].about, Err(Error::Foreign { .. })));
}
