//! The rate after a throttling: down at once, back quickly to just below where it was too much, and from there ever less slowly on.
//!
//! What a table admits is not told, it can only be met. So the rate that was too much is remembered (the knee). While a table
//! admits a part, what it admits is measured and is the new knee; while it admits nothing, nothing is learnt of it, the rate falls,
//! and the knee stays, so that it is reached again within seconds after the table is back. Between two throttlings the rate is a
//! curve that flattens before the knee, where most of the time is spent.

use std::time::Duration;

use crate::dynamo::throttle::Throttle;

/// A lowering, at most once in this time.
const PAUSE: f64 = 1.0;
/// What is left of the rate by the first lowering, and at least taken off by the next ones.
const LESS: f64 = 0.85;
/// What is left of it at least by one lowering.
const LEAST: f64 = 0.5;
/// Admitted over asked, below which it does not measure what the table admits.
const MEASURED: f64 = 0.25;
/// After so many throttlings that followed a success the measure is believed at once, and before with care: one may be the end of a time
/// in which nothing was admitted.
const TURNS: u32 = 3;
/// Seconds from the first success to the knee, and without a throttling until the next one is met anew.
const BACK: f64 = 4.0;
const EPISODE: f64 = 2.0;
/// The part of the knee that is come back to.
const BELOW: f64 = 0.97;
/// How quickly the rate grows beyond.
const GROWTH: f64 = 0.01;
/// The rate never falls below this part of where it came from, nor below so few units a second that a call alone holds the next ones up
/// for long.
const FLOOR: f64 = 1.0 / 64.0;
const FEWEST: f64 = 4.0;
/// Without a limit: so many times the knee is as good as none.
const FREE: f64 = 8.0;

#[derive(Debug)]
pub(super) struct Recovery {
    cause: Throttle,
    /// The rate at which it was too much.
    knee: f64,
    /// Where the rate began from.
    highest: f64,
    /// The rate after the last throttling, and when that was.
    from: f64,
    throttled: Duration,
    /// The first success after it.
    since: Option<Duration>,
    lowered: Duration,
    /// Units admitted since the rate was lowered.
    admitted: f64,
    /// Throttlings after a success since then.
    turns: u32,
}

impl Recovery {
    /// Throttled for the first time, at this rate.
    pub(super) fn new(now: Duration, rate: f64, cause: Throttle) -> Self {
        let highest = rate.max(1.0);
        let from = (rate * LESS).max(1.0);
        Self { cause, knee: highest, highest, from, throttled: now, since: None, lowered: now, admitted: 0.0, turns: 0 }
    }

    pub(super) fn cause(&self) -> Throttle {
        self.cause
    }

    pub(super) fn throttled_within(&self, now: Duration, time: Duration) -> bool {
        now.saturating_sub(self.throttled) < time
    }

    /// The rate, as if there were no limit.
    pub(super) fn rate(&self, now: Duration) -> f64 {
        let Some(since) = self.since else { return self.from };
        let passed = seconds(since, now);
        let below = (self.knee * BELOW).max(self.from);
        match passed < BACK {
            true => below - (below - self.from) * (1.0 - passed / BACK).powi(3),
            false => below * (GROWTH * (passed - BACK).powf(1.5)).min(50.0).exp(),
        }
    }

    fn floor(&self) -> f64 {
        (self.highest * FLOOR).max(FEWEST.min(self.highest * LEAST))
    }

    pub(super) fn is_over(&self, now: Duration, limit: Option<f64>) -> bool {
        self.rate(now) >= limit.unwrap_or(self.knee * FREE)
    }

    /// Something was carried out.
    pub(super) fn admitted(&mut self, now: Duration, units: f64) {
        self.since.get_or_insert(now);
        self.admitted += units;
    }

    pub(super) fn throttled(&mut self, now: Duration, cause: Throttle) {
        let rate = self.rate(now);
        let met_anew = self.since.is_some_and(|since| seconds(since, now) > EPISODE);
        let passed = seconds(self.lowered, now);
        self.turns += u32::from(self.since.is_some());
        (self.cause, self.throttled, self.since, self.from) = (cause, now, None, rate);
        if passed < PAUSE {
            return;
        }
        let admitted = self.admitted / passed;
        let measured = admitted > rate * MEASURED;
        let less = match (met_anew, measured) {
            (true, _) => rate * LESS,
            (false, true) => admitted.clamp(rate * LEAST, rate * LESS),
            (false, false) => rate * LEAST,
        };
        if met_anew {
            self.knee = rate;
        } else if self.turns > 0 {
            let least = if self.turns < TURNS { self.knee } else { rate } * LEAST;
            self.knee = if measured { admitted } else { rate }.max(least).min(self.knee);
        }
        (self.from, self.lowered, self.admitted, self.turns) = (less.max(self.floor()), now, 0.0, 0);
    }
}

fn seconds(from: Duration, to: Duration) -> f64 {
    to.saturating_sub(from).as_secs_f64()
}
