//! Which items a page has: one of each shape of change, then what failed or is in doubt, then others from all over the plan, as many
//! as there is room for.

use std::collections::BTreeMap;

use crate::insight::Insight;
use crate::journal::{ItemRecord, Journal};
use crate::run::Error;

/// Places in the journal, by segment and page: position and, where it stands for one, the number of its shape.
type Wanted = BTreeMap<(u32, u32), BTreeMap<u32, Option<usize>>>;

/// An item of a page, with the shape that it stands for.
pub(super) struct Found {
    pub(super) record: ItemRecord,
    pub(super) example_of: Option<usize>,
}

/// Hands each item to `each`, a page of the journal at a time in memory, until it says that there is no room.
pub(super) fn each(journal: &Journal, insight: &Insight, most: usize, mut each: impl FnMut(Found) -> bool) -> Result<(), Error> {
    for ((segment, page), positions) in chosen(journal, insight, most)?.into_iter().flatten() {
        let places: Vec<u32> = positions.keys().copied().collect();
        for record in journal.items_at(segment, page, &places)? {
            let example_of = positions.get(&record.position).copied().flatten();
            if !each(Found { record, example_of }) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Places that are chosen, none twice.
struct Choice {
    groups: Vec<Wanted>,
    room: usize,
}

impl Choice {
    fn group(&mut self) {
        self.groups.push(Wanted::new());
    }

    fn take(&mut self, (segment, page, position): (u32, u32, u32), shape: Option<usize>) {
        let known = |group: &Wanted| group.get(&(segment, page)).is_some_and(|positions| positions.contains_key(&position));
        if self.room == 0 || self.groups.iter().any(known) {
            return;
        }
        if let Some(group) = self.groups.last_mut() {
            group.entry((segment, page)).or_default().insert(position, shape);
            self.room -= 1;
        }
    }
}

fn chosen(journal: &Journal, insight: &Insight, most: usize) -> Result<Vec<Wanted>, Error> {
    let mut choice = Choice { groups: Vec::new(), room: most };
    choice.group();
    for (number, shape) in insight.shapes.iter().enumerate() {
        choice.take(shape.example, Some(number));
    }
    choice.group();
    // Half of what is left, so that there is room for what went well.
    for outcome in journal.outcomes(choice.room.div_ceil(2))? {
        choice.take((outcome.segment, outcome.page, outcome.position), None);
    }
    choice.group();
    let pages: Vec<(u32, u32)> =
        journal.segments()?.iter().flat_map(|state| (0..state.pages).map(|page| (state.segment, page))).collect();
    let step = pages.len().div_ceil(choice.room.max(1)).max(1);
    for (at, (segment, page)) in pages.iter().enumerate().step_by(step) {
        if choice.room == 0 {
            break;
        }
        let until = choice.room - choice.room.div_ceil((pages.len() - at).div_ceil(step));
        for entry in journal.page(*segment, *page)?.entries {
            if choice.room > until {
                choice.take((*segment, *page, entry.position), None);
            }
        }
    }
    Ok(choice.groups)
}
