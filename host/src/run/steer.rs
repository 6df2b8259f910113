//! A run looks at what people want of it, from any machine, as often as it renews its lease: pause, go on, other rates, stop.
//!
//! Promised: a pause lets nothing begin that takes units, and what is under way is finished; a stop ends the run as a signal does, so that it
//! can be gone on with. What cannot be read changes nothing: the run goes on as it was, and looks again. A write unit a look.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use super::error::Error;
use super::flow::Run;
use super::{Event, Migrator, Observer, Rate, RunOptions, owner};
use crate::dynamo::{RateControl, Rates, Throughput};
use crate::history::{self, History, Unfinished, Wish, Wishes, now};

/// What somebody wanted of a run, and the run now does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Steered {
    /// It reads and writes nothing.
    Paused,
    /// It goes on.
    Resumed,
    /// It ends, resumably.
    Stopping,
}

/// How far a run is, from what it tells its observer.
#[derive(Default)]
struct Tally {
    scanned: AtomicU64,
    estimated: AtomicU64,
    applied: AtomicU64,
    to_apply: AtomicU64,
    rates: Mutex<Rates>,
}

impl Tally {
    fn see(&self, event: &Event) {
        let rates = |rates: Rates| *self.rates.lock().unwrap_or_else(PoisonError::into_inner) = rates;
        match event {
            Event::Started { items_estimated, .. } => self.estimated.store(*items_estimated, Relaxed),
            Event::Scanned(progress) => {
                self.scanned.fetch_add(progress.step.items, Relaxed);
                rates(progress.rates);
            }
            Event::Window { .. } => self.to_apply.store(0, Relaxed),
            Event::Sealed(items) => {
                self.to_apply.store(*items, Relaxed);
                self.applied.store(0, Relaxed);
            }
            Event::Applied(progress) => {
                self.applied.fetch_add(progress.step.items, Relaxed);
                rates(progress.rates);
            }
            _ => {}
        }
    }

    fn progress(&self, control: &RateControl) -> history::Progress {
        let mut rates = *self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        let present = control.present();
        (rates.read.present, rates.read.limit) = (present.read.present, present.read.limit);
        (rates.write.present, rates.write.limit) = (present.write.present, present.write.limit);
        rates.read.waits = present.read.waits.or(rates.read.waits);
        rates.write.waits = present.write.waits.or(rates.write.waits);
        let is_applied = self.to_apply.load(Relaxed) > 0;
        let (phase, done, of, pace) = match is_applied {
            false => ("scan", &self.scanned, &self.estimated, rates.read.in_words("read")),
            true => ("apply", &self.applied, &self.to_apply, rates.write.in_words("write")),
        };
        history::Progress { phase: phase.into(), done: done.load(Relaxed), of: of.load(Relaxed), pace, at: now() }
    }
}

/// At work until it is dropped.
pub(super) struct Steering(CancellationToken, Arc<Mutex<Option<Unfinished>>>);

impl Drop for Steering {
    fn drop(&mut self) {
        self.0.cancel();
        *self.1.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

struct Helm {
    run: String,
    history: History,
    rates: RateControl,
    throughput: Throughput,
    observer: Observer,
    tally: Arc<Tally>,
    stop: CancellationToken,
    /// What was heeded.
    heeded: Wishes,
}

impl Run {
    /// Lets the run be steered, from now on until what is returned is dropped.
    pub(super) fn steered(&mut self, options: &RunOptions) -> Steering {
        let (tally, end) = (Arc::new(Tally::default()), CancellationToken::new());
        let estimate = self.journal.manifest().estimate.as_ref().map_or(0, |estimate| estimate.items);
        tally.estimated.store(estimate, Relaxed);
        let (seen, observer) = (tally.clone(), self.migrator.observer.clone());
        self.migrator.observer = Arc::new(move |event| {
            seen.see(&event);
            observer(event);
        });
        // A stop from elsewhere ends this run, and not whatever else goes by the caller's token.
        self.migrator.stop = self.migrator.stop.child_token();
        let mut helm = Helm {
            run: self.journal.manifest().run.clone(),
            history: self.migrator.history.clone(),
            rates: self.migrator.rates(),
            throughput: self.table.throughput,
            observer: self.migrator.observer.clone(),
            tally,
            stop: self.migrator.stop.clone(),
            heeded: Wishes::default(),
        };
        let (ended, others) = (end.clone(), (options.max_read_units.is_some(), options.max_write_units.is_some()));
        tokio::spawn(async move {
            tokio::select! {
                () = ended.cancelled() => {}
                () = helm.stop.clone().cancelled_owned() => {}
                () = helm.look(others) => {}
            }
            // Whoever waits is to see that the run ends; and the rates outlive it.
            helm.rates.pause(false);
        });
        *self.migrator.own.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.row("at work"));
        Steering(end, self.migrator.own.clone())
    }
}

impl Helm {
    /// Looks for ever; `others`: whether this process was given rates of its own.
    async fn look(&mut self, others: (bool, bool)) {
        let mut begun = false;
        loop {
            begun = begun || self.history.begin_control(&self.run, others.0, others.1).await.is_ok();
            if begun && let Ok(Some(wishes)) = self.history.report(&self.run, &self.tally.progress(&self.rates)).await {
                self.heed(wishes);
            }
            tokio::time::sleep(self.history.between_renewals()).await;
        }
    }

