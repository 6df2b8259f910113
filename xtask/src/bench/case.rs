//! What is measured: ways of making the same change to every item of a table.

use super::measure::Used;

/// One way of migrating the table, and what its rounds used.
pub(super) struct Case {
    /// The name of its figure; several cases may share one, and then the best of them counts.
    pub key: &'static str,
    /// For people.
    pub name: String,
    pub way: Way,
    pub against: Against,
    /// The cores that it may use; all where nothing is said.
    pub cores: Option<usize>,
    /// Some take minutes, and do not vary.
    pub rounds_at_most: usize,
    pub rounds: Vec<Round>,
}

/// How the items of a case are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By drift-host with the guest in this language.
    Host { language: &'static str, concurrency: Option<u32> },
    /// By a program that has drift-host as a library, with a closure.
    Native,
    /// By the bare loop.
    Bare(&'static str),
    /// By the loop in Go.
    Go { concurrency: u32 },
}

/// Which server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Against {
    /// `drift-host local`.
    Embedded,
    /// Canned answers about a table of so many items.
    Null { items: u64 },
}

/// One measurement.
pub(super) struct Round {
    pub items: u64,
    pub used: Used,
    /// Processor time of the server meanwhile.
    pub server_seconds: f64,
}

/// What is reported of a case.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    pub client_us: f64,
    pub per_second: f64,
    pub peak_mib: f64,
    pub server_us: f64,
}

/// All cases; those against the null server in measuring time have `items` items too.
pub(super) fn all(items: u64) -> Vec<Case> {
    let embedded = |key, name: &str, way| Case::new(key, name, way, Against::Embedded);
    let host = |language| Way::Host { language, concurrency: None };
    let mut cases = vec![
        embedded("floor_single", "bare loop, UpdateItem", Way::Bare("updates")),
        embedded("floor_batched", "bare loop, guarded batches of 25", Way::Bare("batches")),
    ];
    for concurrency in [1, 10, 50] {
        cases.push(embedded("go_loop", &format!("loop in Go, concurrency {concurrency}"), Way::Go { concurrency }));
    }
    cases.extend([
        embedded("drift_rust", "drift-host, Rust", host("rust")),
        embedded("drift_js", "drift-host, JavaScript", host("js")),
        embedded("drift_go", "drift-host, Go", host("go")),
        embedded("drift_python", "drift-host, Python", host("python")),
        embedded("drift_native", "drift-host, native closure", Way::Native),
    ]);
    for (key, cores) in [("null_us_1thread", 1), ("null_us_2threads", 2)] {
        let name = format!("drift-host, Rust, null server, {cores} core{}", if cores == 1 { "" } else { "s" });
        let mut case = Case::new(key, &name, host("rust"), Against::Null { items });
        case.cores = Some(cores);
        cases.push(case);
    }
    for (key, size, items) in [("memory_50k", "50 k", 50_000), ("memory_500k", "500 k", 500_000), ("memory_2m", "2 M", 2_000_000)]
    {
        let way = Way::Host { language: "rust", concurrency: Some(8) };
        let name = format!("drift-host, Rust, concurrency 8, null server, {size} items");
        let mut case = Case::new(key, &name, way, Against::Null { items });
        case.rounds_at_most = 1;
        cases.push(case);
    }
    for (key, name, language) in [("start_rust", "Rust", "rust"), ("start_python", "Python", "python")] {
        cases.push(Case::new(
            key,
            &format!("drift-host, {name}, a table of one item"),
            host(language),
            Against::Null { items: 1 },
        ));
    }
    cases
}

impl Case {
    fn new(key: &'static str, name: &str, way: Way, against: Against) -> Self {
        Self { key, name: name.into(), way, against, cores: None, rounds_at_most: usize::MAX, rounds: Vec::new() }
    }

    /// Whether a name on the command line means this case, alone or with others.
    pub fn is_called(&self, name: &str) -> bool {
        self.key == name || self.key.strip_prefix(name).is_some_and(|rest| rest.starts_with('_'))
    }

    /// It is about a run's start and end, and its items are none to speak of.
    pub fn is_start(&self) -> bool {
        self.key.starts_with("start_")
    }

    pub fn median(&self) -> Figures {
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

impl Round {
    pub fn figures(&self) -> Figures {
        let items = self.items as f64;
        Figures {
            client_us: self.used.cpu_seconds * 1e6 / items,
            per_second: items / self.used.seconds,
            peak_mib: self.used.peak_kib as f64 / 1024.0,
            server_us: self.server_seconds * 1e6 / items,
        }
    }
}

impl Figures {
    /// Of each figure the better one.
    pub fn best(self, other: Self) -> Self {
        Self {
            client_us: self.client_us.min(other.client_us),
            per_second: self.per_second.max(other.per_second),
            peak_mib: self.peak_mib.min(other.peak_mib),
            server_us: self.server_us.min(other.server_us),
        }
    }
}
