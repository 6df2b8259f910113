//! Guarded writes of attempts.
//!
//! A lone patch or delete of the handed-in item goes as a guarded statement, up to 25 in one call: a write unit per item and
//! kilobyte, no more. What PartiQL cannot say goes alone, and several actions of one item as one transaction at twice the units.

mod guard;
mod plan;
mod rows;
mod statement;
mod transaction;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use aws_sdk_dynamodb::types::{
    BatchStatementRequest, BatchStatementResponse, ReturnConsumedCapacity, ReturnValue, ReturnValuesOnConditionCheckFailure,
};
use tokio_util::sync::CancellationToken;

pub use self::rows::Row;

use self::plan::{Op, Plan, What, plan};
use self::statement::Statement;
use super::client::{Call, Client, PATIENCE, pause};
use super::convert;
use super::error::{Error, ErrorKind, Failure, is_conflict, is_throttling, kind_of};
use super::table::TableInfo;
use crate::model::{Action, Existing, Item};

/// DynamoDB's limit for one batch of statements.
const MAX_STATEMENTS: usize = 25;
/// What is safely below its limit for one request.
const MAX_BATCH_BYTES: usize = 8_000_000;

/// How the handed-in item is guarded against changes made since it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// By every attribute that was seen.
    Item,
    /// By this number attribute, which the same write increments. An item without it is guarded by its absence.
    Version(String),
}

/// One item's actions as they are sent.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The handed-in item as it was read.
    pub image: Arc<Item>,
    /// What is to happen: all of it, or nothing.
    pub actions: Arc<Vec<Action>>,
    /// The guard of the handed-in item.
    pub guard: Guard,
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
    /// In a transaction, these inserts that keep existing items met one: nothing happened; leave them out of the next attempt.
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
    },
    /// Nothing happened, and trying others would fail alike: denied, no table, no credentials, cancelled.
    Stopped(Error),
}

