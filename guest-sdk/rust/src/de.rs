//! From values to types that serde can deserialize. Numbers are exact, or an error.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{self, Deserialize, DeserializeSeed, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use crate::item::Item;
use crate::number::Number;
use crate::ser::{NUMBER, VALUE};
use crate::value::Value;

/// Why a value does not fit a type, and where in the value.
#[derive(Debug)]
pub(crate) struct Mismatch {
    path: String,
    problem: String,
}

impl Mismatch {
    pub(crate) fn new(problem: impl fmt::Display) -> Self {
        Self { path: String::new(), problem: problem.to_string() }
    }

    pub(crate) fn below(mut self, step: impl fmt::Display) -> Self {
        let separator = if self.path.is_empty() { "" } else { ", " };
        self.path = format!("{step}{separator}{}", self.path);
        self
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.problem),
            path => write!(f, "at {path}: {}", self.problem),
        }
    }
}

impl std::error::Error for Mismatch {}

impl de::Error for Mismatch {
    fn custom<T: fmt::Display>(problem: T) -> Self {
        Self::new(problem)
    }
}

impl serde::ser::Error for Mismatch {
    fn custom<T: fmt::Display>(problem: T) -> Self {
        Self::new(problem)
    }
}

pub(crate) fn value<'de, T: Deserialize<'de>>(value: &'de Value) -> Result<T, Mismatch> {
    T::deserialize(Reader(value))
}

pub(crate) fn item<'de, T: Deserialize<'de>>(item: &'de Item) -> Result<T, Mismatch> {
    T::deserialize(ItemReader(item))
}

/// What a missing attribute is: `None` of an `Option`, and an error for anything else.
pub(crate) fn missing<'de, T: Deserialize<'de>>() -> Result<T, Mismatch> {
    T::deserialize(Missing)
}

#[derive(Clone, Copy)]
struct Reader<'de>(&'de Value);

impl<'de> Reader<'de> {
    fn number(self) -> Result<&'de Number, Mismatch> {
        self.0.as_number().ok_or_else(|| self.unlike("a number (N)"))
    }

    fn unlike(self, wanted: &str) -> Mismatch {
        Mismatch::new(format_args!("expected {wanted}, found {}", self.0.found()))
    }
}

/// What numbers have in common, whether they stand alone or in a set.
macro_rules! numbers {
    () => {
        numbers!(
            deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16, deserialize_i32 visit_i32 i32,
            deserialize_i64 visit_i64 i64, deserialize_i128 visit_i128 i128, deserialize_u8 visit_u8 u8,
            deserialize_u16 visit_u16 u16, deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64,
            deserialize_u128 visit_u128 u128
        );

        fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
            let number = self.number()?;
            match number.as_str().parse::<f32>() {
                Ok(float) if Number::parse(float.to_string()).is_ok_and(|back| back == *number) => visitor.visit_f32(float),
                _ => Err(Mismatch::new(format_args!("{number} is more exact than an f32; read it as a Number"))),
            }
        }

        fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
            visitor.visit_f64(self.number()?.to_f64().map_err(Mismatch::new)?)
        }

        fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Mismatch> {
            if name == NUMBER { visitor.visit_borrowed_str(self.number()?.as_str()) } else { visitor.visit_newtype_struct(self) }
        }
    };
    ($($method:ident $visit:ident $int:ty),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
            visitor.$visit(self.number()?.to_int::<$int>().map_err(Mismatch::new)?)
        }
    )*};
}

macro_rules! typed {
    ($($method:ident $wanted:literal $($variant:ident)|+),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
            match self.0 {
                $(Value::$variant { .. })|+ => self.deserialize_any(visitor),
                _ => Err(self.unlike($wanted)),
            }
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Reader<'de> {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::S(text) => visitor.visit_borrowed_str(text),
            Value::N(number) => NumberReader(number).deserialize_any(visitor),
            Value::B(bytes) => visitor.visit_borrowed_bytes(bytes),
            Value::Bool(flag) => visitor.visit_bool(*flag),
            Value::Null => visitor.visit_unit(),
            Value::Ss(set) => sequence(set.iter().map(|text| text.as_str().into_deserializer()), visitor),
            Value::Ns(set) => sequence(set.iter().map(NumberReader), visitor),
            Value::Bs(set) => sequence(set.iter().map(|bytes| BytesReader(bytes)), visitor),
            Value::L(list) => sequence(list.iter().map(Reader), visitor),
            Value::M(map) => ItemReader(map).deserialize_any(visitor),
        }
    }

    numbers!();

    typed!(
        deserialize_bool "a boolean (BOOL)" Bool,
        deserialize_char "a string (S)" S,
        deserialize_str "a string (S)" S,
        deserialize_string "a string (S)" S,
        deserialize_bytes "a binary (B)" B,
        deserialize_byte_buf "a binary (B)" B,
        deserialize_map "a map (M)" M
    );

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::B(bytes) => sequence(bytes.iter().map(|byte| byte.into_deserializer()), visitor),
            Value::L(_) | Value::Ss(_) | Value::Ns(_) | Value::Bs(_) => self.deserialize_any(visitor),
            _ => Err(self.unlike("a list (L) or a set")),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(self, _: &'static str, _: usize, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        if name == VALUE {
            return visitor.visit_enum(Variant { name: self.0.descriptor(), content: Some(self.0) });
        }
        match self.0 {
            Value::S(text) => visitor.visit_enum(Variant { name: text, content: None }),
            Value::M(map) if map.len() == 1 => match map.iter().next() {
                Some((name, content)) => visitor.visit_enum(Variant { name, content: Some(content) }),
                None => Err(self.unlike("a variant")),
            },
            _ => Err(self.unlike("a variant: a string (S), or a map (M) of one")),
        }
    }

    forward_to_deserialize_any! { unit unit_struct identifier ignored_any }
}

