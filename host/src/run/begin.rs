//! How a run begins: what it is, fixed in its manifest, and then its journal, under the table's lease.

use std::sync::Arc;
use std::time::Duration;

use super::error::Error;
use super::flow::Run;
use super::summary::Summary;
use super::{Event, Migrator, RunOptions, terms};
use crate::dynamo::{Billing, Filter, TableInfo, without_secrets};
use crate::explain::Code;
use crate::history::{Applied, is_own, now};
use crate::insight;
use crate::journal::{self, Counts, Journal, Manifest};
use crate::migration::{Direction, Migration, RunContext, new_seed};
use crate::model::{Description, Preconditions, Rate};

/// What the migration says must hold of the table, held against it.
pub(super) fn needed(description: &Description, table: &TableInfo) -> Result<(), Error> {
    let (number, name) = (description.number, &description.name);
    let needs = Preconditions::of(description).map_err(|why| {
        Error::Usage(format!("the migration {number} ({name}) says of what it needs what is not understood: {why}"))
    })?;
    let missing = needs.missing(&table.name, &table.key, &table.indexes);
    match missing.is_empty() {
        true => Ok(()),
        false => Err(Error::Known(
            Code::DoesNotFit,
            format!(
                "the migration {number} ({name}) does not fit the table {}: {}. Nothing was read or written",
                table.name,
                missing.join("; ")
            ),
        )),
    }
}

/// How long a table that is being made is waited for.
const CREATION: Duration = Duration::from_secs(300);
/// Items a page of the scan.
const PAGE_LIMIT: u32 = 1000;

