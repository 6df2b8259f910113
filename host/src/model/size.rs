//! Sizes as DynamoDB counts them, by its documentation's rules.

use super::action::Patch;
use super::value::{Attributes, Item, Value};

/// An item is at most 400 KB, names included.
pub const MAX_ITEM_BYTES: usize = 400 * 1024;

/// Lists and maps nest at most this deep.
pub const MAX_DEPTH: usize = 32;

/// The size of an item in bytes: names and values as UTF-8, a number a byte for each two digits and one more, a list or
/// map three bytes and one for each element.
/// Source: "DynamoDB item sizes and formats" of the developer guide.
pub fn item_bytes(item: &Item) -> usize {
    attributes_bytes(item)
}

/// The size that an item has after a patch, without making that item. The patch names no attribute twice.
pub(super) fn bytes_after(patch: &Patch, item: &Item) -> usize {
    let named = patch.set.names().chain(patch.remove.iter().map(String::as_str));
    let replaced: usize = named.filter_map(|name| item.get(name).map(|value| name.len() + value_bytes(value))).sum();
    item_bytes(item) - replaced + item_bytes(&patch.set)
}

fn attributes_bytes(attributes: &Attributes) -> usize {
    attributes.iter().map(|(name, value)| name.len() + value_bytes(value)).sum()
}

fn value_bytes(value: &Value) -> usize {
    match value {
        Value::S(text) => text.len(),
        Value::N(number) => number_bytes(number.as_str()),
        Value::B(bytes) => bytes.len(),
        Value::Bool(_) | Value::Null => 1,
        Value::Ss(set) => set.iter().map(String::len).sum(),
        Value::Ns(set) => set.iter().map(|number| number_bytes(number.as_str())).sum(),
        Value::Bs(set) => set.iter().map(Vec::len).sum(),
        Value::L(list) => 3 + list.iter().map(|child| 1 + value_bytes(child)).sum::<usize>(),
        Value::M(map) => 3 + map.len() + attributes_bytes(map),
    }
}

fn number_bytes(text: &str) -> usize {
    let digits = text.bytes().take_while(|b| !matches!(b, b'e' | b'E')).filter(u8::is_ascii_digit).count();
    let negative = usize::from(text.starts_with('-'));
    (digits.div_ceil(2) + 1 + negative).min(21)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_follow_the_documentation() {
        let item: Item = [("pk", "abc".into()), ("é", Value::Bool(true)), ("n", 1234.into())].into_iter().collect();
        assert_eq!(item_bytes(&item), 2 + 3 + 2 + 1 + 1 + 3);
        let nested: Item =
            [("m", Value::M([("a", Value::Null)].into_iter().collect())), ("l", Value::L(vec![]))].into_iter().collect();
        assert_eq!(item_bytes(&nested), 1 + 3 + 1 + 1 + 1 + 1 + 3);
    }

    #[test]
    fn the_size_after_a_patch_is_that_of_the_patched_item() {
        let item: Item = [("pk", "abc".into()), ("old", "12345".into()), ("n", 1234.into())].into_iter().collect();
        let set: Item = [("pk", "abc".into()), ("n", "longer".into()), ("new", Value::Null)].into_iter().collect();
        let patch = Patch { set, remove: vec!["old".into(), "never there".into()] };
        assert_eq!(bytes_after(&patch, &item), item_bytes(&patch.applied_to(&item)));
        assert_eq!(bytes_after(&patch, &item), 5 + 7 + 4);
    }
}
