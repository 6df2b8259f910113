mod proof;

use super::super::testing::{Embedded, item};
use super::super::{ErrorKind, ScanRequest};
use super::*;
use crate::model::{Address, Insert, Key, Patch, Target, Update, Value};

fn attempt(image: &Item, actions: Vec<Action>) -> Attempt {
    Attempt { image: Arc::new(image.clone()), actions: Arc::new(actions), terms: Arc::default(), token: "run/item/1".repeat(9) }
}

fn set(name: &str, value: impl Into<Value>) -> Action {
    Action::Patch(Patch { set: item(&[(name, value.into())]), remove: vec![] })
}

fn insert(table: Option<&str>, pk: &str, existing: Existing) -> Action {
    Action::Insert(Insert { table: table.map(Into::into), item: item(&[("pk", pk.into())]), existing })
}

fn update(target: Target, expression: &str, condition: Option<&str>) -> Action {
    let (names, values) = (vec![("#g0".into(), "n".into())], item(&[(":g0", 1.into())]));
    Action::Update(Update { target, expression: expression.into(), condition: condition.map(Into::into), names, values })
}

fn key(pk: &str) -> Key {
    Key::from_attributes(item(&[("pk", pk.into())]))
}

async fn write(of: &Embedded, table: &TableInfo, attempts: Vec<Attempt>) -> Vec<Outcome> {
    of.database.client().write(table, attempts, &CancellationToken::new()).await
}

async fn get(of: &Embedded, table: &str, pk: &str) -> Option<Item> {
    of.database.client().get_item(table, &key(pk), true).await.unwrap()
}

async fn put(of: &Embedded, table: &str, whole: &Item) {
    of.database.client().put_item(table, whole, None).await.unwrap();
}

#[tokio::test]
async fn patches_go_in_batches_and_a_changed_item_is_refused() {
    let db = Embedded::start().await;
    let table = db.table("Items").await;
    let mut attempts = Vec::new();
    for at in 0..60 {
        let image = item(&[
            ("pk", format!("k{at}").as_str().into()),
            ("old\"name", at.into()),
            ("s", Value::Ss(vec!["b".into(), "a".into()])),
        ]);
        put(&db, "Items", &image).await;
        let patch = Patch { set: item(&[("new", at.into()), ("s", "x".into())]), remove: vec!["old\"name".into()] };
        attempts.push(attempt(&image, vec![Action::Patch(patch)]));
    }
    let changed = item(&[("pk", "k7".into()), ("old\"name", 8.into())]);
    put(&db, "Items", &changed).await;
    db.database.client().delete_item("Items", &key("k8"), None).await.unwrap();
    let before = db.database.meter().snapshot();
    let outcomes = write(&db, &table, attempts).await;
    for (at, outcome) in outcomes.iter().enumerate() {
        match (at, outcome) {
            (7, Outcome::Refused { present: Some(present) }) => assert_eq!(*present, changed),
            (8, Outcome::Refused { present: None }) => {}
            (_, Outcome::Accepted) if at != 7 && at != 8 => {}
            other => panic!("{other:?}"),
        }
    }
    let after = db.database.meter().snapshot();
    assert!(after.calls - before.calls <= 5, "three batches and the looks at what is missing");
    assert_eq!(after.single_writes, 0);
    assert!(after.write > before.write);
    assert_eq!(get(&db, "Items", "k9").await.unwrap(), item(&[("pk", "k9".into()), ("new", 9.into()), ("s", "x".into())]));
    assert_eq!(get(&db, "Items", "k7").await.unwrap(), changed);
}

#[tokio::test]
async fn an_attribute_added_meanwhile_is_not_overwritten() {
    let db = Embedded::start().await;
    let table = db.table("Items").await;
    let image = item(&[("pk", "a".into())]);
    put(&db, "Items", &item(&[("pk", "a".into()), ("new", "theirs".into())])).await;
    let outcomes = write(&db, &table, vec![attempt(&image, vec![set("new", "ours")])]).await;
    assert!(matches!(outcomes.as_slice(), [Outcome::Refused { present: Some(_) }]), "{outcomes:?}");
    assert_eq!(get(&db, "Items", "a").await.unwrap().get("new"), Some(&"theirs".into()));
}

