//! Flags that several verbs share.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::signals;
use super::source::{Building, load_source};
use crate::Error;
use crate::dynamo::ConnectionSettings;
use crate::journal::Manifest;
use crate::migration::Migration;
use crate::model::GrantRequest;
use crate::plugin::{Grant, Grants, Plugin, PluginOptions};
use crate::run::{ExactlyOnce, MaxErrors, Migrator, RunOptions};

/// Where the tables are.
#[derive(Args, Clone)]
pub(super) struct Connection {
    /// The endpoint, for DynamoDB of your own: http://127.0.0.1:8000, say
    #[arg(long, value_name = "URL")]
    endpoint_url: Option<String>,
    /// The AWS region
    #[arg(long)]
    region: Option<String>,
    /// The profile of the AWS configuration files
    #[arg(long)]
    profile: Option<String>,
    /// How long one request may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=300))]
    request_timeout: u64,
    /// The metadata table [default: drift_migrations]; leases and unfinished runs stand in META_runs
    #[arg(long, value_name = "META")]
    meta_table: Option<String>,
    /// The folder of the runs' journals [default: in the user's state folder]
    #[arg(long, value_name = "DIR")]
    pub(super) runs_dir: Option<PathBuf>,
}

impl Connection {
    fn settings(&self) -> ConnectionSettings {
        ConnectionSettings {
            endpoint_url: self.endpoint_url.clone(),
            region: self.region.clone(),
            profile: self.profile.clone(),
            request_timeout: Duration::from_secs(self.request_timeout),
        }
    }

    /// Whether a project may be built beside this connection.
    pub(super) fn building(&self) -> Building {
        if self.settings().is_local() { Building::Allowed } else { Building::Refused }
    }

    /// Connects as these flags say.
    pub(super) async fn migrator(&self) -> Result<Migrator, Error> {
        let migrator = Migrator::connect(self.settings()).await?.stop_by(signals::stop()).runs_dir(self.runs_dir());
        Ok(match &self.meta_table {
            Some(name) => migrator.meta_table(name),
            None => migrator,
        })
    }

    /// Connects to where a run began, for as much as these flags do not say otherwise.
    pub(super) async fn migrator_of(&self, manifest: &Manifest) -> Result<Migrator, Error> {
        let or = |given: &Option<String>, began: &Option<String>| given.clone().or_else(|| began.clone());
        let there = Self {
            endpoint_url: or(&self.endpoint_url, &manifest.endpoint_url),
            region: or(&self.region, &manifest.region),
            profile: or(&self.profile, &manifest.profile),
            meta_table: or(&self.meta_table, &Some(manifest.meta_table.clone())),
            ..self.clone()
        };
        there.migrator().await
    }

    pub(super) fn runs_dir(&self) -> PathBuf {
        self.runs_dir.clone().unwrap_or_else(crate::journal::default_runs_dir)
    }
}

/// What a plugin is given.
#[derive(Args, Clone)]
pub(super) struct Given {
    /// An argument for the migration
    #[arg(long = "arg", value_name = "NAME=VALUE", value_parser = argument)]
    arguments: Vec<(String, String)>,
    /// Allow the plugin an access: insert:Claims, delete:. (`.` is the migrated table), or `asked` for all it asks
    #[arg(long = "grant", value_name = "ACCESS:TABLE|asked")]
    grants: Vec<String>,
}

/// How fast a run may be.
#[derive(Args, Clone)]
pub(super) struct Rates {
    /// Read units a second at most, retries included [default: a quarter of the table's, unless it is local]
    #[arg(long, value_name = "N")]
    max_read_units: Option<NonZeroU32>,
    /// Write units a second at most, retries included [default: a quarter of the table's, unless it is local]
    #[arg(long, value_name = "N")]
    max_write_units: Option<NonZeroU32>,
}

impl Rates {
    pub(super) fn give(&self, options: &mut RunOptions) {
        options.max_read_units = self.max_read_units;
        options.max_write_units = self.max_write_units;
    }
}

/// How a run is carried out.
#[derive(Args, Clone)]
pub(super) struct Flow {
    #[command(flatten)]
    given: Given,
    /// Instances of the plugin at work at a time [default: the cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) concurrency: Option<u16>,
    /// Chunks of writes on their way at a time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1024))]
    writes_in_flight: u16,
    /// Segments of the parallel scan
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    segments: u32,
    /// Read eventually consistently: half the read units
    #[arg(long)]
    eventual: bool,
    /// Only items for which this FilterExpression with literals holds: 'entity = "order" AND total > 5'
    #[arg(long, value_name = "EXPRESSION")]
    filter: Option<String>,
    /// Stop the scan at the first failed item
    #[arg(long)]
    fail_fast: bool,
    /// So many items may fail, as a count or a share
    #[arg(long, value_name = "N|P%", default_value = "0")]
    max_errors: MaxErrors,
    /// Guard writes by the whole item, or by a version attribute that is then incremented
    #[arg(long, value_name = "item|version=ATTR", default_value = "item")]
    guard: String,
    /// How often a migration runs again on an item that changed meanwhile
    #[arg(long, value_name = "N", default_value_t = 5)]
    conflict_retries: u32,
    #[command(flatten)]
    rates: Rates,
    #[command(flatten)]
    delivery: Delivery,
}

