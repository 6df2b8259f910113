//! Items as JSON text: DynamoDB's own form (`{"N":"1"}`) and the plain form that people write.
//!
//! Numbers stay exact: they are read as text by way of `RawValue`, not by serde_json's `arbitrary_precision`, which
//! would change the numbers of every program that embeds this library.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::value::RawValue;
use serde_json::{Value as OutJson, json};

use super::number::Number;
use super::value::{Attributes, Item, Value};

/// A JSON text that is no item, with the path at which it stops being one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at {path}: {problem}")]
pub struct JsonError {
    /// Where, from the item's top: `address.lines[2]`.
    pub path: String,
    /// What is wrong there.
    pub problem: String,
}

/// JSON as it was read, numbers as their text.
#[derive(Debug, PartialEq)]
enum Json {
    Null,
    Bool(bool),
    Number(String),
    String(String),
    Array(Vec<Json>),
    Object(Map),
}

type Map = BTreeMap<String, Json>;

/// Reads an item from DynamoDB JSON (`{"Id":{"N":"1"}}`) if every attribute is a single known descriptor, else from
/// plain JSON. An outer `{"Item": …}`, as exports have it, is looked through.
pub fn item_from_json(text: &str) -> Result<Item, JsonError> {
    item_and_form(text).map(|(item, _)| item)
}

/// The two forms of an item as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// With descriptors: `{"Id":{"N":"1"}}`.
    DynamoDb,
    /// As people write it: `{"Id":1}`.
    Plain,
}

/// The same, with the form it was in.
pub fn item_and_form(text: &str) -> Result<(Item, Form), JsonError> {
    let Json::Object(map) = &read(text, "")? else {
        return Err(error("", "an item is a JSON object"));
    };
    if let (1, Some(Json::Object(inner))) = (map.len(), map.get("Item"))
        && inner.values().all(is_described)
    {
        return Ok((attributes_from_dynamodb(inner, "")?, Form::DynamoDb));
    }
    if !map.is_empty() && map.values().all(is_described) {
        return Ok((attributes_from_dynamodb(map, "")?, Form::DynamoDb));
    }
    Ok((attributes_from_plain(map, "")?, Form::Plain))
}

/// An item as DynamoDB JSON.
pub fn item_to_dynamodb_json(item: &Item) -> OutJson {
    OutJson::Object(item.iter().map(|(name, value)| (name.to_owned(), value_to_dynamodb_json(value))).collect())
}

/// A value as DynamoDB JSON.
pub fn value_to_dynamodb_json(value: &Value) -> OutJson {
    match value {
        Value::S(text) => json!({ "S": text }),
        Value::N(number) => json!({ "N": number.as_str() }),
        Value::B(bytes) => json!({ "B": BASE64.encode(bytes) }),
        Value::Bool(flag) => json!({ "BOOL": flag }),
        Value::Null => json!({ "NULL": true }),
        Value::Ss(set) => json!({ "SS": set }),
        Value::Ns(set) => json!({ "NS": set.iter().map(Number::as_str).collect::<Vec<_>>() }),
        Value::Bs(set) => json!({ "BS": set.iter().map(|bytes| BASE64.encode(bytes)).collect::<Vec<_>>() }),
        Value::L(list) => json!({ "L": list.iter().map(value_to_dynamodb_json).collect::<Vec<_>>() }),
        Value::M(map) => json!({ "M": item_to_dynamodb_json(map) }),
    }
}

/// An item as the plain JSON that people write, a line an attribute; `None` where plain JSON would not read back as the same
/// item: with sets, binaries, or a map that looks like one of DynamoDB's descriptors.
pub fn item_to_plain_json(item: &Item) -> Option<String> {
    let mut text = String::new();
    plain_map(&mut text, item, 0)?;
    item_from_json(&text).is_ok_and(|read| read == *item).then_some(text)
}

fn plain_map(text: &mut String, map: &Attributes, depth: usize) -> Option<()> {
    plain_children(text, ('{', '}'), map.iter(), depth, |text, (name, value)| {
        text.push_str(&OutJson::from(name).to_string());
        text.push_str(": ");
        plain_value(text, value, depth + 1)
    })
}

