//! Everything wasmtime: a component is loaded, its contract checked, and run in instances of its own.
//!
//! Promised here: a guest reaches nothing that was not granted; whatever it does costs at most its limits and its own
//! item; what it returns is checked before it is believed. A call costs 3–4 µs for a small item, and an instance 5–20
//! µs to replace.

mod about;
mod cache;
mod compile;
mod contract;
mod direct;
mod engine;
mod error;
mod grants;
mod guest_log;
mod imports;
mod instance;
mod lift;
mod limits;
mod lower;
mod said;
mod script;
mod slot;
mod tally;
mod text;
mod trap;
mod wasi;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use sha2::{Digest, Sha256};

pub use about::{About, Producer};
pub use cache::default_cache_dir;
pub use error::LoadError;
pub use grants::{Grant, GrantError, Grants};
pub use imports::Import;
pub use limits::{LimitError, LimitLine, Limits};
pub use script::component as script_component;

use compile::Compiled;
use direct::AtOnce;
use engine::Clockwork;
use grants::Judge;
use guest_log::RunLog;
use instance::Loaded;
use slot::Slot;

use crate::migration::{AccessCount, Direct, Direction, Migration, RunContext, StartError, Worker};
use crate::model::Description;

/// Characters that are shown of what a compiler says, or a component exports.
const SHOWN: usize = 1_000;

/// The interface for calls at once, without its version.
const DYNAMODB: &str = "drift:migration/dynamodb@";

/// How a plugin is loaded.
#[derive(Clone, Debug)]
pub struct PluginOptions {
    /// How many instances run at a time. Default: the cores.
    pub slots: usize,
    /// What a guest may take.
    pub limits: Limits,
    /// Where compiled code is kept; `None` compiles each time.
    pub cache_dir: Option<PathBuf>,
    /// Compiles even what the cache has, to say how long that takes. Default false.
    pub compile_anew: bool,
    /// Counts the fuel of each call, for tests: it costs a quarter of it. Default false.
    pub count_fuel: bool,
}

impl Default for PluginOptions {
    fn default() -> Self {
        let slots = std::thread::available_parallelism().map_or(1, usize::from);
        Self { slots, limits: Limits::default(), cache_dir: default_cache_dir(), compile_anew: false, count_fuel: false }
    }
}

/// A loaded migration component.
pub struct Plugin {
    bytes: Arc<Vec<u8>>,
    digest: String,
    about: About,
    compile_time: Option<Duration>,
    description: Description,
    reversible: bool,
    imports: Vec<String>,
    exports: Vec<String>,
    judge: Judge,
    loaded: Loaded,
    /// What the run at hand may still keep of logs.
    run_log: Mutex<(Weak<RunContext>, RunLog)>,
    // Last, so that the engine's clock outlives what runs by it.
    _clockwork: Clockwork,
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin").field("digest", &self.digest).field("description", &self.description).finish_non_exhaustive()
    }
}

impl Plugin {
    /// Reads a file and loads it; of one that is larger than a component may be, no more is read than that shows it.
    pub fn load_file(path: &Path, options: &PluginOptions) -> Result<Self, LoadError> {
        let name = path.display().to_string();
        let bytes = compile::read(path, options.limits.component_bytes)
            .map_err(|error| LoadError::Unreadable { name: name.clone(), reason: error.to_string() })?;
        Self::load(&name, bytes, options)
    }

