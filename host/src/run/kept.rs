//! What of a run is kept in object storage, and when: the plan before anything of it is written, and from then on what has been
//! done, every few seconds, under a generation that only the holder of the table's lease begins.
//!
//! Nothing waits for it but the beginning and the end: what was done since the last time costs replays where another machine
//! goes on. It takes at most a twentieth of the time, however large the journal is. If it fails for five minutes the run stops,
//! and can be gone on with: replays should stay few.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::Event;
use super::error::Error;
use super::flow::Run;
use crate::store;

/// The shortest time from one to the next.
const PAUSE: Duration = Duration::from_secs(5);
/// So many times as long as it took.
const SHARE: u32 = 20;
/// After a failure.
const AGAIN: Duration = Duration::from_secs(2);
/// So long it may fail.
const PATIENCE: Duration = Duration::from_secs(300);

impl Run {
    /// Publishes a sealed plan.
    pub(super) async fn publish(&self) -> Result<(), Error> {
        match &self.migrator.store {
            Some(store) if self.journal.is_sealed()? => Ok(store.publish(&self.journal).await?),
            _ => Ok(()),
        }
    }

    /// Makes this process's journal the one that counts. The lease is held.
    pub(super) async fn take_over(&self) -> Result<(), Error> {
        match &self.migrator.store {
            Some(store) => {
                store.publish(&self.journal).await?;
                store.take_over(&self.journal).await?;
                next(&self.published);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Publishes what has been done while nothing is under way; `closed`: nor will be, of what is open now.
    pub(super) async fn publish_progress(&self, closed: bool) -> Result<(), Error> {
        match &self.migrator.store {
            Some(store) => Ok(store.progress(&self.journal, next(&self.published), closed).await?),
            None => Ok(()),
        }
    }

    /// The same at the end, when what was done stands whatever comes of it.
    pub(super) async fn publish_last(&self) {
        let Some(store) = &self.migrator.store else { return };
        let published = match (self.publish().await, self.published.load(Ordering::Relaxed)) {
            // What was not begun to be applied is as it was planned.
            (Ok(()), 0) => store.tell(&self.journal).await.map_err(Error::from),
            (Ok(()), _) => self.publish_progress(true).await,
            (Err(error), _) => Err(error),
        };
        if let Err(error) = published {
            (self.migrator.observer)(Event::NotPublished(error.to_string()));
        }
    }

    /// Publishes from time to time until it is ended; cancels `stop` if that fails for too long.
    pub(super) fn keep_published(&self, stop: &CancellationToken) -> Keeping {
        let ended = CancellationToken::new();
        let Some(store) = self.migrator.store.clone() else { return Keeping { ended, task: None } };
        let (journal, published) = (self.journal.clone(), self.published.fetch_add(1 << 20, Ordering::Relaxed));
        let (observer, stop, over) = (self.migrator.observer.clone(), stop.clone(), ended.clone());
        let task = tokio::spawn(async move {
            let (mut number, mut pause, mut good) = (published + 1, PAUSE, Instant::now());
            loop {
                tokio::select! {
                    () = over.cancelled() => return Ok(()),
                    () = tokio::time::sleep(pause) => {}
                }
                let begun = Instant::now();
                match store.progress(&journal, number, false).await {
                    Ok(()) => {
                        good = Instant::now();
                        pause = PAUSE.max(begun.elapsed() * SHARE);
                    }
                    Err(error) if error.kind() != store::ErrorKind::Unreachable || good.elapsed() > PATIENCE => {
                        stop.cancel();
                        return Err(Error::from(error));
                    }
                    Err(error) => {
                        observer(Event::NotPublished(error.to_string()));
                        pause = AGAIN;
                    }
                }
                // Also after a failure: what of it came about is not known.
                number += 1;
            }
        });
        Keeping { ended, task: Some(task) }
    }
}

/// The publishing beside the writing.
pub(super) struct Keeping {
    ended: CancellationToken,
    task: Option<tokio::task::JoinHandle<Result<(), Error>>>,
}

impl Keeping {
    /// Ends it, after what is under way.
    pub(super) async fn end(self) -> Result<(), Error> {
        self.ended.cancel();
        match self.task {
            Some(task) => task.await.map_err(|error| Error::Start(error.to_string()))?,
            None => Ok(()),
        }
    }
}

fn next(published: &AtomicU64) -> u64 {
    published.fetch_add(1, Ordering::Relaxed) + 1
}
