//! `--exactly-once`: a migration that is not repeatable is exact, whatever the application does between a lost acknowledgement
//! and the resend; and without it the very same is in doubt.

use std::sync::Arc;

use drift_host::model::{Action, Address, Description, Item, Key, Patch, Target, Update, Value};
use drift_host::{ExactlyOnce, Native, RunOptions};
use drift_tests::plain::must;
use drift_tests::proxy::{Fault, Moment};
use serde_json::{Value as Json, json};

use crate::application::{dies_at, first_of, get, goes_on, key};
use crate::place::{ITEMS, Place, Row, STAMP, ending, thing};

/// The application changes one attribute and leaves the others: `change` is an update expression over `#n` and `:v`.
fn update(endpoint: &str, id: u64, change: &str, value: i64) {
    let request = json!({ "TableName": "Things", "Key": key(id), "UpdateExpression": change,
        "ExpressionAttributeNames": { "#n": "n" }, "ExpressionAttributeValues": { ":v": { "N": value.to_string() } } });
    must(endpoint, "UpdateItem", &request);
}

fn n(row: &Row, id: u64) -> i64 {
    get(&row.direct(), "Things", id)["n"]["N"].as_str().unwrap().parse().unwrap()
}

/// A run of n + 1 whose first write has no answer, while the application does something before it is sent again.
async fn between(place: Place, moment: Moment, application: impl Fn(&str, u64) + Send + Sync + 'static) -> (Row, u64, String) {
    let row = Row::new(place);
    let (direct, id) = (row.direct(), first_of(&row));
    row.proxy.add(place.rule(Fault::Reset(moment)).first(1).after(move |_| application(&direct, id)));
    let summary = row.run().await.unwrap();
    (1..=ITEMS).filter(|other| *other != id).for_each(|other| assert_eq!(n(&row, other), other as i64 * 10 + 1));
    (row, id, ending(&summary))
}

const MOMENTS: [Moment; 2] = [Moment::Before, Moment::After];
const PROVED: [Place; 3] = [Place::PatchStamp, Place::PatchReceipts, Place::ExpressionStamp];

