//! The second half: every attempt is marked sent before its first byte leaves, and counts as done only on DynamoDB's word
//! or by the rules of doubt (docs/decisions/0002-delivery.md).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::error::Error;
use super::plan::{effective, failed, note};
use super::pool::Pool;
use crate::dynamo::{Attempt, Client, Guard, Lanes, Outcome, TableInfo};
use crate::history::Lease;
use crate::journal::{AttemptRecord, Journal, OutcomeKind, OutcomeRecord, Phase};
use crate::migration::ItemFailure;
use crate::model::{Action, Existing, Insert, Item, Target};

/// Attempts a chunk: what is marked sent together, and at most in doubt after a crash.
const CHUNK: usize = 200;
/// How often an attempt in doubt is sent again within one process.
const RESENDS: u32 = 5;

/// What all pages share.
pub(super) struct Applier {
    pub(super) journal: Journal,
    pub(super) table: TableInfo,
    pub(super) pool: Arc<Pool>,
    pub(super) guard: Guard,
    pub(super) lease: Arc<Lease>,
    pub(super) stop: CancellationToken,
    pub(super) progress: Arc<dyn Fn(u64) + Send + Sync>,
}

/// One item's actions on their way.
struct Work {
    segment: u32,
    page: u32,
    /// Index among the page's entries, and position in the page.
    index: u32,
    position: u32,
    attempt: u32,
    image: Arc<Item>,
    actions: Arc<Vec<Action>>,
    /// Sent before, and not answered.
    doubtful: bool,
    resends: u32,
}

