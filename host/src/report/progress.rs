//! Progress on standard error: plain lines, with decaying cadence.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use crate::dynamo::PresentRate;
use crate::run::{Event, Migrator};

/// The first line comes after this time, the next ones ever more rarely.
const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(60);

struct State {
    scanned: u64,
    applied: u64,
    to_apply: u64,
    estimated: u64,
    /// The present rate, and why it waits.
    rate: String,
    /// When the half at work began.
    since: Instant,
    next: Instant,
    pause: Duration,
}

/// The same migrator, whose events are told to people.
pub fn watched(migrator: Migrator) -> Migrator {
    let now = Instant::now();
    let (next, pause) = (now + FIRST, FIRST);
    let state = State { scanned: 0, applied: 0, to_apply: 0, estimated: 0, rate: String::new(), since: now, next, pause };
    let state = Mutex::new(state);
    migrator.observe(move |event| {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started { run, items_estimated } => {
                state.estimated = items_estimated;
                tell!("run {run}");
            }
            Event::Waiting { table, status } => tell!("the table {table} is {status}; waiting until it is ACTIVE"),
            Event::Paced { read, write } => {
                let units = |units: Option<u32>| units.map_or_else(|| "any number of".into(), |units| units.to_string());
                let (read, write) = (units(read), units(write));
                tell!("at most {read} read and {write} write units a second (--max-read-units, --max-write-units)");
            }
            Event::Estimated(estimate) => super::estimate::lines(&estimate).iter().for_each(|line| tell!("{line}")),
            Event::Warned(warnings) => warnings.iter().for_each(|warning| tell!("{warning}")),
            Event::BackedUp(arn) => tell!("backed up before anything is written: {arn}"),
            Event::Scanned(progress) => {
                state.scanned += progress.items;
                state.rate = pace("read", progress.rates.read);
            }
            Event::Sealed(items) => (state.to_apply, state.since) = (items, Instant::now()),
            Event::Applied(progress) => {
                state.applied += progress.items;
                state.rate = pace("write", progress.rates.write);
            }
            Event::Canary(canary) => tell!("{canary}; {} are left", canary.left),
            Event::NotPublished(why) => tell!("what was done is on this machine only for now: {why}"),
        }
        let now = Instant::now();
        if now < state.next {
            return;
        }
        state.pause = (state.pause * 5 / 4).min(LONGEST);
        state.next = now + state.pause;
        let elapsed = now - state.since;
        if state.to_apply == 0 {
            tell!("{}{}", line("scanned", state.scanned, state.estimated, "about ", elapsed), state.rate);
        } else {
            tell!("{}{}", line("applied", state.applied, state.to_apply, "", elapsed), state.rate);
        }
    })
}

/// `scanned 5000 of about 10000 (50 %), 2500 a second, 2 s left`. DynamoDB's count of a table's items is hours old, so it
/// may be passed.
fn line(what: &str, done: u64, all: u64, about: &str, elapsed: Duration) -> String {
    let rate = done as f64 / elapsed.as_secs_f64().max(0.001);
    if done >= all || rate < 0.01 {
        return format!("{what} {done}, {rate:.0} a second");
    }
    let left = Duration::from_secs_f64((all - done) as f64 / rate);
    format!("{what} {done} of {about}{all} ({} %), {rate:.0} a second, {} left", done * 100 / all, span(left))
}

/// `; 425 of 500 write units a second (throttled: table)`: the present rate, its limit, and what the run waits for.
fn pace(units: &str, rate: PresentRate) -> String {
    let waits = rate.waits.map(|waits| waits.to_string()).unwrap_or_default();
    match (rate.present, rate.limit) {
        (Some(present), Some(limit)) if present < limit => format!("; {present} of {limit} {units} units a second ({waits})"),
        (Some(present), _) => format!("; {present} {units} units a second ({waits})"),
        (None, _) => format!("; waits for {waits}"),
    }
}

pub(super) fn span(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..=119 => format!("{seconds} s"),
        seconds @ 120..=7_199 => format!("{} min", seconds / 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dynamo::{Throttle, Waits};

    #[test]
    fn a_line_says_how_far_how_fast_and_how_long() {
        let seconds = Duration::from_secs;
        assert_eq!(
            line("scanned", 5_000, 10_000, "about ", seconds(2)),
            "scanned 5000 of about 10000 (50 %), 2500 a second, 2 s left"
        );
        assert_eq!(line("applied", 10, 100_000, "", seconds(10)), "applied 10 of 100000 (0 %), 1 a second, 27 h 46 min left");
        assert_eq!(line("scanned", 12, 10, "about ", seconds(4)), "scanned 12, 3 a second");
    }

    #[test]
    fn a_line_says_what_it_waits_for() {
        let rate = |present, limit, waits| PresentRate { present, limit, waits: Some(waits) };
        assert_eq!(pace("write", rate(Some(500), Some(500), Waits::Limit)), "; 500 write units a second (limit)");
        assert_eq!(
            pace("write", rate(Some(425), Some(500), Waits::Throttled(Throttle::Index))),
            "; 425 of 500 write units a second (throttled: index)"
        );
        assert_eq!(
            pace("read", rate(Some(90), None, Waits::Throttled(Throttle::KeyRange))),
            "; 90 read units a second (throttled: key range)"
        );
        assert_eq!(pace("read", rate(None, None, Waits::Guest)), "; waits for guest");
    }
}
