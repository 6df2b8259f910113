//! The flow of one run, from wherever it stands: scan and migrate into the journal, seal, apply, record.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::error::Error;
use super::options::RunOptions;
use super::rows::{PROOF, applied_row, unfinished_row};
use super::summary::Summary;
use super::terms::{secrets, terms};
use super::{Event, Migrator, Progress, Step, access, apply, canary, owner, plan, pool, restore};
use crate::dynamo::{Filter, Lanes, TableInfo, Units, Waits};
use crate::history::{Applied, BACKUP, Lease, Unfinished};
use crate::journal::{Counters, Counts, Journal, RunState};
use crate::migration::{Direction, Migration, RunContext};
use crate::model::ExactlyOnce;

/// One execution with its journal.
pub(super) struct Run {
    pub(super) migrator: Migrator,
    pub(super) journal: Journal,
    migration: Arc<dyn Migration>,
    pub(super) table: TableInfo,
    /// Take the failed items up again before anything else.
    retry_failed: bool,
    /// How often this process has published what was done.
    pub(super) published: AtomicU64,
    /// Read and write units that the journal's counters hold already.
    counted: Mutex<(f64, f64)>,
    /// What was counted before this run.
    before: Units,
    lanes: OnceCell<Lanes>,
    /// The ARN of the backup that this process had made.
    pub(super) backup: OnceCell<String>,
}

impl Run {
    pub(super) fn new(migrator: &Migrator, journal: Journal, migration: Arc<dyn Migration>, table: TableInfo) -> Self {
        let before = migrator.database.meter().snapshot();
        let counted = Mutex::new((before.read, before.write));
        Self {
            migrator: migrator.clone(),
            journal,
            migration,
            table,
            retry_failed: false,
            published: AtomicU64::new(0),
            counted,
            before,
            lanes: OnceCell::new(),
            backup: OnceCell::new(),
        }
    }

    /// The same run, which takes its failed items up again.
    pub(super) fn retry_failed(self) -> Self {
        Self { retry_failed: true, ..self }
    }

    /// Scans and migrates, and stops at the seal. Writes nothing to DynamoDB.
    pub(super) async fn plan_only(self, options: &RunOptions) -> Result<Summary, Error> {
        self.begun();
        let planned = self.planned(options).await;
        self.ended(planned).await
    }

    /// Goes on from wherever the run stands, to its end.
    pub(super) async fn go_on(mut self, options: &RunOptions, lease: Lease) -> Result<Summary, Error> {
        let lease = Arc::new(lease);
        let steering = self.steered(options);
        self.begun();
        let mut result = self.work(options, &lease).await;
        drop(steering);
        if result.is_ok() && self.is_stopped()? {
            result = self.mark("interrupted", &lease).await;
        }
        if let Some(lease) = Arc::into_inner(lease) {
            // A lease that cannot be given back runs out by itself.
            let _expires = lease.release().await;
        }
        self.ended(result).await
    }

    /// Plan what is not planned, apply what is not applied, record: window by window, of which most runs have one.
    async fn work(&self, options: &RunOptions, lease: &Arc<Lease>) -> Result<(), Error> {
        if !self.journal.state()?.is_final() {
            let unsealed = self.journal.sealed_segments()? == 0;
            if unsealed || self.journal.state()? == RunState::Planned {
                // Nothing was written yet.
                self.mark("planning", lease).await?;
            }
            if unsealed {
                self.plan(options).await?;
                self.warn_of_plan().await?;
            }
            self.refuse_what_failed().await?;
            self.publish().await?;
        }
        if self.journal.state()?.is_final() {
            // If it was killed between its last two words, this is the last one.
            return Ok(self.migrator.history.end_run(&self.journal.manifest().run, None, lease).await?);
        }
        if self.journal.sealed_segments()? == 0 {
            return Ok(());
        }
        self.may_apply().await?;
        self.back_up(options, lease).await?;
        self.take_over().await?;
        self.mark("applying", lease).await?;
        if self.retry_failed {
            // In a place of its own: whoever waits for a run has all of this on the stack.
            Box::pin(self.take_up_failed(options)).await?;
        }
        let mut canary = options.canary;
        loop {
            if !self.journal.is_cleared()? {
                if self.is_held_up()? {
                    return self.incomplete(lease).await;
                }
                self.journal.clear().await?;
            }
            if !self.canary(options, &mut canary, lease).await? {
                return self.incomplete(lease).await;
            }
            self.apply(options, lease).await?;
            if !self.journal.unfinished_pages()?.is_empty() {
                return Ok(());
            }
            self.journal.finish_window().await?;
            if self.journal.is_sealed()? {
                break;
            }
            if self.is_held_up()? {
                return self.incomplete(lease).await;
            }
            let sealed = self.journal.sealed_segments()?;
            self.plan(options).await?;
            if self.journal.sealed_segments()? == sealed {
                return match self.journal.state()? {
                    RunState::Incomplete => self.mark("incomplete", lease).await,
                    _ => Ok(()),
                };
            }
        }
        // Before the history says so: nobody may find this run half done after it.
        self.publish_progress(true).await?;
        self.record(lease).await
    }

