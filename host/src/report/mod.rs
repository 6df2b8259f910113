//! What people read: progress, summaries, diffs. Colour only on a terminal, and never where `NO_COLOR` is set.

pub mod changes;
mod diff;
pub mod document;
mod estimate;
pub mod fixtures;
pub mod items;
pub mod page;
pub mod price;
mod progress;
pub mod runs;
pub mod series;

use std::fmt::Write;

use crate::history::{Applied, Progress, Unfinished};
use crate::insight::Insight;
use crate::journal::Journal;
use crate::migration::{ItemFailure, Reply, RunContext};
use crate::model::{Bytes, Item};
use crate::run::{Error, ExactlyOnce, Summary};

pub use progress::{For, is_drawn, watched, windows_left};
pub use runs::way_back;

/// A run's end, for people.
pub fn summary(summary: &Summary) -> String {
    let mut out = String::new();
    let (number, name, _) = &summary.migration;
    let counts = &summary.counts;
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{}  migration {number} {name} on {}", summary.state, summary.table);
    if summary.manifest.is_none() {
        let why = match summary.state.as_str() {
            "nothing-to-change" => format!("nothing to do: {} items scanned, and none would change", counts.scanned),
            _ => "nothing to do: it is recorded in the history".into(),
        };
        let _ = writeln!(out, "  {why}");
        return out;
    }
    let _ = writeln!(
        out,
        "  items    {} scanned, {} changed, {} unchanged, {} failed, {} conflicts, {} skipped, {} in doubt",
        counts.scanned, counts.changed, counts.unchanged, counts.failed, counts.conflicts, counts.skipped, counts.doubtful
    );
    let actions = &counts.actions;
    let _ = writeln!(
        out,
        "  actions  {} patch, {} insert, {} update, {} delete",
        actions.patch, actions.insert, actions.update, actions.delete
    );
    let _ = writeln!(
        out,
        "  units    {:.0} read, {:.0} write;  plan {:.1} s, apply {:.1} s",
        summary.units.0, summary.units.1, summary.seconds.0, summary.seconds.1
    );
    if let Some(estimate) = summary.manifest.as_ref().and_then(|manifest| manifest.estimate.as_ref()) {
        let _ = writeln!(out, "  estimate {}", estimate::compared(estimate, summary));
    }
    if let Some(units) = summary.needed_units.filter(|_| counts.changed > 0) {
        let proof = match summary.manifest.as_ref().map(|manifest| &manifest.exactly_once) {
            Some(ExactlyOnce::Receipts) => "; each item and its receipt are a transaction, at twice the units",
            Some(ExactlyOnce::Stamp(_)) => "; a stamp adds its bytes, and a transaction where all actions lie elsewhere",
            _ => "",
        };
        let _ = writeln!(out, "  needs    about {units:.0} write units, indexes and re-runs apart{proof}");
    }
    if summary.single_writes > 0 {
        let _ = writeln!(
            out,
            "  note     {} writes went one by one, at the same units and more time: PartiQL is not allowed here (dynamodb:PartiQLUpdate, PartiQLDelete), or cannot say them",
            summary.single_writes
        );
    }
    if summary.partly_guarded > 0 {
        let _ = writeln!(
            out,
            "  note     {} items have more attributes than a condition holds: guarded by those that were changed and as many others as fit; --guard version=ATTRIBUTE guards them whole",
            summary.partly_guarded
        );
    }
    if let Some(windows) = &summary.windows {
        let _ = writeln!(
            out,
            "  windows  {} of {} scanned, {} done; {} segments each",
            windows.sealed, windows.count, windows.done, windows.segments
        );
    }
    if let Some(bound) = summary.bound.as_ref().or(summary.held_up.as_ref()) {
        let _ = writeln!(out, "  bound    {bound}");
    }
    for line in &summary.accesses {
        let _ = writeln!(out, "  access   {}", line.told());
    }
    for error in &summary.errors {
        let kind = items::word(error.kind);
        let _ = writeln!(out, "  {kind:<8} {}: {}", error.key, error.message);
        for line in &error.log {
            let _ = writeln!(out, "           | {}", line.message);
        }
    }
    if let Some(id) = summary.run() {
        let run = summary.place.as_deref().unwrap_or(id);
        let next = match summary.state.as_str() {
            "refused" | "planned" if summary.bound.is_some() => "nothing was written: the plan passes a bound".into(),
            "planned" => format!("to carry it out: drift-host apply {run}"),
            "interrupted" => format!("to go on: drift-host apply {run}"),
            "refused" => "nothing was written: items failed. Mend the migration, or allow them with --max-errors".into(),
            "incomplete" if summary.bound.is_some() || summary.held_up.is_some() => {
                let windows = summary.windows.map_or((0, 0), |windows| (windows.done, windows.count));
                let retry = if summary.held_up.is_some() {
                    format!(" mended: drift-host apply {run} --retry-failed --plugin FIXED;")
                } else {
                    String::new()
                };
                format!(
                    "stopped after {} of {} windows, which were written; not recorded as applied;{retry} back: drift-host undo --run {run}",
                    windows.0, windows.1
                )
            }
            "incomplete" if summary.windows.is_some_and(|windows| windows.done < windows.count) => format!(
                "stopped in window {} of {}, not recorded as applied; the rest: drift-host apply {run}; back: drift-host undo --run {run}",
                summary.windows.map_or(0, |windows| windows.done + 1),
                summary.windows.map_or(0, |windows| windows.count)
            ),
            "incomplete" if counts.done < counts.changed => format!(
                "stopped after its canary with {} items to go, not recorded as applied; the rest: drift-host apply {run}; back: drift-host undo --run {run}",
                counts.changed - counts.done
            ),
            "incomplete" => format!(
                "not recorded as applied; see drift-host show {run} --errors, and go on with drift-host apply {run} --retry-failed"
            ),
            _ => format!("drift-host show {run}"),
        };
        let _ = writeln!(out, "  run      {id}  ({next})");
    }
    out
}

