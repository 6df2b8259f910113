//! What machines read: items, actions and answers as JSON, values in DynamoDB's own form.

use serde_json::{Value as Json, json};

use crate::journal::Journal;
use crate::migration::{ItemFailure, Reply, RunContext};
use crate::model::json::item_to_dynamodb_json;
use crate::model::{Action, Existing, Item, Target};
use crate::run::{Error, Summary};

/// One action: `{"kind":"patch","set":{…},"remove":[…]}`, and likewise `insert`, `update` and `delete`. An action elsewhere has a
/// `table` where it names one, and a `key`.
pub fn action(action: &Action) -> Json {
    let existing = |existing: Existing| match existing {
        Existing::Keep => "keep",
        Existing::Replace => "replace",
        Existing::Fail => "fail",
    };
    let mut document = match action {
        Action::Patch(patch) => json!({ "kind": "patch", "set": item_to_dynamodb_json(&patch.set), "remove": patch.remove }),
        Action::Insert(insert) => json!({ "kind": "insert", "table": insert.table, "item": item_to_dynamodb_json(&insert.item),
            "existing": existing(insert.existing) }),
        Action::Update(update) => json!({ "kind": "update", "expression": update.expression, "condition": update.condition,
            "names": update.names.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
            "values": item_to_dynamodb_json(&update.values) }),
        Action::Delete(_) => json!({ "kind": "delete" }),
    };
    if let Action::Update(crate::model::Update { target: Target::Other(address), .. }) | Action::Delete(Target::Other(address)) =
        action
        && let Json::Object(map) = &mut document
    {
        map.insert("table".into(), json!(address.table));
        map.insert("key".into(), item_to_dynamodb_json(address.key.attributes()));
    }
    document
}

/// An item and what the migration answered: `{"key","item","actions","after","log"}` or `{"key","item","error","backtrace","log"}`.
/// `after` is the item as its patches leave it.
pub fn answer(context: &RunContext, item: &Item, answer: &Result<Reply, ItemFailure>) -> Json {
    let key = context.key.key_of(item).map_or_else(|problem| problem, |key| key.to_string());
    match answer {
        Ok(reply) => json!({ "key": key, "item": item_to_dynamodb_json(item),
            "actions": reply.actions.iter().map(action).collect::<Vec<_>>(), "after": item_to_dynamodb_json(&after(item, &reply.actions)),
            "log": reply.log }),
        Err(failure) => {
            json!({ "key": key, "item": item_to_dynamodb_json(item), "error": failure.message, "failure": failure.kind,
            "backtrace": failure.backtrace, "log": failure.log })
        }
    }
}

/// A run's summary, and beside it the run's `manifest` (without anything secret: it holds none) and its `segments`.
pub fn run(journal: &Journal, summary: &Summary) -> Result<Json, Error> {
    let mut document = summary.to_json();
    let segments = journal.segments()?.into_iter().map(
        |segment| json!({ "segment": segment.segment, "done": segment.done, "pages": segment.pages, "scanned": segment.scanned }),
    );
    if let Json::Object(map) = &mut document {
        map.insert("manifest".into(), json!(journal.manifest()));
        map.insert("segments".into(), segments.collect());
    }
    Ok(document)
}

fn after(item: &Item, actions: &[Action]) -> Item {
    actions.iter().fold(item.clone(), |item, action| match action {
        Action::Patch(patch) => patch.applied_to(&item),
        _ => item,
    })
}
