//! The engine and its clock.
//!
//! Instances come from a pool of reserved address space, which makes a replacement cost microseconds; where the address
//! space is short (`ulimit -v`, some containers) they are allocated on demand. Every guest call has a deadline by
//! epoch: one thread an engine counts, ten milliseconds a tick, which costs guests 15–19 % of a call.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, WasmBacktraceDetails};

use super::error::LoadError;
use super::limits::Limits;

/// The length of one epoch.
const TICK: Duration = Duration::from_millis(10);

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
    /// An engine for `slots` instances at a time; counting fuel costs guests a quarter of a call.
    pub(super) fn new(slots: usize, limits: &Limits, count_fuel: bool) -> Result<Self, LoadError> {
        let config = |slots| Engine::new(config(limits, slots).consume_fuel(count_fuel));
        let engine = config(Some(slots))
            .or_else(|_short_of_address_space| config(None))
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

fn config(limits: &Limits, pool: Option<usize>) -> Config {
    let mut config = Config::new();
    config.epoch_interruption(true).max_wasm_stack(limits.stack_bytes).wasm_backtrace_details(WasmBacktraceDetails::Enable);
    if let Some(slots) = pool {
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
