//! A migration as a closure of the program that embeds the library: trusted, and otherwise the very same run.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::migration::{Direction, FailureKind, ItemFailure, Migration, Reply, RunContext, StartError, Worker};
use crate::model::{Action, Description, Item, validate};

type Function = dyn Fn(Item) -> Result<Vec<Action>, String> + Send + Sync;

/// A native migration. Its answers are checked as a plugin's are; grants are not asked for.
#[derive(Clone)]
pub struct Native {
    description: Description,
    digest: String,
    migrate: Arc<Function>,
    undo: Option<Arc<Function>>,
}

impl Native {
    /// A migration by closure. `version` stands for the code in the history, as a component's digest does: change it
    /// when the closure changes.
    pub fn new<F, E>(description: Description, version: &str, migrate: F) -> Self
    where
        F: Fn(Item) -> Result<Vec<Action>, E> + Send + Sync + 'static,
        E: std::fmt::Display,
    {
        let migrate = Arc::new(move |item| migrate(item).map_err(|error| error.to_string()));
        Self { description, digest: format!("native:{version}"), migrate, undo: None }
    }

    /// Adds the way back.
    #[must_use]
    pub fn with_undo<F, E>(mut self, undo: F) -> Self
    where
        F: Fn(Item) -> Result<Vec<Action>, E> + Send + Sync + 'static,
        E: std::fmt::Display,
    {
        self.undo = Some(Arc::new(move |item| undo(item).map_err(|error| error.to_string())));
        self
    }
}

impl Migration for Native {
    fn description(&self) -> &Description {
        &self.description
    }

    fn digest(&self) -> &str {
        &self.digest
    }

    fn component(&self) -> Option<&[u8]> {
        None
    }

    fn reversible(&self) -> bool {
        self.undo.is_some()
    }

    fn worker(&self, run: &Arc<RunContext>, direction: Direction) -> Result<Box<dyn Worker>, StartError> {
        let function = match direction {
            Direction::Migrate => self.migrate.clone(),
            Direction::Undo => self.undo.clone().ok_or_else(|| StartError("the migration has no undo".into()))?,
        };
        Ok(Box::new(NativeWorker { function, run: run.clone() }))
    }
}

struct NativeWorker {
    function: Arc<Function>,
    run: Arc<RunContext>,
}

impl Worker for NativeWorker {
    fn call(&mut self, item: &Item) -> Result<Reply, ItemFailure> {
        let failure = |kind, message| ItemFailure { kind, message, backtrace: None, log: Vec::new() };
        let answer = catch_unwind(AssertUnwindSafe(|| (self.function)(item.clone()))).map_err(|panic| {
            let text = panic.downcast_ref::<&str>().map(ToString::to_string).or_else(|| panic.downcast_ref::<String>().cloned());
            failure(FailureKind::Trap, format!("panicked: {}", text.unwrap_or_else(|| "without a message".into())))
        })?;
        let actions = answer.map_err(|message| failure(FailureKind::Error, message))?;
        validate(&actions, item, &self.run.table, &self.run.key)
            .map_err(|problem| failure(FailureKind::Invalid, format!("returned what cannot be carried out: {problem}")))?;
        Ok(Reply { actions, log: Vec::new() })
    }
}
