//! An item in doubt of a run that many processes shared, settled by a person: as `repair` does it for a run of one machine.
//!
//! Promised: the line in the audit comes first; the segment's end counts no more from then on, and `apply URI` goes on with it. It costs
//! the fetching of the journals of those segments that have items in doubt.

use std::path::Path;

use super::error::Error;
use super::{Migrator, owner};
use crate::history::Lease;
use crate::journal::{Decision, ItemRecord, Journal, Manifest, OutcomeKind, RunState};
use crate::model::Key;
use crate::store::{Gathered, Shared, Stage, Store};

impl Migrator {
    /// Settles an item in doubt of the run at this place. Afterwards the run goes on with `apply`.
    ///
    /// # Errors
    /// [`Error::Refused`] where not every segment was carried out, or the item is not in doubt; [`Error::Usage`] where none has it.
    pub async fn settle_shared(
        &self,
        shared: &Shared,
        manifest: &Manifest,
        key: &Key,
        decision: Decision,
    ) -> Result<String, Error> {
        let scratch = self.runs_dir.join("segments").join(format!("{}-repair-{}", manifest.run, std::process::id()));
        let store = shared.segments(scratch.clone(), "repair");
        let settled = self.settle_in(shared, &store, manifest, key, decision).await;
        let _left_over = std::fs::remove_dir_all(Path::new(&scratch));
        settled
    }

    async fn settle_in(
        &self,
        shared: &Shared,
        store: &Store,
        manifest: &Manifest,
        key: &Key,
        decision: Decision,
    ) -> Result<String, Error> {
        self.table_of(manifest).await?;
        // Nobody is at work on it, nor begins to be.
        let lease = Lease::take_over(&self.history, &manifest.context.table, &manifest.run, &owner()).await?;
        let settled = self.settle_under(shared, store, (manifest, key, decision), &lease).await;
        lease.release().await?;
        settled
    }

    async fn settle_under(
        &self,
        shared: &Shared,
        store: &Store,
        (manifest, key, decision): (&Manifest, &Key, Decision),
        lease: &Lease,
    ) -> Result<String, Error> {
        let (run, url) = (&manifest.run, shared.url());
        let (segment, item) = self.in_doubt(shared, store, manifest, key).await?;
        let line = super::repair::settled_line(manifest, key, decision);
        self.history.note(&line, lease).await?;
        shared.reopen(store, segment).await?;
        let journal = Journal::open(&shared.fetch(store, segment).await?)?;
        store.take_over(&journal).await?;
        journal.decide(&item, decision, super::repair::settled_why(decision)).await?;
        journal.set_state(RunState::Interrupted).await?;
        store.progress(&journal, 1, true).await?;
        drop(journal);
        self.history.put_run(&super::rows::unfinished_row(manifest, "interrupted"), lease).await?;
        Ok(format!("{line}\nto go on with run {run}: drift-host apply {url}"))
    }

    /// The item, and the segment that has it.
    async fn in_doubt(&self, shared: &Shared, store: &Store, manifest: &Manifest, key: &Key) -> Result<(u32, ItemRecord), Error> {
        let (run, url) = (&manifest.run, shared.url());
        let mut applied = Gathered::new();
        shared.gather(Stage::Applied, &mut applied).await?;
        let mut found = None;
        for segment in 0..manifest.segments {
            let may_have = match applied.get(&segment) {
                Some(part) => part.counts.doubtful > 0,
                None if shared.is_open(segment).await? => true,
                None => {
                    let why =
                        format!("segment {segment} of run {run} was not carried out: go on with `drift-host apply {url}` first");
                    return Err(Error::Refused(why));
                }
            };
            if may_have && found.is_none() {
                let path = shared.fetch(store, segment).await?;
                found = Journal::read(&path)?.find(key)?.map(|item| (segment, item));
            }
        }
        let nothing = || Error::Refused(format!("no item {key} of run {run} is in doubt"));
        let (segment, item) = found.ok_or_else(nothing)?;
        match &item.outcome {
            Some(outcome) if outcome.kind == OutcomeKind::Doubtful => Ok((segment, item)),
            outcome => {
                let why = outcome.as_ref().map(|outcome| format!(": {}", outcome.message)).unwrap_or_default();
                Err(Error::Refused(format!("the item {key} of run {run} is not in doubt{why}")))
            }
        }
    }
}
