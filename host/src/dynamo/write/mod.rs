//! Guarded writes of attempts.
//!
//! A lone patch or delete of the handed-in item goes as a guarded statement, up to 25 in one call: a write unit per item and
//! kilobyte, no more. What PartiQL cannot say goes alone, and several actions of one item as one transaction at twice the units.
//! A stamp costs nothing beside its bytes; a receipt makes of every attempt a transaction with one action more.

mod batch;
mod guard;
mod plan;
mod rows;
mod signed;
mod statement;
mod terms;
mod transaction;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use aws_sdk_dynamodb::types::ReturnValue;
use tokio_util::sync::CancellationToken;

pub use self::rows::Row;
pub use self::terms::{Guard, Proof, Terms};

use self::batch::Queued;
use self::plan::{Op, Plan, Role, What, plan};
use self::statement::Texts;
use super::client::{Call, Client, write_units};
use super::error::{Error, ErrorKind};
use super::pace::Cost;
use super::table::TableInfo;
use crate::model::{Action, Existing, Item, Key, Patch, Target, item_bytes};

/// One item's actions as they are sent.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The handed-in item as it was read.
    pub image: Arc<Item>,
    /// What is to happen: all of it, or nothing.
    pub actions: Arc<Vec<Action>>,
    /// How it is guarded, and how it is proved that it happened.
    pub terms: Arc<Terms>,
    /// The same text for the same attempt, another for any other; hashed into DynamoDB's request token.
    pub token: String,
}

/// What became of an attempt.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// It happened, or there was nothing to do.
    Accepted,
    /// Our delete of the handed-in item found nothing to delete.
    AlreadyGone,
    /// The guard of the handed-in item did not hold: nothing happened.
    Refused {
        /// The item that is there now.
        present: Option<Item>,
    },
    /// These inserts that keep existing items met one: nothing happened; leave them out of the next attempt.
    KeptExisting {
        /// Indexes into the attempt's actions.
        actions: Vec<usize>,
    },
    /// It cannot happen as it is: nothing happened.
    Failed {
        /// DynamoDB's code, or ours.
        code: String,
        /// Why, for people.
        message: String,
    },
    /// Sent, and not known whether it happened.
    InDoubt {
        /// Why, for people.
        why: String,
        /// The error of the whole call; `None` if DynamoDB answered, with an internal error of this one statement.
        lost: Option<Error>,
    },
    /// Not sent, because what went before it had no answer: nothing happened.
    NotSent,
    /// Nothing happened, and trying others would fail alike: denied, no table, no credentials, cancelled.
    Stopped(Error),
}

