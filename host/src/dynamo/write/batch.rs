//! Statements in batches: each is answered for itself, and only those that were not carried out are sent again.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use aws_sdk_dynamodb::types::BatchStatementResponse;
use tokio_util::sync::CancellationToken;

use super::plan::{Plan, plan};
use super::statement::{self, Statement};
use super::{Attempt, Guarded, Outcome, Outcomes, from_error};
use crate::dynamo::client::{Call, Client, PATIENCE};
use crate::dynamo::convert;
use crate::dynamo::error::{Error, ErrorKind, Failure, is_conflict, is_throttling, kind_of};
use crate::dynamo::pace::Cost;
use crate::dynamo::table::TableInfo;
use crate::dynamo::throttle::Throttle;
use crate::dynamo::wire::{SendsBody, Statements};
use crate::model::Key;

/// DynamoDB's limit for one batch of statements.
const MAX_STATEMENTS: usize = 25;
/// What is safely below its limit for one request.
const MAX_BATCH_BYTES: usize = 8_000_000;

/// A statement that waits for its batch.
pub(super) struct Queued {
    pub(super) index: usize,
    pub(super) statement: Statement,
    pub(super) key: Key,
    /// The key as one text.
    pub(super) text: Arc<str>,
    /// Since when it is held up: each may be for as long as any other call.
    pub(super) throttled: Option<Instant>,
}

/// What a statement's answer means.
enum Answer {
    /// It is settled.
    Settled(Outcome),
    /// Nothing was done, because of this code; it is to be sent again later.
    Later(String),
    /// PartiQL is not allowed: nothing was done, it goes as a single write.
    Denied,
}

impl Client {
    /// Sends statements, 25 at a time, until each has its outcome or there is no sense in sending more.
    pub(super) async fn batches(
        &self,
        table: &TableInfo,
        attempts: &[Attempt],
        queue: Vec<Queued>,
        outcomes: &mut Outcomes,
        cancel: &CancellationToken,
    ) {
        let mut queue = VecDeque::from(queue);
        let mut tries = 0;
        while !queue.is_empty() {
            if let Some(halted) = outcomes.halted() {
                queue.iter().for_each(|queued| outcomes.settle(queued.index, halted.clone()));
                return;
            }
            let batch = cut(&mut queue, self.meter().pace().write_burst());
            if self.partiql_denied().load(Relaxed) {
                self.singly(table, attempts, batch, outcomes, cancel).await;
                continue;
            }
            let (mut again, mut denied) = (Vec::new(), Vec::new());
            match self.batch(table, attempts, &batch, cancel).await {
                Ok(responses) => {
                    let mut responses = responses.into_iter();
                    for mut queued in batch {
                        let Some(attempt) = attempts.get(queued.index) else { continue };
                        let missing =
                            || Answer::Settled(Outcome::InDoubt { why: "its batch was answered without it".into(), lost: None });
                        let answer = match responses.next() {
                            None => missing(),
                            Some(response) => self.answered(table, attempt, &queued, response).await,
                        };
                        match answer {
                            Answer::Settled(outcome) => outcomes.settle(queued.index, outcome),
                            Answer::Denied => denied.push(queued),
                            Answer::Later(code) => {
                                let since = *queued.throttled.get_or_insert_with(Instant::now);
                                if since.elapsed() < PATIENCE {
                                    again.push(queued);
                                } else {
                                    let error = self.failure(ErrorKind::Throttled, table, &code, "for two minutes");
                                    outcomes.settle(queued.index, Outcome::Stopped(error));
                                }
                            }
                        }
                    }
                }
                Err(error) if !error.in_doubt() && error.kind() == ErrorKind::Denied => denied = batch,
                // One statement spoils the call: nothing was done, each goes alone.
                Err(error) if !error.in_doubt() && error.kind() == ErrorKind::Validation => {
                    self.singly(table, attempts, batch, outcomes, cancel).await;
                }
                Err(error) => {
                    batch.iter().for_each(|queued| outcomes.settle(queued.index, from_error(error.clone())));
                }
            }
            if !denied.is_empty() {
                self.partiql_denied().store(true, Relaxed);
                self.singly(table, attempts, denied, outcomes, cancel).await;
            }
            if again.is_empty() {
                tries = 0;
                continue;
            }
            tries += 1;
            again.iter().for_each(|_| self.meter().retry());
            again.into_iter().rev().for_each(|queued| queue.push_front(queued));
            if self.pause(tries, Some(cancel)).await.is_err() {
                let stopped = || Outcome::Stopped(Error::Cancelled("BatchExecuteStatement".into()));
                queue.drain(..).for_each(|queued| outcomes.settle(queued.index, stopped()));
            }
        }
    }

