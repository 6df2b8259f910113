//! What a migration draws by its language's own random numbers: another for each item and run, and the same where an item is asked about again.

use std::collections::BTreeSet;

use drift_tests::World;
use drift_tests::plain::must;

use super::author::{built, has};

#[tokio::test(flavor = "multi_thread")]
async fn what_javascript_draws_is_of_the_item_and_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("draw.js");
    std::fs::write(&file, "export default { number: 8, name: 'draw', migrate(item) { item.d = String(Math.random()); } };")
        .unwrap();
    draws_of_the_item_and_the_run(&file.display().to_string()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_python_draws_is_of_the_item_and_the_run() {
    if !has("python3", &["-c", "import venv, ensurepip, sys; sys.exit(sys.version_info < (3, 10))"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // What a module of an author's takes out of `random` before there is an item is begun anew with each item too.
    let source = "from random import gauss, random\n\nfrom drift_sdk import migration\n\n\n@migration(number=8, name=\"draw\")\ndef migrate(item):\n    \
                  item[\"d\"] = f\"{random()} {gauss(0, 1)}\"\n";
    let (_, component) = built(folder.path(), "python", "migration.py", source);
    draws_of_the_item_and_the_run(&component).await;
}

async fn draws_of_the_item_and_the_run(plugin: &str) {
    let items = [r#"{"Id": 1}"#, r#"{"Id": 2}"#, r#"{"Id": 3}"#];
    let world = World::with_items(&items);
    let mut seen = BTreeSet::new();
    for meta in ["meta_one", "meta_two"] {
        // One instance is asked about all items.
        let (code, out, error) =
            world.drift_host(&["run", plugin, "--table", "Things", "--concurrency", "1", "--meta-table", meta]);
        assert_eq!(code, 0, "{out}{error}");
        let table = world.table("Things").await;
        seen.extend(table.iter().map(|item| item.get("d").unwrap().as_s().unwrap().to_owned()));
    }
    assert_eq!(seen.len(), 6, "{seen:?}");
    let world = World::with_items(&items);
    let (code, out, error) = world.drift_host(&["plan", plugin, "--table", "Things", "--concurrency", "1"]);
    assert_eq!(code, 0, "{out}{error}");
    let run = world.only_run();
    let change = serde_json::json!({ "TableName": "Things", "Key": { "Id": { "N": "2" } }, "UpdateExpression": "SET d = :d",
        "ExpressionAttributeValues": { ":d": { "S": "by another" } } });
    let (_, shown, _) = world.drift_host(&["show", &run, "--item", "Id=2"]);
    must(&world.running.endpoint_url(), "UpdateItem", &change);
    let (code, out, error) = world.drift_host(&["apply", &run]);
    assert!(code == 0 && out.contains("1 conflicts"), "{out}{error}");
    let table = world.table("Things").await;
    let drawn = table.iter().find(|item| item.get("Id") == Some(&2.into())).unwrap().get("d").unwrap().as_s().unwrap();
    assert!(shown.contains(drawn), "{drawn} is not what was planned: {shown}");
}
