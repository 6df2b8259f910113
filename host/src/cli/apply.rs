//! `apply`: goes on with a run.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::Ended;
use super::connection::{Connection, is_url};
use super::hooks::Hooked;
use super::options::{BackedUp, Disk, Limited, Rates, parse_grants};
use super::run::{First, Output};
use super::segment::{self, Tasked};
use super::source::Loading;
use crate::Error;
use crate::explain::Code;
use crate::journal::{Journal, Manifest};
use crate::migration::Migration;
use crate::plugin::Plugin;
use crate::run::{RunOptions, restorer};

#[derive(Args)]
pub(super) struct ApplyVerb {
    /// The run's id, or the beginning of it; with --segment the place of a shared run: s3://BUCKET/PREFIX, or file:///FOLDER
    run: String,
    /// Take up the failed items of an incomplete run again, each as it is now
    #[arg(long)]
    retry_failed: bool,
    /// With --retry-failed: by this plugin instead of the run's own; it is recorded beside it
    #[arg(long, value_name = "FIXED.wasm", requires = "retry_failed")]
    plugin: Option<PathBuf>,
    /// Instances of the plugin at work at a time [default: the cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    concurrency: Option<u16>,
    /// Chunks of writes on their way at a time
    #[arg(long, value_name = "N", default_value_t = 8)]
    writes_in_flight: usize,
    #[command(flatten)]
    first: First,
    #[command(flatten)]
    kept: BackedUp,
    #[command(flatten)]
    limited: Limited,
    #[command(flatten)]
    rates: Rates,
    #[command(flatten)]
    disk: Disk,
    #[command(flatten)]
    hooked: Hooked,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    tasked: Tasked,
}

impl ApplyVerb {
    pub(super) async fn run(self) -> Ended {
        if self.tasked.segment.is_some() || is_url(&self.run) {
            self.refuse_unshared()?;
        }
        if let Some(of) = &self.tasked.segment {
            let (slots, given) = (self.concurrency.map(usize::from), (&self.limited, &self.rates));
            let task = (of, &self.tasked);
            return segment::apply(&self.run, task, (slots, self.writes_in_flight), given, &self.connection, &self.output).await;
        }
        if is_url(&self.run) {
            let given = (&self.limited, &self.rates);
            let pace = (self.concurrency.map(usize::from), self.writes_in_flight);
            let how = (&self.hooked, self.retry_failed);
            return segment::apply_all(&self.run, how, pace, given, &self.connection, &self.output).await;
        }
        let journal = Journal::open(&self.connection.find(&self.run).await?)?;
        let manifest = journal.manifest().clone();
        let hooks = self.hooked.hooks(&self.connection, &manifest.secret_arguments)?;
        let migrator = hooks.gated(self.first.asked(self.connection.migrator_of(&manifest).await?, &self.output));
        let migrator = self.output.watched(migrator);
        self.connection.lasting(&migrator)?;
        let slots = self.concurrency.map(usize::from);
        let mut options = RunOptions::new(&manifest.context.table);
        options.concurrency = slots.unwrap_or(options.concurrency);
        options.writes_in_flight = self.writes_in_flight;
        self.first.give(&mut options);
        options.backup = self.kept.backup;
        self.rates.begin();
        self.rates.give(&mut options);
        self.disk.give(&mut options);
        self.output.confirm(&migrator, &options.table)?;
        let migration = self.migration(&journal, slots)?;
        let ended = match self.retry_failed {
            true => migrator.retry_failed(journal, migration, &options).await,
            false => migrator.apply(journal, migration, &options).await,
        };
        Ok(hooks.end(ended, |summary| self.output.print(summary))?.1)
    }

    /// What a run that many processes share cannot be told here.
    fn refuse_unshared(&self) -> Result<(), Error> {
        if self.tasked.segment.is_some() {
            self.hooked.hooks(&self.connection, &[])?.must_not_be_given()?;
            self.output.must_send_nothing()?;
        }
        let wrong = [
            (self.first.is_given(), "--canary: try it on a few items with `drift-host try` before it begins"),
            (self.kept.backup, "--backup: have the backup made before it begins"),
            (
                self.plugin.is_some(),
                "--plugin: its processes have one code. End it as it is, and give what is left a migration of its own",
            ),
            (
                self.retry_failed && self.tasked.segment.is_some(),
                "--retry-failed by segment: without --segment one process takes up what failed in all of them",
            ),
        ];
        match wrong.iter().find(|(is, _)| *is) {
            Some((_, why)) => Err(Error::Usage(format!("a run that many processes share cannot be gone on with by {why}"))),
            None => Ok(()),
        }
    }

    fn migration(&self, journal: &Journal, slots: Option<usize>) -> Result<Arc<dyn Migration>, Error> {
        let manifest = journal.manifest();
        if let Some(restorer) = restorer(manifest) {
            return Ok(restorer);
        }
        let grants = parse_grants(&manifest.grants)?;
        let limits = self.limited.limits(&manifest.limits)?;
        if let Some(fixed) = &self.plugin {
            let plugin = Loading { slots, ..Loading::new(limits) }.load(fixed)?;
            let missing = grants.missing(plugin.description(), &manifest.context.table);
            if !missing.is_empty() {
                let asked: Vec<String> = missing.iter().map(ToString::to_string).collect();
                let run = &manifest.run;
                return Err(Error::Known(
                    Code::GrantMissing,
                    format!("the fixed plugin asks for more than run {run} has: {}", asked.join(", ")),
                ));
            }
            return Ok(Arc::new(kept(plugin, manifest).grant(grants)));
        }
        let component = journal.component()?.ok_or_else(|| {
            Error::Usage(format!(
                "the run {} was made by a program of its own, not by a plugin; go on with it there",
                manifest.run
            ))
        })?;
        of_manifest(manifest, component, &self.limited, slots)
    }
}

/// The code of a run that has begun, with what it was granted and kept to.
pub(super) fn of_manifest(
    manifest: &Manifest,
    component: Vec<u8>,
    limited: &Limited,
    slots: Option<usize>,
) -> Result<Arc<dyn Migration>, Error> {
    let (grants, limits) = (parse_grants(&manifest.grants)?, limited.limits(&manifest.limits)?);
    let loading = Loading { slots, ..Loading::new(limits) };
    let plugin = loading.load_bytes(&format!("the plugin of run {}", manifest.run), component)?;
    Ok(Arc::new(kept(plugin, manifest).grant(grants)))
}

/// With the attributes to which the run's policy keeps it.
fn kept(plugin: Plugin, manifest: &Manifest) -> Plugin {
    match &manifest.policy {
        Some(terms) => plugin.patches(terms.set.clone(), terms.remove.clone()),
        None => plugin,
    }
}