fn plain_value(text: &mut String, value: &Value, depth: usize) -> Option<()> {
    match value {
        Value::S(string) => text.push_str(&OutJson::from(string.as_str()).to_string()),
        Value::N(number) => text.push_str(number.as_str()),
        Value::Bool(flag) => text.push_str(if *flag { "true" } else { "false" }),
        Value::Null => text.push_str("null"),
        Value::L(list) => {
            plain_children(text, ('[', ']'), list.iter(), depth, |text, child| plain_value(text, child, depth + 1))?
        }
        Value::M(map) => plain_map(text, map, depth)?,
        Value::B(_) | Value::Ss(_) | Value::Ns(_) | Value::Bs(_) => return None,
    }
    Some(())
}

fn plain_children<T>(
    text: &mut String,
    (open, close): (char, char),
    children: impl ExactSizeIterator<Item = T>,
    depth: usize,
    mut write: impl FnMut(&mut String, T) -> Option<()>,
) -> Option<()> {
    let (count, indent) = (children.len(), "  ".repeat(depth));
    text.push(open);
    for (at, child) in children.enumerate() {
        text.push_str(if at == 0 { "\n  " } else { ",\n  " });
        text.push_str(&indent);
        write(text, child)?;
    }
    if count > 0 {
        text.push('\n');
        text.push_str(&indent);
    }
    text.push(close);
    Some(())
}

fn read(text: &str, path: &str) -> Result<Json, JsonError> {
    let raw: &RawValue = serde_json::from_str(text).map_err(|problem| error(path, format!("not JSON: {problem}")))?;
    tree(raw, path, 0)
}

fn tree(raw: &RawValue, path: &str, depth: usize) -> Result<Json, JsonError> {
    // Two levels of JSON for one of DynamoDB's, and the wrapping `Item`.
    if depth > 2 * super::MAX_DEPTH + 4 {
        return Err(error(path, "nested deeper than DynamoDB's 32 levels"));
    }
    let text = raw.get();
    let again = |problem: serde_json::Error| error(path, format!("not JSON: {problem}"));
    Ok(match text.as_bytes().first() {
        Some(b'{') => {
            let children: BTreeMap<String, &RawValue> = serde_json::from_str(text).map_err(again)?;
            let children = children.into_iter().map(|(name, child)| {
                let json = tree(child, &below(path, &name), depth + 1)?;
                Ok((name, json))
            });
            Json::Object(children.collect::<Result<_, _>>()?)
        }
        Some(b'[') => {
            let children: Vec<&RawValue> = serde_json::from_str(text).map_err(again)?;
            let children = children.into_iter().enumerate().map(|(at, child)| tree(child, &format!("{path}[{at}]"), depth + 1));
            Json::Array(children.collect::<Result<_, _>>()?)
        }
        Some(b'"') => Json::String(serde_json::from_str(text).map_err(again)?),
        Some(b't') => Json::Bool(true),
        Some(b'f') => Json::Bool(false),
        Some(b'n') => Json::Null,
        _ => Json::Number(text.to_owned()),
    })
}

