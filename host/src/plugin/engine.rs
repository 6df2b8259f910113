//! The engine, its clock, and the limits of what runs in it.
//!
//! Instances come from a pool of reserved address space, which makes a replacement cost microseconds; where the address
//! space is short (`ulimit -v`, some containers) they are allocated on demand. Every guest call has a deadline by
//! epoch: one thread an engine counts, ten milliseconds a tick, which costs guests 15–19 % of a call.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::error::LoadError;

/// The length of one epoch.
const TICK: Duration = Duration::from_millis(10);

/// What a guest may take. Beyond any of these its item fails, and only its item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time for one item. Default 5 s.
    pub item_time: Duration,
    /// Time for initialisation and `describe`. Default 10 s.
    pub start_time: Duration,
    /// Bytes of linear memory an instance. Default 256 MiB.
    pub memory_bytes: usize,
    /// Elements of a table. Default 200,000.
    pub table_elements: usize,
    /// Bytes that one call may hand to the host. Default 16 MiB.
    pub answer_bytes: usize,
    /// Actions an item. Default 100, which is what a transaction holds.
    pub actions: usize,
    /// Log lines an item. Default 100; the rest is counted.
    pub log_lines: usize,
    /// Bytes of log an item. Default 16 KiB; the rest is counted.
    pub log_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            item_time: Duration::from_secs(5),
            start_time: Duration::from_secs(10),
            memory_bytes: 256 << 20,
            table_elements: 200_000,
            answer_bytes: 16 << 20,
            actions: 100,
            log_lines: 100,
            log_bytes: 16 << 10,
        }
    }
}

/// An engine with its ticking clock; the clock stops when the last clone is dropped.
#[derive(Clone)]
pub(super) struct Clockwork {
    pub(super) engine: Engine,
    _clock: Arc<Clock>,
}

struct Clock(Arc<AtomicBool>);

impl Drop for Clock {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Clockwork {
    /// An engine for `slots` instances at a time.
    pub(super) fn new(slots: usize, limits: &Limits) -> Result<Self, LoadError> {
        let engine = Engine::new(&config(Some((slots, limits))))
            .or_else(|_short_of_address_space| Engine::new(&config(None)))
            .map_err(|error| LoadError::Engine(format!("{error:#}")))?;
        let stop = Arc::new(AtomicBool::new(false));
        let (weak, stopped) = (engine.weak(), stop.clone());
        std::thread::Builder::new()
            .name("epoch".into())
            .spawn(move || {
                while !stopped.load(Ordering::Relaxed) {
                    std::thread::sleep(TICK);
                    match weak.upgrade() {
                        Some(engine) => engine.increment_epoch(),
                        None => return,
                    }
                }
            })
            .map_err(|error| LoadError::Engine(format!("no thread for its clock: {error}")))?;
        Ok(Self { engine, _clock: Arc::new(Clock(stop)) })
    }
}

/// The number of ticks after which `time` has certainly passed.
pub(super) fn ticks(time: Duration) -> u64 {
    u64::try_from(time.as_millis() / TICK.as_millis()).unwrap_or(u64::MAX / 2) + 1
}

fn config(pool: Option<(usize, &Limits)>) -> Config {
    let mut config = Config::new();
    config.epoch_interruption(true);
    if let Some((slots, limits)) = pool {
        // One more for a replacement that starts before the old store is gone, and one for `describe`.
        let instances = u32::try_from(slots).unwrap_or(u32::MAX).saturating_add(2);
        let mut pooling = PoolingAllocationConfig::default();
        pooling
            .total_component_instances(instances)
            .total_core_instances(instances.saturating_mul(16))
            .total_memories(instances.saturating_mul(2))
            .total_tables(instances.saturating_mul(4))
            .total_stacks(instances)
            .max_core_instances_per_component(16)
            .max_memories_per_component(2)
            .max_tables_per_component(4)
            .max_component_instance_size(4 << 20)
            .max_core_instance_size(4 << 20)
            .table_elements(limits.table_elements)
            .max_memory_size(limits.memory_bytes);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pooling));
    }
    config
}
