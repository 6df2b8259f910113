//! Plugins through the binary: the whole way of an item, what a guest may not do, and kill -9.

use std::time::Duration;

use drift_host::model::Value;
use drift_tests::{World, guest};

fn touched(items: &[drift_host::model::Item]) -> usize {
    items.iter().filter(|item| item.get("touched") == Some(&Value::Bool(true))).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn run_status_again_and_undo() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(500);
    let before = world.table("Things").await;
    let (code, out, error) = world.drift_host(&["run", &echo, "--table", "Things", "--json"]);
    assert_eq!(code, 0, "{error}");
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&document["v"], &document["state"], &document["items"]["changed"]), (&1.into(), &"applied".into(), &500.into()));
    assert_eq!(touched(&world.table("Things").await), 500);
    assert!(world.drift_host(&["status"]).1.contains("echo"));
    let (code, out, _) = world.drift_host(&["run", &echo, "--table", "Things"]);
    assert_eq!((code, out.starts_with("already-applied")), (0, true));
    let (code, out, _) = world.drift_host(&["undo", &echo, "--table", "Things"]);
    assert_eq!((code, out.starts_with("undone")), (0, true));
    assert_eq!(world.table("Things").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_guest_costs_its_own_item_and_is_named() {
    let Some(echo) = guest("echo") else { return };
    for (mode, words) in
        [("fail", "as asked"), ("trap", "unreachable"), ("spin", "took longer than 5 s"), ("hog", "wanted more than 256 MiB")]
    {
        let world = World::with_rows(60);
        let mode = format!("mode={mode}");
        let arguments = ["run", &echo, "--table", "Things", "--arg", &mode, "--arg", "id=7", "--max-errors", "1"];
        let (code, out, error) = world.drift_host(&arguments);
        assert_eq!(code, 1, "{error}");
        assert!(out.starts_with("incomplete") && out.contains("Id=7: ") && out.contains(words), "{out}");
        assert_eq!(touched(&world.table("Things").await), 59, "the other items are done");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_granted_or_does_not_add_up_is_refused_with_nothing_written() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(3);
    let before = world.table("Things").await;
    for (mode, words) in [
        ("delete", "--grant delete:."),
        ("roundtrip", "--grant insert:."),
        ("too-few", "child counts do not add up"),
        ("too-many", "child counts do not add up"),
        ("bad-number", "not a decimal number"),
    ] {
        let mode = format!("mode={mode}");
        let (code, out, error) = world.drift_host(&["run", &echo, "--table", "Things", "--arg", &mode]);
        assert_eq!(code, 1, "{error}");
        assert!(out.starts_with("refused") && out.contains(words), "{out}");
    }
    assert_eq!(world.table("Things").await, before);
    let (code, _, error) = world.drift_host(&["run", &echo, "--table", "Things", "--arg", "mode=delete", "--grant", "delete:."]);
    assert_eq!((code, world.table("Things").await.len()), (0, 0), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_killed_at_any_instant_goes_on_to_the_end() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(3_000);
    let mut child = world
        .command(&["run", &echo, "--table", "Things"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // Killed as soon as something is written: whatever the speed of the machine, that is half-way.
    while touched(&world.table("Things").await) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let (code, out, error) = world.drift_host(&["apply", &world.only_run()]);
    assert_eq!((code, out.starts_with("applied")), (0, true), "{out}{error}");
    assert_eq!(touched(&world.table("Things").await), 3_000);
}