fn error(path: &str, problem: impl Into<String>) -> JsonError {
    JsonError { path: if path.is_empty() { "the item".into() } else { path.into() }, problem: problem.into() }
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Whether a JSON value looks like a described value. `{"S": "x"}` does, `{"S": 1}` and `{"street": "x"}` do not.
fn is_described(json: &Json) -> bool {
    let Json::Object(map) = json else { return false };
    let (1, Some((descriptor, inner))) = (map.len(), map.iter().next()) else { return false };
    match descriptor.as_str() {
        "S" | "N" | "B" => matches!(inner, Json::String(_)),
        "BOOL" | "NULL" => matches!(inner, Json::Bool(_)),
        "SS" | "NS" | "BS" | "L" => matches!(inner, Json::Array(_)),
        "M" => matches!(inner, Json::Object(_)),
        _ => false,
    }
}

fn attributes_from_dynamodb(map: &Map, path: &str) -> Result<Attributes, JsonError> {
    map.iter().map(|(name, json)| Ok((name.clone(), value_from_dynamodb(json, &below(path, name))?))).collect()
}

fn value_from_dynamodb(json: &Json, path: &str) -> Result<Value, JsonError> {
    let described = || error(path, "expected one of DynamoDB's descriptors, {\"S\": \"…\"} say");
    let Json::Object(map) = json else { return Err(described()) };
    let (1, Some((descriptor, inner))) = (map.len(), map.iter().next()) else { return Err(described()) };
    let text = || match inner {
        Json::String(text) => Ok(text.as_str()),
        _ => Err(error(path, format!("{descriptor} takes a string"))),
    };
    let texts = || -> Result<Vec<&str>, JsonError> {
        let wrong = || error(path, format!("{descriptor} takes a list of strings"));
        let Json::Array(list) = inner else { return Err(wrong()) };
        list.iter().map(|element| if let Json::String(text) = element { Ok(text.as_str()) } else { Err(wrong()) }).collect()
    };
    let number = |text: &str| Number::parse(text).map_err(|problem| error(path, problem.to_string()));
    let binary = |text: &str| BASE64.decode(text).map_err(|problem| error(path, format!("not base64: {problem}")));
    Ok(match descriptor.as_str() {
        "S" => Value::S(text()?.to_owned()),
        "N" => Value::N(number(text()?)?),
        "B" => Value::B(binary(text()?)?),
        "BOOL" => match inner {
            Json::Bool(flag) => Value::Bool(*flag),
            _ => return Err(error(path, "BOOL takes true or false")),
        },
        "NULL" if inner == &Json::Bool(true) => Value::Null,
        "NULL" => return Err(error(path, "NULL takes true")),
        "SS" => Value::Ss(texts()?.into_iter().map(str::to_owned).collect()),
        "NS" => Value::Ns(texts()?.into_iter().map(number).collect::<Result<_, _>>()?),
        "BS" => Value::Bs(texts()?.into_iter().map(binary).collect::<Result<_, _>>()?),
        "L" => {
            let Json::Array(list) = inner else { return Err(error(path, "L takes a list")) };
            let children = list.iter().enumerate().map(|(at, child)| value_from_dynamodb(child, &format!("{path}[{at}]")));
            Value::L(children.collect::<Result<_, _>>()?)
        }
        "M" => match inner {
            Json::Object(map) => Value::M(attributes_from_dynamodb(map, path)?),
            _ => return Err(error(path, "M takes an object")),
        },
        _ => return Err(described()),
    })
}

fn attributes_from_plain(map: &Map, path: &str) -> Result<Attributes, JsonError> {
    map.iter().map(|(name, json)| Ok((name.clone(), value_from_plain(json, &below(path, name))?))).collect()
}

fn value_from_plain(json: &Json, path: &str) -> Result<Value, JsonError> {
    Ok(match json {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(number) => Value::N(Number::parse(number.as_str()).map_err(|problem| error(path, problem.to_string()))?),
        Json::String(text) => Value::S(text.clone()),
        Json::Array(list) => {
            let children = list.iter().enumerate().map(|(at, child)| value_from_plain(child, &format!("{path}[{at}]")));
            Value::L(children.collect::<Result<_, _>>()?)
        }
        Json::Object(map) => Value::M(attributes_from_plain(map, path)?),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::arbitrary::{each, item as items};
    use super::*;

    #[test]
    fn every_type_goes_through_dynamodb_json_unchanged() {
        let item: Item = [
            ("s", "".into()),
            ("n", Value::N(Number::parse("1234567890123456789.0123456789012345678").unwrap())),
            ("b", Value::B(vec![0, 255])),
            ("bool", true.into()),
            ("null", Value::Null),
            ("ss", Value::Ss(vec!["a".into()])),
            ("ns", Value::Ns(vec![1.into(), Number::parse("2.50").unwrap()])),
            ("bs", Value::Bs(vec![vec![], vec![1]])),
            ("l", Value::L(vec![Value::L(vec![]), Value::M(Attributes::new())])),
            ("m", Value::M([("S", Value::Null)].into_iter().collect())),
        ]
        .into_iter()
        .collect();
        let json = item_to_dynamodb_json(&item);
        assert_eq!(item_from_json(&json.to_string()).unwrap(), item);
        assert_eq!(item_from_json(&json!({ "Item": json }).to_string()).unwrap(), item);
    }

    #[test]
    fn any_item_goes_through_dynamodb_json_unchanged() {
        each(512, items(), |item| {
            let text = item_to_dynamodb_json(&item).to_string();
            prop_assert_eq!(format!("{:?}", item_from_json(&text)), format!("{:?}", Ok::<_, JsonError>(item.clone())));
            let exported = json!({ "Item": item_to_dynamodb_json(&item) }).to_string();
            prop_assert_eq!(format!("{:?}", item_from_json(&exported)), format!("{:?}", Ok::<_, JsonError>(item)));
            Ok(())
        });
    }

    /// What plain JSON can say of a value; the rest as text. Numbers stand as they are, which takes writing by hand.
    fn plain(value: &Value) -> (Value, String) {
        let quoted = |text: &str| json!(text).to_string();
        match value {
            Value::N(number) => {
                // JSON's numbers have digits on both sides of a point, and no zeros before.
                let text = number.canonical_text();
                let (digits, exponent) = text.split_once('E').unwrap_or((&text, "0"));
                let (first, rest) = digits.split_at(digits.find(|c: char| c.is_ascii_digit()).unwrap() + 1);
                let point = if rest.is_empty() { "" } else { "." };
                let text = format!("{first}{point}{rest}E{exponent}");
                (Value::N(Number::parse(text.as_str()).unwrap()), text)
            }
            Value::Bool(flag) => (value.clone(), flag.to_string()),
            Value::Null => (Value::Null, "null".into()),
            Value::S(text) => (value.clone(), quoted(text)),
            Value::L(list) => {
                let (values, texts): (Vec<_>, Vec<_>) = list.iter().map(plain).unzip();
                (Value::L(values), format!("[{}]", texts.join(", ")))
            }
            Value::M(map) => {
                let (map, text) = plain_attributes(map);
                (Value::M(map), text)
            }
            other => {
                let text = format!("{other:?}");
                (Value::S(text.clone()), quoted(&text))
            }
        }
    }

    fn plain_attributes(of: &Attributes) -> (Attributes, String) {
        let each = of.iter().map(|(name, value)| {
            let (value, text) = plain(value);
            ((name.to_owned(), value), format!("{}: {text}", json!(name)))
        });
        let (pairs, texts): (Vec<_>, Vec<_>) = each.unzip();
        (pairs.into_iter().collect(), format!("{{{}}}", texts.join(", ")))
    }

    #[test]
    fn any_item_that_plain_json_can_say_is_read_as_it_was_written() {
        each(512, items(), |item| {
            let (item, text) = plain_attributes(&item);
            prop_assert_eq!(format!("{:?}", item_from_json(&text)), format!("{:?}", Ok::<_, JsonError>(item)));
            Ok(())
        });
    }

    #[test]
    fn plain_json_keeps_numbers_exact() {
        let json = r#"{"id": 7, "price": 12345678901234567890.123456789012345678, "a": [null, {"x": "y"}]}"#;
        let item = item_from_json(json).unwrap();
        assert_eq!(item.get("price").unwrap().as_n().unwrap().as_str(), "12345678901234567890.123456789012345678");
        assert_eq!(item.get("id"), Some(&7.into()));
    }

    #[test]
    fn plain_json_is_written_only_where_it_reads_back_the_same() {
        let text = "{\n  \"a \\\"b\\\"\": [\n    null,\n    {\n      \"x\": \"y\"\n    },\n    []\n  ],\n  \"price\": 12345678901234567890.123456789012345678\n}";
        assert_eq!(item_to_plain_json(&item_from_json(text).unwrap()).unwrap(), text);
        for value in [
            Value::Ss(vec!["a".into()]),
            Value::B(vec![1]),
            Value::M([("S", "x".into())].into_iter().collect()),
            Value::N(Number::from_dynamodb("+1".into())),
        ] {
            assert_eq!(item_to_plain_json(&[("a", value.clone())].into_iter().collect()), None, "{value:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_path() {
        let of = |text: &str| item_from_json(text).unwrap_err().to_string();
        assert_eq!(of("[1]"), "at the item: an item is a JSON object");
        assert!(of(r#"{"a": {"L": [{"N": "x"}]}}"#).starts_with("at a[0]: \"x\" is not a decimal number"));
        assert!(of(r#"{"a": {"b": 1e999}}"#).starts_with("at a.b: "));
    }
}