impl Client {
    /// Writes attempts, in batches where possible; the outcomes stand in the order of the attempts. Attempts that concern one
    /// item are sent in their order, the next after the answer to the one before. Throttled ones wait up to two minutes;
    /// `cancel` ends the waiting, and nothing is left half sent. What is [`Outcome::InDoubt`] is not sent again.
    pub async fn write(&self, table: &TableInfo, attempts: Vec<Attempt>, cancel: &CancellationToken) -> Vec<Outcome> {
        let mut outcomes: Vec<Option<Outcome>> = attempts.iter().map(|_| None).collect();
        let mut queue = Vec::new();
        let mut waiting = HashSet::new();
        for (index, attempt) in attempts.iter().enumerate() {
            let plan = match plan(self, table, attempt).await {
                Ok(plan) => plan,
                Err(error) => {
                    settle(&mut outcomes, index, from_error(error));
                    continue;
                }
            };
            let ops = match &plan {
                Plan::Single(op) => std::slice::from_ref(op),
                Plan::Transaction(ops) => ops,
                _ => &[],
            };
            if ops.iter().any(|op| op.table == table.name && waiting.contains(&op.key.canonical_text())) {
                self.batches(table, &attempts, std::mem::take(&mut queue), &mut outcomes, cancel).await;
                waiting.clear();
            }
            let outcome = match plan {
                Plan::Nothing => Outcome::Accepted,
                Plan::Impossible(message) => Outcome::Failed { code: "NotPossible".into(), message },
                Plan::Batched(statement, op) if !self.partiql_denied().load(Relaxed) => {
                    let key = op.key.canonical_text();
                    waiting.insert(key.clone());
                    queue.push(Queued { index, statement, op, key });
                    continue;
                }
                Plan::Batched(_, op) => {
                    self.meter().single_write();
                    self.single(attempt, &op, cancel).await
                }
                Plan::Single(op) => {
                    if op.on_this && !op.conditional {
                        self.meter().single_write();
                    }
                    self.single(attempt, &op, cancel).await
                }
                Plan::Transaction(ops) => self.transaction(attempt, &ops, cancel).await,
            };
            settle(&mut outcomes, index, outcome);
        }
        self.batches(table, &attempts, queue, &mut outcomes, cancel).await;
        let missing = || Outcome::InDoubt { why: "the answer to its batch did not mention it".into() };
        outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(missing)).collect()
    }

    /// Sends statements, 25 at a time, until each has its outcome.
    async fn batches(
        &self,
        table: &TableInfo,
        attempts: &[Attempt],
        mut queue: Vec<Queued>,
        outcomes: &mut [Option<Outcome>],
        cancel: &CancellationToken,
    ) {
        let begun = Instant::now();
        let mut tries = 0;
        while !queue.is_empty() {
            let (batch, rest) = cut(queue);
            queue = rest;
            let mut again = Vec::new();
            match self.batch(table, &batch, cancel).await {
                Ok(responses) => {
                    let mut responses = responses.into_iter();
                    for queued in batch {
                        let Some(attempt) = attempts.get(queued.index) else { continue };
                        let outcome = match responses.next() {
                            None => Outcome::InDoubt { why: "the answer to its batch did not mention it".into() },
                            Some(response) => match self.answered(table, attempt, &queued, response, cancel).await {
                                Some(outcome) => outcome,
                                None if begun.elapsed() < PATIENCE => {
                                    again.push(queued);
                                    continue;
                                }
                                None => Outcome::Stopped(self.failure(
                                    ErrorKind::Throttled,
                                    table,
                                    "ThrottlingError",
                                    "throttled for two minutes",
                                )),
                            },
                        };
                        settle(outcomes, queued.index, outcome);
                    }
                }
                Err(error) if !error.in_doubt() && matches!(error.kind(), ErrorKind::Denied | ErrorKind::Validation) => {
                    // PartiQL is not allowed here, or one statement spoils the call: nothing was done, each goes alone.
                    if error.kind() == ErrorKind::Denied {
                        self.partiql_denied().store(true, Relaxed);
                    }
                    for queued in batch {
                        let Some(attempt) = attempts.get(queued.index) else { continue };
                        self.meter().single_write();
                        settle(outcomes, queued.index, self.single(attempt, &queued.op, cancel).await);
                    }
                }
                Err(error) => {
                    batch.iter().for_each(|queued| settle(outcomes, queued.index, from_error(error.clone())));
                }
            }
            if again.is_empty() {
                tries = 0;
                continue;
            }
            tries += 1;
            again.iter().for_each(|_| self.meter().retry());
            again.append(&mut queue);
            queue = again;
            if pause(tries, Some(cancel)).await.is_err() {
                let stopped = || Outcome::Stopped(Error::Cancelled("BatchExecuteStatement".into()));
                queue.drain(..).for_each(|queued| settle(outcomes, queued.index, stopped()));
            }
        }
    }

    async fn batch(
        &self,
        table: &TableInfo,
        batch: &[Queued],
        cancel: &CancellationToken,
    ) -> Result<Vec<BatchStatementResponse>, Error> {
        let call = Call { operation: "BatchExecuteStatement", subject: &table.name, repeatable: false, cancel: Some(cancel) };
        let mut request = self.sdk().batch_execute_statement().return_consumed_capacity(ReturnConsumedCapacity::Total);
        for Queued { statement, .. } in batch {
            let built = BatchStatementRequest::builder()
                .statement(&statement.text)
                .set_parameters(Some(statement.parameters.iter().map(convert::sdk_value).collect()))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .build();
            request = request.statements(built.map_err(|error| Error::Setup(error.to_string()))?);
        }
        let answer = self.call(call, |_| None, || request.clone().send()).await?;
        answer.consumed_capacity().iter().for_each(|consumed| self.meter().write(Some(consumed)));
        Ok(answer.responses.unwrap_or_default())
    }

    /// What a statement's answer means; `None`: nothing was done, send it again later.
    async fn answered(
        &self,
        table: &TableInfo,
        attempt: &Attempt,
        queued: &Queued,
        response: BatchStatementResponse,
        cancel: &CancellationToken,
    ) -> Option<Outcome> {
        let deletes = matches!(queued.op.what, What::Delete(_));
        let Some(error) = response.error else {
            return Some(if deletes && response.item.is_none() { Outcome::AlreadyGone } else { Outcome::Accepted });
        };
        let code = error.code.as_ref().map_or("Unknown", |code| code.as_str()).to_owned();
        let message = error.message.unwrap_or_default();
        if is_throttling(&code) {
            self.meter().throttle();
            return None;
        }
        if is_conflict(&code) {
            return None;
        }
        Some(match code.as_str() {
            "ConditionalCheckFailed" => self.refused(attempt, &queued.op, error.item.and_then(convert::item)).await,
            "InternalServerError" => Outcome::InDoubt { why: format!("DynamoDB answered {code}: {message}") },
            "AccessDenied" => {
                self.partiql_denied().store(true, Relaxed);
                self.meter().single_write();
                self.single(attempt, &queued.op, cancel).await
            }
            _ => match kind_of(&code, &message) {
                kind @ (ErrorKind::TableMissing | ErrorKind::TableNotActive) => {
                    Outcome::Stopped(self.failure(kind, table, &code, &message))
                }
                _ => Outcome::Failed { code, message },
            },
        })
    }

    /// One write of one attempt.
    async fn single(&self, attempt: &Attempt, op: &Op, cancel: &CancellationToken) -> Outcome {
        let cancel = Some(cancel);
        let done = match &op.what {
            What::Put(item, _, condition) => self.put(&op.table, item, condition.as_ref(), cancel).await,
            What::Update(change) => self.update(&op.table, &op.key, change, ReturnValue::None, cancel).await.map(drop),
            What::Delete(condition) => self.delete(&op.table, &op.key, condition.as_ref(), cancel).await.map(drop),
            What::Check(_) => Ok(()),
        };
        let error = match done {
            Ok(()) => return Outcome::Accepted,
            Err(error) => error,
        };
        match (error.kind(), &op.what) {
            (ErrorKind::ConditionFailed, What::Put(_, Existing::Keep, _)) => Outcome::Accepted,
            (ErrorKind::ConditionFailed, _) if op.on_this => match self.refused(attempt, op, error.present().cloned()).await {
                Outcome::Refused { present: None } if matches!(op.what, What::Delete(_)) => Outcome::AlreadyGone,
                outcome => outcome,
            },
            (ErrorKind::ConditionFailed, _) => Outcome::Failed { code: error.code().to_owned(), message: elsewhere(op) },
            _ => from_error(error),
        }
    }

    /// The guard of the handed-in item, or the author's condition beside it, did not hold.
    async fn refused(&self, attempt: &Attempt, op: &Op, present: Option<Item>) -> Outcome {
        let present = match present {
            Some(item) => Some(item),
            // Absence of the item in an answer may be absence in the table, or in the answer only.
            None => match self.get_item(&op.table, &op.key, true).await {
                Ok(present) => present,
                Err(error) => return Outcome::Stopped(error),
            },
        };
        match present {
            Some(item) if op.conditional && guard::holds(&attempt.guard, &attempt.image, &item) => Outcome::Failed {
                code: "ConditionalCheckFailedException".into(),
                message: format!("the migration's own condition does not hold for {} in {}", op.key, op.table),
            },
            present => Outcome::Refused { present },
        }
    }

    fn failure(&self, kind: ErrorKind, table: &TableInfo, code: &str, message: &str) -> Error {
        Error::Call(Arc::new(Failure {
            kind,
            operation: "BatchExecuteStatement",
            subject: table.name.clone(),
            endpoint: self.endpoint().to_owned(),
            code: code.to_owned(),
            message: message.to_owned(),
            present: None,
            in_doubt: false,
        }))
    }
}