#[tokio::test(flavor = "multi_thread")]
async fn with_proof_a_counter_goes_up_by_exactly_one_though_the_application_counts_too_before_the_resend() {
    for (place, moment) in PROVED.into_iter().flat_map(|place| MOMENTS.map(|moment| (place, moment))) {
        let (row, id, ended) = between(place, moment, |direct, id| update(direct, id, "ADD #n :v", 100)).await;
        assert_eq!(ended, "applied", "{place:?}, {moment:?}");
        assert_eq!(n(&row, id), id as i64 * 10 + 100 + 1, "{place:?}, {moment:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_proof_the_same_is_in_doubt() {
    for (place, moment) in [Place::Patch, Place::Expression].into_iter().flat_map(|place| MOMENTS.map(|moment| (place, moment))) {
        let (row, id, ended) = between(place, moment, |direct, id| update(direct, id, "ADD #n :v", 100)).await;
        assert_eq!(ended, "incomplete, 1 in doubt (1)", "{place:?}, {moment:?}");
        let ours = i64::from(moment == Moment::After);
        assert_eq!(n(&row, id), id as i64 * 10 + 100 + ours, "{place:?}, {moment:?}: left alone");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_proof_what_the_application_puts_back_as_it_was_is_not_counted_again() {
    for place in PROVED {
        let back = |direct: &str, id: u64| update(direct, id, "SET #n = :v", id as i64 * 10);
        let (row, id, ended) = between(place, Moment::After, back).await;
        assert_eq!((ended.as_str(), n(&row, id)), ("applied", id as i64 * 10), "{place:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_tells_even_what_a_rewrite_of_the_whole_item_takes_from_a_stamp() {
    let rewrite =
        |direct: &str, id: u64| drop(must(direct, "PutItem", &json!({ "TableName": "Things", "Item": thing(id, 5_000) })));
    let (row, id, ended) = between(Place::PatchReceipts, Moment::After, rewrite).await;
    assert_eq!((ended.as_str(), n(&row, id)), ("applied", 5_000), "it was done before the application wrote");
    let (row, id, ended) = between(Place::PatchStamp, Moment::After, rewrite).await;
    assert_eq!((ended.as_str(), n(&row, id)), ("applied", 5_001), "docs/exactly-once.md says that this defeats a stamp");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_proof_an_item_that_the_application_deletes_before_the_resend_stays_deleted() {
    let places = [Place::PatchStamp, Place::PatchReceipts, Place::ExpressionStamp];
    for (place, moment) in places.into_iter().flat_map(|place| MOMENTS.map(|moment| (place, moment))) {
        let row = Row::new(place);
        let (direct, id) = (row.direct(), first_of(&row));
        let delete = move |_: &_| drop(must(&direct, "DeleteItem", &json!({ "TableName": "Things", "Key": key(id) })));
        row.proxy.add(place.rule(Fault::Reset(moment)).first(1).after(delete));
        let summary = row.run().await.unwrap();
        assert_eq!(ending(&summary), "applied", "{place:?}, {moment:?}");
        assert_eq!(get(&row.direct(), "Things", id), Json::Null);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_death_what_has_proof_goes_on_and_is_done_once() {
    for (place, nth) in [(Place::PatchStamp, 2), (Place::PatchReceipts, 5), (Place::AddReceipts, 3), (Place::ExpressionStamp, 5)]
    {
        let row = Row::new(place);
        dies_at(&row, nth).await;
        assert_eq!(goes_on(&row).await, "applied", "{place:?}");
    }
}

/// `ADD` 1 elsewhere for each item, with the stamp on the item.
fn add_elsewhere() -> Arc<Native> {
    let migrate = |item: Item| {
        let key = Key::from_attributes([("Id", item.get("Id").unwrap().clone())].into_iter().collect());
        Ok::<_, String>(vec![Action::Update(Update {
            target: Target::Other(Address { table: Some("Totals".into()), key }),
            expression: "ADD #n :one".into(),
            condition: None,
            names: vec![("#n".into(), "n".into())],
            values: [(":one", Value::from(1))].into_iter().collect(),
        })])
    };
    Arc::new(Native::new(Description::new(9, "elsewhere"), "1", migrate))
}

fn stamped() -> RunOptions {
    RunOptions { exactly_once: ExactlyOnce::Stamp(STAMP.into()), ..Row::options() }
}

#[tokio::test(flavor = "multi_thread")]
async fn actions_elsewhere_bring_the_stamp_along_and_happen_once_though_the_answer_is_lost() {
    let row = Row::new(Place::Add);
    let (direct, id) = (row.direct(), first_of(&row));
    let rule = drift_tests::proxy::Rule::on(&["TransactWriteItems"], Fault::Reset(Moment::After)).table("Totals");
    row.proxy.add(rule.first(1).after(move |_| update(&direct, id, "SET #n = :v", 5_000)));
    let summary = row.migrator().await.run(add_elsewhere(), &stamped()).await.unwrap();
    assert_eq!(ending(&summary), "applied");
    let run = summary.run().unwrap().to_owned();
    for id in 1..=ITEMS {
        assert_eq!(get(&row.direct(), "Totals", id)["n"]["N"], "1", "item {id}");
        assert_eq!(get(&row.direct(), "Things", id)[STAMP]["S"], run.as_str(), "item {id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_stamped_is_said_at_the_plan_with_nothing_written() {
    let row = Row::new(Place::Delete);
    let before = row.world.table("Things").await;
    let summary = row.migrator().await.run(Place::Delete.migration(), &stamped()).await.unwrap();
    assert_eq!(ending(&summary), format!("refused, {ITEMS} failed (1)"));
    assert!(summary.errors.iter().all(|error| error.message.contains("--exactly-once receipts")), "{:?}", summary.errors[0]);
    assert_eq!(row.world.table("Things").await, before);
    let key = RunOptions { exactly_once: ExactlyOnce::Stamp("Id".into()), ..Row::options() };
    let error = row.migrator().await.run(Place::Patch.migration(), &key).await.unwrap_err();
    assert_eq!(error.exit_code(), 2, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_replaces_the_stamp_and_drops_the_receipts_and_the_migration_can_run_once_more() {
    for proof in [ExactlyOnce::Stamp(STAMP.into()), ExactlyOnce::Receipts] {
        let row = Row::new(Place::Patch);
        let by = |step: i64| {
            move |item: Item| {
                let n: i64 = item.get("n").unwrap().as_n().unwrap().as_str().parse().unwrap();
                let set = [("n", Value::from(n + step))].into_iter().collect();
                Ok::<_, String>(vec![Action::Patch(Patch { set, remove: vec![] })])
            }
        };
        let migration = Arc::new(Native::new(Description::new(10, "count"), "1", by(1)).with_undo(by(-1)));
        let options = RunOptions { exactly_once: proof.clone(), ..Row::options() };
        let migrator = row.migrator().await;
        let receipts = async || match proof {
            ExactlyOnce::Receipts => row.world.table("drift_migrations_receipts").await.len() as u64,
            _ => 0,
        };
        let expected = if proof == ExactlyOnce::Receipts { ITEMS } else { 0 };
        for _ in 0..2 {
            let ran = migrator.run(migration.clone(), &options).await.unwrap();
            assert_eq!((ending(&ran).as_str(), receipts().await), ("applied", expected));
            (1..=ITEMS).for_each(|id| assert_eq!(n(&row, id), id as i64 * 10 + 1));
            let undone = migrator.undo(migration.clone(), &options).await.unwrap();
            assert_eq!((ending(&undone).as_str(), receipts().await), ("undone", 0));
            for id in 1..=ITEMS {
                let item = get(&row.direct(), "Things", id);
                assert_eq!(n(&row, id), id as i64 * 10);
                if proof != ExactlyOnce::Receipts {
                    assert_eq!(item[STAMP]["S"], undone.run().unwrap());
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_says_the_write_units_it_needs_and_the_run_takes_them() {
    for (place, units) in [
        (Place::Patch, 1.0),
        (Place::PatchStamp, 1.0),
        (Place::PatchReceipts, 4.0),
        (Place::Several, 4.0),
        (Place::Delete, 1.0),
        (Place::AddReceipts, 4.0),
    ] {
        let row = Row::new(place);
        let migrator = row.migrator().await;
        let planned = migrator.plan(place.migration(), &place.options()).await.unwrap();
        let needed = units * ITEMS as f64;
        assert_eq!(planned.needed_units, Some(needed), "{place:?}");
        assert_eq!(planned.to_json()["units"]["needed"], needed);
        let journal = migrator.open(planned.run().unwrap()).unwrap();
        let ran = migrator.apply(journal, place.migration(), &place.options()).await.unwrap();
        let beside = ran.units.1 - needed;
        assert!((0.0..=40.0).contains(&beside), "{place:?}: {beside} for lease and history");
        assert_eq!(ran.needed_units, None);
    }
}
