//! `repair`: what people must decide. Each asks, and each leaves a line in the audit.

use std::path::Path;

use clap::{ArgGroup, Args};
use serde_json::json;

use super::Ended;
use super::connection::Connection;
use super::run::Output;
use super::source::Loading;
use crate::Error;
use crate::journal::{Decision, Journal};
use crate::model::MigrationNumber;
use crate::plugin::Limits;

#[derive(Args)]
#[command(group = ArgGroup::new("what").required(true).args(["drop_lease", "abandon", "item", "accept_digest", "adopt"]))]
pub(super) struct RepairVerb {
    /// A run's id, or a plugin
    #[arg(value_name = "RUN|PLUGIN")]
    of: Option<String>,
    /// The table
    #[arg(long)]
    table: Option<String>,
    /// --table T: drop the lease of a table whose holder is dead
    #[arg(long, requires = "table")]
    drop_lease: bool,
    /// RUN: give up a run whose journal is lost
    #[arg(long, requires = "of")]
    abandon: bool,
    /// RUN: settle the item with this key, which is in doubt
    #[arg(long, value_name = "KEY", requires = "of")]
    item: Option<String>,
    /// With --item: it happened
    #[arg(long, requires = "item", conflicts_with = "again")]
    done: bool,
    /// With --item: it did not happen, and is sent again
    #[arg(long, requires = "item")]
    again: bool,
    /// PLUGIN --table T: this plugin is the applied migration, though its bytes differ
    #[arg(long, requires = "table", requires = "of")]
    accept_digest: bool,
    /// [PLUGIN] --table T: the applied migration of this number is this table's
    #[arg(long, value_name = "NUMBER", requires = "table")]
    adopt: Option<MigrationNumber>,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    output: Output,
}

impl RepairVerb {
    pub(super) async fn run(self) -> Ended {
        let (of, table) = (self.of.clone().unwrap_or_default(), self.table.clone().unwrap_or_default());
        let line = if self.drop_lease {
            self.output.ask(&format!("Whoever holds the lease of {table} must be dead: it may write until it notices."))?;
            self.connection.migrator().await?.drop_lease(&table).await?
        } else if self.abandon {
            self.output.ask(&format!("The run {of} is given up: what it did is known from nowhere but the table."))?;
            self.connection.migrator().await?.abandon(&of).await?
        } else if let Some(key) = &self.item {
            self.settle(&of, key).await?
        } else if let Some(number) = self.adopt {
            let plugin = self.of.as_ref().map(|plugin| Loading::new(Limits::default()).load(Path::new(plugin))).transpose()?;
            self.output.ask(&format!("The history will say that migration {number} is applied to {table}."))?;
            let migrator = self.connection.migrator().await?;
            migrator.adopt(number, &table, plugin.as_ref().map(|plugin| plugin as _)).await?
        } else {
            let plugin = Loading::new(Limits::default()).load(Path::new(&of))?;
            self.output.ask(&format!("The history will say that {of} was applied to {table}."))?;
            self.connection.migrator().await?.accept_digest(&plugin, &table).await?
        };
        match self.output.json {
            true => say!("{}", json!({ "v": 1, "audit": line })),
            false => say!("{line}"),
        }
        Ok(0)
    }

    async fn settle(&self, run: &str, key: &str) -> Result<String, Error> {
        let decision = match (self.done, self.again) {
            (true, false) => Decision::Done,
            (false, true) => Decision::Again,
            _ => return Err(Error::Usage("say --done (it happened) or --again (it did not)".into())),
        };
        let manifest = Journal::read(&self.connection.find(run).await?)?.manifest().clone();
        let key = manifest.context.key.key_from_text(key).map_err(Error::Usage)?;
        let what = if decision == Decision::Done { "counts as done" } else { "is sent again" };
        self.output.ask(&format!("The item {key} of run {} {what}.", manifest.run))?;
        self.connection.migrator_of(&manifest).await?.settle(&manifest.run, &key, decision).await
    }
}
