//! The pool: one thread and one worker a slot, fed with chunks of items. A guest is CPU work; it never blocks a socket.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, unbounded};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::error::Error;
use super::guests::Guests;
use crate::migration::{Direct, Direction, ItemFailure, Migration, Reply, RunContext};
use crate::model::Item;

/// Items a chunk: small enough to share a page among all slots, large enough that the channel costs nothing.
pub(super) const CHUNK: usize = 64;

/// What the migration said about one item, with the item.
pub(super) type Answer = (Item, Result<Reply, ItemFailure>);

struct Job {
    items: Vec<Item>,
    reply: oneshot::Sender<Vec<Answer>>,
    /// Its place in the queue.
    place: OwnedSemaphorePermit,
}

/// A pool of slots. Dropping it ends its threads after the chunks at hand.
pub(super) struct Pool {
    jobs: Option<Sender<Job>>,
    /// Places in the queue: whoever waits for one does not block the runtime's thread, as a full queue would.
    places: Arc<Semaphore>,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    /// Starts `slots` workers; fails if one of them does not start.
    pub(super) async fn start(
        migration: &Arc<dyn Migration>,
        run: &Arc<RunContext>,
        direction: Direction,
        slots: usize,
        direct: Option<Arc<dyn Direct>>,
        guests: &Guests,
    ) -> Result<Self, Error> {
        let (jobs, queue) = unbounded::<Job>();
        let places = Arc::new(Semaphore::new(slots * 2));
        let mut pool = Self { jobs: Some(jobs), places, threads: Vec::with_capacity(slots) };
        let mut started = Vec::with_capacity(slots);
        for slot in 0..slots {
            let (ready, is_ready) = oneshot::channel();
            let (migration, run, queue) = (migration.clone(), run.clone(), queue.clone());
            let (direct, guests) = (direct.clone(), guests.clone());
            let work = move || work(migration.as_ref(), &run, direction, direct.as_ref(), &queue, ready, &guests);
            let thread = std::thread::Builder::new().name(format!("slot-{slot}")).spawn(work);
            pool.threads.push(thread.map_err(|error| Error::Start(format!("no thread for slot {slot}: {error}")))?);
            started.push(is_ready);
        }
        for ready in started {
            ready.await.unwrap_or_else(|_| Err("a slot ended while it started".into())).map_err(Error::Start)?;
        }
        Ok(pool)
    }

    /// Asks the migration about each of these items, in parallel by chunks; the answers stand in the items' order.
    pub(super) async fn ask(&self, items: Vec<Item>) -> Result<Vec<Answer>, Error> {
        let mut answers = Vec::with_capacity(items.len());
        let mut waiting = Vec::with_capacity(items.len().div_ceil(CHUNK));
        let mut items = items.into_iter();
        loop {
            let chunk: Vec<Item> = items.by_ref().take(CHUNK).collect();
            if chunk.is_empty() {
                break;
            }
            let place = self.places.clone().acquire_owned().await.map_err(|_| ended())?;
            let (reply, answer) = oneshot::channel();
            let jobs = self.jobs.as_ref().ok_or_else(ended)?;
            jobs.send(Job { items: chunk, reply, place }).map_err(|_| ended())?;
            waiting.push(answer);
        }
        for answer in waiting {
            answers.extend(answer.await.map_err(|_| ended())?);
        }
        Ok(answers)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            // A worker that panicked has already dropped its reply, which was reported.
            let _ended = thread.join();
        }
    }
}

fn ended() -> Error {
    Error::Start("the pool has ended".into())
}

fn work(
    migration: &dyn Migration,
    run: &Arc<RunContext>,
    direction: Direction,
    direct: Option<&Arc<dyn Direct>>,
    queue: &Receiver<Job>,
    ready: oneshot::Sender<Result<(), String>>,
    guests: &Guests,
) {
    let mut worker =
        match direct.map_or_else(|| migration.worker(run, direction), |direct| migration.worker_with(run, direction, direct)) {
            Ok(worker) => worker,
            Err(error) => {
                let _nobody_waits = ready.send(Err(error.to_string()));
                return;
            }
        };
    if ready.send(Ok(())).is_err() {
        return;
    }
    while let Ok(Job { items, reply, place }) = queue.recv() {
        drop(place);
        let begun = Instant::now();
        let answers = items.into_iter().map(|item| {
            // What calls DynamoDB at once must not begin in a pause: its time would run while it waits.
            if let Some(direct) = direct {
                direct.begin_item();
            }
            let answer = worker.call(&item);
            (item, answer)
        });
        let answers = answers.collect();
        guests.add(begun.elapsed(), worker.cost().map_or(0, |cost| cost.memory_bytes));
        // If nobody waits for it any more, the run was cancelled.
        let _cancelled = reply.send(answers);
    }
}
