//! What keeps a run from writing: more failed items than are allowed, and the bounds of its policy.
//!
//! Looked at before the first write. Of a run with windows, before the first write of each and before the next is scanned, against
//! all that is sealed so far: then what was written stands, and nothing further is.

use super::error::Error;
use super::flow::Run;
use super::options::MaxErrors;
use crate::journal::{Counts, Manifest, RunState};

/// The bound that a plan passes, in a sentence.
pub(super) fn passed(manifest: &Manifest, counts: &Counts) -> Option<String> {
    let policy = manifest.policy.as_ref()?;
    let (name, most, has) = policy.bounds.passed(counts.changed, counts.actions.delete, counts.actions.insert, counts.failed)?;
    Some(format!("the policy's {name} is {most}, and the plan has {has}"))
}

/// How many items of a run may fail.
pub(super) fn max_errors(manifest: &Manifest) -> MaxErrors {
    manifest.max_errors.parse().unwrap_or_default()
}

impl Run {
    /// Whether a run with windows may not go on: of what is sealed, more items failed than are allowed, or the policy's bound is
    /// passed. Of a run with one window, that is looked at before its first write only.
    pub(super) fn is_held_up(&self) -> Result<bool, Error> {
        let manifest = self.journal.manifest();
        if !manifest.has_windows() {
            return Ok(false);
        }
        let counts = self.journal.sealed_counts()?;
        Ok(passed(manifest, &counts).is_some() || !max_errors(manifest).allows(counts.failed, counts.scanned))
    }

    /// If more items failed in the first scan than are allowed, nothing is written, and the run is over.
    pub(super) async fn refuse_what_failed(&self) -> Result<(), Error> {
        let (manifest, counts) = (self.journal.manifest(), self.journal.counts()?);
        let bound = passed(manifest, &counts).is_some();
        let allowed = max_errors(manifest);
        if self.journal.state()? == RunState::Planned && (bound || !allowed.allows(counts.failed, counts.scanned)) {
            self.journal.set_state(RunState::Refused).await?;
        }
        Ok(())
    }
}
