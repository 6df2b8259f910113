//! A folder against the history of a table, for people.

use std::fmt::Write;

use crate::history::{Applied, Unrun};
use crate::series::{Back, Member, Standing, Standings, State, Way};

/// A line a migration, what to do about it below, and how many stand so at the end.
pub fn standings(standings: &Standings) -> String {
    let mut out = String::new();
    for standing in &standings.each {
        // Writing to a String cannot fail.
        let number = standing.number.to_string();
        let told = standing.row.as_ref().map(applied).unwrap_or_default();
        let line = format!("{:<13}{number:>8}  {:<28} {told}", standing.state.as_str(), standing.name());
        let _ = writeln!(out, "{}", line.trim_end());
        if let Some(next) = next(standing, standings) {
            let _ = writeln!(out, "             {next}");
        }
    }
    for one in &standings.unusable {
        let _ = writeln!(out, "unusable     {one}");
    }
    if !standings.ignored.is_empty() {
        let _ = writeln!(out, "ignored      {}", standings.ignored.join(", "));
    }
    let _ = writeln!(out, "{}", counts(standings));
    out
}

/// `migrations on Things: 3 applied, 2 pending`.
fn counts(standings: &Standings) -> String {
    let counts = State::ALL.into_iter().map(|state| (standings.count(state), state)).filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts.map(|(count, state)| format!("{count} {state}")).collect();
    let counts = if counts.is_empty() { "no migration".to_owned() } else { counts.join(", ") };
    format!("{} on {}: {counts}", standings.dir.display(), standings.table)
}

/// `2026-11-26T17:00:04Z by ann@desk in 4.5 s, 12 of 30 items`, as much of it as the row tells.
fn applied(row: &Applied) -> String {
    let mut out = row.finished.clone();
    if let Some(by) = row.by() {
        let _ = write!(out, " by {by}");
    }
    if let Some(seconds) = row.seconds() {
        let _ = write!(out, " in {seconds:.1} s");
    }
    if let (Some(changed), Some(scanned)) = (row.count("changed"), row.count("scanned")) {
        let _ = write!(out, ", {changed} of {scanned} items");
    }
    match row.unrun() {
        Some(Unrun::Baseline) => out.push_str(", as a baseline: not run"),
        Some(Unrun::Marked) => out.push_str(", marked by hand: not run"),
        None if row.finished.is_empty() => out.push_str("by dynamo-drift, or by hand"),
        None => {}
    }
    if let Some(arn) = row.backup() {
        let _ = write!(out, ", backup {arn}");
    }
    out.trim_start().to_owned()
}

/// What to do about one, if anything is to be done; in the words of the command line.
pub(super) fn next(standing: &Standing, of: &Standings) -> Option<String> {
    let (number, table, dir) = (standing.number, &of.table, of.dir.display());
    match (standing.state, &standing.unfinished, &standing.row, &standing.member) {
        (State::Incomplete, Some(run), ..) => Some(format!("{}, {}, by {}: {}", run.direction, run.state, run.owner, run.ways())),
        (State::Changed, _, Some(row), Some(member)) => Some(format!(
            "applied was {}, and {} is {}: give new code a number of its own; if it does the same, drift-host repair {} --table {table} \
             --accept-digest",
            row.digest,
            member.path.display(),
            member.digest,
            member.path.display()
        )),
        (State::OutOfOrder, ..) => {
            Some(format!("one with a higher number is applied: drift-host up {dir} --table {table} --out-of-order"))
        }
        (State::Unknown, ..) => Some(format!("{dir} has no migration {number}")),
        (State::Elsewhere, _, Some(row), _) => Some(format!(
            "it is recorded for the table {}: drift-host repair --adopt {number} --table {table}, if that is a mistake",
            row.table
        )),
        _ => None,
    }
}

/// What `up` is about to do: how the folder stands, and below each that is to be applied what it is granted to do beyond its items, and how
/// it could be taken back. How many items each changes is known when it is planned, after the one before it.
pub fn pending(standings: &Standings, members: &[Member]) -> String {
    let more = |member: &Member| {
        let asked = member
            .description
            .grants
            .iter()
            .map(|asked| format!("{}:{}", asked.access.as_str(), asked.table.as_deref().unwrap_or(".")));
        let asked: Vec<String> = asked.collect();
        let asked = if asked.is_empty() { "patches its items only".to_owned() } else { format!("asks for {}", asked.join(", ")) };
        let repeatable = if member.description.repeatable { ", repeatable" } else { "" };
        let back = if member.reversible { "has an undo" } else { "no undo: back from the images of its run" };
        format!("                       {asked}{repeatable}; {back}\n")
    };
    let listed: String = members.iter().map(|member| format!("{}{}", line("to apply", member), more(member))).collect();
    let last = match members.len() {
        1 => "",
        _ => "one after the other: what each changes is known when it is planned, after the one before it\n",
    };
    format!("{}\n{listed}{last}", counts(standings))
}

/// What is about to count as applied.
pub fn counted(members: &[Member]) -> String {
    members.iter().map(|member| line("to count", member)).collect()
}

fn line(word: &str, member: &Member) -> String {
    let what = if member.description.summary.is_empty() { String::new() } else { format!(": {}", member.description.summary) };
    format!("{word:<13}{:>8}  {}{what}\n", member.number().to_string(), member.description.name)
}

/// What `undo` is about to do.
pub fn back(steps: &[Back]) -> String {
    let line = |back: &Back| {
        let how = match &back.way {
            Way::Code(_) => "by its own undo".to_owned(),
            Way::Images(run) => format!("from the images of run {run}"),
        };
        format!("to take back {:>8}  {}, {how}\n", back.number.to_string(), back.name)
    };
    steps.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_row_as_much_is_told_as_it_has() {
        let text = |text: &str| text.to_owned();
        let mut row = Applied {
            number: 7.into(),
            table: text("Things"),
            description: text("by hand"),
            name: String::new(),
            digest: String::new(),
            started: String::new(),
            finished: String::new(),
            run: String::new(),
            details: Vec::new(),
        };
        assert_eq!(applied(&row), "by dynamo-drift, or by hand");
        row.finished = text("2026-11-26T17:00:04Z");
        row.details = vec![(text("by"), text("ann@desk, process 7")), Unrun::Marked.detail()];
        assert_eq!(applied(&row), "2026-11-26T17:00:04Z by ann@desk, marked by hand: not run");
        row.run = text("run-1");
        row.details = [("by", "ann@desk"), ("seconds", "4.5"), ("changed", "12"), ("scanned", "30")]
            .map(|(name, value)| (text(name), text(value)))
            .to_vec();
        assert_eq!(applied(&row), "2026-11-26T17:00:04Z by ann@desk in 4.5 s, 12 of 30 items");
    }
}
