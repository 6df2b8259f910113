//! Guarded patches and deletes as PartiQL statements.

use aws_sdk_dynamodb::types::AttributeValue;

use super::guard::Must;
use super::{Attempt, guard};
use crate::dynamo::client::write_units;
use crate::dynamo::convert;
use crate::model::{Key, KeySchema, Patch, item_bytes};

/// DynamoDB's limit for a statement, in characters.
const MAX_CHARACTERS: usize = 8_192;
/// DynamoDB's limit for the operators of a WHERE.
const MAX_OPERATORS: usize = 300;

/// A statement. Its parameters are copied out of the attempt when it is sent, once for each try: see [`parameters`].
#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub(super) text: String,
    /// What it sets and removes; `None`: it deletes. An answer without an item then says that there was none.
    pub(super) patch: Option<Patch>,
    /// About its size on the wire.
    pub(super) bytes: usize,
    /// Write units, by the larger of the item before and after.
    pub(super) units: f64,
}

/// The text of the statement of one patch (`None`: a delete) of the handed-in item; `None` if PartiQL cannot say it.
pub(super) fn text(table: &str, schema: &KeySchema, key: &Key, attempt: &Attempt, patch: Option<&Patch>) -> Option<String> {
    // Each attribute costs about its name and a few characters.
    let mut text = String::with_capacity(64 + 32 * (attempt.image.len() + patch.map_or(0, |patch| patch.set.len())));
    match patch {
        None => {
            text.push_str("DELETE FROM ");
            quoted(&mut text, table);
        }
        Some(patch) => {
            text.push_str("UPDATE ");
            quoted(&mut text, table);
            for name in patch.set.names() {
                text.push_str(" SET ");
                sayable(&mut text, name)?;
                text.push_str("=?");
            }
            for name in &patch.remove {
                text.push_str(" REMOVE ");
                sayable(&mut text, name)?;
            }
        }
    }
    let mut conditions = 0;
    let mut also = |text: &mut String| {
        text.push_str(if conditions == 0 { " WHERE " } else { " AND " });
        conditions += 1;
    };
    for name in key.attributes().names() {
        also(&mut text);
        sayable(&mut text, name)?;
        text.push_str("=?");
    }
    // With a version guard the patch sets the version too, and of the item only the version is looked at.
    for must in guard::conditions(&attempt.terms, &attempt.image, schema, patch) {
        also(&mut text);
        match must {
            Must::Equal(name, _) => {
                sayable(&mut text, name)?;
                text.push_str("=?");
            }
            Must::BeMissing(name) => {
                sayable(&mut text, name)?;
                text.push_str(" IS MISSING");
            }
        }
    }
    if patch.is_none() {
        text.push_str(" RETURNING ALL OLD *");
    }
    let fits = text.chars().count() <= MAX_CHARACTERS && 2 * conditions <= MAX_OPERATORS + 1;
    fits.then_some(text)
}

/// The values of a statement, in the order of its question marks.
pub(super) fn parameters(schema: &KeySchema, key: &Key, attempt: &Attempt, patch: Option<&Patch>) -> Vec<AttributeValue> {
    let set = patch.into_iter().flat_map(|patch| &patch.set).map(|(_, value)| value);
    let keys = key.attributes().iter().map(|(_, value)| value);
    let seen = guard::conditions(&attempt.terms, &attempt.image, schema, patch);
    let seen = seen.into_iter().filter_map(|must| match must {
        Must::Equal(_, value) => Some(value),
        Must::BeMissing(_) => None,
    });
    set.chain(keys).chain(seen).map(convert::sdk_value).collect()
}

impl Statement {
    pub(super) fn new(text: String, attempt: &Attempt, patch: Option<Patch>) -> Self {
        let (before, set) = (item_bytes(&attempt.image), patch.as_ref().map_or(0, |patch| item_bytes(&patch.set)));
        let bytes = text.len() + 2 * before + 2 * set;
        // What it removes is not taken off: the estimate is corrected by what DynamoDB says.
        Self { text, patch, bytes, units: write_units(before) }
    }

    pub(super) fn deletes(&self) -> bool {
        self.patch.is_none()
    }
}

/// `None` for a name that a statement cannot hold.
fn sayable(text: &mut String, name: &str) -> Option<()> {
    (!name.starts_with(['#', ':'])).then(|| quoted(text, name))
}

fn quoted(text: &mut String, name: &str) {
    text.push('"');
    for (at, part) in name.split('"').enumerate() {
        if at > 0 {
            text.push_str("\"\"");
        }
        text.push_str(part);
    }
    text.push('"');
}
