//! A reader of protobuf that goes by the `.proto` files which OpenTelemetry publishes, and by nothing else: what does not fit them, a
//! field that they do not have or a type that is another, fails the test. What it gives is OTLP's JSON.

use std::collections::HashMap;

use serde_json::{Map, Value as Json};

const PUBLISHED: &str = include_str!("otlp.proto");

#[derive(Debug)]
struct Field {
    name: String,
    kind: String,
    repeated: bool,
}

/// Messages by name, their fields by number.
pub(super) struct Reader(HashMap<String, HashMap<u64, Field>>);

impl Reader {
    pub(super) fn new() -> Self {
        let mut messages: HashMap<String, HashMap<u64, Field>> = HashMap::new();
        let text: String = PUBLISHED.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join(" ");
        let spaced = text.replace('{', " { ").replace('}', " } ").replace(';', " ; ");
        // What is open: messages by name; a `oneof`, whose fields are its message's, and an `enum`, which has none, without.
        let (mut open, mut statement): (Vec<Option<String>>, Vec<&str>) = (Vec::new(), Vec::new());
        for word in spaced.split_whitespace() {
            match word {
                "{" => {
                    let name = if statement.first() == Some(&"message") { Some(statement[1].to_owned()) } else { None };
                    messages.extend(name.clone().map(|name| (name, HashMap::new())));
                    open.push(name);
                    statement.clear();
                }
                "}" => drop(open.pop()),
                ";" => {
                    let within = open.iter().rev().flatten().next();
                    let repeated = statement.first() == Some(&"repeated");
                    let rest = statement.iter().skip(repeated.into()).filter(|word| **word != "optional").collect::<Vec<_>>();
                    if let ([kind, name, "=", number, ..], Some(message)) =
                        (&rest.iter().map(|word| **word).collect::<Vec<_>>()[..], within)
                    {
                        let kind = kind.rsplit('.').next().unwrap().to_owned();
                        let field = Field { name: camel(name), kind, repeated };
                        messages.get_mut(message).unwrap().insert(number.parse().unwrap(), field);
                    }
                    statement.clear();
                }
                word => statement.push(word),
            }
        }
        Self(messages)
    }

    /// The message of this name, as JSON.
    pub(super) fn read(&self, message: &str, mut bytes: &[u8]) -> Json {
        let fields = self.0.get(message).unwrap_or_else(|| panic!("there is no message {message}"));
        let mut read = Map::new();
        while !bytes.is_empty() {
            let tag = varint(&mut bytes);
            let field = fields.get(&(tag >> 3)).unwrap_or_else(|| panic!("{message} has no field {}", tag >> 3));
            let values = self.values(field, tag & 7, &mut bytes);
            match (field.repeated, read.get_mut(&field.name)) {
                (true, Some(Json::Array(all))) => all.extend(values),
                (true, _) => drop(read.insert(field.name.clone(), values.into())),
                (false, before) => {
                    assert!(before.is_none() && values.len() == 1, "{message}.{} once", field.name);
                    read.insert(field.name.clone(), values[0].clone());
                }
            }
        }
        read.into()
    }

    /// Fails where a message as JSON is not as OTLP has it: a field that is none, or of another form.
    pub(super) fn check(&self, message: &str, json: &Json) {
        let fields = self.0.get(message).unwrap_or_else(|| panic!("there is no message {message}"));
        for (name, value) in json.as_object().unwrap_or_else(|| panic!("{message}: {json}")) {
            let field = fields.values().find(|field| field.name == *name).unwrap_or_else(|| panic!("{message} has no {name}"));
            let values = if field.repeated { value.as_array().unwrap().as_slice() } else { std::slice::from_ref(value) };
            for value in values {
                let is_good = match field.kind.as_str() {
                    "fixed64" | "sfixed64" | "int64" => value.as_str().is_some_and(|number| number.parse::<u64>().is_ok()),
                    "bytes" => value.as_str().is_some_and(|id| id.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))),
                    "string" => value.is_string(),
                    "bool" => value.is_boolean(),
                    "double" => value.is_number(),
                    kind if self.0.contains_key(kind) => {
                        self.check(kind, value);
                        true
                    }
                    _ => value.is_u64(),
                };
                assert!(is_good, "{message}.{name}: {value}");
            }
        }
    }

    fn values(&self, field: &Field, wire: u64, bytes: &mut &[u8]) -> Vec<Json> {
        let kind = field.kind.as_str();
        match (wire, kind) {
            (2, "string") => vec![std::str::from_utf8(piece(bytes)).unwrap().into()],
            (2, "bytes") => vec![piece(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()],
            (2, kind) if self.0.contains_key(kind) => vec![self.read(kind, piece(bytes))],
            (2, "fixed64" | "double") if field.repeated => {
                let (mut packed, mut values) = (piece(bytes), Vec::new());
                while !packed.is_empty() {
                    values.push(number(kind, &mut packed));
                }
                values
            }
            (0, "int64") => vec![varint(bytes).to_string().into()],
            (0, "bool") => vec![(varint(bytes) == 1).into()],
            (0, "uint32" | "SpanKind" | "StatusCode" | "AggregationTemporality") => vec![varint(bytes).into()],
            (1, "fixed64" | "sfixed64" | "double") => vec![number(kind, bytes)],
            (5, "fixed32") => {
                let (number, rest) = bytes.split_first_chunk().unwrap();
                *bytes = rest;
                vec![u32::from_le_bytes(*number).into()]
            }
            other => panic!("{}: {other:?}", field.name),
        }
    }
}

fn number(kind: &str, bytes: &mut &[u8]) -> Json {
    let (number, rest) = bytes.split_first_chunk().unwrap();
    *bytes = rest;
    if kind == "double" { f64::from_le_bytes(*number).into() } else { u64::from_le_bytes(*number).to_string().into() }
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let (mut number, mut shift) = (0, 0);
    loop {
        let (byte, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return number;
        }
    }
}

fn piece<'a>(bytes: &mut &'a [u8]) -> &'a [u8] {
    let length = varint(bytes);
    let (piece, rest) = bytes.split_at(length as usize);
    *bytes = rest;
    piece
}

/// `trace_id` as JSON has it: `traceId`.
fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |name, part| name + &part[..1].to_uppercase() + &part[1..])
}
