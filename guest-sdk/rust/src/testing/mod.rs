//! Unit tests of a migration, natively: no wasm, no table, no host.
//!
//! ```
//! use drift_sdk::prelude::*;
//! use drift_sdk::testing;
//!
//! #[migration(number = 1, name = "shout", repeatable, undo = whisper)]
//! fn shout(item: &mut Item) -> Result<()> {
//!     let name = item.text("name")?.to_uppercase();
//!     item.set("name", name);
//!     Ok(())
//! }
//!
//! fn whisper(item: &mut Item) -> Result<()> {
//!     let name = item.text("name")?.to_lowercase();
//!     item.set("name", name);
//!     Ok(())
//! }
//!
//! # fn main() -> Result<()> {
//! let rock = testing::item(r#"{"Id": {"N": "7"}, "name": {"S": "rock pigeon"}}"#)?;
//! let after = testing::migrate(&MIGRATION, &rock)?;
//! assert_eq!(after.item, Some(item! { "Id" => 7, "name" => "ROCK PIGEON" }));
//! testing::check_undo(&MIGRATION, &rock)?;
//! testing::check_repeatable(&MIGRATION, &rock)?;
//!
//! let nameless = testing::item(r#"{"Id": 8}"#)?;
//! assert_eq!(testing::migrate(&MIGRATION, &nameless).unwrap_err().to_string(), r#"attribute "name" is missing"#);
//! # Ok(())
//! # }
//! ```

pub(crate) mod context;
mod json;

use crate::actions::{Action, Existing, Insert, Target};
use crate::error::{Error, Result};
use crate::item::Item;
use crate::log::Level;
use crate::migration::Migration;

pub use json::{item, items};

/// What a migration did with an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The item afterwards; `None` if it was deleted. Updates by expression are not carried out.
    pub item: Option<Item>,
    /// Everything that it asked for, as the host gets it.
    pub actions: Vec<Action>,
    /// What it logged.
    pub log: Vec<(Level, String)>,
}

impl Outcome {
    /// Whether nothing is to happen.
    pub fn is_unchanged(&self) -> bool {
        self.actions.is_empty()
    }

    /// The items that are to be inserted into a table; `None`: the table being migrated.
    pub fn inserted<'t>(&self, table: impl Into<Option<&'t str>>) -> Vec<&Item> {
        let table = table.into();
        let inserts = self.actions.iter().filter_map(|action| match action {
            Action::Insert(Insert { table: named, item, .. }) if named.as_deref() == table => Some(item),
            _ => None,
        });
        inserts.collect()
    }
}

/// Runs a migration on an item, in a run with nothing special about it.
pub fn migrate(migration: &Migration, item: &Item) -> Result<Outcome> {
    Run::new().migrate(migration, item)
}

/// Runs its undo.
pub fn undo(migration: &Migration, item: &Item) -> Result<Outcome> {
    Run::new().undo(migration, item)
}

/// An error unless undo makes the migrated item what it was, in DynamoDB's eyes.
pub fn check_undo(migration: &Migration, item: &Item) -> Result<()> {
    Run::new().check_undo(migration, item)
}

/// An error unless the migration, run on its own result, changes nothing and asks for nothing but inserts that keep what
/// exists.
pub fn check_repeatable(migration: &Migration, item: &Item) -> Result<()> {
    Run::new().check_repeatable(migration, item)
}

/// A run with what [`run`](crate::run) is to tell.
///
/// ```
/// use drift_sdk::prelude::*;
/// use drift_sdk::testing;
///
/// #[migration(number = 1, name = "stamp")]
/// fn stamp(item: &mut Item) {
///     item.set_some("by", run::argument("by"));
/// }
///
/// let run = testing::Run::new().table("Orders").argument("by", "ada");
/// assert_eq!(run.migrate(&MIGRATION, &item! { "Id" => 1 })?.item, Some(item! { "Id" => 1, "by" => "ada" }));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub(crate) table: String,
    pub(crate) key_attributes: Vec<String>,
    pub(crate) started_at: String,
    pub(crate) arguments: Vec<(String, String)>,
    pub(crate) rows: Vec<(String, Vec<Item>)>,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            table: "Table".into(),
            key_attributes: vec!["Id".into()],
            started_at: "2026-01-01T00:00:00Z".into(),
            arguments: Vec::new(),
            rows: Vec::new(),
        }
    }
}

