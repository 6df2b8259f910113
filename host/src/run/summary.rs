//! What a run came to: counted from its journal.

use serde_json::{Value as Json, json};

use super::access::AccessLine;
use super::bounds::{max_errors, passed};
use super::error::Error;
use super::estimate;
use crate::journal::{Counts, Journal, Manifest, OutcomeRecord, RunState, Windows};

/// The end of a run, plan or undo.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The run's manifest; `None` if nothing ran because the migration was applied already.
    pub manifest: Option<Manifest>,
    /// Of a run that processes share, where it is kept: by that it is called, and not by its id.
    pub place: Option<String>,
    /// The migration's number, name and digest, and the table.
    pub migration: (String, String, String),
    /// The table.
    pub table: String,
    /// `planned`, `applied`, `already-applied`, `incomplete`, `undone`, `refused`, `interrupted`.
    pub state: String,
    /// Items and actions.
    pub counts: Counts,
    /// Read and write units consumed.
    pub units: (f64, f64),
    /// Of a plan: the write units that it needs, more or less.
    pub needed_units: Option<f64>,
    /// Seconds of plan and apply.
    pub seconds: (f64, f64),
    /// Writes of this process that went alone instead of in batches: PartiQL is not allowed, or cannot say them.
    pub single_writes: u64,
    /// Writes of this process that were guarded by a part of the item's attributes, because a condition holds no more.
    pub partly_guarded: u64,
    /// How far the windows are, where there are several.
    pub windows: Option<Windows>,
    /// More items failed than are allowed, so that no further window is written: how many of how many.
    pub held_up: Option<String>,
    /// The bound of the policy that the plan passes, if nothing was written because of it; with windows, nothing further.
    pub bound: Option<String>,
    /// What was granted, used and refused beyond patches.
    pub accesses: Vec<AccessLine>,
    /// The first hundred items that are not plainly done.
    pub errors: Vec<OutcomeRecord>,
}

impl Summary {
    /// The summary of a run by its journal.
    pub(super) fn of(journal: &Journal, state: &str) -> Result<Self, Error> {
        let manifest = journal.manifest().clone();
        let counters = journal.counters()?;
        let errors = journal.outcomes(100)?;
        // By the images, so not without them.
        let is_planned = journal.state()? == RunState::Planned && journal.is_sealed()? && !manifest.no_images;
        let windows = if manifest.has_windows() { Some(journal.windows()?) } else { None };
        let sealed = journal.sealed_counts()?;
        let held_up = windows.is_some_and(|windows| windows.done < windows.count) && state == "incomplete";
        let bound = match state {
            "planned" | "refused" => passed(&manifest, &journal.counts()?),
            _ if held_up => passed(&manifest, &sealed),
            _ => None,
        };
        let allowed = max_errors(&manifest);
        let held_up = held_up && bound.is_none() && !allowed.allows(sealed.failed, sealed.scanned);
        Ok(Self {
            windows,
            held_up: held_up.then(|| format!("{} items failed, and {allowed} may", sealed.failed)),
            bound,
            place: None,
            migration: (manifest.number.to_string(), manifest.name.clone(), manifest.digest.clone()),
            table: manifest.context.table.clone(),
            state: state.to_owned(),
            counts: journal.counts()?,
            units: (counters.read_units, counters.write_units),
            needed_units: is_planned.then(|| estimate::write_units(journal)).transpose()?,
            seconds: (counters.plan_seconds, counters.apply_seconds),
            single_writes: 0,
            partly_guarded: 0,
            accesses: AccessLine::all(&manifest, &journal.accesses()?),
            errors,
            manifest: Some(manifest),
        })
    }

    /// The summary of a run as its journal stands.
    pub fn read(journal: &Journal) -> Result<Self, Error> {
        Self::of(journal, &journal.state()?.to_string())
    }

    /// The run's id.
    pub fn run(&self) -> Option<&str> {
        self.manifest.as_ref().map(|manifest| manifest.run.as_str())
    }

    /// 0 done or nothing to do, 1 failed or doubtful items, 130 interrupted.
    pub fn exit_code(&self) -> u8 {
        match self.state.as_str() {
            "interrupted" => 130,
            "refused" | "planned" | "incomplete" if self.bound.is_some() => 3,
            "refused" | "incomplete" => 1,
            _ if self.counts.failed + self.counts.doubtful > 0 => 1,
            // A way back that left items as they are.
            "undone" if self.counts.skipped > 0 && self.manifest.as_ref().is_some_and(|it| it.restores.is_some()) => 1,
            _ => 0,
        }
    }

    /// The document that `--json` prints.
    pub fn to_json(&self) -> Json {
        let (number, name, digest) = &self.migration;
        let counts = &self.counts;
        let errors = self.errors.iter().map(crate::report::document::outcome);
        let accesses = self.accesses.iter().map(|line| {
            json!({ "grant": line.grant, "granted": line.granted, "used": line.used, "refused": line.refused,
                "first_refused": line.first_refused })
        });
        json!({
            "v": 1,
            "run": self.run(),
            "migration": { "number": number, "name": name, "digest": digest },
            "table": self.table,
            "state": self.state,
            "items": counts.items_json(),
            "actions": counts.actions_json(),
            "estimate": self.manifest.as_ref().and_then(|manifest| manifest.estimate.as_ref()),
            "units": { "read": self.units.0, "write": self.units.1, "needed": self.needed_units },
            "writes": { "single": self.single_writes, "partly_guarded": self.partly_guarded },
            "seconds": { "plan": self.seconds.0, "apply": self.seconds.1 },
            "accesses": accesses.collect::<Vec<_>>(),
            "windows": self.windows.map(|windows| {
                json!({ "segments": windows.segments, "count": windows.count, "sealed": windows.sealed, "done": windows.done })
            }),
            "held_up": self.held_up,
            "bound": self.bound,
            "errors": errors.collect::<Vec<_>>(),
        })
    }
}
