//! DynamoDB at once: reads and writes that happen while the migration works on an item. Only for tables that the operator
//! granted (`grants(direct_read("Owners", why = "…"))`), and only a component that calls it imports it.
//!
//! Reads are for what becomes of an item where that depends on rows elsewhere. Writes are **not deferred, not atomic and not safe to
//! replay**: they happen before there is a plan, stay whatever becomes of the item, and happen again whenever the migration
//! is asked about it again. Return an action where one says it.
//!
//! ```
//! use drift_sdk::prelude::*;
//! use drift_sdk::{direct, testing};
//!
//! #[migration(number = 5, name = "owners", repeatable, grants(direct_read("Owners", why = "a thing carries its owner's name")))]
//! fn owners(thing: &mut Item) -> Result<()> {
//!     let owner = direct::get("Owners", &item! { "Id" => thing.number("owner")? })?;
//!     thing.set_some("owner_name", owner.as_ref().and_then(|owner| owner.get("name")));
//!     Ok(())
//! }
//!
//! # fn main() -> Result<()> {
//! // Natively, a test says what is there to be read.
//! let run = testing::Run::new().rows("Owners", [item! { "Id" => 7, "name" => "Ada" }]);
//! let after = run.migrate(&MIGRATION, &item! { "Id" => 1, "owner" => 7 })?.item;
//! assert_eq!(after, Some(item! { "Id" => 1, "owner" => 7, "owner_name" => "Ada" }));
//! # Ok(())
//! # }
//! ```

use std::fmt;

use crate::actions::Update;
use crate::item::Item;
use crate::value::Value;

#[cfg(not(target_arch = "wasm32"))]
use crate::testing::context as host;
#[cfg(target_arch = "wasm32")]
use crate::wasm::direct as host;

/// Why a call failed. As an error of the migration it is the item's; a limit that is passed ends the item anyway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The table and access were not granted.
    Denied(String),
    /// The condition did not hold: the item that is there, if there is one.
    ConditionFailed(Option<Item>),
    /// The host has waited, and DynamoDB is still too busy.
    Throttled(String),
    /// Anything else.
    Other(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(message) => write!(f, "denied: {message}"),
            Self::ConditionFailed(_) => f.write_str("the condition does not hold"),
            Self::Throttled(message) => write!(f, "throttled: {message}"),
            Self::Other(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Failure {}

/// Reads an item by its whole primary key, with all that was written before, by this item's own calls too.
pub fn get(table: &str, key: &Item) -> Result<Option<Item>, Failure> {
    host::get(table, key, true)
}

/// Reads an item eventually consistently: half the read units, and perhaps not the latest.
pub fn get_eventual(table: &str, key: &Item) -> Result<Option<Item>, Failure> {
    host::get(table, key, false)
}

/// Puts an item, over any with its key.
pub fn put(table: &str, item: &Item) -> Result<(), Failure> {
    host::put(table, item, None)
}

/// Puts an item only if the condition holds of the one that is there.
pub fn put_if(table: &str, item: &Item, condition: &Condition) -> Result<(), Failure> {
    host::put(table, item, Some(condition))
}

/// Updates an item, making it if it is missing; gives it as it is afterwards.
pub fn update(table: &str, key: &Item, update: &Update) -> Result<Item, Failure> {
    host::update(table, key, update)
}

/// Deletes an item; a missing one is no error.
pub fn delete(table: &str, key: &Item) -> Result<(), Failure> {
    host::delete(table, key, None)
}

/// Deletes an item only if the condition holds of it.
pub fn delete_if(table: &str, key: &Item, condition: &Condition) -> Result<(), Failure> {
    host::delete(table, key, Some(condition))
}

/// A condition in DynamoDB's expression language, with its placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition(pub(crate) Update);

impl Condition {
    /// A condition of this expression: `attribute_not_exists(Id)`.
    pub fn new(expression: impl Into<String>) -> Self {
        Self(Update::new(expression))
    }

    /// What a `#placeholder` stands for.
    #[must_use]
    pub fn name(self, placeholder: impl Into<String>, attribute: impl Into<String>) -> Self {
        Self(self.0.name(placeholder, attribute))
    }

    /// What a `:placeholder` stands for.
    #[must_use]
    pub fn value(self, placeholder: impl Into<String>, value: impl Into<Value>) -> Self {
        Self(self.0.value(placeholder, value))
    }
}

/// A query, read page by page.
///
/// ```no_run
/// use drift_sdk::direct::Query;
/// # fn f() -> drift_sdk::Result<()> {
/// let latest = Query::new("Orders", "customer = :c").value(":c", 7).backward().limit(1).page()?.items;
/// let all = Query::new("Orders", "customer = :c").value(":c", 7).all()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pub(crate) table: String,
    pub(crate) index: Option<String>,
    pub(crate) key: Condition,
    pub(crate) filter: Option<String>,
    pub(crate) limit: Option<u32>,
    pub(crate) forward: bool,
    pub(crate) consistent: bool,
    pub(crate) start: Option<Item>,
}

/// A page of a query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The items; there may be none on a page that is not the last.
    pub items: Vec<Item>,
    /// Where the next page starts ([`Query::start`]); `None` after the last.
    pub next: Option<Item>,
}

impl Query {
    /// A query by a key condition: `owner = :owner AND begins_with(day, :year)`. Consistent, in the order of the sort key.
    pub fn new(table: impl Into<String>, key_condition: impl Into<String>) -> Self {
        Self {
            table: table.into(),
            index: None,
            key: Condition::new(key_condition),
            filter: None,
            limit: None,
            forward: true,
            consistent: true,
            start: None,
        }
    }

    /// What a `#placeholder` stands for.
    #[must_use]
    pub fn name(mut self, placeholder: impl Into<String>, attribute: impl Into<String>) -> Self {
        self.key = self.key.name(placeholder, attribute);
        self
    }

    /// What a `:placeholder` stands for.
    #[must_use]
    pub fn value(mut self, placeholder: impl Into<String>, value: impl Into<Value>) -> Self {
        self.key = self.key.value(placeholder, value);
        self
    }

    /// On a secondary index. A global one can only be read eventually.
    #[must_use]
    pub fn index(mut self, name: impl Into<String>) -> Self {
        self.index = Some(name.into());
        self
    }

    /// Leaves out what does not fulfil this filter; it is read all the same.
    #[must_use]
    pub fn filter(mut self, expression: impl Into<String>) -> Self {
        self.filter = Some(expression.into());
        self
    }

    /// So many items a page at most, before the filter. A page has at most 1 MB in any case.
    #[must_use]
    pub fn limit(mut self, items: u32) -> Self {
        self.limit = Some(items);
        self
    }

    /// Against the order of the sort key.
    #[must_use]
    pub fn backward(mut self) -> Self {
        self.forward = false;
        self
    }

    /// Eventually consistent: half the read units.
    #[must_use]
    pub fn eventual(mut self) -> Self {
        self.consistent = false;
        self
    }

    /// From where a page ended.
    #[must_use]
    pub fn start(mut self, next: Item) -> Self {
        self.start = Some(next);
        self
    }

    /// Reads one page.
    pub fn page(&self) -> Result<Page, Failure> {
        host::query(self)
    }

    /// Reads all pages, each a call. Everything is in memory: bound it by the key condition.
    pub fn all(&self) -> Result<Vec<Item>, Failure> {
        let mut query = self.clone();
        let mut items = Vec::new();
        loop {
            let page = query.page()?;
            items.extend(page.items);
            match page.next {
                Some(next) => query.start = Some(next),
                None => return Ok(items),
            }
        }
    }
}
