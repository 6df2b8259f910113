//! The one process that stands for a run whose segments are done by others: it holds the lease and the run's row, says what each may
//! take, closes the plan when every segment is sealed, and records the history when every segment is carried out.
//!
//! Promised: nothing is written to the table before it has made the manifest, and it makes it only of journals that belong together
//! and within `--max-errors` and the policy's bounds, counted over all of them. It starts nobody and restarts nobody: an engine does.
//! Killed or stopped it can be started again, here or elsewhere, and goes on; without it, whoever carries out a segment stops by
//! the lease's local deadline. Before it gives the lease back it waits until nobody can be left who still writes.

mod division;
mod helm;
mod tale;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use self::helm::{Crew, Helm};
pub(super) use self::helm::{Told, lock};
pub(super) use self::tale::Tale;
use super::access::{self, AccessLine};
use super::bounds::{max_errors, passed};
use super::error::Error;
use super::rows::{applied_row, unfinished_row};
use super::segment::{For, Share, Task, refuse_unshared};
use super::{About, End, Event, Migrator, RunOptions, Summary, gate, owner};
use crate::dynamo::{Billing, TableInfo};
use crate::history::Lease;
use crate::journal::{Counters, Counts, Journal, Manifest, OutcomeRecord};
use crate::migration::{AccessCount, Migration};
use crate::store::{self, Gathered, Shared, Stage};

/// Between two looks at how far the segments are.
const LOOK: Duration = Duration::from_secs(1);
/// Failed items that a summary names.
const NAMED: usize = 100;

/// What a leader carries out itself, and how.
#[derive(Clone)]
struct Own<'a> {
    migration: Arc<dyn Migration>,
    options: &'a RunOptions,
    retry_failed: bool,
}

/// How all that comes before the history ended.
enum Ended {
    Done,
    Stopped,
    Refused,
}

/// A run that is led.
struct Led<'a> {
    migrator: &'a Migrator,
    shared: &'a Shared,
    manifest: Manifest,
    table: TableInfo,
    lease: Arc<Lease>,
    /// By what it carries out itself whatever is left, where it does.
    own: Option<Own<'a>>,
    /// What was told of its segments.
    told: Told,
    sealed: Gathered,
    applied: Gathered,
}

impl Migrator {
    /// Leads a run at `shared` to its end: waits for all of its segments. `at_once`: how many of them are expected to be at work at a time.
    pub async fn lead(
        &self,
        shared: &Shared,
        migration: Arc<dyn Migration>,
        options: &RunOptions,
        at_once: Option<u32>,
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
        if recorded.is_none() {
            self.may_start(&manifest, Counts::default()).await?;
        }
        self.stand_for(shared, manifest, (table, recorded.is_some()), migration, (options, at_once), None).await
    }

    /// Leads a run, all of whose segments are planned or are to be planned by others, to its end, and carries out itself whatever is
    /// left of it; with `retry_failed` what failed in it as well, each as it is now.
    pub async fn finish(
        &self,
        shared: &Shared,
        manifest: &Manifest,
        migration: Arc<dyn Migration>,
        options: &RunOptions,
        retry_failed: bool,
    ) -> Result<Summary, Error> {
        self.is_of(manifest, migration.as_ref())?;
        let table = self.table_of(manifest).await?;
        self.still_at_home(manifest)?;
        self.history.init(&Billing::OnDemand).await?;
        let recorded = self.history.find(manifest.number).await?.is_some_and(|row| row.run == manifest.run);
        if !recorded {
            self.may_start(manifest, Counts::default()).await?;
        }
        self.stand_for(shared, manifest.clone(), (table, recorded), migration, (options, None), Some(retry_failed)).await
    }

