//! The fault-injecting proxy itself, by a client of its own: a fault that is not what it says proves nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use drift_tests::World;
use drift_tests::plain::{call, must};
use drift_tests::proxy::{Fault, Moment, Proxy, Rule};
use serde_json::{Value as Json, json};

fn key(id: u32) -> Json {
    json!({ "Id": { "N": id.to_string() } })
}

fn put(id: u32, n: &str) -> Json {
    json!({ "TableName": "Things", "Item": { "Id": { "N": id.to_string() }, "n": { "S": n } } })
}

fn n_of(endpoint: &str, id: u32) -> Json {
    must(endpoint, "GetItem", &json!({ "TableName": "Things", "Key": key(id), "ConsistentRead": true }))["Item"]["n"]["S"].clone()
}

fn batch(ids: std::ops::RangeInclusive<u32>, n: &str) -> Json {
    let statement = |id: u32| {
        json!({ "Statement": "UPDATE \"Things\" SET \"n\"=? WHERE \"Id\"=?",
                "Parameters": [{ "S": n }, { "N": id.to_string() }] })
    };
    json!({ "Statements": ids.map(statement).collect::<Vec<_>>() })
}

#[test]
fn without_rules_everything_passes_as_it_is() {
    let world = World::with_rows(30);
    let proxy = Proxy::start(&world.running.endpoint_url());
    let scan = json!({ "TableName": "Things", "Limit": 30 });
    let direct = call(&world.running.endpoint_url(), "Scan", &scan).unwrap();
    assert_eq!(call(&proxy.endpoint_url(), "Scan", &scan).unwrap(), direct);
    let log = proxy.log();
    assert_eq!((log.len(), log[0].operation.as_str(), log[0].tables.as_slice()), (1, "Scan", &["Things".to_owned()][..]));
    assert_eq!((log[0].access_key.as_str(), log[0].fault.as_ref(), log[0].forwarded), ("plain", None, true));
}

#[test]
fn an_error_before_does_nothing_and_one_after_has_done_all() {
    let world = World::with_rows(3);
    let (direct, proxy) = (world.running.endpoint_url(), Proxy::start(&world.running.endpoint_url()));
    let code = "ProvisionedThroughputExceededException";
    proxy.add(Rule::on(&["PutItem"], Fault::error(400, code)).nth(1));
    proxy.add(Rule::on(&["PutItem"], Fault::server_error(Moment::After)).nth(1));
    let (status, answer) = call(&proxy.endpoint_url(), "PutItem", &put(1, "one")).unwrap();
    assert_eq!(
        (status, answer["__type"].as_str()),
        (400, Some("com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"))
    );
    assert_eq!(n_of(&direct, 1), "1", "nothing was done");
    assert_eq!(call(&proxy.endpoint_url(), "PutItem", &put(1, "one")).unwrap().0, 500);
    assert_eq!(n_of(&direct, 1), "one", "all was done");
    assert_eq!(call(&proxy.endpoint_url(), "PutItem", &put(1, "two")).unwrap().0, 200, "each rule befell one request");
    assert_eq!(proxy.faults(), 2);
}

#[test]
fn single_statements_fail_and_the_others_are_carried_out() {
    let world = World::with_rows(30);
    let (direct, proxy) = (world.running.endpoint_url(), Proxy::start(&world.running.endpoint_url()));
    let odd = |at: usize, _: &Json| at % 2 == 1;
    proxy.add(Rule::on(&["BatchExecuteStatement"], Fault::statements("ThrottlingError", Moment::Before, odd)).nth(1));
    proxy.add(Rule::on(&["BatchExecuteStatement"], Fault::statements("InternalServerError", Moment::After, odd)).nth(1));
    proxy.add(Rule::on(&["BatchExecuteStatement"], Fault::statements("ThrottlingError", Moment::Before, |_, _| true)).nth(1));
    let codes = |answer: &Json| -> Vec<Option<String>> {
        let responses = answer["Responses"].as_array().unwrap();
        responses.iter().map(|response| response["Error"]["Code"].as_str().map(str::to_owned)).collect()
    };
    let failed = |code: &str| vec![None, Some(code.to_owned()), None, Some(code.to_owned()), None];
    let answer = must(&proxy.endpoint_url(), "BatchExecuteStatement", &batch(1..=5, "x"));
    assert_eq!(codes(&answer), failed("ThrottlingError"));
    assert_eq!([1, 2, 3, 4, 5].map(|id| n_of(&direct, id)), ["x", "2", "x", "4", "x"]);
    let answer = must(&proxy.endpoint_url(), "BatchExecuteStatement", &batch(1..=5, "y"));
    assert_eq!(codes(&answer), failed("InternalServerError"));
    assert_eq!([1, 2, 3, 4, 5].map(|id| n_of(&direct, id)), ["y"; 5], "these were done all the same");
    let answer = must(&proxy.endpoint_url(), "BatchExecuteStatement", &batch(1..=5, "z"));
    assert_eq!(codes(&answer), vec![Some("ThrottlingError".to_owned()); 5]);
    assert_eq!(n_of(&direct, 1), "y");
    let forwarded: Vec<bool> = proxy.log().iter().map(|passed| passed.forwarded).collect();
    assert_eq!(forwarded, [true, true, false], "nothing is left of a batch in which all fail");
}

