//! The one process that stands for a run whose segments are done by others: it holds the lease and the run's row, says what each may
//! take, closes the plan when every segment is sealed, and records the history when every segment is carried out.
//!
//! Promised: nothing is written to the table before it has made the manifest, and it makes it only of journals that belong together
//! and within `--max-errors` and the policy's bounds, counted over all of them. It starts nobody and restarts nobody: an engine does.
//! Killed or stopped it can be started again, here or elsewhere, and goes on; without it, whoever carries out a segment stops by
//! the lease's local deadline. Before it gives the lease back it waits until nobody can be left who still writes.

use std::sync::Arc;
use std::time::Duration;

use super::access::{self, AccessLine};
use super::bounds::{max_errors, passed};
use super::error::Error;
use super::rows::{applied_row, unfinished_row};
use super::segment::{Task, refuse_unshared};
use super::{Event, Migrator, Progress, RunOptions, Step, Summary, owner};
use crate::dynamo::{Billing, TableInfo, Waits};
use crate::history::{self, Lease, Pace, Wishes, now};
use crate::journal::{Counters, Counts, Journal, Manifest, OutcomeRecord};
use crate::migration::{AccessCount, Migration};
use crate::store::{self, Gathered, Shared, Stage};

/// Between two looks at how far the segments are.
const LOOK: Duration = Duration::from_secs(1);
/// Failed items that a summary names.
const NAMED: usize = 100;

/// A run that is led.
struct Led<'a> {
    migrator: &'a Migrator,
    shared: &'a Shared,
    manifest: Manifest,
    table: TableInfo,
    lease: Arc<Lease>,
    /// By what it carries out itself whatever is left, where it does.
    own: Option<(Arc<dyn Migration>, &'a RunOptions)>,
    /// Segments at work at a time.
    at_once: u32,
    /// What people want of it, as far as it was heeded.
    heeded: Wishes,
    /// The rates of the whole run.
    rates: (Option<u32>, Option<u32>),
    sealed: Gathered,
    applied: Gathered,
}

impl Migrator {
    /// Leads a run at `shared` to its end: waits for all of its segments, `at_once` of which are at work at a time.
    pub async fn lead(
        &self,
        shared: &Shared,
        migration: Arc<dyn Migration>,
        options: &RunOptions,
        at_once: u32,
    ) -> Result<Summary, Error> {
        refuse_unshared(migration.as_ref(), options)?;
        let table = self.usable(&options.table).await?;
        self.history.init(&Billing::OnDemand).await?;
        let recorded = self.history.find(migration.description().number).await?;
        let manifest = match (&recorded, shared.run().await?) {
            // Another run did it: no place is begun for this one.
            (Some(row), begun) if begun.as_ref().is_none_or(|begun| begun.run != row.run) => {
                return self.already(migration.as_ref(), row, &table);
            }
            _ => self.begun(shared, migration.as_ref(), options, &table).await?,
        };
        self.stand_for(shared, manifest, (table, recorded.is_some()), migration, (options, at_once), false).await
    }

    /// Leads a run, all of whose segments are planned or are to be planned by others, to its end, and carries out itself whatever is
    /// left of it.
    pub async fn finish(
        &self,
        shared: &Shared,
        manifest: &Manifest,
        migration: Arc<dyn Migration>,
        options: &RunOptions,
    ) -> Result<Summary, Error> {
        self.is_of(manifest, migration.as_ref())?;
        let table = self.table_of(manifest).await?;
        self.still_at_home(manifest)?;
        self.history.init(&Billing::OnDemand).await?;
        let recorded = self.history.find(manifest.number).await?.is_some_and(|row| row.run == manifest.run);
        self.stand_for(shared, manifest.clone(), (table, recorded), migration, (options, 1), true).await
    }

