//! Into a guest and out of it again, as a guest does that hands back what it was handed.

use proptest::prelude::*;

use super::super::contract::types::{AttributeParam, AttributeResult, ItemParam, ItemResult, ValueParam, ValueResult};
use super::super::lower::{Gathered, Lowered};
use super::*;
use crate::model::arbitrary::{each, item as items};

fn owned(value: &ValueParam<'_>) -> ValueResult {
    let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
    match value {
        ValueParam::S(text) => ValueResult::S((*text).to_owned()),
        ValueParam::N(text) => ValueResult::N((*text).to_owned()),
        ValueParam::B(bytes) => ValueResult::B(bytes.to_vec()),
        ValueParam::Bool(flag) => ValueResult::Bool(*flag),
        ValueParam::Null => ValueResult::Null,
        ValueParam::Ss(set) => ValueResult::Ss(texts(set)),
        ValueParam::Ns(set) => ValueResult::Ns(texts(set)),
        ValueParam::Bs(set) => ValueResult::Bs(set.iter().map(|bytes| bytes.to_vec()).collect()),
        ValueParam::L(count) => ValueResult::L(*count),
        ValueParam::M(names) => ValueResult::M(texts(names)),
    }
}

fn handed_back(item: &ItemParam<'_>) -> ItemResult {
    let attribute = |it: &AttributeParam<'_>| AttributeResult { name: it.name.to_owned(), value: owned(&it.value) };
    ItemResult { attributes: item.attributes.iter().map(attribute).collect(), nested: item.nested.iter().map(owned).collect() }
}

#[test]
fn any_item_goes_into_a_guest_and_back_unchanged() {
    each(512, items(), |before| {
        let gathered = Gathered::of(&before);
        let lowered = Lowered::new(&before, &gathered);
        let after = item(handed_back(&lowered.param()));
        prop_assert_eq!(format!("{:?}", after), format!("{:?}", Ok::<_, String>(before.clone())));
        Ok(())
    });
}

#[test]
fn one_nested_value_more_or_less_is_found_in_any_item() {
    each(256, items(), |before| {
        let gathered = Gathered::of(&before);
        let lowered = Lowered::new(&before, &gathered);
        let mut more = handed_back(&lowered.param());
        more.nested.push(ValueResult::Null);
        prop_assert!(item(more).is_err());
        let mut less = handed_back(&lowered.param());
        if less.nested.pop().is_some() {
            prop_assert!(item(less).is_err());
        }
        Ok(())
    });
}
