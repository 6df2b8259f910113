//! A canary: the first items of a sealed plan are carried out and looked at before the rest is.
//!
//! Promised: nothing beyond them is written until they are found as they should be and whoever decides says yes. Each is read
//! once, consistently, and a repeatable migration is asked about it once more: it should have nothing left to do. One that writes
//! at once is not asked, for it would write again.

use std::collections::{HashMap, HashSet};
use std::fmt;

use super::error::Error;
use super::plan::effective;
use super::pool::Pool;
use crate::dynamo::{Client, TableInfo};
use crate::journal::{Counts, Journal};
use crate::model::{Action, Existing, Insert, Item, Target};

/// What was found of the first items.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Canary {
    /// Items that were carried out, and read again.
    pub done: u64,
    /// Those of them that are as the plan has them.
    pub as_planned: u64,
    /// Those that are not: the application has changed them since, or a later action of the run has.
    pub changed_since: u64,
    /// Those about which the migration, asked again, would change something or fails: only of one that is asked.
    pub not_settled: u64,
    /// The key of the first of these, for people.
    pub first_not_settled: Option<String>,
    /// Items that failed when they were to be written.
    pub failed: u64,
    /// Items of which it is not known whether they were written.
    pub doubtful: u64,
    /// Items that are still to be written: with windows, of those that are sealed.
    pub left: u64,
    /// Windows that are not scanned yet.
    pub windows_left: u32,
}

impl Canary {
    /// Whether there is nothing against the rest.
    pub fn is_clean(&self) -> bool {
        self.failed == 0 && self.doubtful == 0 && self.not_settled == 0
    }
}

impl fmt::Display for Canary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { done, as_planned, changed_since, failed, doubtful, .. } = self;
        write!(f, "canary: {done} items carried out: {as_planned} are as planned, {changed_since} were changed since; ")?;
        write!(f, "{failed} failed, {doubtful} in doubt")?;
        if let Some(first) = &self.first_not_settled {
            let count = self.not_settled;
            write!(
                f,
                "; asked again, the migration, though it is called repeatable, would change {count} of them once more, or fails ({first})"
            )?;
        }
        Ok(())
    }
}

/// Items of one page that were taken: segment, page, positions.
pub(super) type Taken = (u32, u32, Vec<u32>);

/// Looks at the items that were `taken`; `before` counts what had failed without them, and `pool` is who is asked again, if anybody.
pub(super) async fn look(
    journal: &Journal,
    table: &TableInfo,
    client: &Client,
    pool: Option<&Pool>,
    taken: &[Taken],
    before: &Counts,
) -> Result<Canary, Error> {
    let counts = journal.sealed_counts()?;
    let windows = journal.windows()?;
    let mut found = Canary {
        windows_left: windows.count - windows.sealed,
        failed: counts.failed.saturating_sub(before.failed),
        doubtful: counts.doubtful.saturating_sub(before.doubtful),
        left: counts.changed.saturating_sub(counts.done),
        ..Canary::default()
    };
    for &(segment, page, ref positions) in taken {
        let read = journal.page(segment, page)?;
        let ended: HashSet<u32> = journal.page_outcomes(segment, page)?.iter().map(|outcome| outcome.position).collect();
        let mut newest: HashMap<u32, (Item, Vec<Action>)> = HashMap::new();
        for attempt in journal.attempts(segment, page)? {
            newest.insert(attempt.position, (attempt.image, attempt.actions));
        }
        for (entry, done) in read.entries.into_iter().zip(read.done) {
            if done && positions.contains(&entry.position) && !ended.contains(&entry.position) {
                let carried_out = newest.remove(&entry.position).unwrap_or((entry.image, entry.actions));
                look_at(&mut found, table, client, pool, carried_out).await?;
            }
        }
    }
    Ok(found)
}

async fn look_at(
    found: &mut Canary,
    table: &TableInfo,
    client: &Client,
    pool: Option<&Pool>,
    (image, actions): (Item, Vec<Action>),
) -> Result<(), Error> {
    found.done += 1;
    let key = table.key.key_of(&image).map_err(Error::Start)?;
    let present = client.get_item(&table.name, &key, true).await?;
    if as_planned(&actions, present.as_ref()) {
        found.as_planned += 1;
    } else {
        found.changed_since += 1;
    }
    let (Some(present), Some(pool)) = (present, pool) else { return Ok(()) };
    let is_settled = match pool.ask(vec![present]).await?.pop() {
        Some((present, Ok(reply))) => !effective(table, reply.actions, &present).iter().any(does_something),
        _ => false,
    };
    if !is_settled {
        found.not_settled += 1;
        found.first_not_settled.get_or_insert_with(|| key.to_string());
    }
    Ok(())
}

/// Whether one of the actions that are left for an item which is there is sure to do something. An insert that keeps what exists, a
/// write of the same item elsewhere and an expression may all be repeated for nothing.
fn does_something(action: &Action) -> bool {
    match action {
        Action::Patch(_) | Action::Delete(Target::This) => true,
        Action::Insert(Insert { existing, .. }) => *existing == Existing::Fail,
        Action::Update(_) | Action::Delete(Target::Other(_)) | Action::Withdraw(_) => false,
    }
}

/// As far as it can be told from the item alone: what an expression does is not known here.
fn as_planned(actions: &[Action], present: Option<&Item>) -> bool {
    actions.iter().all(|action| match (action, present) {
        (Action::Patch(patch), Some(present)) => {
            let set = patch.set.iter().all(|(name, value)| present.get(name) == Some(value));
            set && patch.remove.iter().all(|name| patch.set.contains(name) || !present.contains(name))
        }
        (Action::Patch(_), None) => false,
        (Action::Delete(Target::This), present) => present.is_none(),
        _ => true,
    })
}
