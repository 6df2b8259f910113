//! An item's text.

use std::str::FromStr as _;

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::ser::{Error as _, SerializeMap as _};
use serde::{Serialize, Serializer};

use super::EXACT_DIGITS;
use crate::model::{Attributes, Item, Number, Value};

/// Few items are longer, so that the text is seldom moved while it is written.
const ROOM: usize = 1024;

/// An item, in one line.
pub(in crate::plugin) fn of(item: &Item) -> serde_json::Result<String> {
    let mut text = Vec::with_capacity(ROOM);
    serde_json::to_writer(&mut text, &Fields(item))?;
    String::from_utf8(text).map_err(serde_json::Error::custom)
}

struct Fields<'a>(&'a Attributes);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, Said(value))))
    }
}

/// A value: as itself where JSON has its type, else with its descriptor.
struct Said<'a>(&'a Value);

impl Serialize for Said<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::S(text) => serializer.serialize_str(text),
            Value::Bool(flag) => serializer.serialize_bool(*flag),
            Value::Null => serializer.serialize_unit(),
            Value::L(list) => serializer.collect_seq(list.iter().map(Said)),
            Value::N(number) => match as_itself(number) {
                Some(whole) => serializer.serialize_i64(whole),
                None => described(serializer, "N", number.as_str()),
            },
            Value::B(bytes) => described(serializer, "B", &Binary(bytes)),
            Value::Ss(set) => described(serializer, "SS", set),
            Value::Ns(set) => described(serializer, "NS", &set.iter().map(Number::as_str).collect::<Vec<_>>()),
            Value::Bs(set) => described(serializer, "BS", &set.iter().map(|bytes| Binary(bytes)).collect::<Vec<_>>()),
            Value::M(inner) => described(serializer, "M", &Fields(inner)),
        }
    }
}

fn described<S: Serializer, T: Serialize + ?Sized>(serializer: S, descriptor: &str, value: &T) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(descriptor, value)?;
    map.end()
}

/// The whole number whose JSON is this number's very text, if it is short enough to be exact.
fn as_itself(number: &Number) -> Option<i64> {
    let text = number.as_str();
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_plain = digits.len() <= EXACT_DIGITS as usize && digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_shortest = text == "0" || !digits.starts_with('0');
    (is_plain && is_shortest).then(|| i64::from_str(text).ok()).flatten()
}

struct Binary<'a>(&'a [u8]);

impl Serialize for Binary<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::new(self.0, &BASE64))
    }
}
