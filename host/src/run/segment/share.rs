//! What a process that does a segment may take of its run's rates: it tells how far it is and what it could use, and heeds what the leader
//! grants it (`run/lead/helm.rs`).
//!
//! Promised: whoever carries a segment out takes nothing before it was granted something, keeps to what it was granted last, says so only
//! once it does, and takes nothing any more once it could not say anything for two renewals: after four the leader gives its share to
//! others. A planner, which writes nothing, does the same under a leader, and keeps to its own
//! flags, or to a part of the run's rate, where none leads. It costs a write unit and a read unit a renewal.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::dynamo::{Meter, RateControl};
use crate::history::{Grant, History, Shares, Wants, Worker};
use crate::run::{Event, Migrator, Observer, Task};

/// Between two measures of what is taken, and two looks of one that was not granted anything yet.
const LOOK: Duration = Duration::from_secs(1);
/// Measures that count.
const MEASURES: usize = 5;

/// How far the segment is, from what is told to its observer.
#[derive(Default)]
struct Tally {
    done: AtomicU64,
    failed: AtomicU64,
    of: AtomicU64,
}

impl Tally {
    fn see(&self, event: &Event) {
        match event {
            Event::Started { items_estimated, .. } => self.of.store(*items_estimated, Relaxed),
            // What is left to be done: the rest an earlier attempt has done.
            Event::Sealed(left) => self.done.store(self.of.load(Relaxed).saturating_sub(*left), Relaxed),
            Event::Scanned(progress) | Event::Applied(progress) => {
                self.done.fetch_add(progress.step.items, Relaxed);
                self.failed.fetch_add(progress.step.failed, Relaxed);
            }
            _ => {}
        }
    }
}

/// What was taken of late, of one of the two rates.
#[derive(Default)]
struct Measures {
    /// Units, and how many were allowed, of each of the last seconds since the first was taken.
    each: VecDeque<(f64, f64)>,
}

impl Measures {
    fn add(&mut self, taken: f64, allowed: f64) {
        if self.each.is_empty() && taken <= 0.0 {
            return;
        }
        self.each.push_back((taken, allowed));
        while self.each.len() > MEASURES {
            self.each.pop_front();
        }
    }

    /// Units a second.
    fn taken(&self) -> f64 {
        self.each.iter().map(|(taken, _)| taken).sum::<f64>() / self.each.len().max(1) as f64
    }

    /// What could be used, in units a second; `None`: more than was allowed, or nobody knows yet.
    fn wants(&self) -> Option<u32> {
        let (taken, allowed) = self.each.iter().fold((0.0, 0.0), |sum, each| (sum.0 + each.0, sum.1 + each.1));
        // A few units more or less are those of a single call.
        let all = self.each.len() < MEASURES || taken >= allowed * 0.9 - 2.0;
        // Less than nine tenths of what is granted then, so that it stays as it is until more is taken.
        (!all).then(|| (self.taken() * 1.25).ceil().max(1.0) as u32)
    }
}

/// A share of the run's rates, until it is given back.
pub(in crate::run) struct Share {
    ended: CancellationToken,
    granted: watch::Receiver<bool>,
    task: Option<JoinHandle<()>>,
}

impl Share {
    /// Waits until something may be taken, or the process is stopped.
    pub(in crate::run) async fn granted(&mut self) {
        let _stopped = self.granted.wait_for(|granted| *granted).await;
    }

