//! `repair`: what people decide, each asked for and each in the audit.

use std::sync::Arc;

use drift_host::Native;
use drift_host::dynamo::Billing;
use drift_host::history::Lease;
use drift_host::model::{Action, Address, Description, Item, Key, Patch, Target, Update, Value};
use drift_host::run::RunOptions;
use drift_tests::plain::must;
use drift_tests::proxy::{Fault, Moment, Proxy, Rule};
use drift_tests::{World, guest};
use serde_json::{Value as Json, json};

fn audit(world: &World) -> Vec<String> {
    let (_, out, _) = world.drift_host(&["status", "--audit", "--json"]);
    let status: Json = serde_json::from_str(&out).unwrap();
    status["audit"].as_array().unwrap().iter().map(|line| line["what"].as_str().unwrap().to_owned()).collect()
}

fn touch(repeatable: bool) -> Arc<Native> {
    let describe = Description::new(7, "touch");
    let describe = if repeatable { describe.repeatable() } else { describe };
    let set = |_: Item| {
        let set = [("touched", Value::from(true))].into_iter().collect();
        Ok::<_, String>(vec![Action::Patch(Patch { set, remove: vec![] })])
    };
    Arc::new(Native::new(describe, "1", set))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_lease_is_dropped_only_on_a_yes() {
    let world = World::with_rows(1);
    let migrator = world.migrator().await;
    migrator.init(&Billing::OnDemand).await.unwrap();
    drop(Lease::acquire(migrator.history(), "Things", "run-1", "ann@desk").await.unwrap());
    let (code, _, error) = world.drift_host(&["repair", "--table", "Things", "--drop-lease"]);
    assert_eq!((code, error.contains("--yes")), (3, true), "{error}");
    assert!(audit(&world).is_empty());
    let (code, out, error) = world.drift_host(&["repair", "--table", "Things", "--drop-lease", "--yes"]);
    assert_eq!((code, out.contains("ann@desk")), (0, true), "{out}{error}");
    assert_eq!(audit(&world), [out.trim()]);
    let began = std::time::Instant::now();
    let summary = migrator.run(touch(true), &RunOptions::new("Things")).await.unwrap();
    assert_eq!(summary.state, "applied");
    assert!(began.elapsed() < std::time::Duration::from_secs(25), "nobody is waited for");
    assert_eq!(world.drift_host(&["repair", "--table", "Things", "--drop-lease", "--yes"]).0, 2, "there is none any more");
}

/// A run that is stopped while it applies, and whose journal is lost.
async fn lost(world: &World, repeatable: bool) -> String {
    let stop = tokio_util::sync::CancellationToken::new();
    let stopping = stop.clone();
    let migrator = world.migrator().await.stop_by(stop).observe(move |event| {
        if matches!(event, drift_host::Event::Applied(_)) {
            stopping.cancel();
        }
    });
    let summary = migrator.run(touch(repeatable), &RunOptions::new("Things")).await.unwrap();
    assert_eq!(summary.state, "interrupted");
    summary.run().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_journal_is_lost_is_given_up_only_if_it_can_be_planned_anew() {
    let world = World::with_rows(3_000);
    let run = lost(&world, true).await;
    let abandon = |world: &World, run: &str| world.drift_host(&["repair", run, "--abandon", "--yes"]);
    let (code, _, error) = abandon(&world, &run);
    assert_eq!((code, error.contains("is here")), (3, true), "{error}");
    std::fs::remove_dir_all(world.runs()).unwrap();
    let refused = world.migrator().await.run(touch(true), &RunOptions::new("Things")).await.unwrap_err().to_string();
    assert!(refused.contains(&format!("drift-host repair {run} --abandon")), "{refused}");
    let (code, out, error) = abandon(&world, &run);
    assert_eq!(code, 0, "{out}{error}");
    assert_eq!(audit(&world), [out.trim()]);
    let summary = world.migrator().await.run(touch(true), &RunOptions::new("Things")).await.unwrap();
    assert_eq!(summary.state, "applied");
    assert!(world.table("Things").await.iter().all(|item| item.contains("touched")));

    let world = World::with_rows(3_000);
    let run = lost(&world, false).await;
    std::fs::remove_dir_all(world.runs()).unwrap();
    let (code, _, error) = abandon(&world, &run);
    assert_eq!((code, error.contains("not repeatable") && error.contains("It takes")), (3, true), "{error}");
    assert!(audit(&world).is_empty());
}

/// Item 1 counts up elsewhere, and the acknowledgement of that is lost: whether it happened is not known.
async fn in_doubt(moment: Moment) -> (World, String) {
    let world = World::with_rows(3);
    let counter = json!({ "Id": { "N": "100" }, "count": { "N": "0" } });
    must(&world.running.endpoint_url(), "PutItem", &json!({ "TableName": "Things", "Item": counter }));
    let proxy = Proxy::start(&world.running.endpoint_url());
    proxy.add(Rule::on(&["UpdateItem"], Fault::Reset(moment)).table("Things").first(1));
    let settings = drift_host::dynamo::ConnectionSettings {
        endpoint_url: Some(proxy.endpoint_url()),
        ..drift_host::dynamo::ConnectionSettings::default()
    };
    let migrator = drift_host::Migrator::connect(settings).await.unwrap().runs_dir(world.runs());
    let summary = migrator.run(count(), &RunOptions::new("Things")).await.unwrap();
    assert_eq!((summary.state.as_str(), summary.counts.doubtful), ("incomplete", 1), "{:?}", summary.errors);
    let run = summary.run().unwrap().to_owned();
    (world, run)
}

fn count() -> Arc<Native> {
    let add = |item: Item| {
        let one = item.get("Id") == Some(&Value::from(1));
        let update = Action::Update(Update {
            target: Target::Other(Address {
                table: None,
                key: Key::from_attributes([("Id", Value::from(100))].into_iter().collect()),
            }),
            expression: "ADD #c :one".into(),
            condition: None,
            names: vec![("#c".into(), "count".into())],
            values: [(":one", 1.into())].into_iter().collect(),
        });
        Ok::<_, String>(if one { vec![update] } else { vec![] })
    };
    Arc::new(Native::new(Description::new(8, "count"), "1", add))
}

async fn counted(world: &World) -> String {
    let request = json!({ "TableName": "Things", "Key": { "Id": { "N": "100" } }, "ConsistentRead": true });
    must(&world.running.endpoint_url(), "GetItem", &request)["Item"]["count"]["N"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_in_doubt_is_settled_as_a_person_says_and_the_run_is_recorded() {
    for (moment, said, before) in [(Moment::After, "--done", "1"), (Moment::Before, "--again", "0")] {
        let (world, run) = in_doubt(moment).await;
        assert_eq!(counted(&world).await, before);
        let (code, _, error) = world.drift_host(&["repair", &run, "--item", "Id=1", said]);
        assert_eq!((code, error.contains("--yes")), (3, true), "{error}");
        let (code, _, error) = world.drift_host(&["repair", &run, "--item", "2", said, "--yes"]);
        assert_eq!((code, error.contains("nothing about an item Id=2")), (2, true), "{error}");
        let (code, out, error) = world.drift_host(&["repair", &run, "--item", "Id=1", said, "--yes"]);
        assert_eq!((code, out.contains(&format!("drift-host apply {run}"))), (0, true), "{out}{error}");
        let lines = audit(&world);
        assert!(lines.len() == 1 && lines[0].contains("item Id=1"), "{lines:?}");

        let migrator = world.migrator().await;
        let journal = migrator.open(&run).unwrap();
        let summary = migrator.apply(journal, count(), &RunOptions::new("Things")).await.unwrap();
        assert_eq!((summary.state.as_str(), summary.exit_code()), ("applied", 0), "{said}: {:?}", summary.errors);
        assert_eq!(counted(&world).await, "1", "once, whoever did it");
        let (_, out, _) = world.drift_host(&["show", &run, "--check", "--item", "1"]);
        let state = if said == "--done" { "Id=1: settled" } else { "Id=1: done" };
        assert!(out.starts_with(state), "{out}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_digest_is_accepted_and_a_row_of_dynamo_drift_adopted() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(3);
    assert_eq!(world.drift_host(&["run", &echo, "--table", "Things"]).0, 0);
    let mut bytes = std::fs::read(&echo).unwrap();
    let at = bytes.windows(6).position(|six| six == b"BROKEN").unwrap();
    bytes[at..at + 6].copy_from_slice(b"MENDED");
    let other = world.dir.path().join("other.wasm").display().to_string();
    std::fs::write(&other, bytes).unwrap();
    let (code, _, error) = world.drift_host(&["run", &other, "--table", "Things"]);
    assert_eq!((code, error.contains("drift-host repair PLUGIN --table Things --accept-digest")), (3, true), "{error}");
    let (code, out, error) = world.drift_host(&["repair", &other, "--table", "Things", "--accept-digest", "--yes"]);
    assert_eq!(code, 0, "{out}{error}");
    assert_eq!(world.drift_host(&["run", &other, "--table", "Things"]).0, 0);
    assert_eq!(world.drift_host(&["run", &echo, "--table", "Things"]).0, 3, "and the one before is another now");

    // As dynamo-drift leaves it: no digest, and here another table.
    let row = json!({ "Number": { "N": "100" }, "TableName": { "S": "Elsewhere" }, "Description": { "S": "by hand" } });
    must(&world.running.endpoint_url(), "PutItem", &json!({ "TableName": "drift_migrations", "Item": row }));
    let (code, _, error) = world.drift_host(&["run", &echo, "--table", "Things"]);
    assert_eq!((code, error.contains("drift-host repair --adopt 100 --table Things")), (3, true), "{error}");
    let adopt = ["repair", &echo, "--adopt", "100", "--table", "Things", "--yes"];
    let (code, out, error) = world.drift_host(&adopt);
    assert_eq!(code, 0, "{out}{error}");
    let (code, out, _) = world.drift_host(&["run", &echo, "--table", "Things"]);
    assert_eq!((code, out.starts_with("already-applied")), (0, true), "{out}");
    assert_eq!(world.drift_host(&adopt).0, 2, "there is nothing to adopt any more");
    assert_eq!(audit(&world).len(), 2);
    let (code, out, _) = world.drift_host(&["status", "--json"]);
    let status: Json = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &status["applied"][0]["description"]), (0, &"by hand".into()), "the rest of the row stays");
}
