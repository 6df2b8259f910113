//! Flags that several verbs share.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::dynamo::ConnectionSettings;
use crate::migration::Migration;
use crate::plugin::{Grant, Grants, Plugin, PluginOptions};
use crate::run::{MaxErrors, Migrator, RunOptions};

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
    /// The metadata table; leases and unfinished runs stand in META_runs
    #[arg(long, value_name = "META", default_value = "drift_migrations")]
    meta_table: String,
    /// The folder of the runs' journals [default: in the user's state folder]
    #[arg(long, value_name = "DIR")]
    pub(super) runs_dir: Option<PathBuf>,
}

impl Connection {
    pub(super) async fn migrator(&self) -> Result<Migrator, Error> {
        let settings = ConnectionSettings {
            endpoint_url: self.endpoint_url.clone(),
            region: self.region.clone(),
            profile: self.profile.clone(),
            request_timeout: Duration::from_secs(self.request_timeout),
        };
        let migrator = Migrator::connect(settings).await?.meta_table(&self.meta_table).stop_by(stop_on_signal());
        Ok(match &self.runs_dir {
            Some(dir) => migrator.runs_dir(dir.clone()),
            None => migrator,
        })
    }

    pub(super) fn runs_dir(&self) -> PathBuf {
        self.runs_dir.clone().unwrap_or_else(crate::journal::default_runs_dir)
    }
}

/// Cancelled by Ctrl-C or SIGTERM: what is under way is finished and can be gone on with.
fn stop_on_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        let interrupted = tokio::signal::ctrl_c();
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            match signal(SignalKind::terminate()) {
                Ok(mut terminated) => tokio::select! {
                    _ = interrupted => {}
                    _ = terminated.recv() => {}
                },
                Err(_) => drop(interrupted.await),
            }
        }
        #[cfg(not(unix))]
        drop(interrupted.await);
        eprintln!("stopping: writes under way are finished; the run can be gone on with");
        stopped.cancel();
    });
    stop
}

/// How a run is carried out.
#[derive(Args, Clone)]
pub(super) struct Flow {
    /// The table: a name or an ARN
    #[arg(long)]
    pub(super) table: String,
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
    /// An argument for the migration
    #[arg(long = "arg", value_name = "NAME=VALUE", value_parser = argument)]
    arguments: Vec<(String, String)>,
    /// Allow the plugin an access: insert:Claims, delete:. (`.` is the migrated table), or `asked` for all it asks
    #[arg(long = "grant", value_name = "ACCESS:TABLE|asked")]
    grants: Vec<String>,
    /// Guard writes by the whole item, or by a version attribute that is then incremented
    #[arg(long, value_name = "item|version=ATTR", default_value = "item")]
    guard: String,
    /// How often a migration runs again on an item that changed meanwhile
    #[arg(long, value_name = "N", default_value_t = 5)]
    conflict_retries: u32,
}

fn argument(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("{text:?} is not NAME=VALUE"))?;
    if name.is_empty() { Err(format!("{text:?} has no name")) } else { Ok((name.to_owned(), value.to_owned())) }
}

impl Flow {
    /// Loads the plugin with what is granted; refuses if it asks for more.
    pub(super) fn load(&self, plugin: &Path) -> Result<(Arc<dyn Migration>, RunOptions), Error> {
        let slots = self.concurrency.map(usize::from);
        let loaded = load(plugin, slots)?;
        let mut options = RunOptions::new(&self.table);
        let grants = self.granted(&loaded)?;
        let table = self.table.rsplit('/').next().unwrap_or(&self.table);
        let missing = grants.missing(loaded.description(), table);
        if !missing.is_empty() {
            let flags: Vec<String> = missing.iter().map(|grant| format!("--grant {grant}")).collect();
            return Err(Error::Refused(format!(
                "the migration {} asks for more than was granted. If this is wanted, add {}",
                loaded.description().name,
                flags.join(" ")
            )));
        }
        options.grants = grants.to_strings();
        options.concurrency = slots.unwrap_or(options.concurrency);
        options.writes_in_flight = self.writes_in_flight.into();
        options.segments = self.segments;
        options.consistent = !self.eventual;
        options.filter.clone_from(&self.filter);
        options.fail_fast = self.fail_fast;
        options.max_errors = self.max_errors;
        options.arguments.clone_from(&self.arguments);
        options.guard.clone_from(&self.guard);
        options.conflict_retries = self.conflict_retries;
        Ok((Arc::new(loaded.grant(grants)), options))
    }

    fn granted(&self, plugin: &Plugin) -> Result<Grants, Error> {
        if self.grants.iter().any(|grant| grant == "asked") {
            return Ok(Grants::asked_by(plugin.description()));
        }
        parse_grants(&self.grants)
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
