//! The shape of what is done to an item: which attributes are set, removed or change their type, and what is done elsewhere.

use std::fmt;

use crate::model::shown;

/// What becomes of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// It is set: it was not there, or had the same type.
    Set,
    /// It is removed.
    Removed,
    /// Its type changes, in DynamoDB's descriptors.
    Retyped {
        /// The type that it had.
        from: &'static str,
        /// The type that it gets.
        to: &'static str,
    },
}

/// One part of a shape, of a text of its own or of one that is looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Part<T = String> {
    /// The table.
    pub table: T,
    /// `patch`, `insert`, `update` or `delete`.
    pub action: &'static str,
    /// The attribute and what becomes of it; `None` for inserts and deletes, which are about whole items.
    pub change: Option<(T, Change)>,
}

/// Items that are changed in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// What is done, in order; of very many attributes the first.
    pub parts: Vec<Part>,
    /// Parts beyond those.
    pub more: usize,
    /// How many items.
    pub items: u64,
    /// Where the first of them stands in the journal: segment, page and position.
    pub example: (u32, u32, u32),
}

impl Change {
    /// `set`, `removed` or `retyped`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Removed => "removed",
            Self::Retyped { .. } => "retyped",
        }
    }
}

impl Part<&str> {
    /// The same with a text of its own.
    pub(super) fn owned(&self) -> Part {
        Part { table: clip(self.table), action: self.action, change: self.change.map(|(name, change)| (clip(name), change)) }
    }
}

/// The longest name that is kept of an attribute: those of keys are no longer, others may be 64 KB.
const NAME: usize = 255;

/// A name, cut off where it is longer than names are.
pub(super) fn clip(name: &str) -> String {
    match name.char_indices().nth(NAME) {
        Some((at, _)) => format!("{}…", name.get(..at).unwrap_or_default()),
        None => name.to_owned(),
    }
}

impl Shape {
    /// In a line: `set a, b; remove c; d S → N; insert into Claims`. What is on `own` is not said to be there, and what is `common` to
    /// all shapes is not said at all.
    pub fn told(&self, own: &str, common: &[Part]) -> String {
        let parts: Vec<&Part> = self.parts.iter().filter(|part| !common.contains(part)).collect();
        let mut said: Vec<String> = Vec::new();
        let mut group = |head: String, name: &str| match said.last_mut() {
            Some(last) if last.starts_with(&head) => {
                last.push_str(", ");
                last.push_str(name);
            }
            _ => said.push(format!("{head}{name}")),
        };
        for change in [Change::Set, Change::Removed] {
            for part in &parts {
                if let Some((name, found)) = &part.change
                    && *found == change
                {
                    let verb = if change == Change::Set { "set" } else { "remove" };
                    group(format!("{verb}{} ", whose(part, own)), &shown(name));
                }
            }
        }
        for part in &parts {
            match &part.change {
                Some((name, change @ Change::Retyped { .. })) => {
                    said.push(format!("{}{} {change}", shown(name), whose(part, own)));
                }
                Some(_) => {}
                None => said.push(whole(part, own)),
            }
        }
        if self.more > 0 {
            said.push(format!("and {} more", self.more));
        }
        match said.is_empty() {
            true if common.is_empty() => "nothing that differs".into(),
            true => "nothing else".into(),
            false => said.join("; "),
        }
    }
}

fn whose(part: &Part, own: &str) -> String {
    let by = if part.action == "update" { " by update" } else { "" };
    if part.table == own { by.into() } else { format!("{by} in {}", shown(&part.table)) }
}

fn whole(part: &Part, own: &str) -> String {
    let table = if part.table == own { "the same table".to_owned() } else { shown(&part.table) };
    match part.action {
        "insert" => format!("insert into {table}"),
        "delete" => format!("delete from {table}"),
        other => format!("{other} in {table}"),
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retyped { from, to } => write!(f, "{from} → {to}"),
            other => f.write_str(other.word()),
        }
    }
}
