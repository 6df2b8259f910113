//! How many units a second may be taken, over all clients of one database: every call and retry counted, before it is sent.
//!
//! Promised: over any ten seconds never more than 105 % of the rate, as far as single calls are small beside it. A call reserves what it
//! will cost, as far as that is known; its answer says what it did cost, and the difference is settled. What calls cost beyond their
//! estimate (secondary indexes) is learned and added to the next estimates.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

/// What a call will cost, in capacity units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cost {
    /// Nothing that is counted.
    Free,
    /// Read capacity units.
    Read(f64),
    /// Write capacity units.
    Write(f64),
}

/// Seconds of the rate that may be saved up, and that one call should cost at most.
pub(super) const BURST: f64 = 0.25;
/// How quickly a new ratio of cost to estimate is believed.
const LEARNING: f64 = 0.2;

/// The two rates; clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    read: Arc<Mutex<Option<Bucket>>>,
    write: Arc<Mutex<Option<Bucket>>>,
    /// Read units that an item of a scan has cost of late; at first as if it had 4 KB.
    scanned: Arc<Mutex<Option<f64>>>,
    begun: Begun,
}

#[derive(Clone, Copy, Debug)]
struct Begun(Instant);

impl Default for Begun {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Pace {
    /// Sets the rates, in units a second; `None` is without limit.
    pub(super) fn set(&self, read: Option<f64>, write: Option<f64>) {
        let now = self.begun.0.elapsed();
        for (bucket, rate) in [(&self.read, read), (&self.write, write)] {
            *bucket.lock().unwrap_or_else(PoisonError::into_inner) = rate.map(|rate| Bucket::new(rate, now));
        }
    }

    /// Waits until a call of this cost may be sent; `Err` if cancelled meanwhile.
    pub(super) async fn reserve(&self, cost: Cost, cancel: Option<&CancellationToken>) -> Result<(), ()> {
        let Some((bucket, units)) = self.bucket(cost) else { return Ok(()) };
        loop {
            let wait = match bucket.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                Some(bucket) => bucket.take(self.begun.0.elapsed(), units),
                None => Ok(()),
            };
            let Err(wait) = wait else { return Ok(()) };
            match cancel {
                None => tokio::time::sleep(wait).await,
                Some(cancel) => tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = cancel.cancelled() => return Err(()),
                },
            }
        }
    }

    /// What the call did cost.
    pub(super) fn settle(&self, cost: Cost, actual: f64) {
        let Some((bucket, units)) = self.bucket(cost) else { return };
        if let Some(bucket) = bucket.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            bucket.settle(units, actual, matches!(cost, Cost::Write(_)));
        }
    }

    /// How many items a page of a scan may have, so that it is a small part of the rate, and what it will cost.
    pub(super) fn page(&self, wanted: u32) -> (u32, Cost) {
        let an_item = self.scanned.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or(1.0).max(0.001);
        let burst = self.read.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|bucket| bucket.rate * BURST);
        let items = match burst {
            // As an integer it is cut to what fits, which is what is meant.
            Some(units) => ((units / an_item) as u32).clamp(1, if wanted == 0 { u32::MAX } else { wanted }),
            None => wanted,
        };
        (items, Cost::Read(f64::from(items) * an_item))
    }

    /// What a page has cost.
    pub(super) fn scanned(&self, items: u64, units: f64) {
        if items > 0 {
            let mut an_item = self.scanned.lock().unwrap_or_else(PoisonError::into_inner);
            let now = units / items as f64;
            *an_item = Some(an_item.map_or(now, |before| before + (now - before) * LEARNING));
        }
    }

    /// The write units that one call should cost at most, in estimated units; `None` without a limit.
    pub(super) fn write_burst(&self) -> Option<f64> {
        let write = self.write.lock().unwrap_or_else(PoisonError::into_inner);
        write.as_ref().map(|bucket| bucket.rate * BURST / bucket.factor)
    }

    fn bucket(&self, cost: Cost) -> Option<(&Mutex<Option<Bucket>>, f64)> {
        match cost {
            Cost::Free => None,
            Cost::Read(units) => Some((&self.read, units)),
            Cost::Write(units) => Some((&self.write, units)),
        }
    }
}

/// A token bucket that may be overdrawn by one call, and then waits until the debt is paid.
#[derive(Debug)]
struct Bucket {
    rate: f64,
    available: f64,
    /// Actual over estimated cost, of late.
    factor: f64,
    /// When `available` was right.
    at: Duration,
}

impl Bucket {
    fn new(rate: f64, now: Duration) -> Self {
        Self { rate, available: rate * BURST, factor: 1.0, at: now }
    }

    /// Takes the cost, or says how long to wait before asking again.
    fn take(&mut self, now: Duration, units: f64) -> Result<(), Duration> {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        (self.available, self.at) = ((self.available + passed * self.rate).min(self.rate * BURST), now);
        let cost = units * self.factor;
        // A call that costs more than can be saved up goes when all is saved up that can be.
        let needed = cost.min(self.rate * BURST);
        if self.available + 1e-9 >= needed {
            self.available -= cost;
            return Ok(());
        }
        Err(Duration::from_secs_f64(((needed - self.available) / self.rate).clamp(0.001, 60.0)))
    }

    /// `learns`: whether the next estimates are corrected by this one.
    fn settle(&mut self, units: f64, actual: f64, learns: bool) {
        self.available += units * self.factor - actual;
        if learns && units > 0.0 {
            self.factor = (self.factor + (actual / units - self.factor) * LEARNING).clamp(0.05, 50.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most units taken in any ten seconds, of calls that are sent as soon as they may be.
    fn most_in_ten_seconds(rate: f64, estimate: f64, actual: f64) -> f64 {
        let mut bucket = Bucket::new(rate, Duration::ZERO);
        let (mut now, mut sent) = (Duration::ZERO, Vec::new());
        while now < Duration::from_secs(60) {
            match bucket.take(now, estimate) {
                Ok(()) => {
                    bucket.settle(estimate, actual, true);
                    sent.push((now, actual));
                }
                Err(wait) => now += wait,
            }
        }
        let within = |from: Duration| sent.iter().filter(move |(at, _)| *at >= from && *at < from + Duration::from_secs(10));
        sent.iter().map(|(from, _)| within(*from).map(|(_, units)| units).sum()).fold(0.0, f64::max)
    }

    #[test]
    fn ten_seconds_never_take_more_than_105_percent() {
        for (rate, estimate, actual) in
            [(100.0, 25.0, 25.0), (100.0, 5.0, 5.0), (1000.0, 25.0, 25.0), (1000.0, 25.0, 75.0), (40.0, 1.0, 1.0)]
        {
            let most = most_in_ten_seconds(rate, estimate, actual);
            assert!(most <= 1.05 * 10.0 * rate, "{most} at {rate}");
            assert!(most >= 0.8 * 10.0 * rate, "{most} at {rate}: it is used as well");
        }
    }

    #[test]
    fn one_call_larger_than_the_rate_is_paid_for_before_the_next() {
        let mut bucket = Bucket::new(10.0, Duration::ZERO);
        bucket.take(Duration::ZERO, 100.0).unwrap();
        assert!(bucket.take(Duration::from_secs(9), 1.0).is_err());
        assert!(bucket.take(Duration::from_secs(11), 1.0).is_ok());
    }
}