    async fn stand_for(
        &self,
        shared: &Shared,
        manifest: Manifest,
        (table, recorded): (TableInfo, bool),
        migration: Arc<dyn Migration>,
        (options, at_once): (&RunOptions, u32),
        carries_out: bool,
    ) -> Result<Summary, Error> {
        (self.observer)(Event::Started { run: manifest.run.clone(), items_estimated: table.item_count });
        // Whoever led it before may be alive, here or elsewhere.
        let lease = Lease::take_over(&self.history, &manifest.context.table, &manifest.run, &owner()).await?;
        let ready = match self.check_history(migration.as_ref(), &manifest, true).await {
            Ok(()) => self.init_receipts(&manifest).await,
            refused => refused,
        };
        if let Err(error) = ready {
            let _expires = lease.release().await;
            return Err(error);
        }
        self.keep_pace(&table, &manifest, options);
        let present = self.rates().present();
        let rates = (present.read.limit, present.write.limit);
        let (heeded, sealed, applied) = (Wishes::default(), Gathered::new(), Gathered::new());
        let own = carries_out.then_some((migration, options));
        let lease = Arc::new(lease);
        let mut led = Led { migrator: self, shared, manifest, table, lease, own, at_once, heeded, rates, sealed, applied };
        let ended = led.work(recorded).await;
        led.end(ended).await
    }
}

