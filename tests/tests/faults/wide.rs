//! Items with more attributes than a condition holds.

use std::sync::Arc;

use drift_host::Native;
use drift_host::model::{Action, Description, Item, Patch, Value};
use drift_tests::plain::must;
use drift_tests::proxy::{Fault, Moment, Rule};
use serde_json::{Value as Json, json};

use crate::place::{Place, Row, ending, thing};

/// An item with 200 more attributes.
fn wide(id: u64) -> Json {
    let mut item = thing(id, id * 10);
    (0..200).for_each(|at| item[format!("a{at}")] = json!({ "N": at.to_string() }));
    item
}

fn put(endpoint: &str, item: &Json) {
    must(endpoint, "PutItem", &json!({ "TableName": "Things", "Item": item }));
}

fn migration(number: u32, actions: impl Fn(&Item) -> Vec<Action> + Send + Sync + 'static) -> Arc<Native> {
    Arc::new(Native::new(Description::new(number, "wide"), "1", move |item| Ok::<_, String>(actions(&item))))
}

fn set(attributes: usize) -> Vec<Action> {
    let set = (0..attributes).map(|at| (format!("new{at}"), Value::from(at as u64))).collect();
    vec![Action::Patch(Patch { set, remove: vec![] })]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wide_item_is_guarded_by_part_and_counted_and_what_is_changed_is_always_guarded() {
    let row = Row::new(Place::Patch);
    put(&row.direct(), &wide(7));
    put(&row.direct(), &wide(8));
    let direct = row.direct();
    // Before the wide items are written, the application changes in one of them what the migration changes.
    let changed = move |_: &_| {
        let mut item = wide(8);
        item["n"] = json!({ "N": "5000" });
        put(&direct, &item);
    };
    row.proxy.add(Rule::on(&["UpdateItem"], Fault::Pass).table("Things").nth(1).before(changed));
    let summary = row.run().await.unwrap();
    assert_eq!(ending(&summary), "applied, 3 single writes", "two, and one of them again after the conflict");
    assert_eq!((summary.partly_guarded, summary.counts.conflicts), (2, 1));
    let n = |id: u64| {
        let key = json!({ "Id": { "N": id.to_string() } });
        must(&row.direct(), "GetItem", &json!({ "TableName": "Things", "Key": key }))["Item"]["n"]["N"].clone()
    };
    assert_eq!([n(7), n(8), n(9)], [json!("71"), json!("5001"), json!("91")]);
    assert_eq!(summary.to_json()["writes"], json!({ "single": 3, "partly_guarded": 2 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_that_no_condition_can_guard_fails_with_words() {
    let row = Row::new(Place::Patch);
    let few = migration(11, |item| set(if item.get("Id") == Some(&Value::from(7)) { 160 } else { 3 }));
    let summary = row.migrator().await.run(few, &Row::options()).await.unwrap();
    assert_eq!(ending(&summary), "incomplete, 1 failed, 1 single writes (1)");
    let error = &summary.errors[0];
    assert_eq!(error.key, "Id=7");
    assert!(error.message.contains("160 attributes") && error.message.contains("--guard version="), "{}", error.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_changes_than_an_expression_holds_fail_with_words() {
    let row = Row::new(Place::Patch);
    (1..=60).for_each(|id| {
        let mut item = thing(id, id * 10);
        item["v"] = json!({ "N": "1" });
        put(&row.direct(), &item);
    });
    let mut options = Row::options();
    options.guard = "version=v".into();
    let many = migration(12, |item| set(if item.get("Id") == Some(&Value::from(7)) { 700 } else { 3 }));
    let summary = row.migrator().await.run(many, &options).await.unwrap();
    assert_eq!(ending(&summary), "incomplete, 1 failed, 1 single writes (1)");
    assert!(summary.errors[0].message.contains("701 attributes"), "{}", summary.errors[0].message);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wide_item_with_a_lost_acknowledgement_is_done_once() {
    let row = Row::new(Place::Patch);
    put(&row.direct(), &wide(7));
    row.proxy.add(Rule::on(&["UpdateItem"], Fault::Reset(Moment::After)).table("Things").nth(1));
    let summary = row.run().await.unwrap();
    assert_eq!(summary.state, "applied");
    let item = must(&row.direct(), "GetItem", &json!({ "TableName": "Things", "Key": { "Id": { "N": "7" } } }))["Item"].clone();
    assert_eq!(item["n"]["N"], "71");
}
