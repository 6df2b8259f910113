//! Several actions of one item: all of them, or none.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    CancellationReason, ConditionCheck, Delete, Put, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::plan::{Op, Role, What};
use super::{Attempt, Outcome, elsewhere, from_error};
use crate::dynamo::client::{Call, Client, PATIENCE, names, values};
use crate::dynamo::convert;
use crate::dynamo::error::{Error, is_conflict, is_throttling};
use crate::dynamo::pace::Cost;
use crate::dynamo::throttle::Throttle;
use crate::model::Existing;

impl Client {
    /// Sends one transaction; throttling and conflicts with other transactions are waited out.
    pub(super) async fn transaction(&self, attempt: &Attempt, ops: &[Op], cancel: &CancellationToken) -> Outcome {
        if let Some(message) = ops.iter().find_map(|op| op.problem.as_ref()) {
            return Outcome::Failed { code: "NotPossible".into(), message: message.clone() };
        }
        let items = match ops.iter().map(item).collect::<Result<Vec<_>, _>>() {
            Ok(items) => items,
            Err(error) => return Outcome::Failed { code: "NotPossible".into(), message: error.to_string() },
        };
        let table = ops.first().map_or("", |op| op.table.as_str());
        let cost = Cost::Write(2.0 * ops.iter().map(Op::units).sum::<f64>());
        let call = Call { operation: "TransactWriteItems", subject: table, repeatable: false, cancel: Some(cancel), cost };
        let request = self
            .sdk()
            .transact_write_items()
            .set_transact_items(Some(items))
            .client_request_token(request_token(&attempt.token))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let (begun, mut tries) = (Instant::now(), 0);
        loop {
            let cancelled = Mutex::new(None);
            let note = |error: &TransactWriteItemsError| {
                if let TransactWriteItemsError::TransactionCanceledException(cancellation) = error {
                    let reasons = cancellation.cancellation_reasons().to_vec();
                    *cancelled.lock().unwrap_or_else(PoisonError::into_inner) = Some(reasons);
                }
                None
            };
            let error = match self.call(call, note, || request.clone().send()).await {
                Ok(answer) => {
                    self.settle(call.cost, answer.consumed_capacity());
                    if ops.iter().any(|op| op.partly) {
                        self.meter().partly_guarded();
                    }
                    return Outcome::Accepted;
                }
                Err(error) => error,
            };
            let Some(reasons) = cancelled.into_inner().unwrap_or_else(PoisonError::into_inner) else {
                return from_error(error);
            };
            if let Some(outcome) = self.cancelled(attempt, ops, &reasons, &error, call.cost).await {
                return outcome;
            }
            if begun.elapsed() >= PATIENCE {
                return Outcome::Stopped(error);
            }
            tries += 1;
            self.meter().retry();
            if self.pause(tries, Some(cancel)).await.is_err() {
                return Outcome::Stopped(Error::Cancelled("TransactWriteItems".into()));
            }
        }
    }

    /// Reads the reasons one by one; `None`: it was too fast or in another's way, send it again.
    async fn cancelled(
        &self,
        attempt: &Attempt,
        ops: &[Op],
        reasons: &[CancellationReason],
        error: &Error,
        cost: Cost,
    ) -> Option<Outcome> {
        let failed: Vec<_> =
            ops.iter().zip(reasons).filter(|(_, reason)| reason.code().is_some_and(|code| code != "None")).collect();
        let is_condition = |reason: &CancellationReason| reason.code() == Some("ConditionalCheckFailed");
        // The receipt is there: it happened before, and the guard may well not hold any more.
        if failed.iter().any(|(op, reason)| op.role == Role::Receipt && is_condition(reason)) {
            return Some(Outcome::Accepted);
        }
        if let Some((op, reason)) = failed.iter().find(|(op, reason)| op.on_this && is_condition(reason)) {
            let present = reason.item().cloned().and_then(convert::item);
            return Some(self.refused(attempt, op.guarded(), present).await);
        }
        let is_kept = |op: &Op| matches!(op.what, What::Put(_, Existing::Keep, _));
        if let Some((op, _)) = failed.iter().find(|(op, reason)| is_condition(reason) && !is_kept(op)) {
            return Some(Outcome::Failed { code: "ConditionalCheckFailed".into(), message: elsewhere(op) });
        }
        let passes = |reason: &CancellationReason| reason.code().is_some_and(|code| is_throttling(code) || is_conflict(code));
        if let Some((op, reason)) = failed.iter().find(|(_, reason)| !is_condition(reason) && !passes(reason)) {
            let code = reason.code().unwrap_or("Unknown").to_owned();
            let message = format!("{} in {}: {}", op.key, op.table, reason.message().unwrap_or("no message"));
            return Some(Outcome::Failed { code, message });
        }
        let action = |op: &Op| match op.role {
            Role::Action(at) => Some(at),
            Role::Source | Role::Receipt => None,
        };
        let kept: Vec<_> = failed.iter().filter(|(_, reason)| is_condition(reason)).filter_map(|(op, _)| action(op)).collect();
        if !kept.is_empty() {
            return Some(Outcome::KeptExisting { actions: kept });
        }
        for (_, reason) in &failed {
            if let Some(code) = reason.code().filter(|code| is_throttling(code)) {
                self.throttled(cost, Throttle::of_text(code, reason.message().unwrap_or_default()));
            }
        }
        // Cancelled without a reason that we can read: nothing happened, and it is not known why.
        failed.is_empty().then(|| Outcome::Failed { code: error.code().to_owned(), message: error.to_string() })
    }
}

/// At most 36 characters, the same for the same attempt.
pub(super) fn request_token(token: &str) -> String {
    Sha256::digest(token.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn item(op: &Op) -> Result<TransactWriteItem, BuildError> {
    let key = || Some(convert::sdk_key(&op.key));
    let old = ReturnValuesOnConditionCheckFailure::AllOld;
    let item = TransactWriteItem::builder();
    Ok(match &op.what {
        What::Put(whole, _, condition) => {
            let mut put = Put::builder().table_name(&op.table).set_item(Some(convert::sdk_item(whole)));
            if let Some(it) = condition {
                put = put
                    .condition_expression(&it.expression)
                    .set_expression_attribute_names(names(&it.names))
                    .set_expression_attribute_values(values(&it.values))
                    .return_values_on_condition_check_failure(old);
            }
            item.put(put.build()?)
        }
        What::Update(change) => item.update(
            Update::builder()
                .table_name(&op.table)
                .set_key(key())
                .update_expression(&change.expression)
                .set_condition_expression(change.condition.clone())
                .set_expression_attribute_names(names(&change.names))
                .set_expression_attribute_values(values(&change.values))
                .return_values_on_condition_check_failure(old)
                .build()?,
        ),
        What::Delete(condition) => {
            let mut delete = Delete::builder().table_name(&op.table).set_key(key());
            if let Some(it) = condition {
                delete = delete
                    .condition_expression(&it.expression)
                    .set_expression_attribute_names(names(&it.names))
                    .set_expression_attribute_values(values(&it.values))
                    .return_values_on_condition_check_failure(old);
            }
            item.delete(delete.build()?)
        }
        What::Check(it) => item.condition_check(
            ConditionCheck::builder()
                .table_name(&op.table)
                .set_key(key())
                .condition_expression(&it.expression)
                .set_expression_attribute_names(names(&it.names))
                .set_expression_attribute_values(values(&it.values))
                .return_values_on_condition_check_failure(old)
                .build()?,
        ),
    }
    .build())
}
