//! How many units a second may be taken, over all clients of one database: every call and retry counted, before it is sent.
//!
//! Promised: over any ten seconds never more than 105 % of the rate, as far as single calls are small beside it. A call reserves what it
//! will cost, as far as that is known; its answer says what it did cost, and the difference is settled. What calls cost beyond their
//! estimate (secondary indexes) is learned and added to the next estimates. Whoever waits is served in turn.
//!
//! A throttled call lowers the present rate, which comes back by itself; one that met a hot range of keys slows only its own segment.

mod bucket;
mod holds;
mod recovery;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use self::bucket::{BURST, Bucket, Ticket, Wait};
use self::holds::Holds;
use super::throttle::Throttle;

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

/// How quickly a new size of a scan's items is believed.
const LEARNING: f64 = 0.2;

/// The two rates; clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    read: Tap,
    write: Tap,
    /// Read units that an item of a scan has cost of late; at first as if it had 4 KB.
    scanned: Mutex<Option<f64>>,
    /// Nothing is sent that is counted.
    paused: AtomicBool,
    begun: Instant,
}

impl Default for Shared {
    fn default() -> Self {
        let (scanned, paused) = (Mutex::default(), AtomicBool::default());
        Self { read: Tap::default(), write: Tap::default(), scanned, paused, begun: Instant::now() }
    }
}

/// A bucket, and those who wait for it.
#[derive(Debug, Default)]
struct Tap {
    bucket: Mutex<Bucket>,
    holds: Mutex<Holds>,
    changed: Notify,
}

/// A place in the queue, left when it is dropped.
struct Place<'a>(&'a Tap, Ticket);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.bucket().leave(self.1);
        self.0.changed.notify_waiters();
    }
}

impl Tap {
    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn holds(&self) -> MutexGuard<'_, Holds> {
        self.holds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The rates of a database, to be looked at and changed while calls wait for them; cheap to clone.
#[derive(Clone, Debug)]
pub struct RateControl(pub(super) Pace);

impl RateControl {
    /// Sets the limits, in units a second over all calls; `None` is without limit. Who waits goes by the new ones at once.
    pub fn set(&self, read: Option<u32>, write: Option<u32>) {
        self.0.set(read.map(f64::from), write.map(f64::from));
    }

    /// Lets no call begin that takes units, until it is called with `false`; what is under way is finished.
    pub fn pause(&self, paused: bool) {
        self.0.pause(paused);
    }

    /// Whether it is paused.
    pub fn is_paused(&self) -> bool {
        self.0.0.paused.load(Ordering::Acquire)
    }

    /// The rates as they are now.
    pub fn present(&self) -> Rates {
        Rates { read: self.0.present(&self.0.0.read), write: self.0.present(&self.0.0.write) }
    }
}

/// The present rates of reads and of writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Of reads.
    pub read: PresentRate,
    /// Of writes.
    pub write: PresentRate,
}

/// A rate now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PresentRate {
    /// Units a second that are taken at most, rounded; `None`: any number.
    pub present: Option<u32>,
    /// The limit that was set; `None`: none.
    pub limit: Option<u32>,
    /// Why calls wait, or did in the last second; `None`: they do not.
    pub waits: Option<Waits>,
}

impl PresentRate {
    /// `425 of 500 write units a second (throttled: table)`: the rate, its limit, and what is waited for.
    pub fn in_words(&self, units: &str) -> String {
        let waits = self.waits.map(|waits| waits.to_string()).unwrap_or_default();
        match (self.present, self.limit) {
            (Some(present), Some(limit)) if present < limit => format!("{present} of {limit} {units} units a second ({waits})"),
            (Some(present), _) => format!("{present} {units} units a second ({waits})"),
            (None, _) if waits.is_empty() => "as fast as it goes".to_owned(),
            (None, _) => format!("waits for {waits}"),
        }
    }
}

/// Why a run is no faster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Waits {
    /// It was paused.
    Paused,
    /// The limit that was set.
    Limit,
    /// DynamoDB throttles, or did a short time ago.
    Throttled(Throttle),
    /// The scan waits for the migration's answers, and the journal.
    Guest,
    /// The scan waits for DynamoDB's pages.
    Reads,
    /// The apply phase waits for DynamoDB's answers to writes.
    Writes,
}

impl Waits {
    /// Its name, for machines; what throttles is not in it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Limit => "limit",
            Self::Throttled(_) => "throttled",
            Self::Guest => "guest",
            Self::Reads => "reads",
            Self::Writes => "writes",
        }
    }
}

impl fmt::Display for Waits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Paused => f.write_str("paused"),
            Self::Limit => f.write_str("limit"),
            Self::Throttled(by) => write!(f, "throttled: {by}"),
            Self::Guest => f.write_str("guest"),
            Self::Reads => f.write_str("reads"),
            Self::Writes => f.write_str("writes"),
        }
    }
}

impl Pace {
    fn now(&self) -> Duration {
        self.0.begun.elapsed()
    }

    /// Sets the limits, in units a second; `None` is without limit.
    pub(super) fn set(&self, read: Option<f64>, write: Option<f64>) {
        let now = self.now();
        for (tap, limit) in [(&self.0.read, read), (&self.0.write, write)] {
            tap.bucket().set(now, limit);
            tap.changed.notify_waiters();
        }
    }

