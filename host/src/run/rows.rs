//! What the history is told of a run: while it is not done, and once it is.

use super::{ExactlyOnce, owner};
use crate::history::{Applied, Unfinished, now};
use crate::journal::{Counters, Counts, Fix, Manifest};

/// The detail of a history row that says how a run proved what it did.
pub(super) const PROOF: &str = "exactly_once";

/// What the history says of a run that is not done.
pub(super) fn unfinished_row(manifest: &Manifest, state: &str) -> Unfinished {
    Unfinished {
        run: manifest.run.clone(),
        number: manifest.number,
        table: manifest.context.table.clone(),
        direction: manifest.direction.as_str().into(),
        state: state.into(),
        owner: owner(),
        repeatable: manifest.repeatable,
    }
}

/// What the history keeps of a run that is done.
pub(super) fn applied_row(manifest: &Manifest, counts: &Counts, spent: &Counters, fixes: &[Fix]) -> Applied {
    let detail = |name: &str, value: String| (name.to_owned(), value);
    let mut details = vec![
        detail("scanned", counts.scanned.to_string()),
        detail("changed", counts.changed.to_string()),
        detail("conflicts", counts.conflicts.to_string()),
        detail("skipped", counts.skipped.to_string()),
        detail("read_units", spent.read_units.to_string()),
        detail("write_units", spent.write_units.to_string()),
        detail("seconds", format!("{:.1}", spent.plan_seconds + spent.apply_seconds)),
        detail("host_version", manifest.host_version.clone()),
        detail("by", owner()),
    ];
    details.extend((manifest.exactly_once != ExactlyOnce::No).then(|| detail(PROOF, manifest.exactly_once.to_string())));
    details.extend(fixes.iter().map(|fix| detail("fixed_digest", fix.digest.clone())).next_back());
    details.extend(manifest.filter.clone().map(|filter| detail("filter", filter)));
    let description = if manifest.summary.is_empty() { &manifest.name } else { &manifest.summary };
    Applied {
        number: manifest.number,
        table: manifest.context.table.clone(),
        description: description.clone(),
        name: manifest.name.clone(),
        digest: manifest.digest.clone(),
        started: manifest.created.clone(),
        finished: now(),
        run: manifest.run.clone(),
        details,
    }
}