    /// Gives failed items new attempts, before any of them is sent.
    pub(super) async fn take_up_failed(&self, options: &RunOptions) -> Result<(), Error> {
        self.journal.set_state(RunState::Applying).await?;
        self.take_up(&self.pool(options).await?).await?;
        // An attempt at an item that counts as failed must be known of, wherever it is gone on with: and that it may have been sent.
        self.publish_progress(false).await
    }

    /// Nothing further is written for now.
    async fn incomplete(&self, lease: &Lease) -> Result<(), Error> {
        self.journal.set_state(RunState::Incomplete).await?;
        self.mark("incomplete", lease).await
    }

    /// Scans and migrates what is not sealed, or the next window of it, and seals it.
    pub(super) async fn plan(&self, options: &RunOptions) -> Result<(), Error> {
        if self.journal.is_sealed()? {
            return Ok(());
        }
        let started = Instant::now();
        let manifest = self.journal.manifest();
        if manifest.has_windows() {
            let (sealed, of) = (self.journal.sealed_segments()?, manifest.segments.div_ceil(manifest.window_segments()));
            (self.migrator.observer)(Event::Window { window: sealed / manifest.window_segments() + 1, of });
        }
        self.journal.keep_below(options.journal_max.or(manifest.journal_max).unwrap_or(u64::MAX));
        if let Some(old) = &manifest.restores {
            let (observer, rates) = (self.migrator.observer.clone(), self.migrator.rates());
            let old = Journal::read(&self.migrator.find(old).await?)?;
            let progress = move |items| observer(Event::Scanned(Progress::scanned(Step::items(items), &rates, Waits::Guest)));
            let planned = restore::plan_back(&self.journal, &old, &self.migrator.stop, progress).await;
            self.count(Counters { plan_seconds: started.elapsed().as_secs_f64(), ..Counters::default() }).await?;
            planned?;
            return self.seal(options).await;
        }
        let filter =
            manifest.filter.as_deref().map(Filter::parse).transpose().map_err(|error| Error::Usage(error.to_string()))?;
        let (observer, rates) = (self.migrator.observer.clone(), self.migrator.rates());
        let planner = plan::Planner {
            journal: self.journal.clone(),
            table: self.table.clone(),
            terms: Arc::new(terms(manifest)?),
            pool: Arc::new(self.pool(options).await?),
            filter,
            fail_fast: options.fail_fast,
            stop: self.migrator.stop.child_token(),
            waits: Arc::default(),
            progress: Arc::new(move |step, waits| observer(Event::Scanned(Progress::scanned(step, &rates, waits)))),
        };
        let planned = plan::plan(Arc::new(planner), self.lanes().await?).await;
        self.count(Counters { plan_seconds: started.elapsed().as_secs_f64(), ..Counters::default() }).await?;
        planned?;
        self.seal(options).await
    }

