//! Guarded patches and deletes as PartiQL statements.

use std::sync::Arc;

use serde_json::value::{RawValue, to_raw_value};

use super::guard::Must;
use super::{Attempt, Terms, guard};
use crate::dynamo::client::write_units;
use crate::dynamo::table::TableInfo;
use crate::model::{Key, KeySchema, Patch, Value, item_bytes};

/// DynamoDB's limit for a statement, in characters.
const MAX_CHARACTERS: usize = 8_192;
/// DynamoDB's limit for the operators of a WHERE.
const MAX_OPERATORS: usize = 300;

/// A statement. Its values are written out of the attempt when it is sent: see [`parameters`].
#[derive(Clone, Debug)]
pub(super) struct Statement {
    /// The text, as a string in JSON.
    pub(super) text: Arc<RawValue>,
    /// What it sets and removes; `None`: it deletes. An answer without an item then says that there was none.
    pub(super) patch: Option<Patch>,
    /// About its size on the wire.
    pub(super) bytes: usize,
    /// Write units, by the larger of the item before and after.
    pub(super) units: f64,
}

/// The texts of statements on one table that were made last. Items with the same attributes that are changed alike have the same text,
/// and those of one table are mostly of a few shapes.
#[derive(Default)]
pub(super) struct Texts(Vec<Made>);

/// How many are kept.
const TEXTS: usize = 16;

/// A text, as a string in JSON, and all that it was made of.
struct Made {
    terms: Arc<Terms>,
    seen: Vec<String>,
    set: Option<Vec<String>>,
    removed: Vec<String>,
    /// `None` if PartiQL cannot say it.
    text: Option<Arc<RawValue>>,
}

impl Texts {
    /// The text of the statement of one patch (`None`: a delete) of the handed-in item; `None` if PartiQL cannot say it.
    pub(super) fn of(&mut self, table: &TableInfo, key: &Key, attempt: &Attempt, patch: Option<&Patch>) -> Option<Arc<RawValue>> {
        if let Some(at) = self.0.iter().position(|made| made.is_of(attempt, patch)) {
            return self.0.get(at)?.text.clone();
        }
        let text = text(&table.name, &table.key, key, attempt, patch).and_then(|text| to_raw_value(&text).ok()).map(Arc::from);
        if self.0.len() == TEXTS {
            self.0.remove(0);
        }
        let owned = |name: &str| name.to_owned();
        self.0.push(Made {
            terms: attempt.terms.clone(),
            seen: attempt.image.names().map(owned).collect(),
            set: patch.map(|patch| patch.set.names().map(owned).collect()),
            removed: patch.map(|patch| patch.remove.clone()).unwrap_or_default(),
            text,
        });
        self.0.last()?.text.clone()
    }
}

impl Made {
    fn is_of(&self, attempt: &Attempt, patch: Option<&Patch>) -> bool {
        let same_set = match (&self.set, patch) {
            (Some(names), Some(patch)) => patch.set.names().eq(names) && patch.remove == self.removed,
            (None, None) => true,
            _ => false,
        };
        same_set && attempt.image.names().eq(&self.seen) && Arc::ptr_eq(&attempt.terms, &self.terms)
    }
}

fn text(table: &str, schema: &KeySchema, key: &Key, attempt: &Attempt, patch: Option<&Patch>) -> Option<String> {
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
pub(super) fn parameters<'a>(schema: &KeySchema, key: &'a Key, attempt: &'a Attempt, patch: Option<&'a Patch>) -> Vec<&'a Value> {
    let set = patch.into_iter().flat_map(|patch| &patch.set).map(|(_, value)| value);
    let keys = key.attributes().iter().map(|(_, value)| value);
    let seen = guard::conditions(&attempt.terms, &attempt.image, schema, patch);
    let seen = seen.into_iter().filter_map(|must| match must {
        Must::Equal(_, value) => Some(value),
        Must::BeMissing(_) => None,
    });
    set.chain(keys).chain(seen).collect()
}

impl Statement {
    pub(super) fn new(text: Arc<RawValue>, attempt: &Attempt, patch: Option<Patch>) -> Self {
        let (before, set) = (item_bytes(&attempt.image), patch.as_ref().map_or(0, |patch| item_bytes(&patch.set)));
        let bytes = text.get().len() + 2 * before + 2 * set;
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
    text.push_str(&name.replace('"', "\"\""));
    text.push('"');
}
