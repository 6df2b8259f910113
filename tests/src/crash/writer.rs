//! The application: it goes on writing, knows exactly what it has written, and knows nothing of migrations.

use std::collections::HashMap;
use std::sync::Mutex;

use fastrand::Rng;
use serde_json::{Value as Json, json};

use super::kind::{Item, Kind, State, Step, VERSION, copy, fresh, id, key, n};
use crate::plain::{call, must};

/// What an application may do to an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Sets an attribute that the migration does not know.
    Other,
    /// n += 101: odd becomes even.
    Same,
    /// The very change that the migration makes.
    Identical,
    Delete,
    /// Deletes the item and puts it there again as it was.
    Replace,
    /// Puts an item that is gone.
    Insert,
    /// Puts the item as it was before its last change.
    Back,
    /// Writes what the migration writes elsewhere.
    Elsewhere,
}

/// One acknowledged write.
#[derive(Clone, Debug)]
pub struct Write {
    pub table: &'static str,
    pub id: u64,
    pub old: State,
    pub new: State,
    pub deed: Deed,
}

/// Writes one after the other, and keeps what it wrote.
pub struct Writer {
    endpoint: String,
    kind: Kind,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    log: Vec<Write>,
    /// The last two states of each item, as far as this application knows.
    known: HashMap<u64, (Item, Item)>,
    /// The last version that was given; each is given once, and leaves room for a host to count up.
    version: u64,
}

/// Between one version that an application gives and the next.
const VERSIONS: u64 = 1_000;

impl Writer {
    /// With the items that it has put itself.
    pub fn new(endpoint: &str, kind: Kind, items: u64) -> Self {
        let mut inner = Inner::default();
        let ids: Vec<u64> = (1..=items).collect();
        let items: Vec<Item> = ids.iter().map(|id| inner.versioned(kind, fresh(*id))).collect();
        for chunk in items.chunks(25) {
            let puts: Vec<Json> = chunk.iter().map(|item| json!({ "PutRequest": { "Item": item } })).collect();
            must(endpoint, "BatchWriteItem", &json!({ "RequestItems": { "Things": puts } }));
        }
        for item in items {
            let id = id(&item);
            inner.known.insert(id, (item.clone(), item.clone()));
            inner.log.push(Write { table: "Things", id, old: None, new: Some(item), deed: Deed::Insert });
        }
        Self { endpoint: endpoint.to_owned(), kind, inner: Mutex::new(inner) }
    }

    /// How many writes were acknowledged.
    pub fn count(&self) -> usize {
        self.inner.lock().unwrap().log.len()
    }

    pub fn log(&self) -> Vec<Write> {
        self.inner.lock().unwrap().log.clone()
    }

    /// Does something to an item, if it can be done.
    pub fn act(&self, id: u64, deed: Deed, random: u64) {
        let mut inner = self.inner.lock().unwrap();
        let fresh = || fresh(id);
        let log = &mut inner;
        match deed {
            Deed::Other => self.update(log, id, deed, "SET seen = :v", json!({ ":v": { "S": random.to_string() } }), |item| {
                item.insert("seen".into(), json!({ "S": random.to_string() }));
            }),
            Deed::Same => self.update(log, id, deed, "ADD n :v", json!({ ":v": { "N": "101" } }), |item| {
                super::kind::set_n(item, n(item) + 101);
            }),
            Deed::Identical => self.identical(log, id),
            Deed::Delete => drop(self.delete(log, id, deed)),
            Deed::Replace => {
                if let Some(item) = self.delete(log, id, deed) {
                    self.put(log, "Things", item, deed, true);
                }
            }
            Deed::Insert => self.put(log, "Things", fresh(), deed, true),
            Deed::Back => {
                // Any of these is what a host may have seen.
                let item = match (log.known.get(&id), random % 4) {
                    (Some((before, _)), 0) => before.clone(),
                    (Some((_, last)), 1 | 2) => last.clone(),
                    _ => fresh(),
                };
                self.put(log, "Things", item, deed, false);
            }
            Deed::Elsewhere => self.elsewhere(log, id),
        }
    }

    fn identical(&self, log: &mut Inner, id: u64) {
        let there = must(&self.endpoint, "GetItem", &json!({ "TableName": "Things", "Key": key(id), "ConsistentRead": true }));
        let Some(item) = there["Item"].as_object().filter(|item| self.kind.wants(item)) else { return };
        match self.kind.step {
            Step::Loud => {
                let loud = self.kind.migrated(item).unwrap()["loud"].clone();
                let set = loud.clone();
                self.update(log, id, Deed::Identical, "SET loud = :v", json!({ ":v": loud }), move |item| {
                    item.insert("loud".into(), set);
                });
            }
            Step::Plus => self.update(log, id, Deed::Identical, "ADD n :v", json!({ ":v": { "N": "1" } }), |item| {
                super::kind::set_n(item, n(item) + 1);
            }),
            Step::Delete | Step::Move => drop(self.delete(log, id, Deed::Identical)),
            Step::CopyKeep | Step::CopyFail => self.put(log, "Copies", copy(item), Deed::Identical, true),
            Step::Add => self.elsewhere(log, id),
        }
    }