    fn heed(&mut self, wishes: Wishes) {
        let say = |what| (self.observer)(Event::Steered { run: self.run.clone(), what, by: wishes.by.clone() });
        if wishes.stop {
            say(Steered::Stopping);
            self.stop.cancel();
        } else if wishes.paused != self.heeded.paused && wishes.paused != self.rates.is_paused() {
            self.rates.pause(wishes.paused);
            say(if wishes.paused { Steered::Paused } else { Steered::Resumed });
        }
        let wanted = (wishes.read, wishes.write);
        if wanted != (self.heeded.read, self.heeded.write) {
            let limit = |wanted: Option<Rate>, has: u64, present: Option<u32>| wanted.map_or(present, |rate| rate.of(has));
            let present = self.rates.present();
            let read = limit(wanted.0, self.throughput.read, present.read.limit);
            let write = limit(wanted.1, self.throughput.write, present.write.limit);
            self.rates.set(read, write);
            (self.observer)(Event::Paced { read, write });
        }
        self.heeded = wishes;
    }
}

/// A run at work, as others see it.
#[derive(Clone, Debug)]
pub struct AtWork {
    /// Its row.
    pub run: Unfinished,
    /// What people want of it.
    pub wishes: Wishes,
    /// How far it is.
    pub progress: history::Progress,
}

impl Migrator {
    /// The unfinished run of this id, or the beginning of it.
    pub async fn unfinished_run(&self, run: &str) -> Result<Unfinished, Error> {
        let mut rows = self.history.unfinished().await?;
        rows.retain(|row| !run.is_empty() && row.run.starts_with(run));
        match (rows.pop(), rows.pop()) {
            (Some(row), None) => Ok(row),
            (None, _) => Err(Error::Usage(format!("there is no unfinished run {run}; see `drift-host status`"))),
            _ => Err(Error::Usage(format!("several unfinished runs begin with {run}"))),
        }
    }

    /// Whether the run holds the lease of its table: it is at work, or died a short time ago.
    pub async fn is_at_work(&self, run: &Unfinished) -> Result<bool, Error> {
        Ok(self.history.holder(&run.table).await?.is_some_and(|(holder, _)| holder == run.run))
    }

    /// Wants something of a run that is at work; it heeds it when it next renews its lease, within seconds.
    ///
    /// # Errors
    /// [`Error::Refused`] where it is not at work.
    pub async fn steer(&self, run: &Unfinished, wish: Wish) -> Result<AtWork, Error> {
        let refused = || {
            Error::Refused(format!(
                "the run {0} on {1} is not at work, but {2}: nobody would heed it. Go on with it by `drift-host apply {0}`",
                run.run, run.table, run.state
            ))
        };
        if !self.is_at_work(run).await? || self.history.steer(&run.run, wish, &owner()).await?.is_none() {
            return Err(refused());
        }
        self.at_work(run).await?.ok_or_else(refused)
    }

    /// Wants something of the run that this one is at work on, where others see it; nothing if there is none.
    pub async fn steer_own(&self, wish: Wish) -> Result<(), Error> {
        let own = self.own.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match own {
            Some(run) => self.steer(&run, wish).await.map(drop),
            None => Ok(()),
        }
    }

    /// What is wanted of a run, and how far it is; `None` if it never began to be steered.
    pub async fn at_work(&self, run: &Unfinished) -> Result<Option<AtWork>, Error> {
        let steered = self.history.steered(&run.run).await?;
        Ok(steered.map(|(wishes, progress)| AtWork { run: run.clone(), wishes, progress }))
    }
}
