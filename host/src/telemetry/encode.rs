//! One tree, two encodings: a message of OTLP with the number and the name of each field, written as protobuf or as JSON.
//!
//! OTLP is small, and its numbers and names are never given to anything else; so this is all of protobuf that it takes. The tests read
//! what is written here by the `.proto` files that OpenTelemetry publishes.

use serde_json::{Map, Value as Json};

/// A message: its fields' numbers, names and values.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Message(Vec<(u32, &'static str, Value)>);

/// A value, by the form that it has in protobuf.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Message(Message),
    Text(String),
    /// Of a trace or a span: bytes, in JSON hexadecimal.
    Id(Vec<u8>),
    /// `fixed64` and `sfixed64`; in JSON a text, as are all numbers of 64 bits.
    Fixed(u64),
    /// `fixed32`; in JSON a number.
    Fixed32(u32),
    /// `int64`.
    Long(u64),
    /// `uint32`, and what is enumerated.
    Short(u32),
    Flag(bool),
    Double(f64),
    /// Any number of values with the same field.
    Each(Vec<Value>),
    /// The same of numbers, which protobuf has in one piece.
    Packed(Vec<Value>),
}

impl Message {
    /// The same with another field.
    #[must_use]
    pub(super) fn with(mut self, number: u32, name: &'static str, value: Value) -> Self {
        self.0.push((number, name, value));
        self
    }

    pub(super) fn to_json(&self) -> Json {
        Json::Object(self.0.iter().map(|(_, name, value)| ((*name).to_owned(), value.to_json())).collect::<Map<_, _>>())
    }

    pub(super) fn to_protobuf(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (number, _, value) in &self.0 {
            match value {
                Value::Each(values) => values.iter().for_each(|value| value.field(*number, &mut out)),
                value => value.field(*number, &mut out),
            }
        }
        out
    }
}

impl Value {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    fn to_json(&self) -> Json {
        match self {
            Self::Message(message) => message.to_json(),
            Self::Text(text) => text.as_str().into(),
            Self::Id(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into(),
            Self::Fixed(number) | Self::Long(number) => number.to_string().into(),
            Self::Fixed32(number) | Self::Short(number) => (*number).into(),
            Self::Flag(flag) => (*flag).into(),
            Self::Double(number) => (*number).into(),
            Self::Each(values) | Self::Packed(values) => values.iter().map(Self::to_json).collect(),
        }
    }

    /// The type that stands beside a field's number.
    fn wire(&self) -> u64 {
        match self {
            Self::Long(_) | Self::Short(_) | Self::Flag(_) => 0,
            Self::Fixed(_) | Self::Double(_) => 1,
            Self::Message(_) | Self::Text(_) | Self::Id(_) | Self::Each(_) | Self::Packed(_) => 2,
            Self::Fixed32(_) => 5,
        }
    }

    fn field(&self, number: u32, out: &mut Vec<u8>) {
        varint(u64::from(number) << 3 | self.wire(), out);
        match self {
            Self::Message(message) => piece(&message.to_protobuf(), out),
            Self::Text(text) => piece(text.as_bytes(), out),
            Self::Id(bytes) => piece(bytes, out),
            Self::Each(values) | Self::Packed(values) => {
                let mut packed = Vec::new();
                values.iter().for_each(|value| value.bare(&mut packed));
                piece(&packed, out);
            }
            number => number.bare(out),
        }
    }

    /// A number without its field.
    fn bare(&self, out: &mut Vec<u8>) {
        match self {
            Self::Long(number) => varint(*number, out),
            Self::Short(number) => varint(u64::from(*number), out),
            Self::Flag(flag) => varint(u64::from(*flag), out),
            Self::Fixed(number) => out.extend(number.to_le_bytes()),
            Self::Fixed32(number) => out.extend(number.to_le_bytes()),
            Self::Double(number) => out.extend(number.to_le_bytes()),
            // Only numbers are packed.
            Self::Message(_) | Self::Text(_) | Self::Id(_) | Self::Each(_) | Self::Packed(_) => {}
        }
    }
}

fn piece(bytes: &[u8], out: &mut Vec<u8>) {
    varint(bytes.len() as u64, out);
    out.extend(bytes);
}

fn varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_the_same_in_both_encodings() {
        let inner = Message::default().with(1, "key", Value::text("a")).with(2, "value", Value::Long(300));
        let message = Message::default()
            .with(1, "traceId", Value::Id(vec![0xab, 1]))
            .with(2, "each", Value::Each(vec![Value::Message(inner.clone()), Value::Message(inner)]))
            .with(3, "counts", Value::Packed(vec![Value::Fixed(1), Value::Fixed(2)]))
            .with(16, "flag", Value::Flag(true))
            .with(5, "real", Value::Double(0.5));
        let expected = r#"{"traceId":"ab01","each":[{"key":"a","value":"300"},{"key":"a","value":"300"}],"counts":["1","2"],"flag":true,"real":0.5}"#;
        assert_eq!(message.to_json().to_string(), expected);
        let inner = [0x12, 6, 0x0a, 1, b'a', 0x10, 0xac, 2];
        let mut bytes = vec![0x0a, 2, 0xab, 1];
        bytes.extend(inner);
        bytes.extend(inner);
        bytes.extend([0x1a, 16, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0x80, 1, 1]);
        bytes.extend([0x29, 0, 0, 0, 0, 0, 0, 0xe0, 0x3f]);
        assert_eq!(message.to_protobuf(), bytes);
    }
}
