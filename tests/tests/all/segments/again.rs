//! What failed in a shared run, or is in doubt, is taken up again as on one machine.

use drift_tests::plain::must;
use serde_json::json;

use super::*;

/// A run whose migration copies each item, and meets a copy of another's at some of them.
async fn met_others(steps: &str, met: &[u64]) -> Fleet {
    let fleet = Fleet::new(World::with_numbers(160));
    let endpoint = fleet.world.running.endpoint_url();
    let table = json!({ "TableName": "Copies", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{ "AttributeName": "Id", "AttributeType": "N" }],
        "KeySchema": [{ "AttributeName": "Id", "KeyType": "HASH" }] });
    must(&endpoint, "CreateTable", &table);
    for id in met {
        let theirs = json!({ "Id": { "N": id.to_string() }, "theirs": { "BOOL": true } });
        must(&endpoint, "PutItem", &json!({ "TableName": "Copies", "Item": theirs }));
    }
    let flags = ["--arg", "mode=copy", "--grant", "insert:Copies", "--exactly-once", "receipts", "--max-errors", "10"];
    let flags: Vec<&str> = flags.into_iter().chain(["--grant", "update:Totals", "--grant", "delete:."]).collect();
    let leader = fleet.lead(steps, &flags);
    fleet.plan_all(steps, &flags);
    fleet.until_there("manifest.json").await;
    let children: Vec<Child> = (0..SEGMENTS).map(|segment| fleet.apply(segment, &[])).collect();
    let ends: Vec<i32> = children.into_iter().map(|child| ended(child).0).collect();
    assert!(ends.iter().all(|end| matches!(end, 0 | 1)) && ends.contains(&1), "{ends:?}");
    let (code, said) = ended(leader);
    assert_eq!((code, said.contains("incomplete")), (1, true), "{said}");
    fleet
}

