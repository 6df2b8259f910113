//! A migration as a value: what it says about itself, and its functions.

use std::fmt;

use crate::actions::{Action, Actions};
use crate::error::{Error, Result};
use crate::item::Item;

/// A migration's function, in the form that every other is brought into.
pub type Function = fn(&mut Item, &mut Actions) -> Result<()>;

/// A migration. [`migration`](macro@crate::migration) writes one, called `MIGRATION`, beside the function that it
/// stands on; tests and native programs run it.
#[derive(Clone, Copy)]
pub struct Migration {
    /// Its place in the history, unique per metadata table; a date, say.
    pub number: u64,
    /// A short name.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// Whether running it on its own result, or on any later state of the item, makes nothing further happen, its actions
    /// elsewhere included; the same for its undo.
    pub repeatable: bool,
    /// Numbers of migrations that must be applied before.
    pub after: &'static [u64],
    /// What it needs beyond patching the item at hand.
    pub grants: &'static [Grant],
    /// More about it, shown to operators.
    pub extra: &'static [(&'static str, &'static str)],
    /// What it does to an item.
    pub migrate: Function,
    /// The way back, if there is one.
    pub undo: Option<Function>,
}

/// An access that a migration asks for. Asking is not getting: the operator grants it, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The access.
    pub access: Access,
    /// `None`: the table being migrated.
    pub table: Option<&'static str>,
    /// Why, for the operator.
    pub why: &'static str,
}

/// What may be done to a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Insert items.
    Insert,
    /// Update items by expression.
    Update,
    /// Delete items.
    Delete,
    /// Read at once: [`direct`](crate::direct).
    DirectRead,
    /// Write at once: [`direct`](crate::direct).
    DirectWrite,
}

impl Migration {
    /// Everything that is to happen because of this item: its change as one patch, then what else was asked for. Nothing
    /// changed and nothing asked for: nothing.
    pub fn migrate(&self, item: &Item) -> Result<Vec<Action>> {
        actions(self.migrate, item)
    }

    /// The same for the way back.
    pub fn undo(&self, item: &Item) -> Result<Vec<Action>> {
        actions(self.undo.ok_or_else(|| Error::new(format_args!("the migration {} has no undo", self.name)))?, item)
    }
}

fn actions(function: Function, item: &Item) -> Result<Vec<Action>> {
    let (mut after, mut actions) = (item.clone(), Actions::default());
    function(&mut after, &mut actions)?;
    actions.with_change(item, after)
}

impl fmt::Debug for Migration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Migration({} {})", self.number, self.name)
    }
}

/// What the macro accepts as a function. Not for use by name.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "this is not a function that a migration can be",
    label = "expected `fn(&mut Item) -> Result<()>` or `fn(&mut Item, &mut Actions) -> Result<()>`",
    note = "the item is `drift_sdk::Item`; the error may be any type that implements `Display`; a function that cannot fail may return nothing"
)]
pub trait IntoFunction<Form> {
    fn call(&self, item: &mut Item, actions: &mut Actions) -> Result<()>;
}

impl<F: Fn(&mut Item) -> O, O: Outcome> IntoFunction<(O,)> for F {
    fn call(&self, item: &mut Item, _: &mut Actions) -> Result<()> {
        self(item).into_result()
    }
}

impl<F: Fn(&mut Item, &mut Actions) -> O, O: Outcome> IntoFunction<(O, Actions)> for F {
    fn call(&self, item: &mut Item, actions: &mut Actions) -> Result<()> {
        self(item, actions).into_result()
    }
}

/// What such a function may return. Not for use by name.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a migration's function cannot return `{Self}`",
    note = "it returns `Result<()>`, or `Result<(), E>` where E implements `Display`, or nothing"
)]
pub trait Outcome {
    fn into_result(self) -> Result<()>;
}

impl Outcome for () {
    fn into_result(self) -> Result<()> {
        Ok(())
    }
}

impl<E: fmt::Display> Outcome for Result<(), E> {
    fn into_result(self) -> Result<()> {
        self.map_err(Error::new)
    }
}

/// Calls a function of either form.
#[doc(hidden)]
pub fn call<Form>(function: impl IntoFunction<Form>, item: &mut Item, actions: &mut Actions) -> Result<()> {
    function.call(item, actions)
}