    /// Gives it back, at once to whoever comes next.
    pub(in crate::run) async fn give_back(mut self) {
        self.ended.cancel();
        if let Some(task) = self.task.take() {
            // What could not be said is found out by the leader, in four renewals.
            let _said = task.await;
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}

/// What it is asked for.
pub(in crate::run) struct For<'a> {
    pub(in crate::run) run: &'a str,
    pub(in crate::run) task: &'a Task,
    /// Whether the segment is carried out, and of how many items; else it is planned.
    pub(in crate::run) applies: Option<u64>,
}

impl Migrator {
    /// Asks for a share, and keeps to what is granted. Gives the migrator that does, too.
    pub(in crate::run) fn sharing(&self, wanted: &For<'_>) -> (Self, Share) {
        let tally = Arc::new(Tally::default());
        tally.of.store(wanted.applies.unwrap_or_default(), Relaxed);
        let (seen, observer) = (tally.clone(), self.observer.clone());
        let told: Observer = Arc::new(move |event| {
            seen.see(&event);
            observer(event);
        });
        let migrator = Self { observer: told, ..self.clone() };
        let (granted, is_granted) = watch::channel(wanted.applies.is_none());
        let ended = CancellationToken::new();
        let worker = Worker {
            id: fresh(&format!("{}-{}-", wanted.task.segment, wanted.task.attempt)),
            segment: wanted.task.segment,
            applies: wanted.applies.is_some(),
            ..Worker::default()
        };
        let hand = Hand {
            history: self.history.clone(),
            run: wanted.run.to_owned(),
            worker,
            tally,
            control: self.rates(),
            meter: self.database.meter().clone(),
            observer: self.observer.clone(),
            stop: self.stop.clone(),
            granted,
            joined: false,
            alone: false,
            first: None,
            paused: false,
            measured: Arc::default(),
            led: None,
        };
        let task = tokio::spawn(hand.work(ended.clone()));
        (migrator, Share { ended, granted: is_granted, task: Some(task) })
    }
}

/// The units of both rates.
#[derive(Default)]
struct Both {
    read: Measures,
    write: Measures,
}

/// The leader's last sign of life.
struct Led {
    said: String,
    seen: Instant,
}

/// The process as the leader sees it.
struct Hand {
    history: History,
    run: String,
    worker: Worker,
    tally: Arc<Tally>,
    control: RateControl,
    meter: Meter,
    observer: Observer,
    stop: CancellationToken,
    granted: watch::Sender<bool>,
    /// Its row is there, as far as it knows.
    joined: bool,
    /// It is at work by its own rates, which only planners may.
    alone: bool,
    /// What is said for those who come while nobody leads.
    first: Option<(Option<u32>, Option<u32>)>,
    /// People want a pause.
    paused: bool,
    measured: Arc<Mutex<Both>>,
    led: Option<Led>,
}

impl Hand {
    async fn work(mut self, ended: CancellationToken) {
        self.pause();
        let measuring = tokio::spawn(measure(self.meter.clone(), self.control.clone(), self.measured.clone()));
        let stop = self.stop.clone();
        tokio::select! {
            () = ended.cancelled() => {}
            () = stop.cancelled() => {}
            () = self.follow() => {}
        }
        measuring.abort();
        // Whoever waits is to see that it ends.
        self.control.pause(false);
        if !ended.is_cancelled() {
            // What is under way is being ended, and takes by its share until then.
            ended.cancelled().await;
        }
        if self.joined {
            let _given_up_as_lost = self.history.leave(&self.run, &self.worker.id).await;
        }
    }

    async fn follow(&mut self) {
        let begun = Instant::now();
        let mut said = begun;
        loop {
            let (began, silent) = (Instant::now(), said + self.history.silent_after());
            match tokio::time::timeout_at(silent.into(), self.look()).await {
                Ok(Ok(())) => said = began,
                // Who plans needs no leader, and may have no rights to look for one, or to tell of itself.
                Ok(Err(_)) if self.led.is_none() || begun.elapsed() >= self.history.silent_after() => self.go_alone(),
                // It is tried again.
                Ok(Err(_)) | Err(_) => {}
            }
            let waits = !(self.alone || self.joined && self.is_granted());
            let wait = if waits { LOOK } else { self.history.between_renewals() };
            let silent = said + self.history.silent_after();
            tokio::time::sleep_until((Instant::now() + wait).min(silent).into()).await;
            if Instant::now() >= silent {
                // By now others may be given what it has.
                self.worker.heeds = Grant::NOTHING;
                self.pause();
                said = Instant::now();
            }
        }
    }

    /// What the leader says to all, and to this one.
    async fn look(&mut self) -> Result<(), crate::history::Error> {
        let Some(shares) = self.history.shares(&self.run).await? else {
            // Nobody has led it yet, or it is over.
            (self.joined, self.paused) = (false, false);
            self.go_alone();
            return Ok(());
        };
        self.paused = shares.paused;
        self.first = Some((shares.read, shares.write));
        if shares.stop {
            self.stop.cancel();
        }
        if !self.worker.applies && !self.is_led(&shares) {
            self.go_alone();
            return Ok(());
        }
        if !self.joined {
            self.join().await?;
        }
        loop {
            self.say();
            let Some(told) = self.history.beat(&self.run, &self.worker).await? else {
                // It was given up as lost.
                (self.joined, self.worker.heeds) = (false, Grant::NOTHING);
                self.pause();
                return Ok(());
            };
            if told.number == self.worker.heeds.number {
                self.pause();
                return Ok(());
            }
            // Said once more at once: what it has no more of is for others.
            self.heed(told);
        }
    }

    /// Whether somebody leads: has told anything within four renewals.
    fn is_led(&mut self, shares: &Shares) -> bool {
        match &self.led {
            Some(led) if led.said == shares.at => {}
            _ => self.led = Some(Led { said: shares.at.clone(), seen: Instant::now() }),
        }
        self.led.as_ref().is_some_and(|led| led.seen.elapsed() < self.history.lease_length())
    }

    /// A planner that was granted something keeps to it. Else it is at work by its own rates, or by what is said for such as come while
    /// nobody leads.
    fn go_alone(&mut self) {
        let granted = self.joined && self.is_granted();
        if !self.worker.applies && !granted {
            if let Some((read, write)) = self.first.filter(|_| !self.alone) {
                self.keep(Grant { number: 0, read, write });
            }
            (self.alone, self.joined) = (true, false);
        }
        self.pause();
    }

