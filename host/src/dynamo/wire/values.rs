//! Statements as the text of a request, their values out of items.

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::model::{Attributes, Value};

/// The statements of one batch: text, which is a string in JSON already, and values each.
pub(in crate::dynamo) struct Statements<'a>(pub(in crate::dynamo) Vec<(&'a RawValue, Vec<&'a Value>)>);

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Batch<'a> {
    statements: Each<'a>,
    return_consumed_capacity: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement<'a> {
    statement: &'a RawValue,
    parameters: Typed<'a>,
    return_values_on_condition_check_failure: &'static str,
}

struct Each<'a>(&'a Statements<'a>);

struct Typed<'a>(&'a [&'a Value]);

impl Statements<'_> {
    /// The body of a `BatchExecuteStatement` that says what it consumed, and of each refused statement the item that is there.
    pub(in crate::dynamo) fn body(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&Batch { statements: Each(self), return_consumed_capacity: "TOTAL" })
    }
}

impl Serialize for Each<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.0.iter().map(|(statement, values)| Statement {
            statement,
            parameters: Typed(values),
            return_values_on_condition_check_failure: "ALL_OLD",
        }))
    }
}

impl Serialize for Typed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|value| Described(value)))
    }
}

/// A value with its descriptor.
#[derive(Clone, Copy)]
struct Described<'a>(&'a Value);

impl Serialize for Described<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let descriptor = self.0.descriptor();
        match self.0 {
            Value::S(text) => serializer.collect_map([(descriptor, text)]),
            Value::N(number) => serializer.collect_map([(descriptor, number.as_str())]),
            Value::B(bytes) => serializer.collect_map([(descriptor, Binary(bytes))]),
            Value::Bool(flag) => serializer.collect_map([(descriptor, flag)]),
            Value::Null => serializer.collect_map([(descriptor, true)]),
            Value::Ss(set) => serializer.collect_map([(descriptor, set)]),
            Value::Ns(set) => serializer.collect_map([(descriptor, List(set, |number| number.as_str()))]),
            Value::Bs(set) => serializer.collect_map([(descriptor, List(set, |bytes| Binary(bytes)))]),
            Value::L(list) => serializer.collect_map([(descriptor, List(list, Described))]),
            Value::M(map) => serializer.collect_map([(descriptor, Map(map))]),
        }
    }
}

struct Binary<'a>(&'a [u8]);

impl Serialize for Binary<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::new(self.0, &BASE64))
    }
}

struct List<'a, T, U>(&'a [T], fn(&'a T) -> U);

impl<T, U: Serialize> Serialize for List<'_, T, U> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(self.1))
    }
}

struct Map<'a>(&'a Attributes);

impl Serialize for Map<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, Described(value))))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::model::arbitrary::{each, item as items};
    use crate::model::json::value_to_dynamodb_json;

    #[test]
    fn any_value_is_written_as_dynamodb_json() {
        each(512, items(), |item| {
            let values: Vec<&Value> = item.iter().map(|(_, value)| value).collect();
            let wanted = json!({
                "Statements": [
                    {
                        "Statement": "UPDATE \"t\"",
                        "Parameters": values.iter().map(|value| value_to_dynamodb_json(value)).collect::<Vec<_>>(),
                        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                    },
                    { "Statement": "b", "Parameters": [], "ReturnValuesOnConditionCheckFailure": "ALL_OLD" },
                ],
                "ReturnConsumedCapacity": "TOTAL",
            });
            let said = |text: &str| serde_json::value::to_raw_value(text).unwrap();
            let body = Statements(vec![(&said("UPDATE \"t\""), values), (&said("b"), Vec::new())]).body().unwrap();
            prop_assert_eq!(serde_json::from_slice::<Json>(&body).unwrap(), wanted);
            Ok(())
        });
    }
}
