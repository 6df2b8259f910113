//! What an answer means for an item: the rules of doubt (docs/decisions/0002-delivery.md, rules 2 to 6).
//!
//! An attempt is done on DynamoDB's word, by its proof, or, where it was in doubt and left none, by the post-condition of every
//! one of its actions. A refusal of one that certainly did not happen runs the migration again on the item that is there now.

use std::sync::Arc;

use super::apply::{Applier, RESENDS, Work};
use super::error::Error;
use super::images;
use super::plan::{effective, failed};
use super::progress::Step;
use super::restore;
use crate::dynamo::{Client, Outcome, Proof};
use crate::journal::{AttemptRecord, OutcomeKind, OutcomeRecord, Phase};
use crate::migration::{FailureKind, ItemFailure};
use crate::model::{Action, Existing, Insert, Item, Key, Target};

/// What follows for an item.
pub(super) enum Next {
    Done,
    Record(OutcomeRecord),
    Again(Work),
    Stopped(crate::dynamo::Error),
}

pub(super) async fn settle(applier: &Applier, client: &Client, mut work: Work, outcome: Outcome) -> Result<Next, Error> {
    Ok(match outcome {
        Outcome::Accepted => Next::Done,
        Outcome::AlreadyGone if is_in_doubt(applier, &work) => Next::Done,
        Outcome::AlreadyGone => gone(applier, &work),
        Outcome::Refused { present } => refused(applier, client, work, present).await?,
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
            match is_in_doubt(applier, &work) && happened(applier, client, &work, None).await? {
                true => Next::Done,
                false => {
                    Next::Record(record(applier, &work, OutcomeKind::Skipped, format!("{}: {message}", restore::LEFT_ALONE)))
                }
            }
        }
        Outcome::Failed { code, message } if is_in_doubt(applier, &work) => {
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
        Outcome::InDoubt { why, .. } => unsendable(applier, client, &work, &why).await?,
        Outcome::NotSent => Next::Again(work),
        Outcome::Stopped(error) => Next::Stopped(error),
    })
}

/// Whether what was refused may have happened: sent before without an answer, or by another process that carries out the same
/// segment and is not as dead as it was taken to be. Of a segment that is never known.
pub(super) fn is_in_doubt(applier: &Applier, work: &Work) -> bool {
    work.doubtful || applier.journal.manifest().part.is_some()
}

/// What the proof says of an attempt.
enum Evidence {
    Happened,
    /// It did not happen, not even if it was sent without an answer.
    Absent,
    /// There is no proof, or it is gone with the item.
    Unknown,
}

async fn evidence(applier: &Applier, client: &Client, work: &Work, present: Option<&Item>) -> Result<Evidence, Error> {
    let there = match &applier.terms.proof {
        Proof::None => None,
        Proof::Stamp { .. } => present.map(|present| applier.terms.is_stamped(present)),
        Proof::Receipt { .. } => match applier.terms.receipt(&applier.table, &key(applier, work)?) {
            Some((table, receipt)) => Some(client.get_item(table, &receipt, true).await?.is_some()),
            None => None,
        },
    };
    Ok(match there {
        Some(true) => Evidence::Happened,
        Some(false) => Evidence::Absent,
        None => Evidence::Unknown,
    })
}

/// The guard refused an attempt. The proof is looked at first, and then whether it can have been ours that changed the item.
async fn refused(applier: &Applier, client: &Client, work: Work, present: Option<Item>) -> Result<Next, Error> {
    match evidence(applier, client, &work, present.as_ref()).await? {
        Evidence::Happened => return Ok(Next::Done),
        Evidence::Absent => return conflict(applier, work, present).await,
        Evidence::Unknown if !is_in_doubt(applier, &work) => return conflict(applier, work, present).await,
        Evidence::Unknown => {}
    }
    if happened(applier, client, &work, present.as_ref()).await? {
        return Ok(Next::Done);
    }
    let stamped = matches!(applier.terms.proof, Proof::Stamp { .. });
    if stamped && work.actions.iter().all(|action| is_on_this(applier, &work, action)) {
        // The item is gone, its stamp with it, and there is nothing elsewhere of which anybody could ask.
        return Ok(gone(applier, &work));
    }
    if repeatable(applier, &work) {
        return match (present, work.actions.as_slice()) {
            (None, [Action::Delete(Target::This)]) => Ok(Next::Done),
            (present, _) => conflict(applier, work, present).await,
        };
    }
    let why = "it was sent without an answer, and the item has changed since: whether the change was made is not known";
    let present = present.map(|present| images::kept(&applier.terms, &applier.table.key, present));
    Ok(Next::Record(OutcomeRecord { present, ..record(applier, &work, OutcomeKind::Doubtful, why.into()) }))
}

