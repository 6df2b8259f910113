//! Into a text and out of it again, and what is no answer.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::arbitrary::{each, item as items};
use crate::model::{Action, Address, Attributes, Existing, Insert, Key, MAX_DEPTH, Number, Patch, Target, Update, Value};

fn one(action: serde_json::Value) -> Result<Action, String> {
    read(&json!([action]).to_string()).map(|mut all| all.remove(0))
}

fn patch(set: &str) -> Result<Vec<Action>, String> {
    read(&format!(r#"[{{"patch":{{"set":{set},"remove":[]}}}}]"#))
}

fn read(text: &str) -> Result<Vec<Action>, String> {
    actions(text, 100)
}

#[test]
fn any_item_goes_into_a_text_and_back_unchanged() {
    each(512, items(), |before| {
        let after = patch(&of(&before).unwrap());
        let expected = vec![Action::Patch(Patch { set: before.clone(), remove: Vec::new() })];
        prop_assert_eq!(format!("{:?}", after), format!("{:?}", Ok::<_, String>(expected)));
        Ok(())
    });
}

/// What is read of a text that is damaged is an error, or is read again as the same from its own text.
#[test]
fn a_damaged_answer_is_an_error_or_another_answer() {
    let damage =
        proptest::collection::vec((any::<proptest::sample::Index>(), any::<bool>(), r#"[{}\[\]",:0-9eE.\\-truNSLM]"#), 1..4);
    let believed = std::cell::Cell::new(0);
    each(2_000, (items(), damage), |(item, damage)| {
        let mut text: Vec<char> = format!(r#"[{{"patch":{{"set":{},"remove":["x"]}}}}]"#, of(&item).unwrap()).chars().collect();
        for (at, replaces, by) in damage {
            let at = at.index(text.len());
            text.splice(at..at + usize::from(replaces), by.chars());
        }
        let Ok(actions) = read(&text.iter().collect::<String>()) else { return Ok(()) };
        for action in actions {
            if let Action::Patch(Patch { set, .. }) = action {
                believed.set(believed.get() + 1);
                let again = patch(&of(&set).unwrap());
                let expected = vec![Action::Patch(Patch { set, remove: Vec::new() })];
                prop_assert_eq!(format!("{:?}", again), format!("{:?}", Ok::<_, String>(expected)));
            }
        }
        Ok(())
    });
    assert!(believed.get() > 100, "{} damaged texts were believed", believed.get());
}

#[test]
fn dynamodb_json_is_an_answer_too() {
    each(256, items(), |item| {
        let answer = patch(&crate::model::json::item_to_dynamodb_json(&item).to_string());
        let expected = vec![Action::Patch(Patch { set: item.clone(), remove: Vec::new() })];
        prop_assert_eq!(format!("{:?}", answer), format!("{:?}", Ok::<_, String>(expected)));
        Ok(())
    });
}

#[test]
fn what_json_can_say_stands_as_itself() {
    let number = |text: &str| Value::N(Number::parse(text).unwrap());
    let map = |name: &str, value: Value| Value::M([(name.to_owned(), value)].into_iter().collect());
    let text = |value: Value| of(&[("a".to_owned(), value)].into_iter().collect()).unwrap();
    for (value, wanted) in [
        ("x\"".into(), r#""x\"""#),
        (Value::Bool(false), "false"),
        (Value::Null, "null"),
        (Value::L(vec![Value::Null, Value::L(Vec::new()), number("1")]), "[null,[],1]"),
        (map("b", number("1.5")), r#"{"M":{"b":{"N":"1.5"}}}"#),
        (Value::B(vec![0, 1]), r#"{"B":"AAE="}"#),
        (Value::Ss(vec!["a".into()]), r#"{"SS":["a"]}"#),
        (Value::Ns(vec![Number::from(1)]), r#"{"NS":["1"]}"#),
        (Value::Bs(vec![vec![0]]), r#"{"BS":["AA=="]}"#),
    ] {
        assert_eq!(text(value), format!(r#"{{"a":{wanted}}}"#));
    }
}

#[test]
fn a_number_stands_as_itself_if_it_is_the_very_same_text_and_exact_everywhere() {
    let text = |number: &str| of(&[("a", Value::N(Number::parse(number).unwrap()))].into_iter().collect()).unwrap();
    for short in ["0", "7", "-7", "10000", "999999999999999", "-999999999999999"] {
        assert_eq!(text(short), format!(r#"{{"a":{short}}}"#));
    }
    for other in ["1000000000000000", "-0", "007", "00", "+1", "1.0", "1E3", "0.5", ".5", "-1000000000000000"] {
        assert_eq!(text(other), format!(r#"{{"a":{{"N":"{other}"}}}}"#));
    }
}

#[test]
fn every_action_is_read() {
    let key: Attributes = [("Id".to_owned(), Value::N(Number::parse("1").unwrap()))].into_iter().collect();
    let address =
        |table: Option<&str>| Target::Other(Address { table: table.map(str::to_owned), key: Key::from_attributes(key.clone()) });
    assert_eq!(
        one(json!({ "insert": { "table": "Claims", "item": { "Id": { "N": "1" } }, "existing": "fail" } })),
        Ok(Action::Insert(Insert { table: Some("Claims".into()), item: key.clone(), existing: Existing::Fail }))
    );
    assert_eq!(
        one(json!({ "update": { "table": null, "key": { "Id": { "N": "1" } }, "expression": "SET #n = :n", "condition": "x = y",
                                "names": { "#n": "n" }, "values": { ":n": { "BOOL": false } } } })),
        Ok(Action::Update(Update {
            target: address(None),
            expression: "SET #n = :n".into(),
            condition: Some("x = y".into()),
            names: vec![("#n".into(), "n".into())],
            values: [(":n".to_owned(), Value::Bool(false))].into_iter().collect(),
        }))
    );
    assert_eq!(one(json!({ "delete": {} })), Ok(Action::Delete(Target::This)));
    assert_eq!(one(json!({ "delete": { "table": "T", "key": { "Id": { "N": "1" } } } })), Ok(Action::Delete(address(Some("T")))));
    assert_eq!(read("[]"), Ok(Vec::new()));
    assert_eq!(
        one(json!({ "patch": { "remove": ["a"] } })),
        Ok(Action::Patch(Patch { set: Attributes::default(), remove: vec!["a".into()] }))
    );
}

#[test]
fn what_is_no_answer_is_said_and_where() {
    let says = |answer: Result<Vec<Action>, String>, words: &str| {
        let problem = answer.expect_err(words);
        assert!(problem.contains(words), "{problem:?} does not say {words:?}");
        assert!(!problem.contains(" column "), "{problem}");
    };
    says(read("{}"), "the answer is no JSON list");
    says(read("[1]"), "action 1: ");
    says(read(r#"[{"delete":{}},{"insert":{"item":{}}}]"#), "action 2: missing field `existing`");
    says(read(r#"[{"drop":{}}]"#), "unknown variant `drop`");
    says(read(r#"[{"delete":{},"patch":{"set":{},"remove":[]}}]"#), "action 1: ");
    says(read(r#"[{"delete":{"where":1}}]"#), "unknown field `where`");
    says(patch(r#"{"n":{"N":"one"}}"#), r#"attribute "n": "#);
    says(patch(r#"{"n":{"N":1}}"#), r#"attribute "n": invalid type: integer `1`, expected a string"#);
    for number in ["1.5", "1e3", "1000000000000000", "-1000000000000000", "18446744073709551615", "1e999"] {
        says(
            patch(&format!(r#"{{"n":[{number}]}}"#)),
            if number == "1e999" { "number out of range" } else { "may not be exact as it stands" },
        );
    }
    says(patch(r#"{"n":{"M":{"deep":{"X":1}}}}"#), r#"attribute "n": attribute "deep": "X" is none of DynamoDB's descriptors"#);
    says(patch(r#"{"n":[{"L":[{"deep":1}]}]}"#), r#"attribute "n": "deep" is none of DynamoDB's descriptors"#);
    says(read("[] []"), "the answer is no JSON list of actions: trailing characters");
    says(read(r#"[{"delete":{}}"#), "action 2: EOF while parsing a list");
    says(read("text"), "the answer is no JSON list of actions: expected");
    let too_many = format!("[{}]", [r#"{"delete":{}}"#; 101].join(","));
    says(read(&too_many), "action 101: more than the limit of 100 for one item (--limit actions)");
    says(patch(r#"{"n":{}}"#), "has no descriptor");
    says(patch(r#"{"n":{"S":"a","N":"1"}}"#), r#"has two descriptors, S and "N""#);
    says(patch(r#"{"n":{"S":"a"},"n":{"S":"b"}}"#), r#"the name "n" is given twice"#);
    says(patch(r#"{"n":{"NULL":false}}"#), "NULL takes true");
    says(patch(r#"{"n":{"B":"%"}}"#), "not base64");
    says(patch(r#"{"n":{"S":"\ud800"}}"#), r#"attribute "n": "#);
}

#[test]
fn nothing_nests_deeper_than_dynamodb_does() {
    for (open, close) in [("[", "]"), (r#"{"L":["#, "]}"), (r#"{"M":{"m":"#, "}}")] {
        let nested = |levels: usize| format!(r#"{{"n":{}"x"{}}}"#, open.repeat(levels), close.repeat(levels));
        assert!(patch(&nested(MAX_DEPTH - 1)).is_ok(), "{open}");
        assert!(patch(&nested(MAX_DEPTH)).unwrap_err().contains("nested deeper than DynamoDB's 32 levels"), "{open}");
        assert!(patch(&nested(100_000)).is_err(), "{open}");
    }
}
