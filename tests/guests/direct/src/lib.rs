//! A guest without the SDK that calls DynamoDB at once, as the argument `mode` says; `table` is the table it calls about. With `only`
//! it does so for that one number, and touches the others.

wit_bindgen::generate!({ path: "../../../wit", world: "reversible-direct-migration" });

use std::hint::black_box;

use drift::migration::dynamodb::{self, Condition, Failure, Name, QueryRequest};
use drift::migration::run;
use drift::migration::types::{Access, Attribute, Grant, Patch, Value};

/// What it asks for; a test that puts other words here has a component that asks for something else.
static MARK: [u8; 32] = *b"ASKS FOR: direct-read of Owners ";

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
        let asks = black_box(&MARK).get(10..).is_some_and(|text| text.starts_with(b"direct-read"));
        let owners = Grant { access: Access::DirectRead, table: Some("Owners".into()), why: "looks owners up".into() };
        Description {
            number: "300".into(),
            name: "direct".into(),
            summary: "calls DynamoDB at once, as the argument `mode` says".into(),
            repeatable: true,
            after: vec![],
            grants: asks.then_some(owners).into_iter().collect(),
            extra: vec![],
        }
    }

    fn migrate(item: Item) -> Result<Vec<Action>, String> {
        let mode = run::argument("mode").unwrap_or_default();
        let table = run::argument("table").unwrap_or_else(|| "Owners".into());
        let id = item.attributes.iter().find(|it| it.name == "Id").map(|it| it.value.clone()).ok_or("no Id")?;
        if run::argument("only").is_some_and(|only| !matches!(&id, Value::N(text) if *text == only)) {
            return patch("touched", Value::Bool(true));
        }
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
            // Every row about this thing, page by page; `index` and `kind` say by which index, and which rows count.
            "pages" => {
                let filter = run::argument("kind");
                let (mut found, mut pages, mut start) = (0, 0, None);
                loop {
                    let mut request = query(table.clone(), id.clone(), Some(3));
                    request.names = vec![Name { placeholder: "#id".into(), attribute: "of".into() }];
                    request.index = run::argument("index");
                    request.consistent = request.index.is_none();
                    request.start = start;
                    if let Some(kind) = &filter {
                        request.filter = Some("#kind = :kind".into());
                        request.names.push(Name { placeholder: "#kind".into(), attribute: "kind".into() });
                        request.values.attributes.push(Attribute { name: ":kind".into(), value: Value::S(kind.clone()) });
                    }
                    let page = dynamodb::query(&request).map_err(told)?;
                    (found, pages, start) = (found + page.items.len(), pages + 1, page.next);
                    if start.is_none() {
                        break;
                    }
                }
                let number = |name: &str, value: usize| Attribute { name: name.into(), value: Value::N(value.to_string()) };
                let attributes = vec![number("found", found), number("pages", pages)];
                Ok(vec![Action::Patch(Patch { set: Item { attributes, nested: vec![] }, remove: vec![] })])
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

    /// Takes the row that `write` or `only-write` wrote away at once, and the mark on the thing by a patch.
    fn undo(item: Item) -> Result<Vec<Action>, String> {
        let table = run::argument("table").unwrap_or_else(|| "Owners".into());
        let id = item.attributes.iter().find(|it| it.name == "Id").map(|it| it.value.clone()).ok_or("no Id")?;
        dynamodb::delete_item(&table, &one("Id", id), None).map_err(told)?;
        Ok(vec![Action::Patch(Patch { set: Item { attributes: vec![], nested: vec![] }, remove: vec!["written".into()] })])
    }
}

export!(Direct);
