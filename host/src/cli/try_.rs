//! `try`: what a migration would do to a few items. No history, journal or lease.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::Ended;
use super::connection::Connection;
use super::options::Given;
use crate::dynamo::{Client, Filter, ScanRequest, TableInfo};
use crate::explain::Code;
use crate::migration::{Direction, Migration, RunContext, Secrets};
use crate::model::json::item_from_json;
use crate::model::{Item, KeyAttribute, KeySchema, KeyType, Value};
use crate::{Error, report};

/// Items a page while looking for a sample: more than asked for, since a filter may leave few of them.
const PAGE: u32 = 200;

#[derive(Args)]
pub(super) struct TryVerb {
    /// The plugin: a WebAssembly component
    plugin: PathBuf,
    /// The table: a name or an ARN; not needed with --item and --key-attributes
    #[arg(long, required_unless_present = "key_attributes")]
    table: Option<String>,
    #[command(flatten)]
    given: Given,
    /// So many items of the table
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    sample: u32,
    /// Only items for which this FilterExpression with literals holds
    #[arg(long, value_name = "EXPRESSION", conflicts_with_all = ["key", "item"])]
    filter: Option<String>,
    /// The item with this key: Id=7, 'pk=USER#1, sk=PROFILE', or JSON
    #[arg(long, value_name = "KEY", conflicts_with = "item")]
    key: Option<String>,
    /// An item from a file of plain or DynamoDB JSON (`-`: standard input) instead of the table's
    #[arg(long, value_name = "FILE|-")]
    item: Option<PathBuf>,
    /// With --item and no table: the names of the key's attributes
    #[arg(long, value_name = "NAME[,NAME]", requires = "item", conflicts_with = "table")]
    key_attributes: Option<String>,
    /// Try `undo` instead of `migrate`
    #[arg(long)]
    undo: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

impl TryVerb {
    pub(super) async fn run(self) -> Ended {
        let name = self.table.clone().unwrap_or_else(|| "none".into());
        let (migration, _) = self.given.load(&self.plugin, &name, Some(1), self.connection.building())?;
        if migration.writes_at_once() {
            let name = &migration.description().name;
            return Err(Error::Known(
                Code::WritesAtOnce,
                format!(
                    "the migration {name} was granted direct-write, so that trying it would write: nothing of it can be previewed. Run it, on a copy of the table first; or grant it less"
                ),
            ));
        }
        let mut direct = None;
        let item = self.item.as_deref().map(read_item).transpose()?;
        let (name, key, items) = match (&self.table, item) {
            (None, Some(item)) => {
                let key = key_by_names(self.key_attributes.as_deref().unwrap_or_default(), &item)?;
                (name, key, vec![item])
            }
            (_, item) => {
                let migrator = self.connection.migrator().await?;
                let client = migrator.database().client();
                let table = client.describe_table(&name).await?;
                let items = match item {
                    Some(item) => vec![item],
                    None => self.read(client, &table).await?,
                };
                direct = migration.calls_at_once().then(|| migrator.direct(&table)).transpose()?;
                (table.name, table.key, items)
            }
        };
        let context = Arc::new(RunContext {
            table: name,
            key,
            started_at: crate::history::now(),
            arguments: self.given.arguments().to_vec(),
            secrets: Secrets::read(&self.given.secret_arguments()?).map_err(|error| Error::Usage(error.to_string()))?,
            seed: crate::migration::new_seed(),
        });
        let direction = if self.undo { Direction::Undo } else { Direction::Migrate };
        let worker = match &direct {
            Some(direct) => migration.worker_with(&context, direction, direct),
            None => migration.worker(&context, direction),
        };
        let mut worker = worker.map_err(|error| Error::Start(error.to_string()))?;
        let (mut failed, mut documents) = (false, Vec::new());
        for item in &items {
            let answer = worker.call(item);
            failed |= answer.is_err();
            match self.json {
                true => documents.push(report::document::answer(&context, item, &answer)),
                false => show!("{}", report::tried(&context, item, &answer)),
            }
        }
        if self.json {
            say!("{}", json!({ "v": 1, "table": context.table, "items": documents }));
        } else if items.is_empty() {
            say!("no item to try: the table is empty, or nothing in it matches");
        }
        Ok(u8::from(failed))
    }

    /// The item with the key, or the first few that match.
    async fn read(&self, client: &Client, table: &TableInfo) -> Result<Vec<Item>, Error> {
        if let Some(text) = &self.key {
            let key = table.key.key_from_text(text).map_err(|problem| Error::Usage(format!("--key: {problem}")))?;
            let found = client.get_item(&table.name, &key, true).await?;
            let none = || Error::Usage(format!("there is no item {key} in the table {}", table.name));
            return Ok(vec![found.ok_or_else(none)?]);
        }
        let parsed = self.filter.as_deref().map(Filter::parse).transpose();
        let wanted = usize::try_from(self.sample).unwrap_or(usize::MAX);
        let mut request = ScanRequest {
            table: table.name.clone(),
            segment: 0,
            segments: 1,
            consistent: false,
            limit: if self.filter.is_some() { PAGE } else { self.sample },
            filter: parsed.map_err(|error| Error::Usage(format!("--filter: {error}")))?,
            start: None,
        };
        let mut items = Vec::new();
        loop {
            let page = client.scan_page(&request).await?;
            items.extend(page.items);
            items.truncate(wanted);
            if items.len() == wanted || page.cursor.is_none() {
                return Ok(items);
            }
            request.start = page.cursor;
        }
    }
}

fn key_by_names(names: &str, item: &Item) -> Result<KeySchema, Error> {
    let attribute = |name: &str| {
        let kind = match item.get(name) {
            Some(Value::S(_)) => KeyType::S,
            Some(Value::N(_)) => KeyType::N,
            Some(Value::B(_)) => KeyType::B,
            _ => return Err(Error::Usage(format!("--key-attributes: the item has no string, number or binary called {name:?}"))),
        };
        Ok(KeyAttribute { name: name.to_owned(), kind })
    };
    match names.split(',').map(str::trim).collect::<Vec<_>>().as_slice() {
        [partition] => Ok(KeySchema { partition: attribute(partition)?, sort: None }),
        [partition, sort] => Ok(KeySchema { partition: attribute(partition)?, sort: Some(attribute(sort)?) }),
        _ => Err(Error::Usage(format!("--key-attributes {names:?}: a key has one or two attributes"))),
    }
}

fn read_item(path: &std::path::Path) -> Result<Item, Error> {
    let mut text = String::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text).map(drop)
    } else {
        std::fs::read_to_string(path).map(|content| text = content)
    };
    let name = path.display();
    read.map_err(|error| Error::Usage(format!("the item {name} cannot be read: {error}")))?;
    item_from_json(&text).map_err(|error| Error::Usage(format!("the item {name}: {error}")))
}
