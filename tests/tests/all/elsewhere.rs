//! Actions on other tables: keys that several items write, and tables and keys that are not there.

use std::sync::Arc;
use std::time::Duration;

use drift_host::dynamo::Billing;
use drift_host::model::{Action, Address, Description, Existing, Insert, Item, Key, KeyAttribute, KeySchema, KeyType};
use drift_host::model::{Patch, Target, Update, Value};
use drift_host::{Migrator, Native, RunOptions};
use drift_tests::World;

/// A table keyed by `Key`, a string.
async fn with_table(migrator: &Migrator, name: &str) {
    let key = KeySchema { partition: KeyAttribute { name: "Key".into(), kind: KeyType::S }, sort: None };
    let client = migrator.database().client();
    client.create_table(name, &key, &Billing::OnDemand).await.unwrap();
    client.wait_until_active(name, Duration::from_secs(10)).await.unwrap();
}

fn key(text: &str) -> Key {
    Key::from_attributes([("Key", text.into())].into_iter().collect())
}

fn insert(table: &str, of: &Item, text: &str, existing: Existing) -> Action {
    let from = of.get("Id").unwrap().clone();
    Action::Insert(Insert {
        table: Some(table.into()),
        item: [("Key", text.into()), ("from", from)].into_iter().collect(),
        existing,
    })
}

/// Adds the item's number to a list: a record of who wrote, in the order of the writes.
fn signed(table: &str, of: &Item) -> Action {
    Action::Update(Update {
        target: Target::Other(Address { table: Some(table.into()), key: key("log") }),
        expression: "SET #l = list_append(if_not_exists(#l, :none), :me)".into(),
        condition: None,
        names: vec![("#l".into(), "list".into())],
        values: [(":none", Value::L(vec![])), (":me", Value::L(vec![of.get("Id").unwrap().clone()]))].into_iter().collect(),
    })
}

fn chosen(item: &Item) -> bool {
    item.get("Id").unwrap().as_n().unwrap().to_string().ends_with("50")
}

fn options() -> RunOptions {
    let mut options = RunOptions::new("Things");
    options.segments = 2;
    options
}

/// Plans, and gives the numbers of the items with actions by segment, page and position, with the plan's journal.
async fn planned(migrator: &Migrator, migration: &Arc<Native>, shared: u64) -> (drift_host::journal::Journal, Vec<Value>) {
    let planned = migrator.plan(migration.clone(), &options()).await.unwrap();
    assert_eq!((planned.counts.changed, planned.counts.shared), (shared, shared));
    assert_eq!(planned.to_json()["items"]["shared"], shared);
    let journal = migrator.open(planned.run().unwrap()).unwrap();
    let mut order = Vec::new();
    for segment in journal.segments().unwrap() {
        assert!(segment.pages > 1, "the order is one over pages too");
        for page in 0..segment.pages {
            let entries = journal.page(segment.segment, page).unwrap().entries;
            order.extend(entries.iter().map(|entry| entry.image.get("Id").unwrap().clone()));
        }
    }
    assert_eq!(order.len() as u64, shared);
    (journal, order)
}

