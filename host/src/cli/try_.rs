//! `try`: what a migration would do to a few items. No history, journal or lease.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::Ended;
use super::options::{Connection, Flow};
use crate::dynamo::ScanRequest;
use crate::migration::{Direction, RunContext};
use crate::model::Item;
use crate::model::json::item_from_json;
use crate::{Error, report};

#[derive(Args)]
pub(super) struct TryVerb {
    /// The plugin: a WebAssembly component
    plugin: PathBuf,
    #[command(flatten)]
    flow: Flow,
    /// So many items of the table
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    sample: u32,
    /// An item from a file of plain or DynamoDB JSON (`-`: standard input) instead of the table's
    #[arg(long, value_name = "FILE|-")]
    item: Option<PathBuf>,
    /// Try `undo` instead of `migrate`
    #[arg(long)]
    undo: bool,
    #[command(flatten)]
    connection: Connection,
}

impl TryVerb {
    pub(super) async fn run(self) -> Ended {
        let (migration, options) = self.flow.load(&self.plugin)?;
        let migrator = self.connection.migrator().await?;
        let client = migrator.database().client();
        let table = client.describe_table(&options.table).await?;
        let items = match &self.item {
            Some(path) => vec![read_item(path)?],
            None => {
                let request = ScanRequest {
                    table: table.name.clone(),
                    segment: 0,
                    segments: 1,
                    consistent: false,
                    limit: self.sample,
                    filter: None,
                    start: None,
                };
                client.scan_page(&request).await?.items
            }
        };
        let context = Arc::new(RunContext {
            table: table.name.clone(),
            key: table.key.clone(),
            started_at: crate::history::now(),
            arguments: options.arguments.clone(),
        });
        let direction = if self.undo { Direction::Undo } else { Direction::Migrate };
        let mut worker = migration.worker(&context, direction).map_err(|error| Error::Start(error.to_string()))?;
        let mut failed = false;
        for item in items {
            let answer = worker.call(&item);
            failed |= answer.is_err();
            print!("{}", report::tried(&context, &item, &answer));
        }
        Ok(u8::from(failed))
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
