//! One instance of a plugin: what it sees of the host, and how it is called.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wasmtime::component::{InstancePre, Linker, ResourceTable};
use wasmtime::{ResourceLimiter, Store, Trap, WasmBacktrace};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use super::contract::drift::migration::types::{Action, ItemParam};
use super::contract::drift::migration::{log, run, types};
use super::contract::reversible::{ReversibleDirectMigration, ReversibleDirectMigrationIndices};
use super::contract::{DirectMigration, DirectMigrationIndices};
use super::engine::{Limits, ticks};
use super::guest_log::GuestLog;
use crate::migration::{Direction, FailureKind, LogLevel, RunContext};

/// What a guest's instance carries on the host's side.
pub(super) struct State {
    pub(super) log: GuestLog,
    /// `None` while `describe` is asked.
    run: Option<Arc<RunContext>>,
    wasi: WasiCtx,
    resources: ResourceTable,
    limits: Limits,
    memory_refused: bool,
}

impl State {
    pub(super) fn new(limits: &Limits, run: Option<Arc<RunContext>>) -> Self {
        let log = GuestLog::new(limits, run.as_ref().map(|run| run.secrets.clone()).unwrap_or_default());
        let started = run.as_ref().and_then(|run| run.started_at.parse::<jiff::Timestamp>().ok());
        let since_epoch = started.and_then(|at| Duration::try_from(at.duration_since(jiff::Timestamp::UNIX_EPOCH)).ok());
        let wasi = WasiCtxBuilder::new()
            .stdout(log.stream(LogLevel::Info))
            .stderr(log.stream(LogLevel::Warn))
            .wall_clock(StandingClock(since_epoch.unwrap_or_default()))
            .monotonic_clock(CountingClock(AtomicU64::new(0)))
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .build();
        Self { log, run, wasi, resources: ResourceTable::new(), limits: *limits, memory_refused: false }
    }

    fn run(&self) -> wasmtime::Result<&RunContext> {
        self.run.as_deref().ok_or_else(|| wasmtime::Error::msg("drift:migration/run must not be called from `describe`"))
    }
}

/// The time of day stands at the run's start: the same for every item, also after a resume.
struct StandingClock(Duration);

impl HostWallClock for StandingClock {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        self.0
    }
}

/// Time that passes only by being looked at.
struct CountingClock(AtomicU64);

impl HostMonotonicClock for CountingClock {
    fn resolution(&self) -> u64 {
        1_000
    }

    fn now(&self) -> u64 {
        self.0.fetch_add(1_000, Ordering::Relaxed)
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.resources }
    }
}

impl types::Host for State {}

impl run::Host for State {
    fn table(&mut self) -> wasmtime::Result<String> {
        Ok(self.run()?.table.clone())
    }

    fn key_attributes(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.run()?.key.attributes().map(|attribute| attribute.name.clone()).collect())
    }

    fn started_at(&mut self) -> wasmtime::Result<String> {
        Ok(self.run()?.started_at.clone())
    }

    fn argument(&mut self, name: String) -> wasmtime::Result<Option<String>> {
        Ok(self.run()?.argument(&name).map(str::to_owned))
    }
}

impl log::Host for State {
    fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            log::Level::Debug => LogLevel::Debug,
            log::Level::Info => LogLevel::Info,
            log::Level::Warn => LogLevel::Warn,
            log::Level::Error => LogLevel::Error,
        };
        self.log.write(level, &message);
        Ok(())
    }
}

impl ResourceLimiter for State {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let allowed = desired <= self.limits.memory_bytes;
        self.memory_refused |= !allowed;
        Ok(allowed)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= self.limits.table_elements)
    }
}

/// All that a plugin may import. `dynamodb` is not among it: nothing grants it yet.
pub(super) fn linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<State>> {
    use wasmtime::component::HasSelf;
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    types::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    run::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    log::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    Ok(linker)
}

type Answer = Result<Vec<Action>, String>;

/// Which of the guest's functions an instance is for.
enum Function {
    Migrate(DirectMigration),
    Undo(ReversibleDirectMigration),
}

/// A live instance. After a trap it is dead: drop it.
pub(super) struct Instance {
    pub(super) store: Store<State>,
    function: Function,
}

/// How a call into a guest ended without an answer.
pub(super) struct Trapped {
    pub(super) kind: FailureKind,
    pub(super) message: String,
    pub(super) backtrace: Option<String>,
}

/// Starts an instance and calls `describe`.
pub(super) fn describe(
    pre: &InstancePre<State>,
    indices: &DirectMigrationIndices,
    limits: &Limits,
) -> Result<types::Description, Trapped> {
    let mut store = store(pre, limits, None);
    let described = pre.instantiate(&mut store).and_then(|instance| {
        let guest = indices.load(&mut store, &instance)?;
        guest.call_describe(&mut store)
    });
    described.map_err(|error| trapped(&error, &store, limits.start_time))
}

impl Instance {
    pub(super) fn start(
        pre: &InstancePre<State>,
        limits: &Limits,
        run: &Arc<RunContext>,
        direction: Direction,
    ) -> Result<Self, Trapped> {
        let mut store = store(pre, limits, Some(run.clone()));
        let started = pre.instantiate(&mut store).and_then(|instance| {
            Ok(match direction {
                Direction::Migrate => Function::Migrate(DirectMigrationIndices::new(pre)?.load(&mut store, &instance)?),
                Direction::Undo => Function::Undo(ReversibleDirectMigrationIndices::new(pre)?.load(&mut store, &instance)?),
            })
        });
        match started {
            Ok(function) => Ok(Self { store, function }),
            Err(error) => Err(trapped(&error, &store, limits.start_time)),
        }
    }

    pub(super) fn call(&mut self, item: ItemParam<'_>) -> Result<Answer, Trapped> {
        let limit = self.store.data().limits.item_time;
        self.store.set_epoch_deadline(ticks(limit));
        self.store.data_mut().memory_refused = false;
        let called = match &self.function {
            Function::Migrate(guest) => guest.call_migrate(&mut self.store, item),
            Function::Undo(guest) => guest.call_undo(&mut self.store, item),
        };
        called.map_err(|error| trapped(&error, &self.store, limit))
    }
}

fn store(pre: &InstancePre<State>, limits: &Limits, run: Option<Arc<RunContext>>) -> Store<State> {
    let mut store = Store::new(pre.engine(), State::new(limits, run));
    store.limiter(|state| state);
    store.set_hostcall_fuel(limits.answer_bytes);
    store.set_epoch_deadline(ticks(limits.start_time));
    store
}

fn trapped(error: &wasmtime::Error, store: &Store<State>, time: Duration) -> Trapped {
    let backtrace = error.downcast_ref::<WasmBacktrace>().map(|trace| trace.to_string());
    let trap = error.downcast_ref::<Trap>();
    let state = store.data();
    let (kind, message) = match trap {
        Some(Trap::Interrupt) => (FailureKind::Deadline, format!("took longer than {} s, the limit", time.as_secs_f64())),
        _ if state.memory_refused => {
            let mebibytes = state.limits.memory_bytes >> 20;
            (FailureKind::Memory, format!("wanted more than {mebibytes} MiB of memory, the limit of an instance"))
        }
        Some(trap) => (FailureKind::Trap, format!("trapped: {trap}")),
        None => (FailureKind::Trap, format!("failed: {}", error.root_cause())),
    };
    Trapped { kind, message, backtrace }
}
