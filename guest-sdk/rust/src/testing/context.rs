//! What stands in for the host natively: one run a thread.

use std::cell::RefCell;

use super::Run;
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

pub(crate) fn log(level: Level, message: &str) {
    CONTEXT.with(|context| match &mut context.borrow_mut().log {
        Some(lines) => lines.push((level, message.to_owned())),
        None => eprintln!("{level:?}: {message}"),
    });
}
