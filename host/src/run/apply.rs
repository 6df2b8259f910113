//! The second half: every attempt is marked sent before its first byte leaves, and what its answer means is told by the rules
//! of doubt beside this file.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::canary::Taken;
use super::doubt::{Next, resendable, settle, unsendable};
use super::error::Error;
use super::parts;
use super::plan::note;
use super::pool::Pool;
use super::progress::Step;
use crate::dynamo::{Attempt, Client, Lanes, Outcome, TableInfo, Terms};
use crate::history::Lease;
use crate::journal::{AttemptRecord, Envelope, Journal, OutcomeKind};
use crate::model::{Action, Item};

/// Attempts a chunk: what is marked sent together, and at most in doubt after a crash.
const CHUNK: usize = 200;
/// The same, where what is in doubt may not be sent again and a person has to look at it.
const SMALL_CHUNK: usize = 25;
/// How often an attempt in doubt is sent again within one process; after that the run stops, or the item stays in doubt.
pub(super) const RESENDS: u32 = 5;

/// What all pages share.
#[derive(Clone)]
pub(super) struct Applier {
    pub(super) journal: Journal,
    pub(super) table: TableInfo,
    pub(super) pool: Arc<Pool>,
    pub(super) terms: Arc<Terms>,
    /// What the plan's actions are at most.
    pub(super) envelope: Arc<Envelope>,
    pub(super) lease: Arc<Lease>,
    pub(super) stop: CancellationToken,
    pub(super) progress: Arc<dyn Fn(Step) + Send + Sync>,
}

