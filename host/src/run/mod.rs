//! A run: scan the table, migrate each item, journal the actions, and once the scan is over apply them, each only if its
//! item is still what the migration saw; then record the migration as applied.
//!
//! [`Migrator`] is the whole of drift-host without a process around it; the binary uses only this.

mod apply;
mod error;
mod options;
mod plan;
mod pool;
mod summary;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

pub use error::Error;
pub use options::{MaxErrors, RunOptions};
pub use summary::Summary;

use crate::dynamo::{Billing, ConnectionSettings, Database, Filter, Guard, Lanes, TableInfo, Units};
use crate::history::{Applied, History, Lease, Unfinished, now};
use crate::journal::{self, Counters, Counts, Journal, Manifest, RunState};
use crate::migration::{Direction, Migration, RunContext};

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
    /// So many more items were scanned and answered.
    Scanned(u64),
    /// The plan is sealed; so many items are to be written.
    Sealed(u64),
    /// So many more items are done or settled.
    Applied(u64),
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
    observer: Observer,
    stop: CancellationToken,
}

impl Migrator {
    /// Connects by the standard AWS configuration; the metadata table is `drift_migrations` unless named otherwise.
    pub async fn connect(settings: ConnectionSettings) -> Result<Self, Error> {
        let database = Database::connect(&settings).await?;
        let meta_table = "drift_migrations".to_owned();
        let history = History::new(database.client().clone(), &meta_table);
        let runs_dir = journal::default_runs_dir();
        let observer: Observer = Arc::new(|_| {});
        Ok(Self { database, settings, history, meta_table, runs_dir, observer, stop: CancellationToken::new() })
    }

    /// Uses another metadata table.
    #[must_use]
    pub fn meta_table(mut self, name: &str) -> Self {
        self.history = History::new(self.database.client().clone(), name);
        self.meta_table = name.to_owned();
        self
    }

