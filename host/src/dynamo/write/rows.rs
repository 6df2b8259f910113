//! A few rows at once, all or none, each on a condition of its own: for what must not be written by one who lost a lease.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::ReturnConsumedCapacity;

use super::plan::{Op, Role, What};
use super::transaction;
use crate::dynamo::client::{Call, Client, Condition, PATIENCE};
use crate::dynamo::error::{Error, is_conflict, is_throttling};
use crate::dynamo::pace::Cost;
use crate::model::{Existing, Item, Key};

/// One row of a transaction. A condition is DynamoDB's, in its expression language.
#[derive(Clone, Debug)]
pub enum Row {
    /// Puts a whole item.
    Put {
        /// The table.
        table: String,
        /// The key, which the item has too.
        key: Key,
        /// The item.
        item: Item,
        /// What must hold of the item that is there.
        condition: Option<Condition>,
    },
    /// Deletes an item; a missing one is no error.
    Delete {
        /// The table.
        table: String,
        /// Its key.
        key: Key,
        /// What must hold of it.
        condition: Option<Condition>,
    },
    /// Changes nothing, and holds up the others if it does not hold.
    Check {
        /// The table.
        table: String,
        /// The key.
        key: Key,
        /// What must hold of the item.
        condition: Condition,
    },
}

impl Client {
    /// Writes rows, all or none, at twice the units of single writes. `Ok(Some(index))`: the condition of that row did
    /// not hold, and nothing was written. `token` makes it safe to send again for ten minutes, which is done here after time-outs
    /// and server errors.
    pub async fn write_rows(&self, rows: Vec<Row>, token: &str) -> Result<Option<usize>, Error> {
        let ops: Vec<Op> = rows.into_iter().map(op).collect();
        let table = ops.first().map_or("", |op| op.table.as_str());
        let cost = Cost::Write(2.0 * ops.iter().map(Op::units).sum::<f64>());
        let call = Call { operation: "TransactWriteItems", subject: table, repeatable: true, cancel: None, cost };
        let items = ops.iter().map(transaction::item).collect::<Result<Vec<_>, _>>();
        let request = self
            .sdk()
            .transact_write_items()
            .set_transact_items(Some(items.map_err(|error| Error::Setup(error.to_string()))?))
            .client_request_token(transaction::request_token(token))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let (begun, mut tries) = (Instant::now(), 0);
        loop {
            let cancelled = Mutex::new(Vec::new());
            let note = |error: &TransactWriteItemsError| {
                if let TransactWriteItemsError::TransactionCanceledException(cancellation) = error {
                    let codes =
                        cancellation.cancellation_reasons().iter().map(|reason| reason.code().unwrap_or("None").to_owned());
                    *cancelled.lock().unwrap_or_else(PoisonError::into_inner) = codes.collect();
                }
                None
            };
            let error = match self.call(call, note, || request.clone().send()).await {
                Ok(answer) => {
                    self.settle(call.cost, answer.consumed_capacity());
                    return Ok(None);
                }
                Err(error) => error,
            };
            let codes = cancelled.into_inner().unwrap_or_else(PoisonError::into_inner);
            if let Some(at) = codes.iter().position(|code| code == "ConditionalCheckFailed") {
                return Ok(Some(at));
            }
            // Another's transaction, or the renewal of the very lease that is checked, was in the way: nothing was done.
            let passes = codes.iter().any(|code| is_conflict(code) || is_throttling(code));
            if !passes || begun.elapsed() >= PATIENCE {
                return Err(error);
            }
            tries += 1;
            self.meter().retry();
            // Nobody cancels it, so it ends by itself.
            let _waited = self.pause(tries, None).await;
        }
    }
}

fn op(row: Row) -> Op {
    let (table, key, what) = match row {
        Row::Put { table, key, item, condition } => (table, key, What::Put(item, Existing::Replace, condition)),
        Row::Delete { table, key, condition } => (table, key, What::Delete(condition)),
        Row::Check { table, key, condition } => (table, key, What::Check(condition)),
    };
    Op { table, key, on_this: false, conditional: false, role: Role::Action(0), partly: false, problem: None, what }
}
