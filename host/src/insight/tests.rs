//! What is counted, on entries made here.

use super::collect::Collector;
use super::*;
use crate::journal::tests::manifest;
use crate::journal::{Logs, PageRecord};
use crate::model::json::item_from_json;
use crate::model::{Action, Checked, Existing, Features, IndexKey, Insert, Item, KeyType, Patch, Target};

fn item(text: &str) -> Item {
    item_from_json(text).unwrap()
}

fn patch(set: &str, remove: &[&str]) -> Action {
    Action::Patch(Patch { set: item(set), remove: remove.iter().map(ToString::to_string).collect() })
}

fn insight(manifest: &Manifest, entries: impl IntoIterator<Item = (Item, Vec<Action>)>) -> Insight {
    let mut collector = Collector::new(manifest);
    for (position, (image, actions)) in (0u32..).zip(entries) {
        collector.add((0, 0), &Entry { position, image, actions });
    }
    collector.finish()
}

fn told(insight: &Insight) -> Vec<(u64, String)> {
    insight.shapes.iter().map(|shape| (shape.items, shape.told("T", &[]))).collect()
}

#[test]
fn the_same_done_by_other_patches_or_in_another_order_is_one_shape_and_what_changes_nothing_is_none() {
    let entries = vec![
        (item(r#"{"id":1,"n":"1","old":1}"#), vec![patch(r#"{"n":1}"#, &["old"])]),
        (item(r#"{"id":2,"n":"2","old":1}"#), vec![patch("{}", &["old"]), patch(r#"{"n":2}"#, &["never there"])]),
        // Set and taken back: nothing in the end.
        (item(r#"{"id":3,"n":"3","old":1}"#), vec![patch(r#"{"n":3,"x":1}"#, &["old"]), patch("{}", &["x"])]),
        (item(r#"{"id":4,"n":4}"#), vec![patch(r#"{"n":5,"same":1}"#, &[])]),
    ];
    let insight = insight(&manifest(1), entries);
    assert_eq!(told(&insight), [(3, "remove old; n S → N".to_owned()), (1, "set n, same".to_owned())]);
    assert_eq!(insight.shapes.iter().map(|shape| shape.example.2).collect::<Vec<_>>(), [0, 3], "the first of each");
    let line = |name: &str| insight.attributes.iter().find(|line| line.attribute == name).unwrap();
    assert_eq!((line("n").set, line("n").new, line("n").retyped.as_slice()), (1, 0, [("S", "N", 3)].as_slice()));
    assert_eq!((line("old").removed, line("same").set, line("same").new), (3, 1, 1));
    assert!(insight.attributes.iter().all(|line| line.attribute != "x" && line.attribute != "never there"));
}

#[test]
fn actions_elsewhere_are_counted_by_table_and_the_migrated_one_has_one_name() {
    let manifest = Manifest { table_arn: "arn:aws:dynamodb:x:1:table/T".into(), ..manifest(1) };
    let insert = |table: Option<&str>| {
        Action::Insert(Insert { table: table.map(str::to_owned), item: item(r#"{"id":1,"a":1}"#), existing: Existing::Keep })
    };
    let entries = vec![
        (item(r#"{"id":1}"#), vec![insert(Some("U")), insert(Some("U")), insert(None), insert(Some("T"))]),
        (item(r#"{"id":2}"#), vec![insert(Some("arn:aws:dynamodb:x:1:table/T")), insert(Some("U"))]),
        (item(r#"{"id":3}"#), vec![Action::Delete(Target::This)]),
    ];
    let insight = insight(&manifest, entries);
    let counted: Vec<_> = insight.actions.iter().map(|line| (line.table.as_str(), line.action, line.count)).collect();
    assert_eq!(counted, [("T", "delete", 1), ("T", "insert", 3), ("U", "insert", 3)]);
    assert_eq!(
        told(&insight),
        [(2, "insert into the same table; insert into U".to_owned()), (1, "delete from the same table".to_owned())]
    );
    assert_eq!(insight.concerns.transactions, 2, "and not the delete alone");
}

#[test]
fn beyond_so_many_shapes_and_attributes_the_rest_is_counted_without_a_name() {
    let entries =
        (0..30_000).map(|n| (item(&format!("{{\"id\":{n}}}")), vec![patch(&format!("{{\"key {n}\":1,\"all\":1}}"), &[])]));
    let insight = insight(&manifest(1), entries);
    assert_eq!((insight.items, insight.shapes.len(), insight.attributes.len()), (30_000, 200, 1_000));
    assert_eq!(insight.shapes.iter().map(|shape| shape.items).sum::<u64>() + insight.other_items, 30_000);
    let named: u64 = insight.attributes.iter().map(AttributeLine::items).sum();
    assert_eq!(named + insight.other_attributes, 60_000);
    assert_eq!(insight.attributes.iter().find(|line| line.attribute == "all").unwrap().set, 30_000, "what is named is exact");
}

#[test]
fn an_item_that_grows_near_the_limit_is_named_and_one_that_shrinks_there_is_not() {
    let text = |length: usize| "x".repeat(length);
    let large = |id: u32, length: usize| item(&format!("{{\"id\":{id},\"t\":\"{}\"}}", text(length)));
    let entries = vec![
        (large(1, 390_000), vec![patch("{}", &["t"])]),
        (large(2, 370_000), vec![patch(r#"{"t":"short"}"#, &[])]),
        (large(3, 300_000), vec![patch(&format!("{{\"more\":\"{}\"}}", text(80_000)), &[])]),
        (large(4, 10), vec![patch(&format!("{{\"t\":\"{}\"}}", text(400_000)), &[])]),
    ];
    let near = insight(&manifest(1), entries).near_limit;
    let ids: Vec<String> = near.largest.iter().map(|(key, _, _)| key.to_string()).collect();
    assert_eq!((near.items, ids), (2, vec!["id=4".to_owned(), "id=3".to_owned()]));
}

#[test]
fn indexes_expiry_and_versions_are_warned_of_only_where_the_plan_is_about_them() {
    let features = Features {
        index_keys: vec![IndexKey { index: "by-status".into(), attribute: "status".into(), kind: KeyType::S }],
        ttl: Checked::Known(Some("expires".into())),
        point_in_time_recovery: Checked::Known(true),
        stream: false,
        replicas: vec![],
    };
    let manifest = Manifest { features: Some(features), created: "2026-11-26T00:00:00Z".into(), ..manifest(1) };
    let warned = |manifest: &Manifest, image: &str, set: &str| {
        let insight = insight(manifest, [(item(image), vec![patch(set, &[])])]);
        warnings(manifest, &insight).into_iter().map(|warning| (warning.code, warning.message)).collect::<Vec<_>>()
    };
    assert_eq!(warned(&manifest, r#"{"id":1,"status":"a","expires":1}"#, r#"{"x":1}"#), []);
    let codes = |found: &[(Code, String)]| found.iter().map(|(code, _)| *code).collect::<Vec<_>>();
    let found = warned(&manifest, r#"{"id":1}"#, r#"{"status":7}"#);
    assert!(codes(&found) == [Code::IndexKey] && found[0].1.contains("1 gives it another type than S"), "{found:?}");
    let found = warned(&manifest, r#"{"id":1}"#, r#"{"expires":1000}"#);
    assert!(codes(&found) == [Code::TtlAttribute] && found[0].1.contains("1 gives it a time that is past"), "{found:?}");
    let found = warned(&manifest, r#"{"id":1}"#, r#"{"expires":99999999999}"#);
    assert!(codes(&found) == [Code::TtlAttribute] && !found[0].1.contains("past"), "{found:?}");
    for (name, is) in
        [("version", true), ("rowVersion", true), ("__v", true), ("lock_version", true), ("conversion", false), ("v", false)]
    {
        let found = warned(&manifest, &format!("{{\"id\":1,\"{name}\":3}}"), r#"{"x":1}"#);
        assert_eq!(codes(&found) == [Code::VersionAttribute], is, "{name}: {found:?}");
        let text = warned(&manifest, &format!("{{\"id\":1,\"{name}\":\"3\"}}"), r#"{"x":1}"#);
        assert_eq!(text, [], "a text is no version");
    }
    let guarded = Manifest { guard: "version=version".into(), ..manifest.clone() };
    assert_eq!(warned(&guarded, r#"{"id":1,"version":3}"#, r#"{"x":1}"#), []);
}

#[test]
fn what_all_shapes_have_is_said_once_where_it_is_much() {
    let set = |names: &[&str]| {
        let all: Vec<String> = names.iter().map(|name| format!("\"{name}\":1")).collect();
        vec![patch(&format!("{{{}}}", all.join(",")), &["old"])]
    };
    let image = || item(r#"{"id":1,"old":1}"#);
    let found = insight(&manifest(1), [(image(), set(&["a", "b", "c"])), (image(), set(&["a", "b", "c", "d"]))]);
    let common = found.common();
    assert_eq!(common.len(), 4);
    let told: Vec<String> = found.shapes.iter().map(|shape| shape.told("T", &common)).collect();
    assert_eq!(told, ["nothing else", "set d"]);
    let few = insight(&manifest(1), [(image(), set(&["a"])), (image(), set(&["a", "b"]))]);
    assert_eq!(few.common(), []);
    assert_eq!(insight(&manifest(1), [(image(), set(&["a", "b", "c"]))]).common(), [], "one shape is said whole");
}

#[tokio::test]
async fn of_a_large_plan_some_pages_spread_evenly_are_looked_at_and_of_a_small_one_all() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::create(dir.path(), &manifest(1), None).unwrap();
    for page in 0..7u32 {
        let entry = |position: u32| Entry {
            position,
            image: item(&format!(r#"{{"id":{}}}"#, page * 10 + position)),
            actions: vec![patch(r#"{"a":1}"#, &[])],
        };
        let (last, entries) = (page == 6, (0..3).map(entry).collect());
        let cursor = (!last).then(|| Key::from_attributes(item(r#"{"id":1}"#)));
        let (failures, elsewhere, logs) = (vec![], vec![], Logs::default());
        let record = PageRecord { segment: 0, page, cursor, last, scanned: 3, unchanged: 0, entries, failures, elsewhere, logs };
        journal.commit_page(record).await.unwrap();
    }
    for (most, items) in [(1, 3), (6, 6), (9, 9), (12, 12), (20, 12), (21, 21), (u64::MAX, 21)] {
        let insight = Insight::sample(&journal, most).unwrap();
        assert_eq!((insight.items, insight.shapes[0].example), (items, (0, 0, 0)), "{most}");
    }
}
