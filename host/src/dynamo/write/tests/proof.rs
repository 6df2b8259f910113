//! Stamps, receipts, and the check of the handed-in item.

use super::*;

const RUN: &str = "run-1";

fn stamp(run: &str) -> Arc<Terms> {
    let proof = Proof::Stamp { attribute: "by".into(), run: run.into() };
    Arc::new(Terms { proof, ..Terms::default() })
}

fn receipts() -> Arc<Terms> {
    let proof = Proof::Receipt { table: "Receipts".into(), run: RUN.into() };
    Arc::new(Terms { proof, ..Terms::default() })
}

fn on(terms: &Arc<Terms>, image: &Item, actions: Vec<Action>) -> Attempt {
    // Another token each time: what is sent again is to meet its proof, and not DynamoDB's memory of the token.
    let token = fastrand::u64(..).to_string();
    Attempt { terms: terms.clone(), token, ..attempt(image, actions) }
}

fn other(table: &str, pk: &str) -> Target {
    Target::Other(Address { table: Some(table.into()), key: key(pk) })
}

/// Writes `n` = 1 and sends the actions twice, the second time as if the first had had no answer; gives both outcomes and the
/// item.
async fn twice(db: &Embedded, table: &TableInfo, terms: &Arc<Terms>, actions: Vec<Action>) -> (Vec<Outcome>, Option<Item>) {
    let image = item(&[("pk", "a".into()), ("n", 1.into())]);
    put(db, "Items", &image).await;
    let mut outcomes = write(db, table, vec![on(terms, &image, actions.clone())]).await;
    outcomes.extend(write(db, table, vec![on(terms, &image, actions)]).await);
    (outcomes, get(db, "Items", "a").await)
}

