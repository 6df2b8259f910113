//! A migration as a closure of the program that embeds the library: trusted, and otherwise the very same run.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::migration::{
    Direct, DirectClient, Direction, FailureKind, ItemFailure, Migration, Reply, RunContext, StartError, Worker,
};
use crate::model::{Action, Description, Item, validate};

type Deferred = dyn Fn(Item) -> Result<Vec<Action>, String> + Send + Sync;
type WithClient = dyn Fn(Item, &DirectClient<'_>) -> Result<Vec<Action>, String> + Send + Sync;

#[derive(Clone)]
enum Function {
    Deferred(Arc<Deferred>),
    AtOnce(Arc<WithClient>),
}

/// What a closure does with DynamoDB at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtOnce {
    /// It reads: its writes are its actions, and there is a plan of them.
    Reads,
    /// It writes too: no plan shows all that it does, and there is no `plan` without a run.
    Writes,
}

/// A native migration. Its answers are checked as a plugin's are; grants are not asked for.
#[derive(Clone)]
pub struct Native {
    description: Description,
    digest: String,
    migrate: Function,
    undo: Option<Function>,
    at_once: Option<AtOnce>,
}

impl Native {
    /// A migration by closure. `version` stands for the code in the history, as a component's digest does: change it
    /// when the closure changes.
    pub fn new<F, E>(description: Description, version: &str, migrate: F) -> Self
    where
        F: Fn(Item) -> Result<Vec<Action>, E> + Send + Sync + 'static,
        E: std::fmt::Display,
    {
        let migrate = Function::Deferred(Arc::new(move |item| migrate(item).map_err(|error| error.to_string())));
        Self { description, digest: format!("native:{version}"), migrate, undo: None, at_once: None }
    }

    /// A migration by a closure that is given the client too, for calls at once.
    pub fn with_client<F, E>(description: Description, version: &str, at_once: AtOnce, migrate: F) -> Self
    where
        F: Fn(Item, &DirectClient<'_>) -> Result<Vec<Action>, E> + Send + Sync + 'static,
        E: std::fmt::Display,
    {
        let migrate = Arc::new(move |item, client: &DirectClient<'_>| migrate(item, client).map_err(|error| error.to_string()));
        let (migrate, at_once) = (Function::AtOnce(migrate), Some(at_once));
        Self { description, digest: format!("native:{version}"), migrate, undo: None, at_once }
    }

    /// Adds the way back.
    #[must_use]
    pub fn with_undo<F, E>(mut self, undo: F) -> Self
    where
        F: Fn(Item) -> Result<Vec<Action>, E> + Send + Sync + 'static,
        E: std::fmt::Display,
    {
        self.undo = Some(Function::Deferred(Arc::new(move |item| undo(item).map_err(|error| error.to_string()))));
        self
    }

    /// Adds the way back, by a closure that is given the client as [`Native::with_client`] does; what both may do at once is the
    /// wider of the two.
    #[must_use]
    pub fn with_client_undo<F, E>(mut self, at_once: AtOnce, undo: F) -> Self
    where
        F: Fn(Item, &DirectClient<'_>) -> Result<Vec<Action>, E> + Send + Sync + 'static,
        E: std::fmt::Display,
    {
        let undo = Arc::new(move |item, client: &DirectClient<'_>| undo(item, client).map_err(|error| error.to_string()));
        self.undo = Some(Function::AtOnce(undo));
        self.at_once = Some(if self.at_once == Some(AtOnce::Writes) { AtOnce::Writes } else { at_once });
        self
    }

    fn function(&self, direction: Direction) -> Result<Function, StartError> {
        match direction {
            Direction::Migrate => Ok(self.migrate.clone()),
            Direction::Undo => self.undo.clone().ok_or_else(|| StartError("the migration has no undo".into())),
        }
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

    fn calls_at_once(&self) -> bool {
        self.at_once.is_some()
    }

    fn writes_at_once(&self) -> bool {
        self.at_once == Some(AtOnce::Writes)
    }

    fn worker_with(
        &self,
        run: &Arc<RunContext>,
        direction: Direction,
        direct: &Arc<dyn Direct>,
    ) -> Result<Box<dyn Worker>, StartError> {
        let (function, may_write) = (self.function(direction)?, self.writes_at_once());
        Ok(Box::new(NativeWorker { function, run: run.clone(), direct: Some(direct.clone()), may_write }))
    }

    fn worker(&self, run: &Arc<RunContext>, direction: Direction) -> Result<Box<dyn Worker>, StartError> {
        let function = self.function(direction)?;
        if matches!(function, Function::AtOnce(_)) {
            return Err(StartError("the migration wants the client, and there is none here".into()));
        }
        Ok(Box::new(NativeWorker { function, run: run.clone(), direct: None, may_write: false }))
    }
}

struct NativeWorker {
    function: Function,
    run: Arc<RunContext>,
    direct: Option<Arc<dyn Direct>>,
    may_write: bool,
}

impl NativeWorker {
    fn ask(&self, item: &Item) -> Result<Vec<Action>, String> {
        match (&self.function, &self.direct) {
            (Function::Deferred(function), _) => function(item.clone()),
            (Function::AtOnce(function), Some(direct)) => {
                let this = self.run.key.key_of(item).ok();
                let client = DirectClient { direct, run: &self.run, this, may_write: self.may_write };
                function(item.clone(), &client)
            }
            // No such worker is made.
            (Function::AtOnce(_), None) => Err("the migration wants the client, and there is none here".into()),
        }
    }
}

impl Worker for NativeWorker {
    fn call(&mut self, item: &Item) -> Result<Reply, ItemFailure> {
        let failure = |kind, message| ItemFailure { kind, message, backtrace: None, log: Vec::new() };
        let answer = catch_unwind(AssertUnwindSafe(|| self.ask(item))).map_err(|panic| {
            let text = panic.downcast_ref::<&str>().map(ToString::to_string).or_else(|| panic.downcast_ref::<String>().cloned());
            failure(FailureKind::Trap, format!("panicked: {}", text.unwrap_or_else(|| "without a message".into())))
        })?;
        let actions = answer.map_err(|message| failure(FailureKind::Error, message))?;
        validate(&actions, item, &self.run.table, &self.run.key)
            .map_err(|problem| failure(FailureKind::Invalid, format!("returned what cannot be carried out: {problem}")))?;
        Ok(Reply { actions, log: Vec::new() })
    }
}
