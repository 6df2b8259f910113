//! How fixtures went.

use std::fmt::Write;

use serde_json::{Value as Json, json};

use super::diff::{Paint, paint};
use crate::author::fixture::{Outcome, Verdict};

/// One fixture: a line, and a diff where it is not as expected (`-` expected, `+` found).
pub fn one(outcome: &Outcome) -> String {
    let mut out = String::new();
    let cost = cost(outcome).map(|text| format!("  {text}")).unwrap_or_default();
    // Writing to a String cannot fail.
    let _ = match &outcome.verdict {
        Verdict::Passed => writeln!(out, "{} {}{cost}", paint(Paint::Plus, "ok      "), outcome.name),
        Verdict::Blessed => writeln!(out, "{} {}{cost}", paint(Paint::Plus, "blessed "), outcome.name),
        Verdict::NoExpectation => {
            writeln!(out, "{} {}: it has no expected.json; --bless writes it", paint(Paint::Minus, "FAILED  "), outcome.name)
        }
        Verdict::Differs(_) => writeln!(out, "{} {}{cost}", paint(Paint::Minus, "FAILED  "), outcome.name),
    };
    if let Verdict::Differs(diff) = &outcome.verdict {
        for line in diff.lines() {
            let colour = match line.as_bytes().first() {
                Some(b'-') => paint(Paint::Minus, line),
                Some(b'+') => paint(Paint::Plus, line),
                _ => line.to_owned(),
            };
            let _ = writeln!(out, "   {colour}");
        }
        for line in &outcome.log {
            let _ = writeln!(out, "   | {line}");
        }
    }
    out
}

/// The last line.
pub fn all(outcomes: &[Outcome]) -> String {
    let count = |wanted: fn(&Verdict) -> bool| outcomes.iter().filter(|outcome| wanted(&outcome.verdict)).count();
    let blessed = count(|verdict| matches!(verdict, Verdict::Blessed));
    if blessed > 0 {
        return format!("{blessed} fixtures written: read them before you trust them");
    }
    let passed = count(|verdict| matches!(verdict, Verdict::Passed));
    format!("{passed} of {} fixtures passed", outcomes.len())
}

/// One fixture for machines: `{"name","verdict","diff","log","calls","micros","memory_bytes","fuel"}`.
pub fn document(outcome: &Outcome) -> Json {
    let (verdict, diff) = match &outcome.verdict {
        Verdict::Passed => ("passed", None),
        Verdict::Blessed => ("blessed", None),
        Verdict::NoExpectation => ("no-expectation", None),
        Verdict::Differs(diff) => ("differs", Some(diff)),
    };
    json!({ "name": outcome.name, "verdict": verdict, "diff": diff, "log": outcome.log,
        "calls": outcome.calls, "micros": outcome.time.as_secs_f64() * 1e6,
        "memory_bytes": outcome.cost.map(|cost| cost.memory_bytes), "fuel": outcome.cost.and_then(|cost| cost.fuel) })
}

fn cost(outcome: &Outcome) -> Option<String> {
    let cost = outcome.cost?;
    let memory = cost.memory_bytes.div_ceil(1024);
    let fuel = cost.fuel.map(|fuel| format!(", {fuel} fuel")).unwrap_or_default();
    let times = if outcome.calls > 1 { format!(" ({} calls)", outcome.calls) } else { String::new() };
    Some(format!("{:.1} µs{times}, {memory} KiB{fuel}", outcome.time.as_secs_f64() * 1e6))
}
