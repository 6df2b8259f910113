//! Into a text and out of it again, and what is no answer.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::arbitrary::{each, item as items};

fn one(action: serde_json::Value) -> Result<Action, String> {
    actions(&json!([action]).to_string()).map(|mut all| all.remove(0))
}

fn patch(set: &str) -> Result<Vec<Action>, String> {
    actions(&format!(r#"[{{"patch":{{"set":{set},"remove":[]}}}}]"#))
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

#[test]
fn the_text_is_dynamodb_json() {
    each(256, items(), |item| {
        let text: serde_json::Value = serde_json::from_str(&of(&item).unwrap()).unwrap();
        prop_assert_eq!(text, crate::model::json::item_to_dynamodb_json(&item));
        Ok(())
    });
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
    assert_eq!(actions("[]"), Ok(Vec::new()));
}

#[test]
fn what_is_no_answer_is_said_and_where() {
    let says = |answer: Result<Vec<Action>, String>, words: &str| {
        let problem = answer.expect_err(words);
        assert!(problem.contains(words), "{problem:?} does not say {words:?}");
        assert!(!problem.contains(" column "), "{problem}");
    };
    says(actions("{}"), "the answer is no JSON list");
    says(actions("[1]"), "action 1: ");
    says(actions(r#"[{"delete":{}},{"patch":{"set":{}}}]"#), "action 2: missing field `remove`");
    says(actions(r#"[{"drop":{}}]"#), "unknown variant `drop`");
    says(actions(r#"[{"delete":{},"patch":{"set":{},"remove":[]}}]"#), "action 1: ");
    says(actions(r#"[{"delete":{"where":1}}]"#), "unknown field `where`");
    says(patch(r#"{"n":{"N":"one"}}"#), r#"attribute "n": "#);
    says(patch(r#"{"n":{"N":1}}"#), r#"attribute "n": invalid type: integer `1`, expected a string"#);
    says(patch(r#"{"n":{"M":{"deep":{"X":1}}}}"#), r#"attribute "n": attribute "deep": "X" is none of DynamoDB's descriptors"#);
    says(patch(r#"{"n":"text"}"#), "expected one of DynamoDB's descriptors");
    says(patch(r#"{"n":{}}"#), "has no descriptor");
    says(patch(r#"{"n":{"S":"a","N":"1"}}"#), r#"has two descriptors, S and "N""#);
    says(patch(r#"{"n":{"S":"a"},"n":{"S":"b"}}"#), r#"the name "n" is given twice"#);
    says(patch(r#"{"n":{"NULL":false}}"#), "NULL takes true");
    says(patch(r#"{"n":{"B":"%"}}"#), "not base64");
    says(patch(r#"{"n":{"S":"\ud800"}}"#), r#"attribute "n": "#);
}

#[test]
fn nothing_nests_deeper_than_dynamodb_does() {
    let nested = |levels: usize| format!(r#"{{"n":{}{{"S":"x"}}{}}}"#, r#"{"L":["#.repeat(levels), "]}".repeat(levels));
    assert!(patch(&nested(MAX_DEPTH - 1)).is_ok());
    assert!(patch(&nested(MAX_DEPTH)).unwrap_err().contains("nested deeper than DynamoDB's 32 levels"));
    assert!(patch(&nested(100_000)).is_err());
}
