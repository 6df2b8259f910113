//! Medians of the rounds, and ratios to the bare loops.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Way;
use super::measure::Used;

/// One way of migrating the table, and what its rounds used.
pub(super) struct Case {
    pub name: &'static str,
    pub way: Way,
    /// The attribute that every item has afterwards, if there is such a one.
    pub adds: Option<&'static str>,
    pub rounds: Vec<Round>,
}

/// One measurement.
pub(super) struct Round {
    pub items: u64,
    pub used: Used,
    /// Processor time of the server meanwhile.
    pub server_seconds: f64,
}

/// What is reported of a case, in the order of the table's columns.
#[derive(Clone, Copy)]
struct Figures {
    client_us: f64,
    per_second: f64,
    peak_mib: f64,
    server_us: f64,
}

impl Round {
    fn figures(&self) -> Figures {
        let items = self.items as f64;
        Figures {
            client_us: self.used.cpu_seconds * 1e6 / items,
            per_second: items / self.used.seconds,
            peak_mib: self.used.peak_kib as f64 / 1024.0,
            server_us: self.server_seconds * 1e6 / items,
        }
    }
}

impl Case {
    pub fn new(name: &'static str, way: Way, adds: Option<&'static str>) -> Self {
        Self { name, way, adds, rounds: Vec::new() }
    }

    fn median(&self) -> Figures {
        let of = |figure: fn(&Figures) -> f64| {
            let mut all: Vec<f64> = self.rounds.iter().map(|round| figure(&round.figures())).collect();
            all.sort_by(f64::total_cmp);
            // Of an even number the mean of the two in the middle.
            let middle = |at: usize| all.get(at).copied().unwrap_or(f64::NAN);
            (middle(all.len() / 2) + middle(all.len().saturating_sub(1) / 2)) / 2.0
        };
        Figures {
            client_us: of(|f| f.client_us),
            per_second: of(|f| f.per_second),
            peak_mib: of(|f| f.peak_mib),
            server_us: of(|f| f.server_us),
        }
    }
}

/// All that was measured.
pub(super) struct Report<'a> {
    pub cases: &'a [Case],
    pub data: &'a str,
}

impl Report<'_> {
    pub fn table(&self) -> String {
        let first = self.cases.first();
        let items = first.and_then(|case| case.rounds.first()).map_or(0, |round| round.items);
        let rounds = first.map_or(0, |case| case.rounds.len());
        let mut text = format!("{items} items ({}); medians of {rounds} rounds, in turn\n\n", self.data);
        let mut line = |cells: [&str; 5]| {
            let [name, cells @ ..] = cells;
            let cells: String = cells.iter().map(|cell| format!("{cell:>14}")).collect();
            // Writing into a String does not fail.
            let _ = writeln!(text, "{}", format!("{name:<48}{cells}").trim_end());
        };
        line(["", "client CPU", "throughput", "peak memory", "server CPU"]);
        line(["", "µs/item", "items/s", "MiB", "µs/item"]);
        for case in self.cases {
            let Figures { client_us, per_second, peak_mib, server_us } = case.median();
            let cells =
                [format!("{client_us:.1}"), format!("{per_second:.0}"), format!("{peak_mib:.0}"), format!("{server_us:.1}")];
            let [a, b, c, d] = cells.each_ref().map(String::as_str);
            line([case.name, a, b, c, d]);
        }
        line(["", "", "", "", ""]);
        for (of, to) in self.pairs() {
            let cells = ratios(of, to).map(|ratio| format!("{ratio:.2}"));
            let [a, b, c, d] = cells.each_ref().map(String::as_str);
            line([&format!("{} : {}", short(of), short(to)), a, b, c, d]);
        }
        text
    }

    pub fn json(&self) -> Value {
        let figures = |Figures { client_us, per_second, peak_mib, server_us }: Figures| {
            json!({ "client_us_per_item": client_us, "items_per_second": per_second, "peak_mib": peak_mib,
                    "server_us_per_item": server_us })
        };
        let case = |case: &Case| {
            let rounds: Vec<Value> = case.rounds.iter().map(|round| figures(round.figures())).collect();
            let items = case.rounds.first().map_or(0, |round| round.items);
            json!({ "name": case.name, "items": items, "median": figures(case.median()), "rounds": rounds })
        };
        let pair = |(of, to): (&Case, &Case)| {
            let [client, throughput, peak, server] = ratios(of, to);
            json!({ "of": of.name, "to": to.name, "client_cpu": client, "throughput": throughput, "peak_memory": peak,
                    "server_cpu": server })
        };
        json!({ "v": 1, "data": self.data, "cases": self.cases.iter().map(case).collect::<Vec<_>>(),
                "ratios": self.pairs().map(pair).collect::<Vec<_>>() })
    }

    /// Each run of drift-host with each bare loop.
    fn pairs(&self) -> impl Iterator<Item = (&Case, &Case)> {
        let of = |host: bool| self.cases.iter().filter(move |case| matches!(case.way, Way::Host(_)) == host);
        of(true).flat_map(move |ours| of(false).map(move |bare| (ours, bare)))
    }
}

fn ratios(of: &Case, to: &Case) -> [f64; 4] {
    let (of, to) = (of.median(), to.median());
    [of.client_us / to.client_us, of.per_second / to.per_second, of.peak_mib / to.peak_mib, of.server_us / to.server_us]
}

/// The last part of a case's name tells it from the others of its kind.
fn short(case: &Case) -> &'static str {
    case.name.rsplit(", ").next().unwrap_or(case.name)
}
