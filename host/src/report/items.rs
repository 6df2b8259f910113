//! Items of a run one by one: what failed, what is in doubt, and all that is known of one.

use std::fmt::Write;

use super::{document, tried};
use crate::journal::{ItemRecord, Journal, OutcomeKind, OutcomeRecord};
use crate::migration::{ItemFailure, Reply};
use crate::model::{Action, Item, Key};
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

/// All that a run's journal has of one item.
pub fn item(journal: &Journal, key: &Key, item: &ItemRecord) -> String {
    let context = &journal.manifest().context;
    let mut out = format!("{key}: {}\n", state(item));
    let mut attempt = |number: u32, image: &Item, actions: &[Action]| {
        let _ = writeln!(out, "attempt {number} on {}", document::text(image));
        let reply: Result<Reply, ItemFailure> = Ok(Reply { actions: actions.to_vec(), log: Vec::new() });
        out.push_str(&tried(context, image, &reply));
    };
    if let Some(entry) = &item.planned {
        attempt(1, &entry.image, &entry.actions);
    }
    if let Some(newest) = &item.newest {
        attempt(newest.attempt, &newest.image, &newest.actions);
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
