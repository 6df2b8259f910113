//! What stands in for the host natively: one run a thread.

use std::cell::RefCell;

use super::Run;
use crate::actions::Update;
use crate::direct::{Condition, Failure, Page, Query};
use crate::item::Item;
use crate::log::Level;

#[derive(Default)]
struct Context {
    run: Run,
    /// `None`: nobody collects it, so it goes to standard error.
    log: Option<Vec<(Level, String)>>,
}

thread_local! {
    static CONTEXT: RefCell<Context> = RefCell::default();
}

/// Puts back what was there, also after a panic.
struct Restore(Option<Context>);

impl Drop for Restore {
    fn drop(&mut self) {
        if let Some(context) = self.0.take() {
            CONTEXT.with(|current| current.replace(context));
        }
    }
}

pub(super) fn within<T>(run: &Run, function: impl FnOnce() -> T) -> (T, Vec<(Level, String)>) {
    let context = Context { run: run.clone(), log: Some(Vec::new()) };
    let restore = Restore(Some(CONTEXT.with(|current| current.replace(context))));
    let value = function();
    let log = CONTEXT.with(|current| current.borrow_mut().log.take()).unwrap_or_default();
    drop(restore);
    (value, log)
}

pub(crate) fn table() -> String {
    CONTEXT.with(|context| context.borrow().run.table.clone())
}

pub(crate) fn key_attributes() -> Vec<String> {
    CONTEXT.with(|context| context.borrow().run.key_attributes.clone())
}

pub(crate) fn started_at() -> String {
    CONTEXT.with(|context| context.borrow().run.started_at.clone())
}

pub(crate) fn argument(name: &str) -> Option<String> {
    CONTEXT.with(|context| {
        let arguments = &context.borrow().run.arguments;
        arguments.iter().find(|(given, _)| given == name).map(|(_, value)| value.clone())
    })
}

/// A row that [`Run::rows`] gave.
pub(crate) fn get(table: &str, key: &Item, _consistent: bool) -> Result<Option<Item>, Failure> {
    CONTEXT.with(|context| {
        let rows = &context.borrow().run.rows;
        let Some((_, rows)) = rows.iter().find(|(name, _)| name == table) else {
            return Err(Failure::Denied(format!("the test gave no rows of the table {table} (testing::Run::rows)")));
        };
        Ok(rows.iter().find(|row| key.iter().all(|(name, value)| row.get(name) == Some(value))).cloned())
    })
}

pub(crate) fn query(_: &Query) -> Result<Page, Failure> {
    Err(only_by_a_host("a query"))
}

pub(crate) fn put(_: &str, _: &Item, _: Option<&Condition>) -> Result<(), Failure> {
    Err(only_by_a_host("a write"))
}

pub(crate) fn update(_: &str, _: &Item, _: &Update) -> Result<Item, Failure> {
    Err(only_by_a_host("a write"))
}

pub(crate) fn delete(_: &str, _: &Item, _: Option<&Condition>) -> Result<(), Failure> {
    Err(only_by_a_host("a write"))
}

fn only_by_a_host(what: &str) -> Failure {
    Failure::Other(format!("{what} at once is carried out by a host alone: test it with `drift-host local` and `drift-host run`"))
}

pub(crate) fn log(level: Level, message: &str) {
    CONTEXT.with(|context| match &mut context.borrow_mut().log {
        Some(lines) => lines.push((level, message.to_owned())),
        None => eprintln!("{level:?}: {message}"),
    });
}
