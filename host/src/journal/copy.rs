//! A journal in two parts that can be sent elsewhere: the plan, which never changes after the seal, and what has been done of it.
//!
//! Promised here: each part is one instant of the file; put together they are a journal like any other. What the second part
//! does not tell may have happened: whoever goes on from it on another machine takes every item that is not done as sent
//! ([`Journal::doubt_open`]). A plan is as large as its items; the second part has some hundred bytes a page of a thousand items.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::checksum::Which;
use super::planning::segments;
use super::store::{self, Problem};
use super::{Error, Journal, folder, planned_marks, set_marks};

/// Which copy of a run's journal a file is, where its run is kept elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lineage {
    /// How often the run has been taken over, and by which of those who did; with 0 it is as it was planned.
    pub generation: u64,
    /// Of whoever began this generation: no two have the same.
    pub id: String,
    /// What was published last of what this copy was put together from; `None` where it is this generation's own.
    pub fetched: Option<String>,
    /// Items that are not done may have been sent by the generation before.
    pub doubt: bool,
}

/// What the plan has, and does not change after the seal.
const PLAN: [&str; 5] = [
    "INSERT INTO main.manifest SELECT * FROM source.manifest",
    "INSERT INTO main.component SELECT * FROM source.component WHERE id = 1",
    "INSERT INTO main.content SELECT * FROM source.content",
    "INSERT INTO main.elsewhere SELECT * FROM source.elsewhere",
    "INSERT INTO main.envelope SELECT * FROM source.envelope",
];

/// What changes afterwards. Entries are added to a page only together with an attempt at them.
const PROGRESS: [&str; 9] = [
    "INSERT INTO main.component SELECT * FROM source.component WHERE id > 1",
    "INSERT INTO main.fix SELECT * FROM source.fix",
    "INSERT INTO main.run SELECT * FROM source.run",
    "INSERT INTO main.access SELECT * FROM source.access",
    "INSERT INTO main.segment SELECT * FROM source.segment",
    "INSERT INTO main.page SELECT * FROM source.page",
    "INSERT INTO main.attempt SELECT * FROM source.attempt",
    "INSERT INTO main.outcome SELECT * FROM source.outcome",
    "INSERT OR REPLACE INTO main.content SELECT * FROM source.content AS c \
     WHERE EXISTS (SELECT 1 FROM source.attempt AS a WHERE a.segment = c.segment AND a.page = c.page)",
];

impl Journal {
    /// Writes the plan, without what has been done of it, as a file.
    pub fn copy_plan(&self, to: &Path) -> Result<(), Error> {
        // With the state that it had at the seal, so that it is a journal by itself.
        copied(&self.0.path, to, PLAN.iter().chain(&PROGRESS))
    }

    /// Writes what has been done of the plan as a file.
    pub fn copy_progress(&self, to: &Path) -> Result<(), Error> {
        copied(&self.0.path, to, PROGRESS.iter())
    }

    /// Makes a journal at `to` of a plan and, if there is any, what has been done of it. What was there is replaced; its lock must
    /// be held by nobody.
    pub fn put_together(to: &Path, plan: &Path, progress: Option<&Path>, lineage: &Lineage) -> Result<(), Error> {
        let run = to.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        to.parent().map_or(Ok(()), folder::prepare)?;
        let lock = folder::lock(to, &run)?;
        let made = to.with_extension("drift-fetched");
        let _left_over = std::fs::remove_file(&made);
        folder::new_file(&made).map_err(|error| super::error::storage(&made.display().to_string(), "written", error))?;
        let failed = |error: std::io::Error| super::error::storage(&made.display().to_string(), "written", error);
        std::fs::copy(plan, &made).map_err(failed)?;
        // Whatever they are, they are looked at as journals before anything is believed.
        drop(store::open(&made, false)?);
        if let Some(progress) = progress {
            drop(store::open(progress, false)?);
        }
        let joined = join(&made, progress, lineage).map_err(|problem| problem.at(&made, "written"));
        if let Err(error) = joined {
            let _left_over = std::fs::remove_file(&made);
            return Err(error);
        }
        for beside in ["drift-wal", "drift-shm"] {
            let _none = std::fs::remove_file(to.with_extension(beside));
        }
        folder::rename(&made, to).map_err(failed)?;
        drop(lock);
        Ok(())
    }

