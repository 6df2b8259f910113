//! How items end that are not simply done, and the counts of a run.

use serde::{Deserialize, Serialize};

use super::page::Place;
use crate::migration::{FailureKind, LogLine};
use crate::model::{Item, Key};

/// How an item ended that is not simply done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeKind {
    /// It failed; nothing of it was done.
    Failed,
    /// It was deleted meanwhile, and stays deleted.
    Skipped,
    /// It may have been done or not, and cannot be told apart: a person decides.
    Doubtful,
    /// The migration ran again on the item as it is now and wanted nothing.
    Unchanged,
    /// Without atomicity: a part of its actions was done.
    Partial,
}

impl OutcomeKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Failed, Self::Skipped, Self::Doubtful, Self::Unchanged, Self::Partial];

    /// The kinds that keep a run from being applied.
    pub const ERRORS: [Self; 3] = [Self::Failed, Self::Doubtful, Self::Partial];

    /// The word used in output and in rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Doubtful => "doubtful",
            Self::Unchanged => "unchanged",
            Self::Partial => "partial",
        }
    }

    /// Whether it keeps a run from being applied.
    pub fn is_error(self) -> bool {
        Self::ERRORS.contains(&self)
    }

    pub(super) fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// When an item ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// While it was scanned: it has no entry.
    Scan,
    /// While its actions were applied.
    Apply,
}

impl Phase {
    /// The word used in output and in rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Apply => "apply",
        }
    }

    pub(super) fn of_word(word: &str) -> Option<Self> {
        [Self::Scan, Self::Apply].into_iter().find(|phase| phase.as_str() == word)
    }
}

/// All that is known of an item that is not simply done.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Which item.
    pub place: Place,
    /// When.
    pub phase: Phase,
    /// How.
    pub kind: OutcomeKind,
    /// Its key.
    pub key: Key,
    /// For people, in a sentence.
    pub message: String,
    /// What sort of failure, if the migration failed.
    pub failure: Option<FailureKind>,
    /// What the migration logged.
    pub log: Vec<LogLine>,
    /// A WebAssembly backtrace, where there is one.
    pub backtrace: Option<String>,
    /// Attempts made; 0 in the scan.
    pub attempts: u32,
    /// Conflicts met, with those that led to a new attempt.
    pub conflicts: u32,
    /// The item as it was found at the end, if it was read.
    pub present: Option<Item>,
}

impl Outcome {
    /// An outcome of the apply phase, with nothing known but this.
    pub fn apply(place: Place, kind: OutcomeKind, key: Key, message: impl Into<String>) -> Self {
        Self {
            place,
            phase: Phase::Apply,
            kind,
            key,
            message: message.into(),
            failure: None,
            log: Vec::new(),
            backtrace: None,
            attempts: 1,
            conflicts: 0,
            present: None,
        }
    }
}

/// Actions by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionCounts {
    /// Patches.
    pub patch: u64,
    /// Inserts.
    pub insert: u64,
    /// Updates by expression.
    pub update: u64,
    /// Deletes.
    pub delete: u64,
}

/// A run in numbers, computed from the journal and from nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Pages scanned.
    pub pages: u64,
    /// Items scanned.
    pub scanned: u64,
    /// Items with actions.
    pub changed: u64,
    /// Items for which the scan's call wanted nothing.
    pub unchanged: u64,
    /// Items for which the migration wanted nothing when it ran again; they count as changed too.
    pub unchanged_again: u64,
    /// Items that failed, in the scan or later.
    pub failed: u64,
    /// Of these, items that failed in the scan and have no entry.
    pub failed_in_scan: u64,
    /// Items deleted meanwhile.
    pub skipped: u64,
    /// Items in doubt for good.
    pub doubtful: u64,
    /// Items done in part.
    pub partial: u64,
    /// Conflicts met.
    pub conflicts: u64,
    /// Items done.
    pub done: u64,
    /// Items with actions that are neither done nor ended otherwise.
    pub open: u64,
    /// The plan's actions.
    pub actions: ActionCounts,
}
