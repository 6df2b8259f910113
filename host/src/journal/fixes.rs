//! The code of a run: the plugin it began with, and those that were given later for items that failed.

use rusqlite::{Connection, OptionalExtension, params};

use super::checksum::Which;
use super::records::Fix;
use super::store::Problem;
use super::{Error, Journal};

impl Journal {
    /// The newest component's bytes; `None` for a closure.
    pub fn component(&self) -> Result<Option<Vec<u8>>, Error> {
        self.query(|reader| {
            let newest = fixes(reader)?.pop();
            let id = newest.as_ref().map_or(1, |(id, _)| *id);
            let stored = reader.query_row("SELECT content FROM component WHERE id = ?1", [id], |row| row.get(0)).optional()?;
            match stored {
                None if newest.is_some_and(|(_, fix)| fix.component) => Err(Which::Component(id).damaged("it is missing")),
                stored => stored.map(|stored| Which::Component(id).open(stored)).transpose(),
            }
        })
    }

    /// What was given for items that failed, oldest first.
    pub fn fixes(&self) -> Result<Vec<Fix>, Error> {
        Ok(self.query(fixes)?.into_iter().map(|(_, fix)| fix).collect())
    }

    /// The digest of the newest code.
    pub fn digest(&self) -> Result<String, Error> {
        Ok(self.fixes()?.pop().map_or_else(|| self.manifest().digest.clone(), |fix| fix.digest))
    }

    /// Keeps other code than the run began with; from now on it is the run's.
    pub async fn fix(&self, fix: Fix, component: Option<&[u8]>) -> Result<(), Error> {
        let component = component.map(<[u8]>::to_vec);
        let fix = Fix { component: component.is_some(), ..fix };
        self.write(move |file| {
            let id = fixes(file)?.last().map_or(1, |(id, _)| *id) + 1;
            file.execute("INSERT INTO fix VALUES (?1, ?2)", params![id, Which::Fix(id).pack(&fix)?])?;
            if let Some(component) = component {
                let content = Which::Component(id).close(component);
                file.execute("INSERT INTO component VALUES (?1, ?2)", params![id, content])?;
            }
            Ok(())
        })
        .await
    }
}

/// By number, from 2: the first is the plugin of the plan. None missing between.
fn fixes(file: &Connection) -> Result<Vec<(u32, Fix)>, Problem> {
    let mut select = file.prepare_cached("SELECT id, record FROM fix ORDER BY id")?;
    let rows: Vec<(u32, Vec<u8>)> = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let each = rows.into_iter().zip(2..).map(|((id, stored), expected)| match id == expected {
        true => Ok((id, Which::Fix(id).unpack(stored)?)),
        false => Err(Which::Fix(expected).damaged("it is missing")),
    });
    each.collect()
}
