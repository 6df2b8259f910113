//! What runs again on an item that changed after the plan may not leave what the plan showed.

use drift_tests::World;
use drift_tests::plain::must;
use serde_json::json;

const MIGRATION: &str = "export default {
  number: 5,
  name: 'surprise',
  migrate(item) {
    if (item.wild) item.surprise = 1;
    else item.touched = true;
  },
};
";

#[tokio::test(flavor = "multi_thread")]
async fn a_run_again_beyond_the_plan_is_a_failed_item_until_somebody_allows_it() {
    let world = World::with_items(&[
        r#"{"Id": 1, "wild": false}"#,
        r#"{"Id": 2, "wild": false}"#,
        r#"{"Id": 3, "wild": false, "more": "seen"}"#,
    ]);
    let file = world.dir.path().join("surprise.js");
    std::fs::write(&file, MIGRATION).unwrap();
    let (code, out, error) = world.drift_host(&["plan", &file.display().to_string(), "--table", "Things"]);
    assert_eq!(code, 0, "{out}{error}");
    let run = world.only_run();
    let endpoint = world.running.endpoint_url();
    must(&endpoint, "PutItem", &json!({ "TableName": "Things", "Item": { "Id": { "N": "2" }, "wild": { "BOOL": true } } }));
    must(
        &endpoint,
        "PutItem",
        &json!({ "TableName": "Things", "Item": { "Id": { "N": "3" }, "wild": { "BOOL": false }, "more": { "S": "changed" } } }),
    );

    let (code, out, error) = world.drift_host(&["apply", &run]);
    assert_eq!((code, out.contains("wants to set surprise")), (1, true), "{out}{error}");
    assert!(out.contains("1 failed") && out.contains("--retry-failed"), "{out}");
    let count = |items: &[drift_host::model::Item], name: &str| items.iter().filter(|item| item.contains(name)).count();
    let table = world.table("Things").await;
    assert_eq!((count(&table, "touched"), count(&table, "surprise")), (2, 0), "the one within the plan was run again");

    let (code, out, error) = world.drift_host(&["apply", &run, "--retry-failed"]);
    assert_eq!((code, out.starts_with("applied")), (0, true), "{out}{error}");
    assert_eq!(count(&world.table("Things").await, "surprise"), 1);
}
