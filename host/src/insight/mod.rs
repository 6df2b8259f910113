//! What a plan does, for people: how often each attribute is set, removed or changes its type, in which shapes, and what to be
//! warned of.
//!
//! It is read from the journal, a page at a time, once, and costs what reading the journal costs: no request, no table. Memory is
//! bounded whatever the table's size: of each shape one item's place is kept and not the item, and beyond so many shapes, tables
//! and attributes the rest is counted without its name. What is counted by name is exact.

mod collect;
mod expression;
mod shape;
mod warning;

#[cfg(test)]
mod tests;

pub use shape::{Change, Part, Shape};
pub use warning::{Code, Warning, of_plan, of_table, warnings};

use crate::journal::{Entry, Error, Journal, Manifest};
use crate::model::Key;

use collect::Collector;

/// From so many parts on, what all shapes have is said once.
const COMMON: usize = 4;

/// What a plan does.
#[derive(Clone, Debug, Default)]
pub struct Insight {
    /// Items with actions.
    pub items: u64,
    /// Items that were scanned and of which nothing is to be changed.
    pub unchanged: u64,
    /// Actions by table and kind, in the order of the tables' names.
    pub actions: Vec<ActionLine>,
    /// Attributes by table and kind of action, in the order of their names.
    pub attributes: Vec<AttributeLine>,
    /// Changes of attributes beyond those named.
    pub other_attributes: u64,
    /// Shapes of change, those of most items first.
    pub shapes: Vec<Shape>,
    /// Items of shapes beyond those named.
    pub other_items: u64,
    /// Items that grow, and are then near the 400 KB that an item may have.
    pub near_limit: NearLimit,
    /// What the warnings are about.
    pub(crate) concerns: Concerns,
}

/// Actions of one kind on one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionLine {
    /// The table.
    pub table: String,
    /// `patch`, `insert`, `update` or `delete`.
    pub action: &'static str,
    /// How many actions.
    pub count: u64,
}

/// What becomes of one top-level attribute, by one kind of action on one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeLine {
    /// The table.
    pub table: String,
    /// `patch`, `insert` or `update`.
    pub action: &'static str,
    /// The attribute, cut off after 255 characters.
    pub attribute: String,
    /// Items in which it is set and keeps its type, or had none.
    pub set: u64,
    /// Of those, the ones that did not have it; 0 where that is not known (updates by expression, and without images).
    pub new: u64,
    /// Items in which it is removed.
    pub removed: u64,
    /// Items in which its type changes, by old and new type.
    pub retyped: Vec<(&'static str, &'static str, u64)>,
}

/// Items that grow near the limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NearLimit {
    /// How many.
    pub items: u64,
    /// The largest: key, and bytes before and after.
    pub largest: Vec<(Key, usize, usize)>,
}

/// What the warnings are about, counted beside the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Concerns {
    /// By attribute of an index's key: items that write it, and those that give it a type that the index does not take.
    pub(crate) index_keys: Vec<(String, u64, u64)>,
    /// Items that write the TTL attribute, and those that set it to a time that was past when the run began.
    pub(crate) ttl: (u64, u64),
    /// By name: items with a number that looks like a version.
    pub(crate) versions: Vec<(String, u64)>,
    /// Items whose actions go in a transaction.
    pub(crate) transactions: u64,
}

impl AttributeLine {
    /// Items in which something becomes of it.
    pub fn items(&self) -> u64 {
        self.set + self.removed + self.retyped.iter().map(|(_, _, items)| items).sum::<u64>()
    }
}

impl Insight {
    /// Reads the plan of a run from its journal.
    pub fn read(journal: &Journal) -> Result<Self, Error> {
        Self::sample(journal, u64::MAX)
    }

    /// The same of about so many items, in whole pages that are spread evenly, and of all where there are no more: what it counts is of
    /// these.
    pub fn sample(journal: &Journal, most: u64) -> Result<Self, Error> {
        let mut collector = Collector::new(journal.manifest());
        let segments = journal.segments()?;
        let pages = || segments.iter().flat_map(|state| (0..state.pages).map(|page| (state.segment, page)));
        let step = usize::try_from(journal.counts()?.changed.div_ceil(most)).unwrap_or(usize::MAX);
        for (segment, page) in pages().step_by(step.max(1)) {
            for entry in journal.page(segment, page)?.entries {
                collector.add((segment, page), &entry);
            }
        }
        let mut insight = collector.finish();
        insight.unchanged = journal.counts()?.unchanged;
        Ok(insight)
    }

    /// What is done in every one of several shapes, where that is much: then it is better said once.
    pub fn common(&self) -> Vec<Part> {
        let [first, others @ ..] = self.shapes.as_slice() else { return Vec::new() };
        let whole = self.shapes.iter().all(|shape| shape.more == 0);
        let in_all = |part: &&Part| others.iter().all(|shape| shape.parts.contains(part));
        let common: Vec<Part> = first.parts.iter().filter(in_all).cloned().collect();
        if whole && !others.is_empty() && common.len() >= COMMON { common } else { Vec::new() }
    }

    /// The item that stands for a shape.
    pub fn example(&self, journal: &Journal, shape: &Shape) -> Result<Option<Entry>, Error> {
        let (segment, page, position) = shape.example;
        Ok(journal.page(segment, page)?.entries.into_iter().find(|entry| entry.position == position))
    }
}

/// The name of the table that an action is on, the migrated one by its name whether it was named by that, by its ARN or not at
/// all.
pub(crate) fn table_of<'a>(manifest: &'a Manifest, named: Option<&'a str>) -> &'a str {
    let own = manifest.context.table.as_str();
    named.filter(|name| *name != manifest.table_arn).unwrap_or(own)
}
