//! `undo`: back by the migration's own code, or by the host from the images of a run; of a folder, as far as is said.

use std::path::{Path, PathBuf};

use clap::Args;

use super::connection::{Connection, is_url};
use super::options::Flow;
use super::run::{Output, tell_of_writes_at_once};
use super::{Ended, series};
use crate::journal::Journal;
use crate::model::MigrationNumber;
use crate::run::{RunOptions, WayBack};
use crate::series::{Way, in_turn};
use crate::{Error, report};

#[derive(Args)]
pub(super) struct UndoVerb {
    /// The plugin: a WebAssembly component with an undo; with --to, a folder of migrations
    #[arg(value_name = "PLUGIN|DIR", required_unless_present = "run", conflicts_with = "run")]
    plugin: Option<PathBuf>,
    /// The table: a name or an ARN
    #[arg(long, required_unless_present = "run", conflicts_with = "run")]
    table: Option<String>,
    /// DIR --table T: take back all that is applied above this number, newest first
    ///
    /// Each by its own undo, if it is in the folder as it was applied and has one; else from the images of its run, as --run does, where its
    /// journal is here. If one of them has no way back, nothing is done.
    #[arg(long, value_name = "NUMBER", conflicts_with = "run")]
    to: Option<MigrationNumber>,
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
        match (&self.run, &self.plugin, &self.table, self.to) {
            (Some(run), ..) => self.by_host(run).await,
            (None, Some(dir), Some(table), Some(to)) => self.of_folder(dir, table, to).await,
            (None, Some(plugin), Some(table), None) => {
                let (migration, options) = self.flow.load(plugin, table, self.connection.building())?;
                let migrator = self.connection.migrator().await?;
                self.connection.lasting(&migrator)?;
                tell_of_writes_at_once(migration.as_ref());
                self.output.confirm(&migrator, &options.table)?;
                let hooks = self.flow.hooks(&self.connection)?;
                let ended = self.output.watched(hooks.gated(migrator)).undo(migration, &options).await;
                Ok(hooks.end(ended, |summary| self.output.print(summary))?.1)
            }
            _ => Err(Error::Usage("name a plugin and its table, or --run RUN".into())),
        }
    }

    async fn of_folder(&self, dir: &Path, table: &str, to: MigrationNumber) -> Ended {
        let building = self.connection.building();
        let migrator = self.connection.migrator().await?;
        self.connection.lasting(&migrator)?;
        let standings = series::read(dir, self.flow.limits()?, building)?.on(table, &migrator).await?;
        let kept = migrator.kept(standings.runs_above(to)).await;
        let steps = standings.back(to, |run| kept.contains(run))?;
        let mut lost = 0;
        crate::output::aside(format_args!("{}", report::series::back(&steps)));
        for step in &steps {
            match &step.way {
                // What is not granted to the last one is said before the first one runs.
                Way::Code(member) => self.flow.check(member, table, building)?,
                Way::Images(run) => {
                    let survey = migrator.way_back(run).await?;
                    crate::output::aside(format_args!("of run {run}: {}", report::way_back(&survey)));
                    lost += survey.lost;
                }
            }
        }
        match (steps.len(), lost) {
            (0, _) => {}
            (count, 0) => self.output.confirm_all(&migrator, table, count)?,
            (count, lost) => {
                self.output
                    .ask(&format!("These {count} write to the table {table}, and {lost} of the above stay as they are."))?;
            }
        }
        let hooks = self.flow.hooks(&self.connection)?;
        let walk = in_turn(&steps, async |step| {
            let migrator = self.output.watched(hooks.gated(migrator.clone()));
            let ended = match &step.way {
                Way::Code(member) => {
                    let (migration, options) = self.flow.load_member(member, table, building)?;
                    tell_of_writes_at_once(migration.as_ref());
                    migrator.undo(migration, &options).await
                }
                Way::Images(run) => migrator.restore(run, &self.flow.options(table)).await,
            };
            series::end_one(&hooks, &self.output, ended)
        });
        let walk = walk.await;
        let numbers: Vec<MigrationNumber> = steps.iter().map(|step| step.number).collect();
        let none = format!("nothing to take back: nothing above {to} is applied on {}", standings.table);
        let command = format!("drift-host undo {} --to {to} --table {table}", dir.display());
        series::end(&self.output, &standings, walk, &numbers, &none, &command)
    }

    async fn by_host(&self, run: &str) -> Ended {
        let journal = Journal::read(&self.connection.find(run).await?)?;
        let manifest = journal.manifest().clone();
        if is_url(run) && !journal.state()?.is_final() {
            return Err(Error::Refused(format!(
                "the run at {run} is {}: others may be at work on it. End it first, `drift-host apply {run}`, and take it back then",
                journal.state()?
            )));
        }
        drop(journal);
        let migrator = self.connection.migrator_of(&manifest).await?;
        self.connection.lasting(&migrator)?;
        let survey = migrator.way_back(&manifest.run).await?;
        crate::output::aside(format_args!("{}", report::way_back(&survey)));
        let options = self.flow.options(&manifest.context.table);
        self.confirm(&migrator, &options, &survey)?;
        let hooks = self.flow.hooks(&self.connection)?;
        let ended = self.output.watched(hooks.gated(migrator)).restore(&manifest.run, &options).await;
        Ok(hooks.end(ended, |summary| self.output.print(summary))?.1)
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
