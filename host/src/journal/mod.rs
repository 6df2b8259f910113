//! The durable plan: one run is one SQLite file.
//!
//! Promised here: a page's actions and its segment's cursor are committed together or neither is; an acknowledged write
//! is on the disk (`synchronous=FULL`); an attempt is marked sent before it is sent; nothing of the second half is taken
//! before the plan is sealed, and nothing of the first after it; of several windows of segments each has a seal of its own. What
//! is read is what was written, or an error says which record is damaged. Memory holds a page at a time and eight bytes for each page, and a full disk leaves nothing half
//! recorded.

mod access;
mod applying;
mod checksum;
mod copy;
mod counts;
mod envelope;
mod error;
mod fixes;
mod folder;
mod items;
mod marks;
mod planning;
mod records;
mod room;
mod runs;
mod store;
mod totals;
mod windows;
mod writer;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension};

pub use copy::Lineage;
pub use counts::{ActionCounts, Counts};
pub use envelope::Envelope;
pub use error::Error;
pub(crate) use folder::prepare as prepare_folder;
pub use records::{
    AttemptRecord, Counters, Decision, Entry, Estimate, Fix, ItemRecord, Logs, Manifest, OutcomeKind, OutcomeRecord, Page,
    PageRecord, Phase, RunState, SegmentState, TakenUp,
};
pub use room::{bytes_of, check_room};
pub use runs::{Keep, RunAbout, RunFile, bytes_at, default_runs_dir, find, key_hash, list, new_run_id, prunable, remove};
pub use windows::Windows;

use checksum::Which;
use marks::Marks;
use records::Progress;
use store::Problem;
use windows::Finished;
use writer::Writer;

/// A run's journal. Clones share it. When the last is dropped, all that was handed in is on the disk and the file is
/// closed before the run's lock is given up.
#[derive(Clone)]
pub struct Journal(Arc<Inner>);

/// Dropped from the top: the writer is the last to close the file, and then the lock goes.
struct Inner {
    path: PathBuf,
    manifest: Manifest,
    reader: Mutex<Connection>,
    writer: Option<Writer>,
    /// Bytes that the plan may make it grow to.
    most: AtomicU64,
    /// What need not be counted again.
    finished: Mutex<Finished>,
    /// Held while this process works on the run.
    _lock: Option<File>,
}

impl Journal {
    /// Begins a run's journal in `dir`, and holds its lock. If it cannot be made whole, there is none.
    pub fn create(dir: &Path, manifest: &Manifest, component: Option<&[u8]>) -> Result<Self, Error> {
        let path = dir.join(format!("{}.drift", manifest.run));
        let not_begun = |error: Error| match error {
            Error::Storage { path, reason, .. } => Error::NotBegun { path, reason },
            other => other,
        };
        folder::prepare(dir).map_err(not_begun)?;
        let lock = folder::lock(&path, &manifest.run).map_err(not_begun)?;
        let made = store::create(&path, |file| {
            let text = serde_json::to_vec(manifest).map_err(|error| Problem::Rule(error.to_string()))?;
            file.execute("INSERT INTO manifest VALUES (1, ?1)", [Which::Manifest.close(text)])?;
            if let Some(component) = component {
                file.execute("INSERT INTO component VALUES (1, ?1)", [Which::Component(1).close(component.to_vec())])?;
            }
            let begun = Progress { state: RunState::Planning, sealed: 0, cleared: 0, counters: Counters::default() };
            file.execute("INSERT INTO run VALUES (1, ?1)", [Which::Run.pack(&begun)?])?;
            manifest.own_segments(manifest.segments).try_for_each(|segment| planning::begin_segment(file, segment))
        });
        if made.is_err() {
            // Nobody else knows the name of this run.
            let _left_over = std::fs::remove_file(path.with_extension("lock"));
        }
        made?;
        let connection = store::open(&path, true)?;
        Self::assemble(path, manifest.clone(), Some((connection, lock)))
    }

