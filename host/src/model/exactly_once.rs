//! How it is proved that an item's actions happened.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The proof that a run leaves of each item's actions, for migrations that are not repeatable and must be exact. As text:
/// `receipts`, or `stamp=ATTRIBUTE`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExactlyOnce {
    /// None: the item itself is looked at, and what that does not tell stays in doubt.
    #[default]
    No,
    /// A row for each item in a table of receipts, in one transaction with the actions.
    Receipts,
    /// The run's id in this attribute of the item, put there by the same write.
    Stamp(String),
}

impl FromStr for ExactlyOnce {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            None if text == "receipts" => Ok(Self::Receipts),
            Some(("stamp", attribute)) if !attribute.is_empty() => Ok(Self::Stamp(attribute.to_owned())),
            _ => Err(format!("{text:?} is neither `receipts` nor `stamp=ATTRIBUTE`")),
        }
    }
}

impl fmt::Display for ExactlyOnce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::No => f.write_str("no"),
            Self::Receipts => f.write_str("receipts"),
            Self::Stamp(attribute) => write!(f, "stamp={attribute}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_receipts_or_a_stamp() {
        for (text, proof) in [("receipts", ExactlyOnce::Receipts), ("stamp=by", ExactlyOnce::Stamp("by".into()))] {
            assert_eq!(text.parse(), Ok(proof.clone()));
            assert_eq!(proof.to_string(), text);
        }
        for wrong in ["", "no", "receipt", "stamp", "stamp=", "receipts=x"] {
            assert!(wrong.parse::<ExactlyOnce>().is_err(), "{wrong}");
        }
    }
}
