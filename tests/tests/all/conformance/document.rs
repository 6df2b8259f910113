//! Documents that are held against each other: what an expectation leaves open filled in, one writing for what is the same to
//! DynamoDB, and the differences.

use std::collections::BTreeSet;

use drift_host::model::Number;
use serde_json::{Map, Value as Json, json};

/// Items by their keys.
pub(super) fn by_key(items: Vec<Json>) -> Json {
    items.into_iter().map(|item| (format!("Id={}", item["Id"]["N"].as_str().unwrap()), item)).collect::<Map<_, _>>().into()
}

/// An item after the patch among these actions.
pub(super) fn patched(item: &Json, wanted: &Json) -> Json {
    let mut item = item.clone();
    let actions = wanted["actions"].as_array().map(Vec::as_slice).unwrap_or_default();
    for patch in actions.iter().filter(|action| action["kind"] == "patch") {
        let attributes = item.as_object_mut().unwrap();
        attributes.extend(patch["set"].as_object().unwrap().clone());
        for name in patch["remove"].as_array().unwrap() {
            attributes.remove(name.as_str().unwrap());
        }
    }
    item
}

/// Puts `value` where the text `word` stands.
pub(super) fn fill(json: &mut Json, word: &str, value: &Json) {
    match json {
        Json::String(text) if text == word => *json = value.clone(),
        Json::Array(list) => list.iter_mut().for_each(|child| fill(child, word, value)),
        Json::Object(map) => map.values_mut().for_each(|child| fill(child, word, value)),
        _ => {}
    }
}

/// A merge patch, RFC 7386.
pub(super) fn merge(target: &mut Json, patch: &Json) {
    let Json::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (name, value) in patch {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(name);
        } else {
            merge(&mut target[name], value);
        }
    }
}

/// One writing for what is the same to DynamoDB: numbers by value, sets and lists of names in order.
pub(super) fn normal(json: &mut Json) {
    match json {
        Json::Array(list) => list.iter_mut().for_each(normal),
        Json::Object(map) => {
            let number = |text: &mut Json| {
                if let Some(Ok(number)) = text.as_str().map(Number::parse) {
                    *text = one_writing(&number).into();
                }
            };
            for (name, value) in map.iter_mut() {
                match (name.as_str(), value) {
                    ("N", value @ Json::String(_)) => number(value),
                    ("SS" | "NS" | "BS" | "remove", Json::Array(set)) => {
                        if name == "NS" {
                            set.iter_mut().for_each(number);
                        }
                        set.sort_by_key(ToString::to_string);
                    }
                    (_, value) => normal(value),
                }
            }
        }
        _ => {}
    }
}

/// The same text for equal numbers: whole ones as such.
fn one_writing(number: &Number) -> String {
    let text = number.canonical_text();
    let Some((digits, power)) = text.split_once('E') else { return text };
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
    match power.parse::<usize>() {
        Ok(power) if power < 38 && digits.len() <= power + 1 => format!("{sign}{digits}{}", "0".repeat(power + 1 - digits.len())),
        _ => format!("{sign}0.{digits}E{}", power.parse::<i32>().unwrap() + 1),
    }
}

/// Where two documents differ, a line or three each: `-` what was expected, `+` what came.
pub(super) fn compare(path: &str, expected: &Json, came: &Json, problems: &mut Vec<String>) {
    match (expected, came) {
        (Json::Object(a), Json::Object(b)) => {
            let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for name in names {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                match (a.get(name), b.get(name)) {
                    (Some(a), Some(b)) => compare(&path, a, b, problems),
                    (Some(a), None) => problems.push(format!("{path}\n  - {a}\n  + nothing")),
                    (None, b) => problems.push(format!("{path}\n  - nothing\n  + {}", b.unwrap_or(&Json::Null))),
                }
            }
        }
        (Json::Array(a), Json::Array(b)) if a.len() == b.len() => {
            for (at, (a, b)) in a.iter().zip(b).enumerate() {
                compare(&format!("{path}[{at}]"), a, b, problems);
            }
        }
        (a, b) if a == b => {}
        (a, b) => problems.push(format!("{path}\n  - {a}\n  + {b}")),
    }
}
