//! Creates a table and fills it from a file, through the engine itself: no request over a socket, one transaction a batch.
//!
//! A table that exists is left as it is. One whose loading was cut short carries a tag that says so, and is loaded anew.

use std::path::Path;

use dynoxide::actions::create_table::{CreateTableRequest, StreamSpecification};
use dynoxide::actions::delete_table::DeleteTableRequest;
use dynoxide::actions::describe_table::DescribeTableRequest;
use dynoxide::actions::list_tags_of_resource::ListTagsOfResourceRequest;
use dynoxide::actions::untag_resource::UntagResourceRequest;
use dynoxide::types::{AttributeDefinition, KeySchemaElement, KeyType as EngineKeyType, ScalarAttributeType, Tag};
use dynoxide::{AttributeValue, Database, ImportOptions};

use super::rows::{Row, RowError, Rows};
use super::spec::{Load, LoadKey};
use super::{LocalError, TableReport};
use crate::model::{Item, KeyAttribute, KeySchema, KeyType, Number, Value};

/// Rows in one transaction of the engine: large enough that a commit to disk costs nothing, small enough for memory.
const BATCH: usize = 1000;

/// Set while a table is being filled.
const UNFINISHED: &str = "drift-host:loading";

/// Fills one table, or says that it is there already.
pub(super) fn load(engine: &Database, load: &Load, streams: bool) -> Result<TableReport, LocalError> {
    if let Some(existing) = table(engine, load.table())? {
        if !existing.unfinished {
            return Ok(TableReport { name: load.table().into(), items: existing.items, rows: None });
        }
        delete(engine, load.table())?;
    }
    let filled = fill(engine, load, streams);
    if filled.is_err() {
        // A table half full would be taken for a whole one. Its own error matters less than the one that led here.
        let _ = delete(engine, load.table());
    }
    filled
}

fn fill(engine: &Database, load: &Load, streams: bool) -> Result<TableReport, LocalError> {
    let at = |error: RowError| LocalError::from_row(load, error);
    let mut rows = NumberedRows::open(load).map_err(at)?;
    let mut next = rows.next().map_err(at)?;
    let key = match &next {
        Some(row) => key_of_first(load.key(), row).map_err(at)?,
        None => key_without_rows(load.key(), rows.strings_only).map_err(at)?,
    };
    create(engine, load.table(), &key, streams)?;

    let mut count = 0;
    while next.is_some() {
        let mut batch = Vec::with_capacity(BATCH);
        while let Some(row) = next.take() {
            key.key_of(&row.item).map_err(|problem| at(RowError { line: Some(row.line), column: None, problem }))?;
            batch.push(row);
            next = rows.next().map_err(at)?;
            if batch.len() == BATCH {
                break;
            }
        }
        count += batch.len() as u64;
        import(engine, load, batch)?;
    }
    finish(engine, load.table())?;
    let items = table(engine, load.table())?.map_or(0, |table| table.items);
    Ok(TableReport { name: load.table().into(), items, rows: Some(count) })
}

/// A batch goes in whole or not at all; the engine does not say at which row it stopped, so the lines are given.
fn import(engine: &Database, load: &Load, batch: Vec<Row>) -> Result<(), LocalError> {
    let lines = (batch.first().map(|row| row.line), batch.last().map(|row| row.line));
    let items = batch.into_iter().map(|row| engine_item(row.item)).collect();
    match engine.import_items(load.table(), items, ImportOptions::default()) {
        Ok(_) => Ok(()),
        Err(error) => Err(LocalError::from_row(
            load,
            RowError {
                line: lines.0,
                column: None,
                problem: format!("this row or one up to line {} is refused: {error}", lines.1.unwrap_or_default()),
            },
        )),
    }
}

/// The rows of a load: the file once, or with numbers and as often as was asked.
struct NumberedRows<'a> {
    path: &'a Path,
    rows: Rows,
    strings_only: bool,
    attribute: Option<&'a str>,
    passes_left: u32,
    number: u64,
}

impl<'a> NumberedRows<'a> {
    fn open(load: &'a Load) -> Result<Self, RowError> {
        let rows = Rows::open(load.file())?;
        let (attribute, passes) = match load.key() {
            LoadKey::Attributes { .. } => (None, 1),
            LoadKey::Numbered { attribute, times } => (Some(attribute.as_str()), times.get()),
        };
        Ok(Self { path: load.file(), strings_only: rows.strings_only(), rows, attribute, passes_left: passes - 1, number: 0 })
    }

    fn next(&mut self) -> Result<Option<Row>, RowError> {
        loop {
            if let Some(row) = self.rows.next().transpose()? {
                return self.numbered(row).map(Some);
            }
            if self.passes_left == 0 || self.number == 0 {
                return Ok(None);
            }
            self.passes_left -= 1;
            self.rows = Rows::open(self.path)?;
        }
    }

    fn numbered(&mut self, mut row: Row) -> Result<Row, RowError> {
        self.number += 1;
        if let Some(attribute) = self.attribute
            && row.item.insert(attribute, Value::N(Number::from(self.number))).is_some()
        {
            let problem = format!("the row has this attribute already: number the rows under another name than +{attribute}");
            return Err(RowError { line: Some(row.line), column: Some(attribute.into()), problem });
        }
        Ok(row)
    }
}