    /// Keeps runs in another folder.
    #[must_use]
    pub fn runs_dir(mut self, dir: PathBuf) -> Self {
        self.runs_dir = dir;
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
        let run = self.prepare(migration, options, Direction::Migrate).await?;
        run.plan(options).await?;
        run.summary()
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

    /// Opens a run by its id, or the beginning of it, to go on with it.
    pub fn open(&self, run: &str) -> Result<Journal, Error> {
        Ok(Journal::open(&journal::find(&self.runs_dir, run)?)?)
    }

    /// Goes on with an opened run from wherever it stands. `migration` is the one that the run began with.
    pub async fn apply(&self, journal: Journal, migration: Arc<dyn Migration>, options: &RunOptions) -> Result<Summary, Error> {
        let manifest = journal.manifest().clone();
        if migration.digest() != manifest.digest {
            let (begun, given) = (&manifest.digest, migration.digest());
            return Err(Error::Refused(format!("the run {} began with {begun}, and this is {given}", manifest.run)));
        }
        let table = self.usable(&manifest.context.table).await?;
        if table.id != manifest.table_id {
            let (name, run) = (&table.name, &manifest.run);
            return Err(Error::Refused(format!(
                "the table {name} is not the one that run {run} began with: it was created anew since"
            )));
        }
        let state = journal.state()?;
        if matches!(state, RunState::Applied | RunState::Undone | RunState::Refused) {
            return Summary::of(&journal, &state.to_string());
        }
        self.history.init(&Billing::OnDemand).await?;
        self.check_history(migration.as_ref(), &manifest, Some(&manifest.run)).await?;
        let lease = Lease::acquire(&self.history, &table.name, &manifest.run, &owner()).await?;
        let run = Run::new(self, journal, migration, table);
        let result = run.to_the_end(options, Arc::new(lease)).await;
        run.ended(result).await
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
        let run = self.prepare(migration, options, direction).await?;
        let checked = self.check_history(run.migration.as_ref(), run.journal.manifest(), None).await;
        let lease = match checked {
            Ok(()) => {
                Lease::acquire(&self.history, &table.name, &run.journal.manifest().run, &owner()).await.map_err(Error::from)
            }
            Err(error) => Err(error),
        };
        let lease = match lease {
            Ok(lease) => Arc::new(lease),
            Err(error) => {
                run.journal.set_state(RunState::Refused).await?;
                return Err(error);
            }
        };
        let result = run.to_the_end(options, lease).await;
        run.ended(result).await
    }

    /// What the history says against this run.
    async fn check_history(&self, migration: &dyn Migration, manifest: &Manifest, own: Option<&str>) -> Result<(), Error> {
        let applied = self.history.applied().await?;
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
        match others.iter().find(|other| other.table == manifest.context.table && Some(other.run.as_str()) != own) {
            Some(other) => Err(Error::Refused(format!(
                "the table {} has an unfinished run, {} of migration {} ({}, {}); go on with `drift-host apply {}`",
                other.table, other.run, other.number, other.state, other.owner, other.run
            ))),
            None => Ok(()),
        }
    }

    fn already(&self, migration: &dyn Migration, row: &Applied, table: &TableInfo) -> Result<Summary, Error> {
        let number = row.number;
        if row.table != table.name {
            return Err(Error::Refused(format!(
                "migration {number} is recorded for the table {}, not for {}",
                row.table, table.name
            )));
        }
        if !row.digest.is_empty() && row.digest != migration.digest() {
            return Err(Error::Refused(format!(
                "migration {number} is applied already, by {}, and this plugin is {}. Give the new code a number of its own",
                row.digest,
                migration.digest()
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
            seconds: (0.0, 0.0),
            single_writes: 0,
            partly_guarded: 0,
            errors: Vec::new(),
        })
    }

    async fn prepare(&self, migration: Arc<dyn Migration>, options: &RunOptions, direction: Direction) -> Result<Run, Error> {
        let table = self.usable(&options.table).await?;
        options.filter.as_deref().map(Filter::parse).transpose().map_err(|error| Error::Usage(format!("--filter: {error}")))?;
        guard(&options.guard)?;
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
            endpoint_url: self.settings.endpoint_url.clone(),
            region: self.settings.region.clone(),
            profile: self.settings.profile.clone(),
        };
        let journal = Journal::create(&self.runs_dir, &manifest, migration.component())?;
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

fn guard(text: &str) -> Result<Guard, Error> {
    match text.split_once('=') {
        None if text == "item" => Ok(Guard::Item),
        Some(("version", attribute)) if !attribute.is_empty() => Ok(Guard::Version(attribute.to_owned())),
        _ => Err(Error::Usage(format!("--guard {text:?}: it is `item`, or `version=ATTRIBUTE`"))),
    }
}

/// One execution with its journal.
struct Run {
    migrator: Migrator,
    journal: Journal,
    migration: Arc<dyn Migration>,
    table: TableInfo,
    /// Read and write units that the journal's counters hold already.
    counted: Mutex<(f64, f64)>,
    /// What was counted before this run.
    before: Units,
}

impl Run {
    fn new(migrator: &Migrator, journal: Journal, migration: Arc<dyn Migration>, table: TableInfo) -> Self {
        let before = migrator.database.meter().snapshot();
        let counted = Mutex::new((before.read, before.write));
        Self { migrator: migrator.clone(), journal, migration, table, counted, before }
    }

    /// Plan what is not planned, apply what is not applied, record.
    async fn to_the_end(&self, options: &RunOptions, lease: Arc<Lease>) -> Result<(), Error> {
        let result = self.work(options, &lease).await;
        if let Some(lease) = Arc::into_inner(lease) {
            // A lease that cannot be given back runs out by itself.
            let _expires = lease.release().await;
        }
        result
    }

    async fn work(&self, options: &RunOptions, lease: &Arc<Lease>) -> Result<(), Error> {
        self.mark("planning").await?;
        self.plan(options).await?;
        if !self.journal.is_sealed()? {
            return Ok(());
        }
        let counts = self.journal.counts()?;
        let allowed = self.journal.manifest().max_errors.parse::<MaxErrors>().unwrap_or_default();
        if counts.failed > 0 && self.journal.state()? == RunState::Planned && !allowed.allows(counts.failed, counts.scanned) {
            self.journal.set_state(RunState::Refused).await?;
            return Ok(self.migrator.history.end_run(&self.journal.manifest().run, None).await?);
        }
        (self.migrator.observer)(Event::Sealed(counts.changed));
        self.mark("applying").await?;
        self.journal.set_state(RunState::Applying).await?;
        self.apply(options, lease).await?;
        self.record(lease).await
    }

    async fn plan(&self, options: &RunOptions) -> Result<(), Error> {
        if self.journal.is_sealed()? {
            return Ok(());
        }
        let started = Instant::now();
        let manifest = self.journal.manifest();
        let filter =
            manifest.filter.as_deref().map(Filter::parse).transpose().map_err(|error| Error::Usage(error.to_string()))?;
        let observer = self.migrator.observer.clone();
        let planner = plan::Planner {
            journal: self.journal.clone(),
            pool: Arc::new(self.pool(options).await?),
            filter,
            fail_fast: options.fail_fast,
            stop: self.migrator.stop.child_token(),
            progress: Arc::new(move |items| observer(Event::Scanned(items))),
        };
        let planned = plan::plan(Arc::new(planner), &self.lanes()?).await;
        self.count(Counters { plan_seconds: started.elapsed().as_secs_f64(), ..Counters::default() }).await?;
        planned?;
        if self.journal.segments()?.iter().all(|segment| segment.done) {
            self.journal.seal().await?;
            self.journal.set_state(RunState::Planned).await?;
        } else if options.fail_fast && self.journal.counts()?.failed > 0 {
            self.journal.set_state(RunState::Refused).await?;
            self.migrator.history.end_run(&manifest.run, None).await?;
        }
        Ok(())
    }

    async fn apply(&self, options: &RunOptions, lease: &Arc<Lease>) -> Result<(), Error> {
        let started = Instant::now();
        let observer = self.migrator.observer.clone();
        let applier = apply::Applier {
            journal: self.journal.clone(),
            table: self.table.clone(),
            pool: Arc::new(self.pool(options).await?),
            guard: guard(&self.journal.manifest().guard)?,
            lease: lease.clone(),
            stop: self.migrator.stop.child_token(),
            progress: Arc::new(move |items| observer(Event::Applied(items))),
        };
        let applied = apply::apply(Arc::new(applier), &self.lanes()?, options.writes_in_flight).await;
        self.count(Counters { apply_seconds: started.elapsed().as_secs_f64(), ..Counters::default() }).await?;
        applied
    }

    /// Only when every item is done is the migration recorded as applied, or taken out if this is an undo.
    async fn record(&self, lease: &Lease) -> Result<(), Error> {
        let (history, manifest) = (&self.migrator.history, self.journal.manifest());
        if !self.journal.unfinished_pages()?.is_empty() {
            return Ok(());
        }
        let counts = self.journal.counts()?;
        let tolerated = manifest.max_errors.parse::<MaxErrors>().unwrap_or_default();
        if counts.doubtful > 0 || !tolerated.allows(counts.failed, counts.scanned) || counts.failed > 0 {
            self.journal.set_state(RunState::Incomplete).await?;
            return self.mark("incomplete").await;
        }
        lease.check()?;
        match manifest.direction {
            Direction::Migrate => {
                history.record(&self.applied(&counts)).await?;
                self.journal.set_state(RunState::Applied).await?;
                history.end_run(&manifest.run, None).await?;
            }
            Direction::Undo => {
                history.remove(manifest.number).await?;
                self.journal.set_state(RunState::Undone).await?;
                let line = format!(
                    "migration {} ({}) on {} was undone by {}",
                    manifest.number,
                    manifest.name,
                    manifest.context.table,
                    owner()
                );
                history.end_run(&manifest.run, Some(&line)).await?;
            }
        }
        Ok(())
    }

    fn applied(&self, counts: &Counts) -> Applied {
        let manifest = self.journal.manifest();
        let units = self.migrator.database.meter().snapshot();
        let detail = |name: &str, value: String| (name.to_owned(), value);
        let mut details = vec![
            detail("scanned", counts.scanned.to_string()),
            detail("changed", counts.changed.to_string()),
            detail("conflicts", counts.conflicts.to_string()),
            detail("skipped", counts.skipped.to_string()),
            detail("read_units", units.read.to_string()),
            detail("write_units", units.write.to_string()),
            detail("host_version", manifest.host_version.clone()),
            detail("by", owner()),
        ];
        details.extend(manifest.filter.clone().map(|filter| detail("filter", filter)));
        let description = if manifest.summary.is_empty() { &manifest.name } else { &manifest.summary };
        Applied {
            number: manifest.number,
            table: manifest.context.table.clone(),
            description: description.clone(),
            name: manifest.name.clone(),
            digest: manifest.digest.clone(),
            started: manifest.created.clone(),
            finished: now(),
            run: manifest.run.clone(),
            details,
        }
    }

    /// The summary, whatever the end was. An error leaves a run that has begun in the state in which it can go on.
    async fn ended(self, result: Result<(), Error>) -> Result<Summary, Error> {
        if let Err(error) = result {
            if matches!(self.journal.state()?, RunState::Planning | RunState::Planned | RunState::Applying) {
                self.journal.set_state(RunState::Interrupted).await?;
                let run = self.journal.manifest().run.clone();
                return Err(Error::Interrupted { run, source: Box::new(error) });
            }
            return Err(error);
        }
        if matches!(self.journal.state()?, RunState::Planning | RunState::Applying | RunState::Interrupted) {
            self.journal.set_state(RunState::Interrupted).await?;
            self.mark("interrupted").await?;
        }
        self.summary()
    }

    fn summary(&self) -> Result<Summary, Error> {
        let mut summary = Summary::of(&self.journal, &self.journal.state()?.to_string())?;
        let units = self.migrator.database.meter().snapshot();
        summary.single_writes = units.single_writes.saturating_sub(self.before.single_writes);
        summary.partly_guarded = units.partly_guarded.saturating_sub(self.before.partly_guarded);
        Ok(summary)
    }

    /// The run's row in the history, for those who look from elsewhere.
    async fn mark(&self, state: &str) -> Result<(), Error> {
        let manifest = self.journal.manifest();
        let direction = match manifest.direction {
            Direction::Migrate => "migrate",
            Direction::Undo => "undo",
        };
        let row = Unfinished {
            run: manifest.run.clone(),
            number: manifest.number,
            table: manifest.context.table.clone(),
            direction: direction.into(),
            state: state.into(),
            owner: owner(),
        };
        Ok(self.migrator.history.put_run(&row).await?)
    }

    async fn pool(&self, options: &RunOptions) -> Result<pool::Pool, Error> {
        let manifest = self.journal.manifest();
        pool::Pool::start(&self.migration, &Arc::new(manifest.context.clone()), manifest.direction, options.concurrency.max(1))
            .await
    }

    fn lanes(&self) -> Result<Lanes, Error> {
        Ok(self.migrator.database.lanes(std::thread::available_parallelism().map_or(1, usize::from))?)
    }

    /// Adds to the journal's counters, with the units consumed since the last time.
    async fn count(&self, counters: Counters) -> Result<(), Error> {
        let units = self.migrator.database.meter().snapshot();
        let (read, write) =
            std::mem::replace(&mut *self.counted.lock().unwrap_or_else(PoisonError::into_inner), (units.read, units.write));
        let counters = Counters { read_units: units.read - read, write_units: units.write - write, ..counters };
        Ok(self.journal.add_counters(&counters).await?)
    }
}
