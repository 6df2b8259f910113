//! The guard of the handed-in item: as conditions, as placeholders, and looked at in an item.

use super::{Guard, Terms};
use crate::dynamo::client::Change;
use crate::model::{Item, KeySchema, Number, Patch, Value};

/// The most conditions that fit below DynamoDB's 300 operators beside a few of the author's own.
const MAX_CONDITIONS: usize = 140;
/// DynamoDB's limit for an expression, in bytes.
pub(super) const MAX_EXPRESSION: usize = 4_096;
/// Attributes with which global tables replicate: not the application's, and changed behind its back.
const REPLICATION: &str = "aws:rep:";

/// What must hold of one attribute.
pub(super) enum Must<'a> {
    /// It has this value.
    Equal(&'a str, &'a Value),
    /// There is none.
    BeMissing(&'a str),
}

/// The conditions of a guard besides the key; attributes that are written come first.
pub(super) fn conditions<'a>(terms: &'a Terms, image: &'a Item, key: &KeySchema, patch: Option<&'a Patch>) -> Vec<Must<'a>> {
    let stamp = terms.stamp();
    match &terms.guard {
        Guard::Version(name) => std::iter::once(name.as_str())
            .chain(stamp)
            .map(|name| match image.get(name) {
                Some(value) => Must::Equal(name, value),
                None => Must::BeMissing(name),
            })
            .collect(),
        Guard::Item => {
            let set = || patch.into_iter().flat_map(|patch| patch.set.names());
            let removed = patch.map_or(&[][..], |patch| &patch.remove);
            let patched = |name: &str| patch.is_some_and(|patch| patch.set.contains(name)) || removed.iter().any(|it| it == name);
            let added = set().chain(stamp.filter(|name| !patched(name))).filter(|name| !image.contains(name));
            let mut conditions: Vec<Must<'_>> = Vec::with_capacity(image.len() + 2);
            conditions.extend(added.map(Must::BeMissing));
            // What is written comes first, and is little: so it is found in one pass, and each is put in its place.
            let mut touched = conditions.len();
            for (name, value) in image {
                if key.contains(name) || name.starts_with(REPLICATION) {
                    continue;
                }
                conditions.push(Must::Equal(name, value));
                if stamp == Some(name) || patched(name) {
                    if let Some(rest) = conditions.get_mut(touched..) {
                        rest.rotate_right(1);
                    }
                    touched += 1;
                }
            }
            conditions
        }
    }
}

/// How many of the first conditions are about attributes that are written, and must hold.
pub(super) fn touched(terms: &Terms, patch: Option<&Patch>) -> usize {
    match (&terms.guard, patch) {
        (Guard::Version(_), _) => 1 + usize::from(terms.stamp().is_some()),
        (Guard::Item, Some(patch)) => patch.set.len() + patch.remove.len(),
        (Guard::Item, None) => usize::from(terms.stamp().is_some()),
    }
}

/// Whether the guard holds of this item.
pub(super) fn holds(terms: &Terms, image: &Item, present: &Item) -> bool {
    let same = |name: &str| image.get(name) == present.get(name);
    let item = match &terms.guard {
        Guard::Version(name) => same(name),
        Guard::Item => image.iter().all(|(name, value)| name.starts_with(REPLICATION) || present.get(name) == Some(value)),
    };
    item && terms.stamp().is_none_or(same)
}

/// The version after this image's; the error says why there is none.
pub(super) fn next_version(name: &str, image: &Item) -> Result<Value, String> {
    let Some(value) = image.get(name) else { return Ok(Value::N(Number::from_dynamodb("1".into()))) };
    let text = value.as_n().map(Number::as_str).ok_or_else(|| format!("the version attribute {name:?} is no number"))?;
    let next = text.parse::<i128>().ok().and_then(|number| number.checked_add(1));
    let next = next.ok_or_else(|| format!("the version attribute {name:?} is {text}, which is no whole number"))?;
    Ok(Value::N(Number::from_dynamodb(next.to_string())))
}

/// A guard in words.
pub(super) struct Expressed {
    pub(super) expression: String,
    /// How many of the conditions it holds, the first ones.
    pub(super) held: usize,
}

/// Placeholders of our own beside an author's, which they never meet.
pub(super) struct Placeholders {
    prefix: String,
    pub(super) names: Vec<(String, String)>,
    pub(super) values: Item,
}

impl Placeholders {
    pub(super) fn beside(names: &[(String, String)], values: &Item) -> Self {
        let mut prefix = String::from("g");
        let taken = |prefix: &str| {
            let theirs = names.iter().map(|(name, _)| name.as_str()).chain(values.names());
            theirs.filter_map(|name| name.get(1..)).any(|name| name.starts_with(prefix))
        };
        while taken(&prefix) {
            prefix.push('g');
            prefix.push('_');
        }
        Self { prefix, names: names.to_vec(), values: values.clone() }
    }

    pub(super) fn name(&mut self, attribute: &str) -> String {
        let placeholder = format!("#{}{}", self.prefix, self.names.len());
        self.names.push((placeholder.clone(), attribute.to_owned()));
        placeholder
    }

    pub(super) fn value(&mut self, value: &Value) -> String {
        let placeholder = format!(":{}{}", self.prefix, self.values.len());
        self.values.insert(placeholder.clone(), value.clone());
        placeholder
    }

    /// The guard as a condition expression of at most `room` bytes; the item must exist.
    pub(super) fn guard(&mut self, conditions: &[Must<'_>], partition: &str, room: usize) -> Expressed {
        let mut expression = format!("attribute_exists({})", self.name(partition));
        let mut held = 0;
        for must in conditions.iter().take(MAX_CONDITIONS) {
            // Longer than any that this can become; a placeholder that stands in no expression would be refused.
            if expression.len() + " AND attribute_not_exists()".len() + self.prefix.len() + 12 > room {
                break;
            }
            let part = match must {
                Must::Equal(name, value) => format!("{} = {}", self.name(name), self.value(value)),
                Must::BeMissing(name) => format!("attribute_not_exists({})", self.name(name)),
            };
            expression.push_str(" AND ");
            expression.push_str(&part);
            held += 1;
        }
        Expressed { expression, held }
    }

    pub(super) fn change(self, expression: String, condition: Option<String>) -> Change {
        Change { expression, condition, names: self.names, values: self.values }
    }
}

/// An update expression with one more part of a clause, `SET` or `ADD`.
pub(super) fn with_clause(expression: &str, clause: &str, part: &str) -> String {
    let mut at = 0;
    for word in expression.split_inclusive(char::is_whitespace) {
        at += word.len();
        if word.trim().eq_ignore_ascii_case(clause) {
            let (before, after) = expression.split_at(at);
            return format!("{before}{part}, {after}");
        }
    }
    format!("{expression} {clause} {part}")
}
