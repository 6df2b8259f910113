//! The leader at its run's helm: says how far the run is, heeds what people want of it, and divides its rates among the processes that are at
//! work, as they tell of themselves.
//!
//! Promised: what all of them may take comes to no more than the run's rates, also while shares change hands: one is lowered first, and
//! another is given more when that one has said that it heeds it, or has been silent for so long that it takes nothing any more. Whoever is
//! lost therefore keeps its share for four renewals, 20 s. It costs a read unit a second, one for each process and renewal, a write a renewal,
//! and a write for each share that changes. What cannot be read or written changes nothing, and is tried again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::division::{ANY, Standing, turns, unlimited};
use super::tale::Tale;
use crate::dynamo::{RateControl, Throughput};
use crate::history::{self, Grant, History, Lease, Wishes, Worker, now};
use crate::run::{Event, Observer, Rate, Steered, Step};
use crate::store::Stage;

/// Between two looks at who is at work.
const LOOK: Duration = Duration::from_secs(1);
/// Rows read at a time.
const AT_A_TIME: usize = 32;

/// What the helm is told, and tells.
pub(in crate::run) type Told = Arc<Mutex<Tale>>;

pub(in crate::run) fn lock(told: &Told) -> MutexGuard<'_, Tale> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One process at work.
struct Hand {
    /// What it says of itself, once that was read.
    says: Option<(Worker, Grant)>,
    /// When it last said something new.
    heard: Instant,
}

/// The leader at its helm.
pub(super) struct Helm {
    pub(super) history: History,
    pub(super) run: String,
    pub(super) lease: Arc<Lease>,
    pub(super) observer: Observer,
    /// Of this process.
    pub(super) control: RateControl,
    pub(super) throughput: Throughput,
    /// Ends the leading.
    pub(super) stop: CancellationToken,
    /// So many are expected to be at work at a time, where somebody said so; and at most.
    pub(super) at_once: u32,
    pub(super) share_of: u32,
    /// The rates of the whole run.
    pub(super) rates: (Option<u32>, Option<u32>),
    pub(super) told: Told,
    pub(super) standing: Crew,
}

/// Who is at work, as far as it is known.
pub(super) struct Crew {
    hands: BTreeMap<String, Hand>,
    /// When all rows were read, and when the run was told how far it is.
    read: Option<Instant>,
    reported: Option<Instant>,
    /// How many were at work of late.
    counts: VecDeque<(Instant, usize)>,
    /// Since when it is this stage.
    stage: (Stage, Instant),
    heeded: Wishes,
}

impl Default for Crew {
    fn default() -> Self {
        let stage = (Stage::Sealed, Instant::now());
        Self { hands: BTreeMap::new(), read: None, reported: None, counts: VecDeque::new(), stage, heeded: Wishes::default() }
    }
}

/// At work until it is ended.
pub(super) struct AtHelm(CancellationToken, JoinHandle<()>);

impl AtHelm {
    pub(super) async fn end(self) {
        self.0.cancel();
        // It has nothing to say but that it is over.
        let _over = self.1.await;
    }
}

impl Helm {
    pub(super) fn take(mut self) -> AtHelm {
        let ended = CancellationToken::new();
        let over = ended.clone();
        let work = async move {
            loop {
                self.look().await;
                tokio::time::sleep(LOOK).await;
            }
        };
        AtHelm(
            ended,
            tokio::spawn(async move {
                tokio::select! {
                    () = over.cancelled() => {}
                    () = work => {}
                }
            }),
        )
    }

    async fn look(&mut self) {
        let stage = lock(&self.told).stage();
        if self.standing.stage.0 != stage {
            self.standing.stage = (stage, Instant::now());
            // How many planned says nothing of how many will apply.
            self.standing.counts.clear();
        }
        let every = self.history.between_renewals();
        // Who must not write any more must not lead either.
        if self.lease.check().is_err() {
            return;
        }
        if self.meet(every).await.is_ok() {
            self.tell();
            self.give_up_lost().await;
            self.deal(every).await;
        }
        if self.standing.reported.is_none_or(|at| at.elapsed() >= every) {
            self.standing.reported = Some(Instant::now());
            self.report().await;
        }
    }