#[tokio::test(flavor = "multi_thread")]
async fn items_that_insert_one_key_of_another_table_do_so_in_the_order_of_the_plan() {
    let world = World::with_rows(2_500);
    let migrator = world.migrator().await;
    with_table(&migrator, "Others").await;
    // The content differs from item to item; the key does not.
    let migration = Arc::new(Native::new(Description::new(21, "gather"), "1", |item: Item| {
        Ok::<_, String>(match chosen(&item) {
            true if item.get("n").and_then(Value::as_s).is_some_and(|n| n.len() == 4) => {
                vec![insert("Others", &item, "first", Existing::Keep)]
            }
            true => vec![insert("Others", &item, "last", Existing::Replace)],
            false => vec![],
        })
    }));
    let (journal, order) = planned(&migrator, &migration, 25).await;
    let long = |id: &&Value| id.as_n().unwrap().to_string().len() == 4;
    let (first, last) = (order.iter().find(long).cloned(), order.iter().rfind(|id| !long(id)).cloned());
    let summary = migrator.apply(journal, migration, &options()).await.unwrap();
    assert_eq!(summary.state, "applied", "{:?}", summary.errors);
    let client = migrator.database().client();
    let from = async |text: &str| client.get_item("Others", &key(text), true).await.unwrap().unwrap().get("from").cloned();
    assert_eq!(from("first").await, first, "what is kept is the first");
    assert_eq!(from("last").await, last, "what is replaced ends as the last");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_item_that_shares_a_key_is_written_once_after_the_one_before() {
    let world = World::with_rows(2_500);
    let migrator = world.migrator().await;
    with_table(&migrator, "Others").await;
    let migration = Arc::new(Native::new(Description::new(22, "sign"), "1", |item: Item| {
        Ok::<_, String>(match chosen(&item) {
            true => vec![insert("Others", &item, "last", Existing::Replace), signed("Others", &item)],
            false => vec![],
        })
    }));
    let (journal, order) = planned(&migrator, &migration, 25).await;
    let summary = migrator.apply(journal, migration, &options()).await.unwrap();
    assert_eq!(summary.state, "applied", "{:?}", summary.errors);
    let log = migrator.database().client().get_item("Others", &key("log"), true).await.unwrap().unwrap();
    assert_eq!(log.get("list"), Some(&Value::L(order)));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_table_that_is_missing_is_said_at_the_plan_with_nothing_written() {
    let world = World::with_rows(1_200);
    let before = world.table("Things").await;
    let migrator = world.migrator().await;
    let migration = || {
        Arc::new(Native::new(Description::new(23, "astray"), "1", |item: Item| {
            let touched = [("touched", true.into())].into_iter().collect();
            Ok::<_, String>(match item.get("Id").unwrap().as_n().unwrap().to_string().as_str() {
                "700" => vec![insert("Nowhere", &item, "one", Existing::Keep)],
                _ => vec![Action::Patch(Patch { set: touched, remove: vec![] })],
            })
        }))
    };
    let planned = migrator.plan(migration(), &options()).await.unwrap_err();
    let ran = migrator.run(migration(), &options()).await.unwrap_err();
    for error in [planned, ran] {
        assert_eq!(error.exit_code(), 4, "{error}");
        assert!(error.to_string().contains("Nowhere"), "{error}");
    }
    assert_eq!(world.table("Things").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_none_of_the_other_tables_fails_its_item_at_the_plan() {
    let world = World::with_rows(3);
    let migrator = world.migrator().await;
    with_table(&migrator, "Others").await;
    let migration = Native::new(Description::new(24, "keyless"), "1", |item: Item| {
        let other = |pairs: Vec<(&str, Value)>| {
            let key = Key::from_attributes(pairs.into_iter().collect());
            vec![Action::Delete(Target::Other(Address { table: Some("Others".into()), key }))]
        };
        Ok::<_, String>(match item.get("Id").unwrap().as_n().unwrap().to_string().as_str() {
            "1" => {
                let item = [("Name", "no key".into())].into_iter().collect();
                vec![Action::Insert(Insert { table: Some("Others".into()), item, existing: Existing::Keep })]
            }
            "2" => other(vec![("Key", 7.into())]),
            _ => other(vec![("Key", "a".into()), ("More", "b".into())]),
        })
    });
    let planned = migrator.plan(Arc::new(migration), &options()).await.unwrap();
    let messages: Vec<_> = planned.errors.iter().map(|error| (error.key.as_str(), error.message.as_str())).collect();
    assert_eq!(planned.counts.failed, 3);
    for (key, words) in [
        ("Id=1", "insert in the table Others: the key attribute \"Key\" is missing"),
        ("Id=2", "delete in the table Others: the key attribute \"Key\" is of type N"),
        ("Id=3", "delete in the table Others: it has more attributes"),
    ] {
        assert!(messages.iter().any(|(of, message)| *of == key && message.contains(words)), "{words}: {messages:?}");
    }
}
