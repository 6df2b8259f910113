//! Whatever an item holds, the journal gives it back as it was.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::*;
use super::manifest;
use crate::model::arbitrary::{each, item as items, name, some, value};
use crate::model::{Action, Existing, Insert, Item, Patch, Update};

/// Actions with any values in every place that has some.
fn actions() -> impl Strategy<Value = Vec<Action>> {
    let patch = (items(), vec(name(), 0..3)).prop_map(|(set, remove)| Action::Patch(Patch { set, remove }));
    let insert = (items(), proptest::option::of(name()))
        .prop_map(|(item, table)| Action::Insert(Insert { table, item, existing: Existing::Keep }));
    let update = (vec((name(), value()), 0..3), vec((name(), name()), 0..3)).prop_map(|(values, names)| {
        let (values, target) = (values.into_iter().collect(), crate::model::Target::This);
        Action::Update(Update { target, expression: "SET #a = :a".into(), condition: None, names, values })
    });
    vec(prop_oneof![patch, insert, update], 1..3)
}

#[test]
fn any_entry_is_packed_and_unpacked_unchanged() {
    each(256, (items(), actions()), |(image, actions)| {
        let entries = vec![Entry { position: 7, image, actions }];
        let which = Which::Content(1, 2);
        let stored = which.squeeze(&entries).unwrap();
        let read: Vec<Entry> = which.expand(stored).unwrap();
        prop_assert_eq!(format!("{read:?}"), format!("{entries:?}"));
        Ok(())
    });
}

#[tokio::test]
async fn a_page_of_any_items_and_their_next_attempts_are_read_as_they_were_committed() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::create(dir.path(), &manifest(1), None).unwrap();
    let (each, seed) = some(200, (items(), actions()));
    let entry = |(position, (image, actions)): (u32, (Item, Vec<Action>))| Entry { position, image, actions };
    let entries: Vec<Entry> = (0..).zip(each).map(entry).collect();
    let scanned = entries.len() as u64;
    let record = PageRecord {
        segment: 0,
        page: 0,
        cursor: None,
        last: true,
        scanned,
        unchanged: 0,
        entries: entries.clone(),
        failures: vec![],
        elsewhere: vec![],
        logs: Logs::default(),
    };
    journal.commit_page(record).await.unwrap();
    journal.seal().await.unwrap();
    let read = journal.page(0, 0).unwrap().entries;
    assert_eq!(format!("{read:?}"), format!("{entries:?}"), "with the seed {seed}");
}
