//! The marks of a page: which of its positions have an entry, were sent, are done, share a key.

use serde::{Deserialize, Serialize};

use super::counts::ActionCounts;
use super::records::{Entry, OutcomeKind};
use super::store::Problem;

/// A set of positions in a page; a page has at most a few thousand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Positions(Vec<u8>);

impl Positions {
    pub(super) fn contains(&self, position: u32) -> bool {
        self.0.get(position as usize / 8).is_some_and(|byte| byte & (1 << (position % 8)) != 0)
    }

    pub(super) fn insert(&mut self, position: u32) {
        let at = position as usize / 8;
        if self.0.len() <= at {
            self.0.resize(at + 1, 0);
        }
        if let Some(byte) = self.0.get_mut(at) {
            *byte |= 1 << (position % 8);
        }
    }

    pub(super) fn remove(&mut self, position: u32) {
        if let Some(byte) = self.0.get_mut(position as usize / 8) {
            *byte &= !(1 << (position % 8));
        }
        // Equal sets have equal bytes.
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn len(&self) -> u64 {
        self.0.iter().map(|byte| u64::from(byte.count_ones())).sum()
    }
}

impl FromIterator<u32> for Positions {
    fn from_iter<T: IntoIterator<Item = u32>>(positions: T) -> Self {
        let mut all = Self::default();
        positions.into_iter().for_each(|position| all.insert(position));
        all
    }
}

/// All of a page but its items: small, for it is written anew with every mark.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marks {
    pub(super) scanned: u64,
    pub(super) unchanged: u64,
    pub(super) actions: ActionCounts,
    pub(super) failed: u64,
    pub(super) skipped: u64,
    pub(super) doubtful: u64,
    /// Attempts beyond the first.
    pub(super) conflicts: u64,
    pub(super) entries: Positions,
    /// The newest attempt is marked as sent.
    pub(super) sent: Positions,
    /// Acknowledged, or settled by an outcome.
    pub(super) done: Positions,
    /// Writes a key that another item writes too.
    pub(super) shared: Positions,
    /// There is an attempt beyond the first.
    pub(super) attempted: Positions,
    /// There is an outcome.
    pub(super) settled: Positions,
    /// The checksum of the keys written elsewhere.
    pub(super) elsewhere: [u8; 4],
    /// All is done, and what its items were is not kept any more.
    pub(super) dropped: bool,
}

impl Marks {
    pub(super) fn is_unfinished(&self) -> bool {
        self.done.len() < self.entries.len()
    }

    pub(super) fn has_unfinished_shared(&self) -> bool {
        let bytes = self.shared.0.iter().enumerate();
        bytes.into_iter().any(|(at, shared)| shared & !self.done.0.get(at).copied().unwrap_or_default() != 0)
    }

    /// Whether nobody needs its items any more: nothing is left to do, and nothing failed or is in doubt.
    pub(super) fn can_be_dropped(&self) -> bool {
        !self.dropped && !self.is_unfinished() && self.failed == 0 && self.doubtful == 0 && !self.entries.is_empty()
    }

    /// Its items and attempts are not kept any more.
    pub(super) fn drop_items(&mut self) {
        self.dropped = true;
        self.attempted = Positions::default();
    }

    /// The newest attempts of these are about to be sent.
    pub(super) fn send(&mut self, positions: &[u32]) -> Result<(), Problem> {
        positions.iter().try_for_each(|&position| {
            self.open(position)?;
            self.sent.insert(position);
            Ok(())
        })
    }

    /// Of these nothing was carried out.
    pub(super) fn unsend(&mut self, positions: &[u32]) -> Result<(), Problem> {
        positions.iter().try_for_each(|&position| {
            self.open(position)?;
            self.sent.remove(position);
            Ok(())
        })
    }

    /// Of all that is not done it is unknown whether it was sent.
    pub(super) fn doubt(&mut self) {
        let open = (0..8 * u32::try_from(self.entries.0.len()).unwrap_or(u32::MAX / 8))
            .filter(|&position| self.entries.contains(position));
        let open: Vec<u32> = open.filter(|&position| !self.done.contains(position)).collect();
        open.into_iter().for_each(|position| self.sent.insert(position));
    }

    /// These are acknowledged; what is done already stays so.
    pub(super) fn finish(&mut self, positions: &[u32]) -> Result<(), Problem> {
        positions.iter().try_for_each(|&position| {
            self.entry(position)?;
            if !self.sent.contains(position) {
                return Err(Problem::Rule(format!("the item at {position} was never marked as sent, so it cannot be done")));
            }
            self.done.insert(position);
            Ok(())
        })
    }

    /// The newest attempt was answered, and there is another, which has not been sent.
    pub(super) fn attempt(&mut self, position: u32) -> Result<(), Problem> {
        self.open(position)?;
        self.attempted.insert(position);
        self.sent.remove(position);
        self.conflicts += 1;
        Ok(())
    }

    /// An outcome ends the item.
    pub(super) fn settle(&mut self, position: u32, kind: OutcomeKind) -> Result<(), Problem> {
        self.open(position)?;
        self.ended(position, kind);
        self.done.insert(position);
        Ok(())
    }

    /// Counts an outcome, also of an item that has no actions.
    pub(super) fn ended(&mut self, position: u32, kind: OutcomeKind) {
        self.settled.insert(position);
        match kind {
            OutcomeKind::Failed => self.failed += 1,
            OutcomeKind::Skipped => self.skipped += 1,
            OutcomeKind::Doubtful => self.doubtful += 1,
            OutcomeKind::Unchanged | OutcomeKind::Settled => {}
        }
    }

    /// Takes an outcome back: the item is open again, and not sent.
    pub(super) fn reopen(&mut self, position: u32, kind: OutcomeKind) -> Result<(), Problem> {
        if !self.settled.contains(position) {
            return Err(Problem::Rule(format!("the item at {position} has no outcome")));
        }
        [&mut self.settled, &mut self.done, &mut self.sent].into_iter().for_each(|marks| marks.remove(position));
        match kind {
            OutcomeKind::Failed => self.failed = self.failed.saturating_sub(1),
            OutcomeKind::Skipped => self.skipped = self.skipped.saturating_sub(1),
            OutcomeKind::Doubtful => self.doubtful = self.doubtful.saturating_sub(1),
            OutcomeKind::Unchanged | OutcomeKind::Settled => {}
        }
        Ok(())
    }

    /// An item that the plan had no actions for has some now.
    pub(super) fn add_entry(&mut self, entry: &Entry) {
        self.entries.insert(entry.position);
        self.actions.add(&entry.actions);
    }

    fn entry(&self, position: u32) -> Result<(), Problem> {
        match self.entries.contains(position) {
            true => Ok(()),
            false => Err(Problem::Rule(format!("the item at {position} has no actions"))),
        }
    }

    fn open(&self, position: u32) -> Result<(), Problem> {
        self.entry(position)?;
        match self.done.contains(position) {
            true => Err(Problem::Rule(format!("the item at {position} is done"))),
            false => Ok(()),
        }
    }
}
