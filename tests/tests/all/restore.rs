//! `undo --run`: the way back by the host, from the images of a run.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use drift_host::Native;
use drift_host::model::{Action, Address, Description, Existing, Insert, Item, Key, Patch, Target, Update, Value};
use drift_host::run::RunOptions;
use drift_tests::plain::must;
use drift_tests::{World, guest};
use serde_json::{Value as Json, json};

/// As DynamoDB keeps it: `7` and `7.0` differ here.
fn byte_for_byte(items: &[Item]) -> Vec<String> {
    items.iter().map(|item| format!("{item:?}")).collect()
}

fn parsed(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn key(id: u64) -> Json {
    json!({ "Id": { "N": id.to_string() } })
}

fn update(world: &World, table: &str, id: u64, expression: &str, values: Json) {
    let request =
        json!({ "TableName": table, "Key": key(id), "UpdateExpression": expression, "ExpressionAttributeValues": values });
    must(&world.running.endpoint_url(), "UpdateItem", &request);
}

fn get(world: &World, table: &str, id: u64) -> Json {
    let request = json!({ "TableName": table, "Key": key(id), "ConsistentRead": true });
    must(&world.running.endpoint_url(), "GetItem", &request)["Item"].clone()
}

fn set(name: &str, value: impl Into<Value>) -> Action {
    Action::Patch(Patch { set: [(name, value.into())].into_iter().collect(), remove: vec![] })
}

fn id(item: &Item) -> u64 {
    item.get("Id").unwrap().as_n().unwrap().to_string().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_strikes_come_back_byte_for_byte_without_the_plugin() {
    let Some(tidy) = guest("tidy_strikes") else { return };
    let world = World::with_data(&["Strikes:+Id=birdstrikes.csv"]);
    let before = world.table("Strikes").await;
    let (code, _, error) = world.drift_host(&["run", &tidy, "--table", "Strikes"]);
    assert_eq!(code, 0, "{error}");
    assert_ne!(world.table("Strikes").await, before);
    let run = world.only_run();

    let (code, out, error) = world.drift_host(&["undo", "--run", &run, "--json"]);
    assert_eq!(code, 0, "{out}{error}");
    let document = parsed(&out);
    assert_eq!((&document["state"], &document["items"]["changed"]), (&"undone".into(), &10_000.into()));
    assert_eq!(byte_for_byte(&world.table("Strikes").await), byte_for_byte(&before));
    let (_, status, _) = world.drift_host(&["status", "--audit", "--json"]);
    let status = parsed(&status);
    assert_eq!((&status["applied"], &status["unfinished"]), (&json!([]), &json!([])));
    assert!(status["audit"][0]["what"].as_str().unwrap().contains(&format!("run {run} ")), "{status}");

    let (code, _, error) = world.drift_host(&["undo", "--run", &run]);
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("undone already"), "{error}");
    assert_eq!(world.drift_host(&["run", &tidy, "--table", "Strikes"]).0, 0, "it can run once more");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_application_changed_since_remains_and_is_listed() {
    let Some(tidy) = guest("tidy_strikes") else { return };
    let world = World::with_data(&["Strikes:+Id=birdstrikes.csv"]);
    let before = world.table("Strikes").await;
    assert_eq!(world.drift_host(&["run", &tidy, "--table", "Strikes"]).0, 0);
    let run = world.only_run();
    // An attribute that the run wrote, one that it did not, a deleted item and a new one.
    update(&world, "Strikes", 5, "SET airport = :o", json!({ ":o": { "S": "changed since" } }));
    update(&world, "Strikes", 6, "SET note = :o", json!({ ":o": { "S": "from the application" } }));
    must(&world.running.endpoint_url(), "DeleteItem", &json!({ "TableName": "Strikes", "Key": key(7) }));
    let new = json!({ "Id": { "N": "20000" }, "operator": { "S": "new" } });
    must(&world.running.endpoint_url(), "PutItem", &json!({ "TableName": "Strikes", "Item": new }));
    let five = get(&world, "Strikes", 5);

    let (code, out, error) = world.drift_host(&["undo", "--run", &run]);
    assert_eq!((code, out.starts_with("undone")), (1, true), "{out}{error}");
    let restore = out.lines().find(|line| line.contains("  run ")).unwrap().split_whitespace().nth(1).unwrap().to_owned();
    let (_, listed, _) = world.drift_host(&["show", &restore, "--errors", "--json"]);
    let listed = parsed(&listed);
    let mut keys: Vec<&str> = listed["errors"].as_array().unwrap().iter().map(|one| one["key"].as_str().unwrap()).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["Id=5", "Id=7"], "{listed}");

    assert_eq!(get(&world, "Strikes", 5), five, "it stays as the application left it");
    assert_eq!(get(&world, "Strikes", 6)["note"]["S"], "from the application");
    assert_eq!(get(&world, "Strikes", 7), Json::Null);
    assert_eq!(get(&world, "Strikes", 20_000), new);
    let kept = |items: Vec<Item>| -> Vec<Item> { items.into_iter().filter(|it| ![5, 7, 20_000].contains(&id(it))).collect() };
    let after = kept(world.table("Strikes").await).into_iter().map(|mut item| {
        item.remove("note");
        item
    });
    let mut after: Vec<Item> = after.collect();
    after.sort_by_key(|item| format!("{item:?}"));
    assert_eq!(byte_for_byte(&after), byte_for_byte(&kept(before)), "all others are as they were");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_inserted_goes_and_what_was_merely_found_stays() {
    let Some(claims) = guest("claims") else { return };
    let world = World::with_data(&["Strikes:+Id=birdstrikes.csv", "Claims:+Id=no.json"]);
    let granted = ["--table", "Strikes", "--grant", "asked"];
    // One of the strikes that cost money has a claim already, the very same as would be inserted but for the time.
    let found = json!({ "Id": { "N": "9" }, "status": { "S": "found" } });
    must(&world.running.endpoint_url(), "PutItem", &json!({ "TableName": "Claims", "Item": found }));
    let before = world.table("Claims").await;
    let arguments: Vec<&str> = ["run", &claims].into_iter().chain(granted).collect();
    let (code, out, error) = world.drift_host(&arguments);
    assert_eq!(code, 0, "{out}{error}");
    let inserted = world.table("Claims").await;
    assert!(inserted.len() > 200);
    let run = world.only_run();
    // The application worked on one of the new claims, and only added an attribute to another.
    let others: Vec<u64> = inserted.iter().map(id).filter(|id| *id != 9).take(2).collect();
    update(&world, "Claims", others[0], "SET amount = :a", json!({ ":a": { "N": "1" } }));
    update(&world, "Claims", others[1], "SET note = :a", json!({ ":a": { "S": "seen" } }));

    let (code, out, error) = world.drift_host(&["undo", "--run", &run]);
    assert_eq!((code, out.starts_with("undone")), (1, true), "{out}{error}");
    let left: Vec<u64> = world.table("Claims").await.iter().map(id).collect();
    let mut expected: Vec<u64> = others.iter().copied().chain(before.iter().map(id)).collect();
    expected.sort_by_key(|id| left.iter().position(|other| other == id));
    assert_eq!(left, expected);
    assert!(others.iter().all(|id| out.contains(&format!("Id={id}: "))), "{out}");
    if get(&world, "Strikes", 9).is_object() {
        assert_eq!(get(&world, "Claims", 9), found);
    }
}

/// Of a table of 40: a delete, a patch with an insert, an update by expression, a delete elsewhere, an overwrite, a change of nothing.
fn many() -> Native {
    Native::new(Description::new(9, "many"), "1", |item: Item| {
        let number = id(&item);
        let copy: Item = [("Id", Value::from(number + 1_000)), ("copy", true.into())].into_iter().collect();
        let insert = |existing| Action::Insert(Insert { table: None, item: copy.clone(), existing });
        Ok::<_, String>(match number {
            1 => vec![Action::Delete(Target::This)],
            2 => vec![set("name", "two"), insert(Existing::Keep)],
            3 => vec![Action::Update(Update {
                target: Target::This,
                expression: "SET #a = :x".into(),
                condition: None,
                names: vec![("#a".into(), "first".into())],
                values: [(":x", 1.into())].into_iter().collect(),
            })],
            4 => vec![
                set("name", "four"),
                Action::Delete(Target::Other(Address {
                    table: None,
                    key: Key::from_attributes([("Id", Value::from(40))].into_iter().collect()),
                })),
            ],
            5 => vec![insert(Existing::Replace)],
            6 => vec![insert(Existing::Fail)],
            7 => vec![Action::Patch(Patch { set: [("more", 1.into())].into_iter().collect(), remove: vec!["name".into()] })],
            _ => vec![],
        })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_action_is_taken_back_or_listed_before_anything_is_asked() {
    let world = World::with_rows(40);
    let before = world.table("Things").await;
    let migrator = world.migrator().await;
    let summary = migrator.run(Arc::new(many()), &RunOptions::new("Things")).await.unwrap();
    assert_eq!(summary.state, "applied", "{:?}", summary.errors);
    let run = summary.run().unwrap().to_owned();
    let after = world.table("Things").await;

    // Not a yes: nothing happens, and all that stays is named.
    let (code, _, error) = world.drift_host(&["undo", "--run", &run]);
    assert_eq!(code, 3, "{error}");
    for lost in ["Id=3: it was updated by an expression", "Id=4: what it deleted", "Id=5: what its insert"] {
        assert!(error.contains(lost), "{lost}: {error}");
    }
    assert_eq!(world.table("Things").await, after);

    let (code, out, error) = world.drift_host(&["undo", "--run", &run, "--yes"]);
    assert_eq!((code, out.starts_with("undone")), (1, true), "{out}{error}");
    // The updated one, the deleted other and the overwrite are as they were left; all else is as it was.
    let left = [3, 40, 1_005];
    let others = |items: Vec<Item>| -> Vec<Item> { items.into_iter().filter(|item| !left.contains(&id(item))).collect() };
    assert_eq!(byte_for_byte(&others(world.table("Things").await)), byte_for_byte(&others(before)));
    assert_eq!(get(&world, "Things", 3)["first"]["N"], "1");
    assert_eq!((get(&world, "Things", 40), get(&world, "Things", 1_005)["copy"].clone()), (Json::Null, json!({ "BOOL": true })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_item_is_not_put_back_over_one_that_is_there_again() {
    let world = World::with_rows(3);
    let migrator = world.migrator().await;
    let delete = Native::new(Description::new(9, "delete"), "1", |_: Item| Ok::<_, String>(vec![Action::Delete(Target::This)]));
    let summary = migrator.run(Arc::new(delete), &RunOptions::new("Things")).await.unwrap();
    assert!(world.table("Things").await.is_empty());
    let again = json!({ "Id": { "N": "2" }, "name": { "S": "another" } });
    must(&world.running.endpoint_url(), "PutItem", &json!({ "TableName": "Things", "Item": again }));
    let (code, out, error) = world.drift_host(&["undo", "--run", summary.run().unwrap()]);
    assert_eq!(code, 1, "{out}{error}");
    assert!(out.contains("Id=2: it changed since the run, and is left alone"), "{out}");
    assert_eq!(get(&world, "Things", 2), again);
    assert_eq!(get(&world, "Things", 1)["name"]["S"], "name 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_version_guard_the_version_goes_on_and_any_write_since_keeps_its_item() {
    let world = World::with_rows(4);
    let migrator = world.migrator().await;
    let mut options = RunOptions::new("Things");
    options.guard = "version=v".into();
    let mark = Native::new(Description::new(9, "mark"), "1", |_: Item| Ok::<_, String>(vec![set("mark", 1)]));
    let summary = migrator.run(Arc::new(mark), &options).await.unwrap();
    assert_eq!(get(&world, "Things", 1)["v"]["N"], "1");
    update(&world, "Things", 2, "ADD v :one", json!({ ":one": { "N": "1" } }));
    let (code, out, _) = world.drift_host(&["undo", "--run", summary.run().unwrap()]);
    assert_eq!((code, out.contains("Id=2: it changed since")), (1, true), "{out}");
    let one = get(&world, "Things", 1);
    assert_eq!((&one["mark"], &one["v"]["N"]), (&Json::Null, &"2".into()));
    assert_eq!(get(&world, "Things", 2)["mark"]["N"], "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_newest_run_of_a_table_is_taken_back() {
    let world = World::with_rows(5);
    let migrator = world.migrator().await;
    let named = |number: u32| {
        let set = move |_: Item| Ok::<_, String>(vec![set(&format!("mark{number}"), 1)]);
        Arc::new(Native::new(Description::new(number, "mark"), "1", set))
    };
    let first = migrator.run(named(1), &RunOptions::new("Things")).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let second = migrator.run(named(2), &RunOptions::new("Things")).await.unwrap();
    let planned = migrator.plan(named(3), &RunOptions::new("Things")).await.unwrap();
    let undo = |run: &str| world.drift_host(&["undo", "--run", run]);
    let (code, _, error) = undo(first.run().unwrap());
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("migration 2") && error.contains(second.run().unwrap()), "{error}");
    let (code, _, error) = undo(planned.run().unwrap());
    assert_eq!((code, error.contains("nothing of it was written")), (3, true), "{error}");
    assert_eq!(undo(second.run().unwrap()).0, 0);
    assert_eq!(undo(first.run().unwrap()).0, 0);
    assert!(world.table("Things").await.iter().all(|item| !item.contains("mark1") && !item.contains("mark2")));
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_run_is_taken_back_and_a_killed_way_back_goes_on() {
    let Some(tidy) = guest("tidy_strikes") else { return };
    let world = World::with_data(&["Strikes:+Id=birdstrikes.csv"]);
    let before = world.table("Strikes").await;
    // Of every hundredth strike, how many are tidied: quick to ask for.
    let tidied = || {
        let keys: Vec<Json> = (1..=100).map(|n| key(n * 100)).collect();
        let request = json!({ "RequestItems": { "Strikes": { "Keys": keys, "ConsistentRead": true } } });
        let answer = must(&world.running.endpoint_url(), "BatchGetItem", &request);
        answer["Responses"]["Strikes"].as_array().unwrap().iter().filter(|strike| strike["costs"].is_object()).count()
    };
    // Half-way forth, by a signal.
    let mut run = world.command(&["run", &tidy, "--table", "Strikes", "--writes-in-flight", "1"]);
    let child = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while tidied() < 40 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert!(std::process::Command::new("kill").arg("-INT").arg(child.id().to_string()).status().unwrap().success());
    child.wait_with_output().unwrap();
    let half = tidied();
    assert!((40..100).contains(&half), "{half}");
    let first = world.only_run();
    let runs = || -> Vec<String> {
        let files = std::fs::read_dir(world.runs()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        files.filter_map(|name| name.strip_suffix(".drift").map(str::to_owned)).filter(|run| *run != first).collect()
    };
    // Half-way back, by SIGKILL.
    let mut back = world.command(&["undo", "--run", &first, "--writes-in-flight", "1", "--yes"]);
    let mut child = back.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while tidied() + 5 > half {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(tidied() > 0, "it was killed half-way");
    let [back] = runs().try_into().unwrap();
    let (code, _, error) = world.drift_host(&["apply", &first]);
    assert_eq!((code, error.contains(&back)), (3, true), "what is being taken back does not go on: {error}");
    let (code, out, error) = world.drift_host(&["apply", &back]);
    assert_eq!((code, out.starts_with("undone")), (0, true), "{out}{error}");
    assert_eq!(byte_for_byte(&world.table("Strikes").await), byte_for_byte(&before));
    let (_, status, _) = world.drift_host(&["status", "--json"]);
    let status = parsed(&status);
    assert_eq!((&status["applied"], &status["unfinished"]), (&json!([]), &json!([])));
    assert!(status["runs"].as_array().unwrap().iter().all(|run| run["state"] == "undone"), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_receipts_of_an_incomplete_run_go_with_what_it_wrote_and_others_stay() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(12);
    let before = world.table("Things").await;
    let flags = ["--arg", "mode=fail", "--arg", "id=7", "--max-errors", "1", "--exactly-once", "receipts"];
    let run: Vec<&str> = ["run", &echo, "--table", "Things"].into_iter().chain(flags).collect();
    let (code, out, error) = world.drift_host(&run);
    assert!(code == 1 && out.starts_with("incomplete"), "{out}{error}");
    let others = json!({ "Id": { "S": "20260101T000000-ffff#0" } });
    must(&world.running.endpoint_url(), "PutItem", &json!({ "TableName": "drift_migrations_receipts", "Item": others }));
    assert_eq!(world.table("drift_migrations_receipts").await.len(), 12);
    let (code, out, error) = world.drift_host(&["undo", "--run", &world.only_run()]);
    assert_eq!((code, world.table("Things").await), (0, before), "{out}{error}");
    assert_eq!(world.table("drift_migrations_receipts").await.len(), 1);
}

#[test]
fn of_a_run_that_wrote_nothing_no_way_back_is_surveyed() {
    let Some(panics) = guest("panics") else { return };
    let world = World::with_rows(20);
    let (code, out, error) = world.drift_host(&["run", &panics, "--table", "Things", "--arg", "id=7"]);
    assert_eq!((code, out.starts_with("refused")), (1, true), "{out}{error}");
    let (code, out, error) = world.drift_host(&["undo", "--run", &world.only_run(), "--yes"]);
    assert_eq!((code, error.contains("it is refused, so nothing of it was written")), (3, true), "{out}{error}");
    assert!(!error.contains("put back"), "{error}");
}

#[test]
fn what_the_migration_itself_takes_back_is_undone_in_its_journal_too() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(20);
    for verb in ["run", "undo"] {
        let (code, out, error) = world.drift_host(&[verb, &echo, "--table", "Things"]);
        assert_eq!(code, 0, "{out}{error}");
    }
    let (_, out, error) = world.drift_host(&["status", "--json"]);
    let runs = parsed(&out)["runs"].as_array().unwrap().clone();
    assert_eq!(runs.len(), 2, "{out}{error}");
    assert!(runs.iter().all(|run| run["state"] == "undone"), "{out}");
}
