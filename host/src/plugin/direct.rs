//! The contract's `dynamodb`: each call is counted, its table and access are checked by the grants, and then it is carried out
//! by whoever the run handed over, in what is left of the item's time.
//!
//! A limit that is passed ends the item; whatever else goes wrong is the guest's to handle. The item that was handed in is never
//! written: its change is the plan's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::Trap;

use super::contract::dynamodb::{Condition, Failure, Host, Page, QueryRequest};
use super::contract::types::{ItemResult, Name};
use super::grants::{Judge, is_table};
use super::instance::State;
use super::trap::Stopped;
use super::{lift, lower, said};
use crate::migration::{
    Direct, DirectAnswer, DirectCondition, DirectFailure, DirectQuery, DirectRequest, NOT_THIS, RunContext, is_this,
};
use crate::model::{Access, Action, Existing, Insert, Item, Key, item_bytes};

/// Who decides on calls at once, and who carries them out.
#[derive(Clone)]
pub(super) struct AtOnce {
    pub(super) judge: Judge,
    pub(super) direct: Arc<dyn Direct>,
}

/// The item at hand.
pub(super) struct AtHand {
    began: Instant,
    key: Option<Key>,
    calls: usize,
    bytes: usize,
}

impl AtHand {
    pub(super) fn new(run: Option<&RunContext>, item: &Item) -> Self {
        let key = run.and_then(|run| run.key.key_of(item).ok());
        Self { began: Instant::now(), key, calls: 0, bytes: 0 }
    }
}

/// The outer error ends the item, the inner one is the guest's to handle.
type Called<T> = wasmtime::Result<Result<T, Failure>>;

impl State {
    /// Counts a call, and checks that it is granted.
    fn admit(&mut self, function: &str, access: Access, table: &str) -> Called<()> {
        let migrated = self.table().unwrap_or_default();
        let most = self.limits.direct_calls;
        let (Some(at_once), Some(item)) = (&self.at_once, &mut self.item) else {
            let why = "there is no item at hand, or no table to call";
            return Err(Stopped(format!("must not call drift:migration/dynamodb.{function} here: {why}")).into());
        };
        item.calls += 1;
        if item.calls > most {
            let told = format!("made more than {most} calls to DynamoDB for one item, the limit (--limit direct-calls)");
            return Err(Stopped(told).into());
        }
        if !is_table(table) {
            let shown = said::line(table, 300);
            return Ok(Err(Failure::Denied(format!("{shown:?} is no table's name or ARN; a plugin cannot use patterns"))));
        }
        let key = || item.key.as_ref().map_or_else(String::new, ToString::to_string);
        Ok(at_once.judge.check(access, Some(table), &migrated, &key).map_err(Failure::Denied))
    }

    /// Refuses a write of the item that was handed in, or of a secret.
    fn check_write(&self, function: &str, table: &str, written: &Item) -> Called<()> {
        let run = self.run(function)?;
        let this = self.item.as_ref().and_then(|item| item.key.as_ref());
        if is_this(run, this, table, written) {
            return Ok(Err(Failure::Denied(NOT_THIS.into())));
        }
        let put = Action::Insert(Insert { table: None, item: written.clone(), existing: Existing::Replace });
        Ok(match run.secrets.written_by(&[put]) {
            Some(name) => Err(Failure::Other(format!("it would write the value of the secret argument {name}"))),
            None => Ok(()),
        })
    }

    fn count_bytes(&mut self, bytes: usize) -> wasmtime::Result<()> {
        let most = self.limits.direct_bytes;
        let Some(item) = &mut self.item else { return Ok(()) };
        item.bytes = item.bytes.saturating_add(bytes);
        match item.bytes <= most {
            true => Ok(()),
            false => {
                let told = format!(
                    "moved more than {} KiB by calls to DynamoDB for one item, the limit (--limit direct-bytes)",
                    most >> 10
                );
                Err(Stopped(told).into())
            }
        }
    }

    fn carry_out(&mut self, bytes: usize, request: DirectRequest) -> Called<DirectAnswer> {
        self.count_bytes(bytes)?;
        let (Some(at_once), Some(item)) = (&self.at_once, &self.item) else {
            return Ok(Err(Failure::Other("there is no item at hand".into())));
        };
        let left = self.limits.item_time.saturating_sub(item.began.elapsed());
        if left == Duration::ZERO {
            return Err(Trap::Interrupt.into());
        }
        let failure = match at_once.direct.call(request, left) {
            Ok(answer) => {
                self.count_bytes(match &answer {
                    DirectAnswer::Item(item) => item.as_ref().map_or(0, item_bytes),
                    DirectAnswer::Page { items, .. } => items.iter().map(item_bytes).sum(),
                    DirectAnswer::Done => 0,
                })?;
                return Ok(Ok(answer));
            }
            Err(failure) => failure,
        };
        Ok(Err(match failure {
            DirectFailure::OutOfTime => return Err(Trap::Interrupt.into()),
            DirectFailure::ConditionFailed(present) => Failure::ConditionFailed(present.as_ref().map(lower::owned)),
            DirectFailure::Throttled(message) => Failure::Throttled(message),
            DirectFailure::Other(message) => Failure::Other(message),
        }))
    }
}

