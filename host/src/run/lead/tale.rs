//! How far a led run is, over all of its segments: of those at work by their own word, of those that are over by their journals.
//!
//! Promised: what is told of a segment only grows, whoever begins it anew, and comes to what its journal says in the end; each item is told
//! once, though two processes are at work on its segment.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::helm::{Told, lock};
use crate::dynamo::{RateControl, Waits};
use crate::journal::Counts;
use crate::run::{Event, Migrator, Observer, Progress, Step};
use crate::store::{Part, Stage};

/// What is told of each segment so far.
pub(in crate::run) struct Tale {
    stage: Stage,
    told: BTreeMap<u32, Step>,
    /// Segments that are over.
    over: u32,
    of: (u32, u64),
}

impl Tale {
    /// Of so many segments, with so many items at this stage, more or less.
    pub(super) fn begin(stage: Stage, segments: u32, items: u64) -> Self {
        Self { stage, told: BTreeMap::new(), over: 0, of: (segments, items) }
    }

    pub(super) fn stage(&self) -> Stage {
        self.stage
    }

    /// Segments that are not over.
    pub(super) fn left(&self) -> u32 {
        self.of.0.saturating_sub(self.over)
    }

    /// A segment is over; what is new of it.
    pub(super) fn part(&mut self, part: &Part) -> Step {
        self.over += 1;
        let Counts { scanned, done, failed, doubtful, conflicts, .. } = part.counts;
        let items = if self.stage == Stage::Sealed { scanned } else { done };
        let conflicts = if self.stage == Stage::Sealed { 0 } else { conflicts };
        self.segment(part.segment, Step { items, failed: failed + doubtful, conflicts })
    }

    /// A segment that was over is gone on with.
    pub(super) fn reopened(&mut self, segment: u32) {
        self.over = self.over.saturating_sub(1);
        // What failed may be done yet.
        self.told.entry(segment).or_default().failed = 0;
    }

    /// A segment is so far; what is new of it.
    pub(super) fn segment(&mut self, segment: u32, now: Step) -> Step {
        let told = self.told.entry(segment).or_default();
        let new = Step {
            items: now.items.saturating_sub(told.items),
            failed: now.failed.saturating_sub(told.failed),
            conflicts: now.conflicts.saturating_sub(told.conflicts),
        };
        told.add(new);
        new
    }

    /// This was told already.
    pub(in crate::run) fn add(&mut self, segment: u32, step: Step) {
        self.told.entry(segment).or_default().add(step);
    }

    /// Items done, and of so many.
    pub(super) fn items(&self) -> (u64, u64) {
        (self.told.values().map(|step| step.items).sum(), self.of.1)
    }

    /// `3 of 8 segments`.
    pub(super) fn segments(&self) -> String {
        format!("{} of {} segments", self.over, self.of.0)
    }

    /// As an event, where there is something new.
    pub(super) fn event(&self, new: Step, rates: &RateControl) -> Option<Event> {
        let event = || match self.stage {
            Stage::Sealed => Event::Scanned(Progress::scanned(new, rates, Waits::Reads)),
            Stage::Applied => Event::Applied(Progress::applied(new, rates)),
        };
        (new != Step::default()).then(event)
    }
}

impl Migrator {
    /// The same for a segment that the leader carries out itself: what it tells of it is told.
    pub(super) fn telling(&self, told: &Told, segment: u32) -> Self {
        let (told, observer) = (told.clone(), self.observer.clone());
        let tells: Observer = Arc::new(move |event| match &event {
            // Of the whole run that was said.
            Event::Started { .. } | Event::Sealed(_) => {}
            Event::Applied(progress) => {
                lock(&told).add(segment, progress.step);
                observer(event);
            }
            _ => observer(event),
        });
        Self { observer: tells, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_of_a_segment_only_grows_and_is_told_once() {
        let mut tale = Tale::begin(Stage::Applied, 4, 100);
        assert_eq!(tale.segment(1, Step::items(10)), Step::items(10));
        assert_eq!(tale.segment(1, Step::items(4)), Step::default(), "another process began it anew");
        assert_eq!(tale.segment(1, Step::items(12)), Step::items(2));
        tale.add(2, Step::items(5));
        assert_eq!(tale.segment(2, Step::items(5)), Step::default(), "this process told it itself");
        assert_eq!(tale.items(), (17, 100));
    }
}