    /// Loads a component: checks its size, its imports and the contract's version, compiles it (or takes the compiled code
    /// from the cache), and asks `describe`. `name` is for messages. Nothing is granted yet: see [`Plugin::grant`].
    pub fn load(name: &str, bytes: Vec<u8>, options: &PluginOptions) -> Result<Self, LoadError> {
        let named = || name.to_owned();
        let limits = &options.limits;
        if bytes.len() > limits.component_bytes {
            return Err(LoadError::TooLarge { name: named(), most: limits.shown("component") });
        }
        check_magic(name, &bytes)?;
        let about = About::read(&bytes);
        if let Some(reason) = about.too_much(limits) {
            return Err(LoadError::TooMuch { name: named(), reason });
        }
        let clockwork = Clockwork::new(options.slots, limits, options.count_fuel)?;
        let engine = &clockwork.engine;
        let bytes = Arc::new(bytes);
        let sha256 = |content: &[u8]| format!("sha256:{}", hex(&Sha256::digest(content)));
        let script = script::of(&bytes);
        let (digest, code) = match &script {
            // What is compiled is the runtime, once for all scripts.
            Some(script) => (sha256(script.text.as_bytes()), Arc::new(script::runtime())),
            None => (sha256(&bytes), bytes.clone()),
        };
        let script = script.map(|script| script.as_function()).transpose();
        let script = script.map_err(|what| LoadError::Broken { name: named(), what: said::message(&what) })?;
        let Compiled { component, time } = compile::compile(engine, name, &code, &sha256(&code), options)?;
        let kind = component.component_type();
        let imports: Vec<String> = kind.imports(engine).map(|(import, _)| import.to_owned()).collect();
        let exports: Vec<String> = kind.exports(engine).map(|(export, _)| export.to_owned()).collect();
        if script.is_none()
            && imports.iter().any(|import| import.starts_with(script::INTERFACE))
            && let Some((found, packed)) = script::differs(&bytes)
        {
            return Err(LoadError::Runtime { name: named(), found, packed });
        }
        let contract = contract::chosen(&imports).map_err(|found| LoadError::Version {
            name: named(),
            found: said::line(&found, 80),
            accepted: contract::accepted(),
        })?;
        let beyond: Vec<String> =
            imports.iter().filter(|import| script.is_none() || *import != script::SOURCE).cloned().collect();
        imports::check(name, &beyond, about.is_interpreter)?;
        let exported = |wanted: &str| exports.iter().any(|export| export == wanted);
        let form = contract::FORMS.iter().find(|(migrate, _)| exported(migrate));
        let has = [(exported("describe"), "describe"), (form.is_some(), "migrate")];
        if let Some((_, missing)) = has.into_iter().find(|(is, _)| !is) {
            let shown = if exports.is_empty() { "none".into() } else { said::line(&exports.join(", "), SHOWN) };
            return Err(LoadError::World { name: named(), missing: format!("`{missing}`"), exports: shown });
        }
        let unlinkable = |error: wasmtime::Error| LoadError::Import { name: named(), reason: one_line(&error) };
        let pre = instance::linker(contract, &component, about.is_interpreter, script.as_ref())
            .and_then(|linker| linker.instantiate_pre(&component))
            .map_err(unlinkable)?;
        contract.check(&pre).map_err(|error| LoadError::World {
            name: named(),
            missing: format!("the contract's functions ({})", one_line(&error)),
            exports: said::line(&exports.join(", "), SHOWN),
        })?;
        let loaded = Loaded { pre, contract, limits: *limits, at_once: None };
        let description = loaded.describe().map_err(|reason| LoadError::Describe { name: named(), reason })?;
        if let Some((_, what)) = description.extra.iter().find(|(name, _)| name == "error") {
            return Err(LoadError::Broken { name: named(), what: said::message(what) });
        }
        Ok(Self {
            // An SDK whose components always have the export says so.
            reversible: form.is_some_and(|(_, undo)| exported(undo))
                && !description.extra.iter().any(|(name, what)| name == "undo" && what == "none"),
            bytes,
            digest,
            about,
            compile_time: time,
            description,
            imports,
            exports,
            judge: Judge::default(),
            loaded,
            run_log: Mutex::new((Weak::new(), RunLog::new(limits))),
            _clockwork: clockwork,
        })
    }

