//! One SDK client with our retries around it, and the plain operations.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ConsumedCapacity, ReturnConsumedCapacity, ReturnValue, ReturnValuesOnConditionCheckFailure};
use tokio_util::sync::CancellationToken;

use super::convert::{self, SdkItem};
use super::credentials::Renewable;
use super::error::{Error, ErrorKind, Failure, from_sdk, is_conflict};
use super::filter::Filter;
use super::meter::Meter;
use super::pace::Cost;
use super::table::TableInfo;
use super::throttle::Throttle;
use super::wire::ReadsPage;
use crate::model::{Item, Key, item_bytes};

/// How long throttling is waited out before it becomes an error.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);
/// The longest single wait.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// The same of what was throttled: the pace has everybody wait already, and what is back should soon be known.
const LONGEST_THROTTLED: Duration = Duration::from_secs(1);
/// How often a read is tried again after a failure that is no throttling.
const READ_RETRIES: u32 = 5;
/// How often what took the whole time allowed is tried again: who waits for a dead endpoint should hear of it.
const TIMEOUT_RETRIES: u32 = 2;
/// How often credentials are renewed for one request.
const RENEWALS: u32 = 3;

/// A client of DynamoDB; cheap to clone. Every operation waits throttling out, up to two minutes, with jitter, and asks for
/// new credentials when those it has are called expired. Reads, and writes that are the same once and twice (a put or a delete
/// without a condition), are also repeated after timeouts and server errors; other writes never are, unless it is certain that
/// nothing was sent: their error says [`Error::in_doubt`].
#[derive(Clone, Debug)]
pub struct Client(Arc<Inner>, Scope);

/// On whose behalf a client calls.
#[derive(Clone, Copy, Debug)]
enum Scope {
    Any,
    Segment(u32),
    Ahead,
    Midway,
}

#[derive(Debug)]
struct Inner {
    sdk: aws_sdk_dynamodb::Client,
    endpoint: String,
    credentials: Renewable,
    meter: Meter,
    tables: Mutex<HashMap<String, TableInfo>>,
    partiql_denied: Arc<AtomicBool>,
}

/// A condition of a single write, in DynamoDB's expression language.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Condition {
    /// The expression.
    pub expression: String,
    /// Placeholder (`#name`) and attribute.
    pub names: Vec<(String, String)>,
    /// Values by placeholder (`:value`).
    pub values: Item,
}

/// An update of one item, in DynamoDB's expression language.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    /// The update expression.
    pub expression: String,
    /// A condition for it.
    pub condition: Option<String>,
    /// Placeholder (`#name`) and attribute, of both expressions.
    pub names: Vec<(String, String)>,
    /// Values by placeholder (`:value`), of both expressions.
    pub values: Item,
}

/// One page of a scan to read.
#[derive(Clone, Debug)]
pub struct ScanRequest {
    /// The table's name or ARN.
    pub table: String,
    /// Which segment, from 0.
    pub segment: u32,
    /// How many segments there are, at least 1.
    pub segments: u32,
    /// Strongly consistent, at twice the read units.
    pub consistent: bool,
    /// Items per page at most, counted before the filter; 0 for DynamoDB's 1 MB alone.
    pub limit: u32,
    /// Only items for which this holds; the others are paid for as well.
    pub filter: Option<Filter>,
    /// The cursor of the page before.
    pub start: Option<Key>,
}

/// One page of a scan.
#[derive(Clone, Debug, Default)]
pub struct ScanPage {
    /// The items, in DynamoDB's order.
    pub items: Vec<Item>,
    /// Where the next page begins; `None` after the last one.
    pub cursor: Option<Key>,
    /// Items read, before the filter.
    pub scanned: u64,
}

/// What a call is, for its errors and its retries.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) operation: &'static str,
    pub(super) subject: &'a str,
    /// Whether doing it twice is the same as doing it once.
    pub(super) repeatable: bool,
    pub(super) cancel: Option<&'a CancellationToken>,
    /// What one try costs, as far as it is known.
    pub(super) cost: Cost,
}

/// The write units of an item of this size, in bytes.
pub(super) fn write_units(bytes: usize) -> f64 {
    bytes.div_ceil(1024).max(1) as f64
}

impl Client {
    pub(super) fn new(
        sdk: aws_sdk_dynamodb::Client,
        endpoint: String,
        credentials: Renewable,
        meter: Meter,
        partiql_denied: Arc<AtomicBool>,
    ) -> Self {
        Self(Arc::new(Inner { sdk, endpoint, credentials, meter, tables: Mutex::default(), partiql_denied }), Scope::Any)
    }

