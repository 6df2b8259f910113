//! Items and actions as the JSON text of `json-migration`.
//!
//! An answer is checked as what is lifted from records is: numbers are numbers, names are unique, nothing nests deeper than
//! DynamoDB's levels. The error is a sentence about the action (counted from 1).

use std::fmt;

use base64::Engine as _;
use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::model::{Action, Address, Attributes, Existing, Insert, Item, Key, MAX_DEPTH, Number, Patch, Target, Update, Value};

/// An item as DynamoDB JSON, in one line.
pub(super) fn of(item: &Item) -> serde_json::Result<String> {
    serde_json::to_string(&Described(item))
}

struct Described<'a>(&'a Attributes);

impl Serialize for Described<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, Descriptor(value))))
    }
}

struct Descriptor<'a>(&'a Value);

impl Serialize for Descriptor<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self.0 {
            Value::S(text) => map.serialize_entry("S", text)?,
            Value::N(number) => map.serialize_entry("N", number.as_str())?,
            Value::B(bytes) => map.serialize_entry("B", &Binary(bytes))?,
            Value::Bool(flag) => map.serialize_entry("BOOL", flag)?,
            Value::Null => map.serialize_entry("NULL", &true)?,
            Value::Ss(set) => map.serialize_entry("SS", set)?,
            Value::Ns(set) => map.serialize_entry("NS", &set.iter().map(Number::as_str).collect::<Vec<_>>())?,
            Value::Bs(set) => map.serialize_entry("BS", &set.iter().map(|bytes| Binary(bytes)).collect::<Vec<_>>())?,
            Value::L(list) => map.serialize_entry("L", &list.iter().map(Descriptor).collect::<Vec<_>>())?,
            Value::M(inner) => map.serialize_entry("M", &Described(inner))?,
        }
        map.end()
    }
}

struct Binary<'a>(&'a [u8]);

impl Serialize for Binary<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::new(self.0, &BASE64))
    }
}

/// The actions that a text says.
pub(super) fn actions(text: &str) -> Result<Vec<Action>, String> {
    let list: Vec<&RawValue> =
        serde_json::from_str(text).map_err(|problem| format!("the answer is no JSON list: {}", told(&problem)))?;
    let each = list.into_iter().enumerate();
    let action = |raw: &RawValue| serde_json::from_str::<Said>(raw.get()).map(Action::from);
    each.map(|(at, raw)| action(raw).map_err(|problem| format!("action {}: {}", at + 1, told(&problem)))).collect()
}

/// Without the place in the text, which is nothing to an author who did not write it.
fn told(problem: &serde_json::Error) -> String {
    let text = problem.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(told, _)| told.to_owned())
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Said {
    Patch {
        set: Fields,
        remove: Vec<String>,
    },
    Insert {
        table: Option<String>,
        item: Fields,
        existing: SaidExisting,
    },
    Update {
        table: Option<String>,
        key: Option<Fields>,
        expression: String,
        condition: Option<String>,
        names: Names,
        values: Fields,
    },
    Delete {
        table: Option<String>,
        key: Option<Fields>,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum SaidExisting {
    Keep,
    Replace,
    Fail,
}

impl From<Said> for Action {
    fn from(said: Said) -> Self {
        match said {
            Said::Patch { set, remove } => Self::Patch(Patch { set: set.0, remove }),
            Said::Insert { table, item, existing } => Self::Insert(Insert {
                table,
                item: item.0,
                existing: match existing {
                    SaidExisting::Keep => Existing::Keep,
                    SaidExisting::Replace => Existing::Replace,
                    SaidExisting::Fail => Existing::Fail,
                },
            }),
            Said::Update { table, key, expression, condition, names, values } => {
                Self::Update(Update { target: target(table, key), expression, condition, names: names.0, values: values.0 })
            }
            Said::Delete { table, key } => Self::Delete(target(table, key)),
        }
    }
}

fn target(table: Option<String>, key: Option<Fields>) -> Target {
    match key {
        Some(key) => Target::Other(Address { table, key: Key::from_attributes(key.0) }),
        None => Target::This,
    }
}

/// Placeholders and attributes, in the order given.
struct Names(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Names;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object of placeholders")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    names.push(pair);
                }
                Ok(Names(names))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

/// Attributes at the top.
struct Fields(Attributes);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        FieldsAt(1).deserialize(deserializer).map(Fields)
    }
}

/// Attributes whose values are at this level; those of an item are at 1.
struct FieldsAt(usize);

impl<'de> DeserializeSeed<'de> for FieldsAt {
    type Value = Attributes;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Attributes, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for FieldsAt {
    type Value = Attributes;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of attributes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Attributes, A::Error> {
        let mut pairs = Vec::with_capacity(map.size_hint().unwrap_or(0));
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value_seed(ValueAt(self.0));
            let value = value.map_err(|problem| A::Error::custom(format!("attribute {}: {problem}", shown(&name))))?;
            pairs.push((name, value));
        }
        Attributes::from_unique(pairs).map_err(|name| A::Error::custom(format!("the name {} is given twice", shown(&name))))
    }
}

fn shown(name: &str) -> String {
    format!("{:?}", name.chars().take(60).collect::<String>())
}

/// A value at this level.
struct ValueAt(usize);

impl<'de> DeserializeSeed<'de> for ValueAt {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self.0 <= MAX_DEPTH {
            true => deserializer.deserialize_map(self),
            false => Err(D::Error::custom(format!("nested deeper than DynamoDB's {MAX_DEPTH} levels"))),
        }
    }
}

impl<'de> Visitor<'de> for ValueAt {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("one of DynamoDB's descriptors, {\"S\": \"…\"} say")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let number = |text: String| Number::parse(text).map_err(A::Error::custom);
        let binary = |text: String| BASE64.decode(text).map_err(|problem| A::Error::custom(format!("not base64: {problem}")));
        let Some(descriptor) = map.next_key::<String>()? else { return Err(A::Error::custom("has no descriptor")) };
        let value = match descriptor.as_str() {
            "S" => Value::S(map.next_value()?),
            "N" => Value::N(number(map.next_value()?)?),
            "B" => Value::B(binary(map.next_value()?)?),
            "BOOL" => Value::Bool(map.next_value()?),
            "NULL" if map.next_value::<bool>()? => Value::Null,
            "NULL" => return Err(A::Error::custom("NULL takes true")),
            "SS" => Value::Ss(map.next_value()?),
            "NS" => Value::Ns(map.next_value::<Vec<String>>()?.into_iter().map(number).collect::<Result<_, _>>()?),
            "BS" => Value::Bs(map.next_value::<Vec<String>>()?.into_iter().map(binary).collect::<Result<_, _>>()?),
            "L" => Value::L(map.next_value_seed(ListAt(self.0 + 1))?),
            "M" => Value::M(map.next_value_seed(FieldsAt(self.0 + 1))?),
            other => return Err(A::Error::custom(format!("{} is none of DynamoDB's descriptors", shown(other)))),
        };
        match map.next_entry::<String, IgnoredAny>()? {
            None => Ok(value),
            Some((other, _)) => Err(A::Error::custom(format!("has two descriptors, {descriptor} and {}", shown(&other)))),
        }
    }
}

/// A list whose values are at this level.
struct ListAt(usize);

impl<'de> DeserializeSeed<'de> for ListAt {
    type Value = Vec<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Value>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ListAt {
    type Value = Vec<Value>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Value>, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(ValueAt(self.0))? {
            values.push(value);
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests;
