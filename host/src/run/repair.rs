//! What people decide where the rules cannot. Each is said in the audit.

use super::error::Error;
use super::{Migrator, owner};
use crate::explain::Code;
use crate::history::{Applied, Audit, Lease};
use crate::journal::{self, Decision, Journal, Manifest, OutcomeKind, RunState};
use crate::migration::Migration;
use crate::model::{Key, MigrationNumber};

impl Migrator {
    /// The audit, oldest line first: decisions of people, and ways back.
    pub async fn audit(&self) -> Result<Vec<Audit>, Error> {
        Ok(self.history.audit().await?)
    }

    /// Drops the lease of a table. Whoever still works under it is fenced in the metadata tables, and may write items until it
    /// notices: be sure that it is dead.
    pub async fn drop_lease(&self, table: &str) -> Result<String, Error> {
        let nobody = || Error::Usage(format!("nobody holds a lease of the table {table}"));
        let (run, holder) = self.history.holder(table).await?.ok_or_else(nobody)?;
        let line = format!("the lease of {table}, held by run {run} ({holder}), was dropped by {}", owner());
        match self.history.drop_lease(table, &run, &line).await? {
            true => Ok(line),
            false => Err(Error::Refused(format!("the lease of {table} passed to another run meanwhile; look again"))),
        }
    }

    /// Gives up a run whose journal is lost: its row goes, and the migration can be planned anew. Refused where that could do
    /// something twice.
    pub async fn abandon(&self, run: &str) -> Result<String, Error> {
        let rows = self.history.unfinished().await?;
        let matching: Vec<_> = rows.iter().filter(|row| !run.is_empty() && row.run.starts_with(run)).collect();
        let row = match matching.as_slice() {
            [row] => row,
            [] => return Err(Error::Usage(format!("there is no unfinished run {run}; see `drift-host status`"))),
            _ => return Err(Error::Usage(format!("several unfinished runs begin with {run}"))),
        };
        let here = match self.find(&row.run).await {
            Ok(path) => Journal::read(&path).and_then(|journal| journal.state()).is_ok(),
            // Where object storage does not answer, the journal may be there.
            Err(Error::Store(error)) if error.kind() != crate::store::ErrorKind::NoRun => return Err(error.into()),
            Err(_) => false,
        };
        if here {
            return Err(Error::Refused(format!(
                "the journal of run {0} is here: go on with `drift-host apply {0}`, or back with `drift-host undo --run {0}`",
                row.run
            )));
        }
        if !row.repeatable && row.state != "planning" {
            return Err(Error::Refused(format!(
                "the run {} may have written, its migration {} is not repeatable, and without its journal nobody knows which items \
                 are done: planned anew, it could do some twice. It takes the journal, or a proof that each item bears. Put a copy of \
                 the journal back, or mend the table by hand and give what is left a migration with a number of its own",
                row.run, row.number
            )));
        }
        let line = format!(
            "run {} of migration {} on {} ({}, {}) was given up without its journal by {}",
            row.run,
            row.number,
            row.table,
            row.state,
            row.owner,
            owner()
        );
        let lease = self.repairing(&row.table).await?;
        let abandoned = self.history.abandon(&row.run, &line, &lease).await;
        lease.release().await?;
        abandoned?;
        Ok(line)
    }

    /// Settles an item of a run that is in doubt. Afterwards the run goes on with `apply`.
    pub async fn settle(&self, run: &str, key: &Key, decision: Decision) -> Result<String, Error> {
        let journal = Journal::open(&self.find(run).await?)?;
        let manifest = journal.manifest().clone();
        let (run, state) = (&manifest.run, journal.state()?);
        let unknown = || Error::Usage(format!("the run {run} has nothing about an item {key}"));
        let item = journal.find(key)?.ok_or_else(unknown)?;
        if item.outcome.as_ref().is_none_or(|outcome| outcome.kind != OutcomeKind::Doubtful) {
            let why = item.outcome.map(|outcome| format!(": {}", outcome.message)).unwrap_or_default();
            return Err(Error::Refused(format!("the item {key} of run {run} is not in doubt{why}")));
        }
        if !matches!(state, RunState::Incomplete | RunState::Interrupted) {
            return Err(Error::Refused(format!("the run {run} is {state}: go on with `drift-host apply {run}` first")));
        }
        self.table_of(&manifest).await?;
        let line = settled_line(&manifest, key, decision);
        let lease = self.lease_of(&journal).await?;
        // The line first: a decision that is in nobody's books must not happen.
        let noted = self.history.note(&line, &lease).await.map_err(Error::from);
        let mine = match (&self.store, noted) {
            (Some(store), Ok(())) => store.take_over(&journal).await.map_err(Error::from),
            (_, noted) => noted,
        };
        if let Err(error) = mine {
            lease.release().await?;
            return Err(error);
        }
        journal.decide(&item, decision, settled_why(decision)).await?;
        journal.set_state(RunState::Interrupted).await?;
        if let Some(store) = &self.store {
            store.progress(&journal, 1, true).await?;
        }
        lease.release().await?;
        Ok(format!("{line}\nto go on: drift-host apply {run}"))
    }

