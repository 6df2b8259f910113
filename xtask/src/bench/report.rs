//! Medians of the rounds, and ratios to the loops.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::case::{Against, Case, Figures};

/// What each run of drift-host is held against.
const LOOPS: [&str; 3] = ["floor_batched", "floor_single", "go_loop"];

/// All that was measured.
pub(super) struct Report<'a> {
    pub cases: &'a [Case],
    /// What the parts cost; none where they were not measured.
    pub layers: &'a Map<String, Value>,
    pub data: &'a str,
    /// Name and reason.
    pub skipped: &'a [(&'static str, String)],
}

impl Report<'_> {
    pub fn table(&self) -> String {
        let rounds = self.cases.iter().map(|case| case.rounds.len()).max().unwrap_or(0);
        let mut text = format!("{}; medians of {rounds} rounds, in turn; load {}\n\n", self.data, load());
        let mut line = |cells: [&str; 6]| {
            let [name, cells @ ..] = cells;
            let cells: String = cells.iter().map(|cell| format!("{cell:>13}")).collect();
            // Writing into a String does not fail.
            let _ = writeln!(text, "{}", format!("{name:<56}{cells}").trim_end());
        };
        line(["", "items", "client CPU", "throughput", "peak memory", "server CPU"]);
        line(["", "", "µs/item", "items/s", "MiB", "µs/item"]);
        for case in self.cases.iter().filter(|case| !case.is_start()) {
            let Figures { client_us, per_second, peak_mib, server_us } = case.median();
            let items = case.rounds.first().map_or(0, |round| round.items).to_string();
            let cells =
                [format!("{client_us:.1}"), format!("{per_second:.0}"), format!("{peak_mib:.0}"), format!("{server_us:.1}")];
            let [a, b, c, d] = cells.each_ref().map(String::as_str);
            line([&case.name, &items, a, b, c, d]);
        }
        line([""; 6]);
        for (of, to) in self.pairs() {
            let cells = ratios(&of.1, &to.1).map(|ratio| format!("{ratio:.2}"));
            let [a, b, c, d] = cells.each_ref().map(String::as_str);
            line([&format!("{} : {}", of.0, to.0), "", a, b, c, d]);
        }
        for case in self.cases.iter().filter(|case| case.is_start()) {
            let _ = writeln!(text, "\n{}: {:.0} ms from start to end", case.name, milliseconds(&case.median()));
        }
        if !self.layers.is_empty() {
            let _ = writeln!(text, "\nthe parts, processor time:");
        }
        for (name, figure) in self.layers {
            let _ = writeln!(text, "  {name:<20}{:>10.2}", figure.as_f64().unwrap_or(f64::NAN));
        }
        for (name, why) in self.skipped {
            let _ = writeln!(text, "skipped: {name}: {why}");
        }
        text
    }

    /// One object: figures by name, and beneath `cases` every round.
    pub fn json(&self) -> Value {
        let mut document = Map::new();
        document.insert("v".into(), 1.into());
        document.insert("data".into(), self.data.into());
        document.insert("load".into(), load().into());
        for (key, best, against) in self.best() {
            let mut put = |name: String, value: f64| document.insert(name, rounded(value));
            if key.starts_with("memory_") {
                put(key.into(), best.peak_mib);
                continue;
            }
            if key.starts_with("start_") {
                put(format!("{key}_ms"), milliseconds(&best));
                continue;
            }
            put(key.into(), best.client_us);
            put(format!("{key}_per_second"), best.per_second);
            if against == Against::Embedded {
                put(format!("{key}_server_us"), best.server_us);
            }
        }
        for (name, figure) in self.layers {
            document.insert(name.clone(), rounded(figure.as_f64().unwrap_or(f64::NAN)));
        }
        let figures = |Figures { client_us, per_second, peak_mib, server_us }: Figures| {
            json!({ "client_us": rounded(client_us), "per_second": rounded(per_second), "peak_mib": rounded(peak_mib),
                    "server_us": rounded(server_us) })
        };
        let case = |case: &Case| {
            let rounds: Vec<Value> = case.rounds.iter().map(|round| figures(round.figures())).collect();
            let items = case.rounds.first().map_or(0, |round| round.items);
            json!({ "key": case.key, "name": case.name, "items": items, "median": figures(case.median()), "rounds": rounds })
        };
        document.insert("cases".into(), self.cases.iter().map(case).collect());
        let skipped: Map<String, Value> = self.skipped.iter().map(|(name, why)| ((*name).into(), why.as_str().into())).collect();
        document.insert("skipped".into(), skipped.into());
        Value::Object(document)
    }

    /// The figures of each name; where several cases have one, the best of each.
    fn best(&self) -> Vec<(&'static str, Figures, Against)> {
        let mut all: Vec<(&'static str, Figures, Against)> = Vec::new();
        for case in self.cases {
            match all.iter_mut().find(|(key, ..)| *key == case.key) {
                Some((_, best, _)) => *best = best.best(case.median()),
                None => all.push((case.key, case.median(), case.against)),
            }
        }
        all
    }

    /// Each run of drift-host against the embedded server with each loop.
    fn pairs(&self) -> Vec<(Named, Named)> {
        let best = self.best();
        let ours = best.iter().filter(|(key, _, against)| *against == Against::Embedded && !LOOPS.contains(key));
        let loops = || best.iter().filter(|(key, ..)| LOOPS.contains(key));
        ours.flat_map(|(of, figures, _)| loops().map(move |(to, those, _)| ((*of, *figures), (*to, *those)))).collect()
    }
}

/// A run over one item, from its start to its end.
fn milliseconds(figures: &Figures) -> f64 {
    1000.0 / figures.per_second
}

/// Figures and their name.
type Named = (&'static str, Figures);

fn ratios(of: &Figures, to: &Figures) -> [f64; 4] {
    [of.client_us / to.client_us, of.per_second / to.per_second, of.peak_mib / to.peak_mib, of.server_us / to.server_us]
}

/// To four digits or so: more would say what no round can.
fn rounded(value: f64) -> Value {
    json!((value * 100.0).round() / 100.0)
}

/// The machine's load of the last minutes, as the kernel gives it.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}
