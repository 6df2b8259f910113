//! Everything wasmtime: a component is loaded, its contract checked, and run in instances of its own.
//!
//! Promised here: a guest reaches nothing that was not granted; whatever it does costs at most its limits and its own
//! item; what it returns is checked before it is believed. A call costs 3–4 µs for a small item, and an instance 5–20
//! µs to replace.

mod cache;
mod contract;
mod engine;
mod error;
mod grants;
mod guest_log;
mod instance;
mod lift;
mod lower;

use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use wasmtime::component::{Component, InstancePre};

pub use cache::default_cache_dir;
pub use engine::Limits;
pub use error::LoadError;
pub use grants::{Grant, GrantError, Grants};

use contract::DirectMigrationIndices;
use engine::Clockwork;
use instance::{Instance, State};

use crate::migration::{
    Direction, FailureKind, ItemFailure, LogLevel, LogLine, Migration, Reply, RunContext, StartError, Worker,
};
use crate::model::{self, Description, Item};

/// How a plugin is loaded.
#[derive(Clone, Debug)]
pub struct PluginOptions {
    /// How many instances run at a time. Default: the cores.
    pub slots: usize,
    /// What a guest may take.
    pub limits: Limits,
    /// Where compiled code is kept; `None` compiles each time.
    pub cache_dir: Option<PathBuf>,
}

impl Default for PluginOptions {
    fn default() -> Self {
        let slots = std::thread::available_parallelism().map_or(1, usize::from);
        Self { slots, limits: Limits::default(), cache_dir: default_cache_dir() }
    }
}

/// A loaded migration component.
pub struct Plugin {
    bytes: Vec<u8>,
    digest: String,
    description: Description,
    reversible: bool,
    imports: Vec<String>,
    exports: Vec<String>,
    limits: Limits,
    grants: Grants,
    pre: InstancePre<State>,
    // Last, so that the engine's clock outlives what runs by it.
    _clockwork: Clockwork,
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin").field("digest", &self.digest).field("description", &self.description).finish_non_exhaustive()
    }
}

impl Plugin {
    /// Loads a component: compiles it (or takes the compiled code from the cache), checks the contract's version and
    /// the exports, and asks `describe`. `name` is for messages. Nothing is granted yet: see [`Plugin::grant`].
    pub fn load(name: &str, bytes: Vec<u8>, options: &PluginOptions) -> Result<Self, LoadError> {
        let named = || name.to_owned();
        check_magic(name, &bytes)?;
        let clockwork = Clockwork::new(options.slots, &options.limits)?;
        let engine = &clockwork.engine;
        let digest = format!("sha256:{}", hex(&Sha256::digest(&bytes)));
        let component = cache::compile(engine, &bytes, &digest, options.cache_dir.as_deref())
            .map_err(|error| LoadError::Invalid { name: named(), reason: one_line(&error) })?;
        let kind = component.component_type();
        let imports: Vec<String> = kind.imports(engine).map(|(import, _)| import.to_owned()).collect();
        let exports: Vec<String> = kind.exports(engine).map(|(export, _)| export.to_owned()).collect();
        check_version(name, &imports)?;
        if let Some(missing) = ["describe", "migrate"].into_iter().find(|wanted| !exports.iter().any(|export| export == wanted)) {
            let shown = if exports.is_empty() { "none".into() } else { exports.join(", ") };
            return Err(LoadError::World { name: named(), missing: format!("`{missing}`"), exports: shown });
        }
        let unlinkable = |error: wasmtime::Error| LoadError::Import { name: named(), reason: one_line(&error) };
        let pre = instance::linker(engine).and_then(|linker| linker.instantiate_pre(&component)).map_err(unlinkable)?;
        let indices = DirectMigrationIndices::new(&pre).map_err(|error| LoadError::World {
            name: named(),
            missing: format!("the contract's functions ({})", one_line(&error)),
            exports: exports.join(", "),
        })?;
        let undescribed = |reason: String| LoadError::Describe { name: named(), reason };
        let described = instance::describe(&pre, &indices, &options.limits).map_err(|trapped| undescribed(trapped.message))?;
        let description = lift::description(described).map_err(undescribed)?;
        Ok(Self {
            // An SDK whose components always have the export says so.
            reversible: has_export(&component, "undo") && !description.extra.iter().any(|(name, what)| name == "undo" && what == "none"),
            bytes,
            digest,
            description,
            imports,
            exports,
            limits: options.limits,
            grants: Grants::default(),
            pre,
            _clockwork: clockwork,
        })
    }

    /// Allows these accesses, and no others.
    #[must_use]
    pub fn grant(mut self, grants: Grants) -> Self {
        self.grants = grants;
        self
    }

    /// What was granted.
    pub fn grants(&self) -> &Grants {
        &self.grants
    }

    /// The interfaces that the component imports, with their versions.
    pub fn imports(&self) -> &[String] {
        &self.imports
    }

    /// What the component exports.
    pub fn exports(&self) -> &[String] {
        &self.exports
    }
}

impl Migration for Plugin {
    fn description(&self) -> &Description {
        &self.description
    }

    fn digest(&self) -> &str {
        &self.digest
    }

