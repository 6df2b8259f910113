//! Where the tables are, and where the runs are kept.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::signals;
use super::source::Building;
use crate::Error;
use crate::config::Environment;
use crate::dynamo::{ConnectionSettings, Database};
use crate::explain::Code;
use crate::journal::{Manifest, RunFile};
use crate::run::Migrator;
use crate::store::{Settings, Shared, Store};

/// Where the tables are.
#[derive(Args, Clone)]
pub(super) struct Connection {
    /// The environment whose settings hold where no flag says otherwise [default: the file's `default`, if it has one]
    ///
    /// Its account and its tables are bounds: what is outside them is refused before anything is read or written (docs/configuration.md).
    #[arg(long = "env", value_name = "NAME")]
    environment: Option<String>,
    /// The file of environments [default: drift.toml in the working directory, if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
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
    /// Where the runs' journals are kept: a folder, or s3://BUCKET/PREFIX, where another machine can go on with them [default: in
    /// the user's state folder]
    #[arg(long, value_name = "DIR|s3://BUCKET/PREFIX", env = "DRIFT_RUNS_DIR")]
    runs_dir: Option<String>,
    /// With runs in S3: the folder in which their journals are worked on [default: in the user's state folder]
    #[arg(long, value_name = "DIR")]
    scratch_dir: Option<PathBuf>,
    /// Keep the journals in a folder of a machine that comes and goes (a container, a build agent): if it goes, runs cannot go on
    #[arg(long)]
    ephemeral_runs: bool,
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

    /// The environment that holds, if one does.
    pub(super) fn environment(&self) -> Result<Option<Environment>, Error> {
        Ok(Environment::choose(self.config.as_deref(), self.environment.as_deref())?)
    }

    /// Refuses credentials of another account than the environment's.
    async fn check_account(&self, database: &Database) -> Result<(), Error> {
        match self.environment()? {
            Some(environment) => environment.check_account(database).await,
            None => Ok(()),
        }
    }

    /// Connects as these flags say, to the account of the environment if it names one.
    pub(super) async fn migrator(&self) -> Result<Migrator, Error> {
        let migrator = Migrator::connect(self.settings()).await?.stop_by(signals::stop()).runs_dir(self.runs_dir());
        self.check_account(migrator.database()).await?;
        let migrator = match self.runs_dir.as_deref().filter(|url| is_url(url)) {
            Some(url) => {
                let store = self.store_at(url, migrator.database())?;
                migrator.store(store)
            }
            None => migrator,
        };
        Ok(match &self.meta_table {
            Some(name) => migrator.meta_table(name),
            None => migrator,
        })
    }