    /// Records the digest of this migration for one that is applied: for the history it is the same from now on.
    pub async fn accept_digest(&self, migration: &dyn Migration, table: &str) -> Result<String, Error> {
        let number = migration.description().number;
        let mut row = self.recorded(number).await?;
        if row.table != table {
            return Err(Error::Known(
                Code::OtherTable,
                format!("migration {number} is recorded for the table {}, not for {table}", row.table),
            ));
        }
        if row.digest == migration.digest() {
            return Err(Error::Usage(format!("migration {number} is recorded with this digest already")));
        }
        let before = std::mem::replace(&mut row.digest, migration.digest().to_owned());
        let before = if before.is_empty() { "none" } else { &before };
        let line =
            format!("migration {number} on {table}: the digest {} was accepted instead of {before} by {}", row.digest, owner());
        self.correct(&row, &line).await?;
        Ok(line)
    }

    /// Takes over a row that is recorded for another table, or has no digest: dynamo-drift's, say.
    pub async fn adopt(&self, number: MigrationNumber, table: &str, migration: Option<&dyn Migration>) -> Result<String, Error> {
        let mut row = self.recorded(number).await?;
        if let Some(other) = migration.map(|it| it.description().number).filter(|other| *other != number) {
            return Err(Error::Usage(format!("the plugin is migration {other}, and {number} is to be adopted")));
        }
        if row.table == table && !(row.digest.is_empty() && migration.is_some()) {
            let how = if row.digest.is_empty() { "name the plugin too, for its digest" } else { "there is nothing to adopt" };
            return Err(Error::Usage(format!("migration {number} is recorded for the table {table} already; {how}")));
        }
        self.database.client().table(table).await?;
        let before = std::mem::replace(&mut row.table, table.to_owned());
        if let Some(migration) = migration.filter(|_| row.digest.is_empty()) {
            row.digest = migration.digest().to_owned();
        }
        let digest = if row.digest.is_empty() { "without a digest" } else { &row.digest };
        let line = format!("migration {number}, recorded for {before}, was adopted for {table} ({digest}) by {}", owner());
        self.correct(&row, &line).await?;
        Ok(line)
    }

    pub(super) async fn recorded(&self, number: MigrationNumber) -> Result<Applied, Error> {
        let missing = || Error::Usage(format!("migration {number} is not recorded as applied; see `drift-host status`"));
        self.history.find(number).await?.ok_or_else(missing)
    }

    async fn correct(&self, row: &Applied, line: &str) -> Result<(), Error> {
        self.history.init(&crate::dynamo::Billing::OnDemand).await?;
        let lease = self.repairing(&row.table).await?;
        let corrected = self.history.correct(row, line, &lease).await;
        lease.release().await?;
        Ok(corrected?)
    }

    /// The table's lease, for somebody who is no run.
    pub(super) async fn repairing(&self, table: &str) -> Result<Lease, Error> {
        let name = format!("repair-{}", journal::new_run_id());
        Ok(Lease::acquire(&self.history, table, &name, &owner()).await?)
    }
}

/// What was decided of an item in doubt, for the item itself.
pub(super) fn settled_why(decision: Decision) -> String {
    let what = match decision {
        Decision::Done => "as done",
        Decision::Again => "to be sent again",
    };
    format!("settled {what} by {}", owner())
}

/// The same for the audit.
pub(super) fn settled_line(manifest: &Manifest, key: &Key, decision: Decision) -> String {
    let (run, table) = (&manifest.run, &manifest.context.table);
    format!("run {run}: the item {key} of {table}, in doubt, was {}", settled_why(decision))
}