    fn component(&self) -> Option<&[u8]> {
        Some(&self.bytes)
    }

    fn reversible(&self) -> bool {
        self.reversible
    }

    fn worker(&self, run: &Arc<RunContext>, direction: Direction) -> Result<Box<dyn Worker>, StartError> {
        if direction == Direction::Undo && !self.reversible {
            return Err(StartError("the plugin has no `undo`".into()));
        }
        let mut slot = Slot {
            pre: self.pre.clone(),
            limits: self.limits,
            grants: self.grants.clone(),
            run: run.clone(),
            direction,
            instance: None,
        };
        slot.instance =
            Some(slot.start().map_err(|failure| StartError(format!("the plugin did not start: it {}", failure.message)))?);
        Ok(Box::new(slot))
    }
}

/// One slot of the pool: an instance, replaced after a trap.
struct Slot {
    pre: InstancePre<State>,
    limits: Limits,
    grants: Grants,
    run: Arc<RunContext>,
    direction: Direction,
    instance: Option<Instance>,
}

impl Slot {
    fn start(&self) -> Result<Instance, instance::Trapped> {
        Instance::start(&self.pre, &self.limits, &self.run, self.direction)
    }

    fn checked(
        &self,
        lifted: Vec<contract::drift::migration::types::Action>,
        item: &Item,
    ) -> Result<Vec<model::Action>, (FailureKind, String)> {
        let invalid = |problem: String| (FailureKind::Invalid, format!("returned what cannot be believed: {problem}"));
        if lifted.len() > self.limits.actions {
            return Err(invalid(format!("{} actions for one item; the limit is {}", lifted.len(), self.limits.actions)));
        }
        let actions = lift::actions(lifted).map_err(invalid)?;
        self.grants.check(&actions, &self.run.table).map_err(|problem| (FailureKind::Denied, problem))?;
        model::validate(&actions, item, &self.run.table, &self.run.key).map_err(invalid)?;
        Ok(actions)
    }
}

impl Worker for Slot {
    fn call(&mut self, item: &Item) -> Result<Reply, ItemFailure> {
        let mut instance = match self.instance.take() {
            Some(instance) => instance,
            None => self.start().map_err(|trapped| failure(trapped, Vec::new()))?,
        };
        let gathered = lower::Gathered::of(item);
        let lowered = lower::Lowered::new(item, &gathered);
        let answer = instance.call(lowered.param());
        let log = instance.store.data().log.take();
        let lifted = match answer {
            // The instance is dead: it is dropped here, and the next call starts another.
            Err(trapped) => return Err(failure(trapped, log)),
            Ok(answer) => answer,
        };
        self.instance = Some(instance);
        let (kind, message) = match lifted {
            Err(message) => (FailureKind::Error, message),
            Ok(lifted) => match self.checked(lifted, item) {
                Ok(actions) => return Ok(Reply { actions, log }),
                Err(refused) => refused,
            },
        };
        Err(ItemFailure { kind, message, backtrace: None, log })
    }
}

/// A panic that the SDK's hook has logged says more than the trap that follows it.
fn failure(trapped: instance::Trapped, log: Vec<LogLine>) -> ItemFailure {
    let panic = log.iter().rev().find(|line| line.level == LogLevel::Error && line.message.starts_with("panicked at"));
    let message = match panic {
        Some(line) if trapped.kind == FailureKind::Trap => line.message.clone(),
        _ => trapped.message,
    };
    ItemFailure { kind: trapped.kind, message, backtrace: trapped.backtrace, log }
}

fn check_magic(name: &str, bytes: &[u8]) -> Result<(), LoadError> {
    const COMPONENT: [u8; 4] = [0x0d, 0x00, 0x01, 0x00];
    match (bytes.get(..4), bytes.get(4..8)) {
        (Some(b"\0asm"), Some(version)) if version == COMPONENT => Ok(()),
        (Some(b"\0asm"), Some([1, 0, 0, 0])) => Err(LoadError::CoreModule { name: name.into() }),
        _ => {
            let first: String =
                String::from_utf8_lossy(bytes.get(..bytes.len().min(24)).unwrap_or_default()).escape_debug().collect();
            let found = if first.is_empty() { "nothing (the file is empty)".into() } else { format!("{first:?}") };
            Err(LoadError::NotWasm { name: name.into(), found })
        }
    }
}

fn check_version(name: &str, imports: &[String]) -> Result<(), LoadError> {
    for import in imports.iter().filter(|import| import.starts_with(contract::PACKAGE)) {
        let found = import.split_once('@').map_or("no version", |(_, version)| version);
        let accepted = semver::Version::parse(found)
            .is_ok_and(|version| (version.major, version.minor) == (contract::VERSION.major, contract::VERSION.minor));
        if !accepted {
            return Err(LoadError::Version { name: name.into(), found: found.into() });
        }
    }
    Ok(())
}

fn has_export(component: &Component, name: &str) -> bool {
    component.get_export_index(None, name).is_some()
}

fn one_line(error: &wasmtime::Error) -> String {
    format!("{error:#}").lines().map(str::trim).collect::<Vec<_>>().join("; ")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
