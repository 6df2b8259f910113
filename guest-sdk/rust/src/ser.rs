//! From types that serde can serialize to values. Numbers keep every digit.

use std::collections::BTreeSet;

use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{self, Serialize, Serializer};

use crate::bytes::SET;
use crate::de::Mismatch;
use crate::item::Item;
use crate::number::Number;
use crate::value::Value;

/// The names by which this crate's serializer and deserializer know their own types, so that nothing of them is lost.
pub(crate) const NUMBER: &str = "$drift_sdk::Number";
pub(crate) const VALUE: &str = "$drift_sdk::Value";

pub(crate) fn value<T: Serialize + ?Sized>(source: &T) -> Result<Value, Mismatch> {
    source.serialize(Writer)
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(NUMBER, self.as_str())
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Number;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
                Number::parse(text).map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, integer: i64) -> Result<Number, E> {
                Ok(integer.into())
            }

            fn visit_u64<E: de::Error>(self, integer: u64) -> Result<Number, E> {
                Ok(integer.into())
            }

            fn visit_f64<E: de::Error>(self, float: f64) -> Result<Number, E> {
                Number::from_f64(float).map_err(E::custom)
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Number, D::Error> {
                inner.deserialize_any(Self)
            }
        }
        deserializer.deserialize_newtype_struct(NUMBER, Visitor)
    }
}

struct Writer;

macro_rules! numbers {
    ($($method:ident $from:ty),*) => {$(
        fn $method(self, number: $from) -> Result<Value, Mismatch> {
            Number::parse(number.to_string()).map(Value::N).map_err(Mismatch::new)
        }
    )*};
}

impl Serializer for Writer {
    type Ok = Value;
    type Error = Mismatch;
    type SerializeSeq = Elements;
    type SerializeTuple = Elements;
    type SerializeTupleStruct = Elements;
    type SerializeTupleVariant = Elements;
    type SerializeMap = Attributes;
    type SerializeStruct = Attributes;
    type SerializeStructVariant = Attributes;

    // A float by its shortest text that means the very same float.
    numbers!(
        serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64, serialize_i128 i128, serialize_u8 u8,
        serialize_u16 u16, serialize_u32 u32, serialize_u64 u64, serialize_u128 u128, serialize_f32 f32, serialize_f64 f64
    );

    fn serialize_bool(self, flag: bool) -> Result<Value, Mismatch> {
        Ok(Value::Bool(flag))
    }

    fn serialize_char(self, character: char) -> Result<Value, Mismatch> {
        Ok(character.into())
    }

