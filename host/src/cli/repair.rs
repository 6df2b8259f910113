//! `repair`: what people must decide. Each asks, and each leaves a line in the audit.

use std::path::Path;

use clap::{ArgGroup, Args};
use serde_json::json;

use super::connection::{Connection, is_url};
use super::run::Output;
use super::source::Loading;
use super::{Ended, segment, series};
use crate::author::build::Language;
use crate::history::Unrun;
use crate::journal::{Decision, Journal};
use crate::model::MigrationNumber;
use crate::plugin::Limits;
use crate::run::Counted;
use crate::{Error, report};

/// What is decided: one at a time.
const WHAT: [&str; 8] = ["drop_lease", "abandon", "item", "accept_digest", "adopt", "baseline", "applied", "not_applied"];

#[derive(Args)]
#[command(group = ArgGroup::new("what").required(true).args(WHAT))]
pub(super) struct RepairVerb {
    /// A run's id, the place of one that many processes shared (s3://BUCKET/PREFIX, file:///FOLDER), a plugin, or a folder of migrations
    #[arg(value_name = "RUN|PLUGIN|DIR")]
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
    /// DIR --table T: all migrations of the folder up to this number count as applied, without being run
    ///
    /// For a table that was changed before drift-host came to it. Those that are recorded already stay as they are. `undo DIR --to` does not
    /// go behind a baseline.
    #[arg(long, value_name = "NUMBER", requires = "table", requires = "of")]
    baseline: Option<MigrationNumber>,
    /// [PLUGIN|DIR] --table T: the migration of this number counts as applied, without being run
    #[arg(long, value_name = "NUMBER", requires = "table")]
    applied: Option<MigrationNumber>,
    /// --table T: the migration of this number counts as not applied, without being undone
    #[arg(long, value_name = "NUMBER", requires = "table", conflicts_with = "of")]
    not_applied: Option<MigrationNumber>,
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
        } else if let Some(number) = self.baseline {
            self.baseline(Path::new(&of), &table, number).await?
        } else if let Some(number) = self.applied {
            let counted = self.counted(number).await?;
            let name = if counted.name.is_empty() { String::new() } else { format!(" ({})", counted.name) };
            self.output.ask(&format!(
                "The history will say that migration {number}{name} is applied to {table}, though it is not run."
            ))?;
            self.connection.migrator().await?.count_as_applied(&[counted], &table, Unrun::Marked).await?
        } else if let Some(number) = self.not_applied {
            self.output.ask(&format!(
                "The history will say no more that migration {number} is applied to {table}, though nothing is undone; \
                 its run can then not be taken back by `undo --run`."
            ))?;
            self.connection.migrator().await?.count_as_not_applied(number, &table).await?
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

    async fn baseline(&self, dir: &Path, table: &str, number: MigrationNumber) -> Result<String, Error> {
        let migrator = self.connection.migrator().await?;
        let standings = series::read(dir, Limits::default(), self.connection.building())?.on(table, &migrator).await?;
        let members = standings.baseline(number)?;
        crate::output::aside(format_args!("{}", report::series::counted(&members)));
        self.output.ask(&format!(
            "The history will say that these {} are applied to {table}, though they are not run.",
            members.len()
        ))?;
        let counted = members.iter().map(|member| Counted::described(&member.description, &member.digest));
        migrator.count_as_applied(&counted.collect::<Vec<_>>(), table, Unrun::Baseline).await
    }

    /// What is to count as applied: of the folder, the plugin, or whatever has this number.
    async fn counted(&self, number: MigrationNumber) -> Result<Counted, Error> {
        let (Some(of), Some(table)) = (&self.of, &self.table) else { return Ok(Counted::by_number(number)) };
        let (path, building) = (Path::new(of), self.connection.building());
        if path.is_dir() && Language::of(path).is_err() {
            let read = series::read(path, Limits::default(), building)?;
            let standings = read.on(table, &self.connection.migrator().await?).await?;
            let member = standings.member(number)?;
            return Ok(Counted::described(&member.description, &member.digest));
        }
        let counted = Counted::of(&Loading { building, ..Loading::new(Limits::default()) }.load(path)?);
        match counted.number == number {
            true => Ok(counted),
            false => Err(Error::Usage(format!("the plugin is migration {}, and {number} is to be marked", counted.number))),
        }
    }

    async fn settle(&self, run: &str, key: &str) -> Result<String, Error> {
        let decision = match (self.done, self.again) {
            (true, false) => Decision::Done,
            (false, true) => Decision::Again,
            _ => return Err(Error::Usage("say --done (it happened) or --again (it did not)".into())),
        };
        let shared = match is_url(run) {
            true => Some(self.connection.shared(run, &self.connection.migrator().await?)?),
            false => None,
        };
        let manifest = match &shared {
            Some(shared) => shared.run().await?.ok_or_else(|| segment::nothing(shared))?,
            None => Journal::read(&self.connection.find(run).await?)?.manifest().clone(),
        };
        let key = manifest.context.key.key_from_text(key).map_err(Error::Usage)?;
        let what = if decision == Decision::Done { "counts as done" } else { "is sent again" };
        self.output.ask(&format!("The item {key} of run {} {what}.", manifest.run))?;
        let migrator = self.connection.migrator_of(&manifest).await?;
        match &shared {
            Some(shared) => migrator.settle_shared(shared, &manifest, &key, decision).await,
            None => migrator.settle(&manifest.run, &key, decision).await,
        }
    }
}