    /// Adds what the journal of one segment has to that of its whole run, which nobody works on.
    pub fn add_part(to: &Path, part: &Path) -> Result<(), Error> {
        let other = Self::read(part)?;
        let (envelope, accesses, counters) = (other.envelope()?, other.accesses()?, other.counters()?);
        let add = || -> Result<(), Problem> {
            let mut file = attached(to, part)?;
            // It is a copy: until it is whole it counts for nothing.
            file.pragma_update(None, "synchronous", "OFF")?;
            let transaction = file.transaction()?;
            for table in ["segment", "page", "content", "elsewhere", "attempt", "outcome"] {
                transaction.execute_batch(&format!("INSERT OR REPLACE INTO main.{table} SELECT * FROM source.{table}"))?;
            }
            super::envelope::widen(&transaction, &envelope)?;
            super::access::add(&transaction, accesses)?;
            super::add_to_counters(&transaction, &counters)?;
            transaction.commit()?;
            file.close().map_err(|(_, error)| Problem::Sqlite(error))
        };
        add().map_err(|problem| problem.at(to, "written"))
    }

    /// Which copy this is; `None` where the run is kept here only.
    pub fn lineage(&self) -> Result<Option<Lineage>, Error> {
        self.query(|file| {
            let stored = file.query_row("SELECT record FROM copy", [], |row| row.get(0)).optional()?;
            stored.map(|stored| Which::Copy.unpack(stored)).transpose()
        })
    }

    /// Says which copy this is.
    pub async fn set_lineage(&self, lineage: Lineage) -> Result<(), Error> {
        self.write(move |file| set_lineage(file, &lineage)).await
    }

    /// Takes every item that is not done as sent: by whoever worked on the run before, and whose word of it is lost.
    pub async fn doubt_open(&self) -> Result<(), Error> {
        let pages = self.unfinished_pages()?;
        for some in pages.chunks(256) {
            let some = some.to_vec();
            self.write(move |file| {
                for (segment, page) in some {
                    let mut marks = planned_marks(file, segment, page)?;
                    marks.doubt();
                    set_marks(file, segment, page, &marks)?;
                }
                Ok(())
            })
            .await?;
        }
        Ok(())
    }
}

fn set_lineage(file: &Connection, lineage: &Lineage) -> Result<(), Problem> {
    file.execute("INSERT OR REPLACE INTO copy VALUES (1, ?1)", params![Which::Copy.pack(lineage)?])?;
    Ok(())
}

fn attached(file: &Path, source: &Path) -> Result<Connection, Problem> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    connection.execute("ATTACH ?1 AS source", [source.display().to_string()])?;
    Ok(connection)
}

fn copied<'a>(source: &Path, to: &Path, what: impl Iterator<Item = &'a &'a str>) -> Result<(), Error> {
    let _left_over = std::fs::remove_file(to);
    store::create(to, |_| Ok(()))?;
    let copy = || -> Result<(), Problem> {
        let mut file = attached(to, source)?;
        // It counts only once it is sent.
        file.pragma_update(None, "synchronous", "OFF")?;
        let transaction = file.transaction()?;
        what.into_iter().try_for_each(|statement| transaction.execute_batch(statement))?;
        transaction.commit()?;
        file.close().map_err(|(_, error)| Problem::Sqlite(error))
    };
    copy().map_err(|problem| problem.at(to, "written"))
}

fn join(made: &Path, progress: Option<&Path>, lineage: &Lineage) -> Result<(), Problem> {
    let mut file = match progress {
        Some(progress) => attached(made, progress)?,
        None => Connection::open_with_flags(made, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?,
    };
    file.pragma_update(None, "synchronous", "FULL")?;
    let transaction = file.transaction()?;
    if progress.is_some() {
        for table in ["fix", "run", "access", "segment", "page", "attempt", "outcome"] {
            transaction.execute_batch(&format!("DELETE FROM main.{table}"))?;
        }
        PROGRESS.iter().try_for_each(|statement| transaction.execute_batch(statement))?;
    }
    // Damage on the way is found before it is gone on with.
    let manifest = super::read_manifest(&transaction)?;
    segments(&transaction, manifest.own_segments(manifest.segments))?;
    set_lineage(&transaction, lineage)?;
    transaction.commit()?;
    file.close().map_err(|(_, error)| Problem::Sqlite(error))
}
