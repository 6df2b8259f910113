//! DynamoDB at once: what a migration that was granted it may call while it works on an item.
//!
//! These calls are outside of the plan and of the item's atomic actions: what they wrote stays, whatever becomes of the item, and
//! they happen again when the item is asked about again.

use std::time::Duration;

use crate::model::Item;

/// One call.
#[derive(Clone, Debug, PartialEq)]
pub enum DirectRequest {
    /// Reads one item.
    Get {
        /// The table's name or ARN.
        table: String,
        /// The whole primary key and nothing else.
        key: Item,
        /// Strongly consistent.
        consistent: bool,
    },
    /// Reads a page of items.
    Query(DirectQuery),
    /// Puts an item.
    Put {
        /// The table's name or ARN.
        table: String,
        /// The item.
        item: Item,
        /// Only if this holds.
        condition: Option<DirectCondition>,
    },
    /// Updates an item, making it if it is missing.
    Update {
        /// The table's name or ARN.
        table: String,
        /// The whole primary key.
        key: Item,
        /// The update expression, with the names and values of both expressions.
        change: DirectCondition,
        /// Only if this holds.
        condition: Option<String>,
    },
    /// Deletes an item; a missing one is no error.
    Delete {
        /// The table's name or ARN.
        table: String,
        /// The whole primary key.
        key: Item,
        /// Only if this holds.
        condition: Option<DirectCondition>,
    },
}

/// An expression with its placeholders.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DirectCondition {
    /// In DynamoDB's language.
    pub expression: String,
    /// `#placeholder` and attribute.
    pub names: Vec<(String, String)>,
    /// Values by `:placeholder`.
    pub values: Item,
}

/// One page of a query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DirectQuery {
    /// The table's name or ARN.
    pub table: String,
    /// A secondary index.
    pub index: Option<String>,
    /// The key condition, with the names and values of both expressions.
    pub key: DirectCondition,
    /// The filter.
    pub filter: Option<String>,
    /// Items a page, before the filter; `None` for DynamoDB's 1 MB alone.
    pub limit: Option<u32>,
    /// In the order of the sort key.
    pub forward: bool,
    /// Strongly consistent.
    pub consistent: bool,
    /// The `next` of the page before.
    pub start: Option<Item>,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq)]
pub enum DirectAnswer {
    /// To a get; and to an update, the item after it.
    Item(Option<Item>),
    /// To a query.
    Page {
        /// The items.
        items: Vec<Item>,
        /// Where the next page begins.
        next: Option<Item>,
    },
    /// To a put or delete.
    Done,
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq)]
pub enum DirectFailure {
    /// The condition did not hold; the item that is there.
    ConditionFailed(Option<Item>),
    /// Throttled for longer than was waited.
    Throttled(String),
    /// Anything else, for people.
    Other(String),
    /// The time ran out; what was sent may have happened.
    OutOfTime,
}

/// Whoever carries the calls out. Called on a slot's own thread, which waits; no other slot does.
pub trait Direct: Send + Sync {
    /// Carries one call out, in at most this time.
    fn call(&self, request: DirectRequest, within: Duration) -> Result<DirectAnswer, DirectFailure>;
}