impl Migrator {
    /// Plans and applies a new run, unless its migration is applied already, or, for an undo, is not.
    pub(super) async fn whole(
        &self,
        migration: Arc<dyn Migration>,
        options: &RunOptions,
        direction: Direction,
    ) -> Result<Summary, Error> {
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
                return Err(Error::Known(
                    Code::OtherTable,
                    format!("migration {number} was applied to the table {}, not to {}", row.table, table.name),
                ));
            }
            _ => {}
        }
        let manifest = self.manifest(migration.as_ref(), options, direction, &table)?;
        self.begin_leased(&manifest, migration, table, options).await
    }

    /// Begins a run and goes to its end, under the table's lease.
    pub(super) async fn begin_leased(
        &self,
        manifest: &Manifest,
        migration: Arc<dyn Migration>,
        table: TableInfo,
        options: &RunOptions,
    ) -> Result<Summary, Error> {
        self.at_home(manifest, &table)?;
        self.may_start(manifest, Counts::default()).await?;
        let lease = self.lease(migration.as_ref(), manifest, None).await?;
        self.keep_pace(&table, manifest, options);
        let begun = match self.init_receipts(manifest).await {
            Ok(()) => match self.estimated(manifest.clone(), &table, options).await {
                Ok(manifest) => {
                    self.warn(insight::of_table(&manifest));
                    self.begin(&manifest, migration, table)
                }
                Err(error) => Err(error),
            },
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

    pub(super) fn already(&self, migration: &dyn Migration, row: &Applied, table: &TableInfo) -> Result<Summary, Error> {
        let number = row.number;
        if row.table != table.name {
            return Err(Error::Known(
                Code::OtherTable,
                format!(
                    "migration {number} is recorded for the table {0}, not for {1}. If that is a mistake: drift-host repair --adopt {number} --table {1}",
                    row.table, table.name
                ),
            ));
        }
        if !row.is(migration.digest()) {
            return Err(Error::Known(
                Code::DigestDiffers,
                format!(
                    "migration {number} is applied already, by {}, and this plugin is {}. Give the new code a number of its own; or, if it does the same: drift-host repair PLUGIN --table {} --accept-digest",
                    row.digest,
                    migration.digest(),
                    table.name
                ),
            ));
        }
        let description = migration.description();
        Ok(Summary {
            manifest: None,
            place: None,
            migration: (number.to_string(), description.name.clone(), migration.digest().to_owned()),
            table: table.name.clone(),
            state: "already-applied".into(),
            counts: Counts::default(),
            units: (0.0, 0.0),
            needed_units: None,
            seconds: (0.0, 0.0),
            single_writes: 0,
            partly_guarded: 0,
            windows: None,
            held_up: None,
            bound: None,
            accesses: Vec::new(),
            errors: Vec::new(),
        })
    }

    /// What a run is, fixed before it begins.
    pub(super) fn manifest(
        &self,
        migration: &dyn Migration,
        options: &RunOptions,
        direction: Direction,
        table: &TableInfo,
    ) -> Result<Manifest, Error> {
        options.filter.as_deref().map(Filter::parse).transpose().map_err(|error| Error::Usage(format!("--filter: {error}")))?;
        let description = migration.description();
        if direction == Direction::Migrate {
            needed(description, table)?;
        }
        let started_at = now();
        let context = RunContext {
            table: table.name.clone(),
            key: table.key.clone(),
            started_at: started_at.clone(),
            arguments: options.arguments.clone(),
            seed: new_seed(),
            secrets: terms::secrets(&options.secret_arguments, &options.arguments)?,
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
            limits: options.limits.clone(),
            meta_table: self.meta_table.clone(),
            conflict_retries: options.conflict_retries,
            exactly_once: options.exactly_once.clone(),
            no_atomic: options.no_atomic,
            check_source: options.check_source,
            no_images: options.no_images,
            restores: None,
            sweep: false,
            secret_arguments: options.secret_arguments.clone(),
            policy: options.policy.clone(),
            max_read_units: options.max_read_units,
            max_write_units: options.max_write_units,
            journal_max: options.journal_max,
            window: options.window,
            part: None,
            estimate: None,
            features: None,
            home_region: options.home_region.clone(),
            backup: options.backup,
            endpoint_url: self.settings.endpoint_url.as_deref().map(without_secrets),
            region: self.settings.region.clone(),
            profile: self.settings.profile.clone(),
        };
        terms::terms(&manifest)?;
        if manifest.window.is_some() && self.store.is_some() {
            return Err(Error::Refused(
                "--window: what is kept in object storage is one plan, published before the first write, and a run with windows has many. \
                 Keep its journal in a folder (--runs-dir DIR), on a disk that outlives the machine"
                    .into(),
            ));
        }
        Ok(manifest)
    }

    pub(super) fn begin(&self, manifest: &Manifest, migration: Arc<dyn Migration>, table: TableInfo) -> Result<Run, Error> {
        let component = migration.component().map_or(0, <[u8]>::len) as u64;
        journal::check_room(&self.runs_dir, self.expected(manifest) + component, 0)?;
        let journal = Journal::create(&self.runs_dir, manifest, migration.component())?;
        (self.observer)(Event::Started { run: manifest.run.clone(), items_estimated: table.item_count });
        Ok(Run::new(self, journal, migration, table))
    }

    /// Bytes that the journal of a run will have, more or less: by its estimate, or as many as that of the run which it takes back.
    pub(super) fn expected(&self, manifest: &Manifest) -> u64 {
        match &manifest.restores {
            Some(old) => journal::find(&self.runs_dir, old).ok().and_then(|path| path.metadata().ok()).map_or(0, |old| old.len()),
            None => manifest.estimate.as_ref().map_or(0, |estimate| estimate.journal_bytes_at_a_time(manifest)),
        }
    }

    /// The table, once it can be worked on.
    pub(super) async fn usable(&self, table: &str) -> Result<TableInfo, Error> {
        if is_own(&self.meta_table, table) {
            return Err(Error::Known(
                Code::OwnTable,
                format!("the table {table} is drift-host's own: what was applied, and who works on what, is kept there"),
            ));
        }
        let waiting = |status: &str| (self.observer)(Event::Waiting { table: table.to_owned(), status: status.to_owned() });
        Ok(self.database.client().usable_table(table, CREATION, waiting).await?)
    }

    /// The same manifest with what the run will take, which is told; a way back scans nothing, and has none.
    pub(super) async fn estimated(&self, manifest: Manifest, table: &TableInfo, options: &RunOptions) -> Result<Manifest, Error> {
        let manifest = self.with_features(manifest, table, options).await?;
        if manifest.restores.is_some() {
            return Ok(Manifest { estimate: None, ..manifest });
        }
        let estimate = self.forecast(table, &manifest).await?;
        (self.observer)(Event::Estimated(estimate.clone()));
        Ok(Manifest { estimate: Some(estimate), ..manifest })
    }

    /// Keeps to the rates asked for now, or when the run began; without either, on anything not local, to a quarter of what the
    /// table has.
    pub(super) fn keep_pace(&self, table: &TableInfo, manifest: &Manifest, options: &RunOptions) {
        let unsaid = (!self.database.is_local()).then_some(Rate::Percent(25));
        let read = options.max_read_units.or(manifest.max_read_units).or(unsaid);
        let write = options.max_write_units.or(manifest.max_write_units).or(unsaid);
        let (has, limit) = (table.throughput, |rate: Option<Rate>, has: u64| rate.and_then(|rate| rate.of(has)));
        let (read, write) = (limit(read, has.read), limit(write, has.write));
        self.database.rates().set(read, write);
        if read.is_some() || write.is_some() {
            (self.observer)(Event::Paced { read, write });
        }
    }
}
