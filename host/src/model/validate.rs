//! What a migration returns is checked here before it is believed: by the same code for plugins and closures.

use std::collections::HashSet;

use super::action::{Action, Address, Insert, Patch, Target, Update};
use super::key::KeySchema;
use super::size::{MAX_DEPTH, MAX_ITEM_BYTES, bytes_after, item_bytes};
use super::value::{Attributes, Item, Value};

/// DynamoDB's limit for an attribute name that is no key.
const MAX_NAME_BYTES: usize = 65_535;
/// DynamoDB's limit for an expression.
const MAX_EXPRESSION_BYTES: usize = 4_096;

/// Checks all actions of one item. `image` is the item that was handed in, `key` the key schema of its table `table`.
/// The error is a sentence that names the action (counted from 1) and what is wrong with it.
pub fn validate(actions: &[Action], image: &Item, table: &str, key: &KeySchema) -> Result<(), String> {
    actions.iter().enumerate().try_for_each(|(at, action)| {
        let checked = match action {
            Action::Patch(patch) => valid_patch(patch, image, key),
            Action::Insert(insert) => valid_insert(insert, table, key),
            Action::Update(update) => valid_update(update, table, key),
            Action::Delete(target) => valid_target(target, table, key),
            Action::Withdraw(_) => Err("only the way back by the host takes an insert back".into()),
        };
        checked.map_err(|problem| format!("action {} ({}): {problem}", at + 1, action.kind()))
    })
}

fn valid_patch(patch: &Patch, image: &Item, key: &KeySchema) -> Result<(), String> {
    valid_attributes(&patch.set, 1)?;
    let mut removed = HashSet::new();
    for name in &patch.remove {
        valid_name(name)?;
        if !removed.insert(name) {
            return Err(format!("attribute {name:?} is removed twice"));
        }
        if patch.set.contains(name) {
            return Err(format!("attribute {name:?} is both set and removed"));
        }
    }
    if let Some(name) = patch.remove.iter().map(String::as_str).find(|name| key.contains(name)) {
        return Err(format!("{name:?} is a key attribute and cannot be removed; delete the item and insert another"));
    }
    if let Some((name, _)) = patch.set.iter().find(|(name, value)| key.contains(name) && image.get(name) != Some(value)) {
        return Err(format!("{name:?} is a key attribute and cannot be changed; delete the item and insert another"));
    }
    valid_size(bytes_after(patch, image))
}

fn valid_insert(insert: &Insert, table: &str, key: &KeySchema) -> Result<(), String> {
    valid_attributes(&insert.item, 1)?;
    if insert.item.is_empty() {
        return Err("the item is empty".into());
    }
    if insert.table.as_deref().is_none_or(|other| other == table) {
        key.key_of(&insert.item)?;
    }
    valid_size(item_bytes(&insert.item))
}

fn valid_update(update: &Update, table: &str, key: &KeySchema) -> Result<(), String> {
    if update.expression.trim().is_empty() {
        return Err("the update expression is empty".into());
    }
    for expression in std::iter::once(&update.expression).chain(&update.condition) {
        if expression.len() > MAX_EXPRESSION_BYTES {
            return Err(format!("an expression of {} bytes; DynamoDB takes {MAX_EXPRESSION_BYTES}", expression.len()));
        }
    }
    let mut placeholders = HashSet::new();
    for (placeholder, attribute) in &update.names {
        if !is_placeholder(placeholder, '#') {
            return Err(format!("the name placeholder {placeholder:?} is not '#' and letters, digits or underscores"));
        }
        if !placeholders.insert(placeholder) {
            return Err(format!("the name placeholder {placeholder:?} is given twice"));
        }
        valid_name(attribute)?;
    }
    if let Some(wrong) = update.values.names().find(|name| !is_placeholder(name, ':')) {
        return Err(format!("the value placeholder {wrong:?} is not ':' and letters, digits or underscores"));
    }
    for (name, value) in &update.values {
        valid_value(value, 1).map_err(|problem| format!("the value {name}: {problem}"))?;
    }
    valid_target(&update.target, table, key)
}

