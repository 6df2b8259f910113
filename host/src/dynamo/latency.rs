//! How long DynamoDB took to answer: one histogram for each operation and each way in which it ended.
//!
//! What is measured is a request from its sending to its answer, without what it waited for its rate, and each try by itself. It costs two
//! looks at the clock and a lock a request; the number of histograms is that of DynamoDB's operations times that of [`ErrorKind`]s.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::error::ErrorKind;

/// Upper bounds of the buckets but the last, in seconds: those that OpenTelemetry recommends for calls of databases.
pub const BOUNDS: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];

/// The times of one kind of request, counted in buckets.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Latencies {
    /// Requests of each bucket: those up to its bound, and last those above all bounds.
    pub buckets: [u64; BOUNDS.len() + 1],
    /// All of them together, in seconds.
    pub seconds: f64,
}

impl Latencies {
    /// Requests.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    fn add(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        let at = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        if let Some(bucket) = self.buckets.get_mut(at) {
            *bucket += 1;
        }
        self.seconds += seconds;
    }

    /// What came to it since it was as `before`.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let mut since = *self;
        for (now, before) in since.buckets.iter_mut().zip(before.buckets) {
            *now = now.saturating_sub(before);
        }
        since.seconds = (self.seconds - before.seconds).max(0.0);
        since
    }
}

/// An operation in DynamoDB's name, and how it ended.
pub type Asked = (&'static str, Option<ErrorKind>);

/// The histograms of all operations.
#[derive(Debug, Default)]
pub(super) struct Clock(Mutex<BTreeMap<Asked, Latencies>>);

impl Clock {
    pub(super) fn add(&self, operation: &'static str, ended: Option<ErrorKind>, took: Duration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry((operation, ended)).or_default().add(took);
    }

    pub(super) fn snapshot(&self) -> BTreeMap<Asked, Latencies> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_is_in_the_bucket_of_its_bound() {
        let clock = Clock::default();
        for millis in [1, 2, 5, 70, 20_000] {
            clock.add("Scan", None, Duration::from_millis(millis));
        }
        clock.add("Scan", Some(ErrorKind::Throttled), Duration::from_millis(3));
        let times = clock.snapshot();
        assert_eq!(times[&("Scan", None)].buckets, [1, 2, 0, 0, 1, 0, 0, 0, 0, 1]);
        assert_eq!(times[&("Scan", Some(ErrorKind::Throttled))].count(), 1);
        let before = times[&("Scan", None)];
        clock.add("Scan", None, Duration::from_secs(2));
        let since = clock.snapshot()[&("Scan", None)].since(&before);
        assert_eq!((since.count(), since.buckets[7], since.seconds.round() as u64), (1, 1, 2));
    }
}
