//! On which terms a run's attempts are sent: how they are guarded, how it is proved that they happened, what goes together.

use sha2::{Digest, Sha256};

use super::{guard, signed};
use crate::dynamo::table::TableInfo;
use crate::model::{Item, Key, KeySchema, Patch, Update, Value};

/// How the handed-in item is guarded against changes made since it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// By every attribute that was seen.
    Item,
    /// By this number attribute, which the same write increments. An item without it is guarded by its absence.
    Version(String),
}

/// How it can be told afterwards that an attempt happened, whatever became of the item since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Only by the items themselves, and not always.
    None,
    /// By the run's id in an attribute of the handed-in item. The same write puts it there, and it is a part of the guard: what
    /// has it is not written again.
    Stamp {
        /// The attribute.
        attribute: String,
        /// The run's id.
        run: String,
    },
    /// By a row in another table, put in the same transaction only where there is none.
    Receipt {
        /// The table of receipts, with the partition key `Id` (S).
        table: String,
        /// The run's id.
        run: String,
    },
}

/// The terms of a run's attempts; the default is a guard by the whole item, no proof, and all of an item's actions together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The guard of the handed-in item.
    pub guard: Guard,
    /// The proof that an attempt leaves.
    pub proof: Proof,
    /// All actions of an item happen, or none. Without it, they are sent one by one, each as an attempt of its own; then more
    /// than a transaction holds are possible.
    pub atomic: bool,
    /// Actions that all lie elsewhere carry the guard of the handed-in item all the same.
    pub check_source: bool,
    /// Attempts have the whole item that was seen. Without it, what the guard needs ([`Terms::needs`]), and patches that were
    /// compared with the item before; only with a version guard.
    pub images: bool,
}

impl Default for Terms {
    fn default() -> Self {
        Self { guard: Guard::Item, proof: Proof::None, atomic: true, check_source: false, images: true }
    }
}

impl Terms {
    /// What every write on the handed-in item sets besides: the version after this image's, and the stamp. The error says why
    /// there is no such version.
    pub fn brought(&self, image: &Item) -> Result<Vec<(&str, Value)>, String> {
        let version = match &self.guard {
            Guard::Item => None,
            Guard::Version(name) => Some((name.as_str(), guard::next_version(name, image)?)),
        };
        let stamp = match &self.proof {
            Proof::Stamp { attribute, run } => Some((attribute.as_str(), Value::from(run.as_str()))),
            _ => None,
        };
        Ok(version.into_iter().chain(stamp).collect())
    }

    /// A whole item as it is put over the handed-in one.
    pub fn put_over(&self, image: &Item, item: &Item) -> Result<Item, String> {
        let mut whole = item.clone();
        for (name, value) in self.brought(image)? {
            whole.insert(name, value);
        }
        Ok(whole)
    }

    /// Whether an attempt cannot do without this attribute of the item, even without its image: the key, what the guard looks
    /// at, and what tells that no change is allowed at all.
    pub fn needs(&self, key: &KeySchema, name: &str) -> bool {
        let version = matches!(&self.guard, Guard::Version(version) if version == name);
        key.contains(name) || version || self.stamp() == Some(name) || signed::MARKS.contains(&name)
    }

    /// Whether an item bears the stamp of this run.
    pub fn is_stamped(&self, item: &Item) -> bool {
        match &self.proof {
            Proof::Stamp { attribute, run } => item.get(attribute).and_then(Value::as_s) == Some(run),
            _ => false,
        }
    }

    /// Table and key of the receipt of an item of `table`; `None` without receipts.
    pub fn receipt(&self, table: &TableInfo, item: &Key) -> Option<(&str, Key)> {
        let Proof::Receipt { table: receipts, run } = &self.proof else { return None };
        let text = format!("{}\0{}\0{}", table.name, table.arn, item.canonical_text());
        let hash: String = Sha256::digest(text.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let id = Value::from(format!("{run}#{hash}").as_str());
        Some((receipts, Key::from_attributes([("Id", id)].into_iter().collect())))
    }

    /// The stamp's attribute.
    pub(super) fn stamp(&self) -> Option<&str> {
        match &self.proof {
            Proof::Stamp { attribute, .. } => Some(attribute),
            _ => None,
        }
    }

    /// Adds what every write brings to the part of a patch that changes something; the error says what the patch may not
    /// touch.
    pub(super) fn bring(&self, image: &Item, patch: &Patch, effective: &mut Patch) -> Result<(), String> {
        let version = match &self.guard {
            Guard::Item => None,
            Guard::Version(name) => Some((name.as_str(), "the version attribute of the guard")),
        };
        let stamp = self.stamp().map(|name| (name, STAMP));
        let touched = |name: &str| patch.set.contains(name) || patch.remove.iter().any(|removed| removed == name);
        if let Some((name, what)) = version.into_iter().chain(stamp).find(|(name, _)| touched(name)) {
            return Err(format!("a patch may not touch {name:?}, {what}"));
        }
        for (name, value) in self.brought(image)? {
            effective.set.insert(name, value);
        }
        Ok(())
    }

    /// Why an author's update of the handed-in item cannot be stamped.
    pub(super) fn check_update(&self, update: &Update) -> Result<(), String> {
        let Some(stamp) = self.stamp() else { return Ok(()) };
        let word = |text: &str| text.split(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '#' | ':')).any(|it| it == stamp);
        match update.names.iter().any(|(_, name)| name == stamp) || word(&update.expression) {
            true => Err(format!("an update may not name {stamp:?}, {STAMP}")),
            false => Ok(()),
        }
    }
}

const STAMP: &str = "the attribute of --exactly-once stamp";