    /// The same with another connection pool.
    pub(super) fn with(&self, sdk: aws_sdk_dynamodb::Client) -> Self {
        let Inner { endpoint, credentials, meter, partiql_denied, .. } = &*self.0;
        Self::new(sdk, endpoint.clone(), credentials.clone(), meter.clone(), Arc::clone(partiql_denied))
    }

    /// The same client for the calls of one segment: where DynamoDB throttles a range of its keys, it slows by itself.
    pub fn of_segment(&self, segment: u32) -> Self {
        Self(self.0.clone(), Scope::Segment(segment))
    }

    /// The same client for calls that are counted, and do not wait for the rates: few, and upon which others depend.
    pub fn ahead(&self) -> Self {
        Self(self.0.clone(), Scope::Ahead)
    }

    /// The same client for calls in the midst of something that was begun: they wait for the rates, and a pause lets them finish.
    pub fn midway(&self) -> Self {
        Self(self.0.clone(), Scope::Midway)
    }

    fn segment(&self) -> Option<u32> {
        match self.1 {
            Scope::Segment(segment) => Some(segment),
            Scope::Any | Scope::Ahead | Scope::Midway => None,
        }
    }

    pub(super) fn sdk(&self) -> &aws_sdk_dynamodb::Client {
        &self.0.sdk
    }

    pub(super) fn meter(&self) -> &Meter {
        &self.0.meter
    }

    pub(super) fn partiql_denied(&self) -> &AtomicBool {
        &self.0.partiql_denied
    }

    /// The tables that were looked at.
    pub(super) fn known_tables(&self) -> &Mutex<HashMap<String, TableInfo>> {
        &self.0.tables
    }

    pub(super) fn endpoint(&self) -> &str {
        &self.0.endpoint
    }

    /// Reads one page of a scan.
    pub async fn scan_page(&self, request: &ScanRequest) -> Result<ScanPage, Error> {
        let (limit, cost) = self.meter().pace().page(request.limit);
        let call = Call { operation: "Scan", subject: &request.table, repeatable: true, cancel: None, cost };
        let signed = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        let mut scan = self
            .sdk()
            .scan()
            .table_name(&request.table)
            .consistent_read(request.consistent)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .set_exclusive_start_key(request.start.as_ref().map(convert::sdk_key));
        if limit > 0 {
            scan = scan.limit(signed(limit));
        }
        if request.segments > 1 {
            scan = scan.segment(signed(request.segment)).total_segments(signed(request.segments));
        }
        if let Some(filter) = &request.filter {
            scan = scan
                .filter_expression(&filter.expression)
                .set_expression_attribute_names(names(&filter.names))
                .set_expression_attribute_values(values(&filter.values));
        }
        let reads = ReadsPage::default();
        let send = || scan.clone().customize().interceptor(reads.clone()).send();
        let answer = self.call(call, |_| None, send).await?;
        self.settle(call.cost, answer.consumed_capacity());
        let read = reads.take().unwrap_or_else(|| Err("it was not read".into()));
        let page = read.map_err(|problem| self.unreadable(call, problem))?;
        if let Some(units) = page.units {
            self.meter().pace().scanned(page.scanned, units);
        }
        let cursor = page.cursor.filter(|key| !key.is_empty()).map(Key::from_attributes);
        Ok(ScanPage { items: page.items, cursor, scanned: page.scanned })
    }

    /// Reads one item; `None` if there is none.
    pub async fn get_item(&self, table: &str, key: &Key, consistent: bool) -> Result<Option<Item>, Error> {
        let call = Call { operation: "GetItem", subject: table, repeatable: true, cancel: None, cost: Cost::Read(1.0) };
        let get = self
            .sdk()
            .get_item()
            .table_name(table)
            .set_key(Some(convert::sdk_key(key)))
            .consistent_read(consistent)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = self.call(call, |_| None, || get.clone().send()).await?;
        self.settle(call.cost, answer.consumed_capacity());
        answer.item.map(|item| self.readable(call, convert::item(item))).transpose()
    }

    /// Puts an item. A failed condition is [`ErrorKind::ConditionFailed`], with the item that is there.
    pub async fn put_item(&self, table: &str, item: &Item, condition: Option<&Condition>) -> Result<(), Error> {
        let repeatable = condition.is_none();
        let cost = Cost::Write(write_units(item_bytes(item)));
        self.put(Call { operation: "PutItem", subject: table, repeatable, cancel: None, cost }, item, condition).await
    }