/// A statement that waits for its batch.
struct Queued {
    index: usize,
    statement: Statement,
    op: Op,
    key: String,
}

/// Cuts the next batch off a queue: no item twice, within DynamoDB's number and a size that is safe.
fn cut(queue: Vec<Queued>) -> (Vec<Queued>, Vec<Queued>) {
    let (mut batch, mut rest) = (Vec::<Queued>::new(), Vec::<Queued>::new());
    let (mut bytes, mut seen) = (0, HashSet::new());
    for queued in queue {
        let fits = batch.len() < MAX_STATEMENTS && (batch.is_empty() || bytes + queued.statement.bytes <= MAX_BATCH_BYTES);
        // The key counts as seen even if its statement is held back, so that a later one does not overtake it.
        if seen.insert(queued.key.clone()) && fits {
            bytes += queued.statement.bytes;
            batch.push(queued);
        } else {
            rest.push(queued);
        }
    }
    (batch, rest)
}

fn settle(outcomes: &mut [Option<Outcome>], index: usize, outcome: Outcome) {
    if let Some(slot) = outcomes.get_mut(index) {
        *slot = Some(outcome);
    }
}

/// What an error that is about no condition means for an attempt.
fn from_error(error: Error) -> Outcome {
    if error.in_doubt() {
        return Outcome::InDoubt { why: error.to_string() };
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
        _ => format!("the migration's own condition does not hold for {} in {}", op.key, op.table),
    }
}