struct ItemReader<'de>(&'de Item);

impl<'de> de::Deserializer<'de> for ItemReader<'de> {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_map(Attributes { left: self.0.iter(), at: None })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        match self.0.iter().next() {
            Some((name, content)) if self.0.len() == 1 => visitor.visit_enum(Variant { name, content: Some(content) }),
            _ => Err(Mismatch::new(format_args!("expected a variant, found a map of {}", self.0.len()))),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

struct Attributes<'de> {
    left: std::collections::btree_map::Iter<'de, String, Value>,
    at: Option<(&'de String, &'de Value)>,
}

impl<'de> de::MapAccess<'de> for Attributes<'de> {
    type Error = Mismatch;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Mismatch> {
        self.at = self.left.next();
        self.at.map(|(name, _)| seed.deserialize(de::value::BorrowedStrDeserializer::new(name))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Mismatch> {
        let (name, value) = self.at.take().ok_or_else(|| Mismatch::new("a value was asked for before its name"))?;
        seed.deserialize(Reader(value)).map_err(|error| error.below(format_args!("{name:?}")))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left.len())
    }
}

fn sequence<'de, D, V>(elements: impl ExactSizeIterator<Item = D>, visitor: V) -> Result<V::Value, Mismatch>
where
    D: de::Deserializer<'de, Error = Mismatch>,
    V: Visitor<'de>,
{
    let mut sequence = Sequence { left: elements.enumerate() };
    let value = visitor.visit_seq(&mut sequence)?;
    match sequence.left.len() {
        0 => Ok(value),
        left => Err(Mismatch::new(format_args!("{left} elements more than expected"))),
    }
}

struct Sequence<I> {
    left: std::iter::Enumerate<I>,
}

impl<'de, D: de::Deserializer<'de, Error = Mismatch>, I: ExactSizeIterator<Item = D>> de::SeqAccess<'de> for &mut Sequence<I> {
    type Error = Mismatch;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Mismatch> {
        let Some((position, element)) = self.left.next() else { return Ok(None) };
        seed.deserialize(element).map(Some).map_err(|error| error.below(position))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left.len())
    }
}

/// A number, alone or in a set.
struct NumberReader<'de>(&'de Number);

impl<'de> de::Deserializer<'de> for NumberReader<'de> {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match (self.0.to_int::<i64>(), self.0.to_int::<u64>(), self.0.to_f64()) {
            (Ok(integer), _, _) => visitor.visit_i64(integer),
            (_, Ok(integer), _) => visitor.visit_u64(integer),
            (_, _, Ok(float)) => visitor.visit_f64(float),
            (_, _, Err(error)) => Err(Mismatch::new(error)),
        }
    }

    numbers!();

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        bool char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> NumberReader<'de> {
    fn number(&self) -> Result<&'de Number, Mismatch> {
        Ok(self.0)
    }
}

/// An element of a set of binaries.
struct BytesReader<'de>(&'de [u8]);

impl<'de> de::Deserializer<'de> for BytesReader<'de> {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_borrowed_bytes(self.0)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        sequence(self.0.iter().map(|byte| byte.into_deserializer()), visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// A variant of an enum, with what it holds.
struct Variant<'de> {
    name: &'de str,
    content: Option<&'de Value>,
}

impl<'de> de::EnumAccess<'de> for Variant<'de> {
    type Error = Mismatch;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Mismatch> {
        let name: StrDeserializer<'_, Mismatch> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> Variant<'de> {
    fn content(&self) -> Result<Reader<'de>, Mismatch> {
        self.content.map(Reader).ok_or_else(|| Mismatch::new(format_args!("the variant {:?} holds something", self.name)))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'de> {
    type Error = Mismatch;

    fn unit_variant(self) -> Result<(), Mismatch> {
        match self.content {
            None | Some(Value::Null) => Ok(()),
            Some(other) => Err(Reader(other).unlike("nothing")),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Mismatch> {
        seed.deserialize(self.content()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Mismatch> {
        de::Deserializer::deserialize_seq(self.content()?, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Mismatch> {
        de::Deserializer::deserialize_map(self.content()?, visitor)
    }
}

struct Missing;

impl<'de> de::Deserializer<'de> for Missing {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Mismatch> {
        Err(Mismatch::new("missing"))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_none()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
