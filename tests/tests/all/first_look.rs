//! `try`, `plan` and `show`: looking before writing.

use std::io::Write as _;
use std::process::Stdio;

use drift_tests::{World, guest};
use serde_json::{Value as Json, json};

fn document(out: &str) -> Json {
    serde_json::from_str(out).unwrap_or_else(|error| panic!("{error}: {out}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn try_shows_a_sample_one_key_or_what_a_filter_leaves_and_writes_nothing() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(300);
    let before = world.table("Things").await;
    let (code, out, error) = world.drift_host(&["try", &echo, "--table", "Things"]);
    assert_eq!((code, out.matches("+ touched").count()), (0, 20), "{out}{error}");

    let (_, out, _) = world.drift_host(&["try", &echo, "--table", "Things", "--key", "Id=7", "--json"]);
    let items = &document(&out)["items"];
    assert_eq!((items.as_array().unwrap().len(), &items[0]["key"]), (1, &json!("Id=7")));
    assert_eq!(items[0]["actions"], json!([{ "kind": "patch", "set": { "touched": { "BOOL": true } }, "remove": [] }]));
    assert_eq!(items[0]["after"]["touched"], json!({ "BOOL": true }));

    let (_, out, _) = world.drift_host(&["try", &echo, "--table", "Things", "--filter", "Id > 298", "--json"]);
    assert_eq!(document(&out)["items"].as_array().unwrap().len(), 2);

    let (code, out, _) = world.drift_host(&["try", &echo, "--table", "Things", "--key", "7", "--arg", "mode=fail"]);
    assert_eq!((code, out.contains("| about to fail"), out.contains("failed: as asked")), (1, true, true), "{out}");
    for (key, word) in [("seven", "not a decimal number"), ("Id=9999", "there is no item Id=9999")] {
        let (code, _, error) = world.drift_host(&["try", &echo, "--table", "Things", "--key", key]);
        assert_eq!((code, error.contains(word)), (2, true), "{error}");
    }
    assert_eq!(world.table("Things").await, before);
    assert!(!world.runs().exists(), "no journal either");
}

#[test]
fn try_takes_an_item_from_standard_input_without_any_table() {
    let Some(echo) = guest("echo") else { return };
    let mut command = std::process::Command::new(drift_tests::binary());
    command.args(["try", &echo, "--item", "-", "--key-attributes", "Id", "--json"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(br#"{"Id":{"N":"1"},"name":{"S":"x"}}"#).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(document(&String::from_utf8(output.stdout).unwrap())["items"][0]["after"]["touched"], json!({ "BOOL": true }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_can_be_read_checked_shown_and_applied_without_repeating_where() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(50);
    let before = world.table("Things").await;
    let (code, out, error) = world.drift_host(&["plan", &echo, "--table", "Things", "--arg", "mode=touch", "--check"]);
    assert_eq!(code, 1, "{error}");
    assert!(out.starts_with("planned") && out.contains("50 changed") && out.contains("+ touched"), "{out}");
    assert_eq!(world.table("Things").await, before);
    assert!(world.drift_host(&["status"]).1.starts_with("no migration is applied"), "a plan writes no history");

    let run = world.only_run();
    let (code, out, _) = world.drift_host(&["show", &run]);
    assert!(code == 0 && out.contains("mode=touch") && out.contains("4 of 4 segments"), "{out}");
    let (_, out, _) = world.drift_host(&["show", &run, "--json"]);
    assert_eq!((&document(&out)["state"], &document(&out)["manifest"]["segments"]), (&json!("planned"), &json!(4)));

    // The run knows its endpoint.
    let apply =
        std::process::Command::new(drift_tests::binary()).args(["apply", &run, "--runs-dir"]).arg(world.runs()).output().unwrap();
    assert!(apply.status.success(), "{}", String::from_utf8_lossy(&apply.stderr));
    let (code, out, _) = world.drift_host(&["plan", &echo, "--table", "Things", "--check"]);
    assert_eq!((code, out.contains("none would change")), (0, true), "{out}");
}
