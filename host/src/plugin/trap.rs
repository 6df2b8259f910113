//! How a call into a guest ended without an answer, by name.

use std::time::Duration;

use wasmtime::{Store, Trap, WasmBacktrace};

use super::instance::State;
use super::said;
use super::wasi::Exit;
use crate::migration::{FailureKind, ItemFailure, LogLevel, LogLine};

/// Characters of an error's text that are kept.
const MOST: usize = 4_000;

/// A call that ended without an answer. The instance is dead.
pub(super) struct Trapped {
    pub(super) kind: FailureKind,
    pub(super) message: String,
    pub(super) backtrace: Option<String>,
    pub(super) log: Vec<LogLine>,
}

/// The host ended a call of a guest: it went beyond a limit, or called what it must not.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Stopped(pub(super) String);

impl Trapped {
    /// What `error` is, and what the guest logged until then. `time` is the limit that counted, `limit` its name.
    pub(super) fn new(error: &wasmtime::Error, store: &mut Store<State>, time: Duration, limit: &str) -> Self {
        let backtrace = error.downcast_ref::<WasmBacktrace>().map(|trace| said::safe(&trace.to_string()));
        let log = store.data_mut().log.take();
        let state = store.data();
        let trap = error.downcast_ref::<Trap>().copied();
        let (kind, message) = match trap {
            Some(Trap::Interrupt) => {
                (FailureKind::Deadline, format!("took longer than {} s, the limit (--limit {limit})", time.as_secs_f64()))
            }
            Some(Trap::StackOverflow) => {
                let kibibytes = state.limits.stack_bytes >> 10;
                (FailureKind::Trap, format!("trapped: stack overflow; its stack has {kibibytes} KiB (--limit stack)"))
            }
            _ => match state.refused {
                Some(refused) => (FailureKind::Memory, refused.told(&state.limits)),
                None => (FailureKind::Trap, told(error, trap, state)),
            },
        };
        Self { kind, message, backtrace, log }
    }

    /// The failure of an item. What an SDK's hook or a runtime has logged of its end says more than the trap that follows it.
    pub(super) fn of_item(self) -> ItemFailure {
        let panic = self.log.iter().rev().find(|line| line.level == LogLevel::Error && line.message.starts_with("panicked at"));
        let message = match (self.kind, panic) {
            (FailureKind::Trap, Some(line)) => line.message.clone(),
            (FailureKind::Trap, None) => last_words(&self.log).unwrap_or(self.message),
            _ => self.message,
        };
        ItemFailure { kind: self.kind, message, backtrace: self.backtrace, log: self.log }
    }

    /// The same where there is no item: in a sentence, with what was logged.
    pub(super) fn at_start(self) -> String {
        let logged: Vec<String> = self.log.iter().map(|line| line.message.clone()).collect();
        match logged.is_empty() {
            true => self.message,
            false => format!("{}; it logged: {}", self.message, logged.join("; ")),
        }
    }
}

/// What Go's runtime prints before it traps, in pieces: `fatal error: `, and on a line of its own what it was.
fn last_words(log: &[LogLine]) -> Option<String> {
    let begins = |line: &LogLine| ["fatal error:", "panic:"].iter().any(|words| line.message.starts_with(words));
    let at = log.iter().rposition(begins)?;
    let (first, rest) = log.get(at..)?.split_first()?;
    let head = first.message.trim_end();
    let more = rest.first().filter(|_| head.ends_with(':')).map_or("", |line| line.message.as_str());
    Some(format!("trapped: {head} {more}").trim_end().to_owned())
}

fn told(error: &wasmtime::Error, trap: Option<Trap>, state: &State) -> String {
    if let Some(exit) = error.downcast_ref::<Exit>() {
        return exit.to_string();
    }
    if let Some(Stopped(message)) = error.downcast_ref::<Stopped>() {
        return message.clone();
    }
    if let Some(name) = trap.map(name) {
        return format!("trapped: {name}");
    }
    let text = said::line(&error.root_cause().to_string(), MOST);
    // wasmtime has no type for these two.
    if text.contains("fuel allocated for hostcalls has been exhausted") {
        let mebibytes = state.limits.answer_bytes >> 20;
        return format!("handed more than {mebibytes} MiB to the host at a time, the limit (--limit answer)");
    }
    if text.contains("store handle limit exceeded") {
        let handles = state.limits.handles;
        return format!("held more than {handles} handles of the host, the limit of an instance (--limit handles)");
    }
    format!("was stopped: {text}")
}

fn name(trap: Trap) -> String {
    match trap {
        Trap::UnreachableCodeReached => "`unreachable` was executed (a panic, an abort, a failed assertion)".into(),
        Trap::MemoryOutOfBounds => "an access out of the memory's bounds".into(),
        Trap::TableOutOfBounds => "an access out of a table's bounds".into(),
        Trap::IndirectCallToNull => "an indirect call of nothing".into(),
        Trap::BadSignature => "an indirect call of a function of another type".into(),
        Trap::IntegerOverflow => "an integer overflow".into(),
        Trap::IntegerDivisionByZero => "an integer divided by zero".into(),
        Trap::BadConversionToInteger => "a float that is no integer was made one".into(),
        // Others belong to features that are off, or to the component's own adapters.
        other => other.to_string().trim_start_matches("wasm trap: ").to_owned(),
    }
}