    fn pause(&self, paused: bool) {
        self.0.paused.store(paused, Ordering::Release);
        [&self.0.read, &self.0.write].into_iter().for_each(|tap| tap.changed.notify_waiters());
    }

    /// Waits until a call of this cost may be sent, in its turn, not before its segment may, and, if it `heeds_pause`, not in a pause;
    /// `Err` if cancelled meanwhile.
    pub(super) async fn reserve(
        &self,
        cost: Cost,
        segment: Option<u32>,
        heeds_pause: bool,
        cancel: Option<&CancellationToken>,
    ) -> Result<(), ()> {
        let Some((tap, units)) = self.tap(cost) else { return Ok(()) };
        if let Some(wait) = segment.and_then(|segment| tap.holds().wait(self.now(), segment)) {
            unless(cancel, tokio::time::sleep(wait)).await?;
        }
        let ticket = tap.bucket().queue();
        let place = Place(tap, ticket);
        loop {
            // Before the look, so that no change after it is missed.
            let changed = tap.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if heeds_pause && self.0.paused.load(Ordering::Acquire) {
                unless(cancel, changed).await?;
                continue;
            }
            let taken = tap.bucket().take(self.now(), place.1, units);
            match taken {
                Ok(()) => return Ok(()),
                Err(Wait::InTurn) => unless(cancel, changed).await?,
                Err(Wait::For(wait)) => {
                    let looked = async {
                        tokio::select! {
                            () = tokio::time::sleep(wait) => {}
                            () = changed => {}
                        }
                    };
                    unless(cancel, looked).await?;
                }
            }
        }
    }

    /// Takes the cost without waiting for it; those who come after do.
    pub(super) fn count(&self, cost: Cost) {
        if let Some((tap, units)) = self.tap(cost) {
            tap.bucket().count(self.now(), units);
        }
    }

    /// What the call did cost; `learns`: whether the next estimates are corrected by it.
    pub(super) fn settle(&self, cost: Cost, actual: f64, learns: bool) {
        let Some((tap, units)) = self.tap(cost) else { return };
        tap.bucket().settle(self.now(), units, actual, learns && matches!(cost, Cost::Write(_)));
    }

    /// The table admitted this; what was estimated, where DynamoDB does not say how much.
    pub(super) fn carried_out(&self, cost: Cost, actual: Option<f64>) {
        let Some((tap, units)) = self.tap(cost) else { return };
        tap.bucket().admitted(self.now(), actual.unwrap_or(units));
    }

    /// A call, or a part of it, was throttled.
    pub(super) fn throttled(&self, cost: Cost, cause: Throttle, segment: Option<u32>) {
        let Some((tap, _)) = self.tap(cost) else { return };
        match (cause, segment) {
            (Throttle::KeyRange, Some(segment)) => tap.holds().throttled(self.now(), segment),
            // A call that belongs to no segment waits by itself before it is tried again.
            (Throttle::KeyRange, None) => {}
            _ => tap.bucket().slow(self.now(), cause),
        }
    }

    /// A call of this segment was carried out.
    pub(super) fn admitted(&self, cost: Cost, segment: Option<u32>) {
        if let (Some((tap, _)), Some(segment)) = (self.tap(cost), segment) {
            tap.holds().admitted(self.now(), segment);
        }
    }

    /// How many items a page of a scan may have, so that it is a small part of the rate, and what it will cost.
    pub(super) fn page(&self, wanted: u32) -> (u32, Cost) {
        let an_item = self.0.scanned.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or(1.0).max(0.001);
        let burst = self.0.read.bucket().rate(self.now()).map(|rate| rate * BURST);
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
            let mut an_item = self.0.scanned.lock().unwrap_or_else(PoisonError::into_inner);
            let now = units / items as f64;
            *an_item = Some(an_item.map_or(now, |before| before + (now - before) * LEARNING));
        }
    }

    /// The write units that one call should cost at most, in estimated units; `None` without a rate.
    pub(super) fn write_burst(&self) -> Option<f64> {
        self.0.write.bucket().burst(self.now())
    }

    fn present(&self, tap: &Tap) -> PresentRate {
        let now = self.now();
        let bucket = tap.bucket();
        // Rounded, as a whole number of what fits.
        let whole = |units: f64| units.round().max(1.0) as u32;
        let (throttled, waited) = (bucket.throttled(now), bucket.is_waited_for(now));
        let (present, limit) = (bucket.rate(now).map(whole), bucket.limit().map(whole));
        drop(bucket);
        let held = || tap.holds().any().then_some(Waits::Throttled(Throttle::KeyRange));
        let paused = self.0.paused.load(Ordering::Relaxed).then_some(Waits::Paused);
        let waits = paused.or_else(|| throttled.map(Waits::Throttled)).or_else(held).or_else(|| waited.then_some(Waits::Limit));
        PresentRate { present, limit, waits }
    }

    fn tap(&self, cost: Cost) -> Option<(&Tap, f64)> {
        match cost {
            Cost::Free => None,
            Cost::Read(units) => Some((&self.0.read, units)),
            Cost::Write(units) => Some((&self.0.write, units)),
        }
    }
}

/// `Err` if it is cancelled before the future is done.
async fn unless(cancel: Option<&CancellationToken>, future: impl Future<Output = ()>) -> Result<(), ()> {
    match cancel {
        None => {
            future.await;
            Ok(())
        }
        Some(cancel) => tokio::select! {
            () = future => Ok(()),
            () = cancel.cancelled() => Err(()),
        },
    }
}