fn take_away(fleet: &Fleet, id: u64) {
    let key = json!({ "Id": { "N": id.to_string() } });
    must(&fleet.world.running.endpoint_url(), "DeleteItem", &json!({ "TableName": "Copies", "Key": key }));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_in_some_segments_is_taken_up_again_by_one_process_until_nothing_fails() {
    let Some(steps) = guest("steps") else { return };
    let fleet = met_others(&steps, &[7, 70, 111]).await;
    let (code, out, error) = fleet.world.drift_host(&["show", &fleet.url, "--errors"]);
    assert_eq!((code, out.matches("failed ").count()), (0, 3), "{out}{error}");
    // Two of them can be done now; what was done is not done again.
    take_away(&fleet, 7);
    take_away(&fleet, 111);
    let (code, out, error) = fleet.world.drift_host(&["apply", &fleet.url, "--retry-failed"]);
    assert_eq!((code, out.starts_with("incomplete"), out.contains("1 failed")), (1, true, true), "{out}{error}");
    let (code, _, error) = fleet.world.drift_host(&["show", &fleet.url, "--errors"]);
    assert_eq!(code, 0, "{error}");
    take_away(&fleet, 70);
    let (code, out, error) = fleet.world.drift_host(&["apply", &fleet.url, "--retry-failed"]);
    assert_eq!((code, out.starts_with("applied"), out.contains("160 ")), (0, true, true), "{out}{error}");
    let copies = fleet.world.table("Copies").await;
    assert_eq!(copies.len(), 160);
    assert!(copies.iter().all(|copy| copy.get("from").and_then(Value::as_s) == Some("steps")), "{copies:?}");
    let applied = fleet.world.migrator().await.applied().await.unwrap();
    assert_eq!(applied.len(), 1, "{applied:?}");
    let (code, out, error) = fleet.world.drift_host(&["show", &fleet.url, "--check", "--json"]);
    let whole: Json = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &whole["state"], whole["items"]["failed"].as_u64()), (0, &"applied".into(), Some(0)), "{out}{error}");
    // Once more there is nothing left to be taken up.
    let (code, out, error) = fleet.world.drift_host(&["apply", &fleet.url, "--retry-failed"]);
    assert_eq!((code, out.starts_with("applied")), (0, true), "{out}{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_dies_while_it_takes_up_what_failed_is_gone_on_with() {
    let Some(steps) = guest("steps") else { return };
    let all: Vec<u64> = (1..=160).collect();
    let fleet = met_others(&steps, &all).await;
    all.iter().for_each(|id| take_away(&fleet, *id));
    let mut first = fleet.command(&["apply", &fleet.url, "--retry-failed", "--max-write-units", "20"]).spawn().unwrap();
    while fleet.world.table("Copies").await.len() < 8 {
        assert!(first.try_wait().unwrap().is_none(), "it is at work");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    first.kill().unwrap();
    first.wait().unwrap();
    // The rest of what it took up is not failed any more, but not done: first that, and then again what failed.
    let (code, _, error) = fleet.world.drift_host(&["apply", &fleet.url, "--retry-failed"]);
    assert_eq!((code, error.contains("drift-host apply file://")), (3, true), "{error}");
    let (code, out, error) = fleet.world.drift_host(&["apply", &fleet.url]);
    assert!(matches!(code, 0 | 1), "{out}{error}");
    let (code, out, error) = fleet.world.drift_host(&["apply", &fleet.url, "--retry-failed"]);
    assert_eq!((code, out.starts_with("applied")), (0, true), "{out}{error}");
    assert_eq!(fleet.world.table("Copies").await.len(), 160);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_run_of_one_machine_can_be_told_is_refused_of_a_shared_one() {
    let Some(echo) = guest("echo") else { return };
    let fleet = Fleet::new(World::with_rows(8));
    for flags in [&["--canary", "3"][..], &["--backup"], &["--retry-failed", "--plugin", &echo]] {
        let (code, _, error) = fleet.world.drift_host(&[&["apply", &fleet.url], flags].concat());
        assert_eq!((code, error.contains(flags[flags.len().saturating_sub(2)])), (2, true), "{flags:?}: {error}");
    }
    let (code, said) = ended(fleet.apply(0, &["--retry-failed"]));
    assert_eq!((code, said.contains("without --segment")), (2, true), "{said}");
}

/// A run that counts each item up, not repeatable and without a proof, of which a process was lost after it had written: what an
/// application changed meanwhile is in doubt.
async fn in_doubt(steps: &str) -> (Fleet, Vec<u64>) {
    let fleet = Fleet::new(World::with_numbers(240));
    let leader = fleet.lead(steps, &[&PLUS[..], &["--max-write-units", "80"]].concat());
    fleet.plan_all(steps, &PLUS);
    fleet.until_there("manifest.json").await;
    // The application wrote before its first attempt: of a segment that counts as in doubt.
    let changed: Vec<u64> = vec![11, 12, 200];
    for id in &changed {
        let key = json!({ "Id": { "N": id.to_string() } });
        let set = json!({ ":n": { "N": "1000" } });
        must(
            &fleet.world.running.endpoint_url(),
            "UpdateItem",
            &json!({ "TableName": "Things", "Key": key, "UpdateExpression": "SET n = :n", "ExpressionAttributeValues": set }),
        );
    }
    let children: Vec<Child> = (0..SEGMENTS).map(|segment| fleet.apply(segment, &[])).collect();
    children.into_iter().for_each(|child| assert!(matches!(ended(child).0, 0 | 1)));
    let (code, said) = ended(leader);
    assert_eq!((code, said.contains("in doubt")), (1, true), "{said}");
    (fleet, changed)
}

#[tokio::test(flavor = "multi_thread")]
async fn items_in_doubt_of_a_shared_run_are_settled_one_by_one_and_it_goes_on() {
    let Some(steps) = guest("steps") else { return };
    let (fleet, changed) = in_doubt(&steps).await;
    let settle =
        |id: u64, how: &str| fleet.world.drift_host(&["repair", &fleet.url, "--item", &format!("Id={id}"), how, "--yes"]);
    let (code, _, error) = settle(3, "--done");
    assert_eq!((code, error.contains("in doubt")), (3, true), "{error}");
    let (code, out, error) = settle(changed[0], "--done");
    assert_eq!((code, out.contains("was settled as done"), out.contains(&fleet.url)), (0, true, true), "{out}{error}");
    let (code, _, error) = settle(changed[0], "--done");
    assert_eq!(code, 3, "{error}");
    for id in &changed[1..] {
        let (code, out, error) = settle(*id, "--again");
        assert_eq!((code, out.contains("to be sent again")), (0, true), "{out}{error}");
    }
    let (code, out, error) = fleet.world.drift_host(&["apply", &fleet.url]);
    assert!(matches!(code, 0 | 1), "{out}{error}");
    let things = fleet.world.table("Things").await;
    let n = |id: u64| things.iter().find(|item| number(item, "Id") == id as i64).map(|item| number(item, "n")).unwrap();
    assert_eq!(n(changed[0]), 1_000, "it counted as done");
    let others = things.iter().filter(|item| !changed.contains(&(number(item, "Id") as u64)));
    assert!(others.into_iter().all(|item| number(item, "n") == number(item, "Id") + 1));
    let (_, out, _) = fleet.world.drift_host(&["status", "--audit"]);
    assert_eq!(out.matches("was settled").count(), 3, "{out}");
    // What was sent again is guarded by what was seen: it is as it was, and a person decides once more.
    for id in &changed[1..] {
        let (code, out, error) = settle(*id, "--done");
        assert_eq!(code, 0, "{out}{error}");
    }
    let (code, out, error) = fleet.world.drift_host(&["apply", &fleet.url]);
    assert_eq!((code, out.starts_with("applied")), (0, true), "{out}{error}");
    assert_eq!(fleet.world.migrator().await.applied().await.unwrap().len(), 1);
}
