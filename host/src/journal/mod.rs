//! The durable plan: one run is one SQLite file.
//!
//! Promised here: a page's actions and its segment's cursor are committed together or neither is; an acknowledged write
//! is on the disk (`synchronous=FULL`); an attempt is marked sent before it is sent; nothing of the second half is taken
//! before the plan is sealed. Memory holds a page at a time, and a full disk leaves nothing half recorded.

mod error;
mod records;
mod runs;
mod store;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, params};

pub use error::Error;
pub use records::{
    ActionCounts, AttemptRecord, Counters, Counts, Entry, Manifest, OutcomeKind, OutcomeRecord, Page, PageRecord, Phase,
    RunState, SegmentState,
};
pub use runs::{default_runs_dir, find, key_hash, new_run_id};

use crate::model::{Action, Item};
use store::{Writer, storage};

/// A run's journal. Clones share it.
#[derive(Clone)]
pub struct Journal(Arc<Inner>);

struct Inner {
    path: PathBuf,
    manifest: Manifest,
    reader: Mutex<Connection>,
    writer: Option<Writer>,
    /// Held while this process works on the run.
    _lock: Option<File>,
}

impl Journal {
    /// Begins a run's journal in `dir`, and holds its lock.
    pub fn create(dir: &Path, manifest: &Manifest, component: Option<&[u8]>) -> Result<Self, Error> {
        let path = dir.join(format!("{}.drift", manifest.run));
        let shown = path.display().to_string();
        private_dir(dir).map_err(|error| storage(&shown, "written", error))?;
        let lock = lock(&path, &manifest.run)?;
        let connection = store::create(&path)?;
        let text = serde_json::to_string(manifest).map_err(|error| storage(&shown, "written", error))?;
        let filled = || -> rusqlite::Result<()> {
            let insert = "INSERT INTO run (id, manifest, component, state) VALUES (1, ?1, ?2, 'planning')";
            connection.execute(insert, params![text, component])?;
            let mut segment = connection.prepare("INSERT INTO segment VALUES (?1, NULL, 0, 0, 0)")?;
            (0..manifest.segments).try_for_each(|number| segment.execute([number]).map(drop))
        };
        filled().map_err(|error| storage(&shown, "written", error))?;
        Self::assemble(path, manifest.clone(), Some((connection, lock)))
    }