    /// Allows these accesses, and no others.
    #[must_use]
    pub fn grant(mut self, grants: Grants) -> Self {
        self.judge.grants = grants;
        self
    }

    /// Lets patches set and remove only these attributes, `*` being any letters; `None` lets them all.
    #[must_use]
    pub fn patches(mut self, set: Option<Vec<String>>, remove: Option<Vec<String>>) -> Self {
        (self.judge.set, self.judge.remove) = (set, remove);
        self
    }

    /// What was granted.
    pub fn grants(&self) -> &Grants {
        &self.judge.grants
    }

    /// The contract that it was built against: `drift:migration@0.1.0`.
    pub fn contract(&self) -> String {
        let versions = self.imports.iter().filter_map(|import| import.strip_prefix(contract::PACKAGE)?.split_once('@'));
        let newest = versions.map(|(_, version)| version).max();
        format!("{}@{}", contract::PACKAGE.trim_end_matches('/'), newest.unwrap_or("0.1"))
    }

    /// The interfaces that the component imports, with their versions.
    pub fn imports(&self) -> &[String] {
        &self.imports
    }

    /// What the component exports.
    pub fn exports(&self) -> &[String] {
        &self.exports
    }

    /// What each import allows.
    pub fn explained_imports(&self) -> Vec<Import> {
        imports::explained(&self.imports)
    }

    /// What can be read off the file.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// How long compiling took; `None` if the compiled code was in the cache.
    pub fn compile_time(&self) -> Option<Duration> {
        self.compile_time
    }

    /// What a guest may take.
    pub fn limits(&self) -> &Limits {
        &self.loaded.limits
    }

    /// Whether it can draw random numbers.
    fn draws(&self) -> bool {
        self.imports.iter().any(|import| import.starts_with("wasi:random/"))
    }

    /// What this run may still keep of logs: one account for all its slots.
    fn run_log(&self, run: &Arc<RunContext>) -> RunLog {
        let mut account = self.run_log.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::ptr::eq(account.0.as_ptr(), Arc::as_ptr(run)) {
            *account = (Arc::downgrade(run), RunLog::new(&self.loaded.limits));
        }
        account.1.clone()
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

    fn calls_at_once(&self) -> bool {
        self.imports.iter().any(|import| import.starts_with(DYNAMODB))
    }

    fn writes_at_once(&self) -> bool {
        self.calls_at_once() && self.judge.grants.has_direct_write()
    }

    fn worker_with(
        &self,
        run: &Arc<RunContext>,
        direction: Direction,
        direct: &Arc<dyn Direct>,
    ) -> Result<Box<dyn Worker>, StartError> {
        let at_once = AtOnce { judge: self.judge.clone(), direct: direct.clone() };
        self.slot(Loaded { at_once: Some(at_once), ..self.loaded.clone() }, run, direction)
    }

    fn take_accesses(&self) -> Vec<AccessCount> {
        self.judge.tally.take()
    }

    fn worker(&self, run: &Arc<RunContext>, direction: Direction) -> Result<Box<dyn Worker>, StartError> {
        self.slot(self.loaded.clone(), run, direction)
    }
}

impl Plugin {
    fn slot(&self, loaded: Loaded, run: &Arc<RunContext>, direction: Direction) -> Result<Box<dyn Worker>, StartError> {
        if direction == Direction::Undo && !self.reversible {
            return Err(StartError("the plugin has no `undo`".into()));
        }
        let slot = Slot::start(loaded, self.judge.clone(), run, direction, self.draws());
        let slot = slot
            .map_err(|trapped| StartError(format!("the plugin did not start: it {}", run.secrets.mask(&trapped.at_start()))))?;
        Ok(Box::new(slot.keep_log(self.run_log(run))))
    }
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

fn one_line(error: &wasmtime::Error) -> String {
    let text = format!("{error:#}").lines().map(str::trim).collect::<Vec<_>>().join("; ");
    said::line(&text, SHOWN)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
