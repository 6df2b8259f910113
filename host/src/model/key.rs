//! Primary keys and their schema.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::value::{Attributes, Item, Value};

/// The type of a key attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyType {
    /// String.
    S,
    /// Number.
    N,
    /// Binary.
    B,
}

/// One attribute of a primary key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyAttribute {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: KeyType,
}

/// The primary key of a table: the partition key and, in some tables, the sort key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySchema {
    /// DynamoDB's HASH attribute.
    pub partition: KeyAttribute,
    /// DynamoDB's RANGE attribute.
    pub sort: Option<KeyAttribute>,
}

impl KeySchema {
    /// The key attributes, partition key first.
    pub fn attributes(&self) -> impl Iterator<Item = &KeyAttribute> {
        std::iter::once(&self.partition).chain(&self.sort)
    }

    /// Whether this attribute is part of the key.
    pub fn contains(&self, name: &str) -> bool {
        self.attributes().any(|attribute| attribute.name == name)
    }

    /// The key of an item of this table; the error names the attribute that is missing or of the wrong type.
    pub fn key_of(&self, item: &Item) -> Result<Key, String> {
        self.attributes()
            .map(|KeyAttribute { name, kind }| match item.get(name) {
                None => Err(format!("the key attribute {name:?} is missing")),
                Some(value) => match (kind, value) {
                    (KeyType::S, Value::S(text)) if text.is_empty() => Err(format!("the key attribute {name:?} is empty")),
                    (KeyType::B, Value::B(bytes)) if bytes.is_empty() => Err(format!("the key attribute {name:?} is empty")),
                    (KeyType::S, Value::S(_)) | (KeyType::N, Value::N(_)) | (KeyType::B, Value::B(_)) => {
                        Ok((name.clone(), value.clone()))
                    }
                    _ => {
                        Err(format!("the key attribute {name:?} is of type {}, and the table wants {kind:?}", value.descriptor()))
                    }
                },
            })
            .collect::<Result<Attributes, String>>()
            .map(Key)
    }
}

/// A primary key: one or two attributes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(Attributes);

impl Key {
    /// Takes attributes as a key, unchecked against any table: see [`KeySchema::key_of`].
    pub fn from_attributes(attributes: Attributes) -> Self {
        Self(attributes)
    }

    /// The key's attributes.
    pub fn attributes(&self) -> &Attributes {
        &self.0
    }

    /// The key's attributes, owned.
    pub fn into_attributes(self) -> Attributes {
        self.0
    }

    /// A text that is the same for equal keys, for hashing and looking up.
    pub fn canonical_text(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.0 {
            let shown = match value {
                Value::N(number) => number.canonical_text(),
                Value::S(string) => string.clone(),
                Value::B(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
                other => format!("{other:?}"),
            };
            text.push_str(&format!("{}:{name}={}:{}:{shown};", name.len(), value.descriptor(), shown.len()));
        }
        text
    }
}

impl fmt::Display for Key {
    /// As people write it: `Id=7`, `pk=USER#1, sk=PROFILE`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, value)) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(", ")?;
            }
            match value {
                Value::S(text) => write!(f, "{}={}", name.escape_debug(), text.escape_debug())?,
                Value::N(number) => write!(f, "{}={number}", name.escape_debug())?,
                Value::B(bytes) => {
                    write!(f, "{}=0x", name.escape_debug())?;
                    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                }
                other => write!(f, "{}={}", name.escape_debug(), other.descriptor())?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> KeySchema {
        let attribute = |name: &str, kind| KeyAttribute { name: name.into(), kind };
        KeySchema { partition: attribute("pk", KeyType::S), sort: Some(attribute("at", KeyType::N)) }
    }

    #[test]
    fn a_key_is_read_from_its_item() {
        let item: Item = [("pk", "a".into()), ("at", 7.into()), ("x", Value::Null)].into_iter().collect();
        let key = schema().key_of(&item).unwrap();
        assert_eq!(key.to_string(), "at=7, pk=a");
        assert_eq!(key.attributes().len(), 2);
    }

    #[test]
    fn a_missing_empty_or_mistyped_key_attribute_is_named() {
        let of = |pairs: Vec<(&str, Value)>| schema().key_of(&pairs.into_iter().collect()).unwrap_err();
        assert!(of(vec![("pk", "a".into())]).contains("\"at\" is missing"));
        assert!(of(vec![("pk", "".into()), ("at", 1.into())]).contains("\"pk\" is empty"));
        assert!(of(vec![("pk", 1.into()), ("at", 1.into())]).contains("wants S"));
    }

    #[test]
    fn equal_keys_have_one_canonical_text() {
        let key = |n: &str| Key([("id", Value::N(super::super::Number::parse(n).unwrap()))].into_iter().collect());
        assert_eq!(key("1.0").canonical_text(), key("1").canonical_text());
        assert_ne!(key("1").canonical_text(), key("2").canonical_text());
    }
}
