//! One run as its events tell it: its spans, and what was counted.
//!
//! Spans are made of the moments between events: of phases, never of items, so that there are a handful of them a window. Nothing that an
//! event says in words is taken over, for such words may hold keys or what a guest said: only numbers, and names from lists of our own.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Sources;
use super::metric::{self, Amount, Metric};
use super::span::{Attribute, Happened, Nanos, Said, Span, Trace};
use crate::dynamo::{Asked, Latencies, PresentRate, Throttle, Units, Waits};
use crate::run::{About, End, Event, Progress, Steered};

/// Each span's name, and what it spans; `docs/telemetry.md` lists them.
pub(super) const RUN: &str = "drift.run";
pub(super) const WINDOW: &str = "drift.window";
pub(super) const SCAN: &str = "drift.scan";
pub(super) const SEAL: &str = "drift.seal";
pub(super) const CANARY: &str = "drift.canary";
pub(super) const APPLY: &str = "drift.apply";

/// Spans that wait to be sent, at most: beyond them the newest are dropped, and counted.
const MOST_SPANS: usize = 2_000;
/// Events of the run's own span, at most.
const MOST_EVENTS: usize = 100;

/// What was counted before the run.
struct Before {
    units: Units,
    throttles: BTreeMap<&'static str, u64>,
    latencies: BTreeMap<Asked, Latencies>,
    guest: Duration,
}

/// What the events of the run came to.
#[derive(Default)]
struct Tally {
    scanned: u64,
    applied: u64,
    failed_scan: u64,
    failed_apply: u64,
    conflicts: u64,
}

/// A run at work.
pub(super) struct Course {
    pub(super) about: About,
    pub(super) trace: Trace,
    /// Since when its counters count.
    pub(super) start: Nanos,
    root: Span,
    window: Option<Span>,
    phase: Option<Span>,
    /// Those that are over, and not taken yet.
    over: Vec<Span>,
    dropped: u64,
    /// Where the phase that comes next has begun.
    border: Nanos,
    /// The last step of the scan.
    last_page: Nanos,
    tally: Tally,
    /// How long it waited, by reason, and for what it waits.
    waited: BTreeMap<&'static str, Duration>,
    waits: Option<Waits>,
    looked: Instant,
    before: Before,
    end: Option<End>,
}

fn throttles(of: [(Throttle, u64); 4]) -> BTreeMap<&'static str, u64> {
    of.into_iter().map(|(cause, count)| (cause.as_str(), count)).collect()
}

impl Course {
    /// A run that is at work now; `since`: when the first was heard of it.
    pub(super) fn begin(about: About, trace: Trace, since: Nanos, now: Nanos, sources: &Sources) -> Self {
        let mut root = Span::begin(RUN, trace.parent, since);
        root.say("db.system.name", "aws.dynamodb");
        root.say("drift.direction", about.direction.as_str());
        let before = Before {
            units: sources.meter.snapshot(),
            throttles: throttles(sources.meter.throttles()),
            latencies: sources.meter.latencies(),
            guest: sources.guests.time(),
        };
        Self {
            about,
            trace,
            start: now,
            root,
            window: None,
            phase: None,
            over: Vec::new(),
            dropped: 0,
            border: now,
            last_page: now,
            tally: Tally::default(),
            waited: BTreeMap::new(),
            waits: None,
            looked: Instant::now(),
            before,
            end: None,
        }
    }