    /// The same as single writes, one after the other.
    async fn singly(
        &self,
        table: &TableInfo,
        attempts: &[Attempt],
        batch: Vec<Queued>,
        outcomes: &mut Outcomes,
        cancel: &CancellationToken,
    ) {
        for queued in batch {
            let Some(attempt) = attempts.get(queued.index) else { continue };
            let outcome = match outcomes.halted() {
                Some(halted) => halted,
                None => match plan(self, table, attempt, None).await {
                    Ok(Plan::Single(op, _)) => {
                        self.meter().single_write();
                        self.single(attempt, &op, cancel).await
                    }
                    Ok(Plan::Impossible(message)) => Outcome::Failed { code: "NotPossible".into(), message },
                    Ok(_) => Outcome::Failed { code: "NotPossible".into(), message: "it is no single write".into() },
                    Err(error) => from_error(error),
                },
            };
            outcomes.settle(queued.index, outcome);
        }
    }

    async fn batch(
        &self,
        table: &TableInfo,
        attempts: &[Attempt],
        batch: &[Queued],
        cancel: &CancellationToken,
    ) -> Result<Vec<BatchStatementResponse>, Error> {
        let cost = Cost::Write(batch.iter().map(|queued| queued.statement.units).sum());
        let call =
            Call { operation: "BatchExecuteStatement", subject: &table.name, repeatable: false, cancel: Some(cancel), cost };
        let sent = batch.iter().filter_map(|queued| Some((queued, attempts.get(queued.index)?)));
        let statements = sent.map(|(Queued { statement, key, .. }, attempt)| {
            let values = statement::parameters(&table.key, key, attempt, statement.patch.as_ref());
            (&*statement.text, values)
        });
        let body = Statements(statements.collect()).body().map_err(|error| Error::Setup(error.to_string()))?;
        let sends = SendsBody::new(body);
        // Named here for the SDK, which asks for some; what is sent is the body.
        let named = self.sdk().batch_execute_statement().set_statements(Some(Vec::new()));
        let send = || named.clone().customize().interceptor(sends.clone()).send();
        let answer = self.call(call, |_| None, send).await?;
        let code = |response: &BatchStatementResponse| Some(response.error.as_ref()?.code.as_ref()?.as_str().to_owned());
        let codes: Vec<Option<String>> = answer.responses().iter().map(code).collect();
        if codes.iter().all(Option::is_none) {
            self.settle(call.cost, answer.consumed_capacity());
        } else {
            let throttled = |code: &Option<String>| code.as_deref().is_some_and(is_throttling);
            let done = batch.iter().zip(&codes).filter(|(_, code)| !throttled(code)).map(|(queued, _)| queued.statement.units);
            self.meter().settle_part(call.cost, done.sum(), answer.consumed_capacity());
        }
        Ok(answer.responses.unwrap_or_default())
    }

    async fn answered(&self, table: &TableInfo, attempt: &Attempt, queued: &Queued, response: BatchStatementResponse) -> Answer {
        let Some(error) = response.error else {
            let gone = queued.statement.deletes() && response.item.is_none();
            return Answer::Settled(if gone { Outcome::AlreadyGone } else { Outcome::Accepted });
        };
        let code = error.code.as_ref().map_or("Unknown", |code| code.as_str()).to_owned();
        let message = error.message.unwrap_or_default();
        if is_throttling(&code) {
            self.throttled(Cost::Write(queued.statement.units), Throttle::of_text(&code, &message));
            return Answer::Later(code);
        }
        if is_conflict(&code) {
            return Answer::Later(code);
        }
        Answer::Settled(match code.as_str() {
            "ConditionalCheckFailed" => {
                let guarded = Guarded { table: &table.name, key: &queued.key, conditional: false };
                self.refused(attempt, guarded, error.item.and_then(convert::item)).await
            }
            "InternalServerError" => Outcome::InDoubt { why: format!("DynamoDB answered {code}: {message}"), lost: None },
            _ => match kind_of(&code, &message) {
                ErrorKind::Denied => return Answer::Denied,
                kind @ (ErrorKind::TableMissing | ErrorKind::TableNotActive) => {
                    Outcome::Stopped(self.failure(kind, table, &code, &message))
                }
                _ => Outcome::Failed { code, message },
            },
        })
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

/// Takes the next batch off a queue: no item twice, within DynamoDB's number, a size that is safe and a share of the rate.
fn cut(queue: &mut VecDeque<Queued>, most_units: Option<f64>) -> Vec<Queued> {
    let (mut batch, mut held_back) = (Vec::<Queued>::with_capacity(MAX_STATEMENTS), Vec::<Queued>::new());
    let (mut bytes, mut units, mut seen) = (0, 0.0, HashSet::new());
    while let Some(queued) = queue.pop_front() {
        let small = bytes + queued.statement.bytes <= MAX_BATCH_BYTES
            && most_units.is_none_or(|most| units + queued.statement.units <= most);
        let fits = batch.len() < MAX_STATEMENTS && (batch.is_empty() || small);
        if !fits {
            queue.push_front(queued);
            break;
        }
        // One that is held back keeps its place before a later one of the same item.
        if seen.insert(queued.text.clone()) {
            bytes += queued.statement.bytes;
            units += queued.statement.units;
            batch.push(queued);
        } else {
            held_back.push(queued);
        }
    }
    held_back.into_iter().rev().for_each(|queued| queue.push_front(queued));
    batch
}
