//! One rate: a token bucket, the queue before it, and what throttling has taught about it. Every moment is handed in.

use std::collections::VecDeque;
use std::time::Duration;

use super::recovery::Recovery;
use crate::dynamo::throttle::Throttle;

/// Seconds of the rate that may be saved up, and that one call should cost at most.
pub(super) const BURST: f64 = 0.25;
/// How quickly a new ratio of cost to estimate is believed.
const LEARNING: f64 = 0.2;
/// The longest wait before a look at the rate, which may have risen.
const LOOK: Duration = Duration::from_secs(1);
/// So long after somebody waited, or was throttled, it counts as the reason for the present rate.
const OF_LATE: Duration = Duration::from_secs(1);

/// A place in the queue before a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket(u64);

/// What a call has to do before it may be sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Wait {
    /// Ask again after this time, or when something changed.
    For(Duration),
    /// Others came first: ask again when something changed.
    InTurn,
}

/// A token bucket that may be overdrawn by one call, and then waits until the debt is paid. First come, first served.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    /// The most units a second; `None` is without limit.
    limit: Option<f64>,
    /// A lower rate, since something was throttled.
    slowed: Option<Recovery>,
    available: f64,
    /// Actual over estimated cost, of late; `None` before the first.
    factor: Option<f64>,
    /// When `available` was right.
    at: Duration,
    taken: Taken,
    queue: VecDeque<Ticket>,
    tickets: u64,
    waited: Option<Duration>,
}

impl Bucket {
    /// Sets the limit. What was saved up under another one stays, as far as this one lets it.
    pub(super) fn set(&mut self, now: Duration, limit: Option<f64>) {
        self.accrue(now);
        let unused = self.limit.is_none() && !self.taken.any();
        self.limit = limit;
        match self.rate(now) {
            Some(rate) if unused => self.available = rate * BURST,
            Some(rate) => self.available = self.available.min(rate * BURST),
            None => self.available = 0.0,
        }
    }

    pub(super) fn limit(&self) -> Option<f64> {
        self.limit
    }

    /// The present rate; `None` if there is neither a limit nor a reason to be slow.
    pub(super) fn rate(&self, now: Duration) -> Option<f64> {
        let slowed = self.slowed.as_ref().map(|slowed| slowed.rate(now));
        match (slowed, self.limit) {
            (Some(slowed), Some(limit)) => Some(slowed.min(limit)),
            (rate, limit) => rate.or(limit),
        }
    }

    /// What one call should cost at most, in estimated units; `None` without a rate.
    pub(super) fn burst(&self, now: Duration) -> Option<f64> {
        self.rate(now).map(|rate| rate * BURST / self.factor())
    }

    /// What the present rate is owed to, if it is throttling.
    pub(super) fn throttled(&self, now: Duration) -> Option<Throttle> {
        let slowed = self.slowed.as_ref()?;
        let counts = self.is_waited_for(now) || slowed.throttled_within(now, OF_LATE);
        counts.then(|| slowed.cause())
    }

    /// Whether calls wait for this bucket, or did of late.
    pub(super) fn is_waited_for(&self, now: Duration) -> bool {
        self.waited.is_some_and(|waited| now.saturating_sub(waited) < OF_LATE)
    }

    /// A place at the end of the queue. It is to be left, or used up by [`Bucket::take`].
    pub(super) fn queue(&mut self) -> Ticket {
        let ticket = Ticket(self.tickets);
        self.tickets += 1;
        self.queue.push_back(ticket);
        ticket
    }

    pub(super) fn leave(&mut self, ticket: Ticket) {
        self.queue.retain(|queued| *queued != ticket);
    }