    async fn seal(&self, options: &RunOptions) -> Result<(), Error> {
        let (window, is_first) = (self.journal.next_window()?, self.journal.sealed_segments()? == 0);
        if self.journal.segments()?.iter().all(|state| state.done || !window.contains(&state.segment)) {
            if is_first {
                // Before the seal: whoever finds a sealed plan in this state knows that nothing of it was carried out.
                self.journal.set_state(RunState::Planned).await?;
            }
            self.journal.seal().await?;
        } else if options.fail_fast && self.journal.counts()?.failed > self.journal.sealed_counts()?.failed {
            self.journal.set_state(if is_first { RunState::Refused } else { RunState::Incomplete }).await?;
        }
        Ok(())
    }

    /// Carries the first items out, where that is asked for, and says whether the rest may follow. Of several windows, in the first
    /// that has some.
    async fn canary(&self, options: &RunOptions, wanted: &mut Option<u32>, lease: &Arc<Lease>) -> Result<bool, Error> {
        let before = self.journal.sealed_counts()?;
        let left = before.changed.saturating_sub(before.done);
        let Some(items) = wanted.take_if(|_| left > 0 || !self.journal.manifest().has_windows()) else { return Ok(true) };
        let started = Instant::now();
        self.journal.set_state(RunState::Applying).await?;
        (self.migrator.observer)(Event::Sealed(u64::from(items).min(left)));
        let stop = self.migrator.stop.child_token();
        let applier = Arc::new(self.applier(options, lease, stop).await?);
        let watch = applier.watch();
        let taken = apply::apply_first(applier.clone(), self.lanes().await?, items as usize).await;
        drop(watch);
        self.count(Counters { apply_seconds: started.elapsed().as_secs_f64(), ..Counters::default() }).await?;
        let taken = taken?;
        // What stopped it is for the caller: nothing further is written then.
        if applier.stop.is_cancelled() {
            return Ok(true);
        }
        let client = self.migrator.database.client();
        let manifest = self.journal.manifest();
        // A way back is no migration of the items that it has put back.
        let asked = manifest.repeatable && manifest.restores.is_none() && !self.migration.writes_at_once();
        let pool = asked.then_some(applier.pool.as_ref());
        let canary = canary::look(&self.journal, &self.table, client, pool, &taken, &before).await?;
        // What it wanted when it was asked again was not carried out, and is no use of a grant.
        drop(self.migration.take_accesses());
        self.count(Counters::default()).await?;
        (self.migrator.observer)(Event::Canary(canary.clone()));
        if !canary.is_clean() {
            return Ok(false);
        }
        if canary.left == 0 && canary.windows_left == 0 {
            return Ok(true);
        }
        let (approve, (reply, answer)) = (self.migrator.approve.clone(), tokio::sync::oneshot::channel());
        // A thread that nobody joins: whoever is asked may take their time, and neither a stop nor the process's end waits for it.
        let asking = std::thread::Builder::new().name("approve".into()).spawn(move || {
            let _stopped_meanwhile = reply.send(approve(&canary));
        });
        asking.map_err(|error| Error::Start(format!("nobody could be asked: {error}")))?;
        tokio::select! {
            answer = answer => Ok(answer.unwrap_or(false)),
            () = self.migrator.stop.cancelled() => Ok(true),
        }
    }

    async fn applier(&self, options: &RunOptions, lease: &Arc<Lease>, stop: CancellationToken) -> Result<apply::Applier, Error> {
        let (observer, rates) = (self.migrator.observer.clone(), self.migrator.rates());
        Ok(apply::Applier {
            journal: self.journal.clone(),
            table: self.table.clone(),
            pool: Arc::new(self.pool(options).await?),
            terms: Arc::new(terms(self.journal.manifest())?),
            envelope: Arc::new(self.journal.envelope()?),
            lease: lease.clone(),
            stop,
            progress: Arc::new(move |step| observer(Event::Applied(Progress::applied(step, &rates)))),
        })
    }

    pub(super) async fn apply(&self, options: &RunOptions, lease: &Arc<Lease>) -> Result<(), Error> {
        let started = Instant::now();
        self.journal.set_state(RunState::Applying).await?;
        let counts = self.journal.sealed_counts()?;
        (self.migrator.observer)(Event::Sealed(counts.changed.saturating_sub(counts.done)));
        let applier = Arc::new(self.applier(options, lease, self.migrator.stop.child_token()).await?);
        let watch = applier.watch();
        let keeping = self.keep_published(&applier.stop);
        let applied = apply::apply(applier, self.lanes().await?, options.writes_in_flight).await;
        drop(watch);
        let kept = keeping.end().await;
        self.count(Counters { apply_seconds: started.elapsed().as_secs_f64(), ..Counters::default() }).await?;
        applied.and(kept)
    }

