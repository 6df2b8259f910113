//! Taking up failed items, and the way back by the host, as a program asks for them.

use std::collections::HashSet;
use std::sync::Arc;

use super::error::Error;
use super::restore::{self, WayBack, restorer};
use super::summary::Summary;
use super::{Migrator, RunOptions, owner, terms};
use crate::dynamo::Billing;
use crate::explain::Code;
use crate::history::now;
use crate::journal::{self, Fix, Journal, Manifest, RunState};
use crate::migration::{Direction, Migration};

impl Migrator {
    /// The failed items of an incomplete run once more, each as it is now. `migration` may be other code than the run began
    /// with: then that is the run's from now on, and is recorded so. Items in doubt are not touched.
    pub async fn retry_failed(
        &self,
        journal: Journal,
        migration: Arc<dyn Migration>,
        options: &RunOptions,
    ) -> Result<Summary, Error> {
        let (manifest, state) = (journal.manifest().clone(), journal.state()?);
        let run = &manifest.run;
        let refused = |why: &str| Err(Error::Refused(format!("the run {run} is {state}: {why}")));
        match state {
            RunState::Incomplete => {}
            RunState::Applied | RunState::Undone => return Summary::read(&journal),
            RunState::Refused => return refused("nothing of it was written. Mend the migration, and begin a new run"),
            RunState::Planned => return refused("nothing of it was sent yet; `drift-host apply` without --retry-failed does it"),
            RunState::Planning | RunState::Applying | RunState::Interrupted => {
                return refused("go on with `drift-host apply` first; what failed can be taken up when the rest is done");
            }
        }
        terms::secrets(&manifest.secret_arguments, &manifest.context.arguments)?;
        let described = migration.description();
        if described.number != manifest.number {
            let (is, must) = (described.number, manifest.number);
            return Err(Error::Usage(format!("the fixed plugin is migration {is}, and the run {run} is of migration {must}")));
        }
        if manifest.direction == Direction::Undo && !migration.reversible() {
            return Err(Error::Usage(format!("the run {run} is an undo, and the fixed plugin has none")));
        }
        if migration.digest() != journal.digest()? {
            self.table_of(&manifest).await?;
            let line = format!(
                "run {run} of migration {} on {}: what failed is done by {}, where it began with {}; by {}",
                manifest.number,
                manifest.context.table,
                migration.digest(),
                manifest.digest,
                owner()
            );
            let lease = self.lease_of(&journal).await?;
            let (digest, name) = (migration.digest().to_owned(), described.name.clone());
            let fix = Fix { digest, name, at: now(), by: owner(), component: false };
            journal.fix(fix, migration.component()).await?;
            let noted = self.history.note(&line, &lease).await;
            lease.release().await?;
            noted?;
        }
        self.go_on(journal, migration, options, true).await
    }

    /// Of these runs, those that [`Migrator::restore`] can take back as far as their journals go: they are here, with images.
    pub async fn kept(&self, runs: impl IntoIterator<Item = String>) -> HashSet<String> {
        let mut kept = HashSet::new();
        for run in runs {
            let journal = self.find(&run).await.and_then(|path| Ok(Journal::read(&path)?));
            if journal.is_ok_and(|journal| !journal.manifest().no_images) {
                kept.insert(run);
            }
        }
        kept
    }

    /// What the way back of a run would come to. Reads its journal only.
    pub async fn way_back(&self, run: &str) -> Result<WayBack, Error> {
        let old = Journal::read(&self.find(run).await?)?;
        has_images(old.manifest())?;
        has_written(&old)?;
        WayBack::of(&old)
    }

    /// The way back by the host, from the images of a run's journal: a run of its own that patches back what the run wrote where
    /// it still is so, inserts again what it deleted, and deletes what it inserted. Only for the newest run of a table.
    pub async fn restore(&self, run: &str, options: &RunOptions) -> Result<Summary, Error> {
        let old = Journal::open(&self.find(run).await?)?;
        let manifest = old.manifest().clone();
        has_images(&manifest)?;
        let table = self.table_of(&manifest).await?;
        self.history.init(&Billing::OnDemand).await?;
        self.check_newest(&old).await?;
        let mut new = restore::manifest_of(&manifest, journal::new_run_id(), now(), self.meta_table.clone());
        new.max_read_units = options.max_read_units.or(new.max_read_units);
        new.max_write_units = options.max_write_units.or(new.max_write_units);
        new.backup = options.backup;
        new.home_region = options.home_region.clone().or(new.home_region);
        (new.journal_max, new.window) = (options.journal_max, None);
        let migration = restorer(&new).ok_or_else(|| Error::Start("the way back has no run to take back".into()))?;
        // Its lock is free again for the end, which is written into it; the lease keeps others off.
        drop(old);
        self.begin_leased(&new, migration, table, options).await
    }

    /// Only the newest run of a table can be taken back, for later ones rest on it.
    async fn check_newest(&self, old: &Journal) -> Result<(), Error> {
        has_written(old)?;
        let (manifest, state) = (old.manifest(), old.state()?);
        let (run, table) = (&manifest.run, &manifest.context.table);
        let refused = |why: String| Err(no_way_back(run, &why));
        let applied = self.history.applied().await?;
        let ours = applied.iter().find(|row| row.run == *run);
        if state == RunState::Applied && ours.is_none() && !manifest.sweep {
            return refused(format!("migration {} is no longer recorded as applied by it", manifest.number));
        }
        // What is not recorded yet is newer than all that is.
        let Some(ours) = ours else { return Ok(()) };
        // What no run applied rests on none.
        let later = applied.iter().filter(|row| row.table == *table && !row.run.is_empty() && row.order() > ours.order());
        match later.max_by_key(|row| row.order()) {
            Some(row) => refused(format!(
                "migration {} ({}) was applied to {table} after it, by run {}. Take that back first",
                row.number, row.name, row.run
            )),
            None => Ok(()),
        }
    }
}

fn no_way_back(run: &str, why: &str) -> Error {
    Error::Known(Code::NoWayBack, format!("the run {run} cannot be taken back: {why}"))
}

/// Of a run that wrote nothing, or is no more, there is no way back.
fn has_written(old: &Journal) -> Result<(), Error> {
    let (manifest, state) = (old.manifest(), old.state()?);
    let refused = |why: &str| Err(no_way_back(&manifest.run, why));
    if state == RunState::Undone {
        return refused("it is undone already");
    }
    if manifest.direction == Direction::Undo {
        return refused("it is an undo itself. Run the migration again");
    }
    if old.sealed_segments()? == 0 || matches!(state, RunState::Planning | RunState::Planned | RunState::Refused) {
        return refused(&format!("it is {state}, so nothing of it was written"));
    }
    Ok(())
}

/// What was not kept cannot be put back.
fn has_images(manifest: &Manifest) -> Result<(), Error> {
    let run = &manifest.run;
    match manifest.no_images {
        true => Err(Error::Known(
            Code::NoWayBack,
            format!(
                "the run {run} cannot be taken back from its journal: it was made with --no-images, and nobody knows what its items were. \
             The migration's own undo, where it has one, can: drift-host undo PLUGIN --table {}",
                manifest.context.table
            ),
        )),
        false => Ok(()),
    }
}
