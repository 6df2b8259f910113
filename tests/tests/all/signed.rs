//! Items of the AWS Database Encryption SDK: what would break their signature is refused, and what leaves them alone is not.

use drift_host::model::Item;
use drift_tests::plain::must;
use drift_tests::{World, guest};
use serde_json::{Value as Json, json};

const SIGNED: u64 = 3;

fn sign(world: &World, id: u64, more: &str) {
    let request = json!({ "TableName": "Things", "Key": { "Id": { "N": id.to_string() } },
        "UpdateExpression": format!("SET aws_dbe_head = :head, aws_dbe_foot = :foot{more}"),
        "ExpressionAttributeValues": { ":head": { "B": "AQID" }, ":foot": { "B": "BAUG" } } });
    must(&world.running.endpoint_url(), "UpdateItem", &request);
}

fn signed(items: &[Item]) -> Vec<&Item> {
    items.iter().filter(|item| item.contains("aws_dbe_foot")).collect()
}

fn touched(items: &[Item]) -> usize {
    items.iter().filter(|item| item.contains("touched")).count()
}

fn parsed(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_a_signed_item_fails_at_the_plan_and_all_others_can_be_done() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(10);
    sign(&world, SIGNED, "");
    let before = world.table("Things").await;
    for flags in [&[][..], &["--exactly-once", "stamp=by"], &["--exactly-once", "receipts"], &["--guard", "version=v"]] {
        let (code, out, error) = world.drift_host(&[&["run", &echo, "--table", "Things"], flags].concat());
        assert!(code == 1 && out.starts_with("refused"), "{flags:?}: {out}{error}");
        assert!(out.contains("Id=3: ") && out.contains("AWS Database Encryption SDK"), "{out}");
        assert_eq!(world.table("Things").await, before);
    }
    let (code, out, error) = world.drift_host(&["run", &echo, "--table", "Things", "--arg", "mode=none"]);
    assert!(code == 0 && out.starts_with("applied"), "left alone: {out}{error}");
    let other = ["--meta-table", "other"];
    let filter = ["--filter", "attribute_not_exists(aws_dbe_head)"];
    let (code, out, error) = world.drift_host(&[&["run", &echo, "--table", "Things"], &other[..], &filter].concat());
    assert_eq!(code, 0, "{out}{error}");
    let after = world.table("Things").await;
    assert_eq!((signed(&after), touched(&after)), (signed(&before), 9));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_is_signed_after_the_plan_is_not_touched_either() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(10);
    assert_eq!(world.drift_host(&["plan", &echo, "--table", "Things"]).0, 0);
    sign(&world, SIGNED, " REMOVE n");
    let before = world.table("Things").await;
    let run = world.only_run();
    let (code, out, error) = world.drift_host(&["apply", &run]);
    assert!(code == 1 && out.starts_with("incomplete") && out.contains("AWS Database Encryption SDK"), "{out}{error}");
    let after = world.table("Things").await;
    assert_eq!((signed(&after), touched(&after)), (signed(&before), 9));
    let (code, out, error) = world.drift_host(&["apply", &run, "--retry-failed"]);
    assert!(code == 1 && out.contains("AWS Database Encryption SDK"), "{out}{error}");
    assert_eq!(world.table("Things").await, after);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_item_may_be_deleted_and_put_back_and_not_be_copied() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_data(&["Things:+Id=no.json", "Copies:+Id=no.json"]);
    let item = json!({ "Id": { "N": "3" }, "n": { "N": "1" } });
    must(&world.running.endpoint_url(), "PutItem", &json!({ "TableName": "Things", "Item": item }));
    sign(&world, SIGNED, "");
    let before = world.table("Things").await;
    let copy = ["--arg", "mode=roundtrip", "--arg", "to=Copies", "--grant", "insert:Copies"];
    let (code, out, error) = world.drift_host(&[&["run", &echo, "--table", "Things"], &copy[..]].concat());
    assert!(code == 1 && out.contains("it would write aws_dbe_head"), "{out}{error}");
    assert_eq!(world.table("Copies").await, []);
    let delete = ["--arg", "mode=delete", "--grant", "delete:.", "--json"];
    let (code, out, error) = world.drift_host(&[&["run", &echo, "--table", "Things"], &delete[..]].concat());
    assert_eq!((code, world.table("Things").await.len()), (0, 0), "{out}{error}");
    let run = parsed(&out)["run"].as_str().unwrap().to_owned();
    let (code, out, error) = world.drift_host(&["undo", "--run", &run]);
    assert_eq!((code, world.table("Things").await), (0, before), "{out}{error}");
}
