//! Arbitrary bytes where a plugin's would be: component files that were damaged, and answers that are made up. Whatever comes,
//! the host answers with an error or takes it as what it is; it does not panic, hang or grow.
//!
//! Everything is made from a seed: what failed once fails again. `cargo xtask fuzz --seconds N` goes on for minutes, a test
//! for seconds.

mod answers;
mod components;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use drift_host::migration::RunContext;
use drift_host::model::{KeyAttribute, KeySchema, KeyType};
use drift_host::plugin::{Limits, PluginOptions};

pub use answers::{answers, small};
pub use components::components;

/// How long to go on.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// So many trials.
    Trials(u64),
    /// This instant.
    Instant(Instant),
}

impl Until {
    fn goes_on(self, trials: u64) -> bool {
        match self {
            Self::Trials(most) => trials < most,
            Self::Instant(end) => Instant::now() < end,
        }
    }
}

/// What came of the trials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// All of them.
    pub trials: u64,
    /// Those that were refused as a whole.
    pub refused: u64,
    /// Answers that failed their item.
    pub failed: u64,
    /// Answers that were believed.
    pub believed: u64,
}

/// The component of a core module that the contract's world is put around, without any bindings between them.
pub fn encoded(core: &[u8]) -> Vec<u8> {
    encoded_in(core, &["migration.wit"])
}

/// The same with the world of the contract's text form.
pub fn encoded_as_text(core: &[u8]) -> Vec<u8> {
    encoded_of(core, &["migration.wit"], "json-migration")
}

/// The same with the world `migration` of the last of these files of `wit/`.
pub fn encoded_in(core: &[u8], files: &[&str]) -> Vec<u8> {
    encoded_of(core, files, "migration")
}

fn encoded_of(core: &[u8], files: &[&str], world: &str) -> Vec<u8> {
    let mut resolve = wit_parser::Resolve::default();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
    let packages: Vec<_> = files.iter().map(|file| resolve.push_path(folder.join(file)).unwrap().0).collect();
    let world = resolve.select_world(&packages[packages.len() - 1..], Some(world)).unwrap();
    let mut module = core.to_vec();
    wit_component::embed_component_metadata(&mut module, &resolve, world, wit_component::StringEncoding::UTF8).unwrap();
    wit_component::ComponentEncoder::default().module(&module).unwrap().encode().unwrap()
}

fn options() -> PluginOptions {
    let quick = Duration::from_millis(50);
    let limits = Limits { item_time: quick, start_time: quick, memory_bytes: 4 << 20, ..Limits::default() };
    PluginOptions { slots: 1, limits, cache_dir: None, ..PluginOptions::default() }
}

fn context() -> Arc<RunContext> {
    let key = KeySchema { partition: KeyAttribute { name: "Id".into(), kind: KeyType::N }, sort: None };
    Arc::new(RunContext {
        table: "Things".into(),
        key,
        started_at: "2026-11-25T00:00:00Z".into(),
        arguments: Vec::new(),
        seed: "fuzz".into(),
        secrets: Default::default(),
    })
}