    /// Only when every item is done is the migration recorded as applied, or taken out if this is an undo.
    async fn record(&self, lease: &Lease) -> Result<(), Error> {
        let (history, manifest) = (&self.migrator.history, self.journal.manifest());
        if !self.journal.unfinished_pages()?.is_empty() {
            return Ok(());
        }
        let counts = self.journal.counts()?;
        if counts.doubtful > 0 || counts.failed > 0 {
            return self.incomplete(lease).await;
        }
        match manifest.direction {
            Direction::Migrate => {
                let recorded = manifest.sweep && history.find(manifest.number).await?.is_some();
                if !recorded {
                    let mut row = applied_row(manifest, &counts, &self.journal.counters()?, &self.journal.fixes()?);
                    row.details.extend(self.backup.get().map(|arn| (BACKUP.to_owned(), arn.clone())));
                    history.record(&row, lease).await?;
                }
                self.journal.set_state(RunState::Applied).await?;
                let line = access::line(manifest, &self.journal.accesses()?, &owner());
                history.end_run(&manifest.run, line.as_deref(), lease).await?;
            }
            Direction::Undo if manifest.restores.is_some() => self.record_restored(&counts, lease).await?,
            Direction::Undo => {
                self.drop_receipts().await?;
                let undone = history.find(manifest.number).await?.map(|row| row.run).filter(|run| !run.is_empty());
                history.remove(manifest.number, lease).await?;
                self.journal.set_state(RunState::Undone).await?;
                let line = format!(
                    "migration {} ({}) on {} was undone by {}",
                    manifest.number,
                    manifest.name,
                    manifest.context.table,
                    owner()
                );
                history.end_run(&manifest.run, Some(&line), lease).await?;
                if let Some(undone) = undone {
                    Box::pin(self.tell_undone(&undone)).await;
                }
            }
        }
        Ok(())
    }

    /// The receipts of the run that is undone, and of the undo itself. Once all items are done, and not item by item: an undo need
    /// not act on every item that the run acted on (what was deleted is not there), and until it is recorded the receipts are
    /// in nobody's way, for every run has its own.
    async fn drop_receipts(&self) -> Result<(), Error> {
        let (history, manifest) = (&self.migrator.history, self.journal.manifest());
        let receipts = ExactlyOnce::Receipts.to_string();
        let with_receipts = |row: &Applied| row.detail(PROOF) == Some(receipts.as_str());
        let undone = history.find(manifest.number).await?.filter(with_receipts).map(|row| row.run);
        let own = (manifest.exactly_once == ExactlyOnce::Receipts).then(|| manifest.run.clone());
        let runs: Vec<&str> = undone.iter().chain(&own).map(String::as_str).collect();
        if runs.is_empty() {
            return Ok(());
        }
        Ok(history.drop_receipts(&runs).await?)
    }

    /// The history row goes when all is done, and the old run's journal is told.
    async fn record_restored(&self, counts: &Counts, lease: &Lease) -> Result<(), Error> {
        let (history, manifest) = (&self.migrator.history, self.journal.manifest());
        let Some(old) = &manifest.restores else { return Ok(()) };
        let of = self.migrator.find(old).await.and_then(|path| Ok(Journal::read(&path)?));
        // Also of a run that was never recorded as applied; and where that cannot be told, for there may be some.
        if of.map_or(true, |of| of.manifest().exactly_once == ExactlyOnce::Receipts) {
            history.drop_receipts(&[old]).await?;
        }
        if history.find(manifest.number).await?.is_some_and(|row| row.run == *old) {
            history.remove(manifest.number, lease).await?;
        }
        self.journal.set_state(RunState::Undone).await?;
        history.end_run(old, None, lease).await?;
        let line = format!(
            "run {old} of migration {} ({}) on {} was taken back by run {}, by {}; {} items were left as they are",
            manifest.number,
            manifest.name,
            manifest.context.table,
            manifest.run,
            owner(),
            counts.skipped
        );
        history.end_run(&manifest.run, Some(&line), lease).await?;
        Box::pin(self.tell_undone(old)).await;
        Ok(())
    }

