//! Runs as files, ways back, and the audit, for people.

use std::fmt::Write;

use crate::history::{Audit, Progress};
use crate::journal::RunFile;
use crate::run::{AtWork, WayBack};

/// The journals of a folder, a line each.
pub fn runs(runs: &[RunFile]) -> String {
    let mut out = String::new();
    for run in runs {
        let size = size(run.bytes);
        // Writing to a String cannot fail.
        let _ = match &run.about {
            Ok(about) => writeln!(
                out,
                "run         {}  {:<11} {:>8}  {:<20} {size:>9}  {}",
                run.run,
                about.state.to_string(),
                about.number.to_string(),
                about.table,
                age(&about.created)
            ),
            Err(error) => writeln!(out, "run         {}  damaged: {error}", run.run),
        };
    }
    out
}

/// The audit, a line each.
pub fn audit(lines: &[Audit]) -> String {
    lines.iter().map(|line| format!("audit       {}  {}\n", line.at, line.what)).collect()
}

/// How far a run is, by its own word: `applied 120 of 400; 80 write units a second (limit) (at 2026-11-02T14:06:00Z)`.
pub(super) fn how_far(progress: &Progress) -> String {
    let (what, about) = if progress.phase == "scan" { ("scanned", "about ") } else { ("applied", "") };
    format!("{what} {} of {about}{}; {} (at {})", progress.done, progress.of, progress.pace, progress.at)
}

/// A run at work: what it is, how far, and what people want of it.
pub fn at_work(at_work: &AtWork) -> String {
    let AtWork { run, wishes, progress } = at_work;
    let mut out = format!("{}  migration {} on {}, {}: ", run.run, run.number, run.table, run.state);
    // Writing to a String cannot fail.
    let _ = match progress.phase.as_str() {
        "" => writeln!(out, "it has not told yet how far it is"),
        _ => writeln!(out, "{}", how_far(progress)),
    };
    let mut wanted = Vec::new();
    wanted.extend(wishes.stop.then(|| "stop".to_owned()));
    wanted.extend(wishes.paused.then(|| "paused".to_owned()));
    wanted.extend(wishes.read.map(|pace| format!("max-read-units={pace}")));
    wanted.extend(wishes.write.map(|pace| format!("max-write-units={pace}")));
    if !wishes.by.is_empty() {
        let wanted = if wanted.is_empty() { "nothing further".to_owned() } else { wanted.join(", ") };
        let _ = writeln!(out, "  wanted: {wanted}; last by {}", wishes.by);
    }
    out
}

/// What a way back would come to.
pub fn way_back(survey: &WayBack) -> String {
    let WayBack { items, untouched, lost, first } = survey;
    let mut out =
        format!("{items} items are put back where they still are as the run left them; {untouched} it did not change\n");
    if *lost > 0 {
        let _ = writeln!(out, "{lost} cannot be restored:");
        first.iter().for_each(|(key, why)| {
            let _ = writeln!(out, "  {key}: {why}");
        });
        if *lost > first.len() as u64 {
            let _ = writeln!(out, "  and {} more", lost - first.len() as u64);
        }
    }
    out
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_240 => format!("{bytes} B"),
        10_240..10_485_760 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

fn age(created: &str) -> String {
    let Ok(begun) = created.parse::<jiff::Timestamp>() else { return String::new() };
    match jiff::Timestamp::now().as_second().saturating_sub(begun.as_second()) {
        seconds @ ..120 => format!("{seconds} s old"),
        seconds @ 120..7_200 => format!("{} min old", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h old", seconds / 3_600),
        seconds => format!("{} days old", seconds / 86_400),
    }
}
