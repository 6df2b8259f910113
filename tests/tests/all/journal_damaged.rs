//! Journals that are not what was written, through the binary: exit 65 and a word about it, or the right end.

use std::path::{Path, PathBuf};

use drift_host::journal;
use drift_host::model::{Item, Key, Value};
use drift_tests::World;

const ROWS: usize = 40;

/// Puts a file in the journal's place, with nothing beside it.
fn put(path: &Path, bytes: &[u8]) {
    for beside in ["drift-wal", "drift-shm"] {
        let _not_there = std::fs::remove_file(path.with_extension(beside));
    }
    std::fs::write(path, bytes).unwrap();
}

/// A planned run: its id, its file and the file's bytes.
fn planned(world: &World) -> Option<(String, PathBuf, Vec<u8>)> {
    let Some(dir) = std::env::var_os("DRIFT_GUESTS_DIR") else {
        println!("skipped: no guests were built (run `cargo xtask test`, which says what is missing)");
        return None;
    };
    let echo = PathBuf::from(dir).join("echo.wasm").display().to_string();
    let (code, _, error) = world.drift_host(&["plan", &echo, "--table", "Things", "--segments", "2"]);
    assert_eq!(code, 0, "{error}");
    let run = journal::list(&world.runs()).unwrap().remove(0);
    let bytes = std::fs::read(&run.path).unwrap();
    Some((run.run, run.path, bytes))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_is_none_is_said_with_65() {
    let world = World::with_rows(ROWS);
    let before = world.table("Things").await;
    let Some((run, path, bytes)) = planned(&world) else { return };
    let changed = |at: usize, value: &[u8]| {
        let mut changed = bytes.clone();
        changed[at..at + value.len()].copy_from_slice(value);
        changed
    };
    // Where SQLite's header has the user version (our format) and the application id.
    let (format, application) = (60, 68);
    for (what, bytes, words) in [
        ("empty", vec![], "damaged: it is empty"),
        ("a text", b"this is a text, and no journal of anything at all".repeat(100), "is not a journal"),
        ("zeroes", vec![0; 100_000], "is not a journal"),
        ("another program's", changed(application, &[0; 4]), "another program's database"),
        ("a newer format", changed(format, &8u32.to_be_bytes()), "has format 8"),
        ("an older format", changed(format, &1u32.to_be_bytes()), "has format 1"),
        ("cut within the header", bytes[..60].to_vec(), "is not a journal"),
        ("cut after a page", bytes[..4_096].to_vec(), "damaged"),
        ("cut in the middle", bytes[..bytes.len() / 2].to_vec(), "damaged"),
        ("cut by a byte", bytes[..bytes.len() - 1].to_vec(), "damaged"),
    ] {
        put(&path, &bytes);
        for verb in [&["show", &run, "--check"][..], &["show", &run], &["apply", &run]] {
            let (code, out, error) = world.drift_host(verb);
            assert_eq!((code, out.as_str()), (65, ""), "{what}, {verb:?}: {error}");
            assert!(error.contains(words) && error.contains(&run), "{what}, {verb:?}: {error}");
        }
    }
    assert_eq!(world.table("Things").await, before);
    put(&path, &bytes);
    assert_eq!(world.drift_host(&["show", &run, "--check"]).0, 0, "the right bytes are whole");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_gives_65_or_the_right_end() {
    let world = World::with_rows(ROWS);
    let before = world.table("Things").await;
    let Some((run, path, bytes)) = planned(&world) else { return };
    let shown = world.drift_host(&["show", &run]);
    assert_eq!(shown.0, 0, "{}", shown.2);
    let touched = |items: &[Item]| items.iter().filter(|item| item.get("touched") == Some(&Value::Bool(true))).count();
    let migrator = world.migrator().await;
    migrator.init(&drift_host::dynamo::Billing::OnDemand).await.unwrap();
    let client = migrator.database().client();
    let (mut refused, mut applied) = (0, 0);
    let step = bytes.len() / 48 + 1;
    for at in [17, 18, 21, 28, 62, 100, 105].into_iter().chain((0..48).map(|part| part * step + part * 7 % step)) {
        let mut flipped = bytes.clone();
        let Some(byte) = flipped.get_mut(at) else { continue };
        *byte ^= 1 << (at % 8);
        put(&path, &flipped);
        let (code, out, error) = world.drift_host(&["show", &run]);
        assert!(code == 65 && error.contains(&run) || (code, &out) == (0, &shown.1), "byte {at}: {code} {out}{error}");
        put(&path, &flipped);
        let (code, out, error) = world.drift_host(&["apply", &run]);
        let after = touched(&world.table("Things").await);
        match code {
            65 => {
                assert!(error.contains(&run), "byte {at}: {error}");
                refused += 1;
            }
            0 => {
                assert!(out.starts_with("applied") && after == ROWS, "byte {at}: {after} are touched: {out}{error}");
                applied += 1;
            }
            other => panic!("byte {at}: exit {other}: {out}{error}"),
        }
        // As it was: the items, and no row in the history.
        for item in before.iter().filter(|_| after > 0) {
            client.put_item("Things", item, None).await.unwrap();
        }
        let number = Key::from_attributes([("Number", Value::from(100))].into_iter().collect());
        client.delete_item("drift_migrations", &number, None).await.unwrap();
    }
    println!("{refused} refused, {applied} applied in full");
    assert!(refused > 10 && applied > 0);
}
