//! The second half: every attempt is marked sent before its first byte leaves, and counts as done only on DynamoDB's word
//! or by the rules of doubt (docs/decisions/0002-delivery.md).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::error::Error;
use super::plan::{effective, failed, note};
use super::pool::Pool;
use super::restore;
use crate::dynamo::{Attempt, Client, Guard, Lanes, Outcome, TableInfo};
use crate::history::Lease;
use crate::journal::{AttemptRecord, Journal, OutcomeKind, OutcomeRecord, Phase};
use crate::migration::{FailureKind, ItemFailure};
use crate::model::{Action, Existing, Insert, Item, Target};

/// Attempts a chunk: what is marked sent together, and at most in doubt after a crash.
const CHUNK: usize = 200;
/// The same, where what is in doubt may not be sent again and a person has to look at it.
const SMALL_CHUNK: usize = 25;
/// How often an attempt in doubt is sent again within one process; after that the run stops, or the item stays in doubt.
const RESENDS: u32 = 5;

/// What all pages share.
#[derive(Clone)]
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
    position: u32,
    attempt: u32,
    image: Arc<Item>,
    actions: Arc<Vec<Action>>,
    /// Marked as sent.
    sent: bool,
    /// Sent before, and not answered.
    doubtful: bool,
    resends: u32,
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
        chunk.into_iter().partition(|work| !work.doubtful || resendable(applier, work));
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
            Ok(Next::Record(record)) => match applier.journal.settle(record).await {
                Ok(()) => return (applier.progress)(1),
                Err(error) => error.into(),
            },
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
        (applier.progress)(done.len() as u64);
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
            if kept.is_empty() {
                // Not plainly done: what was there already is not ours to take back.
                let why = "there is an item already where one was to be inserted, and it stays";
                Next::Record(record(applier, &work, OutcomeKind::Unchanged, why.into()))
            } else {
                new_attempt(applier, &work, work.image.as_ref().clone(), kept).await?
            }
        }
        Outcome::Failed { code, message } if restore::leaves_alone(applier.journal.manifest(), &code) => {
            match work.doubtful && happened(applier, client, &work, None).await? {
                true => Next::Done,
                false => {
                    Next::Record(record(applier, &work, OutcomeKind::Skipped, format!("{}: {message}", restore::LEFT_ALONE)))
                }
            }
        }
        Outcome::Failed { code, message } if work.doubtful => {
            unsendable(applier, client, &work, &format!("sent again, it failed: {code}: {message}")).await?
        }
        Outcome::Failed { code, message } => {
            Next::Record(record(applier, &work, OutcomeKind::Failed, format!("{code}: {message}")))
        }
        Outcome::InDoubt { why, .. } if !resendable(applier, &work) => unsendable(applier, client, &work, &why).await?,
        Outcome::InDoubt { .. } if work.resends < RESENDS => {
            work.doubtful = true;
            work.resends += 1;
            Next::Again(work)
        }
        // The way to DynamoDB is at fault: it is sent again when the run goes on.
        Outcome::InDoubt { lost: Some(error), .. } => Next::Stopped(error),
        // It answers, and for this item always with an error of its own.
        Outcome::InDoubt { why, .. } => Next::Record(doubtful(applier, &work, &why)),
        Outcome::NotSent => Next::Again(work),
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
        Some((present, Err(failure))) => {
            let kind = if failure.kind == FailureKind::LeftAlone { OutcomeKind::Skipped } else { OutcomeKind::Failed };
            Ok(Next::Record(OutcomeRecord { kind, present: Some(present), ..ended(applier, &work, failure) }))
        }
        None => Err(Error::Start("the pool gave no answer".into())),
    }
}

/// In doubt, and not to be sent again: done if the post-conditions say so, else it stays in doubt.
async fn unsendable(applier: &Applier, client: &Client, work: &Work, why: &str) -> Result<Next, Error> {
    let key = applier.table.key.key_of(&work.image).map_err(Error::Start)?;
    let present = match guarded(work) {
        true => client.get_item(&applier.table.name, &key, true).await?,
        false => None,
    };
    Ok(match happened(applier, client, work, present.as_ref()).await? {
        true => Next::Done,
        false => Next::Record(OutcomeRecord { present, ..doubtful(applier, work, why) }),
    })
}

