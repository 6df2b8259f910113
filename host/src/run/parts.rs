//! Several actions of one item, each by itself: for those who gave up that all of them happen or none (`--no-atomic`).
//!
//! Inserts, then updates, then deletes: what is copied is there before its source is changed or goes. Until one of them is
//! acknowledged, the item is treated as any other. After that nothing is ever run again, for the migration would see an item
//! that it has itself changed: what cannot be carried out any more has failed in part, and says so. In doubt, a part is sent again
//! only if its own guard, or the migration's word, makes that safe; else its post-condition is looked at.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::apply::{Applier, RESENDS, Work, attempt};
use super::doubt::{Next, conflict, doubtful, gone, guarded, happened, is_on_this, record, resendable};
use super::error::Error;
use crate::dynamo::{Attempt, Client, Outcome, Terms};
use crate::journal::{OutcomeKind, OutcomeRecord};
use crate::migration::FailureKind;
use crate::model::{Action, Item};

/// Whether an item is sent in parts.
pub(super) fn is_apart(applier: &Applier, work: &Work) -> bool {
    !applier.terms.atomic && work.actions.len() > 1
}

/// What became of one part.
enum Part {
    Done,
    /// It certainly did not happen, because of what is there now.
    Conflict(Option<Item>),
    /// It certainly did not happen, and cannot.
    Impossible(String),
    /// The item ends so, whatever the other parts are.
    Ends(Next),
}

/// Sends an item's actions one after the other. `left`: something of the item may have been carried out.
pub(super) async fn deliver(applier: &Applier, client: &Client, work: Work, left: &mut bool) -> Result<Next, Error> {
    let impossible = client.impossible(&applier.table, &applier.terms, &work.image, &work.actions).await?;
    if let Some(problem) = impossible.filter(|_| !work.doubtful) {
        return Ok(Next::Record(record(applier, &work, OutcomeKind::Failed, format!("NotPossible: {problem}"))));
    }
    let parts = parts(&work.actions);
    // The guard of a part elsewhere would be refused because of what another part changes.
    let on_this = work.actions.iter().any(|action| is_on_this(applier, &work, action));
    let check_source = applier.terms.check_source && !on_this;
    let terms = Arc::new(Terms { check_source, ..applier.terms.as_ref().clone() });
    let count = parts.len();
    for (at, actions) in parts.into_iter().enumerate() {
        let kind = actions.first().map_or("", Action::kind);
        let part = Work { actions: Arc::new(actions), image: work.image.clone(), ..work };
        let sent =
            Attempt { terms: terms.clone(), token: format!("{}/{at}", attempt(applier, &work).token), ..attempt(applier, &part) };
        let so_far =
            |what: &str| format!("the {kind}, of {count} parts the {}. one, {what}; those before it were carried out", at + 1);
        match one(applier, client, part, sent, left).await? {
            Part::Done => *left = true,
            Part::Conflict(None) if at == 0 => return Ok(gone(applier, &work)),
            Part::Conflict(present) if at == 0 => return conflict(applier, work, present).await,
            Part::Conflict(_) => return Ok(partial(applier, &work, so_far("met an item that had changed meanwhile"))),
            Part::Impossible(why) if at == 0 => return Ok(Next::Record(record(applier, &work, OutcomeKind::Failed, why))),
            Part::Impossible(why) => return Ok(partial(applier, &work, so_far(&format!("failed: {why}")))),
            Part::Ends(next) => return Ok(next),
        }
    }
    Ok(Next::Done)
}

/// Sends one part until it is known what became of it.
async fn one(applier: &Applier, client: &Client, mut part: Work, sent: Attempt, left: &mut bool) -> Result<Part, Error> {
    loop {
        if part.doubtful && !resendable(applier, &part) {
            return looked_at(applier, client, &part, None, "it was sent before, without an answer").await;
        }
        applier.lease.check()?;
        // What has begun is brought to its end, and not left lying for a stop.
        let cancel = if *left { CancellationToken::new() } else { applier.stop.clone() };
        let outcome = client.write(&applier.table, vec![sent.clone()], &cancel).await.pop();
        return Ok(match outcome.unwrap_or(Outcome::NotSent) {
            Outcome::Accepted | Outcome::KeptExisting { .. } => Part::Done,
            Outcome::AlreadyGone if part.doubtful => Part::Done,
            Outcome::AlreadyGone => Part::Conflict(None),
            Outcome::Refused { present } if part.doubtful => {
                let why = "sent again, it met an item that has changed since";
                return looked_at(applier, client, &part, Some(present), why).await;
            }
            Outcome::Refused { present } => Part::Conflict(present),
            Outcome::Failed { code, message } if part.doubtful => {
                return looked_at(applier, client, &part, None, &format!("sent again, it failed: {code}: {message}")).await;
            }
            Outcome::Failed { code, message } => Part::Impossible(format!("{code}: {message}")),
            Outcome::InDoubt { lost, why } => {
                (part.doubtful, *left) = (true, true);
                if !resendable(applier, &part) {
                    return looked_at(applier, client, &part, None, &why).await;
                }
                if part.resends < RESENDS {
                    part.resends += 1;
                    tokio::time::sleep(Duration::from_millis(100 + fastrand::u64(..200))).await;
                    continue;
                }
                match lost {
                    // The way to DynamoDB is at fault: it is sent again when the run goes on.
                    Some(error) => Part::Ends(Next::Stopped(error)),
                    None => return looked_at(applier, client, &part, None, &why).await,
                }
            }
            Outcome::NotSent => Part::Ends(Next::Again(part)),
            Outcome::Stopped(error) => Part::Ends(Next::Stopped(error)),
        });
    }
}

/// A part in doubt that is not sent again: done if its post-condition holds, else its item stays in doubt.
async fn looked_at(
    applier: &Applier,
    client: &Client,
    part: &Work,
    present: Option<Option<Item>>,
    why: &str,
) -> Result<Part, Error> {
    let present = match present {
        Some(present) => present,
        None if guarded(applier, part) => {
            let key = applier.table.key.key_of(&part.image).map_err(Error::Start)?;
            client.get_item(&applier.table.name, &key, true).await?
        }
        None => None,
    };
    Ok(match happened(applier, client, part, present.as_ref()).await? {
        true => Part::Done,
        false => Part::Ends(Next::Record(doubtful(applier, part, why))),
    })
}

/// An item of which a part was carried out, and the rest cannot be.
fn partial(applier: &Applier, work: &Work, message: String) -> Next {
    let record = record(applier, work, OutcomeKind::Failed, message);
    Next::Record(OutcomeRecord { failure: Some(FailureKind::Partial), ..record })
}

/// The actions in the order in which they are sent; patches are one write.
fn parts(actions: &[Action]) -> Vec<Vec<Action>> {
    let of = |kind: &'static str| actions.iter().filter(move |action| action.kind() == kind).cloned();
    let patches: Vec<Action> = of("patch").collect();
    let inserts = of("insert").map(|action| vec![action]);
    let (updates, deletes) = (of("update").map(|action| vec![action]), of("delete").map(|action| vec![action]));
    inserts.chain((!patches.is_empty()).then_some(patches)).chain(updates).chain(deletes).collect()
}
