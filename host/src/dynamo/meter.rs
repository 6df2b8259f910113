//! What the calls of one [`Database`](super::Database) have cost, as DynamoDB itself reported it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use aws_sdk_dynamodb::types::ConsumedCapacity;

use super::error::ErrorKind;
use super::latency::{Asked, Clock, Latencies};
use super::pace::{Cost, Pace};
use super::throttle::Throttle;

/// Counters shared by every client of one database, and the pace that they keep; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Counters>, Pace);

#[derive(Debug, Default)]
struct Counters {
    read: AtomicU64,
    write: AtomicU64,
    calls: AtomicU64,
    retries: AtomicU64,
    /// By cause, in the order of [`Throttle::ALL`].
    throttles: [AtomicU64; Throttle::ALL.len()],
    clock: Clock,
    single_writes: AtomicU64,
    partly_guarded: AtomicU64,
}

/// What was counted up to one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Units {
    /// Read capacity units, as DynamoDB reported them.
    pub read: f64,
    /// Write capacity units, as DynamoDB reported them.
    pub write: f64,
    /// Requests sent, repeated ones included.
    pub calls: u64,
    /// Requests and statements that were sent again.
    pub retries: u64,
    /// Throttlings, of whole calls and of single statements.
    pub throttles: u64,
    /// Writes that were sent alone because PartiQL is not allowed or the statement would have been too long.
    pub single_writes: u64,
    /// Writes of items with more attributes than a condition holds, guarded by those they change and as many others as fit.
    pub partly_guarded: u64,
}

/// Units are counted in thousandths, so that halves and tenths add up exactly.
const SCALE: f64 = 1000.0;

impl Meter {
    /// What has been counted so far.
    pub fn snapshot(&self) -> Units {
        let Counters { read, write, calls, retries, throttles, single_writes, partly_guarded, clock: _ } = &*self.0;
        Units {
            read: read.load(Relaxed) as f64 / SCALE,
            write: write.load(Relaxed) as f64 / SCALE,
            calls: calls.load(Relaxed),
            retries: retries.load(Relaxed),
            throttles: throttles.iter().map(|count| count.load(Relaxed)).sum(),
            single_writes: single_writes.load(Relaxed),
            partly_guarded: partly_guarded.load(Relaxed),
        }
    }

    /// The throttlings, by what was asked too much of.
    pub fn throttles(&self) -> [(Throttle, u64); Throttle::ALL.len()] {
        let mut counted = Throttle::ALL.map(|cause| (cause, 0));
        for ((_, count), counter) in counted.iter_mut().zip(&self.0.throttles) {
            *count = counter.load(Relaxed);
        }
        counted
    }

    /// How long requests took, by operation and how they ended.
    pub fn latencies(&self) -> BTreeMap<Asked, Latencies> {
        self.0.clock.snapshot()
    }

    pub(super) fn call(&self) {
        self.0.calls.fetch_add(1, Relaxed);
    }

    pub(super) fn retry(&self) {
        self.0.retries.fetch_add(1, Relaxed);
    }

    pub(super) fn throttle(&self, cause: Throttle) {
        let at = Throttle::ALL.iter().position(|one| *one == cause);
        if let Some(count) = at.and_then(|at| self.0.throttles.get(at)) {
            count.fetch_add(1, Relaxed);
        }
    }

    /// A request was answered, or failed, after this time.
    pub(super) fn answered(&self, operation: &'static str, ended: Option<ErrorKind>, took: Duration) {
        self.0.clock.add(operation, ended, took);
    }

    pub(super) fn single_write(&self) {
        self.0.single_writes.fetch_add(1, Relaxed);
    }

    pub(super) fn partly_guarded(&self) {
        self.0.partly_guarded.fetch_add(1, Relaxed);
    }

    /// How fast units may be taken.
    pub(super) fn pace(&self) -> &Pace {
        &self.1
    }

    /// What an answered call has consumed, by DynamoDB's word; `evidence`: whether it says something of what the table admits.
    pub(super) fn settle<'a>(&self, cost: Cost, consumed: impl IntoIterator<Item = &'a ConsumedCapacity>, evidence: bool) {
        let counter = match cost {
            Cost::Free => return,
            Cost::Read(_) => &self.0.read,
            Cost::Write(_) => &self.0.write,
        };
        let units = consumed.into_iter().filter_map(ConsumedCapacity::capacity_units).reduce(|sum, units| sum + units);
        // Without a word of DynamoDB's, as of a batch in which every statement failed, the estimate stands.
        if let Some(units) = units {
            counter.fetch_add((units * SCALE).round() as u64, Relaxed);
            self.1.settle(cost, units, true);
        }
        if evidence {
            self.1.carried_out(cost, units);
        }
    }

    /// The same of a batch that was carried out in part: of the statements that were not throttled, which cost `done` by the estimate.
    /// Those that failed cost too, and DynamoDB may not say so; nothing is learnt of it.
    pub(super) fn settle_part(&self, cost: Cost, done: f64, consumed: &[ConsumedCapacity]) {
        let units: f64 = consumed.iter().filter_map(ConsumedCapacity::capacity_units).sum();
        self.0.write.fetch_add((units * SCALE).round() as u64, Relaxed);
        self.1.settle(cost, units.max(done), false);
        if done > 0.0 {
            self.1.carried_out(cost, Some(units.max(done)));
        }
    }
}
