//! A value with DynamoDB's own type descriptors.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::bytes::{self, Binary};
use crate::error::{Error, Result};
use crate::item::Item;
use crate::number::Number;

/// A DynamoDB value. The variants carry DynamoDB's type descriptors as names; sets and lists, and strings and
/// binaries, are never mixed up.
///
/// Equality is DynamoDB's: numbers by value, sets whatever their order, lists in theirs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
// This crate's own (de)serializer knows the name and keeps every type; others see `{"N": …}` and the like.
#[serde(rename = "$drift_sdk::Value")]
pub enum Value {
    /// String.
    S(String),
    /// Number, exact.
    N(Number),
    /// Binary.
    B(#[serde(with = "bytes::plain")] Vec<u8>),
    /// Boolean.
    #[serde(rename = "BOOL")]
    Bool(bool),
    /// Null.
    #[serde(rename = "NULL")]
    Null,
    /// Set of strings.
    #[serde(rename = "SS")]
    Ss(#[serde(with = "bytes::set")] BTreeSet<String>),
    /// Set of numbers.
    #[serde(rename = "NS")]
    Ns(#[serde(with = "bytes::set")] BTreeSet<Number>),
    /// Set of binaries.
    #[serde(rename = "BS")]
    Bs(#[serde(with = "bytes::set_of_binaries")] BTreeSet<Vec<u8>>),
    /// List.
    L(Vec<Value>),
    /// Map.
    M(Item),
}

impl Value {
    /// A value of anything that serde can serialize; numbers keep every digit. A `Vec<u8>` becomes a list: for a binary
    /// or a set, use [`Binary`] or [`Set`](crate::Set).
    pub fn of<T: Serialize + ?Sized>(source: &T) -> Result<Self> {
        Ok(crate::ser::value(source)?)
    }

    /// The value as any type that serde can deserialize. A number goes into an integer only if it is one and fits, and
    /// into a float only if the float means the same number; all digits into a [`Number`].
    pub fn to<'a, T: Deserialize<'a>>(&'a self) -> Result<T> {
        Ok(crate::de::value(self)?)
    }

    /// DynamoDB's descriptor of the value's type: `S`, `N`, `BOOL`, …
    pub fn descriptor(&self) -> &'static str {
        match self {
            Self::S(_) => "S",
            Self::N(_) => "N",
            Self::B(_) => "B",
            Self::Bool(_) => "BOOL",
            Self::Null => "NULL",
            Self::Ss(_) => "SS",
            Self::Ns(_) => "NS",
            Self::Bs(_) => "BS",
            Self::L(_) => "L",
            Self::M(_) => "M",
        }
    }

    /// Whether it is NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The text, if it is a string (S).
    pub fn as_text(&self) -> Option<&str> {
        if let Self::S(text) = self { Some(text) } else { None }
    }

    /// The number, if it is one (N).
    pub fn as_number(&self) -> Option<&Number> {
        if let Self::N(number) = self { Some(number) } else { None }
    }

    /// The bytes, if it is a binary (B).
    pub fn as_binary(&self) -> Option<&[u8]> {
        if let Self::B(bytes) = self { Some(bytes) } else { None }
    }

    /// The boolean, if it is one (BOOL).
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(flag) = self { Some(*flag) } else { None }
    }

    /// The elements, if it is a list (L).
    pub fn as_list(&self) -> Option<&[Value]> {
        if let Self::L(list) = self { Some(list) } else { None }
    }

    /// The attributes, if it is a map (M).
    pub fn as_map(&self) -> Option<&Item> {
        if let Self::M(map) = self { Some(map) } else { None }
    }

    /// The text of what must be a string (S). The error says what was found; [`Item::text`] also names the attribute.
    pub fn text(&self) -> Result<&str> {
        self.wanted("a string (S)", self.as_text())
    }

    /// The number of what must be one (N).
    pub fn number(&self) -> Result<&Number> {
        self.wanted("a number (N)", self.as_number())
    }

    /// The number, if it is one or is text in which people wrote one ([`Number::parse_messy`]). `None` for NULL and blank
    /// text; anything else is an error.
    pub fn parsed_number(&self) -> Result<Option<Number>> {
        match self {
            Self::Null => Ok(None),
            Self::N(number) => Ok(Some(number.clone())),
            Self::S(text) if text.trim().is_empty() => Ok(None),
            Self::S(text) => Ok(Some(Number::parse_messy(text)?)),
            other => other.wanted("a number, or text that is one", None),
        }
    }

    /// What it is, for a message: its type and the beginning of it.
    pub(crate) fn found(&self) -> String {
        let cut = |text: String| match text.char_indices().nth(60) {
            Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
            None => text,
        };
        match self {
            Self::S(text) => format!("the string (S) {}", cut(format!("{text:?}"))),
            Self::N(number) => format!("the number (N) {number}"),
            Self::B(bytes) => format!("a binary (B) of {} bytes", bytes.len()),
            Self::Bool(flag) => format!("{flag} (BOOL)"),
            Self::Null => "NULL".into(),
            Self::Ss(set) => format!("a set of {} strings (SS)", set.len()),
            Self::Ns(set) => format!("a set of {} numbers (NS)", set.len()),
            Self::Bs(set) => format!("a set of {} binaries (BS)", set.len()),
            Self::L(list) => format!("a list (L) of {}", list.len()),
            Self::M(map) => format!("a map (M) of {}", cut(format!("{:?}", map.names().collect::<Vec<_>>()))),
        }
    }

    pub(crate) fn wanted<T>(&self, wanted: &str, as_wanted: Option<T>) -> Result<T> {
        as_wanted.ok_or_else(|| Error::new(format_args!("expected {wanted}, found {}", self.found())))
    }
}

/// As DynamoDB JSON, for the eye: `{"N": 1}`.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::S(text) => write!(f, "{{\"S\": {text:?}}}"),
            Self::N(number) => write!(f, "{{\"N\": \"{number}\"}}"),
            Self::B(bytes) => write!(f, "{{\"B\": {bytes:02x?}}}"),
            Self::Bool(flag) => write!(f, "{{\"BOOL\": {flag}}}"),
            Self::Null => f.write_str("{\"NULL\": true}"),
            Self::Ss(set) => write!(f, "{{\"SS\": {:?}}}", set.iter().collect::<Vec<_>>()),
            Self::Ns(set) => write!(f, "{{\"NS\": {:?}}}", set.iter().map(Number::as_str).collect::<Vec<_>>()),
            Self::Bs(set) => write!(f, "{{\"BS\": {:02x?}}}", set.iter().collect::<Vec<_>>()),
            Self::L(list) => {
                f.write_str("{\"L\": ")?;
                list.fmt(f)?;
                f.write_str("}")
            }
            Self::M(map) => {
                f.write_str("{\"M\": ")?;
                map.fmt(f)?;
                f.write_str("}")
            }
        }
    }
}

macro_rules! into_value {
    ($($from:ty => $variant:ident),* $(,)?) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}
// No floats: `Number::from_f64` says what it does.
into_value!(
    &str => S, String => S, &String => S, char => S,
    Number => N, i8 => N, i16 => N, i32 => N, i64 => N, isize => N, u8 => N, u16 => N, u32 => N, u64 => N, usize => N,
    bool => Bool, Vec<Value> => L, Item => M, BTreeMap<String, Value> => M,
    BTreeSet<String> => Ss, BTreeSet<Number> => Ns, BTreeSet<Vec<u8>> => Bs,
);

impl From<&Number> for Value {
    fn from(number: &Number) -> Self {
        Self::N(number.clone())
    }
}

impl From<&Value> for Value {
    fn from(value: &Value) -> Self {
        value.clone()
    }
}

impl From<Binary> for Value {
    fn from(binary: Binary) -> Self {
        Self::B(binary.0)
    }
}

impl<V: Into<Value>> FromIterator<V> for Value {
    /// A list.
    fn from_iter<I: IntoIterator<Item = V>>(elements: I) -> Self {
        Self::L(elements.into_iter().map(Into::into).collect())
    }
}
