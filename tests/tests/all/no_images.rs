//! `--no-images`: a version guards what is written, and the journal does not know what the items were.

use drift_host::model::Value;
use drift_tests::plain::must;
use drift_tests::{World, guest};
use serde_json::{Value as Json, json};

const FLAGS: [&str; 3] = ["--guard", "version=v", "--no-images"];

fn run<'a>(verb: &'a str, plugin: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [verb, plugin, "--table", "Things"].into_iter().chain(more.iter().copied()).collect()
}

/// Whether any file of the runs folder has these bytes, compressed or not.
fn in_a_journal(world: &World, bytes: &[u8]) -> bool {
    world.kept().iter().any(|(_, kept)| kept.windows(bytes.len()).any(|window| window == bytes))
}

fn update(world: &World, id: u64, expression: &str, values: Json) {
    let request = json!({ "TableName": "Things", "Key": { "Id": { "N": id.to_string() } }, "UpdateExpression": expression,
        "ExpressionAttributeValues": values });
    must(&world.running.endpoint_url(), "UpdateItem", &request);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_needs_a_version_and_then_the_table_is_as_it_would_be_with_images() {
    let Some(echo) = guest("echo") else { return };
    let (with, without) = (World::with_rows(300), World::with_rows(300));
    let (code, _, error) = without.drift_host(&run("run", &echo, &["--no-images"]));
    assert!(code == 2 && error.contains("needs --guard version=ATTRIBUTE"), "{error}");
    let (code, out, error) = without.drift_host(&run("plan", &echo, &FLAGS));
    assert_eq!(code, 0, "{out}{error}");
    let id = without.only_run();
    assert!(!in_a_journal(&without, b"name 1"));
    // Changed after the plan, with a new version: the migration runs on it as it is.
    for world in [&with, &without] {
        update(world, 3, "SET v = :v, note = :n", json!({ ":v": { "N": "40" }, ":n": { "S": "the application's own" } }));
    }
    let (code, out, error) = without.drift_host(&["apply", &id]);
    assert_eq!(code, 0, "{out}{error}");
    assert_eq!(with.drift_host(&run("run", &echo, &FLAGS[..2])).0, 0);
    assert_eq!(without.table("Things").await, with.table("Things").await);
    assert!(!in_a_journal(&without, b"name 1") && !in_a_journal(&without, b"the application's own"));
    assert!(in_a_journal(&with, b"name 1"), "and with images it is there, so that it would be found");

    let (_, shown, _) = without.drift_host(&["show", &id]);
    assert!(shown.contains("not kept"), "{shown}");
    let (code, _, error) = without.drift_host(&["undo", "--run", &id]);
    assert!(code == 3 && error.contains("--no-images") && error.contains("undo PLUGIN"), "{error}");
    // By its own code it goes back, and what it removes is removed.
    let (code, out, error) = without.drift_host(&run("undo", &echo, &FLAGS));
    assert_eq!(code, 0, "{out}{error}");
    let items = without.table("Things").await;
    assert!(items.iter().all(|item| !item.contains("touched") && item.contains("name")), "{items:?}");
    assert_eq!(items.iter().filter(|item| item.get("v") == Some(&Value::from(2))).count(), 299);
    assert!(!in_a_journal(&without, b"name 1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_item_is_listed_without_its_image_and_can_be_taken_up_again() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(20);
    let flags = [&FLAGS[..], &["--arg", "mode=flaw", "--arg", "id=7", "--max-errors", "1"]].concat();
    let (code, out, error) = world.drift_host(&run("run", &echo, &flags));
    assert_eq!(code, 1, "{out}{error}");
    let id = world.only_run();
    let (_, listed, _) = world.drift_host(&["show", &id, "--errors", "--json"]);
    let listed: Json = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["errors"][0]["image"], json!({ "Id": { "N": "7" } }));
    let mut mended = std::fs::read(&echo).unwrap();
    let at = mended.windows(6).position(|window| window == b"BROKEN").unwrap();
    mended[at..at + 6].copy_from_slice(b"MENDED");
    let fixed = world.dir.path().join("fixed.wasm");
    std::fs::write(&fixed, mended).unwrap();
    let (code, out, error) = world.drift_host(&["apply", &id, "--retry-failed", "--plugin", fixed.to_str().unwrap()]);
    assert_eq!(code, 0, "{out}{error}");
    let items = world.table("Things").await;
    assert!(items.iter().all(|item| item.contains("touched") && item.get("v") == Some(&Value::from(1))), "{items:?}");
    assert!(!in_a_journal(&world, b"name 7"));
}