    /// Opens a run to work on it, and holds its lock.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let run = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        path.parent().map_or(Ok(()), folder::own)?;
        let lock = folder::lock(path, &run)?;
        let connection = store::open(path, true)?;
        let manifest = read_manifest(&connection).map_err(|problem| problem.at(path, "read"))?;
        Self::assemble(path.to_owned(), manifest, Some((connection, lock)))
    }

    /// Opens a run to look at it.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let manifest = read_manifest(&store::open(path, false)?).map_err(|problem| problem.at(path, "read"))?;
        Self::assemble(path.to_owned(), manifest, None)
    }

    fn assemble(path: PathBuf, manifest: Manifest, writing: Option<(Connection, File)>) -> Result<Self, Error> {
        let reader = Mutex::new(store::open(&path, false)?);
        let (writer, lock) = match writing {
            Some((connection, lock)) => (Some(Writer::start(connection, path.clone())?), Some(lock)),
            None => (None, None),
        };
        Ok(Self(Arc::new(Inner {
            path,
            manifest,
            reader,
            writer,
            most: AtomicU64::new(u64::MAX),
            finished: Mutex::default(),
            _lock: lock,
        })))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Bytes of the file, and of what SQLite has beside it.
    pub fn bytes(&self) -> u64 {
        runs::bytes_at(&self.0.path)
    }

    /// From now on the plan makes it grow to so many bytes at most, by this process.
    pub fn keep_below(&self, most: u64) {
        self.0.most.store(most, Ordering::Relaxed);
    }

    /// What the run is.
    pub fn manifest(&self) -> &Manifest {
        &self.0.manifest
    }

    /// Where the run stands.
    pub fn state(&self) -> Result<RunState, Error> {
        Ok(self.query(progress)?.state)
    }

    /// Sets where the run stands.
    pub async fn set_state(&self, state: RunState) -> Result<(), Error> {
        self.write(move |file| set_progress(file, &Progress { state, ..progress(file)? })).await
    }

    /// Units and seconds of all processes so far.
    pub fn counters(&self) -> Result<Counters, Error> {
        Ok(self.query(progress)?.counters)
    }

    /// Adds to units and seconds.
    pub async fn add_counters(&self, more: &Counters) -> Result<(), Error> {
        let more = *more;
        self.write(move |file| add_to_counters(file, &more)).await
    }

    /// Whether all of the plan is sealed.
    pub fn is_sealed(&self) -> Result<bool, Error> {
        Ok(self.sealed_segments()? == self.manifest().segments)
    }

    async fn write(&self, write: impl FnOnce(&Connection) -> Result<(), Problem> + Send + 'static) -> Result<(), Error> {
        match &self.0.writer {
            Some(writer) => writer.write(&self.0.path, write).await,
            None => Err(self.error(Problem::Rule("it was opened to be read only".into()))),
        }
    }

    /// What the query sees is one instant of the file, whatever is written meanwhile.
    fn query<T>(&self, query: impl FnOnce(&Connection) -> Result<T, Problem>) -> Result<T, Error> {
        let reader = self.0.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let found = reader.unchecked_transaction().map_err(Problem::from).and_then(|instant| query(&instant));
        found.map_err(|problem| self.error(problem))
    }

    fn error(&self, problem: Problem) -> Error {
        problem.at(&self.0.path, "read")
    }
}

fn read_manifest(file: &Connection) -> Result<Manifest, Problem> {
    let text = Which::Manifest.open(file.query_row("SELECT record FROM manifest", [], |row| row.get(0))?)?;
    serde_json::from_slice(&text).map_err(|error| Which::Manifest.damaged(&error.to_string()))
}

fn progress(file: &Connection) -> Result<Progress, Problem> {
    Which::Run.unpack(file.prepare_cached("SELECT record FROM run")?.query_row([], |row| row.get(0))?)
}

fn set_progress(file: &Connection, now: &Progress) -> Result<(), Problem> {
    file.prepare_cached("UPDATE run SET record = ?1")?.execute([Which::Run.pack(now)?])?;
    Ok(())
}

fn add_to_counters(file: &Connection, more: &Counters) -> Result<(), Problem> {
    let mut now = progress(file)?;
    now.counters.read_units += more.read_units;
    now.counters.write_units += more.write_units;
    now.counters.plan_seconds += more.plan_seconds;
    now.counters.apply_seconds += more.apply_seconds;
    set_progress(file, &now)
}

/// The marks of a page, if there is such a page.
fn marks(file: &Connection, segment: u32, page: u32) -> Result<Option<Marks>, Problem> {
    let mut select = file.prepare_cached("SELECT record FROM page WHERE segment = ?1 AND page = ?2")?;
    let stored = select.query_row([segment, page], |row| row.get(0)).optional()?;
    stored.map(|stored| Which::Page(segment, page).unpack(stored)).transpose()
}

/// The marks of a page that the plan has.
fn planned_marks(file: &Connection, segment: u32, page: u32) -> Result<Marks, Problem> {
    marks(file, segment, page)?.ok_or_else(|| Which::Page(segment, page).damaged("they are missing"))
}

fn set_marks(file: &Connection, segment: u32, page: u32, marks: &Marks) -> Result<(), Problem> {
    let mut insert = file.prepare_cached("INSERT OR REPLACE INTO page VALUES (?1, ?2, ?3)")?;
    insert.execute(rusqlite::params![segment, page, Which::Page(segment, page).pack(marks)?])?;
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests;