#[tokio::test]
async fn deletes_tell_gone_from_deleted_and_changed() {
    let db = Embedded::start().await;
    let table = db.table("Items").await;
    let (a, b, c) =
        (item(&[("pk", "a".into()), ("n", 1.into())]), item(&[("pk", "b".into())]), item(&[("pk", "c".into()), ("n", 1.into())]));
    put(&db, "Items", &a).await;
    put(&db, "Items", &item(&[("pk", "c".into()), ("n", 2.into())])).await;
    let delete = || vec![Action::Delete(Target::This)];
    let outcomes = write(&db, &table, vec![attempt(&a, delete()), attempt(&b, delete()), attempt(&c, delete())]).await;
    assert!(
        matches!(outcomes.as_slice(), [Outcome::Accepted, Outcome::AlreadyGone, Outcome::Refused { present: Some(_) }]),
        "{outcomes:?}"
    );
    assert_eq!(get(&db, "Items", "a").await, None);
    assert!(get(&db, "Items", "c").await.is_some());
}

#[tokio::test]
async fn one_item_twice_goes_in_order() {
    let db = Embedded::start().await;
    let table = db.table("Items").await;
    let first = item(&[("pk", "a".into()), ("n", 1.into())]);
    let second = item(&[("pk", "a".into()), ("n", 2.into())]);
    put(&db, "Items", &first).await;
    let outcomes = write(&db, &table, vec![attempt(&first, vec![set("n", 2)]), attempt(&second, vec![set("n", 3)])]).await;
    assert!(matches!(outcomes.as_slice(), [Outcome::Accepted, Outcome::Accepted]), "{outcomes:?}");
    assert_eq!(get(&db, "Items", "a").await.unwrap().get("n"), Some(&3.into()));
}

#[tokio::test]
async fn items_of_many_shapes_in_one_write_are_changed_each_as_it_is() {
    let db = Embedded::start().await;
    let table = db.table("Items").await;
    let mut attempts = Vec::new();
    // More shapes than there are texts kept, and each once more when it is forgotten.
    for at in 0..60 {
        let (pk, shape) = (format!("k{at}"), format!("s{}", at % 20));
        let image = item(&[("pk", pk.as_str().into()), (&shape, at.into()), ("old", 1.into())]);
        put(&db, "Items", &image).await;
        let action = match at % 3 {
            0 => Action::Delete(Target::This),
            1 => set("new", at),
            _ => Action::Patch(Patch { set: item(&[(&shape, "x".into())]), remove: vec!["old".into()] }),
        };
        attempts.push(attempt(&image, vec![action]));
    }
    let outcomes = write(&db, &table, attempts).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Accepted)), "{outcomes:?}");
    for at in 0..60 {
        let (pk, shape) = (format!("k{at}"), format!("s{}", at % 20));
        let wanted = match at % 3 {
            0 => None,
            1 => Some(item(&[("pk", pk.as_str().into()), (&shape, at.into()), ("old", 1.into()), ("new", at.into())])),
            _ => Some(item(&[("pk", pk.as_str().into()), (&shape, "x".into())])),
        };
        assert_eq!(get(&db, "Items", &pk).await, wanted, "{pk}");
    }
}

#[tokio::test]
async fn what_partiql_cannot_say_goes_alone() {
    let db = Embedded::start().await;
    let table = db.table("Items").await;
    let image = item(&[("pk", "a".into()), ("#odd", 1.into())]);
    put(&db, "Items", &image).await;
    let gone = item(&[("pk", "gone".into()), ("#odd", 1.into())]);
    let outcomes = write(&db, &table, vec![attempt(&image, vec![set(":n", 2)]), attempt(&gone, vec![set(":n", 2)])]).await;
    assert!(matches!(outcomes.as_slice(), [Outcome::Accepted, Outcome::Refused { present: None }]), "{outcomes:?}");
    assert_eq!(get(&db, "Items", "gone").await, None, "an update of a missing item makes none");
    assert_eq!(db.database.meter().snapshot().single_writes, 2);
}

