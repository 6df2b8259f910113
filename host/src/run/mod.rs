//! A run: scan the table, migrate each item, journal the actions, and once the scan is over apply them, each only if its
//! item is still what the migration saw; then record the migration as applied.
//!
//! [`Migrator`] is the whole of drift-host without a process around it; the binary uses only this.

mod apply;
mod doubt;
mod error;
mod estimate;
mod flow;
mod kept;
mod options;
mod parts;
mod plan;
mod pool;
mod repair;
mod restore;
mod retry;
mod summary;
mod sweep;
mod terms;
mod way_back;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

pub use error::Error;
pub use options::{ExactlyOnce, MaxErrors, RunOptions};
pub use restore::{WayBack, restorer};
pub use summary::Summary;

use crate::dynamo::{Billing, ConnectionSettings, Database, Filter, TableInfo, without_secrets};
use crate::history::{Applied, History, Lease, LeaseTerms, Unfinished, now};
use crate::journal::{self, Counts, Journal, Manifest};
use crate::migration::{Direction, Migration, RunContext};
use crate::store::Store;
use flow::Run;

/// How long a table that is being made is waited for.
const CREATION: Duration = Duration::from_secs(300);
/// Items a page of the scan.
const PAGE_LIMIT: u32 = 1000;

/// Where a run stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The run has an id now.
    Started {
        /// Its id.
        run: String,
        /// What DynamoDB says of the table's size; it lags hours.
        items_estimated: u64,
    },
    /// The table is not usable yet, and is waited for.
    Waiting {
        /// The table.
        table: String,
        /// Its status, in DynamoDB's word.
        status: String,
    },
    /// At most so many units a second are taken.
    Paced {
        /// Read units a second.
        read: Option<u32>,
        /// Write units a second.
        write: Option<u32>,
    },
    /// So many more items were scanned and answered.
    Scanned(u64),
    /// The plan is sealed; so many items are to be written.
    Sealed(u64),
    /// So many more items are done or settled.
    Applied(u64),
    /// What was done could not be published in object storage: why. It is tried again.
    NotPublished(String),
}

type Observer = Arc<dyn Fn(Event) + Send + Sync>;

/// Runs migrations against one account, region and metadata table.
#[derive(Clone)]
pub struct Migrator {
    database: Database,
    settings: ConnectionSettings,
    history: History,
    meta_table: String,
    runs_dir: PathBuf,
    store: Option<Store>,
    observer: Observer,
    stop: CancellationToken,
}

impl Migrator {
    /// Connects by the standard AWS configuration; the metadata table is `drift_migrations` unless named otherwise.
    pub async fn connect(settings: ConnectionSettings) -> Result<Self, Error> {
        let database = Database::connect(&settings).await?;
        let meta_table = "drift_migrations".to_owned();
        let terms = LeaseTerms::for_timeout(settings.request_timeout);
        let history = History::new(database.client().clone(), &meta_table).lease_terms(terms);
        let runs_dir = journal::default_runs_dir();
        let observer: Observer = Arc::new(|_| {});
        Ok(Self { database, settings, history, meta_table, runs_dir, store: None, observer, stop: CancellationToken::new() })
    }

    /// Uses another metadata table.
    #[must_use]
    pub fn meta_table(mut self, name: &str) -> Self {
        self.history = self.history.of(name);
        self.meta_table = name.to_owned();
        self
    }

    /// Keeps runs in another folder.
    #[must_use]
    pub fn runs_dir(mut self, dir: PathBuf) -> Self {
        self.runs_dir = dir;
        self
    }

    /// Keeps runs in object storage as well, and works on them in its folder.
    #[must_use]
    pub fn store(mut self, store: Store) -> Self {
        self.runs_dir = store.folder().to_owned();
        self.store = Some(store);
        self
    }

