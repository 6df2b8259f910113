//! Any item that DynamoDB can hold goes through a plugin and back to DynamoDB unchanged: in statements, in single writes, as a
//! whole item into another table, and back again from the journal.

use std::collections::BTreeMap;

use drift_host::model::Item;
use drift_host::model::json::{item_from_json, item_to_dynamodb_json};
use drift_tests::items::{KEY, item, some};
use drift_tests::plain::{call, must};
use drift_tests::proxy::{Fault, Proxy, Rule};
use drift_tests::{World, guest};
use serde_json::{Value as Json, json};

const ITEMS: u32 = 400;

/// The items of a table as DynamoDB has them, by their keys; sets in the order of their elements, for they have none.
fn raw(world: &World, table: &str) -> BTreeMap<u64, Json> {
    let endpoint = world.running.endpoint_url();
    let (mut items, mut start) = (BTreeMap::new(), Json::Null);
    loop {
        let mut request = json!({ "TableName": table, "ConsistentRead": true });
        if !start.is_null() {
            request["ExclusiveStartKey"] = start;
        }
        let page = must(&endpoint, "Scan", &request);
        for item in page["Items"].as_array().unwrap() {
            let id = item[KEY]["N"].as_str().unwrap().parse().unwrap();
            items.insert(id, sorted(item, true));
        }
        start = page["LastEvaluatedKey"].clone();
        if start.is_null() {
            return items;
        }
    }
}

/// `attributes`: the object's names are an item's, or a map's; else the one name is a descriptor.
fn sorted(json: &Json, attributes: bool) -> Json {
    let Json::Object(map) = json else { return json.clone() };
    let each = map.iter().map(|(name, value)| {
        let value = match (attributes, name.as_str(), value) {
            (true, ..) => sorted(value, false),
            (false, "M", value) => sorted(value, true),
            (false, "L", Json::Array(list)) => list.iter().map(|value| sorted(value, false)).collect(),
            (false, "SS" | "NS" | "BS", Json::Array(set)) => {
                let mut set = set.clone();
                set.sort_by_key(ToString::to_string);
                Json::Array(set)
            }
            (_, _, value) => value.clone(),
        };
        (name.clone(), value)
    });
    Json::Object(each.collect())
}

/// A table of any items, each with a key of its own, as they are there; a note of what it refused.
fn filled(world: &World) -> (BTreeMap<u64, Json>, u64) {
    let (items, seed) = some(ITEMS, item());
    let endpoint = world.running.endpoint_url();
    let mut put: BTreeMap<u64, Item> = BTreeMap::new();
    for (id, mut item) in (1u64..).zip(items) {
        item.insert(KEY, id.into());
        let request = json!({ "TableName": "Things", "Item": item_to_dynamodb_json(&item) });
        match call(&endpoint, "PutItem", &request).unwrap() {
            (200, _) => drop(put.insert(id, item)),
            refused => panic!("with the seed {seed}, not put: {refused:?}: {request}"),
        }
    }
    let there = raw(world, "Things");
    for (id, item) in &there {
        assert_eq!(item_from_json(&item.to_string()).as_ref(), Ok(&put[id]), "with the seed {seed}");
    }
    assert_eq!(there.len(), put.len());
    (there, seed)
}

#[test]
fn any_item_goes_through_a_plugin_as_a_patch_and_back_unchanged() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_data(&["Things:+Id=no.json"]);
    let (before, seed) = filled(&world);
    let (code, out, error) = world.drift_host(&["run", &echo, "--table", "Things", "--arg", "mode=copy"]);
    assert_eq!(code, 0, "with the seed {seed}: {out}{error}");
    let after = raw(&world, "Things");
    assert_eq!(after.len(), before.len());
    for (id, before) in &before {
        let mut expected = before.clone();
        for (name, value) in before.as_object().unwrap().iter().filter(|(name, _)| *name != KEY) {
            expected[format!("copy of {name}")] = value.clone();
        }
        assert_eq!(after[id], expected, "with the seed {seed}");
    }
    // Guarded by all these values, all of it goes back.
    let (code, out, error) = world.drift_host(&["undo", "--run", &world.only_run()]);
    assert_eq!(code, 0, "with the seed {seed}: {out}{error}");
    assert_eq!(raw(&world, "Things"), before, "with the seed {seed}");
}

#[test]
fn any_item_goes_through_a_plugin_into_another_table_and_is_deleted_and_put_back_unchanged() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_data(&["Things:+Id=no.json", "Copies:+Id=no.json"]);
    let (before, seed) = filled(&world);
    let arguments = ["--arg", "mode=roundtrip", "--arg", "to=Copies", "--grant", "insert:Copies"];
    let run: Vec<&str> = ["run", &echo, "--table", "Things"].into_iter().chain(arguments).collect();
    let (code, out, error) = world.drift_host(&run);
    assert_eq!(code, 0, "with the seed {seed}: {out}{error}");
    assert_eq!(raw(&world, "Copies"), before, "with the seed {seed}");

    let other = ["--arg", "mode=delete", "--grant", "delete:.", "--meta-table", "other"];
    let run: Vec<&str> = ["run", &echo, "--table", "Things", "--json"].into_iter().chain(other).collect();
    let (code, out, error) = world.drift_host(&run);
    assert_eq!((code, raw(&world, "Things").len()), (0, 0), "with the seed {seed}: {out}{error}");
    let run = serde_json::from_str::<Json>(&out).unwrap()["run"].as_str().unwrap().to_owned();
    let (code, out, error) = world.drift_host(&["undo", "--run", &run]);
    assert_eq!(code, 0, "with the seed {seed}: {out}{error}");
    assert_eq!(raw(&world, "Things"), before, "with the seed {seed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_no_page_of_a_scan_does_not_pass_for_the_end_of_a_segment() {
    let Some(echo) = guest("echo") else { return };
    type Rewrite = fn(&mut Json);
    let rewritten: [(Rewrite, &str); 2] = [
        (|answer| *answer = json!({}), "missing field `ScannedCount`"),
        (|answer| answer["Items"] = json!([{ "Id": { "N": "1" }, "new": { "V": [1, 2] } }]), "unknown variant `V`"),
    ];
    for (rewrite, said) in rewritten {
        let world = World::with_rows(20);
        let before = raw(&world, "Things");
        let proxy = Proxy::start(&world.running.endpoint_url());
        proxy.add(Rule::on(&["Scan"], Fault::Rewrite(Box::new(rewrite))).table("Things"));
        let (code, out, error) = world.drift_host_at(&proxy.endpoint_url(), &["run", &echo, "--table", "Things"]);
        assert!(code != 0 && error.contains("Scan on Things") && error.contains(said), "{code}: {out}{error}");
        assert_eq!(raw(&world, "Things"), before);
    }
}
