//! What a migration wants done because of one item.

use crate::error::{Error, Result};
use crate::item::Item;
use crate::value::Value;

/// One thing that is to happen. All actions of one item happen, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Attributes of the handed-in item to set and to remove. The SDK makes it of what the function changed.
    Patch(Patch),
    /// A whole item to put.
    Insert(Insert),
    /// An update in DynamoDB's expression language.
    Update(Target, Update),
    /// An item to delete.
    Delete(Target),
}

/// The change of the handed-in item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    /// Attributes to set.
    pub set: Item,
    /// Names of attributes to remove.
    pub remove: Vec<String>,
}

/// A whole item to put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Insert {
    /// `None`: the table being migrated.
    pub table: Option<String>,
    /// The item, its key included.
    pub item: Item,
    /// What happens if there is one with its key.
    pub existing: Existing,
}

/// What an insert does when there is an item with its key already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// The item that is there stays. Choose this for a migration that may run twice.
    Keep,
    /// It is replaced.
    Replace,
    /// The item that was handed in fails, with all its actions.
    Fail,
}

/// The item that an update or a delete is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The item that was handed in, which the host guards.
    This,
    /// Any other.
    Other {
        /// `None`: the table being migrated.
        table: Option<String>,
        /// Its key.
        key: Item,
    },
}

/// An update in DynamoDB's expression language.
///
/// ```
/// use drift_sdk::prelude::*;
///
/// let update = Update::new("SET #seen = if_not_exists(#seen, :zero) + :one")
///     .name("#seen", "times seen")
///     .value(":zero", 0)
///     .value(":one", 1)
///     .condition("attribute_exists(#seen)");
/// # let _ = update;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// The update expression.
    pub expression: String,
    /// A condition of the author's own, besides the host's guard.
    pub condition: Option<String>,
    /// Placeholder (`#name`) and the attribute that it stands for.
    pub names: Vec<(String, String)>,
    /// Values by placeholder (`:value`).
    pub values: Item,
}

impl Update {
    /// An update by this expression.
    pub fn new(expression: impl Into<String>) -> Self {
        Self { expression: expression.into(), condition: None, names: Vec::new(), values: Item::new() }
    }

    /// What a `#placeholder` stands for.
    #[must_use]
    pub fn name(mut self, placeholder: impl Into<String>, attribute: impl Into<String>) -> Self {
        self.names.push((placeholder.into(), attribute.into()));
        self
    }

    /// What a `:placeholder` stands for.
    #[must_use]
    pub fn value(mut self, placeholder: impl Into<String>, value: impl Into<Value>) -> Self {
        self.values.set(placeholder, value);
        self
    }

    /// Only if this condition holds.
    #[must_use]
    pub fn condition(mut self, condition: impl Into<String>) -> Self {
        self.condition = Some(condition.into());
        self
    }
}

/// What is to happen besides the change of the item at hand. A migration asks for the access that it needs
/// (`grants(…)` of [`migration`](macro@crate::migration)), and the operator grants it.
///
/// ```
/// use drift_sdk::prelude::*;
///
/// #[migration(number = 2, name = "split", grants(insert("Lines", why = "one item for each line of an order")))]
/// fn split(order: &mut Item, actions: &mut Actions) -> Result<()> {
///     if let Some(Value::L(lines)) = order.remove("lines") {
///         for (at, line) in lines.into_iter().enumerate() {
///             let line = item! { "Id" => format!("{}/{at}", order.number("Id")?), "line" => line };
///             actions.insert_into("Lines", line, Existing::Keep);
///         }
///     }
///     Ok(())
/// }
/// # fn main() {}
/// ```
#[derive(Debug, Default)]
pub struct Actions(Vec<Action>);

impl Actions {
    /// Puts an item into the table being migrated. Needs the grant `insert(own)`.
    pub fn insert(&mut self, item: Item, existing: Existing) {
        self.0.push(Action::Insert(Insert { table: None, item, existing }));
    }

    /// Puts an item into another table. Needs the grant `insert("TABLE")`.
    pub fn insert_into(&mut self, table: impl Into<String>, item: Item, existing: Existing) {
        self.0.push(Action::Insert(Insert { table: Some(table.into()), item, existing }));
    }

    /// Updates the item at hand by an expression, where changing it will not do. Needs the grant `update(own)`. The function
    /// must not change the item as well.
    pub fn update_this(&mut self, update: Update) {
        self.0.push(Action::Update(Target::This, update));
    }

    /// Updates an item of the table being migrated. Needs the grant `update(own)`.
    pub fn update(&mut self, key: Item, update: Update) {
        self.0.push(Action::Update(Target::Other { table: None, key }, update));
    }

    /// Updates an item of another table. Needs the grant `update("TABLE")`.
    pub fn update_in(&mut self, table: impl Into<String>, key: Item, update: Update) {
        self.0.push(Action::Update(Target::Other { table: Some(table.into()), key }, update));
    }

    /// Deletes the item at hand; what the function changed of it no longer matters. Needs the grant `delete(own)`.
    pub fn delete_this(&mut self) {
        self.0.push(Action::Delete(Target::This));
    }

    /// Deletes an item of the table being migrated. Needs the grant `delete(own)`.
    pub fn delete(&mut self, key: Item) {
        self.0.push(Action::Delete(Target::Other { table: None, key }));
    }

    /// Deletes an item of another table. Needs the grant `delete("TABLE")`.
    pub fn delete_from(&mut self, table: impl Into<String>, key: Item) {
        self.0.push(Action::Delete(Target::Other { table: Some(table.into()), key }));
    }

    /// What has been asked for so far.
    pub fn as_slice(&self) -> &[Action] {
        &self.0
    }

    /// All actions, the change of the item first.
    pub(crate) fn with_change(mut self, before: &Item, after: Item) -> Result<Vec<Action>> {
        if self.0.contains(&Action::Delete(Target::This)) {
            return Ok(self.0);
        }
        let Some(patch) = Patch::between(before, after) else { return Ok(self.0) };
        if self.0.iter().any(|action| matches!(action, Action::Update(Target::This, _))) {
            let names: Vec<&str> = patch.set.names().chain(patch.remove.iter().map(String::as_str)).collect();
            return Err(Error::new(format_args!(
                "the item was changed ({names:?}) and is to be updated by an expression as well; do one of the two"
            )));
        }
        self.0.insert(0, Action::Patch(patch));
        Ok(self.0)
    }
}

impl Patch {
    /// What has to be done to `before` so that it becomes `after`; `None` if nothing.
    pub fn between(before: &Item, after: Item) -> Option<Self> {
        let remove: Vec<String> = before.names().filter(|name| !after.contains(name)).map(str::to_owned).collect();
        let set: Item = after.into_iter().filter(|(name, value)| before.get(name) != Some(value)).collect();
        (!set.is_empty() || !remove.is_empty()).then_some(Self { set, remove })
    }

    /// Carries it out.
    pub fn apply_to(&self, item: &mut Item) {
        item.extend(self.set.clone());
        self.remove.iter().for_each(|name| {
            item.remove(name);
        });
    }
}