impl Led<'_> {
    /// Seal, manifest, apply, record. The word is the run's state; `None` if it was stopped.
    async fn work(&mut self, recorded: bool) -> Result<Option<&'static str>, Error> {
        let history = &self.migrator.history;
        if !recorded {
            history.begin_control(&self.manifest.run, true, true).await?;
            self.share().await?;
            let planned = self.shared.plans(&self.manifest).await?.is_some();
            history.put_run(&unfinished_row(&self.manifest, if planned { "applying" } else { "planning" }), &self.lease).await?;
        }
        if !self.wait(Stage::Sealed).await? {
            return Ok(None);
        }
        let counts = counts(&self.sealed);
        if self.shared.plans(&self.manifest).await?.is_none() {
            let allowed = max_errors(&self.manifest).allows(counts.failed, counts.scanned);
            if !allowed || passed(&self.manifest, &counts).is_some() {
                self.history_over(None).await?;
                return Ok(Some("refused"));
            }
            self.shared.close(&self.manifest, &self.sealed).await?;
        }
        if !recorded {
            self.migrator.history.put_run(&unfinished_row(&self.manifest, "applying"), &self.lease).await?;
        }
        (self.migrator.observer)(Event::Sealed(counts.changed));
        if !self.carry_out().await? || !self.wait(Stage::Applied).await? {
            return Ok(None);
        }
        self.nobody_left().await?;
        self.record().await.map(Some)
    }

    /// Carries out what is left, one segment after the other, if that is for this process; false if it was stopped.
    async fn carry_out(&mut self) -> Result<bool, Error> {
        let Some((migration, options)) = self.own.clone() else { return Ok(true) };
        let mut known = Gathered::new();
        self.shared.gather(Stage::Applied, &mut known).await?;
        for segment in (0..self.manifest.segments).filter(|segment| !known.contains_key(segment)) {
            let task = Task { segment, of: self.manifest.segments, attempt: "lead".into() };
            let migration = migration.clone();
            let done =
                self.migrator.apply_led(self.shared, &self.manifest, migration, options, (&task, &self.table), &self.lease);
            if self.migrator.stop.is_cancelled() || done.await?.status == "interrupted" {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Waits until all segments are at this stage; false if it was stopped before.
    async fn wait(&mut self, stage: Stage) -> Result<bool, Error> {
        let mut looked = std::time::Instant::now();
        loop {
            self.lease.check()?;
            let known = if stage == Stage::Sealed { &mut self.sealed } else { &mut self.applied };
            let new = match self.shared.gather(stage, known).await {
                Ok(new) => new,
                Err(error) if error.kind() == store::ErrorKind::Unreachable => {
                    (self.migrator.observer)(Event::NotPublished(error.to_string()));
                    Vec::new()
                }
                Err(error) => return Err(error.into()),
            };
            for part in new {
                if let Some(why) = part.foreign_to(&self.manifest) {
                    return Err(Error::Refused(format!("{}: {why}. Give each run a --journal of its own", self.shared.url())));
                }
                let (counts, rates) = (part.counts, self.migrator.rates());
                let failed = counts.failed + counts.doubtful;
                (self.migrator.observer)(match stage {
                    Stage::Sealed => {
                        let step = Step { items: counts.scanned, failed, conflicts: 0 };
                        Event::Scanned(Progress::scanned(step, &rates, Waits::Reads))
                    }
                    Stage::Applied => Event::Applied(Progress::applied(
                        Step { items: counts.done, failed, conflicts: counts.conflicts },
                        &rates,
                    )),
                });
            }
            let known = if stage == Stage::Sealed { &self.sealed } else { &self.applied };
            if (0..self.manifest.segments).all(|segment| known.contains_key(&segment)) {
                return Ok(true);
            }
            if looked.elapsed() >= self.migrator.history.between_renewals() {
                looked = std::time::Instant::now();
                self.heed(stage).await?;
            }
            if self.heeded.stop {
                return Ok(false);
            }
            tokio::select! {
                () = self.migrator.stop.cancelled() => return Ok(false),
                () = self.lease.lost().cancelled() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Says how far the run is, and looks at what people want of it. Pauses are seen by whoever does a segment.
    async fn heed(&mut self, stage: Stage) -> Result<(), Error> {
        let (phase, known, of) = match stage {
            Stage::Sealed => ("scan", &self.sealed, self.table.item_count),
            Stage::Applied => ("apply", &self.applied, counts(&self.sealed).changed),
        };
        let counts = counts(known);
        let done = if stage == Stage::Sealed { counts.scanned } else { counts.done };
        let pace = format!("{} of {} segments", known.len(), self.manifest.segments);
        let progress = history::Progress { phase: phase.into(), done, of, pace, at: now() };
        let Ok(Some(wishes)) = self.migrator.history.report(&self.manifest.run, &progress).await else { return Ok(()) };
        if (wishes.read, wishes.write) != (self.heeded.read, self.heeded.write) {
            let limit = |wanted: Option<Pace>, has: u64, present: Option<u32>| match wanted {
                Some(Pace::At(rate)) => Some(rate.of(has)),
                Some(Pace::Unlimited) => None,
                None => present,
            };
            let throughput = self.table.throughput;
            self.rates = (limit(wishes.read, throughput.read, self.rates.0), limit(wishes.write, throughput.write, self.rates.1));
            (self.migrator.observer)(Event::Paced { read: self.rates.0, write: self.rates.1 });
            self.share().await?;
        }
        self.heeded = wishes;
        Ok(())
    }

    /// What each segment at work may take: together no more than the whole run.
    async fn share(&self) -> Result<(), Error> {
        let share = |rate: Option<u32>| rate.map(|rate| (rate / self.at_once).max(1));
        let (read, write) = (share(self.rates.0), share(self.rates.1));
        Ok(self.migrator.history.set_shares(&self.manifest.run, read, write).await?)
    }

    /// Once a segment was gone on with by somebody else than who began it, whoever began it may be alive. Its writes end with the
    /// lease, and nobody else may have the table before.
    async fn nobody_left(&self) -> Result<(), Error> {
        if self.shared.was_gone_on_with().await? {
            self.lease.close().await?;
            tokio::time::sleep(self.migrator.history.lease_length()).await;
        }
        Ok(())
    }

    /// Only when every item is done is the migration recorded as applied.
    async fn record(&self) -> Result<&'static str, Error> {
        let history = &self.migrator.history;
        let counts = self.counts();
        if counts.failed + counts.doubtful > 0 {
            history.put_run(&unfinished_row(&self.manifest, "incomplete"), &self.lease).await?;
            return Ok("incomplete");
        }
        history.record(&applied_row(&self.manifest, &counts, &self.counters(), &[]), &self.lease).await?;
        let line = access::line(&self.manifest, &self.accesses(), &owner());
        self.history_over(line.as_deref()).await?;
        Ok("applied")
    }

    async fn history_over(&self, line: Option<&str>) -> Result<(), Error> {
        Ok(self.migrator.history.end_run(&self.manifest.run, line, &self.lease).await?)
    }

    /// Gives the lease back, whatever the end was, and says what it was.
    async fn end(self, ended: Result<Option<&'static str>, Error>) -> Result<Summary, Error> {
        if !matches!(ended, Ok(Some(_))) {
            // What ended it is worth more than that this could not be said.
            let _as_it_was = self.migrator.history.put_run(&unfinished_row(&self.manifest, "interrupted"), &self.lease).await;
        }
        let state = match ended {
            Ok(state) => state.unwrap_or("interrupted"),
            Err(error) => {
                self.release().await;
                return Err(error);
            }
        };
        // What the run came to stands, whether some of its items can be named or not.
        let errors = self.errors().await.unwrap_or_default();
        let counts = self.counts();
        let bound = if state == "refused" { passed(&self.manifest, &counts) } else { None };
        let Counters { read_units, write_units, plan_seconds, apply_seconds } = self.counters();
        let manifest = self.manifest.clone();
        let summary = Summary {
            migration: (manifest.number.to_string(), manifest.name.clone(), manifest.digest.clone()),
            table: manifest.context.table.clone(),
            state: state.to_owned(),
            counts,
            units: (read_units, write_units),
            needed_units: None,
            seconds: (plan_seconds, apply_seconds),
            single_writes: 0,
            partly_guarded: 0,
            windows: None,
            held_up: None,
            bound,
            accesses: AccessLine::all(&manifest, &self.accesses()),
            errors,
            manifest: Some(manifest),
        };
        self.release().await;
        Ok(summary)
    }

    async fn release(self) {
        if let Some(lease) = Arc::into_inner(self.lease) {
            // A lease that cannot be given back runs out by itself.
            let _expires = lease.release().await;
        }
    }

    /// Some of the items that failed or are in doubt, from the journals of their segments.
    async fn errors(&self) -> Result<Vec<OutcomeRecord>, Error> {
        let mut errors = Vec::new();
        let known = if self.applied.is_empty() { &self.sealed } else { &self.applied };
        let folder = self.migrator.runs_dir.join("segments").join(format!("{}-errors-{}", self.manifest.run, std::process::id()));
        for part in known.values().filter(|part| part.counts.failed + part.counts.doubtful > 0) {
            if errors.len() >= NAMED {
                break;
            }
            let store = self.shared.segments(folder.clone(), "lead");
            let journal = Journal::read(&self.shared.fetch(&store, part.segment).await?)?;
            errors.extend(journal.outcomes(NAMED - errors.len())?);
        }
        let _left_over = std::fs::remove_dir_all(&folder);
        Ok(errors)
    }

    /// Of every segment, how far it came.
    fn counts(&self) -> Counts {
        let mut all = self.sealed.clone();
        all.extend(self.applied.clone());
        counts(&all)
    }

    fn counters(&self) -> Counters {
        let mut all = self.sealed.clone();
        all.extend(self.applied.clone());
        all.values().fold(Counters::default(), |sum, part| Counters {
            read_units: sum.read_units + part.counters.read_units,
            write_units: sum.write_units + part.counters.write_units,
            plan_seconds: sum.plan_seconds + part.counters.plan_seconds,
            apply_seconds: sum.apply_seconds + part.counters.apply_seconds,
        })
    }

    fn accesses(&self) -> Vec<AccessCount> {
        let mut all: Vec<AccessCount> = Vec::new();
        for count in self.sealed.iter().map(|(at, part)| self.applied.get(at).unwrap_or(part)).flat_map(|part| &part.accesses) {
            match all.iter_mut().find(|one| one.access == count.access && one.table == count.table) {
                Some(one) => {
                    one.allowed += count.allowed;
                    one.refused += count.refused;
                    one.first_refused = one.first_refused.take().or_else(|| count.first_refused.clone());
                }
                None => all.push(count.clone()),
            }
        }
        all
    }
}

fn counts(parts: &Gathered) -> Counts {
    parts.values().fold(Counts::default(), |sum, part| sum.and(&part.counts))
}