    fn serialize_str(self, text: &str) -> Result<Value, Mismatch> {
        Ok(text.into())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<Value, Mismatch> {
        Ok(Value::B(bytes.to_vec()))
    }

    fn serialize_none(self) -> Result<Value, Mismatch> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, inner: &T) -> Result<Value, Mismatch> {
        inner.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, Mismatch> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Value, Mismatch> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(self, name: &'static str, _: u32, variant: &'static str) -> Result<Value, Mismatch> {
        Ok(if name == VALUE { Value::Null } else { variant.into() })
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, inner: &T) -> Result<Value, Mismatch> {
        match (name, inner.serialize(self)?) {
            (NUMBER, Value::S(text)) => Number::parse(text).map(Value::N).map_err(Mismatch::new),
            (SET, Value::L(elements)) => set(elements),
            (_, value) => Ok(value),
        }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        _: u32,
        variant: &'static str,
        inner: &T,
    ) -> Result<Value, Mismatch> {
        let value = inner.serialize(self)?;
        Ok(if name == VALUE { value } else { Value::M([(variant, value)].into()) })
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Elements, Mismatch> {
        Ok(Elements { list: Vec::new(), variant: None })
    }

    fn serialize_tuple(self, _: usize) -> Result<Elements, Mismatch> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Elements, Mismatch> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, variant: &'static str, _: usize) -> Result<Elements, Mismatch> {
        Ok(Elements { list: Vec::new(), variant: Some(variant) })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Attributes, Mismatch> {
        Ok(Attributes { map: Item::new(), name: None, variant: None })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Attributes, Mismatch> {
        self.serialize_map(None)
    }

    fn serialize_struct_variant(self, _: &'static str, _: u32, variant: &'static str, _: usize) -> Result<Attributes, Mismatch> {
        Ok(Attributes { map: Item::new(), name: None, variant: Some(variant) })
    }
}

fn set(elements: Vec<Value>) -> Result<Value, Mismatch> {
    let of_one_type = match elements.first() {
        None => return Err(Mismatch::new("an empty set, which DynamoDB cannot hold; use an Option")),
        Some(Value::S(_)) => each(elements, |value| if let Value::S(text) = value { Some(text) } else { None }).map(Value::Ss),
        Some(Value::N(_)) => {
            each(elements, |value| if let Value::N(number) = value { Some(number) } else { None }).map(Value::Ns)
        }
        Some(Value::B(_)) => each(elements, |value| if let Value::B(bytes) = value { Some(bytes) } else { None }).map(Value::Bs),
        Some(_) => None,
    };
    of_one_type.ok_or_else(|| Mismatch::new("a set has elements of one type: strings, numbers or binaries"))
}

fn each<T: Ord>(elements: Vec<Value>, of: impl Fn(Value) -> Option<T>) -> Option<BTreeSet<T>> {
    elements.into_iter().map(of).collect()
}

struct Elements {
    list: Vec<Value>,
    variant: Option<&'static str>,
}

impl Elements {
    fn push<T: Serialize + ?Sized>(&mut self, element: &T) -> Result<(), Mismatch> {
        let at = self.list.len();
        self.list.push(value(element).map_err(|error| error.below(at))?);
        Ok(())
    }

    fn finish(self) -> Value {
        wrapped(self.variant, Value::L(self.list))
    }
}

struct Attributes {
    map: Item,
    name: Option<String>,
    variant: Option<&'static str>,
}

impl Attributes {
    fn put<T: Serialize + ?Sized>(&mut self, name: String, attribute: &T) -> Result<(), Mismatch> {
        let value = value(attribute).map_err(|error| error.below(format_args!("{name:?}")))?;
        self.map.set(name, value);
        Ok(())
    }

    fn finish(self) -> Value {
        wrapped(self.variant, Value::M(self.map))
    }
}

fn wrapped(variant: Option<&'static str>, value: Value) -> Value {
    match variant {
        Some(name) => Value::M([(name, value)].into()),
        None => value,
    }
}

macro_rules! elements {
    ($($kind:ident $method:ident),*) => {$(
        impl ser::$kind for Elements {
            type Ok = Value;
            type Error = Mismatch;

            fn $method<T: Serialize + ?Sized>(&mut self, element: &T) -> Result<(), Mismatch> {
                self.push(element)
            }

            fn end(self) -> Result<Value, Mismatch> {
                Ok(self.finish())
            }
        }
    )*};
}
elements!(SerializeSeq serialize_element, SerializeTuple serialize_element, SerializeTupleStruct serialize_field, SerializeTupleVariant serialize_field);

macro_rules! fields {
    ($($kind:ident),*) => {$(
        impl ser::$kind for Attributes {
            type Ok = Value;
            type Error = Mismatch;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, field: &T) -> Result<(), Mismatch> {
                self.put(name.to_owned(), field)
            }

            fn end(self) -> Result<Value, Mismatch> {
                Ok(self.finish())
            }
        }
    )*};
}
fields!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Attributes {
    type Ok = Value;
    type Error = Mismatch;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Mismatch> {
        self.name = Some(match value(key)? {
            Value::S(name) => name,
            Value::N(number) => number.into_string(),
            Value::Bool(flag) => flag.to_string(),
            other => return Err(Mismatch::new(format_args!("the name of an attribute is text; this is {}", other.found()))),
        });
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, attribute: &T) -> Result<(), Mismatch> {
        let name = self.name.take().ok_or_else(|| Mismatch::new("a value was given before its name"))?;
        self.put(name, attribute)
    }

    fn end(self) -> Result<Value, Mismatch> {
        Ok(self.finish())
    }
}
