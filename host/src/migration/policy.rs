//! What a policy leaves a run, kept in its manifest: the attributes it may patch, and the bounds of its plan.

use serde::{Deserialize, Serialize};

/// The part of a policy that a run keeps to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyTerms {
    /// `sha256:…` of the policy's file.
    pub digest: String,
    /// Attributes that a patch may set, with `*` for any letters; `None` for all.
    pub set: Option<Vec<String>>,
    /// Attributes that a patch may remove; `None` for all.
    pub remove: Option<Vec<String>>,
    /// The bounds.
    pub bounds: Bounds,
}

/// What a plan may come to: beyond any of these nothing is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// Items with actions.
    pub max_changed: Option<u64>,
    /// Delete actions.
    pub max_deletes: Option<u64>,
    /// Insert actions.
    pub max_inserts: Option<u64>,
    /// Items that failed in the scan.
    pub max_failed: Option<u64>,
}

impl Bounds {
    /// The first bound that such a plan passes: its name, its value, and the plan's number.
    pub fn passed(&self, changed: u64, deletes: u64, inserts: u64, failed: u64) -> Option<(&'static str, u64, u64)> {
        let all = [
            ("max_changed", self.max_changed, changed),
            ("max_deletes", self.max_deletes, deletes),
            ("max_inserts", self.max_inserts, inserts),
            ("max_failed", self.max_failed, failed),
        ];
        all.into_iter().find_map(|(name, most, has)| most.filter(|most| has > *most).map(|most| (name, most, has)))
    }
}
