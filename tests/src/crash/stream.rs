//! A table's stream: all that ever happened to it, in order, whoever did it.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::kind::{State, id};
use crate::plain::{must, streams};

/// One change of one item: before and after.
pub type Transition = (State, State);

/// A table whose stream has old and new images.
pub fn create_table(endpoint: &str, table: &str) {
    let request = json!({ "TableName": table, "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{ "AttributeName": "Id", "AttributeType": "N" }],
        "KeySchema": [{ "AttributeName": "Id", "KeyType": "HASH" }],
        "StreamSpecification": { "StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES" } });
    must(endpoint, "CreateTable", &request);
}

/// The transitions of each item. A write that changes nothing is none.
pub fn transitions(endpoint: &str, table: &str) -> BTreeMap<u64, Vec<Transition>> {
    let described = must(endpoint, "DescribeTable", &json!({ "TableName": table }));
    let arn = &described["Table"]["LatestStreamArn"];
    let stream = streams(endpoint, "DescribeStream", &json!({ "StreamArn": arn }));
    let shards = stream["StreamDescription"]["Shards"].as_array().unwrap();
    // With several shards, the order among them would have to be made of their parents.
    assert_eq!(shards.len(), 1, "{stream}");
    let begin = json!({ "StreamArn": arn, "ShardId": shards[0]["ShardId"], "ShardIteratorType": "TRIM_HORIZON" });
    let mut iterator = streams(endpoint, "GetShardIterator", &begin)["ShardIterator"].clone();
    let mut items: BTreeMap<u64, Vec<Transition>> = BTreeMap::new();
    loop {
        let page = streams(endpoint, "GetRecords", &json!({ "ShardIterator": iterator }));
        let records = page["Records"].as_array().unwrap();
        if records.is_empty() {
            return items;
        }
        for record in records {
            let image = |name: &str| record["dynamodb"][name].as_object().cloned();
            let (old, new) = (image("OldImage"), image("NewImage"));
            if old != new {
                let key = record["dynamodb"]["Keys"].as_object().map(id).unwrap();
                items.entry(key).or_default().push((old, new));
            }
        }
        iterator = page["NextShardIterator"].clone();
    }
}

/// All items of a small table; none if there is no such table.
pub fn scan(endpoint: &str, table: &str) -> Vec<Json> {
    match crate::plain::call(endpoint, "Scan", &json!({ "TableName": table, "ConsistentRead": true })).unwrap() {
        (200, page) => page["Items"].as_array().unwrap().clone(),
        (400, error) if error["__type"].as_str().is_some_and(|name| name.ends_with("ResourceNotFoundException")) => vec![],
        other => panic!("{other:?}"),
    }
}