/// Shapes of change of which an item is shown.
const SHAPES: usize = 10;

/// All that is known of one run, with an item of each shape of change.
pub fn run(journal: &Journal, of: &Summary) -> Result<String, Error> {
    let mut out = summary(of);
    for (name, fact) in facts(journal)? {
        let _ = writeln!(out, "  {name:<9}{fact}");
    }
    out.push_str(&changes::told(journal, &Insight::read(journal)?, SHAPES)?);
    Ok(out)
}

/// What a run is, by the names of its facts.
fn facts(journal: &Journal) -> Result<Vec<(&'static str, String)>, Error> {
    let manifest = journal.manifest();
    let pairs =
        |pairs: &[(String, String)]| pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ");
    let direction = manifest.direction.as_str();
    let segments = journal.segments()?;
    let done = segments.iter().filter(|segment| segment.done).count();
    let pages: u32 = segments.iter().map(|segment| segment.pages).sum();
    let facts = [
        ("begun", format!("{} by drift-host {}", manifest.created, manifest.host_version)),
        ("does", format!("{direction}: {}", manifest.summary)),
        ("digest", manifest.digest.clone()),
        ("table", manifest.table_arn.clone()),
        ("endpoint", manifest.endpoint_url.clone().unwrap_or_default()),
        ("filter", manifest.filter.clone().unwrap_or_default()),
        ("arguments", pairs(&manifest.context.arguments)),
        ("secret", manifest.secret_arguments.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")),
        ("grants", manifest.grants.join(" ")),
        ("policy", manifest.policy.as_ref().map(|policy| policy.digest.clone()).unwrap_or_default()),
        ("guard", manifest.guard.clone()),
        (
            "allowed",
            format!("{} failed items, {} re-runs of an item that changed", manifest.max_errors, manifest.conflict_retries),
        ),
        ("proof", if manifest.exactly_once == ExactlyOnce::No { String::new() } else { manifest.exactly_once.to_string() }),
        ("atomic", if manifest.no_atomic { "no: several actions of one item go one by one".into() } else { String::new() }),
        ("source", if manifest.check_source { "checked, where all actions lie elsewhere".into() } else { String::new() }),
        ("backup", if manifest.backup { backed_up(&manifest.run) } else { String::new() }),
        ("images", if manifest.no_images { "not kept: no way back by the host".into() } else { String::new() }),
        ("scan", format!("{done} of {} segments, {pages} pages", segments.len())),
        ("journal", Bytes(journal.bytes()).to_string()),
    ];
    Ok(facts.into_iter().filter(|(_, fact)| !fact.is_empty()).collect())
}

/// The journal does not know what DynamoDB called it; the history does.
fn backed_up(run: &str) -> String {
    format!("asked for before anything is written: drift-host-{run}; `drift-host status --audit` has its ARN")
}

/// The history.
pub fn status(applied: &[Applied], unfinished: &[(Unfinished, Option<Progress>)]) -> String {
    let mut out = String::new();
    if applied.is_empty() {
        out.push_str("no migration is applied\n");
    }
    for row in applied {
        let name = if row.name.is_empty() { &row.description } else { &row.name };
        let _ = writeln!(
            out,
            "applied     {:>8}  {:<20} {:<24} {}  {}",
            row.number.to_string(),
            row.table,
            name,
            row.finished,
            row.run
        );
        if let Some(arn) = row.backup() {
            let _ = writeln!(out, "                      backup before it: {arn}");
        }
    }
    for (row, progress) in unfinished {
        let number = row.number.to_string();
        let _ = writeln!(
            out,
            "{:<11} {number:>8}  {:<20} {} by {}; drift-host apply {}",
            row.state, row.table, row.direction, row.owner, row.run
        );
        if let Some(progress) = progress {
            let _ = writeln!(out, "                      {}", runs::how_far(progress));
        }
    }
    out
}

/// What a migration did with one item: log, actions, before and after.
pub fn tried(context: &RunContext, item: &Item, answer: &Result<Reply, ItemFailure>) -> String {
    let mut out = String::new();
    let key = context.key.key_of(item).map_or_else(|problem| problem, |key| key.to_string());
    let _ = writeln!(out, "{}", diff::paint(diff::Paint::Head, &format!("── {key}")));
    let log = match answer {
        Ok(reply) => &reply.log,
        Err(failure) => &failure.log,
    };
    for line in log {
        let _ = writeln!(out, "   | {}", line.message);
    }
    match answer {
        Err(failure) => {
            let _ = writeln!(out, "   {}", diff::paint(diff::Paint::Minus, &format!("failed: {}", failure.message)));
            if let Some(backtrace) = &failure.backtrace {
                let _ = writeln!(out, "{backtrace}");
            }
        }
        Ok(reply) if reply.actions.is_empty() => out.push_str("   no change\n"),
        Ok(reply) => diff::text(&mut out, &reply.actions, item, diff::Width::Whole),
    }
    out
}
