//! What a migration says about itself.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A migration's place in the history: 0 to 9,999,999,999,999,999,999 (19 digits).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MigrationNumber(u64);

/// A text that is no migration number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a migration number: decimal digits, at most 19, no leading zero (20261123, say)")]
pub struct MigrationNumberError(String);

impl MigrationNumber {
    /// The number as an integer.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl From<u32> for MigrationNumber {
    fn from(number: u32) -> Self {
        Self(number.into())
    }
}

impl FromStr for MigrationNumber {
    type Err = MigrationNumberError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = !text.is_empty() && text.len() <= 19 && text.bytes().all(|b| b.is_ascii_digit());
        let leading_zero = text.len() > 1 && text.starts_with('0');
        match text.parse() {
            Ok(number) if digits && !leading_zero => Ok(Self(number)),
            _ => Err(MigrationNumberError(text.chars().take(40).collect())),
        }
    }
}

impl fmt::Display for MigrationNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a plugin may ask for beyond patching the item that was handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Insert actions.
    Insert,
    /// Update actions, by expression, on the item handed in (`.`) or any other.
    Update,
    /// Delete actions.
    Delete,
    /// Reading through the DynamoDB client at once.
    DirectRead,
    /// Writing through the DynamoDB client at once.
    DirectWrite,
}

impl Access {
    /// The word used on the command line: `insert`, `direct-read`, …
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::DirectRead => "direct-read",
            Self::DirectWrite => "direct-write",
        }
    }
}

/// An access that a migration asks for. Asking is not getting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantRequest {
    /// The access.
    pub access: Access,
    /// `None`: the table being migrated.
    pub table: Option<String>,
    /// The author's reason.
    pub why: String,
}

/// A migration's description, read before it is given anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Its place in the history, unique per metadata table.
    pub number: MigrationNumber,
    /// A short name.
    pub name: String,
    /// What it does, in a sentence.
    pub summary: String,
    /// Whether running it on its own result, or on any later state of the item, makes nothing further happen.
    pub repeatable: bool,
    /// Migrations that must be applied before.
    pub after: Vec<MigrationNumber>,
    /// What it asks for.
    pub grants: Vec<GrantRequest>,
    /// Names that this host may not know, shown and otherwise ignored.
    pub extra: Vec<(String, String)>,
}

impl Description {
    /// A description with a number and a name, not repeatable, asking for nothing.
    pub fn new(number: impl Into<MigrationNumber>, name: impl Into<String>) -> Self {
        Self {
            number: number.into(),
            name: name.into(),
            summary: String::new(),
            repeatable: false,
            after: Vec::new(),
            grants: Vec::new(),
            extra: Vec::new(),
        }
    }

    /// Adds what it does, in a sentence.
    #[must_use]
    pub fn summary(mut self, summary: impl Into<String>) -> Self {
        self.summary = summary.into();
        self
    }

    /// States that the migration is repeatable: see [`Description::repeatable`].
    #[must_use]
    pub fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_digits_without_a_leading_zero() {
        for good in ["0", "1", "20261123", "9999999999999999999"] {
            assert_eq!(good.parse::<MigrationNumber>().unwrap().to_string(), good);
        }
        for bad in ["", "-1", "+1", "01", "1.0", "12345678901234567890", "x", " 1"] {
            assert!(bad.parse::<MigrationNumber>().is_err(), "{bad}");
        }
    }
}