#[tokio::test]
async fn an_authors_condition_is_told_from_the_guard() {
    let db = Embedded::start().await;
    let table = db.table("Items").await;
    let image = item(&[("pk", "a".into()), ("n", 1.into())]);
    put(&db, "Items", &image).await;
    let of = |condition| attempt(&image, vec![update(Target::This, "SET #g0 = #g0 + :g0", Some(condition))]);
    let outcomes = write(&db, &table, vec![of("#g0 > :g0"), of("#g0 = :g0"), of("#g0 = :g0 OR #g0 > :g0")]).await;
    assert!(
        matches!(outcomes.as_slice(), [Outcome::Failed { .. }, Outcome::Accepted, Outcome::Refused { present: Some(_) }]),
        "{outcomes:?}"
    );
    assert_eq!(get(&db, "Items", "a").await.unwrap().get("n"), Some(&2.into()));
}

#[tokio::test]
async fn a_version_guards_and_is_incremented() {
    let db = Embedded::start().await;
    let table = db.table("Items").await;
    let image = item(&[("pk", "a".into()), ("v", 4.into())]);
    put(&db, "Items", &item(&[("pk", "a".into()), ("v", 4.into()), ("unseen", 1.into())])).await;
    let of = |action| Attempt {
        terms: Arc::new(Terms { guard: Guard::Version("v".into()), ..Terms::default() }),
        ..attempt(&image, vec![action])
    };
    let outcomes = write(&db, &table, vec![of(set("n", 1)), of(set("n", 2))]).await;
    assert!(matches!(outcomes.as_slice(), [Outcome::Accepted, Outcome::Refused { present: Some(_) }]), "{outcomes:?}");
    let now = get(&db, "Items", "a").await.unwrap();
    assert_eq!((now.get("v"), now.get("n")), (Some(&5.into()), Some(&1.into())));
    let next = Attempt { image: Arc::new(now), ..of(update(Target::This, "ADD #g0 :g0", None)) };
    let outcomes = write(&db, &table, vec![next]).await;
    assert!(matches!(outcomes.as_slice(), [Outcome::Accepted]), "{outcomes:?}");
    let now = get(&db, "Items", "a").await.unwrap();
    assert_eq!((now.get("v"), now.get("n")), (Some(&6.into()), Some(&2.into())));
}

#[tokio::test]
async fn inserts_follow_their_rule() {
    let db = Embedded::start().await;
    let table = db.table("Items").await;
    db.table("Other").await;
    let image = item(&[("pk", "a".into())]);
    let there = item(&[("pk", "x".into()), ("n", 1.into())]);
    put(&db, "Other", &there).await;
    let of = |pk, existing| attempt(&image, vec![insert(Some("Other"), pk, existing)]);
    let outcomes = write(&db, &table, vec![of("x", Existing::Keep), of("x", Existing::Fail), of("y", Existing::Keep)]).await;
    let [kept, Outcome::Failed { .. }, Outcome::Accepted] = outcomes.as_slice() else { panic!("{outcomes:?}") };
    assert!(matches!(kept, Outcome::KeptExisting { actions } if actions == &[0]), "{outcomes:?}");
    assert_eq!(get(&db, "Other", "x").await.unwrap(), there);
    assert!(get(&db, "Other", "y").await.is_some());
    write(&db, &table, vec![of("x", Existing::Replace)]).await;
    assert_eq!(get(&db, "Other", "x").await.unwrap().len(), 1);
}

