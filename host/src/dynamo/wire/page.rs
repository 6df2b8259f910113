//! A page of a scan, out of the text of its answer.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::model::{Attributes, Item, Number, Value};

/// The answer to one `Scan`.
#[derive(Debug, Default, PartialEq)]
pub(in crate::dynamo) struct Page {
    pub(in crate::dynamo) items: Vec<Item>,
    /// Where the next page begins; empty or `None` after the last one.
    pub(in crate::dynamo) cursor: Option<Item>,
    /// Items read, before the filter.
    pub(in crate::dynamo) scanned: u64,
    /// Read units consumed, where DynamoDB says it.
    pub(in crate::dynamo) units: Option<f64>,
}

impl Page {
    /// The page of this text. An error of the category data is about a type that is not known; any other, about a text that is no
    /// JSON, or cut off.
    pub(super) fn read(text: &str) -> serde_json::Result<Self> {
        let Answer { items, last_evaluated_key, scanned_count, consumed_capacity } = serde_json::from_str(text)?;
        Ok(Self {
            items: items.map_or_else(Vec::new, |items| items.0),
            cursor: last_evaluated_key.map(|key| key.0),
            scanned: scanned_count,
            units: consumed_capacity.and_then(|capacity| capacity.capacity_units),
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    items: Option<Items>,
    last_evaluated_key: Option<Described>,
    /// Always there: what has none is no answer to a scan, and must not pass for the end of a segment.
    scanned_count: u64,
    consumed_capacity: Option<Capacity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Capacity {
    capacity_units: Option<f64>,
}

struct Items(Vec<Item>);

impl<'de> Deserialize<'de> for Items {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Items;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of items")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Items, A::Error> {
                let mut items: Vec<Item> = Vec::new();
                // Items of a table are much alike: the next has about as many attributes.
                while let Some(item) = list.next_element_seed(About(items.last().map_or(8, Item::len)))? {
                    items.push(item);
                }
                Ok(Items(items))
            }
        }
        deserializer.deserialize_seq(Each)
    }
}

/// Attributes by their descriptors.
struct Described(Attributes);

impl<'de> Deserialize<'de> for Described {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        About(4).deserialize(deserializer).map(Self)
    }
}

/// About so many attributes.
struct About(usize);

impl<'de> DeserializeSeed<'de> for About {
    type Value = Attributes;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Attributes, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for About {
    type Value = Attributes;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of attributes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Attributes, A::Error> {
        let mut pairs = Vec::with_capacity(self.0);
        while let Some(name) = map.next_key::<String>()? {
            let Typed(value) = map.next_value()?;
            pairs.push((name, value));
        }
        Ok(pairs.into_iter().collect())
    }
}

/// DynamoDB's types, as they are named in its JSON.
#[derive(Deserialize)]
enum Descriptor {
    S,
    N,
    B,
    #[serde(rename = "BOOL")]
    Bool,
    #[serde(rename = "NULL")]
    Null,
    #[serde(rename = "SS")]
    Ss,
    #[serde(rename = "NS")]
    Ns,
    #[serde(rename = "BS")]
    Bs,
    L,
    M,
}

/// A value with its descriptor. Numbers are DynamoDB's own, and are not looked at.
struct Typed(Value);

impl<'de> Deserialize<'de> for Typed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct One;
        impl<'de> Visitor<'de> for One {
            type Value = Typed;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a value with its type")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Typed, A::Error> {
                let binary = |text: String| BASE64.decode(text).map_err(|error| A::Error::custom(format!("no base64: {error}")));
                let value = match map.next_key::<Descriptor>()?.ok_or_else(|| A::Error::custom("a value without a type"))? {
                    Descriptor::S => Value::S(map.next_value()?),
                    Descriptor::N => Value::N(Number::from_dynamodb(map.next_value()?)),
                    Descriptor::B => Value::B(binary(map.next_value()?)?),
                    Descriptor::Bool => Value::Bool(map.next_value()?),
                    Descriptor::Null => {
                        let _always_true: IgnoredAny = map.next_value()?;
                        Value::Null
                    }
                    Descriptor::Ss => Value::Ss(map.next_value()?),
                    Descriptor::Ns => {
                        Value::Ns(map.next_value::<Vec<String>>()?.into_iter().map(Number::from_dynamodb).collect())
                    }
                    Descriptor::Bs => {
                        Value::Bs(map.next_value::<Vec<String>>()?.into_iter().map(binary).collect::<Result<_, _>>()?)
                    }
                    Descriptor::L => Value::L(map.next_value::<Vec<Typed>>()?.into_iter().map(|Typed(value)| value).collect()),
                    Descriptor::M => Value::M(map.next_value::<Described>()?.0),
                };
                match map.next_key::<IgnoredAny>()? {
                    None => Ok(Typed(value)),
                    Some(_) => Err(A::Error::custom("a value with two types")),
                }
            }
        }
        deserializer.deserialize_map(One)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::arbitrary::{each, item as items};
    use crate::model::json::item_to_dynamodb_json;

    #[test]
    fn any_item_is_read_as_it_is_written() {
        each(512, items(), |before| {
            let key: Item = [("pk", Value::from("x"))].into_iter().collect();
            let text = serde_json::json!({
                "Items": [item_to_dynamodb_json(&before), item_to_dynamodb_json(&key)], "Count": 2, "ScannedCount": 7,
                "LastEvaluatedKey": item_to_dynamodb_json(&key), "ConsumedCapacity": { "TableName": "t", "CapacityUnits": 1.5 },
            });
            let page = Page::read(&text.to_string()).unwrap();
            // As text, for equality looks at numbers by value and at sets without order.
            prop_assert_eq!(format!("{:?}", page.items), format!("{:?}", [before, key.clone()]));
            prop_assert_eq!((page.cursor, page.scanned, page.units), (Some(key), 7, Some(1.5)));
            Ok(())
        });
    }

    #[test]
    fn a_page_may_have_no_items_and_what_is_no_page_does_not_pass_for_one() {
        assert_eq!(Page::read(r#"{"Count":0,"ScannedCount":9}"#).unwrap(), Page { scanned: 9, ..Page::default() });
        assert!(Page::read("{}").unwrap_err().is_data());
    }

    #[test]
    fn a_type_that_is_not_known_is_told_from_an_answer_that_is_cut_off() {
        let unknown = Page::read(r#"{"ScannedCount":1,"Items":[{"a":{"V":[1,2]}}]}"#).unwrap_err();
        assert!(unknown.is_data() && unknown.to_string().contains("`V`"), "{unknown}");
        for no_type in [r#"{"ScannedCount":1,"Items":[{"a":{}}]}"#, r#"{"ScannedCount":1,"Items":[{"a":{"S":"x","N":"1"}}]}"#] {
            assert!(Page::read(no_type).unwrap_err().is_data(), "{no_type}");
        }
        let cut = Page::read(r#"{"ScannedCount":1,"Items":[{"a":{"S":"x"#).unwrap_err();
        assert!(!cut.is_data(), "{cut}");
    }

    #[test]
    fn of_a_name_that_stands_there_twice_the_last_counts() {
        let page = Page::read(r#"{"ScannedCount":1,"Items":[{"a":{"S":"x"},"a":{"BOOL":false}}]}"#).unwrap();
        assert_eq!(page.items, [[("a", Value::Bool(false))].into_iter().collect::<Item>()]);
    }
}