/// The guard refused an attempt that did not happen: the item changed, and the migration runs again on it as it is.
pub(super) async fn conflict(applier: &Applier, work: Work, present: Option<Item>) -> Result<Next, Error> {
    let Some(present) = present else {
        return Ok(gone(applier, &work));
    };
    if work.attempt > applier.journal.manifest().conflict_retries {
        let why = format!("it changed {} times while it was being migrated; see --conflict-retries", work.attempt);
        return Ok(Next::Record(record(applier, &work, OutcomeKind::Failed, why)));
    }
    match applier.pool.ask(vec![present]).await?.pop() {
        Some((present, Ok(reply))) => {
            let actions = effective(&applier.table, reply.actions, &present);
            if actions.is_empty() {
                let why = "it changed meanwhile, and there is nothing left to do";
                return Ok(Next::Record(record(applier, &work, OutcomeKind::Unchanged, why.into())));
            }
            // What somebody allowed for this item (`--retry-failed`) stays allowed; a way back restores what its run found.
            let migrated = &applier.table.name;
            let beyond = applier.envelope.with(migrated, &work.actions).beyond(migrated, &actions);
            if let Some(beyond) = beyond.filter(|_| applier.journal.manifest().restores.is_none()) {
                let message = format!(
                    "it changed meanwhile, and run again on it the migration wants to {beyond}, which nothing in the plan does: whoever read \
                     the plan has not seen that. `drift-host apply RUN --retry-failed` allows it"
                );
                let failure = ItemFailure { kind: FailureKind::Denied, message, backtrace: None, log: reply.log };
                let present = images::kept(&applier.terms, &applier.table.key, present);
                let kind = OutcomeKind::Failed;
                return Ok(Next::Record(OutcomeRecord { kind, present: Some(present), ..ended(applier, &work, failure) }));
            }
            let (image, actions) = images::attempt(&applier.terms, &applier.table.key, present, actions);
            new_attempt(applier, &work, image, actions).await
        }
        Some((present, Err(failure))) => {
            let present = images::kept(&applier.terms, &applier.table.key, present);
            let kind = if failure.kind == FailureKind::LeftAlone { OutcomeKind::Skipped } else { OutcomeKind::Failed };
            Ok(Next::Record(OutcomeRecord { kind, present: Some(present), ..ended(applier, &work, failure) }))
        }
        None => Err(Error::Start("the pool gave no answer".into())),
    }
}

/// In doubt, and not to be sent again: told by its proof, or by the post-conditions, else it stays in doubt.
pub(super) async fn unsendable(applier: &Applier, client: &Client, work: &Work, why: &str) -> Result<Next, Error> {
    let present = match guarded(applier, work) {
        true => client.get_item(&applier.table.name, &key(applier, work)?, true).await?,
        false => None,
    };
    match evidence(applier, client, work, present.as_ref()).await? {
        Evidence::Happened => return Ok(Next::Done),
        Evidence::Absent => return Ok(Next::Record(record(applier, work, OutcomeKind::Failed, why.to_owned()))),
        Evidence::Unknown => {}
    }
    if happened(applier, client, work, present.as_ref()).await? {
        return Ok(Next::Done);
    }
    let present = present.map(|present| images::kept(&applier.terms, &applier.table.key, present));
    Ok(Next::Record(OutcomeRecord { present, ..doubtful(applier, work, why) }))
}

