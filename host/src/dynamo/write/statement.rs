//! Guarded patches and deletes as PartiQL statements.

use super::guard::Must;
use super::{Attempt, guard};
use crate::model::{Key, KeySchema, Patch, Value, item_bytes};

/// DynamoDB's limit for a statement, in characters.
const MAX_CHARACTERS: usize = 8_192;
/// DynamoDB's limit for the operators of a WHERE.
const MAX_OPERATORS: usize = 300;

/// A statement with its parameters.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub(super) text: String,
    pub(super) parameters: Vec<Value>,
    /// About its size on the wire.
    pub(super) bytes: usize,
}

/// The statement of one patch (`None`: a delete) of the handed-in item; `None` if PartiQL cannot say it.
pub(super) fn statement(
    table: &str,
    schema: &KeySchema,
    key: &Key,
    attempt: &Attempt,
    patch: Option<&Patch>,
) -> Option<Statement> {
    let (mut text, mut parameters) = (String::new(), Vec::new());
    match patch {
        None => text.push_str(&format!("DELETE FROM {}", quoted(table))),
        Some(patch) => {
            text.push_str(&format!("UPDATE {}", quoted(table)));
            for (name, value) in &patch.set {
                text.push_str(&format!(" SET {}=?", sayable(name)?));
                parameters.push(value.clone());
            }
            for name in &patch.remove {
                text.push_str(&format!(" REMOVE {}", sayable(name)?));
            }
        }
    }
    text.push_str(" WHERE ");
    let mut parts = Vec::new();
    for (name, value) in key.attributes() {
        parts.push(format!("{}=?", sayable(name)?));
        parameters.push(value.clone());
    }
    // With a version guard the patch sets the version too, and only the version is looked at.
    for must in guard::conditions(&attempt.guard, &attempt.image, schema, patch) {
        match must {
            Must::Equal(name, value) => {
                parts.push(format!("{}=?", sayable(name)?));
                parameters.push(value.clone());
            }
            Must::BeMissing(name) => parts.push(format!("{} IS MISSING", sayable(name)?)),
        }
    }
    text.push_str(&parts.join(" AND "));
    if patch.is_none() {
        text.push_str(" RETURNING ALL OLD *");
    }
    let fits = text.chars().count() <= MAX_CHARACTERS && 2 * parts.len() <= MAX_OPERATORS + 1;
    let bytes = text.len() + 2 * item_bytes(&attempt.image) + patch.map_or(0, |patch| 2 * item_bytes(&patch.set));
    fits.then_some(Statement { text, parameters, bytes })
}

fn sayable(name: &str) -> Option<String> {
    (!name.starts_with(['#', ':'])).then(|| quoted(name))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
