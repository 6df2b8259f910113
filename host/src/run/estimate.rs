//! What a plan will cost, more or less: in DynamoDB's write units, before anything is written.

use super::error::Error;
use super::terms::terms;
use crate::dynamo::{Proof, Terms};
use crate::journal::{Entry, Journal};
use crate::model::{Action, Target, Update, item_bytes};

/// Pages that are looked at; of a larger plan the rest is taken to be like them.
const PAGES: usize = 50;
/// A write unit is a write of so many bytes.
const UNIT: usize = 1_024;

/// The write units of all that is planned. Secondary indexes and re-runs come on top; an item elsewhere that is not known is taken
/// as one of a kilobyte.
pub(super) fn write_units(journal: &Journal) -> Result<f64, Error> {
    let terms = terms(journal.manifest())?;
    let pages = journal.unfinished_pages()?;
    let step = pages.len().div_ceil(PAGES).max(1);
    let (mut entries, mut units) = (0usize, 0usize);
    for (segment, page) in pages.into_iter().step_by(step) {
        for entry in journal.page(segment, page)?.entries {
            entries += 1;
            units += of_entry(&terms, &entry);
        }
    }
    let changed = journal.counts()?.changed as f64;
    Ok(if entries == 0 { 0.0 } else { units as f64 / entries as f64 * changed })
}

fn of_entry(terms: &Terms, entry: &Entry) -> usize {
    let units = |bytes: usize| bytes.div_ceil(UNIT).max(1);
    let brought = terms.brought(&entry.image).unwrap_or_default();
    let brought: usize = brought.iter().map(|(name, value)| item_bytes(&[(*name, value.clone())].into_iter().collect())).sum();
    let (mut after, mut patched, mut on_this) = (entry.image.clone(), false, false);
    let mut writes = Vec::new();
    for action in &entry.actions {
        on_this |= action.is_on_this();
        match action {
            Action::Patch(patch) => {
                after = patch.applied_to(&after);
                patched = true;
            }
            Action::Insert(insert) => writes.push(units(item_bytes(&insert.item))),
            Action::Update(Update { target: Target::This, .. }) => writes.push(units(item_bytes(&entry.image) + brought)),
            Action::Delete(Target::This) => writes.push(units(item_bytes(&entry.image))),
            Action::Update(_) | Action::Delete(_) => writes.push(1),
        }
    }
    let larger = units(item_bytes(&entry.image).max(item_bytes(&after) + brought));
    let stamps = matches!(terms.proof, Proof::Stamp { .. });
    writes.extend((patched || !on_this && (stamps || terms.check_source)).then_some(larger));
    writes.extend(matches!(terms.proof, Proof::Receipt { .. }).then_some(1));
    let factor = if terms.atomic && writes.len() > 1 { 2 } else { 1 };
    writes.iter().sum::<usize>() * factor
}
