//! What a text answers.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::EXACT_DIGITS;
use crate::model::{Action, Address, Attributes, Existing, Insert, Key, MAX_DEPTH, Number, Patch, Target, Update, Value};

/// How an error begins that is about one action.
const ACTION: &str = "action ";

/// The actions that a text says, `most` of them; the error is a sentence, about the action at fault (counted from 1) where it is one's.
pub(in crate::plugin) fn actions(text: &str, most: usize) -> Result<Vec<Action>, String> {
    let mut json = serde_json::Deserializer::from_str(text);
    let actions = Actions { most }.deserialize(&mut json).and_then(|actions| json.end().map(|()| actions));
    actions.map_err(|problem| match told(&problem) {
        told if told.starts_with(ACTION) => told,
        told => format!("the answer is no JSON list of actions: {told}"),
    })
}

/// Without the place in the text, which is nothing to an author who did not write it.
fn told(problem: &serde_json::Error) -> String {
    let text = problem.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(told, _)| told.to_owned())
}

/// At most so many: what a guest says beyond them is not even read.
struct Actions {
    most: usize,
}

impl<'de> DeserializeSeed<'de> for Actions {
    type Value = Vec<Action>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Action>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Actions {
    type Value = Vec<Action>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Action>, A::Error> {
        let mut actions = Vec::new();
        loop {
            let at = actions.len() + 1;
            match list.next_element::<Said>() {
                Ok(None) => return Ok(actions),
                Ok(Some(_)) if actions.len() == self.most => {
                    let most = self.most;
                    return Err(A::Error::custom(format!(
                        "{ACTION}{at}: more than the limit of {most} for one item (--limit actions)"
                    )));
                }
                Ok(Some(said)) => actions.push(said.into()),
                Err(problem) => return Err(A::Error::custom(format!("{ACTION}{at}: {problem}"))),
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Said {
    Patch {
        #[serde(default)]
        set: Fields,
        #[serde(default)]
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
#[derive(Default)]
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

/// The first whole number that is too long to stand as itself.
const SHORT: u64 = 10u64.pow(EXACT_DIGITS);

fn inexact<E: serde::de::Error>(number: impl fmt::Display) -> E {
    E::custom(format!("the number {number} may not be exact as it stands: give its text, {{\"N\": \"…\"}}"))
}

/// A value at this level.
struct ValueAt(usize);

impl<'de> DeserializeSeed<'de> for ValueAt {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self.0 <= MAX_DEPTH {
            true => deserializer.deserialize_any(self),
            false => Err(D::Error::custom(format!("nested deeper than DynamoDB's {MAX_DEPTH} levels"))),
        }
    }
}

impl<'de> Visitor<'de> for ValueAt {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            "a text, true, false, null, a whole number, a list, or one of DynamoDB's descriptors, {\"N\": \"1.5\"} say",
        )
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::S(text.to_owned()))
    }

    fn visit_bool<E: serde::de::Error>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_i64<E: serde::de::Error>(self, whole: i64) -> Result<Value, E> {
        match whole.unsigned_abs() < SHORT {
            true => Ok(Value::N(whole.into())),
            false => Err(inexact(whole)),
        }
    }

    fn visit_u64<E: serde::de::Error>(self, whole: u64) -> Result<Value, E> {
        i64::try_from(whole).map_or_else(|_| Err(inexact(whole)), |whole| self.visit_i64(whole))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Value, E> {
        Err(inexact(number))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Value, A::Error> {
        ListAt(self.0 + 1).visit_seq(list).map(Value::L)
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