    /// Reads who is at work, and what those say of themselves whose word is due.
    async fn meet(&mut self, every: Duration) -> Result<(), history::Error> {
        let ids = self.history.worker_ids(&self.run).await?;
        let hands = &mut self.standing.hands;
        hands.retain(|id, _| ids.contains(id));
        let is_open = |hand: &Hand| hand.says.as_ref().is_none_or(|(worker, told)| worker.heeds.number != told.number);
        let all = self.standing.read.is_none_or(|at| at.elapsed() >= every);
        let due = ids.into_iter().filter(|id| all || hands.get(id).is_none_or(is_open));
        let (history, run) = (&self.history, &self.run);
        let rows = stream::iter(due).map(|id| async move { history.worker(run, &id).await.map(|row| (id, row)) });
        let rows: Vec<_> = rows.buffer_unordered(AT_A_TIME).collect().await;
        if all {
            self.standing.read = Some(Instant::now());
        }
        for row in rows {
            let (id, row) = row?;
            let hand = hands.entry(id).or_insert_with(|| Hand { says: None, heard: Instant::now() });
            let beat = |says: &Option<(Worker, Grant)>| says.as_ref().map(|(worker, _)| worker.beat);
            if row.is_some() && beat(&row) != beat(&hand.says) {
                hand.heard = Instant::now();
            }
            hand.says = row.or(hand.says.take());
        }
        Ok(())
    }

    /// Tells the observer what is new of the segments at work.
    fn tell(&self) {
        let applies = self.standing.stage.0 == Stage::Applied;
        for (worker, _) in self.standing.hands.values().filter_map(|hand| hand.says.as_ref()) {
            if worker.applies == applies {
                let mut tale = lock(&self.told);
                let new = tale.segment(worker.segment, Step { items: worker.done, failed: worker.failed, conflicts: 0 });
                let event = tale.event(new, &self.control);
                drop(tale);
                event.into_iter().for_each(|event| (self.observer)(event));
            }
        }
    }

    /// Whoever was silent for so long takes nothing any more.
    async fn give_up_lost(&mut self) {
        let after = self.history.lost_after();
        let lost = self.standing.hands.iter().filter(|(_, hand)| hand.heard.elapsed() >= after);
        let lost: Vec<(String, u64)> =
            lost.map(|(id, hand)| (id.clone(), hand.says.as_ref().map_or(0, |(worker, _)| worker.beat))).collect();
        for (id, beat) in lost {
            // If it was heard of meanwhile, the next look finds it again.
            if self.history.give_up(&self.run, &id, beat).await.is_ok() {
                self.standing.hands.remove(&id);
            }
        }
    }

    /// Divides the rates anew where that is due.
    async fn deal(&mut self, every: Duration) {
        let expected = self.expected(every);
        for (id, before, grant) in self.grants(every, expected) {
            let hand = self.standing.hands.get_mut(&id).and_then(|hand| hand.says.as_mut());
            match (self.history.grant(&self.run, &id, before, &grant).await, hand) {
                (Ok(true), Some((_, told))) => *told = grant,
                // What stands is read before anything more is given.
                _ => self.standing.read = None,
            }
        }
    }

    /// What is to be told to whom, and in the place of what.
    fn grants(&self, every: Duration, expected: usize) -> Vec<(String, u64, Grant)> {
        let hands = self.standing.hands.values();
        let all: Vec<(&Worker, &Grant, bool)> = hands
            .filter_map(|hand| hand.says.as_ref().map(|(worker, told)| (worker, told, hand.heard.elapsed() > every * 5 / 2)))
            .collect();
        let standing = |(worker, told, silent): &(&Worker, &Grant, bool), of: fn(&Grant) -> Option<u32>, wants| Standing {
            told: of(told).unwrap_or(ANY),
            heeds: of(&worker.heeds).unwrap_or(ANY),
            settled: worker.heeds.number == told.number,
            wants,
            silent: *silent,
        };
        let reads: Vec<Standing> = all.iter().map(|one| standing(one, |grant| grant.read, one.0.wants.read)).collect();
        // Who plans writes nothing.
        let writers = all.iter().filter(|(worker, ..)| worker.applies);
        let writes: Vec<Standing> = writers.map(|one| standing(one, |grant| grant.write, one.0.wants.write)).collect();
        let turn = |rate: Option<u32>, standings: &[Standing]| match rate {
            Some(rate) => turns(rate, standings, expected),
            None => unlimited(standings),
        };
        let (reads, mut writes) = (turn(self.rates.0, &reads), turn(self.rates.1, &writes).into_iter());
        let limit = |units: u32| (units != ANY).then_some(units);
        let grants = all.into_iter().zip(reads).filter_map(|((worker, told, _), read)| {
            let write = if worker.applies { writes.next().flatten() } else { None };
            let (number, read_now, write_now) = (told.number + 1, read.map_or(told.read, limit), write.map_or(told.write, limit));
            let grant = Grant { number, read: read_now, write: write_now };
            (read.is_some() || write.is_some()).then(|| (worker.id.clone(), told.number, grant))
        });
        grants.collect()
    }

