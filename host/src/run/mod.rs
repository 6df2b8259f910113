//! A run: scan the table, migrate each item, journal the actions, and once the scan is over apply them, each only if its
//! item is still what the migration saw; then record the migration as applied.
//!
//! [`Migrator`] is the whole of drift-host without a process around it; the binary uses only this.

mod access;
mod admission;
mod apply;
mod begin;
mod bounds;
mod canary;
mod direct;
mod doubt;
mod error;
mod estimate;
mod features;
mod flow;
mod forecast;
mod gate;
mod guests;
mod images;
mod joined;
mod kept;
mod lead;
mod mark;
mod options;
mod parts;
mod plan;
mod pool;
mod progress;
mod repair;
mod restore;
mod retry;
mod rows;
mod segment;
mod settle;
mod steer;
mod summary;
mod sweep;
mod terms;
mod told;
mod way_back;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;

pub use access::AccessLine;
pub use canary::Canary;
pub use error::Error;
pub use gate::{Request, Stage};
pub use guests::Guests;
pub use mark::Counted;
pub use options::{ExactlyOnce, MaxErrors, Rate, RunOptions};
pub use progress::{Progress, Step};
pub use restore::{WayBack, restorer};
pub use segment::{Segment, Task};
pub use steer::{AtWork, Steered};
pub use summary::Summary;
pub use told::{About, End};

use crate::dynamo::{Billing, ConnectionSettings, Database, RateControl};
use crate::explain::Code;
use crate::history::{Applied, History, LeaseTerms, Unfinished, now};
use crate::insight::Warning;
use crate::journal::{self, Counts, Estimate, Journal};
use crate::migration::{Direction, Migration};
use crate::store::Store;

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
    /// What the run will take, more or less, before it begins.
    Estimated(Estimate),
    /// What should be known before anything is written: of the table before the scan, of the plan once it is sealed.
    Warned(Vec<Warning>),
    /// A backup of the table was made before anything was written: its ARN.
    BackedUp(String),
    /// The next window is scanned.
    Window {
        /// Which: the first is 1.
        window: u32,
        /// Of how many.
        of: u32,
    },
    /// More items were scanned and answered.
    Scanned(Progress),
    /// The plan, or that of the window, is sealed; so many items of it are to be written.
    Sealed(u64),
    /// More items are done or settled.
    Applied(Progress),
    /// The first items were carried out and looked at.
    Canary(Canary),
    /// Somebody steers the run, from this machine or another.
    Steered {
        /// The run's id.
        run: String,
        /// What it now does.
        what: Steered,
        /// Who wanted it, where and when.
        by: String,
    },
    /// What was done could not be published in object storage: why. It is tried again.
    NotPublished(String),
    /// This process is at work on the run now, which it began or goes on with.
    Begun(Box<About>),
    /// This process's work on the run is over.
    Ended(Box<End>),
}

type Observer = Arc<dyn Fn(Event) + Send + Sync>;
type Gate = Arc<dyn Fn(&Request) -> Result<(), Error> + Send + Sync>;
type Approve = Arc<dyn Fn(&Canary) -> bool + Send + Sync>;

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
    approve: Approve,
    gate: Option<Gate>,
    guests: Guests,
    stop: CancellationToken,
    /// The run that it is at work on, if others can see it.
    own: Arc<Mutex<Option<Unfinished>>>,
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
        let (approve, stop): (Approve, _) = (Arc::new(|_| true), CancellationToken::new());
        let (guests, own) = (Guests::default(), Arc::default());
        let (store, gate) = (None, None);
        Ok(Self { database, settings, history, meta_table, runs_dir, store, observer, approve, gate, guests, stop, own })
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

    /// Calls `observer` with each event as well as whoever observes already; it must not block either.
    #[must_use]
    pub fn also_observe(mut self, observer: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        let first = self.observer;
        self.observer = Arc::new(move |event| {
            observer(&event);
            first(event);
        });
        self
    }

    /// Asks `approve` whether the rest of a run may follow its canary, if there is nothing against it; without this, it may. It
    /// may block.
    #[must_use]
    pub fn approve(mut self, approve: impl Fn(&Canary) -> bool + Send + Sync + 'static) -> Self {
        self.approve = Arc::new(approve);
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

    /// How fast this one reads and writes, to be looked at and changed while it is at work. A run sets it when it begins.
    pub fn rates(&self) -> RateControl {
        self.database.rates()
    }

    /// What the migrations' own work took, of all runs of this migrator and its clones.
    pub fn guests(&self) -> &Guests {
        &self.guests
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
        if migration.writes_at_once() {
            let name = &migration.description().name;
            return Err(Error::Known(
                Code::WritesAtOnce,
                format!(
                    "the migration {name} was granted direct-write, so that it writes while it is planned: nothing of it can be previewed. Run it, on a copy of the table first; or grant it less"
                ),
            ));
        }
        if options.window.is_some() {
            return Err(Error::Usage(
                "--window: a plan is made of the whole table, to be read before any of it is carried out, and with windows there is none \
                 before the first has been written. Plan without --window, or `run` with it"
                    .into(),
            ));
        }
        let table = self.usable(&options.table).await?;
        self.check_after(migration.description()).await?;
        let manifest = self.manifest(migration.as_ref(), options, Direction::Migrate, &table)?;
        self.keep_pace(&table, &manifest, options);
        self.at_home(&manifest, &table)?;
        let manifest = self.estimated(manifest, &table, options).await?;
        self.may_start(&manifest, Counts::default()).await?;
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
            return Err(Error::Known(Code::DigestDiffers, format!("the code of run {run} is {has}, and this is {given}")));
        }
        self.go_on(journal, migration, options, false).await
    }
}

/// Who starts a run, for the lease and the history: user, host and process.
fn owner() -> String {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let user = variable("USER").or_else(|| variable("LOGNAME")).unwrap_or_else(|| "somebody".into());
    let host = variable("HOSTNAME").or_else(|| std::fs::read_to_string("/etc/hostname").ok().map(|name| name.trim().to_owned()));
    format!("{user}@{}, process {}, since {}", host.unwrap_or_else(|| "this host".into()), std::process::id(), now())
}
