//! What a migration may ask for, per item.

use serde::{Deserialize, Serialize};

use super::key::Key;
use super::value::Item;

/// One thing that is to happen because of one item. All actions of an item happen, or none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Changes attributes of the item that was handed in.
    Patch(Patch),
    /// Puts a whole item.
    Insert(Insert),
    /// UpdateItem in DynamoDB's own expression language.
    Update(Update),
    /// Deletes an item.
    Delete(Target),
    /// Takes an insert back: deletes the item only while it is what was inserted. No migration can ask for it; the way back by
    /// the host does.
    Withdraw(Insert),
}

/// Attributes of the handed-in item to set and to remove; what is not named stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patch {
    /// Attributes to set.
    pub set: Item,
    /// Names of attributes to remove.
    pub remove: Vec<String>,
}

/// What an insert does when its key exists already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Existing {
    /// The item that is there stays.
    Keep,
    /// It is replaced.
    Replace,
    /// The item that was handed in fails.
    Fail,
}

/// A whole item to put.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Insert {
    /// `None`: the table being migrated.
    pub table: Option<String>,
    /// The item.
    pub item: Item,
    /// The rule for an existing key.
    pub existing: Existing,
}

/// An UpdateItem written by the author.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// What is updated.
    pub target: Target,
    /// The update expression.
    pub expression: String,
    /// A condition of the author's own, besides the host's guard.
    pub condition: Option<String>,
    /// Placeholder (`#name`) and attribute.
    pub names: Vec<(String, String)>,
    /// Values by placeholder (`:value`).
    pub values: Item,
}

/// What an action is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// The item that was handed in, which the host guards.
    This,
    /// Any other item.
    Other(Address),
}

/// An item by table and key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// `None`: the table being migrated.
    pub table: Option<String>,
    /// Its key.
    pub key: Key,
}

impl Action {
    /// The action's kind: `patch`, `insert`, `update` or `delete`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Patch(_) => "patch",
            Self::Insert(_) => "insert",
            Self::Update(_) => "update",
            Self::Delete(_) | Self::Withdraw(_) => "delete",
        }
    }

    /// Whether the action is on the item that was handed in.
    pub fn is_on_this(&self) -> bool {
        match self {
            Self::Patch(_) => true,
            Self::Insert(_) | Self::Withdraw(_) => false,
            Self::Update(Update { target, .. }) | Self::Delete(target) => *target == Target::This,
        }
    }

    /// The table the action names; `None` for the table being migrated.
    pub fn table(&self) -> Option<&str> {
        match self {
            Self::Patch(_) => None,
            Self::Insert(insert) | Self::Withdraw(insert) => insert.table.as_deref(),
            Self::Update(Update { target, .. }) | Self::Delete(target) => match target {
                Target::This => None,
                Target::Other(address) => address.table.as_deref(),
            },
        }
    }
}

impl Patch {
    /// The item as it is after this patch.
    pub fn applied_to(&self, item: &Item) -> Item {
        let mut after = item.clone();
        for (name, value) in &self.set {
            after.insert(name, value.clone());
        }
        for name in &self.remove {
            after.remove(name);
        }
        after
    }

    /// Whether nothing would differ after this patch.
    pub fn changes_nothing(&self, item: &Item) -> bool {
        self.set.iter().all(|(name, value)| item.get(name) == Some(value)) && self.remove.iter().all(|name| !item.contains(name))
    }
}
