//! Items of a run one by one: what failed, what is in doubt, and all that is known of one.

use std::fmt::Write;

use super::diff::{self, Line, Width};
use super::document;
use crate::journal::{ItemRecord, Journal, OutcomeKind, OutcomeRecord};
use crate::migration::{LogLevel, LogLine};
use crate::model::{Action, Item, Target};
use crate::run::Error;

/// How an item that is not plainly done is called.
pub(super) fn word(kind: OutcomeKind) -> &'static str {
    match kind {
        OutcomeKind::Failed => "failed",
        OutcomeKind::Skipped => "left",
        OutcomeKind::Doubtful => "in doubt",
        OutcomeKind::Unchanged => "no change",
        OutcomeKind::Settled => "settled",
    }
}

/// Where an item of a run stands.
pub(super) fn state(item: &ItemRecord) -> &'static str {
    match &item.outcome {
        Some(outcome) => match outcome.kind {
            OutcomeKind::Failed => "failed",
            OutcomeKind::Skipped => "skipped",
            OutcomeKind::Doubtful => "in-doubt",
            OutcomeKind::Unchanged => "unchanged",
            OutcomeKind::Settled => "settled",
        },
        None if item.done => "done",
        None if item.sent => "sent",
        None => "planned",
    }
}

/// Hands every item that failed, is in doubt or was left alone to `each`, in the order of the scan; a page at a time in memory.
pub fn each_error(journal: &Journal, mut each: impl FnMut(&OutcomeRecord) -> Result<(), Error>) -> Result<(), Error> {
    for (segment, page) in journal.listed_pages(usize::MAX)? {
        let outcomes = journal.page_outcomes(segment, page)?;
        outcomes.iter().filter(|outcome| journal.is_listed(outcome.kind)).try_for_each(&mut each)?;
    }
    Ok(())
}

/// An item that is not plainly done, with log and backtrace.
pub fn error(outcome: &OutcomeRecord) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{:<9} {}: {}", word(outcome.kind), outcome.key, outcome.message);
    for line in &outcome.log {
        let _ = writeln!(out, "          | {}", line.message);
    }
    for line in outcome.backtrace.iter().flat_map(|backtrace| backtrace.lines()) {
        let _ = writeln!(out, "          {line}");
    }
    out
}

/// The key of an item, or why there is none.
pub(super) fn key(journal: &Journal, item: &ItemRecord) -> String {
    let planned = item.planned.as_ref().map(|entry| &entry.image);
    let key = planned.map(|image| journal.manifest().context.key.key_of(image));
    match (key, &item.outcome) {
        (Some(Ok(key)), _) => key.to_string(),
        (Some(Err(problem)), None) => problem,
        (_, Some(outcome)) => outcome.key.clone(),
        (None, None) => String::new(),
    }
}

/// An item, attribute by attribute.
fn whole(out: &mut String, head: &str, item: &Item) {
    let _ = writeln!(out, "   {head}:");
    for Line { path, value, .. } in diff::whole(item, Width::Whole) {
        let _ = writeln!(out, "     {path}: {value}");
    }
}

fn level(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    }
}

/// All that a run's journal has of one item: before, what was logged, actions, after.
pub fn item(journal: &Journal, item: &ItemRecord) -> String {
    let mut out = format!("{}: {}\n", key(journal, item), state(item));
    // Writing to a String cannot fail.
    let _ = writeln!(out, "in the plan at @{}/{}/{}", item.segment, item.page, item.position);
    let images = !journal.manifest().no_images;
    let mut attempt = |number: u32, image: &Item, actions: &[Action], log: Option<&[LogLine]>| {
        let _ = writeln!(out, "attempt {number}");
        whole(&mut out, if images { "before" } else { "before (key and version only: --no-images)" }, image);
        match log {
            Some(log) => {
                for line in log {
                    let _ = writeln!(out, "   | {} {}", level(line.level), line.message);
                }
            }
            None => out.push_str("   | no log of it is kept\n"),
        }
        let kinds = actions.iter().map(|action| action.kind()).collect::<Vec<_>>().join(", ");
        let _ = writeln!(out, "   actions: {}", if kinds.is_empty() { "none" } else { &kinds });
        diff::text(&mut out, actions, image, Width::Whole);
        if actions.iter().any(|action| matches!(action, Action::Delete(Target::This))) {
            out.push_str("   after: none\n");
        } else if images {
            whole(&mut out, "after", &document::after(image, actions));
        }
    };
    if let Some(entry) = &item.planned {
        attempt(1, &entry.image, &entry.actions, item.log.as_deref());
    }
    if let Some(newest) = &item.newest {
        attempt(newest.attempt, &newest.image, &newest.actions, None);
    }
    if item.shared {
        out.push_str("it writes a key that other items write too: one after the other\n");
    }
    if let Some(outcome) = &item.outcome {
        out.push_str(&error(outcome));
        let _ = writeln!(out, "          after {} attempts", outcome.attempts);
        for (name, image) in [("seen", &outcome.image), ("found", &outcome.present)] {
            if let Some(image) = image {
                let _ = writeln!(out, "          {name}: {}", document::text(image));
            }
        }
    }
    out
}