fn doubtful(applier: &Applier, work: &Work, why: &str) -> OutcomeRecord {
    let why = format!(
        "whether it was written is not known ({why}); look at it with `drift-host show RUN --item KEY`, and decide with `drift-host repair RUN --item KEY --done|--again`"
    );
    record(applier, work, OutcomeKind::Doubtful, why)
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
    Ok(Next::Record(OutcomeRecord { present, ..record(applier, &work, OutcomeKind::Doubtful, why.into()) }))
}

/// Whether the post-condition of every action holds.
async fn happened(applier: &Applier, client: &Client, work: &Work, present: Option<&Item>) -> Result<bool, Error> {
    let mut after = work.image.as_ref().clone();
    work.actions.iter().for_each(|action| {
        if let Action::Patch(patch) = action {
            after = patch.applied_to(&after);
        }
    });
    if let Some((attribute, version)) = applier.guard.version_after(&work.image) {
        after.insert(attribute, version);
    }
    for action in work.actions.iter() {
        let holds = match action {
            Action::Patch(patch) => present.is_some_and(|present| {
                after.iter().all(|(name, value)| present.get(name) == Some(value))
                    && patch.remove.iter().all(|name| after.contains(name) || !present.contains(name))
            }),
            Action::Delete(Target::This) => present.is_none(),
            Action::Delete(Target::Other(address)) => {
                let table = address.table.as_deref().unwrap_or(&applier.table.name);
                client.get_item(table, &address.key, true).await?.is_none()
            }
            Action::Insert(insert) => there(applier, client, insert)
                .await?
                .is_some_and(|there| insert.existing == Existing::Keep || there == insert.item),
            Action::Withdraw(insert) => there(applier, client, insert).await?.is_none(),
            Action::Update(_) => false,
        };
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The item with the key of an insert.
async fn there(applier: &Applier, client: &Client, insert: &Insert) -> Result<Option<Item>, Error> {
    let info = match insert.table.as_deref() {
        Some(table) if table != applier.table.name => client.table(table).await?,
        _ => applier.table.clone(),
    };
    let Ok(key) = info.key.key_of(&insert.item) else { return Ok(None) };
    Ok(client.get_item(&info.name, &key, true).await?)
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
    Ok(Next::Again(Work { attempt, image, actions, sent: false, doubtful: false, resends: 0, ..*work }))
}

/// Whether the whole attempt stands or falls with the handed-in item.
fn guarded(work: &Work) -> bool {
    work.actions.iter().any(Action::is_on_this)
}

/// Whether sending it twice does not do it twice.
fn resendable(applier: &Applier, work: &Work) -> bool {
    guarded(work) || repeatable(applier, work)
}

/// What the migration states, unless an action elsewhere cannot be repeated whatever was stated.
fn repeatable(applier: &Applier, work: &Work) -> bool {
    applier.journal.manifest().repeatable
        && work.actions.iter().all(|action| match action {
            Action::Update(update) => update.target == Target::This,
            // What a way back puts again is whole: met, it is ours, or it is left alone.
            Action::Insert(insert) => insert.existing != Existing::Fail || applier.journal.manifest().restores.is_some(),
            Action::Patch(_) | Action::Delete(_) | Action::Withdraw(_) => true,
        })
}

fn record(applier: &Applier, work: &Work, kind: OutcomeKind, message: String) -> OutcomeRecord {
    let failure = ItemFailure { kind: FailureKind::Error, message, backtrace: None, log: Vec::new() };
    OutcomeRecord { kind, failure: None, ..ended(applier, work, failure) }
}

fn ended(applier: &Applier, work: &Work, failure: ItemFailure) -> OutcomeRecord {
    let place = (work.segment, work.page, work.position);
    failed(place, &applier.table.key, work.image.as_ref().clone(), Phase::Apply, failure, work.attempt)
}
