//! Conversion by serde: every type keeps its descriptor, and every number its digits.

// Clippy takes only the functions marked `#[test]` for tests.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use drift_sdk::prelude::*;
use drift_sdk::testing;
use serde::{Deserialize, Serialize};

const DIGITS: &str = "1234567890123456789.0123456789012345678";

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Strike {
    #[serde(rename = "Cost Total $")]
    total: Number,
    speed: u16,
    ratio: f64,
    airline: Option<String>,
    tags: Set<String>,
    readings: Set<Number>,
    seal: Binary,
    phase: Phase,
    legs: Vec<(String, i64)>,
    anything: Value,
    rest: Map,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Phase {
    Climb,
    Approach { feet: u32 },
    Other(String),
}

fn every_type() -> Item {
    testing::item(&format!(
        r#"{{"s": {{"S": "x"}}, "n": {{"N": "{DIGITS}"}}, "b": {{"B": "AP8="}}, "t": {{"BOOL": true}}, "z": {{"NULL": true}},
            "ss": {{"SS": ["b", "a"]}}, "ns": {{"NS": ["2.50", "1"]}}, "bs": {{"BS": ["", "AQ=="]}},
            "l": {{"L": [{{"L": []}}, {{"M": {{}}}}]}}, "m": {{"M": {{"S": {{"N": "1"}}}}}}}}"#
    ))
    .unwrap()
}

fn strike() -> Strike {
    Strike {
        total: Number::parse(DIGITS).unwrap(),
        speed: 140,
        ratio: 0.1,
        airline: None,
        tags: Set(["b".to_owned(), "a".to_owned()].into()),
        readings: Set([Number::parse("2.50").unwrap(), 1.into()].into()),
        seal: Binary(vec![0, 255]),
        phase: Phase::Approach { feet: 500 },
        legs: vec![("MSY".into(), -7)],
        anything: Value::M(every_type()),
        rest: every_type(),
    }
}

#[test]
fn a_struct_becomes_an_item_and_comes_back_the_same() {
    let item = Item::of(&strike()).unwrap();
    let descriptors: BTreeMap<&str, &str> = item.iter().map(|(name, value)| (name.as_str(), value.descriptor())).collect();
    let expected = [
        ("Cost Total $", "N"),
        ("airline", "NULL"),
        ("anything", "M"),
        ("legs", "L"),
        ("phase", "M"),
        ("ratio", "N"),
        ("readings", "NS"),
        ("rest", "M"),
        ("seal", "B"),
        ("speed", "N"),
        ("tags", "SS"),
    ];
    assert_eq!(descriptors, expected.into_iter().collect());
    assert_eq!(item.number("Cost Total $").unwrap().as_str(), DIGITS);
    assert_eq!(item.get("rest"), Some(&Value::M(every_type())));
    assert_eq!(item.to::<Strike>().unwrap(), strike());
    for phase in [Phase::Climb, Phase::Other("Taxi".into())] {
        assert_eq!(Value::of(&phase).unwrap().to::<Phase>().unwrap(), phase);
    }
}

#[test]
fn a_value_of_any_type_goes_through_serde_unchanged() {
    let item = every_type();
    assert_eq!(Item::of(&item).unwrap(), item);
    assert_eq!(item.to::<BTreeMap<String, Value>>().unwrap(), item.iter().map(|(n, v)| (n.clone(), v.clone())).collect());
    assert_eq!(item.to::<Item>().unwrap(), item);
}

#[test]
fn what_does_not_fit_is_an_error_with_its_place_and_never_rounded() {
    let error = |json: &str| testing::item(json).unwrap().to::<Strike>().unwrap_err().to_string();
    assert_eq!(error(r#"{"speed": 70000}"#), "at \"speed\": 70000 is not an integer that fits u16");
    assert_eq!(error(r#"{"speed": 1.5}"#), "at \"speed\": 1.5 is not an integer that fits u16");
    assert_eq!(error(r#"{"speed": "140"}"#), "at \"speed\": expected a number (N), found the string (S) \"140\"");
    assert_eq!(
        error(r#"{"ratio": 0.12345678901234567890}"#),
        "at \"ratio\": 0.12345678901234567890 is more exact than a float; read it as a Number"
    );
    assert_eq!(
        error(r#"{"legs": [["MSY", 1], ["MSY", "x"]]}"#),
        "at \"legs\", 1, 1: expected a number (N), found the string (S) \"x\""
    );
    assert_eq!(error(r#"{"Cost Total $": 1}"#), "missing field `speed`");
    assert!(Value::of(&f64::NAN).is_err());
    assert!(Value::of(&Set::<String>(Default::default())).unwrap_err().to_string().contains("empty set"));
    assert!(Value::of(&u128::MAX).unwrap_err().to_string().contains("38 significant digits"));
}

#[test]
fn one_attribute_is_read_with_its_name_in_the_error() {
    let item = item! { "a.b" => "7", "n" => 7, "z" => Value::Null };
    assert_eq!(item.read::<u8>("n").unwrap(), 7);
    assert_eq!(item.read::<Option<u8>>("z").unwrap(), None);
    assert_eq!(item.read::<Option<u8>>("gone").unwrap(), None);
    assert_eq!(item.read::<u8>("gone").unwrap_err().to_string(), r#"attribute "gone" is missing"#);
    assert_eq!(
        item.read::<u8>("a.b").unwrap_err().to_string(),
        r#"attribute "a.b": expected a number (N), found the string (S) "7""#
    );
    assert_eq!(item.text("n").unwrap_err().to_string(), r#"attribute "n": expected a string (S), found the number (N) 7"#);
    let messy = item! { "cost" => "Unknown" };
    assert_eq!(messy.parsed_number("cost").unwrap_err().to_string(), r#"attribute "cost": "Unknown" is not a decimal number"#);
}