    /// The history has it that this run was taken back; its journal is told too where it can be.
    async fn tell_undone(&self, old: &str) {
        let path = self.migrator.find(old).await;
        if let Some(old) = path.ok().and_then(|path| Journal::open(&path).ok()) {
            let told = old.set_state(RunState::Undone).await;
            if let (Ok(()), Some(store)) = (told, &self.migrator.store) {
                let told = match store.take_over(&old).await {
                    Ok(()) => store.progress(&old, 1, true).await,
                    Err(error) => Err(error),
                };
                if let Err(error) = told {
                    (self.migrator.observer)(Event::NotPublished(error.to_string()));
                }
            }
        }
    }

    /// The summary, whatever the end was. An error leaves a run that has begun in the state in which it can go on.
    pub(super) async fn summed_up(self, result: Result<(), Error>) -> Result<Summary, Error> {
        let stopped = self.is_stopped();
        if let Err(error) = result {
            if matches!(stopped, Ok(true)) {
                // What ended the run is worth more than that its journal could not be written (it may be the same).
                let _as_it_was = self.journal.set_state(RunState::Interrupted).await;
                self.publish_last().await;
            }
            return Err(Error::Interrupted { run: self.journal.manifest().run.clone(), source: Box::new(error) });
        }
        if stopped? {
            self.journal.set_state(RunState::Interrupted).await?;
        }
        self.publish_last().await;
        self.summary()
    }

    /// Whether the run stands where it can only go on.
    fn is_stopped(&self) -> Result<bool, Error> {
        let state = self.journal.state()?;
        let at_work = matches!(state, RunState::Planning | RunState::Applying | RunState::Interrupted);
        Ok(at_work || state == RunState::Planned && self.journal.sealed_segments()? == 0)
    }

    fn summary(&self) -> Result<Summary, Error> {
        let mut summary = Summary::read(&self.journal)?;
        let units = self.migrator.database.meter().snapshot();
        summary.single_writes = units.single_writes.saturating_sub(self.before.single_writes);
        summary.partly_guarded = units.partly_guarded.saturating_sub(self.before.partly_guarded);
        Ok(summary)
    }

    /// The run's row in the history, for those who look from elsewhere.
    async fn mark(&self, state: &str, lease: &Lease) -> Result<(), Error> {
        Ok(self.migrator.history.put_run(&self.row(state), lease).await?)
    }

    pub(super) fn row(&self, state: &str) -> Unfinished {
        unfinished_row(self.journal.manifest(), state)
    }

    async fn pool(&self, options: &RunOptions) -> Result<pool::Pool, Error> {
        let manifest = self.journal.manifest();
        let secrets = secrets(&manifest.secret_arguments, &manifest.context.arguments)?;
        let context = Arc::new(RunContext { secrets, ..manifest.context.clone() });
        let direct = self.migration.calls_at_once().then(|| self.migrator.direct(&self.table)).transpose()?;
        let (slots, guests) = (options.concurrency.max(1), &self.migrator.guests);
        pool::Pool::start(&self.migration, &context, manifest.direction, slots, direct, guests).await
    }

    /// The same for planning and applying: their connections stay open.
    async fn lanes(&self) -> Result<&Lanes, Error> {
        let start = || async { self.migrator.database.lanes(std::thread::available_parallelism().map_or(1, usize::from)) };
        Ok(self.lanes.get_or_try_init(start).await?)
    }

    /// Adds to the journal's counters, with the units consumed since the last time.
    async fn count(&self, counters: Counters) -> Result<(), Error> {
        let units = self.migrator.database.meter().snapshot();
        let (read, write) =
            std::mem::replace(&mut *self.counted.lock().unwrap_or_else(PoisonError::into_inner), (units.read, units.write));
        let counters = Counters { read_units: units.read - read, write_units: units.write - write, ..counters };
        self.journal.add_accesses(self.migration.take_accesses()).await?;
        Ok(self.journal.add_counters(&counters).await?)
    }
}