/// Carries out what is not done yet. Returns early, without an error, if it is stopped.
pub(super) async fn apply(applier: Arc<Applier>, lanes: &Lanes, in_flight: usize) -> Result<(), Error> {
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
        let (applier, client) = (applier.clone(), lane.client().clone());
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

async fn apply_page(applier: &Applier, client: &Client, segment: u32, page: u32) -> Result<(), Error> {
    let (waiting, sent_upto) = waiting(applier, segment, page)?;
    let mut waiting = waiting.into_iter().filter(|(_, shared)| !shared).map(|(work, _)| work).peekable();
    while waiting.peek().is_some() && !applier.stop.is_cancelled() {
        let chunk: Vec<Work> = waiting.by_ref().take(CHUNK).collect();
        let upto = chunk.last().map_or(0, |work| work.index + 1).max(sent_upto);
        applier.lease.check()?;
        applier.journal.mark_sent(segment, page, upto).await?;
        deliver(applier, client, chunk).await?;
    }
    Ok(())
}

/// Items that write a key which other items write too: one after the other, each after the answer to the one before.
async fn apply_shared(applier: &Applier, client: &Client) -> Result<(), Error> {
    for (segment, page, index) in applier.journal.shared_entries()? {
        if applier.stop.is_cancelled() {
            return Ok(());
        }
        let (all, _) = waiting(applier, segment, page)?;
        let one: Vec<Work> = all.into_iter().map(|(work, _)| work).filter(|work| work.index == index).collect();
        applier.lease.check()?;
        applier.journal.mark_sent(segment, page, index + 1).await?;
        deliver(applier, client, one).await?;
    }
    Ok(())
}

/// The entries of a page that are not done, each with its newest attempt, and whether it shares a key.
fn waiting(applier: &Applier, segment: u32, page: u32) -> Result<(Vec<(Work, bool)>, u32), Error> {
    let read = applier.journal.page(segment, page)?;
    let mut newer: std::collections::HashMap<u32, AttemptRecord> =
        applier.journal.attempts(segment, page)?.into_iter().map(|attempt| (attempt.position, attempt)).collect();
    let each = (0u32..).zip(read.entries).zip(read.done.into_iter().zip(read.shared));
    let open = each.filter(|(_, (done, _))| !done).map(|((index, entry), (_, shared))| {
        let doubtful = index < read.sent_upto;
        let (attempt, image, actions) = match newer.remove(&entry.position) {
            Some(newest) => (newest.attempt, newest.image, newest.actions),
            None => (1, entry.image, entry.actions),
        };
        let (image, actions) = (Arc::new(image), Arc::new(actions));
        (Work { segment, page, index, position: entry.position, attempt, image, actions, doubtful, resends: 0 }, shared)
    });
    Ok((open.collect(), read.sent_upto))
}

/// Sends, reads the answers, and sends again what the rules say, until every item of the chunk is done or settled.
async fn deliver(applier: &Applier, client: &Client, mut chunk: Vec<Work>) -> Result<(), Error> {
    while !chunk.is_empty() {
        let attempts = chunk.iter().map(|work| attempt(applier, work)).collect();
        let outcomes = client.write(&applier.table, attempts, &applier.stop).await;
        let (mut done, mut again, mut stopped) = (Vec::new(), Vec::new(), None);
        for (work, outcome) in chunk.into_iter().zip(outcomes) {
            let (segment, page, index) = (work.segment, work.page, work.index);
            match settle(applier, client, work, outcome).await? {
                Next::Done => done.push((segment, page, index)),
                Next::Record(record) => {
                    applier.journal.settle(record).await?;
                    (applier.progress)(1);
                }
                Next::Again(work) => again.push(work),
                Next::Stopped(error) => stopped = stopped.or(Some(error)),
            }
        }
        if let Some((segment, page, _)) = done.first().copied() {
            (applier.progress)(done.len() as u64);
            applier.journal.mark_done(segment, page, done.into_iter().map(|(_, _, index)| index).collect()).await?;
        }
        if let Some(error) = stopped {
            applier.stop.cancel();
            return if error.kind() == crate::dynamo::ErrorKind::Cancelled { Ok(()) } else { Err(error.into()) };
        }
        if again.iter().any(|work| work.resends > 0) {
            tokio::time::sleep(Duration::from_millis(100 + fastrand::u64(..200))).await;
        }
        if applier.stop.is_cancelled() {
            return Ok(());
        }
        chunk = again;
    }
    Ok(())
}

fn attempt(applier: &Applier, work: &Work) -> Attempt {
    let run = &applier.journal.manifest().run;
    Attempt {
        image: work.image.clone(),
        actions: work.actions.clone(),
        guard: applier.guard.clone(),
        token: format!("{run}/{}/{}/{}/{}", work.segment, work.page, work.position, work.attempt),
    }
}

enum Next {
    Done,
    Record(OutcomeRecord),
    Again(Work),
    Stopped(crate::dynamo::Error),
}

async fn settle(applier: &Applier, client: &Client, mut work: Work, outcome: Outcome) -> Result<Next, Error> {
    Ok(match outcome {
        Outcome::Accepted => Next::Done,
        Outcome::AlreadyGone if work.doubtful => Next::Done,
        Outcome::AlreadyGone => Next::Record(record(applier, &work, OutcomeKind::Skipped, "it was deleted meanwhile".into())),
        Outcome::Refused { present } if work.doubtful => doubt(applier, client, work, present).await?,
        Outcome::Refused { present } => conflict(applier, work, present).await?,
        Outcome::KeptExisting { actions } => {
            let kept = work.actions.iter().enumerate().filter(|(at, _)| !actions.contains(at)).map(|(_, action)| action.clone());
            let kept: Vec<Action> = kept.collect();
            if kept.is_empty() { Next::Done } else { new_attempt(applier, &work, work.image.as_ref().clone(), kept).await? }
        }
        Outcome::Failed { code, message } => {
            Next::Record(record(applier, &work, OutcomeKind::Failed, format!("{code}: {message}")))
        }
        Outcome::InDoubt { why } => {
            let resendable = guarded(&work) || repeatable(applier, &work);
            if resendable && work.resends < RESENDS {
                work.doubtful = true;
                work.resends += 1;
                Next::Again(work)
            } else {
                let why = format!("whether it was written is not known ({why}); decide with `drift-host show` and the table");
                Next::Record(record(applier, &work, OutcomeKind::Doubtful, why))
            }
        }
        Outcome::Stopped(error) => Next::Stopped(error),
    })
}

/// The guard refused an attempt that was never in doubt: the item changed, and the migration runs again on it as it is.
async fn conflict(applier: &Applier, work: Work, present: Option<Item>) -> Result<Next, Error> {
    let Some(present) = present else {
        return Ok(Next::Record(record(applier, &work, OutcomeKind::Skipped, "it was deleted meanwhile".into())));
    };
    if work.attempt > applier.journal.manifest().conflict_retries {
        let why = format!("it changed {} times while it was being migrated; see --conflict-retries", work.attempt);
        return Ok(Next::Record(record(applier, &work, OutcomeKind::Failed, why)));
    }
    match applier.pool.ask(vec![present]).await?.pop() {
        Some((present, Ok(reply))) => {
            let actions = effective(reply.actions, &present);
            if actions.is_empty() {
                let why = "it changed meanwhile, and there is nothing left to do";
                return Ok(Next::Record(record(applier, &work, OutcomeKind::Unchanged, why.into())));
            }
            new_attempt(applier, &work, present, actions).await
        }
        Some((_, Err(failure))) => {
            let key = key_text(applier, &work);
            Ok(Next::Record(failed(work.segment, work.page, work.position, key, Phase::Apply, failure, work.attempt)))
        }
        None => Err(Error::Start("the pool gave no answer".into())),
    }
}

/// The guard refused an attempt that was in doubt: was it ours that changed the item?
async fn doubt(applier: &Applier, client: &Client, work: Work, present: Option<Item>) -> Result<Next, Error> {
    if happened(applier, client, &work, present.as_ref()).await? {
        return Ok(Next::Done);
    }
    if repeatable(applier, &work) {
        return match (present, work.actions.as_slice()) {
            (None, [Action::Delete(Target::This)]) => Ok(Next::Done),
            (present, _) => conflict(applier, work, present).await,
        };
    }
    let why = "it was sent without an answer, and the item has changed since: whether the change was made is not known";
    Ok(Next::Record(record(applier, &work, OutcomeKind::Doubtful, why.into())))
}

/// Whether the post-condition of every action holds.
async fn happened(applier: &Applier, client: &Client, work: &Work, present: Option<&Item>) -> Result<bool, Error> {
    for action in work.actions.iter() {
        let holds = match action {
            Action::Patch(patch) => present.is_some_and(|present| {
                let after = patch.applied_to(&work.image);
                let versioned = |name: &str| matches!(&applier.guard, Guard::Version(attribute) if attribute == name);
                after.iter().all(|(name, value)| versioned(name) || present.get(name) == Some(value))
                    && patch.remove.iter().all(|name| !present.contains(name))
            }),
            Action::Delete(Target::This) => present.is_none(),
            Action::Delete(Target::Other(address)) => {
                let table = address.table.as_deref().unwrap_or(&applier.table.name);
                client.get_item(table, &address.key, true).await?.is_none()
            }
            Action::Insert(insert) => inserted(applier, client, insert).await?,
            Action::Update(_) => false,
        };
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn inserted(applier: &Applier, client: &Client, insert: &Insert) -> Result<bool, Error> {
    let info = match insert.table.as_deref() {
        Some(table) if table != applier.table.name => client.table(table).await?,
        _ => applier.table.clone(),
    };
    let Ok(key) = info.key.key_of(&insert.item) else { return Ok(false) };
    let there = client.get_item(&info.name, &key, true).await?;
    Ok(there.is_some_and(|there| insert.existing == Existing::Keep || there == insert.item))
}

async fn new_attempt(applier: &Applier, work: &Work, image: Item, actions: Vec<Action>) -> Result<Next, Error> {
    let attempt = work.attempt + 1;
    applier.lease.check()?;
    let record = AttemptRecord {
        segment: work.segment,
        page: work.page,
        position: work.position,
        attempt,
        image: image.clone(),
        actions: actions.clone(),
    };
    applier.journal.new_attempt(record).await?;
    let (image, actions) = (Arc::new(image), Arc::new(actions));
    Ok(Next::Again(Work { attempt, image, actions, doubtful: false, resends: 0, ..*work }))
}

/// Whether the whole attempt stands or falls with the handed-in item.
fn guarded(work: &Work) -> bool {
    work.actions.iter().any(Action::is_on_this)
}

/// What the migration states, unless an action elsewhere cannot be repeated whatever was stated.
fn repeatable(applier: &Applier, work: &Work) -> bool {
    applier.journal.manifest().repeatable
        && work.actions.iter().all(|action| match action {
            Action::Update(update) => update.target == Target::This,
            Action::Insert(insert) => insert.existing != Existing::Fail,
            Action::Patch(_) | Action::Delete(_) => true,
        })
}

fn key_text(applier: &Applier, work: &Work) -> String {
    applier.table.key.key_of(&work.image).map_or_else(|problem| problem, |key| key.to_string())
}

fn record(applier: &Applier, work: &Work, kind: OutcomeKind, message: String) -> OutcomeRecord {
    let key = key_text(applier, work);
    let failure = ItemFailure { kind: crate::migration::FailureKind::Error, message, backtrace: None, log: Vec::new() };
    let record = failed(work.segment, work.page, work.position, key, Phase::Apply, failure, work.attempt);
    OutcomeRecord { kind, failure: None, ..record }
}
