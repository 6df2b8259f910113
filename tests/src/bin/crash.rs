//! The crash harness as a program: `cargo xtask crash` builds and starts it.

use std::collections::BTreeMap;
use std::process::ExitCode;

use drift_tests::crash::{Kind, Tally, possible, run, table};

const USAGE: &str = "\
crash [--runs N] [--seed S] [--kind KIND]...

  --runs N     so many runs, the kinds in turn [default: 30]
  --seed S     the first run's seed, one more for each after it [default: 1]
  --kind KIND  only this kind; may be given several times";

struct Options {
    runs: u64,
    seed: u64,
    kinds: Vec<Kind>,
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let (possible, skipped) = possible();
    let asked = |kind: &Kind| options.kinds.is_empty() || options.kinds.contains(kind);
    let kinds: Vec<Kind> = possible.into_iter().filter(asked).collect();
    for kind in skipped.iter().filter(|kind| asked(kind)) {
        println!("skipped: {kind}: this binary has no --exactly-once");
    }
    if kinds.is_empty() {
        return ExitCode::from(2);
    }
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    for (at, kind) in (0..options.runs).zip(kinds.iter().cycle()) {
        let (tally, problems) = run(*kind, options.seed.wrapping_add(at));
        problems.iter().for_each(|problem| println!("VIOLATION {problem}"));
        tallies.entry(kind.to_string()).or_default().add(&tally);
        eprintln!(
            "run {}: {kind}, {} items, {} kills, {} faults, {} in doubt, {} violations",
            at + 1,
            tally.items,
            tally.kills,
            tally.faults,
            tally.in_doubt,
            tally.violations
        );
    }
    println!("{}", table(&tallies));
    let clean = tallies.values().all(|tally| tally.violations == 0);
    if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn options() -> Result<Options, String> {
    let mut options = Options { runs: 30, seed: 1, kinds: Vec::new() };
    let mut arguments = std::env::args().skip(1);
    while let Some(flag) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{flag} needs a value"))?;
        let number = || value.parse::<u64>().map_err(|_| format!("{flag} {value}: no number"));
        match flag.as_str() {
            "--runs" => options.runs = number()?,
            "--seed" => options.seed = number()?,
            "--kind" => options.kinds.push(value.parse()?),
            _ => return Err(format!("no option {flag}")),
        }
    }
    Ok(options)
}