    /// Updates an item, making it if it is missing; returns it as it is afterwards.
    pub async fn update_item(&self, table: &str, key: &Key, change: &Change) -> Result<Item, Error> {
        let call = Call { operation: "UpdateItem", subject: table, repeatable: false, cancel: None, cost: Cost::Write(1.0) };
        let returned = self.update(call, key, change, ReturnValue::AllNew).await?;
        Ok(returned.unwrap_or_else(|| key.attributes().clone()))
    }

    /// Deletes an item; without a condition, a missing one is no error.
    pub async fn delete_item(&self, table: &str, key: &Key, condition: Option<&Condition>) -> Result<(), Error> {
        let repeatable = condition.is_none();
        let call = Call { operation: "DeleteItem", subject: table, repeatable, cancel: None, cost: Cost::Write(1.0) };
        self.delete(call, key, condition).await.map(drop)
    }

    pub(super) async fn put(&self, call: Call<'_>, item: &Item, condition: Option<&Condition>) -> Result<(), Error> {
        let mut put = self
            .sdk()
            .put_item()
            .table_name(call.subject)
            .set_item(Some(convert::sdk_item(item)))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        if let Some(condition) = condition {
            put = put
                .condition_expression(&condition.expression)
                .set_expression_attribute_names(names(&condition.names))
                .set_expression_attribute_values(values(&condition.values))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        }
        let present = |error: &PutItemError| match error {
            PutItemError::ConditionalCheckFailedException(failed) => failed.item().cloned(),
            _ => None,
        };
        let answer = self.call(call, present, || put.clone().send()).await?;
        self.settle(call.cost, answer.consumed_capacity());
        Ok(())
    }

    pub(super) async fn update(
        &self,
        call: Call<'_>,
        key: &Key,
        change: &Change,
        returned: ReturnValue,
    ) -> Result<Option<Item>, Error> {
        let mut update = self
            .sdk()
            .update_item()
            .table_name(call.subject)
            .set_key(Some(convert::sdk_key(key)))
            .update_expression(&change.expression)
            .set_expression_attribute_names(names(&change.names))
            .set_expression_attribute_values(values(&change.values))
            .return_values(returned)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        if let Some(condition) = &change.condition {
            update = update
                .condition_expression(condition)
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        }
        let present = |error: &UpdateItemError| match error {
            UpdateItemError::ConditionalCheckFailedException(failed) => failed.item().cloned(),
            _ => None,
        };
        let answer = self.call(call, present, || update.clone().send()).await?;
        self.settle(call.cost, answer.consumed_capacity());
        answer.attributes.map(|item| self.readable(call, convert::item(item))).transpose()
    }