    async fn join(&mut self) -> Result<(), crate::history::Error> {
        let own = self.control.present();
        self.worker.heeds = match self.alone {
            true => Grant { number: 0, read: own.read.limit, write: own.write.limit },
            false => Grant::NOTHING,
        };
        self.worker.id = fresh(&self.worker.id);
        self.pause();
        self.history.join(&self.run, &self.worker).await?;
        (self.joined, self.alone) = (true, false);
        Ok(())
    }

    fn heed(&mut self, told: Grant) {
        self.keep(told);
        self.pause();
    }

    fn keep(&mut self, grant: Grant) {
        let before = std::mem::replace(&mut self.worker.heeds, grant);
        let rate = |granted: Option<u32>| granted.map(|units| units.max(1));
        self.control.set(rate(grant.read), rate(grant.write));
        if (before.read, before.write) != (grant.read, grant.write) {
            (self.observer)(Event::Paced { read: grant.read, write: grant.write });
        }
    }

    /// What is said of it.
    fn say(&mut self) {
        let worker = &mut self.worker;
        worker.beat += 1;
        (worker.done, worker.failed) = (self.tally.done.load(Relaxed), self.tally.failed.load(Relaxed));
        worker.of = self.tally.of.load(Relaxed);
        let measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        worker.used = (measured.read.taken().round() as u64, measured.write.taken().round() as u64);
        worker.wants = Wants { read: measured.read.wants(), write: measured.write.wants() };
    }

    /// Whether it may take what it needs.
    fn is_granted(&self) -> bool {
        let heeds = &self.worker.heeds;
        heeds.read != Some(0) && (!self.worker.applies || heeds.write != Some(0))
    }

    /// Waits, or not, as it may.
    fn pause(&self) {
        let may = match self.joined {
            true => self.is_granted(),
            false => self.alone,
        };
        self.control.pause(self.paused || !may);
        if may {
            self.granted.send_replace(true);
        }
    }
}

/// Another name for the same attempt.
fn fresh(id: &str) -> String {
    let stem = id.rsplit_once('-').map_or(id, |(stem, _)| stem);
    format!("{stem}-{:08x}", fastrand::u32(..))
}

/// Measures what is taken, for ever.
async fn measure(meter: Meter, control: RateControl, measured: Arc<Mutex<Both>>) {
    let mut before = (meter.snapshot(), Instant::now());
    loop {
        tokio::time::sleep(LOOK).await;
        let now = (meter.snapshot(), Instant::now());
        let (seconds, limits) = (now.1.duration_since(before.1).as_secs_f64().max(0.001), control.present());
        let allowed = |limit: Option<u32>| limit.map_or(f64::INFINITY, f64::from);
        if !control.is_paused() {
            let mut both = measured.lock().unwrap_or_else(PoisonError::into_inner);
            both.read.add((now.0.read - before.0.read) / seconds, allowed(limits.read.limit));
            both.write.add((now.0.write - before.0.write) / seconds, allowed(limits.write.limit));
        }
        before = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measures(each: &[(f64, f64)]) -> Measures {
        let mut measures = Measures::default();
        each.iter().for_each(|(taken, allowed)| measures.add(*taken, *allowed));
        measures
    }

    #[test]
    fn who_takes_what_is_allowed_wants_more_and_who_does_not_wants_a_little_more_than_it_takes() {
        assert_eq!(measures(&[(99.0, 100.0); 5]).wants(), None);
        assert_eq!(measures(&[(40.0, 100.0); 5]).wants(), Some(50));
        // Granted that, it takes less than nine tenths of it, and it stays so.
        assert_eq!(measures(&[(40.0, 50.0); 5]).wants(), Some(50));
        assert_eq!(measures(&[(0.0, 100.0); 9]).wants(), None, "it has not begun");
        assert_eq!(measures(&[(40.0, 100.0); 4]).wants(), None, "nobody knows yet");
        assert_eq!(measures(&[(1.0, 1.0), (0.0, 1.0), (1.0, 1.0), (0.0, 1.0), (1.0, 1.0)]).wants(), None, "single calls");
        assert_eq!(measures(&[(900.0, 1000.0), (0.0, 1000.0), (0.0, 1000.0), (0.0, 1000.0), (0.0, 1000.0)]).wants(), Some(225));
        assert_eq!(measures(&[(40.0, f64::INFINITY); 5]).wants(), Some(50), "without a limit it takes what it can");
    }

    #[test]
    fn an_attempt_that_was_given_up_comes_again_by_another_name() {
        let one = fresh("7-task-1.0-00000001");
        assert!(one.starts_with("7-task-1.0-") && one != "7-task-1.0-00000001", "{one}");
    }
}
