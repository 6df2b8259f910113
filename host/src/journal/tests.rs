//! The journal's promises, on real files.

use super::*;
use crate::migration::{Direction, RunContext};
use crate::model::{Key, KeyAttribute, KeySchema, KeyType, Patch, Value};

fn manifest(segments: u32) -> Manifest {
    let key = KeySchema { partition: KeyAttribute { name: "id".into(), kind: KeyType::N }, sort: None };
    let context = RunContext { table: "T".into(), key, started_at: "2026-11-23T00:00:00Z".into(), arguments: vec![] };
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
        meta_table: "m".into(),
        conflict_retries: 5,
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
    PageRecord { segment, page, cursor, last, scanned: 5, unchanged: 2, entries: entries.collect(), failures: vec![], elsewhere }
}

#[tokio::test]
async fn a_page_and_its_cursor_are_there_after_reopening_and_a_replayed_page_counts_once() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::create(dir.path(), &manifest(1), Some(b"wasm")).unwrap();
    journal.commit_page(page(0, 0, false, vec![])).await.unwrap();
    journal.commit_page(page(0, 0, false, vec![])).await.unwrap();
    let path = journal.0.path.clone();
    assert!(matches!(Journal::open(&path), Err(Error::Locked { .. })));
    drop(journal);
    let journal = Journal::open(&path).unwrap();
    let segment = journal.segments().unwrap().remove(0);
    assert_eq!((segment.pages, segment.scanned, segment.done, segment.cursor.is_some()), (1, 5, false, true));
    assert_eq!(journal.component().unwrap().as_deref(), Some(b"wasm".as_slice()));
    assert!(matches!(journal.seal().await, Err(Error::Rule { .. })), "a segment is open");
    assert!(matches!(journal.mark_sent(0, 0, 1).await, Err(Error::Rule { .. })), "not sealed");
}

#[tokio::test]
async fn sent_done_and_shared_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::create(dir.path(), &manifest(2), None).unwrap();
    journal.commit_page(page(0, 0, true, vec![(0, 9), (1, 8)])).await.unwrap();
    journal.commit_page(page(1, 0, true, vec![(2, 9)])).await.unwrap();
    journal.seal().await.unwrap();
    assert_eq!(journal.shared_entries().unwrap(), [(0, 0, 0), (1, 0, 2)]);
    journal.mark_sent(0, 0, 2).await.unwrap();
    journal.mark_done(0, 0, vec![1]).await.unwrap();
    let read = journal.page(0, 0).unwrap();
    assert_eq!((read.sent_upto, read.done, read.shared), (2, vec![false, true, false], vec![true, false, false]));
    assert_eq!(read.entries, page(0, 0, true, vec![]).entries);
    journal.mark_done(0, 0, vec![0, 2]).await.unwrap();
    assert_eq!(journal.unfinished_pages().unwrap(), [(1, 0)]);
    assert_eq!(journal.counts().unwrap().changed, 6);
}

#[test]
fn what_is_no_journal_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.drift");
    std::fs::write(&path, "hello, this is no database, and long enough to be looked at").unwrap();
    assert!(matches!(Journal::read(&path), Err(Error::Foreign { .. })));
    assert!(matches!(find(dir.path(), "nowhere"), Err(Error::NotFound { .. })));
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
    let journals =
        std::fs::read_dir(dir.path()).unwrap().filter(|file| file.as_ref().unwrap().path().extension() == path.extension());
    assert_eq!(journals.count(), 1, "nothing was made");
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