    /// What happened to it; `true` when it is over.
    pub(super) fn see(&mut self, event: &Event, now: Nanos, sources: &Sources) -> bool {
        match event {
            Event::Scanned(progress) => {
                if self.phase.as_ref().is_none_or(|phase| phase.name != SCAN) {
                    self.close(now);
                    self.open(SCAN, self.border);
                }
                self.last_page = now;
                self.tally.scanned += progress.step.items;
                self.tally.failed_scan += progress.step.failed;
                self.step(progress, progress.rates.read.waits, sources);
            }
            Event::Window { window, of } => {
                self.close(now);
                self.close_window(now);
                let mut span = Span::begin(WINDOW, Some(self.root.id), now);
                span.say("drift.window", u64::from(*window));
                span.say("drift.windows", u64::from(*of));
                self.window = Some(span);
                self.border = now;
            }
            Event::Sealed(items) => {
                self.look(sources);
                self.waits = None;
                self.close_scan(now);
                self.close(now);
                self.open(APPLY, now);
                if let Some(phase) = &mut self.phase {
                    phase.say("drift.items.to_apply", *items);
                }
            }
            Event::Applied(progress) => {
                self.tally.applied += progress.step.items;
                self.tally.failed_apply += progress.step.failed;
                self.step(progress, progress.rates.write.waits, sources);
            }
            Event::Canary(canary) => {
                // Who is asked meanwhile is nothing that a run waits for.
                self.look(sources);
                self.waits = None;
                if let Some(mut phase) = self.phase.take() {
                    phase.name = CANARY;
                    phase.say("drift.canary.done", canary.done);
                    phase.say("drift.canary.as_planned", canary.as_planned);
                    phase.say("drift.canary.clean", canary.is_clean());
                    self.keep(phase.over(now));
                }
                self.border = now;
            }
            Event::Ended(end) => {
                self.finish(end, now, sources);
                return true;
            }
            Event::Steered { what, .. } => self.happened(steered(*what), Vec::new(), now),
            Event::Paced { read, write } => {
                let rate = |name, limit: &Option<u32>| limit.map(|limit| (name, Said::Count(limit.into())));
                let rates = [rate("drift.max_read_units", read), rate("drift.max_write_units", write)];
                self.happened("paced", rates.into_iter().flatten().collect(), now);
            }
            Event::Warned(warnings) => {
                self.happened("warned", vec![("drift.warnings", Said::Count(warnings.len() as u64))], now);
            }
            Event::BackedUp(_) => self.happened("backed-up", Vec::new(), now),
            Event::NotPublished(_) => self.happened("not-published", Vec::new(), now),
            Event::Started { .. } | Event::Waiting { .. } | Event::Estimated(_) | Event::Begun(_) => {}
        }
        false
    }

    /// Adds the time since the last look to what it waits for now.
    pub(super) fn look(&mut self, sources: &Sources) {
        let rates = sources.rates.present();
        let of_rate = match self.phase.as_ref().map(|phase| phase.name) {
            Some(SCAN) => rates.read.waits,
            _ => rates.write.waits,
        };
        let (now, waits) = (Instant::now(), of_rate.or(self.waits));
        if let Some(waits) = waits {
            *self.waited.entry(waits.as_str()).or_default() += now - self.looked;
        }
        self.looked = now;
    }

    /// The spans that are over since this was last asked.
    pub(super) fn take_spans(&mut self) -> Vec<Span> {
        std::mem::take(&mut self.over)
    }

    /// Its process ends without a word of how the run did.
    pub(super) fn abandon(&mut self, now: Nanos) {
        if self.end.is_none() {
            self.close(now);
            self.close_window(now);
            self.root.error = Some("abandoned");
            let root = self.root.clone().over(now);
            self.keep(root);
        }
    }

