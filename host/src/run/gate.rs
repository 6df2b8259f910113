//! Somebody who may say no: before anything is scanned, and once the plan stands and nothing of it is written.
//!
//! Promised: where the answer is no, nothing further is done. At [`Stage::Start`] there is no journal, history row or lease yet; at
//! [`Stage::Planned`] the plan stays, and the run can be gone on with. Of a run with windows the first plan is asked about. Whoever answers
//! may take their time: the lease is kept meanwhile.

use super::error::Error;
use super::flow::Run;
use super::{Migrator, RunOptions};
use crate::journal::{Counts, Manifest, RunState};

/// Where a run stands when it asks whether it may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing is scanned yet; or, of a run that has begun, nothing further is done yet.
    Start,
    /// The plan stands, and nothing of it is written.
    Planned,
}

/// What is asked about.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where the run stands.
    pub stage: Stage,
    /// What it is.
    pub manifest: Manifest,
    /// What is counted so far.
    pub counts: Counts,
}

impl Migrator {
    /// Asks `ask` at each [`Stage`]; an error ends the run there. It may block. Without this, all may go on.
    #[must_use]
    pub fn gate(mut self, ask: impl Fn(&Request) -> Result<(), Error> + Send + Sync + 'static) -> Self {
        self.gate = Some(std::sync::Arc::new(ask));
        self
    }

    /// Whether a run may begin, or be gone on with.
    pub(super) async fn may_start(&self, manifest: &Manifest, counts: Counts) -> Result<(), Error> {
        Box::pin(self.may_go_on(Stage::Start, manifest, counts)).await
    }

    pub(super) async fn may_go_on(&self, stage: Stage, manifest: &Manifest, counts: Counts) -> Result<(), Error> {
        let Some(gate) = self.gate.clone() else { return Ok(()) };
        // In a place of its own, for a manifest is large, and whoever waits for an answer has all of this on the stack.
        let request = Box::new(Request { stage, manifest: manifest.clone(), counts });
        let asked = tokio::task::spawn_blocking(move || gate(&request)).await;
        asked.map_err(|error| Error::Start(format!("nobody could be asked: {error}")))?
    }
}

impl Run {
    /// Plans, and asks about the plan.
    pub(super) async fn planned(&self, options: &RunOptions) -> Result<(), Error> {
        self.plan(options).await?;
        self.publish().await?;
        self.may_apply().await
    }

    /// Whether the plan may be carried out: asked once, while nothing of it is written.
    pub(super) async fn may_apply(&self) -> Result<(), Error> {
        let counts = self.journal.counts()?;
        if counts.done > 0 || self.journal.state()? != RunState::Planned {
            return Ok(());
        }
        Box::pin(self.migrator.may_go_on(Stage::Planned, self.journal.manifest(), counts)).await
    }
}
