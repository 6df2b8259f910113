//! What `status`, `up`, `undo` and `repair` share where they are given a folder of migrations.

use std::path::Path;
use std::sync::Arc;

use super::Ended;
use super::hooks::Hooks;
use super::run::Output;
use super::source::{Building, Loading};
use crate::model::MigrationNumber;
use crate::plugin::Limits;
use crate::report::document;
use crate::series::{Series, Standings, Walk};
use crate::{Error, Summary, report};

/// Reads a folder of migrations.
pub(super) fn read(dir: &Path, limits: Limits, building: Building) -> Result<Series, Error> {
    let loading = Loading { building, ..Loading::new(limits) };
    Series::read(dir, |path| Ok(Arc::new(loading.load(path)?)))
}

/// One of several came to an end, and its hooks are called; all of them are one document.
pub(super) fn end_one(hooks: &Hooks, output: &Output, ended: Result<Summary, Error>) -> Result<Summary, Error> {
    let told = |summary: &Summary| {
        if !output.json {
            show!("{}", report::summary(summary));
        }
        summary.exit_code()
    };
    Ok(hooks.end(ended, told)?.0)
}

/// Says how far it went. `numbers` are those that were to be done, in turn; `none` is said where there were none; `command` goes on.
pub(super) fn end(
    output: &Output,
    standings: &Standings,
    walk: Walk,
    numbers: &[MigrationNumber],
    none: &str,
    command: &str,
) -> Ended {
    let begun = numbers.len() - walk.left;
    let left = numbers.get(begun..).unwrap_or_default();
    if output.json {
        say!("{}", document::walk(standings, &walk, left));
    } else if numbers.is_empty() {
        say!("{none}");
    }
    if let Some(number) = begun.checked_sub(1).and_then(|at| numbers.get(at)).filter(|_| !walk.is_well()) {
        let shown: Vec<String> = left.iter().map(ToString::to_string).collect();
        let left = if shown.is_empty() { "it was the last one".to_owned() } else { format!("not begun: {}", shown.join(", ")) };
        tell!("stopped at migration {number}; {left}. When that is settled, this goes on: {command}");
    }
    let code = walk.exit_code();
    match walk.error {
        Some(error) => Err(error),
        None => Ok(code),
    }
}