impl Client {
    /// Writes attempts, in batches where possible; the outcomes stand in the order of the attempts. Attempts that concern one
    /// item are sent in their order, the next after the answer to the one before. Throttled ones wait up to two minutes;
    /// `cancel` ends the waiting, and nothing is left half sent. What is [`Outcome::InDoubt`] is not sent again; after a call
    /// without an answer, or one that stops, nothing further is sent.
    pub async fn write(&self, table: &TableInfo, attempts: Vec<Attempt>, cancel: &CancellationToken) -> Vec<Outcome> {
        let mut outcomes = Outcomes { each: attempts.iter().map(|_| None).collect(), halt: None };
        let (mut queue, mut texts) = (Vec::new(), Texts::default());
        let mut waiting: HashSet<Arc<str>> = HashSet::new();
        for (index, attempt) in attempts.iter().enumerate() {
            if let Some(outcome) = outcomes.halted() {
                outcomes.settle(index, outcome);
                continue;
            }
            let texts = Some(&mut texts).filter(|_| !self.partiql_denied().load(Relaxed));
            let plan = match plan(self, table, attempt, texts).await {
                Ok(plan) => plan,
                Err(error) => {
                    outcomes.settle(index, from_error(error));
                    continue;
                }
            };
            let ops = match &plan {
                Plan::Single(op, _) => std::slice::from_ref(op),
                Plan::Transaction(ops) => ops,
                _ => &[],
            };
            if ops.iter().any(|op| op.table == table.name && waiting.contains(op.key.canonical_text().as_str())) {
                self.batches(table, &attempts, std::mem::take(&mut queue), &mut outcomes, cancel).await;
                waiting.clear();
            }
            let outcome = match (outcomes.halted(), plan) {
                (_, Plan::Nothing) => Outcome::Accepted,
                (_, Plan::Impossible(message)) => Outcome::Failed { code: "NotPossible".into(), message },
                (Some(halted), _) => halted,
                (None, Plan::Batched(statement, key)) => {
                    let text: Arc<str> = key.canonical_text().into();
                    waiting.insert(text.clone());
                    queue.push(Queued { index, statement, key, text, throttled: None });
                    continue;
                }
                (None, Plan::Single(op, sayable)) => {
                    if sayable {
                        self.meter().single_write();
                    }
                    self.single(attempt, &op, cancel).await
                }
                (None, Plan::Transaction(ops)) => self.transaction(attempt, &ops, cancel).await,
            };
            outcomes.settle(index, outcome);
        }
        self.batches(table, &attempts, queue, &mut outcomes, cancel).await;
        outcomes.each.into_iter().map(|outcome| outcome.unwrap_or(Outcome::NotSent)).collect()
    }

    /// Why an item's actions can never be carried out, as far as that is known before anything is sent. An `Err` is DynamoDB's,
    /// met while looking up the key of another table.
    pub async fn impossible(
        &self,
        table: &TableInfo,
        terms: &Arc<Terms>,
        image: &Item,
        actions: &[Action],
    ) -> Result<Option<String>, Error> {
        if let Some(problem) = signed::breaks(table, terms, image, actions) {
            return Ok(Some(problem));
        }
        match actions {
            // What most items are is looked at without making their statements.
            [Action::Patch(patch)] => return Ok(terms.bring(image, patch, &mut Patch::default()).err()),
            [Action::Delete(Target::This)] if terms.stamp().is_none() => return Ok(None),
            _ => {}
        }
        let (image, actions) = (Arc::new(image.clone()), Arc::new(actions.to_vec()));
        let attempt = Attempt { image, actions, terms: terms.clone(), token: String::new() };
        Ok(match plan(self, table, &attempt, None).await? {
            Plan::Impossible(message) => Some(message),
            _ => None,
        })
    }

    /// One write of one attempt.
    async fn single(&self, attempt: &Attempt, op: &Op, cancel: &CancellationToken) -> Outcome {
        if let Some(message) = &op.problem {
            return Outcome::Failed { code: "NotPossible".into(), message: message.clone() };
        }
        let cost = Cost::Write(op.units());
        let call = |operation| Call { operation, subject: &op.table, repeatable: false, cancel: Some(cancel), cost };
        let done = match &op.what {
            What::Put(item, _, condition) => self.put(call("PutItem"), item, condition.as_ref()).await,
            What::Update(change) => self.update(call("UpdateItem"), &op.key, change, ReturnValue::None).await.map(drop),
            What::Delete(condition) => self.delete(call("DeleteItem"), &op.key, condition.as_ref()).await.map(drop),
            What::Check(_) => Ok(()),
        };
        let error = match done {
            Ok(()) => {
                if op.partly {
                    self.meter().partly_guarded();
                }
                return Outcome::Accepted;
            }
            Err(error) => error,
        };
        match (error.kind(), &op.what) {
            (ErrorKind::ConditionFailed, What::Put(_, Existing::Keep, _)) => {
                let action = |role| if let Role::Action(at) = role { Some(at) } else { None };
                Outcome::KeptExisting { actions: action(op.role).into_iter().collect() }
            }
            (ErrorKind::ConditionFailed, _) if op.on_this => {
                match self.refused(attempt, op.guarded(), error.present().cloned()).await {
                    Outcome::Refused { present: None } if matches!(op.what, What::Delete(_)) => Outcome::AlreadyGone,
                    outcome => outcome,
                }
            }
            (ErrorKind::ConditionFailed, _) => Outcome::Failed { code: error.code().to_owned(), message: elsewhere(op) },
            _ => from_error(error),
        }
    }

