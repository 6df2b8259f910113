//! `lead`: stands for a run whose segments are done by other processes.

use std::path::PathBuf;

use clap::Args;

use super::Ended;
use super::connection::Connection;
use super::options::Flow;
use super::run::Output;

#[derive(Args)]
pub(super) struct LeadVerb {
    /// The plugin: a WebAssembly component
    plugin: PathBuf,
    /// The table: a name or an ARN
    #[arg(long)]
    table: String,
    /// Where the run is kept, and all of its processes find it: s3://BUCKET/PREFIX, or file:///FOLDER; one place for one run
    #[arg(long, value_name = "URI")]
    journal: String,
    /// Segments that will be at work at a time: a part of --max-read-units and --max-write-units is kept for those who have not come yet [default: nothing is kept]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    at_once: Option<u32>,
    #[command(flatten)]
    flow: Flow,
    #[command(flatten)]
    lifeline: Lifeline,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    output: Output,
}

/// With what a process ends that others started.
#[derive(Args, Clone)]
pub(super) struct Lifeline {
    /// Stop when the process that started this one ends
    #[cfg(unix)]
    #[arg(long)]
    exit_with_parent: bool,
    /// Stop within a second when standard input ends
    #[arg(long)]
    stdin_lifeline: bool,
}

impl Lifeline {
    /// Ends this process with whoever started it, as these flags say.
    pub(super) fn begin(&self) -> Result<(), crate::Error> {
        #[cfg(unix)]
        if self.exit_with_parent {
            let wrong = |error| crate::Error::Usage(format!("--exit-with-parent: {error}"));
            super::signals::exit_with_parent().map_err(wrong)?;
        }
        if self.stdin_lifeline {
            let wrong = |error| crate::Error::Usage(format!("--stdin-lifeline: {error}"));
            super::signals::stdin_lifeline().map_err(wrong)?;
        }
        Ok(())
    }
}

impl LeadVerb {
    pub(super) async fn run(self) -> Ended {
        self.lifeline.begin()?;
        let (migration, options) = self.flow.load(&self.plugin, &self.table, self.connection.building())?;
        let hooks = self.flow.hooks(&self.connection)?.at(&self.journal);
        let migrator = self.connection.migrator().await?;
        self.output.confirm(&migrator, &options.table)?;
        let shared = self.connection.shared(&self.journal, &migrator)?;
        let ended = self.output.watched(hooks.gated(migrator)).lead(&shared, migration, &options, self.at_once).await;
        Ok(hooks.end(ended, |summary| self.output.print(summary))?.1)
    }
}