    /// What is counted, as it stands.
    pub(super) fn metrics(&self, sources: &Sources) -> Vec<Metric> {
        use Amount::{Real, Whole};
        let Self { tally, before, .. } = self;
        let (units, rates) = (sources.meter.snapshot(), sources.rates.present());
        let way = |direction: &'static str| vec![("drift.direction", Said::from(direction))];
        let limit = |of: fn(&PresentRate) -> Option<u32>| {
            [("read", of(&rates.read)), ("write", of(&rates.write))]
                .into_iter()
                .filter_map(move |(direction, limit)| Some((way(direction), Whole(limit?.into()))))
        };
        let phase = |phase: &'static str| vec![("drift.phase", Said::from(phase))];
        let counted = throttles(sources.meter.throttles()).into_iter().map(|(reason, count)| {
            let count = count - before.throttles.get(reason).copied().unwrap_or_default();
            (vec![("drift.throttle.reason", Said::from(reason))], Whole(count))
        });
        let waited = self
            .waited
            .iter()
            .map(|(reason, time)| (vec![("drift.waiting.reason", Said::from(*reason))], Real(time.as_secs_f64())));
        let times = sources.meter.latencies().into_iter().filter_map(|((operation, error), times)| {
            let since = before.latencies.get(&(operation, error)).map_or(times, |before| times.since(before));
            let mut of: Vec<Attribute> = vec![("db.system.name", "aws.dynamodb".into()), ("db.operation.name", operation.into())];
            of.extend(error.map(|error| ("error.type", Said::from(error.explained().as_str()))));
            (since.count() > 0).then_some((of, Amount::Times(since)))
        });
        let mut metrics = vec![
            Metric::one(&metric::SCANNED, Whole(tally.scanned)),
            Metric::one(&metric::APPLIED, Whole(tally.applied)),
            Metric::of(&metric::FAILED, [(phase("scan"), Whole(tally.failed_scan)), (phase("apply"), Whole(tally.failed_apply))]),
            Metric::one(&metric::CONFLICTS, Whole(tally.conflicts)),
            Metric::of(
                &metric::CONSUMED,
                [("read", units.read - before.units.read), ("write", units.write - before.units.write)]
                    .map(|(direction, units)| (way(direction), Real(units))),
            ),
            Metric::of(&metric::RATE, limit(|rate| rate.present)),
            Metric::of(&metric::RATE_LIMIT, limit(|rate| rate.limit)),
            Metric::of(&metric::DURATION, times),
            Metric::one(&metric::RETRIES, Whole(units.retries - before.units.retries)),
            Metric::of(&metric::THROTTLES, counted),
            Metric::of(&metric::WAITING, waited),
            Metric::one(&metric::GUEST_TIME, Real((sources.guests.time() - before.guest).as_secs_f64())),
            Metric::of(
                &metric::GUEST_MEMORY,
                Some(sources.guests.memory()).filter(|bytes| *bytes > 0).map(|bytes| (Vec::new(), Whole(bytes))),
            ),
            Metric::one(&metric::JOURNAL, Whole(crate::journal::bytes_at(&self.about.journal))),
            Metric::one(&metric::DROPPED, Whole(self.dropped)),
        ];
        if let Some(end) = &self.end {
            let named = |name: &'static str, counts: serde_json::Value| {
                let counts = counts.as_object().cloned().unwrap_or_default().into_iter();
                let counts: Vec<_> = counts
                    .map(|(what, count)| (vec![(name, Said::Text(what))], Whole(count.as_u64().unwrap_or_default())))
                    .collect();
                counts
            };
            metrics.push(Metric::of(&metric::RUN_ITEMS, named("drift.outcome", end.counts.items_json())));
            metrics.push(Metric::of(&metric::RUN_ACTIONS, named("drift.action", end.counts.actions_json())));
        }
        metrics.retain(|metric| !metric.points.is_empty());
        metrics
    }

    fn step(&mut self, progress: &Progress, waits: Option<Waits>, sources: &Sources) {
        self.tally.conflicts += progress.step.conflicts;
        self.waits = waits;
        self.look(sources);
    }

    fn finish(&mut self, end: &End, now: Nanos, sources: &Sources) {
        self.look(sources);
        if end.error.is_none() && end.state != "interrupted" {
            self.close_scan(now);
        }
        self.close(now);
        self.close_window(now);
        let counts = end.counts;
        let numbers = [
            ("drift.items.scanned", counts.scanned),
            ("drift.items.changed", counts.changed),
            ("drift.items.failed", counts.failed),
            ("drift.items.doubtful", counts.doubtful),
            ("drift.items.conflicts", counts.conflicts),
        ];
        numbers.into_iter().for_each(|(name, count)| self.root.say(name, count));
        self.root.say("drift.state", end.state.as_str());
        let with_errors = counts.failed + counts.doubtful > 0;
        self.root.error = end.error.or_else(|| with_errors.then_some("items"));
        let root = self.root.clone().over(now);
        self.keep(root);
        self.end = Some(end.clone());
    }

    fn open(&mut self, name: &'static str, start: Nanos) {
        let parent = self.window.as_ref().unwrap_or(&self.root).id;
        self.phase = Some(Span::begin(name, Some(parent), start));
    }

    fn close(&mut self, now: Nanos) {
        if let Some(phase) = self.phase.take() {
            self.keep(phase.over(now));
        }
        self.border = now;
    }

    /// A scan ends with its last page; what follows until something is written, or nothing more happens, is the seal.
    fn close_scan(&mut self, now: Nanos) {
        if let Some(scan) = self.phase.take_if(|phase| phase.name == SCAN) {
            let (parent, end) = (scan.parent, self.last_page);
            self.keep(scan.over(end));
            self.keep(Span::begin(SEAL, parent, end).over(now));
        }
    }

    fn close_window(&mut self, now: Nanos) {
        if let Some(window) = self.window.take() {
            self.keep(window.over(now));
        }
    }

    fn keep(&mut self, span: Span) {
        // The run's own span is worth more than that of its last window.
        if self.over.len() < MOST_SPANS || span.name == RUN {
            self.over.push(span);
        } else {
            self.dropped += 1;
        }
    }

    fn happened(&mut self, what: &'static str, attributes: Vec<Attribute>, at: Nanos) {
        if self.root.events.len() < MOST_EVENTS {
            self.root.events.push(Happened { at, what, attributes });
        }
    }
}

fn steered(what: Steered) -> &'static str {
    match what {
        Steered::Paused => "paused",
        Steered::Resumed => "resumed",
        Steered::Stopping => "stopping",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_lists_every_span() {
        let page = include_str!("../../../docs/telemetry.md");
        let rows = page.lines().filter(|line| line.starts_with("| `drift.") && line.matches('|').count() == 3);
        let listed: Vec<&str> = rows.filter_map(|row| row.split('`').nth(1)).collect();
        assert_eq!(listed, [RUN, WINDOW, SCAN, SEAL, CANARY, APPLY]);
    }
}
