//! Query, a page at a time.

use aws_sdk_dynamodb::types::ReturnConsumedCapacity;

use super::client::{Call, Client, Condition, names, values};
use super::convert;
use super::error::Error;
use super::pace::Cost;
use crate::model::Item;

/// One page of a query to read.
#[derive(Clone, Debug, Default)]
pub struct QueryRequest {
    /// The table's name or ARN.
    pub table: String,
    /// A secondary index.
    pub index: Option<String>,
    /// The key condition, with the names and values of both expressions.
    pub key: Condition,
    /// A filter.
    pub filter: Option<String>,
    /// Items a page at most, before the filter; `None` for DynamoDB's 1 MB alone.
    pub limit: Option<u32>,
    /// In the order of the sort key, or against it.
    pub forward: bool,
    /// Strongly consistent, at twice the read units.
    pub consistent: bool,
    /// Where the page before ended; of an index, its key and the table's.
    pub start: Option<Item>,
}

impl Client {
    /// Reads one page of a query: its items, and where the next one begins.
    pub async fn query_page(&self, request: &QueryRequest) -> Result<(Vec<Item>, Option<Item>), Error> {
        let call = Call { operation: "Query", subject: &request.table, repeatable: true, cancel: None, cost: Cost::Read(1.0) };
        let query = self
            .sdk()
            .query()
            .table_name(&request.table)
            .set_index_name(request.index.clone())
            .key_condition_expression(&request.key.expression)
            .set_filter_expression(request.filter.clone())
            .set_expression_attribute_names(names(&request.key.names))
            .set_expression_attribute_values(values(&request.key.values))
            .set_limit(request.limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)))
            .scan_index_forward(request.forward)
            .consistent_read(request.consistent)
            .set_exclusive_start_key(request.start.as_ref().map(convert::sdk_item))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = self.call(call, |_| None, || query.clone().send()).await?;
        self.settle(call.cost, answer.consumed_capacity());
        let items = answer.items.unwrap_or_default().into_iter().map(|item| self.readable(call, convert::item(item)));
        let next = answer.last_evaluated_key.filter(|key| !key.is_empty());
        Ok((items.collect::<Result<_, _>>()?, next.map(|key| self.readable(call, convert::item(key))).transpose()?))
    }
}