    async fn stand_for(
        &self,
        shared: &Shared,
        manifest: Manifest,
        (table, recorded): (TableInfo, bool),
        migration: Arc<dyn Migration>,
        (options, at_once): (&RunOptions, Option<u32>),
        carries_out: Option<bool>,
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
        // A stop from elsewhere ends this run, and not whatever else goes by the caller's token.
        let migrator = Self { stop: self.stop.child_token(), ..self.clone() };
        let told = Arc::new(Mutex::new(Tale::begin(Stage::Sealed, manifest.segments, table.item_count)));
        let lease = Arc::new(lease);
        let helm = migrator.helm((&manifest, &table), lease.clone(), told.clone(), at_once);
        let (sealed, applied) = (Gathered::new(), Gathered::new());
        let own = carries_out.map(|retry_failed| Own { migration, options, retry_failed });
        (self.observer)(Event::Begun(Box::new(About::at(&manifest, shared.url().into()))));
        let row = unfinished_row(&manifest, "at work");
        *self.own.lock().unwrap_or_else(PoisonError::into_inner) = Some(row);
        let mut led = Led { migrator: &migrator, shared, manifest, table, lease, own, told, sealed, applied };
        let ended = led.work(recorded, helm).await;
        *self.own.lock().unwrap_or_else(PoisonError::into_inner) = None;
        led.told_end(ended).await
    }

    fn helm(&self, (manifest, table): (&Manifest, &TableInfo), lease: Arc<Lease>, told: Told, at_once: Option<u32>) -> Helm {
        let present = self.rates().present();
        Helm {
            history: self.history.clone(),
            run: manifest.run.clone(),
            lease,
            observer: self.observer.clone(),
            control: self.rates(),
            throughput: table.throughput,
            stop: self.stop.clone(),
            at_once: at_once.unwrap_or_default(),
            share_of: at_once.unwrap_or(manifest.segments),
            rates: (present.read.limit, present.write.limit),
            told,
            standing: Crew::default(),
        }
    }
}

