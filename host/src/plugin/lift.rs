//! Actions on their way out of a guest: checked before they become the model's.
//!
//! A guest says how many children each list and map has; the children stand in pre-order. One pass forward with a
//! cursor reads them, so that counts which do not add up are found, and nothing can be mentioned twice.

use super::contract::{Answer, types as wit};
use super::grants::is_table;
use super::said;
use crate::model::{
    Access, Action, Address, Attributes, Description, Existing, GrantRequest, Insert, Item, Key, MAX_DEPTH, Number, Patch,
    Target, Update, Value,
};

/// An answer, with its actions checked.
pub(super) fn answer(answer: Result<Vec<wit::Action>, String>) -> Answer {
    match answer.map(actions) {
        Ok(Ok(actions)) => Answer::Actions(actions),
        Ok(Err(problem)) => Answer::Invalid(problem),
        Err(message) => Answer::Error(message),
    }
}

/// The error is a sentence about the action (counted from 1).
pub(super) fn actions(lifted: Vec<wit::Action>) -> Result<Vec<Action>, String> {
    let each = lifted.into_iter().enumerate();
    each.map(|(at, one)| action(one).map_err(|problem| format!("action {}: {problem}", at + 1))).collect()
}

fn action(action: wit::Action) -> Result<Action, String> {
    Ok(match action {
        wit::Action::Patch(patch) => Action::Patch(Patch { set: item(patch.set)?, remove: patch.remove }),
        wit::Action::Insert(insert) => Action::Insert(Insert {
            table: insert.table,
            item: item(insert.item)?,
            existing: match insert.existing {
                wit::Existing::Keep => Existing::Keep,
                wit::Existing::Replace => Existing::Replace,
                wit::Existing::Fail => Existing::Fail,
            },
        }),
        wit::Action::Update(update) => Action::Update(Update {
            target: target(update.target)?,
            expression: update.expression,
            condition: update.condition,
            names: update.names.into_iter().map(|name| (name.placeholder, name.attribute)).collect(),
            values: item(update.values)?,
        }),
        wit::Action::Delete(deleted) => Action::Delete(target(deleted)?),
    })
}

fn target(target: wit::Target) -> Result<Target, String> {
    Ok(match target {
        wit::Target::This => Target::This,
        wit::Target::Other(address) => {
            Target::Other(Address { table: address.table, key: Key::from_attributes(item(address.key)?) })
        }
    })
}

/// An item whose child counts add up, whose numbers are numbers and whose names are unique.
pub(super) fn item(lifted: wit::ItemResult) -> Result<Item, String> {
    let mut nested = lifted.nested.into_iter();
    let mut pairs = Vec::with_capacity(lifted.attributes.len());
    for attribute in lifted.attributes {
        let value = value(attribute.value, &mut nested, 1)
            .map_err(|problem| format!("attribute {}: {problem}", shown(&attribute.name)))?;
        pairs.push((attribute.name, value));
    }
    match nested.len() {
        0 => unique(pairs),
        left => Err(format!("{left} nested values belong to no list or map: the child counts do not add up")),
    }
}

fn unique(pairs: Vec<(String, Value)>) -> Result<Attributes, String> {
    Attributes::from_unique(pairs).map_err(|name| format!("the name {} is given twice", shown(&name)))
}

fn value(lifted: wit::ValueResult, nested: &mut std::vec::IntoIter<wit::ValueResult>, depth: usize) -> Result<Value, String> {
    let number = |text: String| Number::parse(text).map_err(|problem| problem.to_string());
    Ok(match lifted {
        wit::ValueResult::S(text) => Value::S(text),
        wit::ValueResult::N(text) => Value::N(number(text)?),
        wit::ValueResult::B(bytes) => Value::B(bytes),
        wit::ValueResult::Bool(flag) => Value::Bool(flag),
        wit::ValueResult::Null => Value::Null,
        wit::ValueResult::Ss(set) => Value::Ss(set),
        wit::ValueResult::Ns(set) => Value::Ns(set.into_iter().map(number).collect::<Result<_, _>>()?),
        wit::ValueResult::Bs(set) => Value::Bs(set),
        wit::ValueResult::L(count) => {
            let count = enough(count as usize, nested.len(), depth, "list")?;
            Value::L((0..count).map(|_| child(nested, depth)).collect::<Result<_, _>>()?)
        }
        wit::ValueResult::M(names) => {
            enough(names.len(), nested.len(), depth, "map")?;
            Value::M(unique(names.into_iter().map(|name| Ok((name, child(nested, depth)?))).collect::<Result<_, String>>()?)?)
        }
    })
}

fn child(nested: &mut std::vec::IntoIter<wit::ValueResult>, depth: usize) -> Result<Value, String> {
    let lifted = nested.next().ok_or("a nested value is missing: the child counts do not add up")?;
    value(lifted, nested, depth + 1)
}

fn enough(count: usize, left: usize, depth: usize, what: &str) -> Result<usize, String> {
    if depth >= MAX_DEPTH && count > 0 {
        return Err(format!("nested deeper than DynamoDB's {MAX_DEPTH} levels"));
    }
    if count > left {
        return Err(format!("a {what} of {count} children, and {left} nested values are left: the child counts do not add up"));
    }
    Ok(count)
}

fn shown(name: &str) -> String {
    format!("{:?}", name.chars().take(60).collect::<String>())
}

/// What `describe` said, with its numbers checked.
pub(super) fn description(lifted: wit::Description) -> Result<Description, String> {
    let number = |text: String| text.parse().map_err(|problem: crate::model::MigrationNumberError| problem.to_string());
    let one_line = |text: &str| said::line(text, 1_000);
    if lifted.name.trim().is_empty() {
        return Err("gave an empty name".into());
    }
    if let Some(wrong) = lifted.grants.iter().filter_map(|grant| grant.table.as_deref()).find(|table| !is_table(table)) {
        return Err(format!(
            "asks for an access to {}, which is no table's name or ARN; a plugin names each table, and only an operator may grant patterns",
            shown(wrong)
        ));
    }
    let grants = lifted.grants.into_iter().map(|grant| GrantRequest {
        access: match grant.access {
            wit::Access::Insert => Access::Insert,
            wit::Access::Update => Access::Update,
            wit::Access::Delete => Access::Delete,
            wit::Access::DirectRead => Access::DirectRead,
            wit::Access::DirectWrite => Access::DirectWrite,
        },
        table: grant.table.as_deref().map(one_line),
        why: one_line(&grant.why),
    });
    Ok(Description {
        number: number(lifted.number)?,
        name: one_line(&lifted.name),
        summary: one_line(&lifted.summary),
        repeatable: lifted.repeatable,
        after: lifted.after.into_iter().map(number).collect::<Result<_, _>>()?,
        grants: grants.collect(),
        extra: lifted.extra.into_iter().map(|(name, value)| (one_line(&name), one_line(&value))).collect(),
    })
}

#[cfg(test)]
mod tests;
