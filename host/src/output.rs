//! Standard output and standard error. Whoever reads them may go away (`| head`): that ends no verb, and least of all a run.

use std::borrow::Cow;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value as Json, json};

use crate::explain::Code;
use crate::history::now;
use crate::model::is_plain;

/// A result, with its line's end, on standard output.
macro_rules! say {
    ($($text:tt)*) => {
        $crate::output::result(format_args!("{}\n", format_args!($($text)*)))
    };
}

/// A part of a result on standard output.
macro_rules! show {
    ($($text:tt)*) => {
        $crate::output::result(format_args!($($text)*))
    };
}

/// A line about what is going on, on standard error.
macro_rules! tell {
    ($($text:tt)*) => {
        $crate::output::aside(format_args!("{}\n", format_args!($($text)*)))
    };
}

/// The same, of what should be looked at.
macro_rules! caution {
    ($($text:tt)*) => {
        $crate::output::aside_at($crate::output::Level::Warn, format_args!("{}\n", format_args!($($text)*)))
    };
}

/// How lines on standard error are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Lines {
    /// For people.
    #[default]
    Text,
    /// For machines: an object a line.
    Json,
}

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Info,
    Warn,
    Error,
}

/// Whether lines on standard error are objects. Chosen once, for the process.
static OBJECTS: AtomicBool = AtomicBool::new(false);
/// The run that this process is at work on, for these lines.
static RUN: Mutex<Option<String>> = Mutex::new(None);

pub(crate) fn choose(lines: Lines) {
    OBJECTS.store(lines == Lines::Json, Ordering::Relaxed);
}

pub(crate) fn is_for_machines() -> bool {
    OBJECTS.load(Ordering::Relaxed)
}

/// From now on, lines are of this run.
pub(crate) fn at_work(run: &str) {
    *RUN.lock().unwrap_or_else(PoisonError::into_inner) = Some(run.to_owned());
}

/// A line on standard error that is drawn anew in its place: what else is written goes above it.
static DRAWN: Mutex<Option<String>> = Mutex::new(None);

const CLEAR: &str = "\r\u{1b}[K";

/// How many ask somebody something at present: no line may come between the question and its answer.
static ASKING: AtomicUsize = AtomicUsize::new(0);
/// Held by whoever reads the keyboard, for a moment each.
static KEYBOARD: Mutex<()> = Mutex::new(());

pub(crate) fn is_asking() -> bool {
    ASKING.load(Ordering::SeqCst) > 0
}

/// Reads the keyboard, unless somebody waits for an answer from there.
#[cfg(unix)]
pub(crate) fn unless_asking<T>(read: impl FnOnce() -> T) -> Option<T> {
    let _held = KEYBOARD.lock().unwrap_or_else(PoisonError::into_inner);
    (!is_asking()).then(read)
}

/// Keeps the line away until it is dropped.
pub(crate) struct Asking(());

pub(crate) fn asking() -> Asking {
    ASKING.fetch_add(1, Ordering::SeqCst);
    draw(None);
    // Whoever reads the keyboard is let finish; the next to look sees that somebody asks.
    drop(KEYBOARD.lock().unwrap_or_else(PoisonError::into_inner));
    Asking(())
}

impl Drop for Asking {
    fn drop(&mut self) {
        ASKING.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Draws the line anew, or takes it away.
pub(crate) fn draw(line: Option<&str>) {
    let line = line.filter(|_| !is_asking());
    let mut drawn = DRAWN.lock().unwrap_or_else(PoisonError::into_inner);
    if drawn.is_none() && line.is_none() {
        return;
    }
    let line = line.map(|line| safe(line).into_owned());
    let _nobody_reads = std::io::stderr().lock().write_all(format!("{CLEAR}{}", line.as_deref().unwrap_or_default()).as_bytes());
    *drawn = line;
}

/// Writes with the drawn line out of the way.
fn above(write: impl FnOnce()) {
    let drawn = DRAWN.lock().unwrap_or_else(PoisonError::into_inner);
    let show = |text: &str| std::io::stderr().lock().write_all(text.as_bytes());
    let Some(line) = &*drawn else { return write() };
    let _nobody_reads = show(CLEAR);
    write();
    let _nobody_reads = show(line);
}

pub(crate) fn result(text: std::fmt::Arguments<'_>) {
    above(|| {
        let mut out = std::io::stdout().lock();
        let _nobody_reads = out.write_all(safe(&text.to_string()).as_bytes()).and_then(|()| out.flush());
    });
}

pub(crate) fn aside(text: std::fmt::Arguments<'_>) {
    aside_at(Level::Info, text);
}

pub(crate) fn aside_at(level: Level, text: std::fmt::Arguments<'_>) {
    let text = text.to_string();
    if is_for_machines() {
        // A form with its own end of line is no more of it than a question that has none.
        return event(level, json!({ "event": "said", "message": text.trim_end() }));
    }
    write(&text);
}

/// Says what went wrong and ends the verb, and where there is more about it.
pub(crate) fn complain(message: &dyn std::fmt::Display, code: Code, exit: u8) {
    if is_for_machines() {
        return complain_to_machines(message, code, exit);
    }
    let said = message.to_string();
    match code.says_more() {
        // Below a list it is no part of its last line.
        true => write(&format!("error: {said}{}(drift-host explain {code})\n", if said.contains('\n') { '\n' } else { ' ' })),
        false => write(&format!("error: {said}\n")),
    }
}

/// The same as an object.
pub(crate) fn complain_to_machines(message: &dyn std::fmt::Display, code: Code, exit: u8) {
    event(Level::Error, json!({ "event": "error", "code": code.as_str(), "exit": exit, "message": message.to_string() }));
}

/// An event as an object in a line, with when, how much it matters, and of which run it is.
pub(crate) fn event(level: Level, mut fields: Json) {
    let level = match level {
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    };
    let run = RUN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(fields) = fields.as_object_mut() {
        fields.insert("v".into(), 1.into());
        fields.insert("at".into(), now().into());
        fields.insert("level".into(), level.into());
        fields.entry("run").or_insert_with(|| run.into());
    }
    write(&format!("{fields}\n"));
}

fn write(text: &str) {
    above(|| {
        let _nobody_reads = std::io::stderr().lock().write_all(safe(text).as_bytes());
    });
}

/// The colours that this host paints with.
const PAINT: [&str; 4] = ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[31m", "\u{1b}[32m"];

/// What may reach a terminal, whoever wrote it: a guest, the items of a table, an endpoint. Everything else is escaped as JSON
/// does, so that a JSON document stays one.
fn safe(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let paint = PAINT.iter().find(|paint| rest.starts_with(**paint));
        let width = paint.map_or(c.len_utf8(), |paint| paint.len());
        let (piece, after) = rest.split_at(width);
        match paint.is_some() || is_plain(c) {
            true => out.push_str(piece),
            false => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}"))),
        }
        rest = after;
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_our_own_colours_moves_a_terminal() {
        assert_eq!(safe("plain: Grüße\n\t\u{1b}[31mred\u{1b}[0m"), "plain: Grüße\n\t\u{1b}[31mred\u{1b}[0m");
        assert_eq!(safe("a\u{1b}[2Jb\u{9b}2J\r\u{202e}"), "a\\u001b[2Jb\\u009b2J\\u000d\\u202e");
        let document = serde_json::json!({ "text": "\u{9b}2J \u{e0041} \u{1b}[2J \u{202e}" });
        let shown = document.to_string();
        let safe = safe(&shown);
        assert!(safe.is_ascii(), "{safe}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), document, "it stays the same document");
    }
}
