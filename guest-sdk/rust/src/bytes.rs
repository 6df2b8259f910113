//! What serde has no type for: binaries and sets.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

/// The name by which this crate's serializer knows a set.
pub(crate) const SET: &str = "$drift_sdk::Set";

/// Bytes that serde turns into a binary (B), where a `Vec<u8>` would become a list of numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Binary(pub Vec<u8>);

/// A set that serde turns into SS, NS or BS, where a `BTreeSet` would become a list. Of `String`, [`Number`](crate::Number),
/// integers or [`Binary`]; DynamoDB has no empty set.
///
/// ```
/// use drift_sdk::prelude::*;
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Tagged { tags: Set<String>, seal: Binary }
///
/// let tagged = Tagged { tags: Set(["a".to_owned()].into()), seal: Binary(vec![1, 2]) };
/// let item = Item::of(&tagged)?;
/// assert_eq!(item.get("tags").map(Value::descriptor), Some("SS"));
/// assert_eq!(item.binary("seal")?, [1, 2]);
/// assert_eq!(item.to::<Tagged>()?.tags, tagged.tags);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Set<T: Ord>(pub BTreeSet<T>);

impl Serialize for Binary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Binary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Binary;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a binary (B)")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Binary, E> {
                Ok(Binary(bytes.to_vec()))
            }

            fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Binary, E> {
                Ok(Binary(bytes))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut bytes: A) -> Result<Binary, A::Error> {
                let mut all = Vec::new();
                while let Some(byte) = bytes.next_element()? {
                    all.push(byte);
                }
                Ok(Binary(all))
            }
        }
        deserializer.deserialize_byte_buf(Visitor)
    }
}

impl<T: Serialize + Ord> Serialize for Set<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        set::serialize(&self.0, serializer)
    }
}

impl<'de, T: Deserialize<'de> + Ord> Deserialize<'de> for Set<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeSet::deserialize(deserializer).map(Self)
    }
}

/// `Vec<u8>` as a binary.
pub(crate) mod plain {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        Binary::deserialize(deserializer).map(|binary| binary.0)
    }
}

/// A `BTreeSet` as a set.
pub(crate) mod set {
    use super::*;

    pub(crate) fn serialize<T: Serialize, S: Serializer>(set: &BTreeSet<T>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(SET, set)
    }

    pub(crate) fn deserialize<'de, T: Deserialize<'de> + Ord, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeSet<T>, D::Error> {
        BTreeSet::deserialize(deserializer)
    }
}

/// A `BTreeSet<Vec<u8>>` as a set of binaries.
pub(crate) mod set_of_binaries {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(set: &BTreeSet<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
        let binaries: BTreeSet<Binary> = set.iter().cloned().map(Binary).collect();
        set::serialize(&binaries, serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<Vec<u8>>, D::Error> {
        Ok(BTreeSet::<Binary>::deserialize(deserializer)?.into_iter().map(|binary| binary.0).collect())
    }
}
