//! `run`, `plan`, `apply` and `undo`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::Ended;
use super::options::{Connection, Flow, Rates, load_bytes, parse_grants};
use crate::Error;
use crate::journal::{self, Journal};
use crate::migration::Direction;
use crate::report;
use crate::run::{Migrator, RunOptions, Summary};

/// Diffs that `plan` shows.
const SAMPLES: usize = 3;

#[derive(Args)]
pub(super) struct RunVerb {
    /// The plugin: a WebAssembly component
    plugin: PathBuf,
    #[command(flatten)]
    flow: Flow,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    output: Output,
}

#[derive(Args)]
pub(super) struct PlanVerb {
    #[command(flatten)]
    common: RunVerb,
    /// Exit with 1 if any item would change
    #[arg(long)]
    check: bool,
}

#[derive(Args)]
pub(super) struct ApplyVerb {
    /// The run's id, or the beginning of it
    run: String,
    /// Instances of the plugin at work at a time [default: the cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    concurrency: Option<u16>,
    /// Chunks of writes on their way at a time
    #[arg(long, value_name = "N", default_value_t = 8)]
    writes_in_flight: usize,
    #[command(flatten)]
    rates: Rates,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    output: Output,
}

#[derive(Args, Clone)]
pub(super) struct Output {
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

impl RunVerb {
    pub(super) async fn run(self, direction: Direction) -> Ended {
        let (migration, options) = self.flow.load(&self.plugin)?;
        let migrator = self.connection.migrator().await?;
        self.output.confirm(&migrator, &options.table)?;
        let migrator = report::watched(migrator);
        let summary = match direction {
            Direction::Migrate => migrator.run(migration, &options).await?,
            Direction::Undo => migrator.undo(migration, &options).await?,
        };
        Ok(self.output.print(&summary))
    }
}

impl PlanVerb {
    pub(super) async fn run(self) -> Ended {
        let (migration, options) = self.common.flow.load(&self.common.plugin)?;
        let migrator = report::watched(self.common.connection.migrator().await?);
        let summary = migrator.plan(migration, &options).await?;
        let code = self.common.output.print(&summary);
        if let Some(run) = summary.run().filter(|_| !self.common.output.json) {
            let journal = Journal::read(&journal::find(&self.common.connection.runs_dir(), run)?)?;
            print!("{}", report::samples(&journal, SAMPLES)?);
        }
        Ok(if code == 0 && self.check && summary.counts.changed > 0 { 1 } else { code })
    }
}

impl ApplyVerb {
    pub(super) async fn run(self) -> Ended {
        let journal = Journal::open(&journal::find(&self.connection.runs_dir(), &self.run)?)?;
        let manifest = journal.manifest().clone();
        let migrator = report::watched(self.connection.migrator_of(&manifest).await?);
        let component = journal.component()?.ok_or_else(|| {
            Error::Usage(format!(
                "the run {} was made by a program of its own, not by a plugin; go on with it there",
                manifest.run
            ))
        })?;
        let slots = self.concurrency.map(usize::from);
        let plugin = load_bytes(&format!("the plugin of run {}", manifest.run), component, slots)?;
        let mut options = RunOptions::new(&manifest.context.table);
        options.concurrency = slots.unwrap_or(options.concurrency);
        options.writes_in_flight = self.writes_in_flight;
        self.rates.give(&mut options);
        self.output.confirm(&migrator, &options.table)?;
        let migration = Arc::new(plugin.grant(parse_grants(&manifest.grants)?));
        let summary = migrator.apply(journal, migration, &options).await?;
        Ok(self.output.print(&summary))
    }
}

impl Output {
    /// Writing to anything that is not local wants a yes.
    fn confirm(&self, migrator: &Migrator, table: &str) -> Result<(), Error> {
        if self.yes || migrator.database().is_local() {
            return Ok(());
        }
        let endpoint = migrator.database().endpoint();
        eprint!("This writes to the table {table} of {endpoint}. Go on? [y/N] ");
        let mut answer = String::new();
        let asked = std::io::IsTerminal::is_terminal(&std::io::stdin()) && std::io::stdin().read_line(&mut answer).is_ok();
        match answer.trim() {
            "y" | "Y" | "yes" if asked => Ok(()),
            _ => Err(Error::Refused("not confirmed; add --yes where nobody can be asked".into())),
        }
    }

    fn print(&self, summary: &Summary) -> u8 {
        if self.json {
            println!("{}", summary.to_json())
        } else {
            print!("{}", report::summary(summary))
        }
        summary.exit_code()
    }
}
