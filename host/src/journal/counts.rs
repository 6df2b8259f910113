//! What a run came to, in numbers.

use serde::{Deserialize, Serialize};

use crate::model::Action;

/// Planned actions by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ActionCounts {
    pub patch: u64,
    pub insert: u64,
    pub update: u64,
    pub delete: u64,
}

impl ActionCounts {
    pub(super) fn add(&mut self, actions: &[Action]) {
        for action in actions {
            match action.kind() {
                "patch" => self.patch += 1,
                "insert" => self.insert += 1,
                "update" => self.update += 1,
                _ => self.delete += 1,
            }
        }
    }
}

/// Counted from the journal, never from a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Counts {
    pub scanned: u64,
    /// Items with actions.
    pub changed: u64,
    pub unchanged: u64,
    pub failed: u64,
    /// Attempts beyond the first.
    pub conflicts: u64,
    pub skipped: u64,
    pub doubtful: u64,
    /// Items that write a key which another item writes too: one after the other. Known once the plan is sealed.
    pub shared: u64,
    /// Of the items with actions, those that are carried out or otherwise settled.
    pub done: u64,
    pub actions: ActionCounts,
}

impl Counts {
    /// The items, as documents for machines have them.
    pub fn items_json(&self) -> serde_json::Value {
        serde_json::json!({ "scanned": self.scanned, "changed": self.changed, "unchanged": self.unchanged, "failed": self.failed,
            "conflicts": self.conflicts, "skipped": self.skipped, "doubtful": self.doubtful, "shared": self.shared, "done": self.done })
    }

    /// The actions, likewise.
    pub fn actions_json(&self) -> serde_json::Value {
        let ActionCounts { patch, insert, update, delete } = self.actions;
        serde_json::json!({ "patch": patch, "insert": insert, "update": update, "delete": delete })
    }

    /// Those of two journals of one run, each of segments of its own.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            scanned: self.scanned + other.scanned,
            changed: self.changed + other.changed,
            unchanged: self.unchanged + other.unchanged,
            failed: self.failed + other.failed,
            conflicts: self.conflicts + other.conflicts,
            skipped: self.skipped + other.skipped,
            doubtful: self.doubtful + other.doubtful,
            shared: self.shared + other.shared,
            done: self.done + other.done,
            actions: ActionCounts {
                patch: self.actions.patch + other.actions.patch,
                insert: self.actions.insert + other.actions.insert,
                update: self.actions.update + other.actions.update,
                delete: self.actions.delete + other.actions.delete,
            },
        }
    }
}
