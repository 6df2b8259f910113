//! Segments that met a hot range of keys: each goes slower by itself, the others as before.

use std::collections::HashMap;
use std::time::Duration;

/// After the first throttling, and at most.
const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);
/// What is left of the pause after a call that was carried out; below [`GONE`] there is none.
const LESS: f64 = 0.8;
const GONE: Duration = Duration::from_millis(20);

/// The pauses between two calls of a segment, for those that have one.
#[derive(Debug, Default)]
pub(super) struct Holds(HashMap<u32, Hold>);

#[derive(Debug)]
struct Hold {
    pause: Duration,
    until: Duration,
}

impl Holds {
    /// A call of this segment was throttled because of its keys.
    pub(super) fn throttled(&mut self, now: Duration, segment: u32) {
        let hold = self.0.entry(segment).or_insert(Hold { pause: FIRST / 2, until: now });
        hold.pause = (hold.pause * 2).min(LONGEST);
        hold.until = now + hold.pause;
    }

    /// A call of this segment was carried out.
    pub(super) fn admitted(&mut self, now: Duration, segment: u32) {
        let Some(hold) = self.0.get_mut(&segment) else { return };
        hold.pause = hold.pause.mul_f64(LESS);
        hold.until = now + hold.pause;
        if hold.pause < GONE {
            self.0.remove(&segment);
        }
    }

    /// How long a call of this segment waits.
    pub(super) fn wait(&self, now: Duration, segment: u32) -> Option<Duration> {
        let wait = self.0.get(&segment)?.until.saturating_sub(now);
        (!wait.is_zero()).then_some(wait)
    }

    /// Whether any segment is held.
    pub(super) fn any(&self) -> bool {
        !self.0.is_empty()
    }
}
