//! What the migration was allowed and refused, over all processes of a run.
//!
//! Written when a half of the run ends, for whatever reason: what a process counted that was killed is not in it.

use rusqlite::{Connection, OptionalExtension};

use super::checksum::Which;
use super::store::Problem;
use super::{Error, Journal};
use crate::migration::AccessCount;

impl Journal {
    /// What was allowed and refused so far.
    pub fn accesses(&self) -> Result<Vec<AccessCount>, Error> {
        self.query(accesses)
    }

    /// Adds to it.
    pub async fn add_accesses(&self, more: Vec<AccessCount>) -> Result<(), Error> {
        if more.is_empty() {
            return Ok(());
        }
        self.write(move |file| add(file, more)).await
    }
}

pub(super) fn add(file: &Connection, more: Vec<AccessCount>) -> Result<(), Problem> {
    if more.is_empty() {
        return Ok(());
    }
    let mut all = accesses(file)?;
    for count in more {
        match all.iter_mut().find(|have| (have.access, &have.table) == (count.access, &count.table)) {
            Some(have) => {
                have.allowed += count.allowed;
                have.refused += count.refused;
                have.first_refused = have.first_refused.take().or(count.first_refused);
            }
            None => all.push(count),
        }
    }
    file.execute("INSERT OR REPLACE INTO access VALUES (1, ?1)", [Which::Access.pack(&all)?])?;
    Ok(())
}

fn accesses(file: &Connection) -> Result<Vec<AccessCount>, Problem> {
    let stored = file.query_row("SELECT record FROM access", [], |row| row.get(0)).optional()?;
    stored.map_or_else(|| Ok(Vec::new()), |stored| Which::Access.unpack(stored))
}