impl Run {
    /// A run on a table `Table` with the key `Id`, begun on the first of January 2026, without arguments.
    pub fn new() -> Self {
        Self::default()
    }

    /// The name of the table being migrated.
    #[must_use]
    pub fn table(mut self, name: impl Into<String>) -> Self {
        self.table = name.into();
        self
    }

    /// The names of the key's attributes, partition key first.
    #[must_use]
    pub fn key_attributes<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.key_attributes = names.into_iter().map(Into::into).collect();
        self
    }

    /// When the run began, RFC 3339 in UTC.
    #[must_use]
    pub fn started_at(mut self, time: impl Into<String>) -> Self {
        self.started_at = time.into();
        self
    }

    /// An argument of the command line.
    #[must_use]
    pub fn argument(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.arguments.push((name.into(), value.into()));
        self
    }

    /// The rows of a table that [`direct::get`](crate::direct::get) reads.
    #[must_use]
    pub fn rows(mut self, table: impl Into<String>, rows: impl IntoIterator<Item = Item>) -> Self {
        self.rows.push((table.into(), rows.into_iter().collect()));
        self
    }

    /// Runs anything in this run: the function itself, say, if it asks for [`run::argument`](crate::run::argument). Gives
    /// what it gives, and what was logged meanwhile.
    pub fn within<T>(&self, function: impl FnOnce() -> T) -> (T, Vec<(Level, String)>) {
        context::within(self, function)
    }

    /// Runs a migration on an item.
    pub fn migrate(&self, migration: &Migration, item: &Item) -> Result<Outcome> {
        self.outcome(item, || migration.migrate(item))
    }

    /// Runs its undo.
    pub fn undo(&self, migration: &Migration, item: &Item) -> Result<Outcome> {
        self.outcome(item, || migration.undo(item))
    }

    /// As [`check_undo`], in this run.
    pub fn check_undo(&self, migration: &Migration, item: &Item) -> Result<()> {
        let Some(migrated) = self.migrate(migration, item)?.item else {
            return Err(Error::new("the migration deleted the item; there is nothing to undo it on"));
        };
        match self.undo(migration, &migrated)?.item {
            Some(undone) if undone == *item => Ok(()),
            undone => Err(Error::new(format_args!(
                "undo is not exact\n  before:   {item:?}\n  migrated: {migrated:?}\n  undone:   {undone:?}"
            ))),
        }
    }

    /// As [`check_repeatable`], in this run.
    pub fn check_repeatable(&self, migration: &Migration, item: &Item) -> Result<()> {
        let Some(migrated) = self.migrate(migration, item)?.item else { return Ok(()) };
        let mut again = self.migrate(migration, &migrated)?;
        again.actions.retain(|action| !matches!(action, Action::Insert(Insert { existing: Existing::Keep, .. })));
        if again.is_unchanged() {
            return Ok(());
        }
        Err(Error::new(format_args!("not repeatable: on its own result it wants {:?}\n  result: {migrated:?}", again.actions)))
    }

    fn outcome(&self, before: &Item, function: impl FnOnce() -> Result<Vec<Action>>) -> Result<Outcome> {
        let (actions, log) = self.within(function);
        let actions = actions?;
        let mut item = Some(before.clone());
        for action in &actions {
            match (action, &mut item) {
                (Action::Patch(patch), Some(item)) => patch.apply_to(item),
                (Action::Delete(Target::This), _) => item = None,
                _ => {}
            }
        }
        Ok(Outcome { item, actions, log })
    }
}