    /// Calls `observer` with each event; it must not block.
    #[must_use]
    pub fn observe(mut self, observer: impl Fn(Event) + Send + Sync + 'static) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// Ends what runs, resumably, when this token is cancelled.
    #[must_use]
    pub fn stop_by(mut self, stop: CancellationToken) -> Self {
        self.stop = stop;
        self
    }

    /// The connection.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The history that this one reads and writes.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Creates the metadata tables where they are missing.
    pub async fn init(&self, billing: &Billing) -> Result<(), Error> {
        Ok(self.history.init(billing).await?)
    }

    /// The applied migrations in the order of their numbers.
    pub async fn applied(&self) -> Result<Vec<Applied>, Error> {
        Ok(self.history.applied().await?)
    }

    /// The runs that have begun and are not done.
    pub async fn unfinished(&self) -> Result<Vec<Unfinished>, Error> {
        Ok(self.history.unfinished().await?)
    }

    /// Scans and migrates, and stops at the seal. Writes nothing to DynamoDB.
    pub async fn plan(&self, migration: Arc<dyn Migration>, options: &RunOptions) -> Result<Summary, Error> {
        let table = self.usable(&options.table).await?;
        let manifest = self.manifest(migration.as_ref(), options, Direction::Migrate, &table)?;
        self.keep_pace(&table, options);
        self.begin(&manifest, migration, table)?.plan_only(options).await
    }

    /// Plans and applies. A migration that is applied already is left alone.
    pub async fn run(&self, migration: Arc<dyn Migration>, options: &RunOptions) -> Result<Summary, Error> {
        self.whole(migration, options, Direction::Migrate).await
    }

    /// The way back by the migration's own code: run the same way, and its row leaves the history when all is done.
    pub async fn undo(&self, migration: Arc<dyn Migration>, options: &RunOptions) -> Result<Summary, Error> {
        if !migration.reversible() {
            let name = &migration.description().name;
            return Err(Error::Usage(format!("the migration {name} has no undo: it exports `migrate` only")));
        }
        self.whole(migration, options, Direction::Undo).await
    }

    /// The journal of a run, by its id or the beginning of it: from object storage, where runs are kept there.
    pub async fn find(&self, run: &str) -> Result<PathBuf, Error> {
        match &self.store {
            Some(store) => Ok(store.fetch(run).await?),
            None => Ok(journal::find(&self.runs_dir, run)?),
        }
    }

    /// Opens a run by its id, or the beginning of it, to go on with it.
    pub fn open(&self, run: &str) -> Result<Journal, Error> {
        Ok(Journal::open(&journal::find(&self.runs_dir, run)?)?)
    }

    /// Goes on with an opened run from wherever it stands. `migration` is the one that the run began with.
    pub async fn apply(&self, journal: Journal, migration: Arc<dyn Migration>, options: &RunOptions) -> Result<Summary, Error> {
        let (has, given) = (journal.digest()?, migration.digest());
        if given != has {
            let run = &journal.manifest().run;
            return Err(Error::Refused(format!("the code of run {run} is {has}, and this is {given}")));
        }
        self.go_on(journal, migration, options, false).await
    }

    /// Goes on with a run whose code was looked at.
    async fn go_on(
        &self,
        journal: Journal,
        migration: Arc<dyn Migration>,
        options: &RunOptions,
        retry_failed: bool,
    ) -> Result<Summary, Error> {
        let manifest = journal.manifest().clone();
        let table = self.table_of(&manifest).await?;
        let lease = if !journal.state()?.is_final() {
            self.history.init(&Billing::OnDemand).await?;
            self.init_receipts(&manifest).await?;
            self.lease(migration.as_ref(), &manifest, Some(&journal)).await?
        } else if self.history.unfinished().await?.iter().any(|row| row.run == manifest.run) {
            self.lease_of(&journal).await?
        } else {
            return Summary::read(&journal);
        };
        self.keep_pace(&table, options);
        let run = Run::new(self, journal, migration, table);
        let run = if retry_failed { run.retry_failed() } else { run };
        run.go_on(options, lease).await
    }

    /// The table of a run that has begun, if it is the same and the run is kept under the same metadata table.
    async fn table_of(&self, manifest: &Manifest) -> Result<TableInfo, Error> {
        if manifest.meta_table != self.meta_table {
            let (run, theirs, ours) = (&manifest.run, &manifest.meta_table, &self.meta_table);
            return Err(Error::Refused(format!("the run {run} is kept under the metadata table {theirs}, not {ours}")));
        }
        let table = self.usable(&manifest.context.table).await?;
        if table.id != manifest.table_id {
            let (name, run) = (&table.name, &manifest.run);
            return Err(Error::Refused(format!(
                "the table {name} is not the one that run {run} began with: it was created anew since"
            )));
        }
        Ok(table)
    }

    /// Keeps to the rates asked for, or, on anything not local, to a quarter of what the table has.
    fn keep_pace(&self, table: &TableInfo, options: &RunOptions) {
        let (read, write) = match self.database.is_local() {
            true => (None, None),
            false => table.quarter(),
        };
        let read = options.max_read_units.map(NonZeroU32::get).or(read);
        let write = options.max_write_units.map(NonZeroU32::get).or(write);
        self.database.set_pace(read, write);
        if read.is_some() || write.is_some() {
            (self.observer)(Event::Paced { read, write });
        }
    }

    /// The table, once it can be worked on.
    async fn usable(&self, table: &str) -> Result<TableInfo, Error> {
        let waiting = |status: &str| (self.observer)(Event::Waiting { table: table.to_owned(), status: status.to_owned() });
        Ok(self.database.client().usable_table(table, CREATION, waiting).await?)
    }

    async fn whole(&self, migration: Arc<dyn Migration>, options: &RunOptions, direction: Direction) -> Result<Summary, Error> {
        let table = self.usable(&options.table).await?;
        self.history.init(&Billing::OnDemand).await?;
        let number = migration.description().number;
        let recorded = self.history.find(number).await?;
        match (&recorded, direction) {
            (Some(row), Direction::Migrate) => return self.already(migration.as_ref(), row, &table),
            (None, Direction::Undo) => {
                return Err(Error::Usage(format!(
                    "migration {number} is not applied; there is nothing to undo (see `drift-host status`)"
                )));
            }
            (Some(row), Direction::Undo) if row.table != table.name => {
                return Err(Error::Refused(format!(
                    "migration {number} was applied to the table {}, not to {}",
                    row.table, table.name
                )));
            }
            _ => {}
        }
        let manifest = self.manifest(migration.as_ref(), options, direction, &table)?;
        self.begin_leased(&manifest, migration, table, options).await
    }

    /// Begins a run and goes to its end, under the table's lease.
    async fn begin_leased(
        &self,
        manifest: &Manifest,
        migration: Arc<dyn Migration>,
        table: TableInfo,
        options: &RunOptions,
    ) -> Result<Summary, Error> {
        let lease = self.lease(migration.as_ref(), manifest, None).await?;
        self.keep_pace(&table, options);
        let begun = match self.init_receipts(manifest).await {
            Ok(()) => self.begin(manifest, migration, table),
            Err(error) => Err(error),
        };
        match begun {
            Ok(run) => run.go_on(options, lease).await,
            Err(error) => {
                // It runs out by itself if it cannot be given back.
                let _expires = lease.release().await;
                Err(error)
            }
        }
    }

    /// The lease of a run's table. Only under it is what the history says certain: before, another run may end or begin at any
    /// time; and whoever is alive is told from whoever died.
    async fn lease(&self, migration: &dyn Migration, manifest: &Manifest, begun: Option<&Journal>) -> Result<Lease, Error> {
        let lease = match begun {
            Some(journal) => self.lease_of(journal).await?,
            None => Lease::acquire(&self.history, &manifest.context.table, &manifest.run, &owner()).await?,
        };
        if let Err(error) = self.check_history(migration, manifest, begun.is_some()).await {
            let _expires = lease.release().await;
            return Err(error);
        }
        Ok(lease)
    }

    /// The lease for a run that has begun: here, or on a machine of which nothing is known.
    async fn lease_of(&self, journal: &Journal) -> Result<Lease, Error> {
        let (table, run) = (&journal.manifest().context.table, &journal.manifest().run);
        Ok(match journal.lineage()?.is_some_and(|lineage| lineage.fetched.is_some()) {
            true => Lease::take_over(&self.history, table, run, &owner()).await?,
            false => Lease::acquire(&self.history, table, run, &owner()).await?,
        })
    }

    /// The table of receipts, only where a run leaves some.
    async fn init_receipts(&self, manifest: &Manifest) -> Result<(), Error> {
        match manifest.exactly_once {
            ExactlyOnce::Receipts => Ok(self.history.init_receipts(&Billing::OnDemand).await?),
            _ => Ok(()),
        }
    }

    /// What the history says against this run, which has `begun` already or is to begin.
    async fn check_history(&self, migration: &dyn Migration, manifest: &Manifest, begun: bool) -> Result<(), Error> {
        let applied = self.history.applied().await?;
        let (number, run) = (manifest.number, &manifest.run);
        match (applied.iter().find(|row| row.number == number), manifest.direction) {
            // A plan may have been made long ago.
            (Some(row), Direction::Migrate) if row.run != *run && !manifest.sweep => {
                let by = if row.run.is_empty() { "another tool".into() } else { format!("run {}", row.run) };
                return Err(Error::Refused(format!(
                    "migration {number} has been applied by {by}, so that run {run} must not do it again (see `drift-host status`)"
                )));
            }
            (None, Direction::Undo) if !begun && manifest.restores.is_none() => {
                return Err(Error::Refused(format!("migration {number} is no longer applied; there is nothing to undo")));
            }
            _ => {}
        }
        let missing = |number: &&crate::model::MigrationNumber| !applied.iter().any(|row| row.number == **number);
        if let Some(number) =
            migration.description().after.iter().find(missing).filter(|_| manifest.direction == Direction::Migrate)
        {
            return Err(Error::Refused(format!(
                "migration {} comes after migration {number}, which is not applied",
                manifest.number
            )));
        }
        let others = self.history.unfinished().await?;
        // What a run takes back is not done either.
        let known = |other: &str| begun && other == run || Some(other) == manifest.restores.as_deref();
        match others.iter().find(|other| other.table == manifest.context.table && !known(&other.run)) {
            Some(other) => Err(Error::Refused(format!(
                "the table {} has an unfinished run, {} of migration {} ({}, {}); go on with `drift-host apply {}` where its journal is; if that is lost, see `drift-host repair {} --abandon`",
                other.table, other.run, other.number, other.state, other.owner, other.run, other.run
            ))),
            None => Ok(()),
        }
    }

    fn already(&self, migration: &dyn Migration, row: &Applied, table: &TableInfo) -> Result<Summary, Error> {
        let number = row.number;
        if row.table != table.name {
            return Err(Error::Refused(format!(
                "migration {number} is recorded for the table {0}, not for {1}. If that is a mistake: drift-host repair --adopt {number} --table {1}",
                row.table, table.name
            )));
        }
        let fixed = row.details.iter().any(|(name, digest)| name == "fixed_digest" && digest == migration.digest());
        if !row.digest.is_empty() && row.digest != migration.digest() && !fixed {
            return Err(Error::Refused(format!(
                "migration {number} is applied already, by {}, and this plugin is {}. Give the new code a number of its own; or, if it does the same: drift-host repair PLUGIN --table {} --accept-digest",
                row.digest,
                migration.digest(),
                table.name
            )));
        }
        let description = migration.description();
        Ok(Summary {
            manifest: None,
            migration: (number.to_string(), description.name.clone(), migration.digest().to_owned()),
            table: table.name.clone(),
            state: "already-applied".into(),
            counts: Counts::default(),
            units: (0.0, 0.0),
            needed_units: None,
            seconds: (0.0, 0.0),
            single_writes: 0,
            partly_guarded: 0,
            errors: Vec::new(),
        })
    }

    /// What a run is, fixed before it begins.
    fn manifest(
        &self,
        migration: &dyn Migration,
        options: &RunOptions,
        direction: Direction,
        table: &TableInfo,
    ) -> Result<Manifest, Error> {
        options.filter.as_deref().map(Filter::parse).transpose().map_err(|error| Error::Usage(format!("--filter: {error}")))?;
        let description = migration.description();
        let started_at = now();
        let context = RunContext {
            table: table.name.clone(),
            key: table.key.clone(),
            started_at: started_at.clone(),
            arguments: options.arguments.clone(),
        };
        let manifest = Manifest {
            run: journal::new_run_id(),
            host_version: env!("CARGO_PKG_VERSION").to_owned(),
            created: started_at,
            direction,
            number: description.number,
            name: description.name.clone(),
            summary: description.summary.clone(),
            digest: migration.digest().to_owned(),
            repeatable: description.repeatable,
            context,
            table_arn: table.arn.clone(),
            table_id: table.id.clone(),
            segments: options.segments,
            consistent: options.consistent,
            page_limit: PAGE_LIMIT,
            filter: options.filter.clone(),
            guard: options.guard.clone(),
            max_errors: options.max_errors.to_string(),
            grants: options.grants.clone(),
            meta_table: self.meta_table.clone(),
            conflict_retries: options.conflict_retries,
            exactly_once: options.exactly_once.clone(),
            no_atomic: options.no_atomic,
            check_source: options.check_source,
            restores: None,
            sweep: false,
            endpoint_url: self.settings.endpoint_url.as_deref().map(without_secrets),
            region: self.settings.region.clone(),
            profile: self.settings.profile.clone(),
        };
        terms::terms(&manifest)?;
        Ok(manifest)
    }

    fn begin(&self, manifest: &Manifest, migration: Arc<dyn Migration>, table: TableInfo) -> Result<Run, Error> {
        let journal = Journal::create(&self.runs_dir, manifest, migration.component())?;
        (self.observer)(Event::Started { run: manifest.run.clone(), items_estimated: table.item_count });
        Ok(Run::new(self, journal, migration, table))
    }
}

/// Who starts a run, for the lease and the history: user, host and process.
fn owner() -> String {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let user = variable("USER").or_else(|| variable("LOGNAME")).unwrap_or_else(|| "somebody".into());
    let host = variable("HOSTNAME").or_else(|| std::fs::read_to_string("/etc/hostname").ok().map(|name| name.trim().to_owned()));
    format!("{user}@{}, process {}, since {}", host.unwrap_or_else(|| "this host".into()), std::process::id(), now())
}