    /// Opens a run to work on it, and holds its lock.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let run = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let lock = lock(path, &run)?;
        let connection = store::open(path, true)?;
        let manifest = read_manifest(&connection, path)?;
        Self::assemble(path.to_owned(), manifest, Some((connection, lock)))
    }

    /// Opens a run to look at it.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let manifest = read_manifest(&store::open(path, false)?, path)?;
        Self::assemble(path.to_owned(), manifest, None)
    }

    fn assemble(path: PathBuf, manifest: Manifest, writing: Option<(Connection, File)>) -> Result<Self, Error> {
        let reader = Mutex::new(store::open(&path, false)?);
        let (writer, lock) = match writing {
            Some((connection, lock)) => (Some(Writer::start(connection, path.clone())?), Some(lock)),
            None => (None, None),
        };
        Ok(Self(Arc::new(Inner { path, manifest, reader, writer, _lock: lock })))
    }

    /// What the run is.
    pub fn manifest(&self) -> &Manifest {
        &self.0.manifest
    }

    /// The component's bytes; `None` for a closure.
    pub fn component(&self) -> Result<Option<Vec<u8>>, Error> {
        self.query(|reader| reader.query_row("SELECT component FROM run", [], |row| row.get(0)))
    }

    /// Where the run stands.
    pub fn state(&self) -> Result<RunState, Error> {
        let text: String = self.query(|reader| reader.query_row("SELECT state FROM run", [], |row| row.get(0)))?;
        RunState::parse(&text).ok_or_else(|| self.corrupt(format!("the state {text:?}")))
    }

    /// Sets where the run stands.
    pub async fn set_state(&self, state: RunState) -> Result<(), Error> {
        self.write(move |tx| tx.execute("UPDATE run SET state = ?1", [state.to_string()]).map(drop)).await
    }

    /// Units and seconds of all processes so far.
    pub fn counters(&self) -> Result<Counters, Error> {
        let select = "SELECT read_units, write_units, plan_seconds, apply_seconds FROM run";
        self.query(|reader| {
            reader.query_row(select, [], |row| {
                Ok(Counters {
                    read_units: row.get(0)?,
                    write_units: row.get(1)?,
                    plan_seconds: row.get(2)?,
                    apply_seconds: row.get(3)?,
                })
            })
        })
    }

    /// Adds to units and seconds.
    pub async fn add_counters(&self, more: &Counters) -> Result<(), Error> {
        let more = *more;
        self.write(move |tx| {
            let update = "UPDATE run SET read_units = read_units + ?1, write_units = write_units + ?2, \
                          plan_seconds = plan_seconds + ?3, apply_seconds = apply_seconds + ?4";
            tx.execute(update, params![more.read_units, more.write_units, more.plan_seconds, more.apply_seconds]).map(drop)
        })
        .await
    }

    /// Where each segment's scan stands.
    pub fn segments(&self) -> Result<Vec<SegmentState>, Error> {
        let rows: Vec<(u32, Option<Vec<u8>>, bool, u32, u64)> = self.query(|reader| {
            let mut select = reader.prepare("SELECT segment, cursor, done, pages, scanned FROM segment ORDER BY segment")?;
            select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))?.collect()
        })?;
        let each = rows.into_iter().map(|(segment, cursor, done, pages, scanned)| {
            let cursor = cursor.map(|bytes| self.decode(&bytes)).transpose()?;
            Ok(SegmentState { segment, cursor, done, pages, scanned })
        });
        each.collect()
    }

    /// Commits a page and its segment's cursor together. A page number that is there already is replaced.
    pub async fn commit_page(&self, record: PageRecord) -> Result<(), Error> {
        let content = self.encode(&record.entries)?;
        let cursor = record.cursor.as_ref().map(|key| self.encode(key)).transpose()?;
        let outcomes = record.failures.iter().map(|failure| self.outcome_row(failure)).collect::<Result<Vec<_>, _>>()?;
        let count = |kind: &str| {
            record.entries.iter().flat_map(|entry| &entry.actions).filter(|action| action.kind() == kind).count() as u64
        };
        let kinds = [count("patch"), count("insert"), count("update"), count("delete")];
        let (segment, page, entries) = (record.segment, record.page, record.entries.len());
        let (scanned, unchanged, last, elsewhere) = (record.scanned, record.unchanged, record.last, record.elsewhere);
        self.write(move |tx| {
            for table in ["elsewhere", "outcome", "page"] {
                tx.execute(&format!("DELETE FROM {table} WHERE segment = ?1 AND page = ?2"), [segment, page])?;
            }
            let done = vec![0u8; entries.div_ceil(8)];
            let [patches, inserts, updates, deletes] = kinds;
            let insert = "INSERT INTO page (segment, page, scanned, unchanged, entries, patches, inserts, updates, deletes, content, done) \
                          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
            tx.execute(insert, params![segment, page, scanned, unchanged, entries, patches, inserts, updates, deletes, content, done])?;
            for (position, kind, content) in outcomes {
                tx.execute("INSERT INTO outcome VALUES (?1, ?2, ?3, ?4, ?5)", params![segment, page, position, kind, content])?;
            }
            let mut insert = tx.prepare_cached("INSERT INTO elsewhere VALUES (?1, ?2, ?3, ?4)")?;
            for (position, hash) in elsewhere {
                insert.execute(params![hash.cast_signed(), segment, page, position])?;
            }
            let update = "UPDATE segment SET cursor = ?1, done = ?2, pages = ?3, scanned = \
                          (SELECT sum(scanned) FROM page WHERE page.segment = ?4) WHERE segment = ?4";
            tx.execute(update, params![cursor, last, page + 1, segment]).map(drop)
        })
        .await
    }

    /// Ends the plan. Refused while a segment is not done.
    pub async fn seal(&self) -> Result<(), Error> {
        if let Some(open) = self.segments()?.iter().find(|segment| !segment.done) {
            return Err(self.rule(format!("segment {} is not done, so the plan cannot be sealed", open.segment)));
        }
        self.write(|tx| {
            tx.execute_batch(
                "CREATE INDEX IF NOT EXISTS elsewhere_hash ON elsewhere (hash);
                 INSERT OR IGNORE INTO shared SELECT segment, page, position FROM elsewhere WHERE hash IN
                     (SELECT hash FROM elsewhere GROUP BY hash HAVING count(DISTINCT segment || '/' || page || '/' || position) > 1);
                 UPDATE run SET sealed = 1;",
            )
        })
        .await
    }

    /// Whether the plan is sealed.
    pub fn is_sealed(&self) -> Result<bool, Error> {
        self.query(|reader| reader.query_row("SELECT sealed FROM run", [], |row| row.get(0)))
    }

    /// Pages with entries that are not done, interleaved over the segments so that hot partitions are spread.
    pub fn unfinished_pages(&self) -> Result<Vec<(u32, u32)>, Error> {
        self.sealed()?;
        self.query(|reader| {
            let mut select =
                reader.prepare("SELECT segment, page FROM page WHERE done_count < entries ORDER BY page, segment")?;
            select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
    }

    /// One page as it stands.
    pub fn page(&self, segment: u32, page: u32) -> Result<Page, Error> {
        let found = self.query(|reader| {
            let select = "SELECT content, sent_upto, done FROM page WHERE segment = ?1 AND page = ?2";
            let row = reader.query_row(select, [segment, page], |row| {
                Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, u32>(1)?, row.get::<_, Vec<u8>>(2)?))
            });
            let mut shared = reader.prepare("SELECT position FROM shared WHERE segment = ?1 AND page = ?2 ORDER BY position")?;
            let shared: Vec<u32> = shared.query_map([segment, page], |row| row.get(0))?.collect::<Result<_, _>>()?;
            Ok(row.optional()?.map(|row| (row, shared)))
        })?;
        let ((content, sent_upto, bits), shared) =
            found.ok_or_else(|| self.rule(format!("there is no page {segment}/{page}")))?;
        let entries: Vec<Entry> = self.decode(&content)?;
        let done = (0..entries.len()).map(|index| bit(&bits, index)).collect();
        let shared = entries.iter().map(|entry| shared.binary_search(&entry.position).is_ok()).collect();
        Ok(Page { entries, sent_upto, done, shared })
    }

    /// Segment, page and entry index of those that share a key and are not done, in the order in which they are written.
    pub fn shared_entries(&self) -> Result<Vec<(u32, u32, u32)>, Error> {
        let pages: Vec<(u32, u32)> = self.query(|reader| {
            let select =
                "SELECT DISTINCT segment, page FROM shared NATURAL JOIN page WHERE done_count < entries ORDER BY segment, page";
            reader.prepare(select)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })?;
        let mut all = Vec::new();
        for (segment, page) in pages {
            let read = self.page(segment, page)?;
            let each = (0u32..).zip(read.done.into_iter().zip(read.shared));
            all.extend(each.filter(|(_, (done, shared))| !done && *shared).map(|(index, _)| (segment, page, index)));
        }
        Ok(all)
    }

    /// Marks the entries below `upto` as sent. Nothing may leave before this is acknowledged.
    pub async fn mark_sent(&self, segment: u32, page: u32, upto: u32) -> Result<(), Error> {
        self.sealed()?;
        self.write(move |tx| {
            let update = "UPDATE page SET sent_upto = max(sent_upto, ?3) WHERE segment = ?1 AND page = ?2";
            tx.execute(update, [segment, page, upto]).map(drop)
        })
        .await
    }

    /// Takes the mark back from the entries at and above `upto`: it is certain that they never left.
    pub async fn unmark_sent(&self, segment: u32, page: u32, upto: u32) -> Result<(), Error> {
        self.sealed()?;
        self.write(move |tx| {
            let update = "UPDATE page SET sent_upto = min(sent_upto, ?3) WHERE segment = ?1 AND page = ?2";
            tx.execute(update, [segment, page, upto]).map(drop)
        })
        .await
    }

    /// Marks entries as done, by their index in the page.
    pub async fn mark_done(&self, segment: u32, page: u32, indices: Vec<u32>) -> Result<(), Error> {
        self.write(move |tx| set_done(tx, segment, page, &indices)).await
    }

    /// Records an attempt beyond the first, before it is sent.
    pub async fn new_attempt(&self, attempt: AttemptRecord) -> Result<(), Error> {
        let content = self.encode(&(&attempt.image, &attempt.actions))?;
        let (segment, page, position, number) = (attempt.segment, attempt.page, attempt.position, attempt.attempt);
        self.write(move |tx| {
            let insert = "INSERT OR REPLACE INTO attempt VALUES (?1, ?2, ?3, ?4, ?5)";
            tx.execute(insert, params![segment, page, position, number, content]).map(drop)
        })
        .await
    }

    /// The newest attempts beyond the first of a page.
    pub fn attempts(&self, segment: u32, page: u32) -> Result<Vec<AttemptRecord>, Error> {
        let rows: Vec<(u32, u32, Vec<u8>)> = self.query(|reader| {
            let mut select = reader.prepare("SELECT position, attempt, content FROM attempt WHERE segment = ?1 AND page = ?2")?;
            select.query_map([segment, page], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
        })?;
        let each = rows.into_iter().map(|(position, attempt, content)| {
            let (image, actions): (Item, Vec<Action>) = self.decode(&content)?;
            Ok(AttemptRecord { segment, page, position, attempt, image, actions })
        });
        each.collect()
    }

    /// Settles an item that is not plainly done; it is not tried again.
    pub async fn settle(&self, outcome: OutcomeRecord) -> Result<(), Error> {
        let (segment, page) = (outcome.segment, outcome.page);
        let (position, kind, content) = self.outcome_row(&outcome)?;
        let index = self.page(segment, page)?.entries.iter().position(|entry| entry.position == position);
        let index = index.and_then(|index| u32::try_from(index).ok());
        self.write(move |tx| {
            let insert = "INSERT OR REPLACE INTO outcome VALUES (?1, ?2, ?3, ?4, ?5)";
            tx.execute(insert, params![segment, page, position, kind, content])?;
            index.map_or(Ok(()), |index| set_done(tx, segment, page, &[index]))
        })
        .await
    }

    /// The first `limit` items that are not plainly done, in the order of the scan.
    pub fn outcomes(&self, limit: usize) -> Result<Vec<OutcomeRecord>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows: Vec<String> = self.query(|reader| {
            let select =
                "SELECT content FROM outcome WHERE kind IN ('failed', 'doubtful') ORDER BY segment, page, position LIMIT ?1";
            reader.prepare(select)?.query_map([limit], |row| row.get(0))?.collect()
        })?;
        rows.iter().map(|text| serde_json::from_str(text).map_err(|error| self.corrupt(error.to_string()))).collect()
    }

    /// Items and actions, counted from the pages.
    pub fn counts(&self) -> Result<Counts, Error> {
        self.query(|reader| {
            let select = "SELECT total(scanned), total(unchanged), total(entries), total(patches), total(inserts), total(updates), \
                          total(deletes) FROM page";
            let mut counts = reader.query_row(select, [], |row| {
                let count = |at: usize| row.get::<_, f64>(at).map(|count| count as u64);
                let actions = ActionCounts { patch: count(3)?, insert: count(4)?, update: count(5)?, delete: count(6)? };
                Ok(Counts { scanned: count(0)?, unchanged: count(1)?, changed: count(2)?, actions, ..Counts::default() })
            })?;
            counts.conflicts = reader.query_row("SELECT total(attempt - 1) FROM attempt", [], |row| row.get::<_, f64>(0))? as u64;
            let mut kinds = reader.prepare("SELECT kind, count(*) FROM outcome GROUP BY kind")?;
            let kinds: Vec<(String, u64)> = kinds.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
            for (kind, count) in kinds {
                match kind.as_str() {
                    "failed" => counts.failed = count,
                    "skipped" => counts.skipped = count,
                    "doubtful" => counts.doubtful = count,
                    _ => {}
                }
            }
            Ok(counts)
        })
    }

    fn outcome_row(&self, outcome: &OutcomeRecord) -> Result<(u32, &'static str, String), Error> {
        let kind = match outcome.kind {
            OutcomeKind::Failed => "failed",
            OutcomeKind::Skipped => "skipped",
            OutcomeKind::Doubtful => "doubtful",
            OutcomeKind::Unchanged => "unchanged",
        };
        let text = serde_json::to_string(outcome).map_err(|error| self.corrupt(error.to_string()))?;
        Ok((outcome.position, kind, text))
    }

    async fn write(
        &self,
        write: impl FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<()> + Send + 'static,
    ) -> Result<(), Error> {
        match &self.0.writer {
            Some(writer) => writer.write(&self.0.path, write).await,
            None => Err(self.rule("it was opened to be read only".into())),
        }
    }

    fn query<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        let reader = self.0.reader.lock().unwrap_or_else(PoisonError::into_inner);
        query(&reader).map_err(|error| storage(&self.shown(), "read", error))
    }

    fn sealed(&self) -> Result<(), Error> {
        if self.is_sealed()? { Ok(()) } else { Err(self.rule("the plan is not sealed, so nothing of it is carried out".into())) }
    }

    fn encode<T: serde::Serialize + ?Sized>(&self, value: &T) -> Result<Vec<u8>, Error> {
        postcard::to_stdvec(value).map_err(|error| storage(&self.shown(), "written", error))
    }

    fn decode<T: serde::de::DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, Error> {
        postcard::from_bytes(bytes).map_err(|error| self.corrupt(format!("a record cannot be decoded: {error}")))
    }

    fn shown(&self) -> String {
        self.0.path.display().to_string()
    }

    fn corrupt(&self, problem: String) -> Error {
        Error::Corrupt { path: self.shown(), problem }
    }

    fn rule(&self, problem: String) -> Error {
        Error::Rule { path: self.shown(), problem }
    }
}

