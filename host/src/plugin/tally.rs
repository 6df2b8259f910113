//! What a plugin was allowed and refused, counted for the audit trail.
//!
//! One map an open plugin, behind a lock that is taken once for each action beyond a patch and each call at once. A guest can name
//! any number of tables: beyond [`MOST`] of them they are counted together.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::said;
use crate::migration::AccessCount;
use crate::model::Access;

/// Accesses to different tables that are told apart.
const MOST: usize = 200;
/// What stands for the other tables; it can be no table's name.
const OTHERS: &str = "(others)";

type Counts = BTreeMap<(Access, Option<String>), AccessCount>;

/// Counts since they were last taken. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally(Arc<Mutex<Counts>>);

impl Tally {
    /// Counts one access; `refused` gives the item's key if it was refused. `None` is the table being migrated.
    pub(super) fn count(&self, access: Access, table: Option<&str>, refused: Option<&dyn Fn() -> String>) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut at = (access, table.map(|table| said::line(table, 300)));
        if counts.len() >= MOST && !counts.contains_key(&at) {
            at.1 = Some(OTHERS.into());
        }
        let begun = || AccessCount { access, table: at.1.clone(), allowed: 0, refused: 0, first_refused: None };
        let count = counts.entry(at.clone()).or_insert_with(begun);
        match refused {
            None => count.allowed += 1,
            Some(key) => {
                count.refused += 1;
                count.first_refused.get_or_insert_with(key);
            }
        }
    }

    /// What was counted since this was last asked.
    pub(super) fn take(&self) -> Vec<AccessCount> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_values().collect()
    }
}
