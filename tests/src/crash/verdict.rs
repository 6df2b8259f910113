//! What a run came to, against what it says of itself; and the whole story of an item where a rule does not hold.

use std::collections::HashMap;
use std::fmt::Write as _;

use drift_host::journal::OutcomeKind;
use serde_json::{Value as Json, json};

use super::drive::{Ended, Site};
use super::oracle::{Event, Facts, Violation, Who, attribute, expected, violations};
use super::stream::{scan, transitions};

/// How many items' stories are told.
const STORIES: usize = 3;

/// All that is wrong, for people.
pub fn problems(site: &Site, ended: &Ended) -> Vec<String> {
    let facts = facts(site, ended);
    let mut problems = itself(site, ended, &facts);
    let violations = violations(&facts);
    let told = violations.iter().enumerate().map(|(at, violation)| match at < STORIES {
        true => format!("item {}: {}\n{}", violation.id, violation.rule, story(&facts, violation)),
        false => format!("item {}: {}", violation.id, violation.rule),
    });
    problems.extend(told);
    if !problems.is_empty()
        && let Some(last) = problems.last_mut()
    {
        let _always = write!(last, "\n  at the end it said, with exit code {}: {}", ended.code, ended.said.trim());
    }
    problems
}

fn facts(site: &Site, ended: &Ended) -> Facts {
    let endpoint = site.running.endpoint_url();
    let log = site.writer.log();
    let things = attribute(transitions(&endpoint, "Things"), "Things", &log);
    let elsewhere = site.kind.elsewhere().map(|table| attribute(transitions(&endpoint, table), table, &log));
    let scanned = site.storm.scanned.lock().unwrap().unwrap_or(log.len());
    let (before, since) = log.split_at(scanned);
    let listed = ended.listed.iter().map(|outcome| {
        let id = outcome.key.strip_prefix("Id=").unwrap().parse().unwrap();
        (id, (outcome.kind, outcome.message.clone()))
    });
    Facts {
        kind: site.kind,
        run: ended.run.clone(),
        things,
        elsewhere: elsewhere.unwrap_or_default(),
        before: before.to_vec(),
        since: since.to_vec(),
        listed: listed.collect::<HashMap<_, _>>(),
        images: ended.images.clone(),
        rows: site.rows,
        sent: site.storm.sent.lock().unwrap().clone(),
    }
}

/// Exit code, counts and history, against the journal and the tables.
fn itself(site: &Site, ended: &Ended, facts: &Facts) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut must = |holds: bool, rule: String| {
        if !holds {
            wrong.push(rule);
        }
    };
    let endpoint = site.running.endpoint_url();
    let (items, state) = (&ended.json["items"], ended.json["state"].as_str().unwrap_or_default());
    let count = |name: &str| items[name].as_u64().unwrap_or_default();
    let listed = |kind| ended.listed.iter().filter(|outcome| outcome.kind == kind).count() as u64;
    let (doubtful, failed) = (listed(OutcomeKind::Doubtful), listed(OutcomeKind::Failed));
    must((count("doubtful"), count("failed")) == (doubtful, failed), format!("it counts otherwise than it lists: {items}"));
    let clean = doubtful + failed == 0;
    must((ended.code == 0) == clean, format!("exit code {} with {doubtful} in doubt and {failed} failed", ended.code));
    must(state == if clean { "applied" } else { "incomplete" }, format!("its state is {state}"));
    let number = json!({ "N": site.kind.number().to_string() });
    let recorded = scan(&endpoint, "drift_migrations").iter().any(|row| row["Number"] == number);
    must(recorded == clean, format!("recorded in the history: {recorded}"));
    let row = json!({ "S": format!("run#{}", ended.run) });
    let open = scan(&endpoint, "drift_migrations_runs").iter().any(|it| it["Id"] == row);
    must(open != clean, format!("its row of an unfinished run is there: {open}"));
    must(count("scanned") <= facts.things.len() as u64, format!("more were scanned than ever were: {items}"));
    let surely = facts.things.keys().filter(|id| expected(facts, **id)).count() as u64;
    must(count("changed") >= surely, format!("at least {surely} had to be changed: {items}"));
    let told = ended.json["errors"].as_array().map_or(0, Vec::len) as u64;
    must(told == (doubtful + failed).min(100), format!("{told} errors are told"));
    if site.kind.is_on_this() {
        let done = facts.things.values().filter(|events| events.iter().any(|event| event.who == Who::Host)).count() as u64;
        let most = count("changed") - failed.min(count("changed"));
        must(done <= most, format!("{done} were done, and it counts {items}"));
    }
    wrong
}

fn story(facts: &Facts, violation: &Violation) -> String {
    let mut text = String::new();
    let mut tell = |table: &str, events: Option<&Vec<Event>>| {
        for event in events.into_iter().flatten() {
            let who = match event.who {
                Who::Host => "drift-host".to_owned(),
                Who::Application(deed) => format!("application ({deed:?})"),
            };
            let _always = writeln!(text, "    {table}: {who}: {} -> {}", shown(&event.old), shown(&event.new));
        }
    };
    let elsewhere = facts.kind.elsewhere().unwrap_or_default();
    // A rule of `add` is about a row elsewhere.
    if elsewhere != "Totals" {
        tell("Things", facts.things.get(&violation.id));
    }
    tell(elsewhere, facts.elsewhere.get(&violation.id));
    let before = facts.before.iter().filter(|write| write.id == violation.id).count();
    let _always = writeln!(text, "    the application's first {before} were before the first write of the migration");
    if let Some((kind, message)) = facts.listed.get(&violation.id) {
        let _always = writeln!(text, "    listed: {kind:?}: {message}");
    }
    text.trim_end().to_owned()
}

fn shown(state: &super::kind::State) -> String {
    state.as_ref().map_or_else(
        || "none".to_owned(),
        |item| {
            Json::Object(item.iter().filter(|(name, _)| *name != "Id").map(|(k, v)| (k.clone(), v.clone())).collect()).to_string()
        },
    )
}
