//! The SDK's values and ours.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::model::{Item, Key, Number, Value};

/// An item as the SDK holds it.
pub(super) type SdkItem = HashMap<String, AttributeValue>;

/// Our value, from the SDK's; `None` for a type that this SDK does not know.
pub(super) fn value(from: AttributeValue) -> Option<Value> {
    Some(match from {
        AttributeValue::S(text) => Value::S(text),
        AttributeValue::N(text) => Value::N(Number::from_dynamodb(text)),
        AttributeValue::B(blob) => Value::B(blob.into_inner()),
        AttributeValue::Bool(flag) => Value::Bool(flag),
        AttributeValue::Null(_) => Value::Null,
        AttributeValue::Ss(set) => Value::Ss(set),
        AttributeValue::Ns(set) => Value::Ns(set.into_iter().map(Number::from_dynamodb).collect()),
        AttributeValue::Bs(set) => Value::Bs(set.into_iter().map(Blob::into_inner).collect()),
        AttributeValue::L(list) => Value::L(list.into_iter().map(value).collect::<Option<_>>()?),
        AttributeValue::M(map) => Value::M(item(map)?),
        _ => return None,
    })
}

/// Our item, from the SDK's; `None` if it has a value of an unknown type.
pub(super) fn item(from: SdkItem) -> Option<Item> {
    let mut pairs = from.into_iter().map(|(name, of)| Some((name, value(of)?))).collect::<Option<Vec<_>>>()?;
    pairs.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    Some(pairs.into_iter().collect())
}

/// The SDK's value, from ours.
pub(super) fn sdk_value(from: &Value) -> AttributeValue {
    match from {
        Value::S(text) => AttributeValue::S(text.clone()),
        Value::N(number) => AttributeValue::N(number.as_str().to_owned()),
        Value::B(bytes) => AttributeValue::B(Blob::new(bytes.clone())),
        Value::Bool(flag) => AttributeValue::Bool(*flag),
        Value::Null => AttributeValue::Null(true),
        Value::Ss(set) => AttributeValue::Ss(set.clone()),
        Value::Ns(set) => AttributeValue::Ns(set.iter().map(|number| number.as_str().to_owned()).collect()),
        Value::Bs(set) => AttributeValue::Bs(set.iter().cloned().map(Blob::new).collect()),
        Value::L(list) => AttributeValue::L(list.iter().map(sdk_value).collect()),
        Value::M(map) => AttributeValue::M(sdk_item(map)),
    }
}

/// The SDK's item, from ours.
pub(super) fn sdk_item(from: &Item) -> SdkItem {
    from.iter().map(|(name, of)| (name.to_owned(), sdk_value(of))).collect()
}

/// The SDK's key, from ours.
pub(super) fn sdk_key(from: &Key) -> SdkItem {
    sdk_item(from.attributes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::arbitrary::{each, item as items};

    #[test]
    fn any_item_goes_to_the_sdk_and_back_unchanged() {
        each(512, items(), |before| {
            let after = item(sdk_item(&before)).unwrap();
            // As text, for equality looks at numbers by value and at sets without order.
            prop_assert_eq!(format!("{after:?}"), format!("{before:?}"));
            Ok(())
        });
    }
}