    /// So many more will be at work within moments: as many as were of late, or as was guessed at the beginning of a stage.
    fn expected(&mut self, every: Duration) -> usize {
        let Crew { hands, counts, stage, .. } = &mut self.standing;
        counts.push_back((Instant::now(), hands.len()));
        while counts.front().is_some_and(|(at, _)| at.elapsed() > every * 2) {
            counts.pop_front();
        }
        let of_late = counts.iter().map(|(_, count)| *count).max().unwrap_or(0);
        let guessed = if stage.1.elapsed() < self.history.lease_length() { self.at_once as usize } else { 0 };
        let most = lock(&self.told).left() as usize;
        of_late.max(guessed).min(most).saturating_sub(hands.len())
    }

    /// Says how far the run is, and looks at what people want of it. Pauses are seen by whoever does a segment.
    async fn report(&mut self) {
        let Ok(Some(wishes)) = self.history.report(&self.run, &self.progress()).await else { return };
        let by = wishes.by.clone();
        let say = |what| (self.observer)(Event::Steered { run: self.run.clone(), what, by: by.clone() });
        if wishes.stop && !self.standing.heeded.stop {
            say(Steered::Stopping);
            self.stop.cancel();
        } else if wishes.paused != self.standing.heeded.paused && wishes.paused != self.control.is_paused() {
            // Of this process for the sake of whoever looks at it: it writes nothing itself, or has a share like the others.
            say(if wishes.paused { Steered::Paused } else { Steered::Resumed });
        }
        if (wishes.read, wishes.write) != (self.standing.heeded.read, self.standing.heeded.write) {
            let limit = |wanted: Option<Rate>, has: u64, present: Option<u32>| wanted.map_or(present, |rate| rate.of(has));
            let has = self.throughput;
            self.rates = (limit(wishes.read, has.read, self.rates.0), limit(wishes.write, has.write, self.rates.1));
            (self.observer)(Event::Paced { read: self.rates.0, write: self.rates.1 });
            let _next_time = self.first_share().await;
        }
        self.standing.heeded = wishes;
    }

    /// What a planner may take whom nobody who leads has told anything.
    pub(super) async fn first_share(&self) -> Result<(), history::Error> {
        let share = |rate: Option<u32>| rate.map(|rate| (rate / self.share_of.max(1)).max(1));
        self.history.set_shares(&self.run, share(self.rates.0), share(self.rates.1)).await
    }

    fn progress(&self) -> history::Progress {
        let tale = lock(&self.told);
        let ((done, of), segments, applies) = (tale.items(), tale.segments(), tale.stage() == Stage::Applied);
        drop(tale);
        let at_work = self.standing.hands.values().filter_map(|hand| hand.says.as_ref()).filter(|it| it.0.applies == applies);
        let (count, used) = at_work
            .fold((0, 0), |(count, used), (worker, _)| (count + 1, used + if applies { worker.used.1 } else { worker.used.0 }));
        let (rate, what) = if applies { (self.rates.1, "write") } else { (self.rates.0, "read") };
        let rate = rate.map_or_else(String::new, |rate| format!(" of {rate}"));
        let pace = format!("{segments}, {count} at work, {used}{rate} {what} units a second");
        history::Progress { phase: if applies { "apply" } else { "scan" }.into(), done, of, pace, at: now() }
    }
}
