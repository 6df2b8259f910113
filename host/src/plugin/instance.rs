//! One instance of a plugin: what it sees of the host, and how it is called.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{ResourceLimiter, Store};

use super::contract::{Answer, Contract, Guest, log, run, types};
use super::direct::{AtHand, AtOnce};
use super::engine::ticks;
use super::guest_log::GuestLog;
use super::limits::Limits;
use super::script::{self, Script};
use super::trap::{Stopped, Trapped};
use super::wasi::{self, Wasi};
use crate::migration::{Cost, Direction, LogLevel, RunContext};
use crate::model::{Description, Item};

/// What a guest's instance carries on the host's side.
pub(super) struct State {
    pub(super) log: GuestLog,
    pub(super) wasi: Wasi,
    pub(super) limits: Limits,
    /// What an instance was refused, since the item began.
    pub(super) refused: Option<Refused>,
    /// `None` while `describe` is asked.
    run: Option<Arc<RunContext>>,
    memory_bytes: usize,
    table_elements: usize,
    /// Bytes handed to the host's functions since the item began.
    handed: usize,
    /// For calls at once, where any are granted.
    pub(super) at_once: Option<AtOnce>,
    /// The item at hand, while there is one.
    pub(super) item: Option<AtHand>,
}

/// What an instance wanted too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Memory,
    Table,
}

impl Refused {
    pub(super) fn told(self, limits: &Limits) -> String {
        match self {
            Self::Memory => {
                let mebibytes = limits.memory_bytes >> 20;
                format!("wanted more than {mebibytes} MiB of memory, the limit of an instance (--limit memory)")
            }
            Self::Table => {
                let elements = limits.table_elements;
                format!("wanted more than {elements} elements in its tables, the limit of an instance (--limit table-elements)")
            }
        }
    }
}

impl State {
    fn new(limits: &Limits, run: Option<Arc<RunContext>>, at_once: Option<AtOnce>) -> Self {
        let started = run.as_ref().and_then(|run| run.started_at.parse::<jiff::Timestamp>().ok());
        let since_epoch = started.and_then(|at| Duration::try_from(at.duration_since(jiff::Timestamp::UNIX_EPOCH)).ok());
        let seed = run.as_ref().map_or("", |run| run.seed.as_str());
        Self {
            log: GuestLog::new(limits, run.as_ref().map(|run| run.secrets.clone()).unwrap_or_default()),
            wasi: Wasi::new(since_epoch.unwrap_or_default(), seed),
            limits: *limits,
            refused: None,
            run,
            memory_bytes: 0,
            table_elements: 0,
            handed: 0,
            at_once,
            item: None,
        }
    }

    /// Counts what a guest hands to a function of the host; ends its item past the limit.
    pub(super) fn hand_over(&mut self, function: &str, bytes: usize) -> wasmtime::Result<()> {
        self.handed = self.handed.saturating_add(bytes);
        if self.handed <= self.limits.call_bytes {
            return Ok(());
        }
        let mebibytes = self.limits.call_bytes >> 20;
        let told = format!(
            "handed more than {mebibytes} MiB to the host's functions, the last of it to {function} (--limit host-calls)"
        );
        Err(Stopped(told).into())
    }

    /// The table being migrated, if there is a run.
    pub(super) fn table(&self) -> Option<String> {
        self.run.as_ref().map(|run| run.table.clone())
    }

    pub(super) fn run(&self, function: &str) -> wasmtime::Result<&RunContext> {
        let stopped =
            || Stopped(format!("must not call drift:migration/run.{function}: there is no run yet when it describes itself"));
        self.run.as_deref().ok_or_else(|| stopped().into())
    }
}

impl types::Host for State {}

impl run::Host for State {
    fn table(&mut self) -> wasmtime::Result<String> {
        Ok(self.run("table")?.table.clone())
    }

    fn key_attributes(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.run("key-attributes")?.key.attributes().map(|attribute| attribute.name.clone()).collect())
    }

    fn started_at(&mut self) -> wasmtime::Result<String> {
        Ok(self.run("started-at")?.started_at.clone())
    }

    fn argument(&mut self, name: String) -> wasmtime::Result<Option<String>> {
        self.hand_over("drift:migration/run.argument", name.len())?;
        Ok(self.run("argument")?.argument(&name).map(str::to_owned))
    }
}

impl log::Host for State {
    fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        self.hand_over("drift:migration/log.write", message.len())?;
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

/// Memories and tables of one instance are counted together, however many modules it is made of.
impl ResourceLimiter for State {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let wanted = self.memory_bytes.saturating_add(desired.saturating_sub(current));
        let allowed = wanted <= self.limits.memory_bytes;
        match allowed {
            true => self.memory_bytes = wanted,
            false => self.refused = Some(Refused::Memory),
        }
        Ok(allowed)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let wanted = self.table_elements.saturating_add(desired.saturating_sub(current));
        let allowed = wanted <= self.limits.table_elements;
        match allowed {
            true => self.table_elements = wanted,
            false => self.refused = Some(Refused::Table),
        }
        Ok(allowed)
    }
}

