//! Guarded patches and deletes as PartiQL statements.

use aws_sdk_dynamodb::types::AttributeValue;

use super::guard::Must;
use super::{Attempt, guard};
use crate::dynamo::client::write_units;
use crate::dynamo::convert;
use crate::model::{Key, KeySchema, Patch, Value, item_bytes};

/// DynamoDB's limit for a statement, in characters.
const MAX_CHARACTERS: usize = 8_192;
/// DynamoDB's limit for the operators of a WHERE.
const MAX_OPERATORS: usize = 300;

/// A statement with its parameters.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub(super) text: String,
    pub(super) parameters: Vec<AttributeValue>,
    /// About its size on the wire.
    pub(super) bytes: usize,
    /// Write units, by the larger of the item before and after.
    pub(super) units: f64,
    /// It deletes: an answer without an item then says that there was none.
    pub(super) deletes: bool,
}

/// The statement of one patch (`None`: a delete) of the handed-in item; `None` if PartiQL cannot say it.
pub(super) fn statement(
    table: &str,
    schema: &KeySchema,
    key: &Key,
    attempt: &Attempt,
    patch: Option<&Patch>,
) -> Option<Statement> {
    // Each attribute costs about its name and a few characters.
    let mut text = String::with_capacity(64 + 32 * (attempt.image.len() + patch.map_or(0, |patch| patch.set.len())));
    let mut parameters = Vec::with_capacity(2 * attempt.image.len());
    let mut parameter = |value: &Value| parameters.push(convert::sdk_value(value));
    match patch {
        None => {
            text.push_str("DELETE FROM ");
            quoted(&mut text, table);
        }
        Some(patch) => {
            text.push_str("UPDATE ");
            quoted(&mut text, table);
            for (name, value) in &patch.set {
                text.push_str(" SET ");
                sayable(&mut text, name)?;
                text.push_str("=?");
                parameter(value);
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
    for (name, value) in key.attributes() {
        also(&mut text);
        sayable(&mut text, name)?;
        text.push_str("=?");
        parameter(value);
    }
    // With a version guard the patch sets the version too, and of the item only the version is looked at.
    for must in guard::conditions(&attempt.terms, &attempt.image, schema, patch) {
        also(&mut text);
        match must {
            Must::Equal(name, value) => {
                sayable(&mut text, name)?;
                text.push_str("=?");
                parameter(value);
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
    let (before, set) = (item_bytes(&attempt.image), patch.map_or(0, |patch| item_bytes(&patch.set)));
    let bytes = text.len() + 2 * before + 2 * set;
    // What it removes is not taken off: the estimate is corrected by what DynamoDB says.
    let units = write_units(before);
    fits.then_some(Statement { text, parameters, bytes, units, deletes: patch.is_none() })
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