/// Stops what waits for a retry too, once the lease is lost; until it is dropped.
pub(super) struct Watch(tokio::task::JoinHandle<()>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Applier {
    pub(super) fn watch(&self) -> Watch {
        let (lost, stop) = (self.lease.lost().clone(), self.stop.clone());
        Watch(tokio::spawn(async move {
            lost.cancelled().await;
            stop.cancel();
        }))
    }
}

/// One item's actions on their way.
pub(super) struct Work {
    pub(super) segment: u32,
    pub(super) page: u32,
    pub(super) position: u32,
    pub(super) attempt: u32,
    pub(super) image: Arc<Item>,
    pub(super) actions: Arc<Vec<Action>>,
    /// Marked as sent.
    pub(super) sent: bool,
    /// Sent before, and not answered.
    pub(super) doubtful: bool,
    pub(super) resends: u32,
}

/// Carries out what is not done yet. Returns early, without an error, if it is stopped.
pub(super) async fn apply(applier: Arc<Applier>, lanes: &Lanes, in_flight: usize) -> Result<(), Error> {
    // An error stops the other pages, and not what the caller does next.
    let applier = Arc::new(Applier { stop: applier.stop.child_token(), ..Applier::clone(&applier) });
    let permits = Arc::new(Semaphore::new(in_flight.max(1)));
    let mut pages = tokio::task::JoinSet::new();
    let mut first_error = None;
    for (at, (segment, page)) in applier.journal.unfinished_pages()?.into_iter().enumerate() {
        let Ok(permit) = permits.clone().acquire_owned().await else { break };
        while let Some(ended) = pages.try_join_next() {
            note(ended, &applier.stop, &mut first_error);
        }
        if applier.stop.is_cancelled() {
            break;
        }
        let lane = lanes.lane(at);
        let (applier, client) = (applier.clone(), lane.client().of_segment(segment));
        let work = lane.spawn(async move {
            let result = apply_page(&applier, &client, segment, page).await;
            drop(permit);
            result
        });
        pages.spawn(async move { work.await.map_err(|error| Error::Start(format!("a page's task ended: {error}")))? });
    }
    while let Some(ended) = pages.join_next().await {
        note(ended, &applier.stop, &mut first_error);
    }
    if let Some(error) = first_error {
        return Err(error);
    }
    apply_shared(&applier, lanes.lane(0).client()).await
}

/// Carries out the first `items` that share no key with others, page after page; says which they were.
pub(super) async fn apply_first(applier: Arc<Applier>, lanes: &Lanes, mut items: usize) -> Result<Vec<Taken>, Error> {
    let mut taken = Vec::new();
    for (segment, page) in applier.journal.unfinished_pages()? {
        if items == 0 || applier.stop.is_cancelled() {
            break;
        }
        let alone = waiting(&applier, segment, page)?.into_iter().filter(|(_, shared)| !shared).map(|(work, _)| work);
        let first: Vec<Work> = alone.take(items).collect();
        items -= first.len();
        taken.push((segment, page, first.iter().map(|work| work.position).collect()));
        let lane = lanes.lane(0);
        let (applier, client) = (applier.clone(), lane.client().clone());
        let work = lane.spawn(async move {
            let mut first = first.into_iter().peekable();
            while first.peek().is_some() && !applier.stop.is_cancelled() {
                deliver(&applier, &client, first.by_ref().take(SMALL_CHUNK).collect()).await?;
            }
            Ok::<_, Error>(())
        });
        work.await.map_err(|error| Error::Start(format!("a page's task ended: {error}")))??;
    }
    Ok(taken)
}

async fn apply_page(applier: &Applier, client: &Client, segment: u32, page: u32) -> Result<(), Error> {
    let waiting = waiting(applier, segment, page)?;
    let alone: Vec<Work> = waiting.into_iter().filter(|(_, shared)| !shared).map(|(work, _)| work).collect();
    let size = if alone.iter().all(|work| resendable(applier, work)) { CHUNK } else { SMALL_CHUNK };
    let mut alone = alone.into_iter().peekable();
    while alone.peek().is_some() && !applier.stop.is_cancelled() {
        deliver(applier, client, alone.by_ref().take(size).collect()).await?;
    }
    Ok(())
}

/// Items that write a key which other items write too: one after the other, each after the answer to the one before.
async fn apply_shared(applier: &Applier, client: &Client) -> Result<(), Error> {
    let mut at = applier.journal.next_shared_page(None)?;
    while let Some((segment, page)) = at {
        for (work, _) in waiting(applier, segment, page)?.into_iter().filter(|(_, shared)| *shared) {
            if applier.stop.is_cancelled() {
                return Ok(());
            }
            deliver(applier, client, vec![work]).await?;
        }
        at = applier.journal.next_shared_page(at)?;
    }
    Ok(())
}

/// The entries of a page that are not done, each with its newest attempt, and whether it shares a key.
fn waiting(applier: &Applier, segment: u32, page: u32) -> Result<Vec<(Work, bool)>, Error> {
    let read = applier.journal.page(segment, page)?;
    let mut newer: std::collections::HashMap<u32, AttemptRecord> =
        applier.journal.attempts(segment, page)?.into_iter().map(|attempt| (attempt.position, attempt)).collect();
    let each = read.entries.into_iter().zip(read.sent).zip(read.done.into_iter().zip(read.shared));
    let open = each.filter(|(_, (done, _))| !done).map(|((entry, sent), (_, shared))| {
        let (attempt, image, actions) = match newer.remove(&entry.position) {
            Some(newest) => (newest.attempt, newest.image, newest.actions),
            None => (1, entry.image, entry.actions),
        };
        let (image, actions) = (Arc::new(image), Arc::new(actions));
        // Sent and not done: it is in doubt.
        (Work { segment, page, position: entry.position, attempt, image, actions, sent, doubtful: sent, resends: 0 }, shared)
    });
    Ok(open.collect())
}

/// Sends, reads the answers, and sends again what the rules say, until every item of the chunk is done or settled, or the run
/// is stopped. The chunk is of one page.
async fn deliver(applier: &Applier, client: &Client, chunk: Vec<Work>) -> Result<(), Error> {
    let Some((segment, page)) = chunk.first().map(|work| (work.segment, work.page)) else { return Ok(()) };
    let (mut chunk, stays): (Vec<Work>, Vec<Work>) =
        chunk.into_iter().partition(|work| !work.doubtful || resendable(applier, work) || parts::is_apart(applier, work));
    let mut round = Round::default();
    for work in stays {
        let next = unsendable(applier, client, &work, "it was sent before, and the run ended without its answer").await;
        round.take(applier, work.position, true, next).await;
    }
    let mut unanswered = 0;
    loop {
        round.keep(applier, segment, page).await?;
        if round.error.is_some() || applier.stop.is_cancelled() {
            break;
        }
        if round.again.iter().any(|work| work.resends > 0) || unanswered > 0 {
            tokio::time::sleep(Duration::from_millis(100 + fastrand::u64(..200))).await;
        }
        chunk.append(&mut round.again);
        if chunk.is_empty() {
            return Ok(());
        }
        if let Err(error) = may_send(applier, segment, page, &mut chunk).await {
            round.again = chunk;
            round.error = Some(error);
            break;
        }
        let (apart, whole): (Vec<Work>, Vec<Work>) =
            std::mem::take(&mut chunk).into_iter().partition(|work| parts::is_apart(applier, work));
        chunk = whole;
        let attempts = chunk.iter().map(|work| attempt(applier, work)).collect();
        let outcomes = client.write(&applier.table, attempts, &applier.stop).await;
        let lost = outcomes.iter().find_map(|outcome| match outcome {
            Outcome::InDoubt { lost, .. } => lost.clone(),
            _ => None,
        });
        let answered = |outcome: &Outcome| !matches!(outcome, Outcome::InDoubt { lost: Some(_), .. } | Outcome::NotSent);
        unanswered = if outcomes.iter().any(answered) { 0 } else { unanswered + 1 };
        for (work, outcome) in std::mem::take(&mut chunk).into_iter().zip(outcomes) {
            let (position, left) = (work.position, work.doubtful || matches!(outcome, Outcome::InDoubt { .. }));
            let next = settle(applier, client, work, outcome).await;
            round.take(applier, position, left, next).await;
        }
        for work in apart {
            if lost.is_some() || round.error.is_some() || applier.stop.is_cancelled() {
                round.again.push(work);
                continue;
            }
            let (position, mut left) = (work.position, work.doubtful);
            let next = parts::deliver(applier, client, work, &mut left).await;
            round.take(applier, position, left, next).await;
        }
        if let Some(error) = lost.filter(|_| unanswered > RESENDS) {
            // Nobody answers: what is left is for another day, rather than in doubt item by item.
            round.error.get_or_insert(error.into());
        }
    }
    applier.stop.cancel();
    // What certainly was not carried out need not count as in doubt when the run goes on.
    let open = round.again.iter().filter(|work| work.sent && !work.doubtful).map(|work| work.position);
    let certain: Vec<u32> = open.chain(round.refused).collect();
    if !certain.is_empty() {
        applier.journal.unmark_sent(segment, page, certain).await?;
    }
    match round.error {
        Some(Error::DynamoDb(error)) if error.kind() == crate::dynamo::ErrorKind::Cancelled => Ok(()),
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// What came of sending a chunk once. An error of one item takes nothing from the others.
#[derive(Default)]
struct Round {
    done: Vec<u32>,
    again: Vec<Work>,
    /// Open, and certainly not carried out.
    refused: Vec<u32>,
    error: Option<Error>,
}

impl Round {
    /// `left`: the item may have been carried out, so that it stays marked as sent if it stays open.
    async fn take(&mut self, applier: &Applier, position: u32, left: bool, next: Result<Next, Error>) {
        let error = match next {
            Ok(Next::Done) => return self.done.push(position),
            Ok(Next::Again(work)) => return self.again.push(work),
            Ok(Next::Record(record)) => {
                let failed = u64::from(matches!(record.kind, OutcomeKind::Failed | OutcomeKind::Doubtful));
                match applier.journal.settle(record).await {
                    Ok(()) => return (applier.progress)(Step { failed, ..Step::items(1) }),
                    Err(error) => error.into(),
                }
            }
            Ok(Next::Stopped(error)) => error.into(),
            Err(error) => error,
        };
        if !left {
            self.refused.push(position);
        }
        self.error.get_or_insert(error);
    }

    /// Has the journal keep what is done.
    async fn keep(&mut self, applier: &Applier, segment: u32, page: u32) -> Result<(), Error> {
        if self.done.is_empty() {
            return Ok(());
        }
        let done = std::mem::take(&mut self.done);
        (applier.progress)(Step::items(done.len() as u64));
        Ok(applier.journal.mark_done(segment, page, done).await?)
    }
}

/// Whether the lease is held; and marks what was not sent yet, before its first byte leaves.
async fn may_send(applier: &Applier, segment: u32, page: u32, chunk: &mut [Work]) -> Result<(), Error> {
    applier.lease.check()?;
    let unsent: Vec<u32> = chunk.iter().filter(|work| !work.sent).map(|work| work.position).collect();
    if !unsent.is_empty() {
        applier.journal.mark_sent(segment, page, unsent).await?;
        chunk.iter_mut().for_each(|work| work.sent = true);
    }
    Ok(())
}

/// A hash of what is sent that is the same in every process.
fn content(work: &Work) -> u64 {
    let bytes = postcard::to_stdvec(&(work.image.as_ref(), work.actions.as_ref())).unwrap_or_default();
    Sha256::digest(&bytes).iter().take(8).fold(0, |hash, byte| hash << 8 | u64::from(*byte))
}

pub(super) fn attempt(applier: &Applier, work: &Work) -> Attempt {
    let run = &applier.journal.manifest().run;
    let token = format!("{run}/{}/{}/{}/{}", work.segment, work.page, work.position, work.attempt);
    // Whoever goes on from an older state of the journal may come to another attempt of the same number: one token must never
    // stand for two of them.
    let token = if work.attempt > 1 { format!("{token}/{:016x}", content(work)) } else { token };
    Attempt { image: work.image.clone(), actions: work.actions.clone(), terms: applier.terms.clone(), token }
}
