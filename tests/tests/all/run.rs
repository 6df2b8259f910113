//! The main job through the library, on the embedded DynamoDB, with native closures.

use std::sync::Arc;

use drift_host::history::Applied;
use drift_host::model::{Action, Description, Existing, Insert, Item, Patch, Target, Update, Value};
use drift_host::run::{MaxErrors, RunOptions};
use drift_host::{Error, Native};
use drift_tests::World;

fn set(name: &str, value: impl Into<Value>) -> Action {
    Action::Patch(Patch { set: [(name, value.into())].into_iter().collect(), remove: vec![] })
}

fn shout(item: &Item) -> Action {
    set("loud", item.get("name").and_then(Value::as_s).unwrap_or_default().to_uppercase())
}

fn shouting() -> Native {
    Native::new(Description::new(7, "shout").repeatable(), "1", |item| Ok::<_, String>(vec![shout(&item)]))
        .with_undo(|_| Ok::<_, String>(vec![Action::Patch(Patch { set: Item::new(), remove: vec!["loud".into()] })]))
}

fn id(item: &Item) -> String {
    item.get("Id").unwrap().as_n().unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_migrates_every_item_is_recorded_and_is_undone_exactly() {
    let world = World::with_rows(2_500);
    let before = world.table("Things").await;
    let migrator = world.migrator().await;
    let options = RunOptions::new("Things");

    let summary = migrator.run(Arc::new(shouting()), &options).await.unwrap();
    assert_eq!((summary.state.as_str(), summary.exit_code()), ("applied", 0));
    assert_eq!((summary.counts.scanned, summary.counts.changed, summary.counts.failed), (2_500, 2_500, 0));
    let after = world.table("Things").await;
    assert!(after.iter().all(|item| item.get("loud").and_then(Value::as_s).is_some_and(|text| text.starts_with("NAME "))));

    let applied: Vec<Applied> = migrator.applied().await.unwrap();
    assert_eq!(
        applied.iter().map(|row| (row.number.get(), row.table.as_str(), row.name.as_str())).collect::<Vec<_>>(),
        [(7, "Things", "shout")]
    );
    assert!(migrator.unfinished().await.unwrap().is_empty());

    let again = migrator.run(Arc::new(shouting()), &options).await.unwrap();
    assert_eq!((again.state.as_str(), again.exit_code()), ("already-applied", 0));
    assert_eq!(world.table("Things").await, after);

    let undone = migrator.undo(Arc::new(shouting()), &options).await.unwrap();
    assert_eq!((undone.state.as_str(), undone.exit_code()), ("undone", 0));
    assert_eq!(world.table("Things").await, before);
    assert!(migrator.applied().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_item_stops_at_the_seal_with_nothing_written_unless_it_is_allowed() {
    let world = World::with_rows(300);
    let before = world.table("Things").await;
    let migrator = world.migrator().await;
    let picky = || {
        let migrate = |item: Item| if id(&item) == "42" { Err("cannot read 42".to_owned()) } else { Ok(vec![shout(&item)]) };
        Arc::new(Native::new(Description::new(8, "picky"), "1", migrate))
    };
    let refused = migrator.run(picky(), &RunOptions::new("Things")).await.unwrap();
    assert_eq!((refused.state.as_str(), refused.exit_code()), ("refused", 1));
    assert_eq!(
        refused.errors.iter().map(|error| (error.key.as_str(), error.message.as_str())).collect::<Vec<_>>(),
        [("Id=42", "cannot read 42")]
    );
    assert_eq!(world.table("Things").await, before, "nothing was written");

    let mut options = RunOptions::new("Things");
    options.max_errors = MaxErrors::Count(1);
    let incomplete = migrator.run(picky(), &options).await.unwrap();
    assert_eq!((incomplete.state.as_str(), incomplete.exit_code()), ("incomplete", 1));
    let loud = world.table("Things").await.iter().filter(|item| item.contains("loud")).count();
    assert_eq!(loud, 299, "the others are migrated");
    assert!(migrator.applied().await.unwrap().is_empty(), "never recorded as applied");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_writes_nothing_and_is_applied_later_against_what_the_items_are_then() {
    let world = World::with_rows(120);
    let migrator = world.migrator().await;
    let planned = migrator.plan(Arc::new(shouting()), &RunOptions::new("Things")).await.unwrap();
    assert_eq!(planned.state, "planned");
    assert!(world.table("Things").await.iter().all(|item| !item.contains("loud")));

    // The application goes on: one item changes, one is deleted.
    let client = migrator.database().client();
    let key = |id: i32| drift_host::model::Key::from_attributes([("Id", Value::from(id))].into_iter().collect());
    let changed: Item = [("Id", Value::from(5)), ("name", "changed".into()), ("n", "5".into())].into_iter().collect();
    client.put_item("Things", &changed, None).await.unwrap();
    client.delete_item("Things", &key(6), None).await.unwrap();

    let journal = migrator.open(planned.run().unwrap()).unwrap();
    let summary = migrator.apply(journal, Arc::new(shouting()), &RunOptions::new("Things")).await.unwrap();
    assert_eq!(summary.state, "applied");
    assert_eq!((summary.counts.conflicts, summary.counts.skipped), (1, 1));
    let five = client.get_item("Things", &key(5), true).await.unwrap().unwrap();
    assert_eq!(five.get("loud"), Some(&"CHANGED".into()), "the migration ran again on the item as it is now");
    assert_eq!(client.get_item("Things", &key(6), true).await.unwrap(), None, "an item deleted meanwhile stays deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_action_is_carried_out_once() {
    let world = World::with_rows(40);
    let migrator = world.migrator().await;
    let many = Native::new(Description::new(9, "many"), "1", |item: Item| {
        let number: u64 = id(&item).parse().unwrap();
        let copy: Item = [("Id", Value::from(number + 1_000)), ("copy", true.into())].into_iter().collect();
        Ok::<_, String>(match number {
            1 => vec![Action::Delete(Target::This)],
            2 => vec![set("one", 1), Action::Insert(Insert { table: None, item: copy, existing: Existing::Keep })],
            3 => vec![Action::Update(Update {
                target: Target::This,
                expression: "SET #a = :x, #b = :y".into(),
                condition: None,
                names: vec![("#a".into(), "first".into()), ("#b".into(), "second".into())],
                values: [(":x", 1.into()), (":y", Value::from(2))].into_iter().collect(),
            })],
            4 => vec![Action::Insert(Insert { table: None, item: copy, existing: Existing::Fail })],
            _ => vec![],
        })
    });
    let summary = migrator.run(Arc::new(many), &RunOptions::new("Things")).await.unwrap();
    assert_eq!(summary.state, "applied", "{:?}", summary.errors);
    let table = world.table("Things").await;
    let find = |wanted: &str| table.iter().find(|item| id(item) == wanted);
    assert!(find("1").is_none());
    assert_eq!(find("2").unwrap().get("one"), Some(&1.into()));
    assert!(find("1002").is_some() && find("1004").is_some());
    assert_eq!((find("3").unwrap().get("first"), find("3").unwrap().get("second")), (Some(&1.into()), Some(&2.into())));
    assert_eq!(table.len(), 41);
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_one_action_is_carried_out() {
    let world = World::with_rows(1);
    let summary = world.migrator().await.run(Arc::new(shouting()), &RunOptions::new("Things")).await.unwrap();
    assert_eq!(summary.counts.changed, 1);
    assert!(world.table("Things").await[0].contains("loud"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_run_is_not_recorded_and_goes_on() {
    let world = World::with_rows(3_000);
    let stop = tokio_util::sync::CancellationToken::new();
    let stopping = stop.clone();
    let migrator = world.migrator().await.stop_by(stop).observe(move |event| {
        if matches!(event, drift_host::Event::Applied(_)) {
            stopping.cancel();
        }
    });
    let summary = migrator.run(Arc::new(shouting()), &RunOptions::new("Things")).await.unwrap();
    assert_eq!((summary.state.as_str(), summary.exit_code()), ("interrupted", 130));
    let migrator = world.migrator().await;
    assert!(migrator.applied().await.unwrap().is_empty());
    let refused = migrator.run(Arc::new(shouting()), &RunOptions::new("Things")).await;
    assert!(matches!(&refused, Err(Error::Known(_, text)) if text.contains("drift-host apply")), "{refused:?}");

    let journal = migrator.open(summary.run().unwrap()).unwrap();
    let finished = migrator.apply(journal, Arc::new(shouting()), &RunOptions::new("Things")).await.unwrap();
    assert_eq!((finished.state.as_str(), finished.counts.changed), ("applied", 3_000));
    assert!(world.table("Things").await.iter().all(|item| item.contains("loud")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_table_is_said_with_exit_code_4() {
    let world = World::with_rows(1);
    let error = world.migrator().await.run(Arc::new(shouting()), &RunOptions::new("Nowhere")).await.unwrap_err();
    assert_eq!(error.exit_code(), 4);
    assert!(error.to_string().contains("Nowhere"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_whose_migration_was_applied_meanwhile_is_not_applied_once_more() {
    let world = World::with_rows(20);
    let migrator = world.migrator().await;
    let more = || {
        let grow = |item: Item| {
            let loud = item.get("loud").and_then(Value::as_s).unwrap_or_default().to_owned();
            Ok::<_, String>(vec![set("loud", loud + "!")])
        };
        Arc::new(Native::new(Description::new(11, "more"), "1", grow))
    };
    let options = RunOptions::new("Things");
    let planned = migrator.plan(more(), &options).await.unwrap();
    assert_eq!(migrator.run(more(), &options).await.unwrap().state, "applied");
    let once = world.table("Things").await;
    let refused = migrator.apply(migrator.open(planned.run().unwrap()).unwrap(), more(), &options).await;
    assert!(matches!(&refused, Err(Error::Known(_, text)) if text.contains("has been applied")), "{refused:?}");
    assert_eq!(world.table("Things").await, once);
}