    fn elsewhere(&self, log: &mut Inner, at: u64) {
        match self.kind.elsewhere() {
            Some("Copies") => {
                let theirs = json!({ "Id": { "N": at.to_string() }, "theirs": { "BOOL": true } });
                self.put(log, "Copies", theirs.as_object().unwrap().clone(), Deed::Elsewhere, true);
            }
            Some(table) => {
                let values = json!({ ":v": { "N": "1000" } });
                let request = json!({ "TableName": table, "Key": key(at), "UpdateExpression": "ADD n :v",
                    "ExpressionAttributeValues": values, "ReturnValues": "ALL_OLD" });
                let answer = must(&self.endpoint, "UpdateItem", &request);
                let old = answer["Attributes"].as_object().filter(|old| old.contains_key("n")).cloned();
                let mut new = old.clone().unwrap_or_else(|| key(at).as_object().unwrap().clone());
                let before = old.as_ref().map_or(0, n);
                super::kind::set_n(&mut new, before + 1000);
                log.log.push(Write { table: "Totals", id: at, old, new: Some(new), deed: Deed::Elsewhere });
            }
            None => {}
        }
    }

    fn update(&self, log: &mut Inner, at: u64, deed: Deed, expression: &str, values: Json, change: impl FnOnce(&mut Item)) {
        let (mut expression, mut values) = (expression.to_owned(), values);
        let version = log.next_version(self.kind);
        if let Some(version) = &version {
            expression.push_str(if expression.starts_with("SET") { ", v = :version" } else { " SET v = :version" });
            values[":version"] = version.clone();
        }
        let request = json!({ "TableName": "Things", "Key": key(at), "UpdateExpression": expression,
            "ConditionExpression": "attribute_exists(Id)", "ExpressionAttributeValues": values, "ReturnValues": "ALL_OLD" });
        let Some(answer) = self.send("UpdateItem", &request) else { return };
        let old = answer["Attributes"].as_object().cloned().unwrap();
        let mut new = old.clone();
        change(&mut new);
        new.extend(version.map(|version| (VERSION.to_owned(), version)));
        log.wrote(Write { table: "Things", id: at, old: Some(old), new: Some(new), deed });
    }

    fn delete(&self, log: &mut Inner, at: u64, deed: Deed) -> State {
        let request = json!({ "TableName": "Things", "Key": key(at), "ReturnValues": "ALL_OLD" });
        let old = must(&self.endpoint, "DeleteItem", &request)["Attributes"].as_object().cloned()?;
        log.wrote(Write { table: "Things", id: at, old: Some(old.clone()), new: None, deed });
        Some(old)
    }

    fn put(&self, log: &mut Inner, table: &'static str, item: Item, deed: Deed, only_new: bool) {
        let item = if table == "Things" { log.versioned(self.kind, item) } else { item };
        let mut request = json!({ "TableName": table, "Item": item, "ReturnValues": "ALL_OLD" });
        if only_new {
            request["ConditionExpression"] = json!("attribute_not_exists(Id)");
        }
        let Some(answer) = self.send("PutItem", &request) else { return };
        let old = answer["Attributes"].as_object().cloned();
        log.wrote(Write { table, id: id(&item), old, new: Some(item), deed });
    }

    /// The answer, unless a condition did not hold.
    fn send(&self, operation: &str, request: &Json) -> Option<Json> {
        match call(&self.endpoint, operation, request).unwrap() {
            (200, answer) => Some(answer),
            (400, error) if error["__type"].as_str().is_some_and(|it| it.ends_with("ConditionalCheckFailedException")) => None,
            other => panic!("{operation}: {other:?}"),
        }
    }
}

impl Inner {
    /// A version that no item ever had, where they have versions.
    fn next_version(&mut self, kind: Kind) -> Option<Json> {
        self.version += VERSIONS;
        kind.has_version().then(|| json!({ "N": self.version.to_string() }))
    }

    fn versioned(&mut self, kind: Kind, mut item: Item) -> Item {
        item.extend(self.next_version(kind).map(|version| (VERSION.to_owned(), version)));
        item
    }

    fn wrote(&mut self, write: Write) {
        if write.table == "Things" {
            let last = write.new.clone().or_else(|| write.old.clone()).unwrap();
            let before = write.old.clone().unwrap_or_else(|| last.clone());
            self.known.insert(write.id, (before, last));
        }
        self.log.push(write);
    }
}

/// What a busy application does at any time.
pub fn usual(random: &mut Rng) -> Deed {
    match random.u32(..100) {
        0..30 => Deed::Other,
        30..52 => Deed::Same,
        52..60 => Deed::Identical,
        60..66 => Deed::Delete,
        66..74 => Deed::Replace,
        74..82 => Deed::Insert,
        82..95 => Deed::Back,
        _ => Deed::Elsewhere,
    }
}

/// What it does at the worst moment: between a write without an answer and its repetition.
pub fn between(random: &mut Rng) -> Deed {
    match random.u32(..100) {
        0..15 => Deed::Other,
        15..35 => Deed::Same,
        35..50 => Deed::Identical,
        50..60 => Deed::Delete,
        60..70 => Deed::Replace,
        _ => Deed::Back,
    }
}
