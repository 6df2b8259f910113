//! `--no-atomic` and `--check-source`: several actions of one item each by itself, and actions elsewhere with a look at the
//! item.

use std::sync::Arc;

use drift_host::migration::FailureKind;
use drift_host::model::{Action, Description, Existing, Insert, Item, Patch, Value};
use drift_host::{Native, RunOptions};
use drift_tests::plain::must;
use drift_tests::proxy::{Fault, Moment, Rule};
use serde_json::{Value as Json, json};

use crate::application::{first_of, get};
use crate::place::{ITEMS, Place, Row, ending, thing};

fn apart() -> RunOptions {
    RunOptions { no_atomic: true, ..Row::options() }
}

fn put(endpoint: &str, item: &Json) {
    must(endpoint, "PutItem", &json!({ "TableName": "Things", "Item": item }));
}

/// The put of the copy of one item.
fn copy_of(id: u64, fault: Fault) -> Rule {
    let of = move |request: &drift_tests::proxy::Request| request.json["Item"]["Id"]["N"] == id.to_string();
    Rule::on(&["PutItem"], fault).table("Copies").only(of)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_action_goes_by_itself_inserts_first() {
    let row = Row::new(Place::Several);
    row.proxy.add(Rule::on(&["TransactWriteItems"], Fault::error(400, "AccessDeniedException")).table("Things"));
    let summary = row.migrator().await.run(Place::Several.migration(), &apart()).await.unwrap();
    row.check(Some(&summary)).await;
    assert_eq!((ending(&summary).as_str(), row.proxy.faults()), ("applied", 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_before_the_first_part_runs_the_migration_again_and_one_after_it_is_a_partial_failure() {
    let row = Row::new(Place::Several);
    let (direct, id) = (row.direct(), first_of(&row));
    // The application writes after the copy is made and before its source is patched.
    row.proxy.add(copy_of(id, Fault::Pass).after(move |_| put(&direct, &thing(id, 5_000))));
    let summary = row.migrator().await.run(Place::Several.migration(), &apart()).await.unwrap();
    assert_eq!(ending(&summary), "incomplete, 1 failed (1)");
    let error = &summary.errors[0];
    assert_eq!((error.key.clone(), error.failure), (format!("Id={id}"), Some(FailureKind::Partial)));
    assert!(error.message.contains("those before it were carried out"), "{}", error.message);
    assert_eq!(get(&row.direct(), "Things", id), thing(id, 5_000), "never run again: left as the application wrote it");
    assert_eq!(get(&row.direct(), "Copies", id), thing(id, id * 10), "this part was carried out");
    assert_eq!(summary.counts.conflicts, 0);
    let others = (1..=ITEMS).filter(|other| *other != id);
    others.for_each(|other| assert_eq!(get(&row.direct(), "Things", other), thing(other, other * 10 + 1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_without_an_answer_is_done_once() {
    for moment in [Moment::Before, Moment::After] {
        let row = Row::new(Place::Several);
        row.proxy.add(Rule::on(&["BatchExecuteStatement"], Fault::Reset(moment)).table("Things").first(1));
        let summary = row.migrator().await.run(Place::Several.migration(), &apart()).await.unwrap();
        row.check(Some(&summary)).await;
        assert_eq!(ending(&summary), "applied", "{moment:?}: the patch is guarded, and sent again");
    }
    let row = Row::new(Place::Several);
    row.proxy.add(copy_of(7, Fault::Reset(Moment::After)));
    let summary = row.migrator().await.run(Place::Several.migration(), &apart()).await.unwrap();
    assert_eq!(ending(&summary), "applied", "the copy is there, as ours is");
    let row = Row::new(Place::Several);
    row.proxy.add(copy_of(7, Fault::Reset(Moment::Before)));
    let summary = row.migrator().await.run(Place::Several.migration(), &apart()).await.unwrap();
    assert_eq!(ending(&summary), "incomplete, 1 in doubt (1)", "it may not be sent again, and is not there");
    assert_eq!(get(&row.direct(), "Things", 7), thing(7, 70), "what comes after it is not sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_part_that_stops_the_run_leaves_its_item_open_and_it_goes_on() {
    let row = Row::new(Place::Several);
    for operations in [&["BatchExecuteStatement"], &["UpdateItem"]] {
        row.proxy.add(Rule::on(operations, Fault::error(400, "AccessDeniedException")).table("Things"));
    }
    let migrator = row.migrator().await;
    let error = migrator.run(Place::Several.migration(), &apart()).await.unwrap_err();
    assert_eq!(error.exit_code(), 4, "{error}");
    row.proxy.mend();
    let journal = migrator.open(&row.started()).unwrap();
    let summary = migrator.apply(journal, Place::Several.migration(), &apart()).await.unwrap();
    row.check(Some(&summary)).await;
    assert_eq!(summary.state, "applied");
}

/// Copies of each item: so many, and a mark on the item.
fn fan_out(count: usize) -> Arc<Native> {
    let migrate = move |item: Item| {
        let id: i64 = item.get("Id").unwrap().as_n().unwrap().as_str().parse().unwrap();
        let copy = |at: usize| {
            let item = [("Id", Value::from(id * 1_000 + at as i64))].into_iter().collect();
            Action::Insert(Insert { table: Some("Copies".into()), item, existing: Existing::Keep })
        };
        let mark = Patch { set: [("copied", Value::from(count as i64))].into_iter().collect(), remove: vec![] };
        let count = if id == 7 { count } else { 0 };
        Ok::<_, String>((0..count).map(copy).chain([Action::Patch(mark)]).collect())
    };
    Arc::new(Native::new(Description::new(13, "fan out"), "1", migrate))
}

#[tokio::test(flavor = "multi_thread")]
async fn more_actions_than_a_transaction_holds_fail_at_the_plan_and_go_one_by_one() {
    let row = Row::new(Place::Several);
    let refused = row.migrator().await.run(fan_out(120), &Row::options()).await.unwrap();
    assert_eq!(ending(&refused), "refused, 1 failed (1)");
    assert!(refused.errors[0].message.contains("121 actions"), "{}", refused.errors[0].message);
    assert_eq!(row.world.table("Copies").await.len(), 0);
    let summary = row.migrator().await.run(fan_out(120), &apart()).await.unwrap();
    assert_eq!(ending(&summary), "applied");
    assert_eq!(row.world.table("Copies").await.len(), 120);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_check_of_the_source_what_is_copied_is_the_item_as_it_is() {
    let row = Row::new(Place::Insert);
    let (direct, id) = (row.direct(), first_of(&row));
    // Between the scan and the first write.
    row.proxy.add(
        Rule::on(&["TransactWriteItems"], Fault::Pass).table("Copies").first(1).before(move |_| put(&direct, &thing(id, 5_000))),
    );
    let options = RunOptions { check_source: true, ..Row::options() };
    let summary = row.migrator().await.run(Place::Insert.migration(), &options).await.unwrap();
    assert_eq!((ending(&summary).as_str(), summary.counts.conflicts), ("applied", 1));
    assert_eq!(get(&row.direct(), "Copies", id), thing(id, 5_000));
    assert_eq!(row.world.table("Copies").await.len() as u64, ITEMS);
}
