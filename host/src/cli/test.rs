//! `test`: a migration on fixtures. Touches no table.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::Ended;
use super::options::Limited;
use super::source::{Building, Loading};
use crate::author::fixture::{self, Fixture, Outcome, Verdict};
use crate::migration::Migration;
use crate::plugin::{Grants, Plugin};
use crate::{Error, report};

/// How long each fixture is asked again.
const BENCH: Duration = Duration::from_secs(1);

#[derive(Args)]
pub(super) struct TestVerb {
    /// The plugin, a source file or a project: a component, a .js file, or a folder that `new` made
    #[arg(default_value = ".")]
    plugin: PathBuf,
    /// The folder of the fixtures [default: `fixtures` in the project, or beside the plugin]
    #[arg(long, value_name = "DIR")]
    fixtures: Option<PathBuf>,
    /// The names of the key's attributes, where no fixtures.json says them
    #[arg(long, value_name = "NAME[,NAME]", value_delimiter = ',')]
    key_attributes: Option<Vec<String>>,
    #[command(flatten)]
    limited: Limited,
    /// Only fixtures with this in their name
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// Write what comes as what is expected from now on
    #[arg(long)]
    bless: bool,
    /// Say what an item costs, over a second of calls each: time, memory, and fuel, which is the same on every machine
    #[arg(long, conflicts_with = "bless")]
    bench: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl TestVerb {
    pub(super) fn run(self) -> Ended {
        let folder = self.fixtures.clone().unwrap_or_else(|| beside(&self.plugin));
        let limits = self.limited.limits(&[])?;
        let load = |count_fuel| -> Result<Plugin, Error> {
            let plugin = Loading { building: Building::Allowed, count_fuel, ..Loading::new(limits) }.load(&self.plugin)?;
            // No table is touched.
            let asked = Grants::asked_by(plugin.description());
            Ok(plugin.grant(asked))
        };
        let plugin = load(true)?;
        let fixtures = fixture::read_all(&folder, self.key_attributes.as_deref())?;
        let chosen: Vec<&Fixture> = fixtures.iter().filter(|fixture| fixture.name.contains(&self.only)).collect();
        if chosen.is_empty() {
            return Err(Error::Usage(format!("no fixture in {} has {:?} in its name", folder.display(), self.only)));
        }
        // Fuel costs time to count, so that time is taken without.
        let timed = match self.bench {
            true => Some(load(false)?),
            false => None,
        };
        let mut outcomes = Vec::with_capacity(chosen.len());
        for fixture in chosen {
            let mut outcome = fixture.run(&plugin, self.bless)?;
            if let Some(timed) = &timed {
                let (calls, median) = fixture.bench(timed, BENCH)?;
                (outcome.time, outcome.calls, outcome.cost) = (median, calls, fixture.cost(&plugin)?);
            }
            if !self.json {
                show!("{}", report::fixtures::one(&outcome));
            }
            outcomes.push(outcome);
        }
        if self.json {
            let documents = outcomes.iter().map(report::fixtures::document);
            say!("{}", json!({ "v": 1, "digest": plugin.digest(), "fixtures": documents.collect::<Vec<_>>() }));
        } else {
            say!("{}", report::fixtures::all(&outcomes));
        }
        Ok(u8::from(outcomes.iter().any(Outcome::failed)))
    }
}

/// `fixtures` in a project, or in the folder of a file.
fn beside(plugin: &Path) -> PathBuf {
    let folder = if plugin.is_dir() { plugin } else { plugin.parent().unwrap_or_else(|| Path::new("")) };
    folder.join("fixtures")
}

impl Outcome {
    /// Whether it was not as expected, or nothing was.
    fn failed(&self) -> bool {
        matches!(self.verdict, Verdict::Differs(_) | Verdict::NoExpectation)
    }
}
