//! Primary keys and their schema.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::number::Number;
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

impl KeyType {
    /// DynamoDB's descriptor of the type.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::S => "S",
            Self::N => "N",
            Self::B => "B",
        }
    }
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

    /// Reads a key as people write it and [`Key`] shows it: `Id=7`, `pk=USER#1, sk=PROFILE`, `7` where the key is one
    /// attribute, `0x` and hexadecimal digits for a binary; or as JSON, plain or DynamoDB's, for values that hold a comma. The
    /// error says which form this table's keys have.
    pub fn key_from_text(&self, text: &str) -> Result<Key, String> {
        let (text, names) = (text.trim(), || self.attributes().map(|it| format!("{}=…", it.name)).collect::<Vec<_>>().join(", "));
        if text.starts_with('{') {
            let item = super::json::item_from_json(text).map_err(|problem| format!("the key {text}: {problem}"))?;
            return self.key_of(&item);
        }
        let wrong = || format!("{text:?} is not a key of this table; its form is {}, or JSON", names());
        let named = |attribute: &KeyAttribute, text: &str| {
            text.strip_prefix(attribute.name.as_str()).and_then(|rest| rest.strip_prefix('=')).map(str::to_owned)
        };
        let (partition, sort) = match &self.sort {
            None => (named(&self.partition, text).unwrap_or_else(|| text.to_owned()), None),
            Some(sort) => {
                let pair = |first: &KeyAttribute, second: &KeyAttribute| {
                    let rest = named(first, text)?;
                    let (value, rest) = rest
                        .split_once(&format!(",{}=", second.name))
                        .or_else(|| rest.split_once(&format!(", {}=", second.name)))?;
                    Some((value.to_owned(), rest.to_owned()))
                };
                let turned = || pair(sort, &self.partition).map(|(sort, partition)| (partition, sort));
                let (partition, sort) = pair(&self.partition, sort).or_else(turned).ok_or_else(wrong)?;
                (partition, Some(sort))
            }
        };
        let texts = std::iter::once(partition).chain(sort);
        let pairs = self.attributes().zip(texts).map(|(attribute, text)| {
            let value = match attribute.kind {
                KeyType::S => Value::S(text),
                KeyType::N => {
                    Value::N(Number::parse(text).map_err(|problem| format!("the key attribute {:?}: {problem}", attribute.name))?)
                }
                KeyType::B => Value::B(from_hex(&text).ok_or_else(wrong)?),
            };
            Ok((attribute.name.clone(), value))
        });
        self.key_of(&pairs.collect::<Result<Item, String>>()?)
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x")?;
    let digits: Vec<u8> =
        digits.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    pairs.remainder().is_empty().then(|| pairs.filter_map(|pair| Some(pair.first()? << 4 | pair.last()?)).collect())
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
        use std::borrow::Cow;
        use std::fmt::Write;
        let mut text = String::with_capacity(64);
        for (name, value) in &self.0 {
            let shown: Cow<'_, str> = match value {
                Value::N(number) => number.canonical_text().into(),
                Value::S(string) => string.into(),
                Value::B(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into(),
                other => format!("{other:?}").into(),
            };
            // Writing to a String cannot fail.
            let _ = write!(text, "{}:{name}={}:{}:{shown};", name.len(), value.descriptor(), shown.len());
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
    fn a_key_is_read_as_it_is_shown() {
        let item: Item = [("pk", "USER#1, x".into()), ("at", 7.into())].into_iter().collect();
        let key = schema().key_of(&item).unwrap();
        assert_eq!(schema().key_from_text(&key.to_string()), Ok(key.clone()));
        assert_eq!(schema().key_from_text("pk=USER#1, x,at=7.0"), Ok(key.clone()));
        assert_eq!(schema().key_from_text(r#"{"pk":"USER#1, x","at":7}"#), Ok(key));
        let one = |kind| KeySchema { partition: KeyAttribute { name: "Id".into(), kind }, sort: None };
        assert_eq!(one(KeyType::N).key_from_text("7"), one(KeyType::N).key_from_text("Id=7"));
        assert_eq!(one(KeyType::B).key_from_text("0x00ff").unwrap().attributes().get("Id"), Some(&Value::B(vec![0, 255])));
        for wrong in ["pk=a", "at=7", "x=1, y=2", ""] {
            assert!(schema().key_from_text(wrong).unwrap_err().contains("pk=…, at=…"), "{wrong}");
        }
        assert!(one(KeyType::N).key_from_text("seven").unwrap_err().contains("Id"));
        assert!(one(KeyType::B).key_from_text("0x0").is_err());
    }

    #[test]
    fn equal_keys_have_one_canonical_text() {
        let key = |n: &str| Key([("id", Value::N(super::super::Number::parse(n).unwrap()))].into_iter().collect());
        assert_eq!(key("1.0").canonical_text(), key("1").canonical_text());
        assert_ne!(key("1").canonical_text(), key("2").canonical_text());
    }
}
