//! The crash harness: migrations that are killed by SIGKILL at random instants, through random faults, beside an application
//! that goes on writing, and resumed until they are done; then every rule of docs/decisions/0002-delivery.md is looked at for
//! every item in the streams of the tables.

mod drive;
mod kind;
mod oracle;
mod rival;
mod shared;
mod storm;
mod stream;
mod verdict;
mod writer;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use fastrand::Rng;

pub use kind::{Kind, Proof, Way};
pub use stream::scan as rows;

/// What came of the runs of one kind.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub runs: u64,
    pub kills: u64,
    /// Other hosts that wanted the table, and were sent away.
    pub rivals: u64,
    pub faults: u64,
    pub items: u64,
    pub conflicts: u64,
    pub in_doubt: u64,
    pub failed: u64,
    pub violations: u64,
}

/// One run and what is wrong with it: texts for people, none if nothing is.
pub fn run(kind: Kind, seed: u64) -> (Tally, Vec<String>) {
    let mut random = Rng::with_seed(seed);
    let mut site = drive::Site::new(kind, &mut random);
    let ended = match kind.way {
        Way::Shared => site.drive_shared(&mut random),
        _ => site.drive(&mut random),
    };
    let mut tally = Tally {
        runs: 1,
        rivals: site.rivals.sent_away,
        kills: site.storm.killer.kills.load(Ordering::Relaxed),
        faults: site.storm.proxy.faults() as u64,
        items: site.items,
        ..Tally::default()
    };
    let problems = match ended {
        Err(problem) => vec![problem],
        Ok(ended) => {
            let items = &ended.json["items"];
            tally.conflicts = items["conflicts"].as_u64().unwrap_or_default();
            tally.in_doubt = items["doubtful"].as_u64().unwrap_or_default();
            tally.failed = items["failed"].as_u64().unwrap_or_default();
            verdict::problems(&site, &ended)
        }
    };
    tally.violations = problems.len() as u64;
    let again = format!("again: cargo xtask crash --runs 1 --kind {kind} --seed {seed}");
    let said = problems.into_iter().map(|problem| format!("{kind}, seed {seed}: {problem}\n  {again}"));
    (tally, said.collect())
}

/// Kinds that this binary can be asked for; the others, with the flag that it lacks.
pub fn possible() -> (Vec<Kind>, Vec<Kind>) {
    let help = std::process::Command::new(crate::binary()).args(["run", "--help"]).output().unwrap();
    let proof = String::from_utf8_lossy(&help.stdout).contains("--exactly-once");
    Kind::all().partition(|kind| proof || kind.proof == Proof::None)
}

/// What the runs came to, kind by kind, as a table.
pub fn table(tallies: &BTreeMap<String, Tally>) -> String {
    let mut lines = vec![format!(
        "{:<18}{:>6}{:>7}{:>8}{:>8}{:>8}{:>11}{:>10}{:>8}{:>12}",
        "kind", "runs", "kills", "rivals", "faults", "items", "conflicts", "in doubt", "failed", "violations"
    )];
    let row = |name: &str, it: &Tally| {
        format!(
            "{name:<18}{:>6}{:>7}{:>8}{:>8}{:>8}{:>11}{:>10}{:>8}{:>12}",
            it.runs, it.kills, it.rivals, it.faults, it.items, it.conflicts, it.in_doubt, it.failed, it.violations
        )
    };
    let mut all = Tally::default();
    for (name, tally) in tallies {
        lines.push(row(name, tally));
        all.add(tally);
    }
    lines.push(row("all", &all));
    lines.join("\n")
}

impl Tally {
    pub fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.kills += other.kills;
        self.rivals += other.rivals;
        self.faults += other.faults;
        self.items += other.items;
        self.conflicts += other.conflicts;
        self.in_doubt += other.in_doubt;
        self.failed += other.failed;
        self.violations += other.violations;
    }
}
