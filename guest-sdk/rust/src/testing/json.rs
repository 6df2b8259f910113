//! Items from JSON text, numbers exact.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::item::Item;
use crate::number::Number;
use crate::value::Value;

type Fields<'a> = BTreeMap<String, &'a RawValue>;

/// An item from DynamoDB JSON (`{"Id": {"N": "1"}}`, with or without an outer `{"Item": …}`), or else from plain JSON
/// (`{"Id": 1}`). Numbers keep every digit.
pub fn item(json: &str) -> Result<Item> {
    let fields = fields(json)?;
    match fields.get("Item").map(|inner| self::fields(inner.get())) {
        Some(Ok(inner)) if fields.len() == 1 && is_described(&inner) => described(&inner),
        _ if is_described(&fields) => described(&fields),
        _ => each(&fields, plain),
    }
}

/// Items from JSON lines, each as [`item`] reads it.
pub fn items(json_lines: &str) -> Result<Vec<Item>> {
    let lines = json_lines.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(at, line)| item(line).map_err(|error| error.within(format_args!("line {}", at + 1)))).collect()
}

fn fields(json: &str) -> Result<Fields<'_>> {
    serde_json::from_str(json).map_err(|error| Error::new(format_args!("no JSON object: {error}")))
}

fn is_described(fields: &Fields<'_>) -> bool {
    const DESCRIPTORS: [&str; 10] = ["S", "N", "B", "BOOL", "NULL", "SS", "NS", "BS", "L", "M"];
    let is = |raw: &&RawValue| {
        self::fields(raw.get())
            .is_ok_and(|inner| inner.len() == 1 && inner.keys().all(|name| DESCRIPTORS.contains(&name.as_str())))
    };
    !fields.is_empty() && fields.values().all(is)
}

fn described(fields: &Fields<'_>) -> Result<Item> {
    each(fields, described_value)
}

fn each(fields: &Fields<'_>, value: fn(&RawValue) -> Result<Value>) -> Result<Item> {
    let attribute = |(name, raw): (&String, &&RawValue)| {
        let value = value(raw).map_err(|error| error.within(crate::item::attribute(name)))?;
        Ok((name.clone(), value))
    };
    fields.iter().map(attribute).collect()
}

fn described_value(raw: &RawValue) -> Result<Value> {
    let text = raw.get();
    let inner = fields(text)?;
    let (Some((descriptor, content)), 1) = (inner.iter().next(), inner.len()) else {
        return Err(Error::new(format_args!("expected one type descriptor, found {text}")));
    };
    let content = content.get();
    Ok(match descriptor.as_str() {
        "S" => Value::S(serde_json::from_str(content)?),
        "N" => Value::N(Number::parse(serde_json::from_str::<String>(content)?)?),
        "B" => Value::B(binary(serde_json::from_str(content)?)?),
        "BOOL" => Value::Bool(serde_json::from_str(content)?),
        "NULL" => Value::Null,
        "SS" => Value::Ss(serde_json::from_str(content)?),
        "NS" => Value::Ns(strings(content)?.into_iter().map(Number::parse).collect::<Result<_, _>>()?),
        "BS" => Value::Bs(strings(content)?.into_iter().map(binary).collect::<Result<BTreeSet<_>>>()?),
        "L" => {
            Value::L(serde_json::from_str::<Vec<&RawValue>>(content)?.into_iter().map(described_value).collect::<Result<_>>()?)
        }
        "M" => Value::M(described(&fields(content)?)?),
        other => return Err(Error::new(format_args!("there is no type descriptor {other:?}"))),
    })
}

fn strings(json: &str) -> Result<Vec<String>> {
    Ok(serde_json::from_str(json)?)
}

fn binary(base64: String) -> Result<Vec<u8>> {
    Ok(BASE64.decode(base64)?)
}

fn plain(raw: &RawValue) -> Result<Value> {
    let text = raw.get();
    Ok(match text.as_bytes().first() {
        Some(b'{') => Value::M(each(&fields(text)?, plain)?),
        Some(b'[') => Value::L(serde_json::from_str::<Vec<&RawValue>>(text)?.into_iter().map(plain).collect::<Result<_>>()?),
        Some(b'"') => Value::S(serde_json::from_str(text)?),
        Some(b't' | b'f') => Value::Bool(serde_json::from_str(text)?),
        Some(b'n') => Value::Null,
        _ => Value::N(Number::parse(text)?),
    })
}
