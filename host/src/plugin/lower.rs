//! Items on their way into a guest: borrowed from the model, nothing cloned.
//!
//! Two passes: the first gathers the texts of sets and the names of maps into flat lists, the second builds values that
//! point into those. That keeps the borrows in safe Rust.

use super::contract::types::{AttributeParam, AttributeResult, ItemParam, ItemResult, ValueParam, ValueResult};
use crate::model::{Item, Value};

/// The flat lists that lowered values point into.
#[derive(Default)]
pub(super) struct Gathered<'a> {
    texts: Vec<&'a str>,
    binaries: Vec<&'a [u8]>,
}

impl<'a> Gathered<'a> {
    pub(super) fn of(item: &'a Item) -> Self {
        let mut gathered = Self::default();
        item.iter().for_each(|(_, value)| gathered.gather(value));
        gathered
    }

    fn gather(&mut self, value: &'a Value) {
        match value {
            Value::Ss(set) => self.texts.extend(set.iter().map(String::as_str)),
            Value::Ns(set) => self.texts.extend(set.iter().map(|number| number.as_str())),
            Value::Bs(set) => self.binaries.extend(set.iter().map(Vec::as_slice)),
            Value::L(list) => list.iter().for_each(|child| self.gather(child)),
            Value::M(map) => {
                self.texts.extend(map.names());
                map.iter().for_each(|(_, child)| self.gather(child));
            }
            Value::S(_) | Value::N(_) | Value::B(_) | Value::Bool(_) | Value::Null => {}
        }
    }
}

/// An item lowered: the lists that an [`ItemParam`] borrows.
pub(super) struct Lowered<'a> {
    attributes: Vec<AttributeParam<'a>>,
    nested: Vec<ValueParam<'a>>,
}

impl<'a> Lowered<'a> {
    pub(super) fn new(item: &'a Item, gathered: &'a Gathered<'a>) -> Self {
        let mut reader = Reader { texts: &gathered.texts, binaries: &gathered.binaries };
        let mut nested = Vec::new();
        let attributes =
            item.iter().map(|(name, value)| AttributeParam { name, value: reader.value(value, &mut nested) }).collect();
        Self { attributes, nested }
    }

    pub(super) fn param(&'a self) -> ItemParam<'a> {
        ItemParam { attributes: &self.attributes, nested: &self.nested }
    }
}

/// Takes from the flat lists in the order in which they were gathered.
struct Reader<'a> {
    texts: &'a [&'a str],
    binaries: &'a [&'a [u8]],
}

impl<'a> Reader<'a> {
    fn value(&mut self, value: &'a Value, nested: &mut Vec<ValueParam<'a>>) -> ValueParam<'a> {
        match value {
            Value::S(text) => ValueParam::S(text),
            Value::N(number) => ValueParam::N(number.as_str()),
            Value::B(bytes) => ValueParam::B(bytes),
            Value::Bool(flag) => ValueParam::Bool(*flag),
            Value::Null => ValueParam::Null,
            Value::Ss(set) => ValueParam::Ss(take(&mut self.texts, set.len())),
            Value::Ns(set) => ValueParam::Ns(take(&mut self.texts, set.len())),
            Value::Bs(set) => ValueParam::Bs(take(&mut self.binaries, set.len())),
            Value::L(list) => {
                list.iter().for_each(|child| self.child(child, nested));
                ValueParam::L(u32::try_from(list.len()).unwrap_or(u32::MAX))
            }
            Value::M(map) => {
                let names = take(&mut self.texts, map.len());
                map.iter().for_each(|(_, child)| self.child(child, nested));
                ValueParam::M(names)
            }
        }
    }

    /// Pre-order: the child takes its place before its own children do.
    fn child(&mut self, child: &'a Value, nested: &mut Vec<ValueParam<'a>>) {
        let at = nested.len();
        nested.push(ValueParam::Null);
        let value = self.value(child, nested);
        if let Some(place) = nested.get_mut(at) {
            *place = value;
        }
    }
}

fn take<'a, T>(list: &mut &'a [T], count: usize) -> &'a [T] {
    let (taken, rest) = list.split_at(count.min(list.len()));
    *list = rest;
    taken
}

/// An item for a guest that has called the host: owned, for the host keeps none of it.
pub(super) fn owned(item: &Item) -> ItemResult {
    let mut nested = Vec::new();
    let attributes =
        item.iter().map(|(name, value)| AttributeResult { name: name.to_owned(), value: owned_value(value, &mut nested) });
    let attributes = attributes.collect();
    ItemResult { attributes, nested }
}

fn owned_value(value: &Value, nested: &mut Vec<ValueResult>) -> ValueResult {
    match value {
        Value::S(text) => ValueResult::S(text.clone()),
        Value::N(number) => ValueResult::N(number.as_str().to_owned()),
        Value::B(bytes) => ValueResult::B(bytes.clone()),
        Value::Bool(flag) => ValueResult::Bool(*flag),
        Value::Null => ValueResult::Null,
        Value::Ss(set) => ValueResult::Ss(set.clone()),
        Value::Ns(set) => ValueResult::Ns(set.iter().map(|number| number.as_str().to_owned()).collect()),
        Value::Bs(set) => ValueResult::Bs(set.clone()),
        Value::L(list) => {
            list.iter().for_each(|child| owned_child(child, nested));
            ValueResult::L(u32::try_from(list.len()).unwrap_or(u32::MAX))
        }
        Value::M(map) => {
            map.iter().for_each(|(_, child)| owned_child(child, nested));
            ValueResult::M(map.names().map(str::to_owned).collect())
        }
    }
}

/// Pre-order, as above.
fn owned_child(child: &Value, nested: &mut Vec<ValueResult>) {
    let at = nested.len();
    nested.push(ValueResult::Null);
    let value = owned_value(child, nested);
    if let Some(place) = nested.get_mut(at) {
        *place = value;
    }
}