#[tokio::test]
async fn several_actions_happen_together_or_not_at_all() {
    let db = Embedded::start().await;
    let table = db.table("Items").await;
    let image = item(&[("pk", "a".into()), ("n", 1.into())]);
    put(&db, "Items", &image).await;
    put(&db, "Items", &item(&[("pk", "kept".into())])).await;
    let both = |n: i64, pk, existing, token: &str| Attempt {
        token: token.into(),
        ..attempt(&image, vec![set("n", n), insert(None, pk, existing)])
    };
    let outcomes = write(
        &db,
        &table,
        vec![
            both(2, "kept", Existing::Keep, "1"),
            both(2, "kept", Existing::Fail, "2"),
            both(2, "b", Existing::Keep, "3"),
            both(3, "c", Existing::Keep, "4"),
            both(1, "d", Existing::Keep, "5"),
        ],
    )
    .await;
    match outcomes.as_slice() {
        [
            Outcome::KeptExisting { actions },
            Outcome::Failed { .. },
            Outcome::Accepted,
            Outcome::Refused { present: Some(_) },
            Outcome::Refused { present: Some(_) },
        ] => assert_eq!(actions, &[1]),
        other => panic!("{other:?}"),
    }
    assert_eq!(get(&db, "Items", "c").await, None);
    assert_eq!(get(&db, "Items", "d").await, None, "a patch that changes nothing still guards the rest");
    assert_eq!(get(&db, "Items", "a").await.unwrap().get("n"), Some(&2.into()));
}

#[tokio::test]
async fn nothing_to_do_is_not_sent_and_the_impossible_fails() {
    let db = Embedded::start().await;
    let table = db.table("Items").await;
    let image = item(&[("pk", "a".into()), ("n", 1.into())]);
    let this = || Target::Other(Address { table: Some("Items".into()), key: key("a") });
    let outcomes =
        write(&db, &table, vec![attempt(&image, vec![set("n", 1)]), attempt(&image, vec![set("n", 2), Action::Delete(this())])])
            .await;
    assert!(matches!(outcomes.as_slice(), [Outcome::Accepted, Outcome::Failed { .. }]), "{outcomes:?}");
    put(&db, "Items", &item(&[("pk", "a".into()), ("n", 9.into())])).await;
    let outcomes = write(&db, &table, vec![attempt(&image, vec![Action::Delete(this())])]).await;
    assert!(matches!(outcomes.as_slice(), [Outcome::Refused { present: Some(_) }]), "named as another, it is this: {outcomes:?}");
}

#[tokio::test]
async fn a_cancelled_write_sends_nothing_and_a_missing_table_stops() {
    let db = Embedded::start().await;
    let table = db.table("Items").await;
    let image = item(&[("pk", "a".into())]);
    put(&db, "Items", &image).await;
    let cancel = CancellationToken::new();
    cancel.cancel();
    let outcomes = db.database.client().write(&table, vec![attempt(&image, vec![set("n", 1)])], &cancel).await;
    assert!(matches!(outcomes.as_slice(), [Outcome::Stopped(error)] if error.kind() == ErrorKind::Cancelled), "{outcomes:?}");
    assert_eq!(get(&db, "Items", "a").await.unwrap(), image);
    let outcomes = write(&db, &table, vec![attempt(&image, vec![insert(Some("Missing"), "x", Existing::Keep)])]).await;
    assert!(matches!(outcomes.as_slice(), [Outcome::Stopped(error)] if error.kind() == ErrorKind::TableMissing), "{outcomes:?}");
}

#[tokio::test]
async fn scans_on_lanes_read_every_item_once() {
    let db = Embedded::start().await;
    db.table("Items").await;
    for at in 0..50 {
        put(&db, "Items", &item(&[("pk", format!("k{at}").as_str().into())])).await;
    }
    let lanes = db.database.lanes(2).unwrap();
    let mut seen = HashSet::new();
    for segment in 0..3 {
        let client = lanes.lane(segment as usize).client().clone();
        let pages = lanes.lane(segment as usize).spawn(async move {
            let mut request = ScanRequest {
                table: "Items".into(),
                segment,
                segments: 3,
                consistent: true,
                limit: 7,
                filter: None,
                start: None,
            };
            let mut items = Vec::new();
            loop {
                let page = client.scan_page(&request).await.unwrap();
                items.extend(page.items);
                request.start = page.cursor;
                if request.start.is_none() {
                    return items;
                }
            }
        });
        for item in pages.await.unwrap() {
            assert!(seen.insert(item.get("pk").unwrap().as_s().unwrap().to_owned()));
        }
    }
    assert_eq!(seen.len(), 50);
    drop(lanes);
}
