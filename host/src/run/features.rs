//! What a run makes of the table's features: where it may not begin, and what is to be known before anything is written.

use std::time::Duration;

use super::error::Error;
use super::flow::Run;
use super::{Event, Migrator, RunOptions};
use crate::dynamo::TableInfo;
use crate::explain::Code;
use crate::history::Lease;
use crate::insight::{Insight, Warning, of_plan};
use crate::journal::{Manifest, RunState};
use crate::model::Checked;

/// Items of a plan that `run` looks at for its warnings, about.
const LOOKED_AT: u64 = 3_000;

impl Migrator {
    /// The same manifest with what the table has; refuses what was required and is not there.
    pub(super) async fn with_features(
        &self,
        manifest: Manifest,
        table: &TableInfo,
        options: &RunOptions,
    ) -> Result<Manifest, Error> {
        let features = self.database.client().features(table).await;
        if options.require_pitr {
            let name = &table.name;
            let why = match &features.point_in_time_recovery {
                Checked::Known(true) => None,
                Checked::Known(false) => Some("it is off".to_owned()),
                Checked::NotChecked(why) => Some(format!("it was not checked: {why}")),
            };
            if let Some(why) = why {
                return Err(Error::Known(
                    Code::NoRecovery,
                    format!(
                        "--require-pitr: the table {name} must have point-in-time recovery, and {why}; nothing was read or written. To turn it on: \
                     aws dynamodb update-continuous-backups --table-name {name} --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true"
                    ),
                ));
            }
        }
        Ok(Manifest { features: Some(features), ..manifest })
    }

    /// A global table is written in one region, which somebody has named.
    pub(super) fn at_home(&self, manifest: &Manifest, table: &TableInfo) -> Result<(), Error> {
        let here = self.database.region();
        match &manifest.home_region {
            _ if table.regions.is_empty() => Ok(()),
            Some(home) if home == here => Ok(()),
            Some(home) => Err(Error::Known(Code::HomeRegion, elsewhere(&table.name, home, here))),
            None => Err(Error::Known(
                Code::HomeRegion,
                format!(
                    "the table {} is a global table, replicated to {}: a condition holds in one region only, so that what the application writes in \
                 another is not seen and may be overwritten. Run it where the application writes, and say so: --home-region {here} for this one \
                 (docs/warnings.md#global-table)",
                    table.name,
                    table.regions.join(", ")
                ),
            )),
        }
    }

    /// The same of a run that has begun.
    pub(super) fn still_at_home(&self, manifest: &Manifest) -> Result<(), Error> {
        let (here, replicated) = (self.database.region(), manifest.features.as_ref().is_some_and(|it| !it.replicas.is_empty()));
        match &manifest.home_region {
            Some(home) if replicated && home != here => {
                Err(Error::Known(Code::HomeRegion, elsewhere(&manifest.context.table, home, here)))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn warn(&self, warnings: Vec<Warning>) {
        if !warnings.is_empty() {
            (self.observer)(Event::Warned(warnings));
        }
    }
}

fn elsewhere(table: &str, home: &str, here: &str) -> String {
    format!(
        "the table {table} is a global table whose home is {home} (--home-region), and this is {here}: conditions hold in one region only. \
         Run it there: --region {home} (docs/warnings.md#global-table)"
    )
}

/// How long a backup is waited for: DynamoDB makes them in seconds, whatever the table's size, but promises no time.
const BACKUP: Duration = Duration::from_secs(600);

impl Run {
    /// Has DynamoDB make a backup of the table, where that is asked for and nothing is written yet. Without it, nothing is.
    pub(super) async fn back_up(&self, options: &RunOptions, lease: &Lease) -> Result<(), Error> {
        let (manifest, counts) = (self.journal.manifest(), self.journal.counts()?);
        let begun = counts.done > 0 || self.journal.state()? != RunState::Planned;
        if !(manifest.backup || options.backup) || begun || counts.changed == 0 {
            return Ok(());
        }
        let (table, name) = (&manifest.context.table, format!("drift-host-{}", manifest.run));
        let arn = self.migrator.database.client().back_up(table, &name, BACKUP).await.map_err(|error| {
            Error::Known(
                Code::BackupFailed,
                format!("--backup: the table {table} could not be backed up, so that nothing was written: {error}"),
            )
        })?;
        (self.migrator.observer)(Event::BackedUp(arn.clone()));
        // Whoever looks for it later may not have this journal, nor this process's output.
        let line = format!("run {} had a backup of {table} made before it wrote anything: {arn}", manifest.run);
        Box::pin(self.migrator.history.note(&line, lease)).await?;
        // Of one process there is one.
        let _set_before = self.backup.set(arn);
        Ok(())
    }

    /// Tells what the plan shows, before anything of it is carried out. Of a large one some pages are looked at: reading all of it once more
    /// is for who wants to read it (`plan`, `show`).
    pub(super) async fn warn_of_plan(&self) -> Result<(), Error> {
        if !self.journal.is_sealed()? {
            return Ok(());
        }
        let journal = self.journal.clone();
        let read = tokio::task::spawn_blocking(move || Insight::sample(&journal, LOOKED_AT));
        let insight = read.await.map_err(|error| Error::Start(error.to_string()))??;
        let mut warnings = of_plan(self.journal.manifest(), &insight);
        if insight.items < self.journal.counts()?.changed {
            let run = &self.journal.manifest().run;
            let of = format!(" (of {} items that were looked at; `drift-host show {run}` counts all)", insight.items);
            warnings.iter_mut().for_each(|warning| warning.message.push_str(&of));
        }
        self.migrator.warn(warnings);
        Ok(())
    }
}
