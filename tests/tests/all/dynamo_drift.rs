//! Tables that dynamo-drift kept are read and continued.

use std::sync::Arc;

use drift_host::dynamo::Billing;
use drift_host::model::{Action, Description, Item, KeyAttribute, KeySchema, KeyType, Patch, Value};
use drift_host::run::RunOptions;
use drift_host::{Error, Migrator, Native};
use drift_tests::World;

fn touch(number: u32) -> Arc<Native> {
    let patch = || Patch { set: [("touched", Value::from(true))].into_iter().collect(), remove: vec![] };
    Arc::new(Native::new(Description::new(number, "touch"), "1", move |_| Ok::<_, String>(vec![Action::Patch(patch())])))
}

/// As dynamo-drift's `Init` and `insertMetaItem` leave it.
async fn kept_by_dynamo_drift(migrator: &Migrator) {
    let client = migrator.database().client();
    let key = KeySchema { partition: KeyAttribute { name: "Number".into(), kind: KeyType::N }, sort: None };
    client.create_table("Old", &key, &Billing::Provisioned { read: 10, write: 10 }).await.unwrap();
    for (number, table) in [(0, "Things"), (1, "Things"), (2, "Elsewhere")] {
        let row: Item = [("Number", number.into()), ("TableName", Value::from(table)), ("Description", "by hand".into())]
            .into_iter()
            .collect();
        client.put_item("Old", &row, None).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn its_history_is_read_and_continued_in_its_own_form() {
    let world = World::with_rows(3);
    let migrator = world.migrator().await.meta_table("Old");
    kept_by_dynamo_drift(&migrator).await;
    let (_, out, error) = world.drift_host(&["status", "--meta-table", "Old"]);
    assert_eq!(out.matches("by hand").count(), 3, "{out}{error}");

    let options = RunOptions::new("Things");
    assert_eq!(migrator.run(touch(1), &options).await.unwrap().state, "already-applied");
    let refused = migrator.run(touch(2), &options).await;
    assert!(matches!(&refused, Err(Error::Known(_, text)) if text.contains("Elsewhere")), "{refused:?}");
    assert_eq!(migrator.run(touch(3), &options).await.unwrap().state, "applied");

    let rows = world.table("Old").await;
    let row = rows.iter().find(|row| row.get("Number") == Some(&3.into())).unwrap();
    assert_eq!(row.get("TableName"), Some(&"Things".into()));
    assert!(matches!(row.get("Description"), Some(Value::S(_))), "what its own reader looks for");
    assert_eq!(rows.len(), 4, "applied migrations only: leases and runs stand elsewhere");
}
