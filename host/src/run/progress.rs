//! How far a run is, how fast it may be, and what holds it up.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::dynamo::{RateControl, Rates, Waits};

/// A step of a run: what came of a page, or of a chunk of writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// So many more items are done.
    pub items: u64,
    /// Of them, those that failed or stay in doubt.
    pub failed: u64,
    /// Items that had changed meanwhile, and got a new attempt.
    pub conflicts: u64,
}

impl Step {
    /// So many items, and nothing remarkable.
    pub(super) fn items(items: u64) -> Self {
        Self { items, ..Self::default() }
    }

    /// One more.
    pub(super) fn add(&mut self, other: Self) {
        self.items += other.items;
        self.failed += other.failed;
        self.conflicts += other.conflicts;
    }
}

/// A step of a run, and its rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What was done.
    pub step: Step,
    /// The present rates, their limits, and why the run waits: of a scan at the reads, of the apply phase at the writes.
    pub rates: Rates,
}

impl Progress {
    /// Of a scan, which waits for this if it does not wait for its rate.
    pub(super) fn scanned(step: Step, control: &RateControl, otherwise: Waits) -> Self {
        let mut rates = control.present();
        rates.read.waits.get_or_insert(otherwise);
        Self { step, rates }
    }

    /// Of the apply phase, which waits for DynamoDB's answers if it does not wait for its rate.
    pub(super) fn applied(step: Step, control: &RateControl) -> Self {
        let mut rates = control.present();
        rates.write.waits.get_or_insert(Waits::Writes);
        Self { step, rates }
    }
}

/// What is left of the waits of the pages before, with each new one.
const FADES: f64 = 0.9;

/// How long the segments of a scan waited of late: for pages, and for the migration and the journal.
#[derive(Debug, Default)]
pub(super) struct ScanWaits(Mutex<(f64, f64)>);

impl ScanWaits {
    /// A page was read after the first time; the one before was answered and kept after the second.
    pub(super) fn add(&self, for_page: Duration, for_answers: Duration) {
        let mut waits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waits.0 = waits.0 * FADES + for_page.as_secs_f64();
        waits.1 = waits.1 * FADES + for_answers.as_secs_f64();
    }

    /// What they waited longer for.
    pub(super) fn longer(&self) -> Waits {
        let (page, answers) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answers > page { Waits::Guest } else { Waits::Reads }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scan_waits_for_what_takes_longer_of_late() {
        let waits = ScanWaits::default();
        assert_eq!(waits.longer(), Waits::Reads);
        for _ in 0..10 {
            waits.add(Duration::from_millis(1), Duration::from_millis(5));
        }
        assert_eq!(waits.longer(), Waits::Guest);
        for _ in 0..10 {
            waits.add(Duration::from_millis(5), Duration::from_millis(1));
        }
        assert_eq!(waits.longer(), Waits::Reads);
    }
}