    /// The guard of the handed-in item, or the author's condition beside it, did not hold.
    async fn refused(&self, attempt: &Attempt, guarded: Guarded<'_>, present: Option<Item>) -> Outcome {
        let Guarded { table, key, conditional } = guarded;
        let present = match present {
            Some(item) => Some(item),
            // Absence of the item in an answer may be absence in the table, or in the answer only.
            None => match self.get_item(table, key, true).await {
                Ok(present) => present,
                Err(error) => return Outcome::Stopped(error),
            },
        };
        match present {
            Some(item) if conditional && guard::holds(&attempt.terms, &attempt.image, &item) => Outcome::Failed {
                code: "ConditionalCheckFailedException".into(),
                message: format!("the migration's own condition does not hold for {key} in {table}"),
            },
            present => Outcome::Refused { present },
        }
    }
}

/// The handed-in item, as what carries its guard names it.
#[derive(Clone, Copy)]
struct Guarded<'a> {
    table: &'a str,
    key: &'a Key,
    /// The author's own condition is there too.
    conditional: bool,
}

impl Op {
    /// Write units, as far as they are known without the item that is there; what is learned of it is added by the pace.
    fn units(&self) -> f64 {
        match &self.what {
            What::Put(item, ..) => write_units(item_bytes(item)),
            What::Update(change) => write_units(item_bytes(&change.values)),
            What::Delete(condition) => condition.as_ref().map_or(1.0, |it| write_units(item_bytes(&it.values))),
            What::Check(condition) => write_units(item_bytes(&condition.values)),
        }
    }

    fn guarded(&self) -> Guarded<'_> {
        Guarded { table: &self.table, key: &self.key, conditional: self.conditional }
    }
}

/// The outcomes so far.
struct Outcomes {
    each: Vec<Option<Outcome>>,
    /// What became of the call after which nothing further is sent.
    halt: Option<Outcome>,
}

impl Outcomes {
    fn settle(&mut self, index: usize, outcome: Outcome) {
        if self.halt.is_none() && matches!(outcome, Outcome::Stopped(_) | Outcome::InDoubt { lost: Some(_), .. }) {
            self.halt = Some(outcome.clone());
        }
        if let Some(slot) = self.each.get_mut(index) {
            *slot = Some(outcome);
        }
    }

    /// What becomes of an attempt that is not sent any more.
    fn halted(&self) -> Option<Outcome> {
        match self.halt.as_ref()? {
            Outcome::Stopped(error) => Some(Outcome::Stopped(error.clone())),
            _ => Some(Outcome::NotSent),
        }
    }
}

/// What an error that is about no condition means for an attempt.
fn from_error(error: Error) -> Outcome {
    if error.in_doubt() {
        return Outcome::InDoubt { why: error.to_string(), lost: Some(error) };
    }
    match error.kind() {
        ErrorKind::Validation | ErrorKind::ConditionFailed | ErrorKind::Other => {
            Outcome::Failed { code: error.code().to_owned(), message: error.to_string() }
        }
        _ => Outcome::Stopped(error),
    }
}

/// Why a condition of an operation elsewhere failed.
fn elsewhere(op: &Op) -> String {
    match &op.what {
        What::Put(..) => format!("there is an item {} in {} already, and the insert must not meet one", op.key, op.table),
        What::Delete(_) => format!("the item {} in {} is no longer what was inserted", op.key, op.table),
        _ => format!("the migration's own condition does not hold for {} in {}", op.key, op.table),
    }
}