/// Gives the inner error back to the guest.
macro_rules! or_fail {
    ($called:expr) => {
        match $called {
            Ok(value) => value,
            Err(failure) => return Ok(Err(failure)),
        }
    };
}

fn lifted(item: ItemResult) -> Result<Item, Failure> {
    lift::item(item).map_err(Failure::Other)
}

fn pairs(names: Vec<Name>) -> Vec<(String, String)> {
    names.into_iter().map(|name| (name.placeholder, name.attribute)).collect()
}

fn condition(from: Option<Condition>) -> Result<Option<DirectCondition>, Failure> {
    from.map(|from| Ok(DirectCondition { expression: from.expression, names: pairs(from.names), values: lifted(from.values)? }))
        .transpose()
}

impl Host for State {
    fn get_item(&mut self, table: String, key: ItemResult, consistent: bool) -> Called<Option<ItemResult>> {
        or_fail!(self.admit("get-item", Access::DirectRead, &table)?);
        let key = or_fail!(lifted(key));
        let answer = or_fail!(self.carry_out(item_bytes(&key), DirectRequest::Get { table, key, consistent })?);
        Ok(Ok(match answer {
            DirectAnswer::Item(item) => item.as_ref().map(lower::owned),
            _ => None,
        }))
    }

    fn query(&mut self, request: QueryRequest) -> Called<Page> {
        or_fail!(self.admit("query", Access::DirectRead, &request.table)?);
        let values = or_fail!(lifted(request.values));
        let start = or_fail!(request.start.map(lifted).transpose());
        let bytes = item_bytes(&values);
        let query = DirectQuery {
            table: request.table,
            index: request.index,
            key: DirectCondition { expression: request.key_condition, names: pairs(request.names), values },
            filter: request.filter,
            limit: request.limit,
            forward: request.forward,
            consistent: request.consistent,
            start,
        };
        let answer = or_fail!(self.carry_out(bytes, DirectRequest::Query(query))?);
        Ok(Ok(match answer {
            DirectAnswer::Page { items, next } => {
                Page { items: items.iter().map(lower::owned).collect(), next: next.as_ref().map(lower::owned) }
            }
            _ => Page { items: Vec::new(), next: None },
        }))
    }

    fn put_item(&mut self, table: String, item: ItemResult, only_if: Option<Condition>) -> Called<()> {
        or_fail!(self.admit("put-item", Access::DirectWrite, &table)?);
        let (item, condition) = (or_fail!(lifted(item)), or_fail!(condition(only_if)));
        or_fail!(self.check_write("put-item", &table, &item)?);
        let bytes = item_bytes(&item);
        Ok(self.carry_out(bytes, DirectRequest::Put { table, item, condition })?.map(drop))
    }

    fn update_item(
        &mut self,
        table: String,
        key: ItemResult,
        expression: String,
        names: Vec<Name>,
        values: ItemResult,
        only_if: Option<String>,
    ) -> Called<ItemResult> {
        or_fail!(self.admit("update-item", Access::DirectWrite, &table)?);
        let (key, values) = (or_fail!(lifted(key)), or_fail!(lifted(values)));
        or_fail!(self.check_write("update-item", &table, &key)?);
        or_fail!(self.check_write("update-item", &table, &values)?);
        let bytes = item_bytes(&key) + item_bytes(&values);
        let change = DirectCondition { expression, names: pairs(names), values };
        let answer = or_fail!(self.carry_out(bytes, DirectRequest::Update { table, key, change, condition: only_if })?);
        Ok(Ok(match answer {
            DirectAnswer::Item(Some(item)) => lower::owned(&item),
            _ => lower::owned(&Item::default()),
        }))
    }

    fn delete_item(&mut self, table: String, key: ItemResult, only_if: Option<Condition>) -> Called<()> {
        or_fail!(self.admit("delete-item", Access::DirectWrite, &table)?);
        let (key, condition) = (or_fail!(lifted(key)), or_fail!(condition(only_if)));
        or_fail!(self.check_write("delete-item", &table, &key)?);
        Ok(self.carry_out(item_bytes(&key), DirectRequest::Delete { table, key, condition })?.map(drop))
    }
}