    /// Takes the cost and the place, or says what to wait for.
    pub(super) fn take(&mut self, now: Duration, ticket: Ticket, units: f64) -> Result<(), Wait> {
        let cost = units * self.factor();
        let Some(rate) = self.rate(now) else {
            self.leave(ticket);
            self.taken.add(now, cost);
            return Ok(());
        };
        self.accrue(now);
        if self.queue.front() != Some(&ticket) {
            self.waited = Some(now);
            return Err(Wait::InTurn);
        }
        // A call that costs more than can be saved up goes when all is saved up that can be.
        let needed = cost.min(rate * BURST);
        if self.available + 1e-9 >= needed {
            self.available -= cost;
            self.queue.pop_front();
            self.taken.add(now, cost);
            return Ok(());
        }
        self.waited = Some(now);
        let wait = Duration::from_secs_f64(((needed - self.available) / rate).clamp(0.001, 60.0));
        Err(Wait::For(wait.min(LOOK)))
    }

    /// Takes the cost without a place in the queue, into debt if need be.
    pub(super) fn count(&mut self, now: Duration, units: f64) {
        self.accrue(now);
        let cost = units * self.factor();
        if self.rate(now).is_some() {
            self.available -= cost;
        }
        self.taken.add(now, cost);
    }

    /// What a call did cost. `learns`: whether the next estimates are corrected by this one.
    pub(super) fn settle(&mut self, now: Duration, units: f64, actual: f64, learns: bool) {
        if self.rate(now).is_some() {
            self.available += units * self.factor() - actual;
        }
        if learns && units > 0.0 {
            let factor = self.factor();
            self.factor = Some((factor + (actual / units - factor) * LEARNING).clamp(0.05, 50.0));
        }
    }

    /// The table admitted so many units.
    pub(super) fn admitted(&mut self, now: Duration, units: f64) {
        if let Some(slowed) = &mut self.slowed {
            slowed.admitted(now, units);
            if slowed.is_over(now, self.limit) {
                self.slowed = None;
                self.accrue(now);
            }
        }
    }

    /// A call was throttled, for another reason than one range of keys.
    pub(super) fn slow(&mut self, now: Duration, cause: Throttle) {
        self.accrue(now);
        match &mut self.slowed {
            Some(slowed) => slowed.throttled(now, cause),
            None => {
                // Without a limit the rate is what was taken until now.
                let rate = self.limit.unwrap_or_else(|| self.taken.a_second(now));
                self.slowed = Some(Recovery::new(now, rate, cause));
            }
        }
        if let Some(rate) = self.rate(now) {
            self.available = self.available.min(rate * BURST);
        }
    }

    fn factor(&self) -> f64 {
        self.factor.unwrap_or(1.0)
    }

    fn accrue(&mut self, now: Duration) {
        if let Some(rate) = self.rate(now) {
            let passed = now.saturating_sub(self.at).as_secs_f64();
            self.available = (self.available + passed * rate).min(rate * BURST);
        }
        self.at = now;
    }
}

/// Units taken in this second and in the one before.
#[derive(Debug, Default)]
struct Taken {
    first: Option<Duration>,
    second: u64,
    before: f64,
    now: f64,
}

impl Taken {
    fn any(&self) -> bool {
        self.first.is_some()
    }

    fn add(&mut self, now: Duration, units: f64) {
        self.first.get_or_insert(now);
        self.turn(now);
        self.now += units;
    }

    /// Units a second, of late; at least one.
    fn a_second(&mut self, now: Duration) -> f64 {
        self.turn(now);
        let Some(first) = self.first else { return 1.0 };
        let since = now.saturating_sub(first).as_secs_f64();
        let part = now.as_secs_f64().fract();
        let units = if since < 1.0 { (self.before + self.now) / since.max(0.1) } else { self.before * (1.0 - part) + self.now };
        units.max(1.0)
    }

    fn turn(&mut self, now: Duration) {
        match now.as_secs().saturating_sub(self.second) {
            0 => return,
            1 => self.before = self.now,
            _ => self.before = 0.0,
        }
        (self.second, self.now) = (now.as_secs(), 0.0);
    }
}