pub(super) fn doubtful(applier: &Applier, work: &Work, why: &str) -> OutcomeRecord {
    let why = format!(
        "whether it was written is not known ({why}); look at it with `drift-host show RUN --item KEY`, and decide with `drift-host repair RUN --item KEY --done|--again`"
    );
    record(applier, work, OutcomeKind::Doubtful, why)
}

/// Skipped: there is no such item any more.
pub(super) fn gone(applier: &Applier, work: &Work) -> Next {
    Next::Record(record(applier, work, OutcomeKind::Skipped, "it was deleted meanwhile".into()))
}

/// Whether the post-condition of every action holds.
pub(super) async fn happened(applier: &Applier, client: &Client, work: &Work, present: Option<&Item>) -> Result<bool, Error> {
    let mut after = work.image.as_ref().clone();
    work.actions.iter().for_each(|action| {
        if let Action::Patch(patch) = action {
            after = patch.applied_to(&after);
        }
    });
    // Without a next version nothing was sent.
    let Ok(brought) = applier.terms.brought(&work.image) else { return Ok(false) };
    brought.into_iter().for_each(|(name, value)| drop(after.insert(name, value)));
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
            Action::Insert(insert) => inserted(applier, client, work, insert).await?,
            Action::Withdraw(insert) => there(applier, client, insert).await?.is_none(),
            Action::Update(_) => false,
        };
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn inserted(applier: &Applier, client: &Client, work: &Work, insert: &Insert) -> Result<bool, Error> {
    let ours = match is_over_this(applier, work, insert) {
        true => applier.terms.put_over(&work.image, &insert.item).map_err(Error::Start)?,
        false => insert.item.clone(),
    };
    let there = there(applier, client, insert).await?;
    Ok(there.is_some_and(|there| insert.existing == Existing::Keep || there == ours))
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
    (applier.progress)(Step { conflicts: 1, ..Step::default() });
    let (image, actions) = (Arc::new(image), Arc::new(actions));
    Ok(Next::Again(Work { attempt, image, actions, sent: false, doubtful: false, resends: 0, ..*work }))
}

/// Whether the whole attempt stands or falls with the handed-in item, which it changes.
pub(super) fn guarded(applier: &Applier, work: &Work) -> bool {
    let stamped = matches!(applier.terms.proof, Proof::Stamp { .. });
    stamped || work.actions.iter().any(|action| is_on_this(applier, work, action))
}

/// Whether an action changes the handed-in item, and carries its guard.
pub(super) fn is_on_this(applier: &Applier, work: &Work, action: &Action) -> bool {
    action.is_on_this() || matches!(action, Action::Insert(insert) if is_over_this(applier, work, insert))
}

fn is_over_this(applier: &Applier, work: &Work, insert: &Insert) -> bool {
    let (table, image) = (&applier.table, &work.image);
    insert.existing == Existing::Replace
        && insert.table.as_ref().is_none_or(|name| *name == table.name || *name == table.arn)
        && table.key.attributes().all(|attribute| insert.item.get(&attribute.name) == image.get(&attribute.name))
}

/// Whether sending it twice does not do it twice.
pub(super) fn resendable(applier: &Applier, work: &Work) -> bool {
    applier.terms.proof != Proof::None || guarded(applier, work) || repeatable(applier, work)
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

fn key(applier: &Applier, work: &Work) -> Result<Key, Error> {
    applier.table.key.key_of(&work.image).map_err(Error::Start)
}

pub(super) fn record(applier: &Applier, work: &Work, kind: OutcomeKind, message: String) -> OutcomeRecord {
    let failure = ItemFailure { kind: FailureKind::Error, message, backtrace: None, log: Vec::new() };
    OutcomeRecord { kind, failure: None, ..ended(applier, work, failure) }
}

fn ended(applier: &Applier, work: &Work, failure: ItemFailure) -> OutcomeRecord {
    let place = (work.segment, work.page, work.position);
    failed(place, &applier.table.key, work.image.as_ref().clone(), Phase::Apply, failure, work.attempt)
}
