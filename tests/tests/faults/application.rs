//! The application writes at the worst moment, and the run ends at the worst moment.

use std::time::Duration;

use drift_host::model::{Action, Description, Item, Patch, Value};
use drift_host::{ExactlyOnce, Native};
use drift_tests::plain::must;
use drift_tests::proxy::{Fault, Moment, Rule};
use serde_json::{Value as Json, json};

use crate::place::{ITEMS, Place, Row, ending, thing};

fn put(endpoint: &str, item: &Json) {
    must(endpoint, "PutItem", &json!({ "TableName": "Things", "Item": item }));
}

pub fn key(id: u64) -> Json {
    json!({ "Id": { "N": id.to_string() } })
}

pub fn get(endpoint: &str, table: &str, id: u64) -> Json {
    must(endpoint, "GetItem", &json!({ "TableName": table, "Key": key(id), "ConsistentRead": true }))["Item"].clone()
}

/// A run of n + 1 whose first batch has no answer, while the application does something before it is sent again.
async fn between(moment: Moment, repeatable: bool, application: impl Fn(&str) + Send + Sync + 'static) -> (Row, String) {
    let row = Row::new(Place::Patch);
    let direct = row.direct();
    row.proxy.add(Place::Patch.rule(Fault::Reset(moment)).first(1).after(move |_| application(&direct)));
    let migrator = row.migrator().await;
    let summary = if repeatable {
        let describe = Description::new(8, "mark").repeatable();
        let mark = |item: Item| {
            let n: i64 = item.get("n").unwrap().as_n().unwrap().as_str().parse().unwrap();
            let set = [("mark", Value::from(n))].into_iter().collect();
            Ok::<_, String>(vec![Action::Patch(Patch { set, remove: vec![] })])
        };
        migrator.run(std::sync::Arc::new(Native::new(describe, "1", mark)), &Row::options()).await
    } else {
        migrator.run(Place::Patch.migration(), &Row::options()).await
    };
    let ended = ending(&summary.unwrap());
    (row, ended)
}

/// The item that the application writes to: among the first batch, whatever the order of the scan.
pub fn first_of(row: &Row) -> u64 {
    let page = must(&row.direct(), "Scan", &json!({ "TableName": "Things", "Limit": 1 }));
    page["Items"][0]["Id"]["N"].as_str().unwrap().parse().unwrap()
}

fn id() -> u64 {
    first_of(&Row::new(Place::Patch))
}