    pub(super) async fn delete(&self, call: Call<'_>, key: &Key, condition: Option<&Condition>) -> Result<Option<Item>, Error> {
        let mut delete = self
            .sdk()
            .delete_item()
            .table_name(call.subject)
            .set_key(Some(convert::sdk_key(key)))
            .return_values(ReturnValue::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        if let Some(condition) = condition {
            delete = delete
                .condition_expression(&condition.expression)
                .set_expression_attribute_names(names(&condition.names))
                .set_expression_attribute_values(values(&condition.values))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        }
        let present = |error: &DeleteItemError| match error {
            DeleteItemError::ConditionalCheckFailedException(failed) => failed.item().cloned(),
            _ => None,
        };
        let answer = self.call(call, present, || delete.clone().send()).await?;
        self.settle(call.cost, answer.consumed_capacity());
        Ok(answer.attributes.and_then(convert::item))
    }

    /// Sends a request until it is answered for good; see [`Client`] for what is repeated.
    pub(super) async fn call<T, E, Fut>(
        &self,
        call: Call<'_>,
        present: impl Fn(&E) -> Option<SdkItem>,
        send: impl Fn() -> Fut,
    ) -> Result<T, Error>
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
        Fut: Future<Output = Result<T, SdkError<E>>>,
    {
        let begun = Instant::now();
        let (mut tries, mut renewals) = (0, 0);
        loop {
            if call.cancel.is_some_and(CancellationToken::is_cancelled) {
                return Err(Error::Cancelled(call.operation.to_owned()));
            }
            let taken = Instant::now();
            let paced = match self.1 {
                Scope::Ahead => {
                    self.meter().pace().count(call.cost);
                    Ok(())
                }
                _ => {
                    let heeds_pause = !matches!(self.1, Scope::Midway);
                    self.meter().pace().reserve(call.cost, self.segment(), heeds_pause, call.cancel).await
                }
            };
            paced.map_err(|()| Error::Cancelled(call.operation.to_owned()))?;
            self.meter().call();
            let sent = Instant::now();
            let answered = match send().await {
                Ok(answer) => {
                    self.meter().answered(call.operation, None, sent.elapsed());
                    self.meter().pace().admitted(call.cost, self.segment());
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let present = answered.as_service_error().and_then(&present).and_then(convert::item);
            let error = from_sdk(&answered, call.operation, call.subject, &self.0.endpoint, present);
            self.meter().answered(call.operation, Some(error.kind()), sent.elapsed());
            let mut longest = LONGEST_WAIT;
            let waits = match error.kind() {
                ErrorKind::Throttled => {
                    let cause = answered.as_service_error().map_or(Throttle::Table, |error| {
                        Throttle::of_error(error, error.code().unwrap_or_default(), error.message().unwrap_or_default())
                    });
                    self.throttled(call.cost, cause);
                    longest = LONGEST_THROTTLED;
                    begun.elapsed() < PATIENCE
                }
                _ if is_conflict(error.code()) => begun.elapsed() < PATIENCE,
                // Nothing was done with credentials that are not good.
                ErrorKind::ExpiredCredentials | ErrorKind::WrongCredentials if !error.in_doubt() => {
                    renewals += 1;
                    renewals <= RENEWALS && self.0.credentials.renew(taken).await
                }
                ErrorKind::TimedOut if call.repeatable || !error.in_doubt() => tries < TIMEOUT_RETRIES,
                ErrorKind::Unreachable if !error.in_doubt() => tries < READ_RETRIES,
                _ => call.repeatable && error.in_doubt() && tries < READ_RETRIES,
            };
            if !waits {
                return Err(error);
            }
            tries += 1;
            self.meter().retry();
            pause(tries, longest, call.cancel).await.map_err(|()| Error::Cancelled(call.operation.to_owned()))?;
        }
    }

    /// Counts what an answered call has consumed. What goes ahead is on tables of our own, and says nothing of the one that is migrated.
    pub(super) fn settle<'a>(&self, cost: Cost, consumed: impl IntoIterator<Item = &'a ConsumedCapacity>) {
        let evidence = !matches!(self.1, Scope::Ahead);
        self.meter().settle(cost, consumed, evidence);
    }

    /// Counts a throttling, and slows whom it concerns.
    pub(super) fn throttled(&self, cost: Cost, cause: Throttle) {
        self.meter().throttle(cause);
        self.meter().pace().throttled(cost, cause, self.segment());
    }

    /// Waits before what was throttled, or met another transaction, is sent again; `Err` if cancelled meanwhile.
    pub(super) async fn pause(&self, tries: u32, cancel: Option<&CancellationToken>) -> Result<(), ()> {
        pause(tries, LONGEST_THROTTLED, cancel).await
    }

    pub(super) fn readable<T>(&self, call: Call<'_>, converted: Option<T>) -> Result<T, Error> {
        converted.ok_or_else(|| self.unreadable(call, "an attribute has a type that this version does not know".into()))
    }

    pub(super) fn unreadable(&self, call: Call<'_>, message: String) -> Error {
        Error::Call(Arc::new(Failure {
            kind: ErrorKind::Other,
            operation: call.operation,
            subject: call.subject.to_owned(),
            endpoint: self.0.endpoint.clone(),
            code: "NotUnderstood".into(),
            message,
            present: None,
            in_doubt: false,
        }))
    }
}

/// Waits before try number `tries`, a random part of a time that doubles up to the longest; `Err` if cancelled meanwhile.
async fn pause(tries: u32, longest: Duration, cancel: Option<&CancellationToken>) -> Result<(), ()> {
    let ceiling = Duration::from_millis(25).saturating_mul(1 << tries.min(10)).min(longest);
    let wait = tokio::time::sleep(ceiling.mul_f64(0.2 + 0.8 * fastrand::f64()));
    match cancel {
        None => {
            wait.await;
            Ok(())
        }
        Some(cancel) => tokio::select! {
            () = wait => Ok(()),
            () = cancel.cancelled() => Err(()),
        },
    }
}

/// Names as the SDK takes them: none at all rather than an empty map, which DynamoDB refuses.
pub(super) fn names(names: &[(String, String)]) -> Option<HashMap<String, String>> {
    (!names.is_empty()).then(|| names.iter().cloned().collect())
}

/// Values as the SDK takes them, likewise.
pub(super) fn values(values: &Item) -> Option<SdkItem> {
    (!values.is_empty()).then(|| convert::sdk_item(values))
}