fn valid_target(target: &Target, table: &str, key: &KeySchema) -> Result<(), String> {
    let Target::Other(Address { table: named, key: other }) = target else {
        return Ok(());
    };
    let attributes = other.attributes();
    if !(1..=2).contains(&attributes.len()) {
        return Err(format!("a key has one or two attributes, this one has {}", attributes.len()));
    }
    if let Some((name, value)) = attributes.iter().find(|(_, value)| !matches!(value, Value::S(_) | Value::N(_) | Value::B(_))) {
        return Err(format!("the key attribute {name:?} is of type {}; a key is S, N or B", value.descriptor()));
    }
    if named.as_deref().is_none_or(|other| other == table) {
        let wanted = key.key_of(attributes)?;
        if wanted.attributes().len() != attributes.len() {
            return Err(format!("the key {other} has more attributes than the table's"));
        }
    }
    Ok(())
}

fn is_placeholder(text: &str, sigil: char) -> bool {
    text.strip_prefix(sigil)
        .is_some_and(|rest| !rest.is_empty() && rest.len() < 256 && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
}

fn valid_size(bytes: usize) -> Result<(), String> {
    if bytes > MAX_ITEM_BYTES {
        return Err(format!("the item would be {bytes} bytes; DynamoDB takes {MAX_ITEM_BYTES} (400 KB), names included"));
    }
    Ok(())
}

fn valid_attributes(attributes: &Attributes, depth: usize) -> Result<(), String> {
    attributes.iter().try_for_each(|(name, value)| {
        valid_name(name)?;
        valid_value(value, depth).map_err(|problem| format!("attribute {:?}: {problem}", shortened(name)))
    })
}

fn valid_value(value: &Value, depth: usize) -> Result<(), String> {
    match value {
        Value::Ss(set) => valid_set(set),
        Value::Ns(set) => valid_set(&set.iter().map(|number| number.canonical_text()).collect::<Vec<_>>()),
        Value::Bs(set) => valid_set(set),
        // What is in it would be a level more; an empty one may be the last.
        Value::L(list) if depth >= MAX_DEPTH && !list.is_empty() => Err(too_deep()),
        Value::M(map) if depth >= MAX_DEPTH && !map.is_empty() => Err(too_deep()),
        Value::L(list) => list.iter().try_for_each(|child| valid_value(child, depth + 1)),
        Value::M(map) => valid_attributes(map, depth + 1),
        Value::S(_) | Value::N(_) | Value::B(_) | Value::Bool(_) | Value::Null => Ok(()),
    }
}

fn too_deep() -> String {
    format!("nested deeper than DynamoDB's {MAX_DEPTH} levels")
}

fn valid_set<T: std::hash::Hash + Eq>(set: &[T]) -> Result<(), String> {
    let mut seen = HashSet::with_capacity(set.len());
    if set.is_empty() {
        return Err("an empty set, which DynamoDB cannot hold; remove the attribute instead".into());
    }
    if !set.iter().all(|element| seen.insert(element)) {
        return Err("a set with an element twice".into());
    }
    Ok(())
}

fn valid_name(name: &str) -> Result<(), String> {
    match name.len() {
        0 => Err("an attribute without a name".into()),
        bytes if bytes > MAX_NAME_BYTES => {
            Err(format!("the attribute name {:?}… has {bytes} bytes; DynamoDB takes {MAX_NAME_BYTES}", shortened(name)))
        }
        _ => Ok(()),
    }
}

fn shortened(name: &str) -> String {
    name.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Existing, Key, KeyAttribute, KeyType};
    use super::*;

    fn key() -> KeySchema {
        KeySchema { partition: KeyAttribute { name: "id".into(), kind: KeyType::N }, sort: None }
    }

    fn check(action: Action) -> Result<(), String> {
        let image: Item = [("id", 1.into()), ("a", "x".into())].into_iter().collect();
        validate(&[action], &image, "T", &key())
    }

    fn patch(set: Vec<(&str, Value)>, remove: &[&str]) -> Action {
        Action::Patch(Patch { set: set.into_iter().collect(), remove: remove.iter().map(ToString::to_string).collect() })
    }

    fn nested(levels: usize) -> Value {
        (0..levels).fold(Value::Null, |inner, _| Value::L(vec![inner]))
    }

    #[test]
    fn good_actions_pass() {
        check(patch(vec![("b", nested(31)), ("id", 1.into())], &["a", "never there"])).unwrap();
        check(patch(vec![("b", (0..31).fold(Value::L(vec![]), |inner, _| Value::L(vec![inner])))], &[])).unwrap();
        check(Action::Delete(Target::This)).unwrap();
        let item: Item = [("id", 2.into())].into_iter().collect();
        check(Action::Insert(Insert { table: None, item, existing: Existing::Keep })).unwrap();
    }

    #[test]
    fn each_fault_is_named() {
        let of = |action| check(action).unwrap_err();
        assert!(of(patch(vec![("id", 2.into())], &[])).contains("cannot be changed"));
        assert!(of(patch(vec![], &["id"])).contains("cannot be removed"));
        assert!(of(patch(vec![("b", 1.into())], &["b"])).contains("both set and removed"));
        assert!(of(patch(vec![], &["b", "b"])).contains("twice"));
        assert!(of(patch(vec![("", 1.into())], &[])).contains("without a name"));
        assert!(of(patch(vec![("b", nested(32))], &[])).contains("32 levels"));
        assert!(of(patch(vec![("b", Value::Ss(vec![]))], &[])).contains("empty set"));
        assert!(of(patch(vec![("b", Value::Ns(vec![1.into(), 1.into()]))], &[])).contains("twice"));
        assert!(of(patch(vec![("b", "x".repeat(MAX_ITEM_BYTES).into())], &[])).contains("400 KB"));
        let item: Item = [("other", 2.into())].into_iter().collect();
        let insert = |table: Option<&str>| {
            Action::Insert(Insert { table: table.map(Into::into), item: item.clone(), existing: Existing::Keep })
        };
        assert_eq!(of(insert(None)), "action 1 (insert): the key attribute \"id\" is missing");
        assert!(of(insert(Some("T"))).contains("missing"), "named, and still the table being migrated");
        check(insert(Some("Elsewhere"))).unwrap();
        let address = |pairs: Vec<(&str, Value)>| {
            Action::Delete(Target::Other(Address { table: None, key: Key::from_attributes(pairs.into_iter().collect()) }))
        };
        assert!(of(address(vec![])).contains("one or two"));
        assert!(of(address(vec![("id", true.into())])).contains("S, N or B"));
        assert!(of(address(vec![("id", 1.into()), ("x", 1.into())])).contains("more attributes"));
    }

    #[test]
    fn what_dynamodb_can_hold_is_valid() {
        super::super::arbitrary::each(512, super::super::arbitrary::item(), |item| {
            let schema = KeySchema { partition: KeyAttribute { name: "Id".into(), kind: KeyType::N }, sort: None };
            let insert = Action::Insert(Insert { table: None, item: item.clone(), existing: Existing::Fail });
            prop_assert_eq!(validate(&[insert], &item, "T", &schema), Ok(()));
            Ok(())
        });
    }

    #[test]
    fn placeholders_of_updates_are_checked() {
        let update = |names: Vec<(&str, &str)>, value: &str| {
            Action::Update(Update {
                target: Target::This,
                expression: "SET #a = :v".into(),
                condition: None,
                names: names.into_iter().map(|(p, a)| (p.into(), a.into())).collect(),
                values: [(value, 1.into())].into_iter().collect(),
            })
        };
        check(update(vec![("#a", "a"), ("#b", "a")], ":v")).unwrap();
        assert!(check(update(vec![("a", "a")], ":v")).unwrap_err().contains("placeholder \"a\""));
        assert!(check(update(vec![("#a", "a"), ("#a", "b")], ":v")).unwrap_err().contains("twice"));
        assert!(check(update(vec![], "v")).unwrap_err().contains("value placeholder"));
    }
}
