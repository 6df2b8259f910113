//! What a table has beside its items: indexes, expiry, a stream, replicas, backups. What a run should know before it writes.

use serde::{Deserialize, Serialize};

use super::key::KeyType;

/// Something that was asked, or why it is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Checked<T> {
    /// The answer.
    Known(T),
    /// Why there is none: a permission that lacks, an endpoint that does not know the question.
    NotChecked(String),
}

impl<T> Checked<T> {
    /// The answer, if there is one.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(answer) => Some(answer),
            Self::NotChecked(_) => None,
        }
    }
}

/// An attribute of a secondary index's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexKey {
    /// The index.
    pub index: String,
    /// The attribute.
    pub attribute: String,
    /// The type that it must have.
    pub kind: KeyType,
}

/// What a table has, as it was when a run began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Features {
    /// The attributes of its indexes' keys that are none of its own key.
    pub index_keys: Vec<IndexKey>,
    /// The attribute by which its items expire, if they do.
    pub ttl: Checked<Option<String>>,
    /// Whether it can be restored to any second of the last days.
    pub point_in_time_recovery: Checked<bool>,
    /// Whether a stream carries its changes.
    pub stream: bool,
    /// The other regions of a global table.
    pub replicas: Vec<String>,
}
