//! `undo`: back by the migration's own code, or by the host from the images of a run.

use std::path::PathBuf;

use clap::Args;

use super::Ended;
use super::connection::Connection;
use super::options::Flow;
use super::run::{Output, tell_of_writes_at_once};
use crate::journal::Journal;
use crate::run::{RunOptions, WayBack};
use crate::{Error, report};

#[derive(Args)]
pub(super) struct UndoVerb {
    /// The plugin: a WebAssembly component with an undo
    #[arg(required_unless_present = "run", conflicts_with = "run")]
    plugin: Option<PathBuf>,
    /// The table: a name or an ARN
    #[arg(long, required_unless_present = "run", conflicts_with = "run")]
    table: Option<String>,
    /// Take back what this run wrote, from the images in its journal; needs no plugin
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    #[command(flatten)]
    flow: Flow,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    output: Output,
}

impl UndoVerb {
    pub(super) async fn run(self) -> Ended {
        match (&self.run, &self.plugin, &self.table) {
            (Some(run), _, _) => self.by_host(run).await,
            (None, Some(plugin), Some(table)) => {
                let (migration, options) = self.flow.load(plugin, table, self.connection.building())?;
                let migrator = self.connection.migrator().await?;
                self.connection.lasting(&migrator)?;
                tell_of_writes_at_once(migration.as_ref());
                self.output.confirm(&migrator, &options.table)?;
                Ok(self.output.print(&self.output.watched(migrator).undo(migration, &options).await?))
            }
            _ => Err(Error::Usage("name a plugin and its table, or --run RUN".into())),
        }
    }

    async fn by_host(&self, run: &str) -> Ended {
        let journal = Journal::read(&self.connection.find(run).await?)?;
        let manifest = journal.manifest().clone();
        drop(journal);
        let migrator = self.connection.migrator_of(&manifest).await?;
        self.connection.lasting(&migrator)?;
        let survey = migrator.way_back(&manifest.run).await?;
        crate::output::aside(format_args!("{}", report::way_back(&survey)));
        let options = self.flow.options(&manifest.context.table);
        self.confirm(&migrator, &options, &survey)?;
        Ok(self.output.print(&self.output.watched(migrator).restore(&manifest.run, &options).await?))
    }

    fn confirm(&self, migrator: &crate::Migrator, options: &RunOptions, survey: &WayBack) -> Result<(), Error> {
        match survey.lost {
            0 => self.output.confirm(migrator, &options.table),
            lost => {
                self.output.ask(&format!("This writes to the table {}, and {lost} of the above stay as they are.", options.table))
            }
        }
    }
}