fn plus_one(id: u64) -> Json {
    thing(id, id * 10 + 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn done_and_changed_since_by_the_application_stays_in_doubt_and_is_left_alone() {
    let id = id();
    let (row, ended) = between(Moment::After, false, move |direct| put(direct, &thing(id, 5_000))).await;
    assert_eq!(ended, "incomplete, 1 in doubt (1)");
    assert_eq!(get(&row.direct(), "Things", id), thing(id, 5_000), "never 5001: nobody knows whether it has been counted");
    let others = (1..=ITEMS).filter(|other| *other != id);
    others.for_each(|other| assert_eq!(get(&row.direct(), "Things", other), plus_one(other)));
}

#[tokio::test(flavor = "multi_thread")]
async fn not_done_and_changed_since_by_the_application_stays_in_doubt_and_is_left_alone() {
    let id = id();
    let (row, ended) = between(Moment::Before, false, move |direct| put(direct, &thing(id, 5_000))).await;
    assert_eq!(ended, "incomplete, 1 in doubt (1)");
    assert_eq!(get(&row.direct(), "Things", id), thing(id, 5_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn done_and_an_attribute_added_since_is_done() {
    let id = id();
    let with_more = move || {
        let mut item = plus_one(id);
        item["more"] = json!({ "S": "theirs" });
        item
    };
    let (row, ended) = between(Moment::After, false, move |direct| put(direct, &with_more())).await;
    assert_eq!(ended, "applied");
    assert_eq!(get(&row.direct(), "Things", id), with_more(), "once, and the application's attribute is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn done_and_deleted_since_stays_in_doubt_and_is_not_made_again() {
    let id = id();
    let delete = move |direct: &str| drop(must(direct, "DeleteItem", &json!({ "TableName": "Things", "Key": key(id) })));
    let (row, ended) = between(Moment::After, false, delete).await;
    assert_eq!(ended, "incomplete, 1 in doubt (1)");
    assert_eq!(get(&row.direct(), "Things", id), Json::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeatable_migration_runs_again_on_what_the_application_wrote() {
    let id = id();
    for moment in [Moment::Before, Moment::After] {
        let (row, ended) = between(moment, true, move |direct| put(direct, &thing(id, 5_000))).await;
        assert_eq!(ended, "applied", "{moment:?}");
        let mut expected = thing(id, 5_000);
        expected["mark"] = json!({ "N": "5000" });
        assert_eq!(get(&row.direct(), "Things", id), expected, "{moment:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeatable_migration_skips_an_item_that_was_deleted_since() {
    let id = id();
    let delete = move |direct: &str| drop(must(direct, "DeleteItem", &json!({ "TableName": "Things", "Key": key(id) })));
    let (row, ended) = between(Moment::After, true, delete).await;
    assert_eq!(ended, "applied");
    assert_eq!(get(&row.direct(), "Things", id), Json::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_version_guard_the_version_tells_ours_from_theirs() {
    // The same change of n, once by us and once by the application: the version has gone up by two.
    let row = Row::new(Place::Patch);
    let direct = row.direct();
    (1..=ITEMS).for_each(|id| {
        let mut item = thing(id, id * 10);
        item["v"] = json!({ "N": "1" });
        put(&direct, &item);
    });
    let id = first_of(&row);
    let theirs = move || {
        let mut item = plus_one(id);
        item["v"] = json!({ "N": "3" });
        item
    };
    let hook = move |_: &_| put(&direct, &theirs());
    row.proxy.add(Place::Patch.rule(Fault::Reset(Moment::After)).first(1).after(hook));
    let mut options = Row::options();
    options.guard = "version=v".into();
    let summary = row.migrator().await.run(Place::Patch.migration(), &options).await.unwrap();
    assert_eq!(ending(&summary), "incomplete, 1 in doubt (1)");
    assert_eq!(get(&row.direct(), "Things", id), theirs());
    let mut other = plus_one(id % ITEMS + 1);
    other["v"] = json!({ "N": "2" });
    assert_eq!(get(&row.direct(), "Things", id % ITEMS + 1), other);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_sent_before_a_stop_is_not_in_doubt_afterwards() {
    // Stopped after the first batch of a chunk that was marked as sent; then the application changes what was not sent. As an
    // item in doubt it would have to be left alone; but it is certain that nothing was sent.
    let row = Row::new(Place::Patch);
    let stop = tokio_util::sync::CancellationToken::new();
    let stopping = stop.clone();
    row.proxy.add(Place::Patch.rule(Fault::Pass).nth(1).after(move |_| stopping.cancel()));
    let migrator = row.migrator().await.stop_by(stop);
    let summary = migrator.run(Place::Patch.migration(), &Row::options()).await.unwrap();
    assert_eq!((summary.state.as_str(), summary.exit_code()), ("interrupted", 130));
    drop(migrator);
    let ids = 1..=ITEMS;
    let open: Vec<u64> = ids.filter(|id| get(&row.direct(), "Things", *id) == thing(*id, id * 10)).collect();
    assert_eq!(open.len(), 35, "one batch was sent");
    open.iter().for_each(|id| put(&row.direct(), &thing(*id, id * 100)));
    let journal = row.migrator().await.open(&row.started()).unwrap();
    let finished = row.migrator().await.apply(journal, Place::Patch.migration(), &Row::options()).await.unwrap();
    assert_eq!(ending(&finished), "applied");
    assert_eq!(finished.counts.conflicts, 35);
    open.iter().for_each(|id| assert_eq!(get(&row.direct(), "Things", *id), thing(*id, id * 100 + 1)));
}

/// Runs until a write of `place` was carried out and has no answer, and ends there as if the process had died.
pub async fn dies_at(row: &Row, nth: u64) {
    let (died, dies) = tokio::sync::mpsc::unbounded_channel();
    let fault = row.place.rule(Fault::Hang(Moment::After)).nth(nth).after(move |_| {
        let _nobody_waits_any_more = died.send(());
    });
    row.proxy.add(fault);
    let mut dies = dies;
    tokio::select! {
        ended = row.run() => panic!("it was to die: {ended:?}"),
        _ = dies.recv() => {}
    }
    row.proxy.mend();
    // The journal is given up by the threads that were at work on it.
    for _ in 0..200 {
        match row.migrator().await.open(&row.started()) {
            Ok(_) => return,
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    panic!("the journal is still locked");
}

pub async fn goes_on(row: &Row) -> String {
    let migrator = row.migrator().await;
    let journal = migrator.open(&row.started()).unwrap();
    let summary = migrator.apply(journal, row.place.migration(), &Row::options()).await.unwrap();
    row.check(Some(&summary)).await;
    ending(&summary)
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_death_what_is_unguarded_and_in_doubt_is_never_sent_again() {
    let row = Row::new(Place::Add);
    dies_at(&row, 3).await;
    let ended = goes_on(&row).await;
    // All that was marked with it: two that were acknowledged, one that was not, and 22 that never left.
    assert_eq!(ended, "incomplete, 25 in doubt (1)");
    let totals = row.world.table("Totals").await;
    assert!(totals.iter().all(|total| total.get("n") == Some(&Value::from(1))), "never twice: {totals:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_death_guarded_writes_go_on_and_are_done_once() {
    for (place, nth) in [(Place::Patch, 2), (Place::Delete, 2), (Place::Several, 5)] {
        let row = Row::new(place);
        dies_at(&row, nth).await;
        assert_eq!(goes_on(&row).await, "applied", "{place:?}");
    }
}

/// A run through many faults at once, gone on with until it is done.
async fn storm(place: Place, seed: u64) {
    let row = Row::new(place);
    let faults = [
        Fault::Reset(Moment::After),
        Fault::Reset(Moment::Before),
        Fault::server_error(Moment::After),
        Fault::error(400, "ThrottlingException"),
        Fault::CutBody,
    ];
    for (at, fault) in (0u64..).zip(faults) {
        row.proxy.add(place.rule(fault).share(12, seed * 10 + at));
    }
    let mut ended = row.run().await;
    for _ in 0..20 {
        row.check(ended.as_ref().ok()).await;
        if ended.is_ok() {
            break;
        }
        ended = row.go_on().await;
    }
    let summary = ended.unwrap();
    row.check(Some(&summary)).await;
    assert!(matches!(summary.state.as_str(), "applied" | "incomplete"), "{}", summary.state);
    assert_eq!(summary.counts.failed, 0, "{place:?}: {:?}", summary.errors);
    if place.proof() != ExactlyOnce::No {
        assert_eq!(summary.state, "applied", "{place:?}: with proof nothing stays in doubt");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn through_a_storm_every_item_is_done_once_or_listed() {
    let writes = |place: &Place| !matches!(place, Place::Scan | Place::Lease | Place::History);
    let places = Place::ALL.into_iter().filter(writes);
    let storms: Vec<_> = places.map(|place| tokio::spawn(storm(place, 7))).collect();
    for storm in storms {
        storm.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_does_not_bring_the_present_item_is_looked_up() {
    let id = id();
    let row = Row::new(Place::Patch);
    let direct = row.direct();
    let strip = |answer: &mut Json| {
        for response in answer["Responses"].as_array_mut().unwrap() {
            if let Some(error) = response.get_mut("Error").and_then(Json::as_object_mut) {
                assert!(error.remove("Item").is_some(), "the refusal had the item");
            }
        }
    };
    let rule = Place::Patch.rule(Fault::Rewrite(Box::new(strip))).first(1);
    row.proxy.add(rule.before(move |_| put(&direct, &thing(id, 5_000))));
    let summary = row.run().await.unwrap();
    assert_eq!((ending(&summary).as_str(), summary.counts.conflicts), ("applied", 1));
    assert_eq!(get(&row.direct(), "Things", id), thing(id, 5_001), "it ran again on what is there now");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_insert_that_keeps_what_exists_is_left_out_and_the_rest_is_done_once_though_its_answer_is_lost() {
    let row = Row::new(Place::Several);
    let theirs = json!({ "Id": { "N": "7" }, "theirs": { "BOOL": true } });
    must(&row.direct(), "PutItem", &json!({ "TableName": "Copies", "Item": theirs }));
    row.proxy.add(Place::Patch.rule(Fault::Reset(Moment::After)).first(1));
    let summary = row.run().await.unwrap();
    assert_eq!(ending(&summary), "applied");
    assert!(row.proxy.faults() > 0, "what was left is a lone patch, in a batch");
    assert_eq!(get(&row.direct(), "Things", 7), plus_one(7));
    assert_eq!(get(&row.direct(), "Copies", 7), theirs);
    assert_eq!(get(&row.direct(), "Copies", 8), thing(8, 80));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_after_a_lost_acknowledgement_is_not_taken_for_not_done() {
    let row = Row::new(Place::Patch);
    row.proxy.add(Place::Patch.rule(Fault::Reset(Moment::After)).nth(1));
    row.proxy.add(Place::Patch.rule(Fault::error(400, "SomethingNewException")).nth(1));
    let summary = row.run().await.unwrap();
    row.check(Some(&summary)).await;
    assert_eq!(ending(&summary), "applied", "sent again, it failed; but it had been done the first time");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_kept_though_another_item_ends_the_run() {
    let id = id();
    let row = Row::new(Place::Insert);
    row.proxy.add(Place::Insert.rule(Fault::Reset(Moment::After)).nth(6));
    row.proxy.add(Rule::on(&["GetItem"], Fault::error(400, "AccessDeniedException")).table("Copies"));
    let error = row.run().await.unwrap_err();
    assert_eq!(error.exit_code(), 4, "the sixth cannot be looked at: {error}");
    row.proxy.mend();
    // The first was acknowledged. Were that lost, it could not be told from one that was never done.
    let theirs = json!({ "Id": { "N": id.to_string() }, "theirs": { "BOOL": true } });
    must(&row.direct(), "PutItem", &json!({ "TableName": "Copies", "Item": theirs }));
    assert_eq!(ending(&row.go_on().await.unwrap()), "applied");
    assert_eq!(get(&row.direct(), "Copies", id), theirs);
}