impl Led<'_> {
    /// Seal, manifest, apply, record. The word is the run's state; `None` if it was stopped.
    async fn work(&mut self, recorded: bool, helm: Helm) -> Result<Option<&'static str>, Error> {
        let history = &self.migrator.history;
        let mut at_helm = None;
        if !recorded {
            history.begin_control(&self.manifest.run, true, true).await?;
            helm.first_share().await?;
            at_helm = Some(helm.take());
            let planned = self.shared.plans(&self.manifest).await?.is_some();
            history.put_run(&unfinished_row(&self.manifest, if planned { "applying" } else { "planning" }), &self.lease).await?;
        }
        let done = self.carried_out(recorded).await;
        // Nobody is told anything any more, nor is anything told of the run, before its rows may go.
        if let Some(at_helm) = at_helm {
            at_helm.end().await;
        }
        match done? {
            Ended::Done => {}
            Ended::Stopped => return Ok(None),
            Ended::Refused => {
                self.history_over(None).await?;
                return Ok(Some("refused"));
            }
        }
        self.nobody_left().await?;
        self.record().await.map(Some)
    }

    /// All that comes before the history may be told.
    async fn carried_out(&mut self, recorded: bool) -> Result<Ended, Error> {
        if !self.wait(Stage::Sealed).await? {
            return Ok(Ended::Stopped);
        }
        let counts = counts(&self.sealed);
        if self.shared.plans(&self.manifest).await?.is_none() {
            let allowed = max_errors(&self.manifest).allows(counts.failed, counts.scanned);
            if !allowed || passed(&self.manifest, &counts).is_some() {
                return Ok(Ended::Refused);
            }
            // Asked once, while nothing of it is written.
            Box::pin(self.migrator.may_go_on(gate::Stage::Planned, &self.manifest, counts)).await?;
            self.shared.close(&self.manifest, &self.sealed).await?;
        }
        if !recorded {
            self.migrator.history.put_run(&unfinished_row(&self.manifest, "applying"), &self.lease).await?;
        }
        *lock(&self.told) = Tale::begin(Stage::Applied, self.manifest.segments, counts.changed);
        (self.migrator.observer)(Event::Sealed(counts.changed));
        match self.carry_out().await? && self.wait(Stage::Applied).await? {
            true => Ok(Ended::Done),
            false => Ok(Ended::Stopped),
        }
    }

    /// Carries out what is left, one segment after the other, if that is for this process; false if it was stopped.
    async fn carry_out(&mut self) -> Result<bool, Error> {
        let Some(own) = self.own.clone() else { return Ok(true) };
        self.look(Stage::Applied).await?;
        if own.retry_failed {
            self.reopen_failed().await?;
        }
        let of = self.manifest.segments;
        let left = (0..of).filter(|segment| !self.applied.contains_key(segment));
        let left: Vec<Task> = left.map(|segment| Task { segment, of, attempt: "lead".into() }).collect();
        let Some(first) = left.first() else { return Ok(true) };
        // One for all of them. How far they are this process tells itself.
        let (_, mut share) = self.migrator.sharing(&For { run: &self.manifest.run, task: first, applies: Some(0) });
        let done = self.each(&left, &own, &mut share).await;
        share.give_back().await;
        done
    }

    async fn each(&mut self, left: &[Task], own: &Own<'_>, share: &mut Share) -> Result<bool, Error> {
        for task in left {
            let migrator = self.migrator.telling(&self.told, task.segment);
            let on = (task, own.retry_failed, &self.table);
            let by = own.migration.clone();
            let done = migrator.apply_led(self.shared, &self.manifest, by, own.options, on, (&self.lease, share));
            if self.migrator.stop.is_cancelled() || done.await?.status == "interrupted" {
                return Ok(false);
            }
            self.look(Stage::Applied).await?;
        }
        Ok(true)
    }

    /// Has the segments gone on with in which items failed.
    async fn reopen_failed(&mut self) -> Result<(), Error> {
        let (known, all) = (self.applied.len(), self.manifest.segments as usize);
        if known < all {
            return Err(Error::Refused(format!(
                "{known} of {all} segments of run {} are carried out: go on with `drift-host apply {}` first; what failed can be taken up when the \
                 rest is done",
                self.manifest.run,
                self.shared.url()
            )));
        }
        let failed = self.applied.values().filter(|part| part.counts.failed > 0).map(|part| part.segment);
        let store = self.shared.segments(self.migrator.runs_dir.clone(), "lead");
        for segment in failed.collect::<Vec<_>>() {
            self.shared.reopen(&store, segment).await?;
            self.applied.remove(&segment);
            lock(&self.told).reopened(segment);
        }
        Ok(())
    }

    /// Waits until all segments are at this stage; false if it was stopped before.
    async fn wait(&mut self, stage: Stage) -> Result<bool, Error> {
        loop {
            self.lease.check()?;
            self.look(stage).await?;
            let known = if stage == Stage::Sealed { &self.sealed } else { &self.applied };
            if (0..self.manifest.segments).all(|segment| known.contains_key(&segment)) {
                return Ok(true);
            }
            tokio::select! {
                () = self.migrator.stop.cancelled() => return Ok(false),
                () = self.lease.lost().cancelled() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Looks which segments came to this stage, and tells what is new of them.
    async fn look(&mut self, stage: Stage) -> Result<(), Error> {
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
            let mut tale = lock(&self.told);
            let step = tale.part(&part);
            let event = tale.event(step, &self.migrator.rates());
            drop(tale);
            event.into_iter().for_each(|event| (self.migrator.observer)(event));
        }
        Ok(())
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
            history.forget_workers(&self.manifest.run).await?;
            return Ok("incomplete");
        }
        history.record(&applied_row(&self.manifest, &counts, &self.counters(), &[]), &self.lease).await?;
        let line = access::line(&self.manifest, &self.accesses(), &owner());
        self.history_over(line.as_deref()).await?;
        Ok("applied")
    }

    async fn history_over(&self, line: Option<&str>) -> Result<(), Error> {
        self.migrator.history.end_run(&self.manifest.run, line, &self.lease).await?;
        Ok(self.migrator.history.forget_workers(&self.manifest.run).await?)
    }

    /// Ends, and tells whoever observes it how.
    async fn told_end(self, ended: Result<Option<&'static str>, Error>) -> Result<Summary, Error> {
        let (observer, run, counts) = (self.migrator.observer.clone(), self.manifest.run.clone(), self.counts());
        let ended = self.end(ended).await;
        let end = match &ended {
            Ok(summary) => End { run, state: summary.state.clone(), counts: summary.counts, error: None },
            Err(error) => End { run, state: "interrupted".into(), counts, error: Some(error.code().as_str()) },
        };
        observer(Event::Ended(Box::new(end)));
        ended
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
            place: Some(self.shared.url().to_owned()),
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
