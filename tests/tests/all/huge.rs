//! What only a huge table has: ten thousand segments, and items as large as DynamoDB takes them.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use drift_host::journal::Journal;
use drift_host::model::{Item, MAX_ITEM_BYTES, Value, item_bytes};
use drift_tests::{World, binary, guest};
use serde_json::json;

/// The peak of memory, in KiB, of a whole run with so many segments and few open files; the run itself must do all.
fn peak(echo: &str, segments: &str, more: &[&str]) -> u64 {
    let world = World::with_rows(300);
    let mut run = Command::new("sh")
        .args(["-c", "ulimit -n 128 && exec \"$@\"", "sh"])
        .arg(binary())
        .args(["run", echo, "--table", "Things", "--json", "--segments", segments])
        .args(more)
        .args(["--endpoint-url", &world.running.endpoint_url(), "--runs-dir"])
        .arg(world.runs())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut peak = 0;
    let status = loop {
        // Of a process that has ended nothing is left, so the last look before counts.
        let text = std::fs::read_to_string(format!("/proc/{}/status", run.id())).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = line.map_or(peak, |line| line.trim().trim_end_matches(" kB").parse().unwrap());
        if let Some(status) = run.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let document: serde_json::Value = serde_json::from_reader(run.stdout.take().unwrap()).unwrap();
    assert_eq!((status.code(), &document["state"], &document["items"]["done"]), (Some(0), &"applied".into(), &300.into()));
    println!("{segments} segments {more:?}: {peak} KiB at most");
    peak
}

#[cfg(unix)]
#[test]
fn ten_thousand_segments_take_neither_memory_nor_open_files() {
    let Some(echo) = guest("echo") else { return };
    let (few, many) = (peak(&echo, "4000", &[]), peak(&echo, "10000", &[]));
    let windows = peak(&echo, "10000", &["--window", "2500"]);
    if Path::new("/proc/self/status").is_file() {
        assert!(few > 0 && many.max(windows) * 100 <= few * 135, "{few}, {many} and {windows} KiB");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn items_of_almost_400_kilobytes_are_migrated_and_put_back() {
    let Some(echo) = guest("echo") else { return };
    // With what `echo` adds, its name and one byte, each is exactly as large as an item may be.
    let empty: Item = [("Id", Value::from(10)), ("text", "".into())].into_iter().collect();
    let room = MAX_ITEM_BYTES - item_bytes(&empty) - "touched".len() - 1;
    let rows: Vec<String> = (10..40).map(|id| json!({ "Id": id, "text": "x".repeat(room) }).to_string()).collect();
    let world = World::with_items(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    let before = world.table("Things").await;
    let arguments = ["run", &echo, "--table", "Things", "--segments", "3", "--window", "2"];
    let (code, out, error) = world.drift_host(&arguments);
    assert_eq!((code, out.starts_with("applied")), (0, true), "{out}{error}");
    let after = world.table("Things").await;
    assert!(after.len() == 30 && after.iter().all(|item| item_bytes(item) == MAX_ITEM_BYTES && item.contains("touched")));
    let run = world.only_run();
    assert_eq!(Journal::read(&world.runs().join(format!("{run}.drift"))).unwrap().check(), Ok(()));
    let (code, out, error) = world.drift_host(&["undo", "--run", &run]);
    assert_eq!((code, world.table("Things").await == before), (0, true), "{out}{error}");
}
