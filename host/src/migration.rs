//! The seam between the flow of a run and whoever computes the actions: a sandboxed plugin, or a native closure.
//!
//! `run` sees only these traits, so that a plugin and a closure take the very same way to the table.

mod direct;
mod policy;
mod secrets;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{Access, Action, Description, Item, KeySchema};

pub use direct::{Direct, DirectAnswer, DirectClient, DirectCondition, DirectFailure, DirectQuery, DirectRequest};
pub(crate) use direct::{NOT_THIS, is_this};
pub use policy::{Bounds, PolicyTerms};
pub use secrets::{SecretArgument, SecretError, Secrets};

/// Which of a migration's two functions is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// `migrate`.
    Migrate,
    /// `undo`.
    Undo,
}

impl Direction {
    /// The function's name, which is what machines and the history call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Migrate => "migrate",
            Self::Undo => "undo",
        }
    }
}

/// What a run tells its migration. The same for every item, also after a resume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunContext {
    /// The name of the table being migrated.
    pub table: String,
    /// Its primary key.
    pub key: KeySchema,
    /// When the run began, RFC 3339 in UTC.
    pub started_at: String,
    /// `--arg name=value`.
    pub arguments: Vec<(String, String)>,
    /// Arguments whose values are kept nowhere: whoever reads a context from a journal reads them anew.
    #[serde(skip)]
    pub secrets: Secrets,
    /// What a guest's random numbers are made from, together with an item's key; made by [`new_seed`].
    #[serde(default)]
    pub seed: String,
}

impl RunContext {
    /// The value of an argument, secret or not.
    pub fn argument(&self, name: &str) -> Option<&str> {
        let plain = self.arguments.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str());
        plain.or_else(|| self.secrets.get(name))
    }
}

/// A seed that no other run has: 128 bits from the system's random numbers.
pub fn new_seed() -> String {
    use std::hash::BuildHasher;
    let random = std::hash::RandomState::new();
    format!("{:016x}{:016x}", random.hash_one(0u8), random.hash_one(1u8))
}

/// How much a line of a guest's log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// For the author.
    Debug,
    /// What happened.
    Info,
    /// What should be looked at.
    Warn,
    /// What went wrong.
    Error,
}

/// A line that a migration wrote while it worked on one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// How much it matters.
    pub level: LogLevel,
    /// The text; control characters are already escaped.
    pub message: String,
}

/// What a migration wants done because of one item.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The actions, in the migration's order.
    pub actions: Vec<Action>,
    /// What it logged.
    pub log: Vec<LogLine>,
}

/// Why a migration had no answer for an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The migration itself returned an error.
    Error,
    /// The guest trapped: a panic, `unreachable`, an access out of bounds.
    Trap,
    /// It took longer than an item may take.
    Deadline,
    /// It wanted more memory than an instance may have.
    Memory,
    /// It returned what cannot be believed: counts that do not add up, a number that is none, a missing key.
    Invalid,
    /// It asked for something that was not granted.
    Denied,
    /// A part of its actions was carried out, and the rest cannot be: only where they were sent one by one.
    Partial,
    /// The item is not as the run that is taken back left it, and stays as it is; only the way back by the host says so.
    LeftAlone,
}

/// An item for which there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemFailure {
    /// What sort of failure.
    pub kind: FailureKind,
    /// For people, in a sentence.
    pub message: String,
    /// A WebAssembly backtrace, where there is one.
    pub backtrace: Option<String>,
    /// What was logged until then.
    pub log: Vec<LogLine>,
}

/// How often a migration was allowed and refused one access to one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessCount {
    /// The access.
    pub access: Access,
    /// `None`: the table being migrated.
    pub table: Option<String>,
    /// Actions, or calls at once, that were allowed.
    pub allowed: u64,
    /// Those that were refused.
    pub refused: u64,
    /// The key, for people, of the first item for which it was refused.
    pub first_refused: Option<String>,
}

/// A migration ready to run.
pub trait Migration: Send + Sync {
    /// What it says about itself.
    fn description(&self) -> &Description;

    /// What it is, byte for byte: `sha256:…` of a component, or the name and version given to a closure.
    fn digest(&self) -> &str;

    /// The component's bytes, kept with the run so that it can go on; `None` for a closure.
    fn component(&self) -> Option<&[u8]>;

    /// Whether it has an `undo`.
    fn reversible(&self) -> bool;

    /// What it was allowed and refused since this was last asked, for the audit trail; nothing of a closure.
    fn take_accesses(&self) -> Vec<AccessCount> {
        Vec::new()
    }

    /// Whether it calls DynamoDB at once.
    fn calls_at_once(&self) -> bool {
        false
    }

    /// Whether it may write so: then no plan shows all that it does.
    fn writes_at_once(&self) -> bool {
        false
    }

    /// As [`Migration::worker`], with the client for calls at once.
    fn worker_with(
        &self,
        run: &Arc<RunContext>,
        direction: Direction,
        _direct: &Arc<dyn Direct>,
    ) -> Result<Box<dyn Worker>, StartError> {
        self.worker(run, direction)
    }

    /// A worker for one slot of the pool. Called on the slot's own thread.
    fn worker(&self, run: &Arc<RunContext>, direction: Direction) -> Result<Box<dyn Worker>, StartError>;
}

/// A migration could not be started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StartError(pub String);

/// What a worker's last call took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Linear memory of the instance after the call, in bytes.
    pub memory_bytes: u64,
    /// WebAssembly's measure of work, about one an instruction: the same for the same item on every machine. `None` where it
    /// was not counted.
    pub fuel: Option<u64>,
}

/// One slot of the pool: one thread and, for a plugin, one instance.
pub trait Worker {
    /// Asks the migration about one item. After an error the worker is ready for the next item.
    fn call(&mut self, item: &Item) -> Result<Reply, ItemFailure>;

    /// What the last call took; `None` where there is nothing to measure.
    fn cost(&self) -> Option<Cost> {
        None
    }
}
