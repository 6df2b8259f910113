//! The metrics: what each is called, and what of it is sent at a moment.

use super::span::Attribute;
use crate::dynamo::Latencies;

/// How a metric's points are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Counted since this process began to work on the run; it only grows.
    Counter,
    /// As it is now.
    Gauge,
    /// Counted in buckets, since then.
    Histogram,
}

/// A metric as `docs/telemetry.md` lists it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Instrument {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// As UCUM writes it.
    pub(super) unit: &'static str,
    /// The attributes of its points, and what they may be.
    pub(super) attributes: &'static str,
    pub(super) what: &'static str,
}

macro_rules! instruments {
    ($($id:ident = $name:literal $kind:ident $unit:literal [$attributes:literal] $what:literal;)*) => {
        $(pub(super) const $id: Instrument =
            Instrument { name: $name, kind: Kind::$kind, unit: $unit, attributes: $attributes, what: $what };)*
        /// All of them.
        #[cfg(test)]
        pub(super) const ALL: &[&Instrument] = &[$(&$id),*];
    };
}

instruments! {
    SCANNED = "drift.items.scanned" Counter "{item}" [""]
        "Items read, and answered by the migration";
    APPLIED = "drift.items.applied" Counter "{item}" [""]
        "Planned items that are carried out or otherwise settled";
    FAILED = "drift.items.failed" Counter "{item}" ["`drift.phase`: `scan`, `apply`"]
        "Of these, items that failed or stay in doubt";
    CONFLICTS = "drift.items.conflicts" Counter "{item}" [""]
        "Items that had changed meanwhile, and went through the migration again";
    RUN_ITEMS = "drift.run.items" Gauge "{item}"
        ["`drift.outcome`: `scanned`, `changed`, `unchanged`, `failed`, `conflicts`, `skipped`, `doubtful`, `shared`, `done`"]
        "At the end: the items as the summary counts them, of all processes that were at work on the run";
    RUN_ACTIONS = "drift.run.actions" Gauge "{action}" ["`drift.action`: `patch`, `insert`, `update`, `delete`"]
        "At the end: the planned actions, likewise";
    CONSUMED = "drift.dynamodb.consumed_capacity" Counter "{unit}" ["`drift.direction`: `read`, `write`"]
        "Capacity units consumed, by DynamoDB's word";
    RATE = "drift.dynamodb.rate" Gauge "{unit}/s" ["`drift.direction`: `read`, `write`"]
        "Units a second that may be taken now; none is sent where any number may";
    RATE_LIMIT = "drift.dynamodb.rate_limit" Gauge "{unit}/s" ["`drift.direction`: `read`, `write`"]
        "The limit that was set; none is sent where there is none";
    DURATION = "db.client.operation.duration" Histogram "s"
        ["`db.system.name`, `db.operation.name`, `error.type` of what failed"]
        "From a request's sending to its answer, each try by itself, without what it waited for its rate";
    RETRIES = "drift.dynamodb.retries" Counter "{request}" [""]
        "Requests and statements that were sent again";
    THROTTLES = "drift.dynamodb.throttles" Counter "{throttle}" ["`drift.throttle.reason`: `table`, `index`, `account`, `key-range`"]
        "Throttlings, of whole requests and of single statements, by what was asked too much of";
    WAITING = "drift.waiting" Counter "s"
        ["`drift.waiting.reason`: `paused`, `limit`, `throttled`, `guest`, `reads`, `writes`"]
        "Time by what the run waited for, as its progress says";
    GUEST_TIME = "drift.guest.time" Counter "s" [""]
        "Time the migration's own code took, of all slots together";
    GUEST_MEMORY = "drift.guest.memory" Gauge "By" [""]
        "Memory of the largest instance so far; none is sent of a migration that is no plugin";
    JOURNAL = "drift.journal.size" Gauge "By" [""]
        "Bytes of the run's journal on this machine's disk";
    DROPPED = "drift.telemetry.dropped_spans" Counter "{span}" [""]
        "Spans beyond the 2,000 that are kept from one sending to the next";
}

/// What a point has.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Amount {
    Whole(u64),
    Real(f64),
    Times(Latencies),
}

/// One value of a metric.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) attributes: Vec<Attribute>,
    pub(super) amount: Amount,
}

/// A metric with its values at a moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Metric {
    pub(super) instrument: &'static Instrument,
    pub(super) points: Vec<Point>,
}

impl Metric {
    pub(super) fn of(instrument: &'static Instrument, points: impl IntoIterator<Item = (Vec<Attribute>, Amount)>) -> Self {
        let points = points.into_iter().map(|(attributes, amount)| Point { attributes, amount }).collect();
        Self { instrument, points }
    }

    /// With one value, that says all.
    pub(super) fn one(instrument: &'static Instrument, amount: Amount) -> Self {
        Self::of(instrument, [(Vec::new(), amount)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_lists_every_metric_as_it_is() {
        let page = include_str!("../../../docs/telemetry.md");
        let rows = page
            .lines()
            .filter(|line| line.starts_with("| `drift.") || line.starts_with("| `db."))
            .filter(|line| line.matches('|').count() == 6);
        let mut expected: Vec<String> = Vec::new();
        for Instrument { name, kind, unit, attributes, what } in ALL {
            let kind = format!("{kind:?}").to_lowercase();
            let attributes = if attributes.is_empty() { String::new() } else { format!("{attributes} ") };
            expected.push(format!("| `{name}` | {kind} | `{unit}` | {attributes}| {what} |"));
        }
        assert_eq!(rows.collect::<Vec<_>>().join("\n"), expected.join("\n"), "docs/telemetry.md: the table of metrics");
    }
}
