//! What the migration's own work took, counted by the slots of all pools of one migrator.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Counters that clones share. They cost two looks at the clock for a chunk of items.
#[derive(Clone, Debug, Default)]
pub struct Guests(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    nanos: AtomicU64,
    memory: AtomicU64,
}

impl Guests {
    /// How long the slots worked, all together: with four of them at work, four seconds a second.
    pub fn time(&self) -> Duration {
        Duration::from_nanos(self.0.nanos.load(Relaxed))
    }

    /// Bytes of the largest instance that was seen; 0 where there is nothing to measure, as of a closure.
    pub fn memory(&self) -> u64 {
        self.0.memory.load(Relaxed)
    }

    /// A chunk took so long, and its instance had so much memory after it.
    pub(super) fn add(&self, took: Duration, memory: u64) {
        self.0.nanos.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Relaxed);
        self.0.memory.fetch_max(memory, Relaxed);
    }
}