async fn impossible(db: &Embedded, table: &TableInfo, terms: &Arc<Terms>, image: &Item, actions: Vec<Action>) -> String {
    let said = db.database.client().impossible(table, terms, image, &actions).await.unwrap();
    let outcomes = write(db, table, vec![on(terms, image, actions)]).await;
    match (said, outcomes.as_slice()) {
        (Some(said), [Outcome::Failed { message, .. }]) => {
            assert_eq!(said, *message, "the plan says what the write says");
            said
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_write_on_an_item_stamps_it_and_is_refused_by_the_stamp_when_sent_again() {
    let db = Embedded::start().await;
    let table = db.table("Items").await;
    db.table("Other").await;
    let whole = item(&[("pk", "a".into()), ("n", 7.into())]);
    let over = Action::Insert(Insert { table: None, item: whole, existing: Existing::Replace });
    // Each leaves n at what the guard has seen, or the application puts it back: only the stamp tells.
    let writes = [
        (vec![set("m", 1)], false),
        (vec![update(Target::This, "SET #g0 = #g0 + :g0", None)], true),
        (vec![update(Target::This, "ADD #g0 :g0", None)], true),
        (vec![update(Target::This, "REMOVE x SET #g0 = #g0 + :g0", Some("#g0 = :g0"))], true),
        (vec![over], true),
        (vec![set("m", 1), insert(Some("Other"), "x", Existing::Replace)], false),
        (vec![update(other("Other", "y"), "ADD #g0 :g0", None)], false),
    ];
    for (actions, puts_back) in writes {
        let image = item(&[("pk", "a".into()), ("n", 1.into())]);
        put(&db, "Items", &image).await;
        let first = write(&db, &table, vec![on(&stamp(RUN), &image, actions.clone())]).await;
        assert!(matches!(first.as_slice(), [Outcome::Accepted]), "{actions:?}: {first:?}");
        let mut now = get(&db, "Items", "a").await.unwrap();
        assert_eq!(now.get("by"), Some(&RUN.into()), "{actions:?}");
        assert!(stamp(RUN).is_stamped(&now) && !stamp("run-2").is_stamped(&now));
        if puts_back {
            now.insert("n", 1.into());
            put(&db, "Items", &now).await;
        }
        let again = write(&db, &table, vec![on(&stamp(RUN), &image, actions.clone())]).await;
        let present = match again.as_slice() {
            [Outcome::Refused { present: Some(present) }] => present,
            other => panic!("{actions:?}: {other:?}"),
        };
        assert_eq!(*present, now, "{actions:?}");
        // Another run replaces the stamp, and is guarded by it.
        let third = write(&db, &table, vec![on(&stamp("run-2"), &now, vec![set("z", 1)])]).await;
        assert!(matches!(third.as_slice(), [Outcome::Accepted]), "{actions:?}: {third:?}");
        assert!(stamp("run-2").is_stamped(&get(&db, "Items", "a").await.unwrap()));
    }
    let total = get(&db, "Other", "y").await.unwrap();
    assert_eq!(total.get("n"), Some(&1.into()), "elsewhere too it is done once");
}

#[tokio::test]
async fn a_stamp_and_a_version_go_together_and_a_statement_still_carries_both() {
    let db = Embedded::start().await;
    let table = db.table("Items").await;
    let image = item(&[("pk", "a".into()), ("v", 4.into())]);
    put(&db, "Items", &image).await;
    let terms = Arc::new(Terms { guard: Guard::Version("v".into()), ..stamp(RUN).as_ref().clone() });
    let before = db.database.meter().snapshot();
    let outcomes = write(&db, &table, vec![on(&terms, &image, vec![set("n", 1)])]).await;
    assert!(matches!(outcomes.as_slice(), [Outcome::Accepted]), "{outcomes:?}");
    assert_eq!(db.database.meter().snapshot().single_writes, before.single_writes);
    let now = item(&[("pk", "a".into()), ("v", 5.into()), ("n", 1.into()), ("by", RUN.into())]);
    assert_eq!(get(&db, "Items", "a").await.unwrap(), now);
    let outcomes = write(&db, &table, vec![on(&terms, &now, vec![update(Target::This, "SET #g0 = #g0 + :g0", None)])]).await;
    assert!(matches!(outcomes.as_slice(), [Outcome::Accepted]), "{outcomes:?}");
    let now = get(&db, "Items", "a").await.unwrap();
    assert_eq!((now.get("v"), now.get("n")), (Some(&6.into()), Some(&2.into())));
}

#[tokio::test]
async fn what_cannot_be_stamped_fails_and_is_known_beforehand() {
    let db = Embedded::start().await;
    let table = db.table("Items").await;
    let image = item(&[("pk", "a".into()), ("n", 1.into()), ("by", "me".into())]);
    put(&db, "Items", &image).await;
    let gone = impossible(&db, &table, &stamp(RUN), &image, vec![Action::Delete(Target::This)]).await;
    assert!(gone.contains("--exactly-once receipts"), "{gone}");
    for actions in [
        vec![set("by", "mine")],
        vec![Action::Patch(Patch { set: Item::new(), remove: vec!["by".into()] })],
        vec![update(Target::This, "SET #g0 = :g0, by = :g0", None)],
    ] {
        let touched = impossible(&db, &table, &stamp(RUN), &image, actions).await;
        assert!(touched.contains("\"by\"") && touched.contains("stamp"), "{touched}");
    }
    assert_eq!(get(&db, "Items", "a").await.unwrap(), image);
}

#[tokio::test]
async fn an_item_without_effective_actions_is_neither_stamped_nor_sent() {
    let db = Embedded::start().await;
    let table = db.table("Items").await;
    let image = item(&[("pk", "a".into()), ("n", 1.into())]);
    put(&db, "Items", &image).await;
    for terms in [stamp(RUN), receipts()] {
        let outcomes = write(&db, &table, vec![on(&terms, &image, vec![set("n", 1)])]).await;
        assert!(matches!(outcomes.as_slice(), [Outcome::Accepted]), "{outcomes:?}");
        assert_eq!(get(&db, "Items", "a").await.unwrap(), image);
    }
}

#[tokio::test]
async fn with_a_receipt_every_write_happens_once_however_often_it_is_sent() {
    let db = Embedded::start().await;
    let table = db.table("Items").await;
    (db.table("Other").await, db.table("Total").await);
    let receipts_table = crate::model::KeySchema {
        partition: crate::model::KeyAttribute { name: "Id".into(), kind: crate::model::KeyType::S },
        sort: None,
    };
    let client = db.database.client();
    client.create_table("Receipts", &receipts_table, &crate::dynamo::Billing::OnDemand).await.unwrap();
    let (_, id) = receipts().receipt(&table, &key("a")).unwrap();
    let there = async || client.get_item("Receipts", &id, true).await.unwrap();
    let accepted = |outcomes: &[Outcome]| assert!(matches!(outcomes, [Outcome::Accepted, Outcome::Accepted]), "{outcomes:?}");
    let again = async || client.delete_item("Receipts", &id, None).await.unwrap();

    let (outcomes, now) = twice(&db, &table, &receipts(), vec![set("n", 2)]).await;
    accepted(&outcomes);
    assert_eq!(now.unwrap().get("n"), Some(&2.into()));
    assert_eq!(there().await.as_ref(), Some(id.attributes()));
    again().await;
    let (outcomes, now) = twice(&db, &table, &receipts(), vec![update(other("Total", "t"), "ADD #g0 :g0", None)]).await;
    accepted(&outcomes);
    assert_eq!(now.unwrap(), item(&[("pk", "a".into()), ("n", 1.into())]));
    assert_eq!(get(&db, "Total", "t").await.unwrap().get("n"), Some(&1.into()), "without the receipt it would be 2");
    again().await;
    let (outcomes, now) = twice(&db, &table, &receipts(), vec![Action::Delete(Target::This)]).await;
    accepted(&outcomes);
    assert_eq!(now, None);
    again().await;
    // Nothing that is refused leaves a receipt.
    let image = item(&[("pk", "a".into()), ("n", 1.into())]);
    put(&db, "Items", &item(&[("pk", "a".into()), ("n", 9.into())])).await;
    let outcomes = write(&db, &table, vec![on(&receipts(), &image, vec![set("n", 2)])]).await;
    assert!(matches!(outcomes.as_slice(), [Outcome::Refused { present: Some(_) }]), "{outcomes:?}");
    put(&db, "Other", &item(&[("pk", "x".into())])).await;
    let kept = vec![insert(Some("Other"), "x", Existing::Keep)];
    let outcomes = write(&db, &table, vec![on(&receipts(), &image, kept)]).await;
    assert!(matches!(outcomes.as_slice(), [Outcome::KeptExisting { actions }] if *actions == [0]), "{outcomes:?}");
    assert_eq!(there().await, None);
}

#[tokio::test]
async fn a_receipt_is_one_of_the_hundred_actions() {
    let db = Embedded::start().await;
    let table = db.table("Items").await;
    db.table("Other").await;
    let image = item(&[("pk", "a".into())]);
    let copies = |count: usize| (0..count).map(|at| insert(Some("Other"), &format!("k{at}"), Existing::Replace)).collect();
    let told = impossible(&db, &table, &receipts(), &image, copies(100)).await;
    assert!(told.contains("101 actions, the receipt included"), "{told}");
    let client = db.database.client();
    assert_eq!(client.impossible(&table, &receipts(), &image, &copies(99)).await.unwrap(), None);
    let apart = Arc::new(Terms { atomic: false, ..Terms::default() });
    assert_eq!(client.impossible(&table, &apart, &image, &copies(250)).await.unwrap(), None);
}

#[tokio::test]
async fn two_actions_on_one_key_are_known_beforehand_however_the_item_is_named() {
    let db = Embedded::start().await;
    let table = db.table("Items").await;
    db.table("Other").await;
    let image = item(&[("pk", "a".into()), ("n", 1.into())]);
    put(&db, "Items", &image).await;
    for twice in [
        vec![insert(Some("Other"), "x", Existing::Keep), Action::Delete(other("Other", "x"))],
        vec![set("m", 1), Action::Delete(other(&table.arn, "a"))],
        vec![set("m", 1), update(Target::This, "ADD #g0 :g0", None)],
        vec![insert(None, "a", Existing::Keep), insert(None, "a", Existing::Keep)],
    ] {
        let told = impossible(&db, &table, &Arc::default(), &image, twice).await;
        assert!(told.contains("two actions on one item"), "{told}");
    }
    let merged = vec![set("m", 1), set("o", 2), set("m", 3)];
    assert_eq!(db.database.client().impossible(&table, &Arc::default(), &image, &merged).await.unwrap(), None);
    let outcomes = write(&db, &table, vec![attempt(&image, merged)]).await;
    assert!(matches!(outcomes.as_slice(), [Outcome::Accepted]), "{outcomes:?}");
    assert_eq!(get(&db, "Items", "a").await.unwrap().get("m"), Some(&3.into()), "patches merge, the last one wins");
}

#[tokio::test]
async fn with_a_check_of_the_source_nothing_happens_elsewhere_once_the_item_has_changed() {
    let db = Embedded::start().await;
    let table = db.table("Items").await;
    db.table("Other").await;
    let image = item(&[("pk", "a".into()), ("n", 1.into())]);
    put(&db, "Items", &image).await;
    let checked = Arc::new(Terms { check_source: true, ..Terms::default() });
    let copy = |pk: &str| vec![insert(Some("Other"), pk, Existing::Replace)];
    let outcomes = write(&db, &table, vec![on(&checked, &image, copy("x"))]).await;
    assert!(matches!(outcomes.as_slice(), [Outcome::Accepted]), "{outcomes:?}");
    put(&db, "Items", &item(&[("pk", "a".into()), ("n", 2.into())])).await;
    let both = vec![on(&checked, &image, copy("y")), on(&Arc::default(), &image, copy("z"))];
    let outcomes = write(&db, &table, both).await;
    assert!(matches!(outcomes.as_slice(), [Outcome::Refused { present: Some(_) }, Outcome::Accepted]), "{outcomes:?}");
    assert_eq!(get(&db, "Other", "y").await, None);
    assert!(get(&db, "Other", "x").await.is_some() && get(&db, "Other", "z").await.is_some());
}
