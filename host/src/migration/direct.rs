//! DynamoDB at once: what a migration that was granted it may call while it works on an item.
//!
//! These calls are outside of the plan and of the item's atomic actions: what they wrote stays, whatever becomes of the item, and
//! they happen again when the item is asked about again.

use std::sync::Arc;
use std::time::Duration;

use super::RunContext;
use crate::model::{Item, Key};

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
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DirectFailure {
    /// The condition did not hold; the item that is there.
    #[error("the condition does not hold")]
    ConditionFailed(Option<Item>),
    /// Throttled for longer than was waited.
    #[error("throttled: {0}")]
    Throttled(String),
    /// Anything else, for people.
    #[error("{0}")]
    Other(String),
    /// The time ran out; what was sent may have happened.
    #[error("the time of the call ran out; what was sent may have happened")]
    OutOfTime,
}

/// Whoever carries the calls out. Called on a slot's own thread, which waits; no other slot does.
pub trait Direct: Send + Sync {
    /// Carries one call out, in at most this time.
    fn call(&self, request: DirectRequest, within: Duration) -> Result<DirectAnswer, DirectFailure>;

    /// Returns when the next item may begin: not in a pause.
    fn begin_item(&self) {}
}

impl DirectRequest {
    /// The table that is called.
    pub fn table(&self) -> &str {
        match self {
            Self::Query(query) => &query.table,
            Self::Get { table, .. } | Self::Put { table, .. } | Self::Update { table, .. } | Self::Delete { table, .. } => table,
        }
    }

    /// Whether it changes anything.
    pub fn is_write(&self) -> bool {
        self.written().is_some()
    }

    /// What it writes: a whole item, or its key.
    fn written(&self) -> Option<&Item> {
        match self {
            Self::Put { item: written, .. } | Self::Update { key: written, .. } | Self::Delete { key: written, .. } => {
                Some(written)
            }
            Self::Get { .. } | Self::Query(_) => None,
        }
    }
}

/// Whether what is written, an item or a key, is the item that was handed in, whose change is the plan's.
pub(crate) fn is_this(run: &RunContext, this: Option<&Key>, table: &str, written: &Item) -> bool {
    table == run.table && this.is_some_and(|this| run.key.key_of(written).is_ok_and(|key| key == *this))
}

/// Why the item handed in is not written at once.
pub(crate) const NOT_THIS: &str =
    "the item that was handed in is not written at once: return a patch, an update or a delete of it";

/// DynamoDB at once for a native migration, while it works on one item: by the run's own client, within its rates and with its
/// retries. Writes are neither deferred, nor atomic, nor safe to replay: what they wrote stays, whatever becomes of the item, and
/// they happen again when the item is asked about again.
pub struct DirectClient<'a> {
    pub(crate) direct: &'a Arc<dyn Direct>,
    pub(crate) run: &'a RunContext,
    /// The item handed in.
    pub(crate) this: Option<Key>,
    pub(crate) may_write: bool,
}

impl DirectClient<'_> {
    /// How long one call may take, its retries included.
    const WITHIN: Duration = Duration::from_secs(150);

    /// Reads one item by its whole primary key.
    pub fn get(&self, table: &str, key: Item, consistent: bool) -> Result<Option<Item>, DirectFailure> {
        match self.call(DirectRequest::Get { table: table.into(), key, consistent })? {
            DirectAnswer::Item(item) => Ok(item),
            _ => Ok(None),
        }
    }

    /// Reads one page, and where the next begins: give it as `start`.
    pub fn query(&self, query: DirectQuery) -> Result<(Vec<Item>, Option<Item>), DirectFailure> {
        match self.call(DirectRequest::Query(query))? {
            DirectAnswer::Page { items, next } => Ok((items, next)),
            _ => Ok((Vec::new(), None)),
        }
    }

    /// Puts an item.
    pub fn put(&self, table: &str, item: Item, condition: Option<DirectCondition>) -> Result<(), DirectFailure> {
        self.call(DirectRequest::Put { table: table.into(), item, condition }).map(drop)
    }

    /// Updates an item, making it if it is missing; the item after it.
    pub fn update(
        &self,
        table: &str,
        key: Item,
        change: DirectCondition,
        condition: Option<String>,
    ) -> Result<Item, DirectFailure> {
        match self.call(DirectRequest::Update { table: table.into(), key, change, condition })? {
            DirectAnswer::Item(Some(item)) => Ok(item),
            _ => Ok(Item::default()),
        }
    }

    /// Deletes an item; a missing one is no error.
    pub fn delete(&self, table: &str, key: Item, condition: Option<DirectCondition>) -> Result<(), DirectFailure> {
        self.call(DirectRequest::Delete { table: table.into(), key, condition }).map(drop)
    }

    fn call(&self, request: DirectRequest) -> Result<DirectAnswer, DirectFailure> {
        if request.is_write() && !self.may_write {
            let why = "the migration says that it only reads at once, so that there is a plan of all that it writes";
            return Err(DirectFailure::Other(why.into()));
        }
        if request.written().is_some_and(|written| is_this(self.run, self.this.as_ref(), request.table(), written)) {
            return Err(DirectFailure::Other(NOT_THIS.into()));
        }
        self.direct.call(request, Self::WITHIN)
    }
}
