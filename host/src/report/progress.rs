//! Progress on standard error: plain lines, with decaying cadence.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use crate::run::{Event, Migrator};

struct State {
    scanned: u64,
    applied: u64,
    to_apply: u64,
    estimated: u64,
    waits: bool,
    next: Instant,
    pause: Duration,
}

/// The same migrator, whose events are told to people.
pub fn watched(migrator: Migrator) -> Migrator {
    let state = Mutex::new(State {
        scanned: 0,
        applied: 0,
        to_apply: 0,
        estimated: 0,
        waits: false,
        next: Instant::now() + Duration::from_secs(2),
        pause: Duration::from_secs(2),
    });
    migrator.observe(move |event| {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started { run, items_estimated } => {
                state.estimated = items_estimated;
                eprintln!("run {run}");
            }
            Event::Waiting { table, status } => {
                if !std::mem::replace(&mut state.waits, true) {
                    eprintln!("the table {table} is {status}; waiting until it can be used");
                }
            }
            Event::Scanned(items) => state.scanned += items,
            Event::Sealed(items) => state.to_apply = items,
            Event::Applied(items) => state.applied += items,
        }
        let now = Instant::now();
        if now < state.next {
            return;
        }
        state.pause = (state.pause * 5 / 4).min(Duration::from_secs(60));
        state.next = now + state.pause;
        if state.to_apply == 0 {
            eprintln!("scanned {} of about {}", state.scanned, state.estimated.max(state.scanned));
        } else {
            eprintln!("scanned {}, applied {} of {}", state.scanned, state.applied, state.to_apply);
        }
    })
}