/// All that this component may import, and no more.
pub(super) fn linker(
    contract: &dyn Contract,
    component: &Component,
    is_interpreter: bool,
    script: Option<&Script>,
) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(component.engine());
    wasi::link(&mut linker, component, is_interpreter)?;
    contract.link(&mut linker)?;
    if let Some(script) = script {
        script::link(&mut linker, script)?;
    }
    Ok(linker)
}

/// A live instance. After a trap it is dead: drop it.
pub(super) struct Instance {
    pub(super) store: Store<State>,
    guest: Box<dyn Guest>,
    calls: usize,
    /// Whether the engine counts fuel.
    counts: bool,
    /// Of the last call.
    pub(super) cost: Cost,
    /// The memory it had before its first item.
    floor: usize,
}

/// A loaded component, with the contract that it was built against.
#[derive(Clone)]
pub(super) struct Loaded {
    pub(super) pre: InstancePre<State>,
    pub(super) contract: &'static dyn Contract,
    pub(super) limits: Limits,
    /// `None` until a run hands it over.
    pub(super) at_once: Option<AtOnce>,
}

impl Loaded {
    /// Starts an instance and calls `describe`; the error is a sentence that begins with a verb.
    pub(super) fn describe(&self) -> Result<Description, String> {
        let mut store = self.store(None);
        let described = self.contract.describe(&self.pre, &mut store);
        described.map_err(|error| Trapped::new(&error, &mut store, self.limits.start_time, "start-time").at_start())?
    }

    fn store(&self, run: Option<Arc<RunContext>>) -> Store<State> {
        let limits = &self.limits;
        let mut store = Store::new(self.pre.engine(), State::new(limits, run, self.at_once.clone()));
        store.limiter(|state| state);
        store.set_hostcall_fuel(limits.answer_bytes);
        store.set_max_component_handles(limits.handles);
        store.set_epoch_deadline(ticks(limits.start_time));
        // Where it is counted, there must be some before anything runs.
        let _not_counted = store.set_fuel(u64::MAX);
        store
    }
}

impl Instance {
    /// A new instance. `key` is that of the item which it is for alone, if so: then its random numbers are that item's from
    /// the first on.
    pub(super) fn start(
        loaded: &Loaded,
        run: &Arc<RunContext>,
        direction: Direction,
        key: Option<&str>,
    ) -> Result<Self, Trapped> {
        let mut store = loaded.store(Some(run.clone()));
        if let Some(key) = key {
            store.data_mut().wasi.begin_item(&run.seed, key);
        }
        let started = loaded.contract.start(&loaded.pre, &mut store, direction);
        let guest = started.map_err(|error| Trapped::new(&error, &mut store, loaded.limits.start_time, "start-time"))?;
        // What was logged before any item belongs to none.
        let _of_no_item = store.data_mut().log.take();
        let floor = store.data().memory_bytes;
        let counts = store.set_fuel(u64::MAX).is_ok();
        let cost = Cost { memory_bytes: floor as u64, fuel: None };
        Ok(Self { store, guest, calls: 0, counts, cost, floor })
    }

    /// Asks about one item; `key` begins its random numbers, where it draws any.
    pub(super) fn call(&mut self, item: &Item, key: Option<&str>) -> Result<Answer, Trapped> {
        let state = self.store.data_mut();
        let limit = state.limits.item_time;
        (state.refused, state.handed) = (None, 0);
        state.item = state.at_once.is_some().then(|| AtHand::new(state.run.as_deref(), item));
        if let (Some(run), Some(key)) = (&state.run, key) {
            state.wasi.begin_item(&run.seed, key);
        }
        self.calls += 1;
        self.store.set_epoch_deadline(ticks(limit));
        if self.counts {
            let _it_counts = self.store.set_fuel(u64::MAX);
        }
        let called = self.guest.call(&mut self.store, item);
        let fuel = self.counts.then(|| self.store.get_fuel().map_or(0, |left| u64::MAX - left));
        self.cost = Cost { memory_bytes: self.store.data().memory_bytes as u64, fuel };
        called.map_err(|error| Trapped::new(&error, &mut self.store, limit, "item-time"))
    }

    /// Whether it is to be replaced before the next item.
    pub(super) fn is_used_up(&self) -> bool {
        let State { limits, memory_bytes, .. } = self.store.data();
        limits.fresh_instances
            || self.calls >= limits.instance_calls
            || *memory_bytes >= limits.instance_memory && *memory_bytes > self.floor
    }
}