    /// Connects to where a run began, for as much as these flags do not say otherwise.
    pub(super) async fn migrator_of(&self, manifest: &Manifest) -> Result<Migrator, Error> {
        if let Some(environment) = self.environment()? {
            environment.check_table(&manifest.context.table)?;
        }
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

    /// The metadata table's name.
    pub(super) fn meta(&self) -> &str {
        self.meta_table.as_deref().unwrap_or("drift_migrations")
    }

    /// The folder of the runs, or in which those of object storage are worked on.
    pub(super) fn runs_dir(&self) -> PathBuf {
        match &self.runs_dir {
            None => crate::journal::default_runs_dir(),
            Some(url) if is_url(url) => self.scratch_dir.clone().unwrap_or_else(|| scratch_of(url)),
            Some(folder) => PathBuf::from(folder),
        }
    }

    /// Where runs are kept, as `--runs-dir` says it.
    pub(super) fn runs_place(&self) -> String {
        self.runs_dir.clone().unwrap_or_else(|| self.runs_dir().display().to_string())
    }

    /// Where runs are kept, if that is object storage.
    pub(super) async fn store(&self) -> Result<Option<Store>, Error> {
        match self.runs_dir.as_deref().filter(|url| is_url(url)) {
            Some(url) => {
                let database = Database::connect(&self.settings()).await?;
                self.check_account(&database).await?;
                Ok(Some(self.store_at(url, &database)?))
            }
            None => Ok(None),
        }
    }

    fn store_at(&self, url: &str, database: &Database) -> Result<Store, Error> {
        Ok(Store::open(url, self.runs_dir(), self.store_settings(database))?)
    }

    fn store_settings(&self, database: &Database) -> Settings {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Settings {
            region: database.region().to_owned(),
            endpoint_url: variable("AWS_ENDPOINT_URL_S3").or_else(|| variable("AWS_ENDPOINT_URL")),
            credentials: database.credentials(),
            request_timeout: Duration::from_secs(self.request_timeout),
        }
    }

    /// The place of a run that many processes share.
    pub(super) fn shared(&self, url: &str, migrator: &Migrator) -> Result<Shared, Error> {
        Ok(Shared::open(url, self.store_settings(migrator.database()))?)
    }

    /// The file of a run's journal, by its id or the beginning of it; of a run that many processes share, by its place.
    pub(super) async fn find(&self, run: &str) -> Result<PathBuf, Error> {
        if is_url(run) {
            let migrator = self.migrator().await?;
            return migrator.joined(&self.shared(run, &migrator)?).await;
        }
        match self.store().await? {
            Some(store) => Ok(store.fetch(run).await?),
            None => Ok(crate::journal::find(&self.runs_dir(), run)?),
        }
    }

    /// All runs that are kept.
    pub(super) async fn runs(&self) -> Result<Vec<RunFile>, Error> {
        match self.store().await? {
            Some(store) => Ok(store.list().await?),
            None => Ok(crate::journal::list(&self.runs_dir())?),
        }
    }

    /// Removes a run's journal, wherever it is kept.
    pub(super) async fn remove(&self, run: &str) -> Result<(), Error> {
        match self.store().await? {
            Some(store) => Ok(store.remove(run).await?),
            None => Ok(crate::journal::remove(&crate::journal::find(&self.runs_dir(), run)?)?),
        }
    }

    /// Refuses to begin or go on with a run whose journal would go with the machine.
    pub(super) fn lasting(&self, migrator: &Migrator) -> Result<(), Error> {
        if self.ephemeral_runs || migrator.database().is_local() || self.runs_dir.as_deref().is_some_and(is_url) {
            return Ok(());
        }
        match passing(|name| std::env::var(name).ok()) {
            None => Ok(()),
            Some(sign) => Err(Error::Known(
                Code::PassingMachine,
                format!(
                    "this looks like a machine that comes and goes ({sign}), and a run goes on only with its journal, which would be in {}. Keep it where it lasts, --runs-dir s3://BUCKET/PREFIX (or DRIFT_RUNS_DIR); or, if that folder lasts or losing a run half-way is no harm, say --ephemeral-runs",
                    self.runs_dir().display()
                ),
            )),
        }
    }
}

pub(super) fn is_url(text: &str) -> bool {
    text.contains("://")
}

/// A folder of its own for each place.
fn scratch_of(url: &str) -> PathBuf {
    let name: String =
        url.trim_start_matches("s3://").chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    crate::journal::default_runs_dir().with_file_name("remote").join(name)
}

/// What says that this machine comes and goes.
fn passing(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    const SIGNS: [(&str, &str); 5] = [
        ("ECS_CONTAINER_METADATA_URI_V4", "ECS"),
        ("ECS_CONTAINER_METADATA_URI", "ECS"),
        ("AWS_LAMBDA_FUNCTION_NAME", "Lambda"),
        ("KUBERNETES_SERVICE_HOST", "Kubernetes"),
        ("CI", "CI"),
    ];
    let set = |name: &str| variable(name).is_some_and(|value| !matches!(value.as_str(), "" | "0" | "false"));
    SIGNS.iter().find(|(name, _)| set(name)).map(|(name, what)| format!("{what}, by {name}"))
}
