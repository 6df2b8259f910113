//! A guest without the SDK that calls DynamoDB at once, as the argument `mode` says; `table` is the table it calls about.

wit_bindgen::generate!({ path: "../../../wit", world: "direct-migration" });

use drift::migration::dynamodb::{self, Condition, Failure, Name, QueryRequest};
use drift::migration::run;
use drift::migration::types::{Access, Attribute, Grant, Patch, Value};

struct Direct;

fn one(name: &str, value: Value) -> Item {
    Item { attributes: vec![Attribute { name: name.into(), value }], nested: vec![] }
}

fn patch(name: &str, value: Value) -> Result<Vec<Action>, String> {
    Ok(vec![Action::Patch(Patch { set: one(name, value), remove: vec![] })])
}

fn told(failure: Failure) -> String {
    match failure {
        Failure::Denied(message) => format!("denied: {message}"),
        Failure::ConditionFailed(present) => {
            format!("condition failed, there is {}", present.map_or(0, |item| item.attributes.len()))
        }
        Failure::Throttled(message) => format!("throttled: {message}"),
        Failure::Other(message) => format!("other: {message}"),
    }
}

fn query(table: String, id: Value, limit: Option<u32>) -> QueryRequest {
    QueryRequest {
        table,
        index: None,
        key_condition: "#id = :id".into(),
        filter: None,
        names: vec![Name { placeholder: "#id".into(), attribute: "Id".into() }],
        values: one(":id", id),
        limit,
        forward: true,
        consistent: true,
        start: None,
    }
}

impl Guest for Direct {
    fn describe() -> Description {
        Description {
            number: "300".into(),
            name: "direct".into(),
            summary: "calls DynamoDB at once, as the argument `mode` says".into(),
            repeatable: true,
            after: vec![],
            grants: vec![Grant { access: Access::DirectRead, table: Some("Owners".into()), why: "looks owners up".into() }],
            extra: vec![],
        }
    }

    fn migrate(item: Item) -> Result<Vec<Action>, String> {
        let mode = run::argument("mode").unwrap_or_default();
        let table = run::argument("table").unwrap_or_else(|| "Owners".into());
        let id = item.attributes.iter().find(|it| it.name == "Id").map(|it| it.value.clone()).ok_or("no Id")?;
        let key = one("Id", id.clone());
        let row = |count: &str| Item {
            attributes: vec![
                Attribute { name: "Id".into(), value: id.clone() },
                Attribute { name: "count".into(), value: Value::N(count.into()) },
            ],
            nested: vec![],
        };
        match mode.as_str() {
            "read" => match dynamodb::get_item(&table, &key, true).map_err(told)? {
                Some(owner) => {
                    let nested = owner.nested;
                    let attributes = owner.attributes.into_iter().filter(|it| it.name != "Id");
                    let attributes =
                        attributes.map(|it| Attribute { name: format!("owner {}", it.name), value: it.value }).collect();
                    Ok(vec![Action::Patch(Patch { set: Item { attributes, nested }, remove: vec![] })])
                }
                None => Ok(vec![]),
            },
            "query" => {
                let page = dynamodb::query(&query(table, id.clone(), run::argument("limit").and_then(|it| it.parse().ok())))
                    .map_err(told)?;
                patch("found", Value::N(page.items.len().to_string()))
            }
            "write" => {
                dynamodb::put_item(&table, &row("1"), None).map_err(told)?;
                let values = one(":one", Value::N("1".into()));
                let names = [Name { placeholder: "#c".into(), attribute: "count".into() }];
                let after = dynamodb::update_item(&table, &key, "ADD #c :one", &names, &values, None).map_err(told)?;
                // What was written is read at once.
                let read = dynamodb::get_item(&table, &key, true).map_err(told)?.ok_or("not there")?;
                if read.attributes.len() != after.attributes.len() {
                    return Err("what was written is not read".into());
                }
                let absent = Condition {
                    expression: "attribute_not_exists(#c)".into(),
                    names: names.to_vec(),
                    values: Item { attributes: vec![], nested: vec![] },
                };
                match dynamodb::put_item(&table, &row("9"), Some(&absent)) {
                    Err(Failure::ConditionFailed(Some(_))) => {}
                    other => return Err(format!("the condition held: {:?}", other.is_ok())),
                }
                if matches!(&id, Value::N(text) if text == "2") {
                    dynamodb::delete_item(&table, &key, None).map_err(told)?;
                }
                patch("written", Value::Bool(true))
            }
            "only-write" => {
                dynamodb::put_item(&table, &row("1"), None).map_err(told)?;
                patch("written", Value::Bool(true))
            }
            "this" => {
                dynamodb::delete_item(&run::table(), &key, None).map_err(told)?;
                Ok(vec![])
            }
            "loop" => loop {
                dynamodb::get_item(&table, &key, false).map_err(told)?;
            },
            "wrong-key" => {
                dynamodb::get_item(&table, &one("Nobody", Value::S("x".into())), false).map_err(told)?;
                Ok(vec![])
            }
            other => Err(format!("no mode {other}")),
        }
    }
}

export!(Direct);
