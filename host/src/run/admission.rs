//! Whether a run may work on its table, at its beginning and whenever it is gone on with: the table is the one that it began
//! with, nobody else is at work, and the history has nothing against it.

use std::sync::Arc;

use super::begin::needed;
use super::error::Error;
use super::flow::Run;
use super::summary::Summary;
use super::{ExactlyOnce, Migrator, RunOptions, owner, terms};
use crate::dynamo::{Billing, TableInfo};
use crate::explain::Code;
use crate::history::{Applied, Lease};
use crate::journal::{self, Journal, Manifest};
use crate::migration::{Direction, Migration};
use crate::model::{Description, MigrationNumber};

/// What a migration says that it comes after must be applied.
fn comes_after(description: &Description, applied: &[Applied]) -> Result<(), Error> {
    let missing = |number: &&MigrationNumber| !applied.iter().any(|row| row.number == **number);
    match description.after.iter().find(missing) {
        Some(number) => Err(Error::Known(
            Code::ComesAfter,
            format!("migration {} comes after migration {number}, which is not applied", description.number),
        )),
        None => Ok(()),
    }
}

impl Migrator {
    /// Whether a table has what a migration says it needs.
    pub async fn check_fits(&self, description: &Description, table: &str) -> Result<(), Error> {
        needed(description, &self.database.client().table(table).await?)
    }

    /// Whether what a migration says that it comes after is applied. A run looks again, under the lease.
    pub(super) async fn check_after(&self, description: &Description) -> Result<(), Error> {
        // Others do without the right to read the history.
        match description.after.is_empty() {
            true => Ok(()),
            false => comes_after(description, &self.history.applied().await?),
        }
    }

    /// Goes on with a run whose code was looked at.
    pub(super) async fn go_on(
        &self,
        journal: Journal,
        migration: Arc<dyn Migration>,
        options: &RunOptions,
        retry_failed: bool,
    ) -> Result<Summary, Error> {
        let manifest = journal.manifest().clone();
        terms::secrets(&manifest.secret_arguments, &manifest.context.arguments)?;
        let table = self.table_of(&manifest).await?;
        self.still_at_home(&manifest)?;
        if !journal.is_sealed()? && !journal.state()?.is_final() {
            journal::check_room(&self.runs_dir, self.expected(&manifest), journal.bytes())?;
        }
        let lease = if !journal.state()?.is_final() {
            self.may_start(&manifest, journal.counts()?).await?;
            self.history.init(&Billing::OnDemand).await?;
            self.init_receipts(&manifest).await?;
            self.lease(migration.as_ref(), &manifest, Some(&journal)).await?
        } else if self.history.unfinished().await?.iter().any(|row| row.run == manifest.run) {
            self.lease_of(&journal).await?
        } else {
            return Summary::read(&journal);
        };
        self.keep_pace(&table, &manifest, options);
        let run = Run::new(self, journal, migration, table);
        let run = if retry_failed { run.retry_failed() } else { run };
        run.go_on(options, lease).await
    }

    /// The table of a run that has begun, if it is the same and the run is kept under the same metadata table.
    pub(super) async fn table_of(&self, manifest: &Manifest) -> Result<TableInfo, Error> {
        if manifest.meta_table != self.meta_table {
            let (run, theirs, ours) = (&manifest.run, &manifest.meta_table, &self.meta_table);
            return Err(Error::Refused(format!("the run {run} is kept under the metadata table {theirs}, not {ours}")));
        }
        let table = self.usable(&manifest.context.table).await?;
        if table.id != manifest.table_id {
            let (name, run) = (&table.name, &manifest.run);
            return Err(Error::Known(
                Code::TableReplaced,
                format!("the table {name} is not the one that run {run} began with: it was created anew since"),
            ));
        }
        Ok(table)
    }

    /// The lease of a run's table. Only under it is what the history says certain: before, another run may end or begin at any
    /// time; and whoever is alive is told from whoever died.
    pub(super) async fn lease(
        &self,
        migration: &dyn Migration,
        manifest: &Manifest,
        begun: Option<&Journal>,
    ) -> Result<Lease, Error> {
        let lease = match begun {
            Some(journal) => self.lease_of(journal).await?,
            None => Lease::acquire(&self.history, &manifest.context.table, &manifest.run, &owner()).await?,
        };
        if let Err(error) = self.check_history(migration, manifest, begun.is_some()).await {
            let _expires = lease.release().await;
            return Err(error);
        }
        Ok(lease)
    }

    /// The lease for a run that has begun: here, or on a machine of which nothing is known.
    pub(super) async fn lease_of(&self, journal: &Journal) -> Result<Lease, Error> {
        let (table, run) = (&journal.manifest().context.table, &journal.manifest().run);
        Ok(match journal.lineage()?.is_some_and(|lineage| lineage.fetched.is_some()) {
            true => Lease::take_over(&self.history, table, run, &owner()).await?,
            false => Lease::acquire(&self.history, table, run, &owner()).await?,
        })
    }

    /// The table of receipts, only where a run leaves some.
    pub(super) async fn init_receipts(&self, manifest: &Manifest) -> Result<(), Error> {
        match manifest.exactly_once {
            ExactlyOnce::Receipts => Ok(self.history.init_receipts(&Billing::OnDemand).await?),
            _ => Ok(()),
        }
    }

    /// What the history says against this run, which has `begun` already or is to begin.
    pub(super) async fn check_history(&self, migration: &dyn Migration, manifest: &Manifest, begun: bool) -> Result<(), Error> {
        let applied = self.history.applied().await?;
        let (number, run) = (manifest.number, &manifest.run);
        match (applied.iter().find(|row| row.number == number), manifest.direction) {
            // A plan may have been made long ago.
            (Some(row), Direction::Migrate) if row.run != *run && !manifest.sweep => {
                let by = match (row.unrun(), row.run.as_str()) {
                    (Some(_), _) => format!("the word of {}", row.by().unwrap_or("somebody")),
                    (None, "") => "another tool".into(),
                    (None, run) => format!("run {run}"),
                };
                return Err(Error::Known(
                    Code::AlreadyApplied,
                    format!(
                        "migration {number} has been applied by {by}, so that run {run} must not do it again (see `drift-host status`)"
                    ),
                ));
            }
            (None, Direction::Undo) if !begun && manifest.restores.is_none() => {
                return Err(Error::Refused(format!("migration {number} is no longer applied; there is nothing to undo")));
            }
            _ => {}
        }
        if manifest.direction == Direction::Migrate {
            comes_after(migration.description(), &applied)?;
        }
        let others = self.history.unfinished().await?;
        // What a run takes back is not done either.
        let known = |other: &str| begun && other == run || Some(other) == manifest.restores.as_deref();
        match others.iter().find(|other| other.table == manifest.context.table && !known(&other.run)) {
            Some(other) => Err(Error::Known(
                Code::UnfinishedRun,
                format!(
                    "the table {} has an unfinished run, {} of migration {} ({}, {}); go on with `drift-host apply {}` where its journal is; if that is lost, see `drift-host repair {} --abandon`",
                    other.table, other.run, other.number, other.state, other.owner, other.run, other.run
                ),
            )),
            None => Ok(()),
        }
    }
}