/// What is known of an item's actions afterwards, and what goes together.
#[derive(Args, Clone)]
struct Delivery {
    /// Prove each item's write, so that none stays in doubt
    ///
    /// `receipts`: a row for each item in the table META_receipts, in one transaction with its actions: about four write units
    /// instead of one, and a table that grows by a row an item. Tells everything.
    ///
    /// `stamp=ATTR`: the same write puts the run's id in this attribute of the item: one unit as without, and some bytes. The
    /// application sees it, and defeats it where it rewrites whole items without it. A delete needs receipts; actions that all
    /// lie elsewhere bring the stamp along in a transaction.
    #[arg(long, value_name = "receipts|stamp=ATTR")]
    exactly_once: Option<ExactlyOnce>,
    /// Send several actions of one item one by one (inserts, updates, deletes); more than 100 are then possible
    ///
    /// If the item changes, or one of them is refused, after another was carried out, the item has failed in part: it is listed
    /// so, and never run again. Not with --exactly-once.
    #[arg(long, conflicts_with = "exactly_once")]
    no_atomic: bool,
    /// Where an item's actions all lie elsewhere: only if the item is still as it was read, in a transaction (twice the units)
    #[arg(long)]
    check_source: bool,
}

fn argument(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("{text:?} is not NAME=VALUE"))?;
    if name.is_empty() { Err(format!("{text:?} has no name")) } else { Ok((name.to_owned(), value.to_owned())) }
}

impl Given {
    /// Loads the plugin with what is granted on `table`; refuses if it asks for more.
    pub(super) fn load(
        &self,
        plugin: &Path,
        table: &str,
        slots: Option<usize>,
        building: Building,
    ) -> Result<(Plugin, Grants), Error> {
        let loaded = load_source(plugin, slots, building)?;
        let grants = match self.grants.iter().any(|grant| grant == "asked") {
            true => Grants::asked_by(loaded.description()),
            false => parse_grants(&self.grants)?,
        };
        let name = table.rsplit('/').next().unwrap_or(table);
        let missing = grants.missing(loaded.description(), name);
        if missing.is_empty() {
            return Ok((loaded.grant(grants.clone()), grants));
        }
        let asked = missing.iter().map(|grant| {
            let same = |asked: &&GrantRequest| asked.access == grant.access() && asked.table.as_deref() == grant.table();
            let why = loaded.description().grants.iter().find(same).map_or("", |asked| asked.why.as_str());
            format!("\n  --grant {grant}   {why}")
        });
        Err(Error::Refused(format!(
            "the migration {} asks for more than was granted. If it may, add{}",
            loaded.description().name,
            asked.collect::<String>()
        )))
    }

    /// `--arg`, in the order given.
    pub(super) fn arguments(&self) -> &[(String, String)] {
        &self.arguments
    }
}

impl Flow {
    /// What these flags say of the work itself.
    pub(super) fn options(&self, table: &str) -> RunOptions {
        let mut options = RunOptions::new(table);
        options.concurrency = self.concurrency.map_or(options.concurrency, usize::from);
        options.writes_in_flight = self.writes_in_flight.into();
        self.rates.give(&mut options);
        options
    }

    /// Loads the plugin with what is granted; refuses if it asks for more.
    pub(super) fn load(&self, plugin: &Path, table: &str, building: Building) -> Result<(Arc<dyn Migration>, RunOptions), Error> {
        let slots = self.concurrency.map(usize::from);
        let (loaded, grants) = self.given.load(plugin, table, slots, building)?;
        let mut options = self.options(table);
        options.grants = grants.to_strings();
        options.segments = self.segments;
        options.consistent = !self.eventual;
        options.filter.clone_from(&self.filter);
        options.fail_fast = self.fail_fast;
        options.max_errors = self.max_errors;
        options.arguments = self.given.arguments().to_vec();
        options.guard.clone_from(&self.guard);
        options.conflict_retries = self.conflict_retries;
        options.exactly_once = self.delivery.exactly_once.clone().unwrap_or_default();
        options.no_atomic = self.delivery.no_atomic;
        options.check_source = self.delivery.check_source;
        self.rates.give(&mut options);
        Ok((Arc::new(loaded), options))
    }
}

/// Grants as they stand on the command line or in a run's manifest.
pub(super) fn parse_grants(texts: &[String]) -> Result<Grants, Error> {
    let parsed = texts.iter().map(|text| text.parse::<Grant>()).collect::<Result<_, _>>();
    parsed.map(Grants::new).map_err(|error| Error::Usage(error.to_string()))
}

/// Reads and loads a plugin file.
pub(super) fn load(path: &Path, slots: Option<usize>) -> Result<Plugin, Error> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| Error::Usage(format!("the plugin {name} cannot be read: {error}")))?;
    load_bytes(&name, bytes, slots)
}

/// Loads a plugin from its bytes.
pub(super) fn load_bytes(name: &str, bytes: Vec<u8>, slots: Option<usize>) -> Result<Plugin, Error> {
    let defaults = PluginOptions::default();
    let options = PluginOptions { slots: slots.unwrap_or(defaults.slots), ..defaults };
    Plugin::load(name, bytes, &options).map_err(|error| Error::Usage(error.to_string()))
}
