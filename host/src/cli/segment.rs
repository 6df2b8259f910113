//! `plan --segment` and `apply URI --segment`: one segment of a run that an engine has many processes do.
//!
//! The contract for whoever starts them: one JSON line on standard output, all else on standard error; exit codes 0 to 4 and 65 are
//! results, and 75, 130, 143 and death by a signal mean "start it again".

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use clap::Args;

use super::Ended;
use super::apply::of_manifest;
use super::connection::Connection;
use super::hooks::Hooked;
use super::lead::Lifeline;
use super::options::{Flow, Limited, Rates};
use super::run::Output;
use crate::Error;
use crate::journal::Manifest;
use crate::migration::Migration;
use crate::run::{Migrator, RunOptions, Segment, Task};
use crate::store::Shared;

/// A segment of so many: `3/64`, or `env:JOB_COMPLETION_INDEX/64`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SegmentOf {
    segment: u32,
    of: u32,
}

impl FromStr for SegmentOf {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not I/N, the first of N being 0, nor env:VARIABLE/N");
        let (which, of) = text.rsplit_once('/').ok_or_else(wrong)?;
        let of: u32 = of.parse().ok().filter(|of| (1..=1_000_000).contains(of)).ok_or_else(wrong)?;
        let segment: u32 = match which.strip_prefix("env:") {
            None => which.parse().map_err(|_| wrong())?,
            Some(name) => {
                let value = std::env::var(name).map_err(|_| format!("{text:?}: the variable {name} is not set"))?;
                value.trim().parse().map_err(|_| format!("{text:?}: the variable {name} is {value:?}, and no number"))?
            }
        };
        match segment < of {
            true => Ok(Self { segment, of }),
            false => Err(format!("there is no segment {segment} of {of}: the first is 0, the last {}", of - 1)),
        }
    }
}

/// One segment, and how its process ends.
#[derive(Args, Clone)]
pub(super) struct Tasked {
    /// Do this segment of N only, the first is 0: 3/64, or env:JOB_COMPLETION_INDEX/64 by a variable (docs/segments.md)
    ///
    /// Prints one JSON line. Exit codes 0 to 4 and 65 are results; 75, 130, 143 and death by a signal mean that it may be started
    /// again, by anybody, anywhere. Needs `drift-host lead` to be at work before anything is written.
    #[arg(long, value_name = "I/N")]
    pub(super) segment: Option<SegmentOf>,
    /// With --segment: which attempt at it this is, in the words of whoever starts it [default: the process]
    #[arg(long, value_name = "ID", requires = "segment", value_parser = attempt)]
    attempt: Option<String>,
    #[command(flatten)]
    lifeline: Lifeline,
}

fn attempt(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    match (1..=64).contains(&text.len()) && text.chars().all(good) {
        true => Ok(text.to_owned()),
        false => Err(format!("{text:?} is not up to 64 letters, digits, and - _ . :")),
    }
}

impl Tasked {
    fn task(&self, SegmentOf { segment, of }: &SegmentOf) -> Task {
        let attempt = self.attempt.clone().unwrap_or_else(|| format!("process-{}", std::process::id()));
        Task { segment: *segment, of: *of, attempt }
    }
}

/// Plans one segment.
pub(super) async fn plan(
    (plugin, table): (&Path, &str),
    (url, segment, tasked): (&str, &SegmentOf, &Tasked),
    flow: &Flow,
    connection: &Connection,
    output: &Output,
) -> Ended {
    tasked.lifeline.begin()?;
    let (migration, options) = flow.load(plugin, table, connection.building())?;
    let options = RunOptions { segments: segment.of, ..options };
    let migrator = connection.migrator().await?;
    let shared = connection.shared(url, &migrator)?;
    let migrator = output.told(migrator);
    Ok(printed(&migrator.plan_segment(&shared, migration, &options, &tasked.task(segment)).await?, "plan"))
}

/// Carries out one segment.
pub(super) async fn apply(
    url: &str,
    (segment, tasked): (&SegmentOf, &Tasked),
    pace: (Option<usize>, usize),
    given: (&Limited, &Rates),
    connection: &Connection,
    output: &Output,
) -> Ended {
    tasked.lifeline.begin()?;
    let (migrator, run) = begun(url, pace, given, connection, output).await?;
    let (migrator, Begun { shared, manifest, migration, options }) = (output.told(migrator), run);
    Ok(printed(&migrator.apply_segment(&shared, &manifest, migration, &options, &tasked.task(segment)).await?, "apply"))
}

/// Carries out all that is left, in this process, and records it; with `retry_failed` what failed as well.
pub(super) async fn apply_all(
    url: &str,
    (hooked, retry_failed): (&Hooked, bool),
    pace: (Option<usize>, usize),
    given: (&Limited, &Rates),
    connection: &Connection,
    output: &Output,
) -> Ended {
    let (migrator, run) = begun(url, pace, given, connection, output).await?;
    let Begun { shared, manifest, migration, options } = run;
    let hooks = hooked.hooks(connection, &manifest.secret_arguments)?.at(url);
    let migrator = output.watched(hooks.gated(migrator));
    let ended = migrator.finish(&shared, &manifest, migration, &options, retry_failed).await;
    Ok(hooks.end(ended, |summary| output.print(summary))?.1)
}

/// A run that has begun, with its code.
struct Begun {
    shared: Shared,
    manifest: Manifest,
    migration: Arc<dyn Migration>,
    options: RunOptions,
}

async fn begun(
    url: &str,
    (concurrency, writes_in_flight): (Option<usize>, usize),
    (limited, rates): (&Limited, &Rates),
    connection: &Connection,
    output: &Output,
) -> Result<(Migrator, Begun), Error> {
    let shared = connection.shared(url, &connection.migrator().await?)?;
    let manifest = shared.run().await?.ok_or_else(|| nothing(&shared))?;
    let migrator = connection.migrator_of(&manifest).await?;
    output.confirm(&migrator, &manifest.context.table)?;
    let component = shared.component(&manifest.digest).await?;
    let migration = of_manifest(&manifest, component, limited, concurrency)?;
    let mut options = RunOptions::new(&manifest.context.table);
    options.concurrency = concurrency.unwrap_or(options.concurrency);
    options.writes_in_flight = writes_in_flight;
    rates.begin();
    rates.give(&mut options);
    Ok((migrator, Begun { shared, manifest, migration, options }))
}

pub(super) fn nothing(shared: &Shared) -> Error {
    let url = shared.url();
    Error::Refused(format!("no run has begun in {url}: `drift-host lead` and `plan --segment` with --journal {url} begin one"))
}

fn printed(segment: &Segment, cmd: &str) -> u8 {
    say!("{}", segment.to_json(cmd));
    segment.exit_code()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_one_of_so_many_and_may_come_from_a_variable() {
        assert_eq!("3/64".parse(), Ok(SegmentOf { segment: 3, of: 64 }));
        for wrong in ["", "3", "64/64", "-1/4", "1/0", "a/4", "1/4/8", "1/1000001"] {
            assert!(wrong.parse::<SegmentOf>().is_err(), "{wrong}");
        }
        let unset = "env:DRIFT_NO_SUCH_VARIABLE/4".parse::<SegmentOf>().unwrap_err();
        assert!(unset.contains("DRIFT_NO_SUCH_VARIABLE is not set"), "{unset}");
    }

    #[test]
    fn an_attempt_is_a_short_word() {
        assert!(attempt("task-7.1:3").is_ok());
        assert!(["", "a b", "../x", &"x".repeat(65)].iter().all(|wrong| attempt(wrong).is_err()));
    }
}