#[test]
fn answers_are_lost_cut_slow_or_never_come() {
    let world = World::with_rows(9);
    let (direct, proxy) = (world.running.endpoint_url(), Proxy::start(&world.running.endpoint_url()));
    let put_by = |id: u32, fault: Fault| {
        proxy.mend();
        proxy.add(Rule::on(&["PutItem"], fault));
        call(&proxy.endpoint_url(), "PutItem", &put(id, "new"))
    };
    assert!(put_by(1, Fault::Reset(Moment::Before)).is_err());
    assert!(put_by(2, Fault::Reset(Moment::After)).is_err());
    assert!(put_by(3, Fault::Hang(Moment::After)).is_err());
    assert_eq!(put_by(4, Fault::Foreign { status: 404 }).unwrap(), (404, Json::Null));
    assert_eq!([1, 2, 3, 4].map(|id| n_of(&direct, id)), ["1", "new", "new", "4"]);
    proxy.mend();
    let scan = json!({ "TableName": "Things" });
    let whole = call(&direct, "Scan", &scan).unwrap();
    proxy.add(Rule::on(&["Scan"], Fault::CutBody).nth(1));
    proxy.add(Rule::on(&["Scan"], Fault::SlowBody).nth(1));
    assert!(call(&proxy.endpoint_url(), "Scan", &scan).is_err(), "half of it is no answer");
    assert_eq!(call(&proxy.endpoint_url(), "Scan", &scan).unwrap(), whole, "slow, and whole");
}

#[test]
fn a_cancelled_transaction_names_the_action() {
    let world = World::with_rows(3);
    let (direct, proxy) = (world.running.endpoint_url(), Proxy::start(&world.running.endpoint_url()));
    proxy.add(Rule::on(&["TransactWriteItems"], Fault::cancelled("TransactionConflict", 1)));
    let transaction = json!({ "TransactItems": [{ "Put": put(1, "x") }, { "Put": put(2, "x") }] });
    let (status, answer) = call(&proxy.endpoint_url(), "TransactWriteItems", &transaction).unwrap();
    assert_eq!((status, &answer["CancellationReasons"][0]["Code"]), (400, &json!("None")));
    assert_eq!(answer["CancellationReasons"][1]["Code"], "TransactionConflict");
    assert_eq!(n_of(&direct, 1), "1");
}

#[test]
fn rules_choose_by_table_body_and_number_and_hooks_see_both_sides() {
    let world = World::with_rows(9);
    let (direct, proxy) = (world.running.endpoint_url(), Proxy::start(&world.running.endpoint_url()));
    proxy.add(Rule::on(&["PutItem"], Fault::error(400, "Never")).table("Others"));
    let seen = Arc::new(AtomicUsize::new(0));
    let (before, after, upstream) = (seen.clone(), seen.clone(), direct.clone());
    proxy.add(
        Rule::on(&["PutItem"], Fault::Reset(Moment::After))
            .only(|request| request.json["Item"]["Id"]["N"] == "7")
            .before(move |_| {
                before.fetch_add(1, Ordering::Relaxed);
            })
            .after(move |_| {
                // The application is quicker than whoever sends it again.
                assert_eq!(n_of(&upstream, 7), "new");
                must(&upstream, "PutItem", &put(7, "theirs"));
                after.fetch_add(10, Ordering::Relaxed);
            }),
    );
    proxy.add(Rule::on(&["GetItem"], Fault::error(400, "ThrottlingException")).from_nth(2));
    proxy.add(Rule::on(&["DeleteItem"], Fault::error(400, "ThrottlingException")).first(2));
    assert_eq!(call(&proxy.endpoint_url(), "PutItem", &put(1, "new")).unwrap().0, 200);
    assert!(call(&proxy.endpoint_url(), "PutItem", &put(7, "new")).is_err());
    assert_eq!((n_of(&direct, 7), seen.load(Ordering::Relaxed)), (json!("theirs"), 11));
    let status =
        |operation: &str| call(&proxy.endpoint_url(), operation, &json!({ "TableName": "Things", "Key": key(2) })).unwrap().0;
    assert_eq!([status("GetItem"), status("GetItem"), status("GetItem")], [200, 400, 400]);
    assert_eq!([status("DeleteItem"), status("DeleteItem"), status("DeleteItem")], [400, 400, 200]);
}

#[test]
fn a_share_is_the_same_for_the_same_seed() {
    let world = World::with_rows(1);
    let befallen = |seed| {
        let proxy = Proxy::start(&world.running.endpoint_url());
        proxy.add(Rule::on(&["GetItem"], Fault::error(400, "ThrottlingException")).share(30, seed));
        let get = json!({ "TableName": "Things", "Key": key(1) });
        (0..60).map(|_| call(&proxy.endpoint_url(), "GetItem", &get).unwrap().0 == 400).collect::<Vec<_>>()
    };
    let once = befallen(7);
    assert_eq!(befallen(7), once);
    assert_ne!(befallen(8), once);
    let count = once.iter().filter(|befallen| **befallen).count();
    assert!((5..=35).contains(&count), "about a third: {count}");
}

#[test]
fn an_answer_can_be_rewritten() {
    let world = World::with_rows(1);
    let proxy = Proxy::start(&world.running.endpoint_url());
    let change = |answer: &mut Json| answer["Table"]["TableStatus"] = json!("CREATING");
    proxy.add(Rule::on(&["DescribeTable"], Fault::Rewrite(Box::new(change))).nth(1));
    let status =
        || must(&proxy.endpoint_url(), "DescribeTable", &json!({ "TableName": "Things" }))["Table"]["TableStatus"].clone();
    assert_eq!([status(), status()], [json!("CREATING"), json!("ACTIVE")]);
}
