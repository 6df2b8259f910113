//! What the actions of a plan are at most: which kinds, on which tables, and which attributes its patches set or remove.
//!
//! Kept while the plan is made, and not changed after the seal, so that what runs again on an item that changed meanwhile can be
//! held to what whoever read the plan has seen. A few hundred bytes; past ten thousand names of attributes (they are data then)
//! it says only that there are such patches.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};

use super::checksum::Which;
use super::store::Problem;
use super::{Error, Journal};
use crate::model::{Action, Target};

/// Names of attributes that are kept apart.
const MOST: usize = 10_000;

/// What a plan's actions are at most.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// `insert Claims`, `delete .` (the table being migrated), `set ATTRIBUTE`, `remove ATTRIBUTE`.
    entries: BTreeSet<String>,
    /// There are too many names to keep them.
    any_attribute: bool,
}

impl Envelope {
    /// Of these actions, where `migrated` is the name of the table being migrated: `.` in the envelope, however they name it.
    pub fn of<'a>(migrated: &str, actions: impl Iterator<Item = &'a Action>) -> Self {
        let mut envelope = Self::default();
        actions.for_each(|action| envelope.entries.extend(entries(migrated, action)));
        envelope.bounded()
    }

    /// The first of these actions that is beyond it, in words: `set price`, say.
    pub fn beyond(&self, migrated: &str, actions: &[Action]) -> Option<String> {
        let within = |entry: &String| self.entries.contains(entry) || self.any_attribute && is_attribute(entry);
        actions.iter().flat_map(|action| entries(migrated, action)).find(|entry| !within(entry))
    }

    /// With what these actions are.
    pub fn with(&self, migrated: &str, actions: &[Action]) -> Self {
        let mut wider = self.clone();
        wider.widen(&Self::of(migrated, actions.iter()));
        wider
    }

    fn widen(&mut self, more: &Self) -> bool {
        let before = (self.entries.len(), self.any_attribute);
        self.entries.extend(more.entries.iter().cloned());
        self.any_attribute |= more.any_attribute;
        *self = std::mem::take(self).bounded();
        before != (self.entries.len(), self.any_attribute)
    }

    fn bounded(mut self) -> Self {
        self.any_attribute |= self.entries.iter().filter(|entry| is_attribute(entry)).count() > MOST;
        if self.any_attribute {
            self.entries.retain(|entry| !is_attribute(entry));
        }
        self
    }
}

fn is_attribute(entry: &str) -> bool {
    entry.starts_with("set ") || entry.starts_with("remove ")
}

fn entries(migrated: &str, action: &Action) -> Vec<String> {
    let on = |kind: &str, table: Option<&str>| vec![format!("{kind} {}", table.filter(|name| *name != migrated).unwrap_or("."))];
    let target = |target: &Target| match target {
        Target::This => None,
        Target::Other(address) => address.table.clone(),
    };
    match action {
        Action::Patch(patch) => {
            let set = patch.set.names().map(|name| format!("set {name}"));
            set.chain(patch.remove.iter().map(|name| format!("remove {name}"))).collect()
        }
        Action::Insert(insert) => on("insert", insert.table.as_deref()),
        Action::Update(update) => on("update", target(&update.target).as_deref()),
        Action::Delete(deleted) => on("delete", target(deleted).as_deref()),
        Action::Withdraw(insert) => on("delete", insert.table.as_deref()),
    }
}

impl Journal {
    /// What the plan's actions are at most.
    pub fn envelope(&self) -> Result<Envelope, Error> {
        self.query(read)
    }
}

/// Adds what a page has.
pub(super) fn widen(file: &Connection, page: &Envelope) -> Result<(), Problem> {
    let mut envelope = read(file)?;
    if envelope.widen(page) {
        let record = Which::Envelope.pack(&envelope)?;
        file.prepare_cached("INSERT OR REPLACE INTO envelope VALUES (1, ?1)")?.execute([record])?;
    }
    Ok(())
}

fn read(file: &Connection) -> Result<Envelope, Problem> {
    let stored = file.query_row("SELECT record FROM envelope", [], |row| row.get(0)).optional()?;
    stored.map_or_else(|| Ok(Envelope::default()), |stored| Which::Envelope.unpack(stored))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Existing, Insert, Item, Patch};

    fn patch(set: &[&str], remove: &[&str]) -> Action {
        let set: Item = set.iter().map(|name| (*name, 1.into())).collect();
        Action::Patch(Patch { set, remove: remove.iter().map(|name| (*name).to_owned()).collect() })
    }

    #[test]
    fn what_no_item_of_the_plan_had_is_beyond_it() {
        let insert = |table: Option<&str>| {
            Action::Insert(Insert { table: table.map(str::to_owned), item: Item::new(), existing: Existing::Keep })
        };
        let mut envelope = Envelope::of("Things", [patch(&["a"], &["b"]), insert(Some("Claims"))].iter());
        assert_eq!(envelope.beyond("Things", &[patch(&["a"], &[]), insert(Some("Claims"))]), None);
        assert_eq!(envelope.beyond("Things", &[patch(&["a"], &["a"])]), Some("remove a".into()));
        assert_eq!(envelope.beyond("Things", &[insert(None)]), Some("insert .".into()));
        assert_eq!(envelope.beyond("Things", &[insert(Some("Things"))]), Some("insert .".into()), "by its name too");
        assert_eq!(envelope.beyond("Things", &[Action::Delete(Target::This)]), Some("delete .".into()));
        assert!(envelope.widen(&Envelope::of("Things", [patch(&["c"], &[])].iter())));
        assert!(!envelope.widen(&Envelope::of("Things", [patch(&["c", "a"], &[])].iter())), "nothing new, nothing to write");
        assert_eq!(envelope.beyond("Things", &[patch(&["c"], &[])]), None);
    }

    #[test]
    fn what_was_allowed_for_an_item_is_within_it_for_that_item() {
        let envelope = Envelope::of("Things", [patch(&["a"], &[])].iter());
        let allowed = [patch(&["b"], &[]), Action::Delete(Target::This)];
        let wider = envelope.with("Things", &allowed);
        assert_eq!(wider.beyond("Things", &[patch(&["a", "b"], &[]), Action::Delete(Target::This)]), None);
        assert_eq!(wider.beyond("Things", &[patch(&["c"], &[])]), Some("set c".into()));
        assert_eq!(envelope.beyond("Things", &allowed), Some("set b".into()), "and for no other");
    }

    #[test]
    fn names_that_are_data_are_not_kept() {
        let names: Vec<String> = (0..=MOST).map(|n| n.to_string()).collect();
        let many = patch(&names.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
        let envelope = Envelope::of("Things", [many].iter());
        assert!(envelope.entries.is_empty() && envelope.beyond("Things", &[patch(&["x"], &["y"])]).is_none());
        assert_eq!(envelope.beyond("Things", &[Action::Delete(Target::This)]), Some("delete .".into()));
    }
}
