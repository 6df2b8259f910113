//! Failed items: kept, shown, and taken up again.

use std::sync::Arc;

use drift_host::Native;
use drift_host::model::{Action, Description, Existing, Insert, Item, Patch, Value};
use drift_host::run::{MaxErrors, RunOptions};
use drift_tests::plain::must;
use drift_tests::{World, guest};
use serde_json::{Value as Json, json};

fn parsed(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn id(item: &Item) -> u64 {
    item.get("Id").unwrap().as_n().unwrap().to_string().parse().unwrap()
}

fn touched(items: &[Item]) -> Vec<u64> {
    let mut ids: Vec<u64> = items.iter().filter(|item| item.contains("touched")).map(id).collect();
    ids.sort_unstable();
    ids
}

/// The guest with the flaw, and the one without: the same component but for its mark.
fn flawed_and_fixed(world: &World) -> Option<(String, String)> {
    let echo = guest("echo")?;
    let mut bytes = std::fs::read(&echo).unwrap();
    let at = bytes.windows(6).position(|six| six == b"BROKEN").unwrap();
    bytes[at..at + 6].copy_from_slice(b"MENDED");
    let fixed = world.dir.path().join("fixed.wasm");
    std::fs::write(&fixed, bytes).unwrap();
    Some((echo, fixed.display().to_string()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fixed_plugin_does_what_failed_and_is_recorded_beside_the_first() {
    let world = World::with_rows(300);
    let Some((flawed, fixed)) = flawed_and_fixed(&world) else { return };
    let arguments = ["--table", "Things", "--arg", "mode=flaw", "--arg", "id=42", "--max-errors", "1"];
    let run: Vec<&str> = ["run", &flawed].into_iter().chain(arguments).collect();
    let (code, out, error) = world.drift_host(&run);
    assert_eq!((code, out.contains("--retry-failed")), (1, true), "{out}{error}");
    let run = world.only_run();

    let (code, out, _) = world.drift_host(&["show", &run, "--errors", "--json"]);
    assert_eq!(code, 0);
    let failed = &parsed(&out)["errors"][0];
    assert_eq!((&failed["key"], &failed["phase"], &failed["attempts"]), (&"Id=42".into(), &"scan".into(), &1.into()));
    assert_eq!(
        (&failed["message"], &failed["log"][0]["message"]),
        (&"there is a flaw in this plugin".into(), &"about to meet the flaw".into())
    );
    assert_eq!(failed["image"]["name"]["S"], "name 42", "the item as it was seen");
    let (_, out, _) = world.drift_host(&["show", &run, "--errors"]);
    assert!(out.starts_with("failed    Id=42: there is a flaw") && out.contains("| about to meet the flaw"), "{out}");

    // By the same plugin it fails once more; the other items are not touched again.
    let (code, out, error) = world.drift_host(&["apply", &run, "--retry-failed"]);
    assert_eq!((code, out.starts_with("incomplete")), (1, true), "{out}{error}");
    let (_, out, _) = world.drift_host(&["show", &run, "--item", "Id=42", "--json"]);
    let item = parsed(&out);
    assert_eq!((&item["state"], &item["outcome"]["attempts"], &item["planned"]), (&"failed".into(), &2.into(), &Json::Null));
    assert_eq!(touched(&world.table("Things").await).len(), 299);

    let (code, out, error) = world.drift_host(&["apply", &run, "--retry-failed", "--plugin", &fixed]);
    assert_eq!((code, out.starts_with("applied")), (0, true), "{out}{error}");
    assert_eq!(touched(&world.table("Things").await).len(), 300);
    let (_, out, _) = world.drift_host(&["show", &run, "--check", "--item", "42", "--json"]);
    let item = parsed(&out);
    assert_eq!((&item["state"], &item["outcome"]), (&"done".into(), &Json::Null), "{item}");
    assert_eq!(item["planned"]["actions"][0]["set"]["touched"]["BOOL"], true);

    let (_, out, _) = world.drift_host(&["status", "--audit", "--json"]);
    let status = parsed(&out);
    let row = &status["applied"][0];
    let fixed_digest = row["details"]["fixed_digest"].as_str().unwrap();
    assert_ne!(row["digest"], fixed_digest);
    let audit = status["audit"][0]["what"].as_str().unwrap();
    assert!(audit.contains(fixed_digest) && audit.contains(row["digest"].as_str().unwrap()), "{audit}");
    // Both are this migration now.
    for plugin in [&flawed, &fixed] {
        let (code, out, error) = world.drift_host(&["run", plugin, "--table", "Things"]);
        assert_eq!((code, out.starts_with("already-applied")), (0, true), "{out}{error}");
    }
    // And the way back takes what was done late, too.
    assert_eq!(world.drift_host(&["undo", "--run", &run]).0, 0);
    assert!(touched(&world.table("Things").await).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_failed_item_is_read_afresh_and_those_that_are_gone_are_skipped() {
    let world = World::with_rows(200);
    let migrator = world.migrator().await;
    let picky = || {
        let migrate = |item: Item| match item.get("name").and_then(Value::as_s) {
            Some(name) if name.ends_with('7') => Err("ends with a seven".to_owned()),
            Some("name 12 mended") => Ok(vec![]),
            _ => Ok(vec![Action::Patch(Patch { set: [("touched", true.into())].into_iter().collect(), remove: vec![] })]),
        };
        Arc::new(Native::new(Description::new(8, "picky").repeatable(), "1", migrate))
    };
    let mut options = RunOptions::new("Things");
    options.max_errors = MaxErrors::Percent(50);
    let summary = migrator.run(picky(), &options).await.unwrap();
    assert_eq!((summary.state.as_str(), summary.counts.failed), ("incomplete", 20));
    let run = summary.run().unwrap().to_owned();
    let endpoint = world.running.endpoint_url();
    let put = |id: u64, name: &str| {
        let item = json!({ "Id": { "N": id.to_string() }, "name": { "S": name } });
        must(&endpoint, "PutItem", &json!({ "TableName": "Things", "Item": item }));
    };
    (0..18).for_each(|tens| put(tens * 10 + 7, "name mended"));
    put(187, "name 12 mended");
    must(&endpoint, "DeleteItem", &json!({ "TableName": "Things", "Key": { "Id": { "N": "197" } } }));

    let journal = migrator.open(&run).unwrap();
    let summary = migrator.retry_failed(journal, picky(), &options).await.unwrap();
    assert_eq!((summary.state.as_str(), summary.exit_code()), ("applied", 0), "{:?}", summary.errors);
    assert_eq!((summary.counts.failed, summary.counts.skipped), (0, 1));
    let table = world.table("Things").await;
    let untouched: Vec<u64> = table.iter().filter(|item| !item.contains("touched")).map(id).collect();
    assert_eq!((untouched, table.len()), (vec![187], 199));
    let journal = migrator.open(&run).unwrap();
    assert_eq!(journal.check(), Ok(()));
    assert_eq!(migrator.applied().await.unwrap()[0].run, run);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_while_it_was_applied_is_taken_up_too_and_other_states_are_refused() {
    let world = World::with_rows(50);
    let migrator = world.migrator().await;
    let endpoint = world.running.endpoint_url();
    let there = json!({ "Id": { "N": "1005" }, "is": { "S": "in the way" } });
    must(&endpoint, "PutItem", &json!({ "TableName": "Things", "Item": there }));
    let copies = || {
        let migrate = |item: Item| {
            let copy: Item = [("Id", Value::from(id(&item) + 1_000)), ("copy", true.into())].into_iter().collect();
            let insert = Action::Insert(Insert { table: None, item: copy, existing: Existing::Fail });
            Ok::<_, String>(if item.contains("n") && id(&item) <= 10 { vec![insert] } else { vec![] })
        };
        Arc::new(Native::new(Description::new(8, "copies"), "1", migrate))
    };
    let options = RunOptions::new("Things");
    let planned = migrator.plan(copies(), &options).await.unwrap();
    let run = planned.run().unwrap().to_owned();
    let refused = migrator.retry_failed(migrator.open(&run).unwrap(), copies(), &options).await.unwrap_err();
    assert_eq!((refused.exit_code(), refused.to_string().contains("is planned")), (3, true), "{refused}");
    let summary = migrator.apply(migrator.open(&run).unwrap(), copies(), &options).await.unwrap();
    assert_eq!((summary.state.as_str(), summary.counts.failed), ("incomplete", 1));
    let (_, out, _) = world.drift_host(&["show", &run, "--item", "5", "--json"]);
    let item = parsed(&out);
    assert_eq!((&item["outcome"]["phase"], &item["planned"]["attempt"]), (&"apply".into(), &1.into()), "{item}");

    must(&endpoint, "DeleteItem", &json!({ "TableName": "Things", "Key": { "Id": { "N": "1005" } } }));
    let summary = migrator.retry_failed(migrator.open(&run).unwrap(), copies(), &options).await.unwrap();
    assert_eq!(summary.state, "applied", "{:?}", summary.errors);
    assert_eq!(world.table("Things").await.iter().filter(|item| item.contains("copy")).count(), 10);
    let (_, out, _) = world.drift_host(&["show", &run, "--item", "5", "--json"]);
    let item = parsed(&out);
    assert_eq!((&item["state"], &item["newest"]["attempt"]), (&"done".into(), &2.into()), "{item}");
    let (code, _, error) = world.drift_host(&["show", &run, "--item", "Id=99999"]);
    assert_eq!((code, error.contains("nothing about an item Id=99999")), (2, true), "{error}");
}