/// The key's types, as the first row has them.
fn key_of_first(key: &LoadKey, row: &Row) -> Result<KeySchema, RowError> {
    let attribute = |name: &String| {
        let wrong = |problem| RowError { line: Some(row.line), column: Some(name.clone()), problem };
        let kind = match row.item.get(name) {
            Some(Value::S(_)) => KeyType::S,
            Some(Value::N(_)) => KeyType::N,
            Some(Value::B(_)) => KeyType::B,
            Some(other) => {
                let kind = other.descriptor();
                return Err(wrong(format!("a key is a string, a number or binary (S, N or B), and here it is {kind}")));
            }
            None => {
                let names: Vec<&str> = row.item.names().collect();
                return Err(wrong(format!("the row has no such attribute to be a key; it has {}", names.join(", "))));
            }
        };
        Ok(KeyAttribute { name: name.clone(), kind })
    };
    match key {
        LoadKey::Attributes { partition, sort } => {
            Ok(KeySchema { partition: attribute(partition)?, sort: sort.as_ref().map(attribute).transpose()? })
        }
        LoadKey::Numbered { attribute: name, .. } => Ok(KeySchema { partition: attribute(name)?, sort: None }),
    }
}

/// An empty file makes an empty table, where the types of its key are known all the same.
fn key_without_rows(key: &LoadKey, strings_only: bool) -> Result<KeySchema, RowError> {
    let of = |name: &String, kind| KeyAttribute { name: name.clone(), kind };
    match key {
        LoadKey::Numbered { attribute, .. } => Ok(KeySchema { partition: of(attribute, KeyType::N), sort: None }),
        LoadKey::Attributes { partition, sort } if strings_only => {
            Ok(KeySchema { partition: of(partition, KeyType::S), sort: sort.as_ref().map(|name| of(name, KeyType::S)) })
        }
        LoadKey::Attributes { .. } => {
            let problem = "has no items, so the types of the key cannot be told; give it one item, or number the rows (+KEY)";
            Err(RowError { line: None, column: None, problem: problem.into() })
        }
    }
}

struct ExistingTable {
    items: u64,
    unfinished: bool,
}

fn table(engine: &Database, name: &str) -> Result<Option<ExistingTable>, LocalError> {
    let description = match engine.describe_table(DescribeTableRequest { table_name: name.into() }) {
        Ok(response) => response.table,
        Err(dynoxide::DynoxideError::ResourceNotFoundException(_)) => return Ok(None),
        Err(error) => return Err(LocalError::engine("describing", name, error)),
    };
    let tags = engine
        .list_tags_of_resource(ListTagsOfResourceRequest { resource_arn: Some(arn(name)) })
        .map_err(|error| LocalError::engine("reading the tags of", name, error))?;
    let items = description.item_count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default();
    Ok(Some(ExistingTable { items, unfinished: tags.tags.iter().any(|tag| tag.key == UNFINISHED) }))
}

fn create(engine: &Database, name: &str, key: &KeySchema, streams: bool) -> Result<(), LocalError> {
    let element = |attribute: &KeyAttribute, key_type| KeySchemaElement { attribute_name: attribute.name.clone(), key_type };
    let kind = |attribute: &KeyAttribute| AttributeDefinition {
        attribute_name: attribute.name.clone(),
        attribute_type: match attribute.kind {
            KeyType::S => ScalarAttributeType::S,
            KeyType::N => ScalarAttributeType::N,
            KeyType::B => ScalarAttributeType::B,
        },
    };
    let images = || StreamSpecification { stream_enabled: true, stream_view_type: Some("NEW_AND_OLD_IMAGES".into()) };
    let request = CreateTableRequest {
        table_name: name.into(),
        key_schema: std::iter::once(element(&key.partition, EngineKeyType::HASH))
            .chain(key.sort.as_ref().map(|sort| element(sort, EngineKeyType::RANGE)))
            .collect(),
        attribute_definitions: key.attributes().map(kind).collect(),
        billing_mode: Some("PAY_PER_REQUEST".into()),
        stream_specification: streams.then(images),
        tags: Some(vec![Tag { key: UNFINISHED.into(), value: "true".into() }]),
        ..CreateTableRequest::default()
    };
    engine.create_table(request).map(drop).map_err(|error| LocalError::engine("creating", name, error))
}

fn finish(engine: &Database, name: &str) -> Result<(), LocalError> {
    let request = UntagResourceRequest { resource_arn: Some(arn(name)), tag_keys: vec![UNFINISHED.into()] };
    engine.untag_resource(request).map(drop).map_err(|error| LocalError::engine("untagging", name, error))
}

fn delete(engine: &Database, name: &str) -> Result<(), LocalError> {
    let request = DeleteTableRequest { table_name: name.into() };
    engine.delete_table(request).map(drop).map_err(|error| LocalError::engine("deleting", name, error))
}

/// The engine takes the table's name from it and looks at nothing else.
fn arn(table: &str) -> String {
    format!("arn:aws:dynamodb:dynoxide:000000000000:table/{table}")
}

fn engine_item(item: Item) -> dynoxide::Item {
    item.into_iter().map(|(name, value)| (name, engine_value(value))).collect()
}

fn engine_value(value: Value) -> AttributeValue {
    match value {
        Value::S(text) => AttributeValue::S(text),
        Value::N(number) => AttributeValue::N(number.into_string()),
        Value::B(bytes) => AttributeValue::B(bytes),
        Value::Bool(flag) => AttributeValue::BOOL(flag),
        Value::Null => AttributeValue::NULL(true),
        Value::Ss(set) => AttributeValue::SS(set),
        Value::Ns(set) => AttributeValue::NS(set.into_iter().map(Number::into_string).collect()),
        Value::Bs(set) => AttributeValue::BS(set),
        Value::L(list) => AttributeValue::L(list.into_iter().map(engine_value).collect()),
        Value::M(map) => AttributeValue::M(engine_item(map)),
    }
}