fn bit(bits: &[u8], index: usize) -> bool {
    bits.get(index / 8).is_some_and(|byte| byte & (1 << (index % 8)) != 0)
}

fn set_done(tx: &rusqlite::Transaction<'_>, segment: u32, page: u32, indices: &[u32]) -> rusqlite::Result<()> {
    let select = "SELECT done FROM page WHERE segment = ?1 AND page = ?2";
    let mut bits: Vec<u8> = tx.prepare_cached(select)?.query_row([segment, page], |row| row.get(0))?;
    for &index in indices {
        if let Some(byte) = bits.get_mut(index as usize / 8) {
            *byte |= 1 << (index % 8);
        }
    }
    let count: u32 = bits.iter().map(|byte| byte.count_ones()).sum();
    let update = "UPDATE page SET done = ?3, done_count = ?4 WHERE segment = ?1 AND page = ?2";
    tx.prepare_cached(update)?.execute(params![segment, page, bits, count]).map(drop)
}

fn read_manifest(connection: &Connection, path: &Path) -> Result<Manifest, Error> {
    let corrupt = |problem: String| Error::Corrupt { path: path.display().to_string(), problem };
    let text: String =
        connection.query_row("SELECT manifest FROM run", [], |row| row.get(0)).map_err(|error| corrupt(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| corrupt(format!("its manifest: {error}")))
}

fn lock(path: &Path, run: &str) -> Result<File, Error> {
    let beside = path.with_extension("lock");
    let failed = |error: std::io::Error| storage(&beside.display().to_string(), "written", error);
    let file = File::options().create(true).truncate(false).write(true).open(&beside).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(Error::Locked { run: run.to_owned() }),
        Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn private_dir(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

#[cfg(test)]
mod tests;
