//! The folder of runs, and their names.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Journal;
use super::error::{Error, storage};
use super::records::RunState;
use crate::model::{Key, MigrationNumber};

/// The user's state folder for runs.
pub fn default_runs_dir() -> PathBuf {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let state = state.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local").join("state")));
    state.unwrap_or_else(|| PathBuf::from(".")).join("drift-host").join("runs")
}

/// The journal of a run, by its id or a beginning of it that no other run has.
pub fn find(dir: &Path, run: &str) -> Result<PathBuf, Error> {
    let not_found = |found: String| Error::NotFound { run: run.to_owned(), dir: dir.display().to_string(), found };
    let files = std::fs::read_dir(dir).map_err(|error| not_found(error.to_string()))?;
    let names = files.filter_map(|file| file.ok()?.file_name().into_string().ok());
    let mut ids: Vec<String> = names.filter_map(|name| name.strip_suffix(".drift").map(str::to_owned)).collect();
    ids.sort();
    let path = |id: &str| dir.join(format!("{id}.drift"));
    if ids.iter().any(|id| id == run) {
        return Ok(path(run));
    }
    let matching: Vec<&String> = ids.iter().filter(|id| !run.is_empty() && id.starts_with(run)).collect();
    match matching.as_slice() {
        [one] => Ok(path(one)),
        [] => Err(not_found(format!("it holds {} runs", ids.len()))),
        [first, second, ..] => Err(not_found(format!("{first} and {second} both begin so"))),
    }
}

/// A journal in the folder of runs.
#[derive(Clone, Debug)]
pub struct RunFile {
    /// The run's id, by the name of the file.
    pub run: String,
    /// The file.
    pub path: PathBuf,
    /// Its size, and that of what SQLite keeps beside it.
    pub bytes: u64,
    /// What it says; the error where it says nothing that can be understood.
    pub about: Result<RunAbout, Error>,
}

/// What a journal says of its run, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunAbout {
    /// Where the run stands.
    pub state: RunState,
    /// The migration's number.
    pub number: MigrationNumber,
    /// The migration's name.
    pub name: String,
    /// The table being migrated.
    pub table: String,
    /// When the run began, RFC 3339.
    pub created: String,
    /// `migrate` or `undo`.
    pub direction: crate::migration::Direction,
    /// Its metadata table.
    pub meta_table: String,
}

impl RunAbout {
    /// Of an open journal.
    pub fn of(journal: &Journal) -> Result<Self, Error> {
        let (state, manifest) = (journal.state()?, journal.manifest());
        Ok(Self {
            state,
            number: manifest.number,
            name: manifest.name.clone(),
            table: manifest.context.table.clone(),
            created: manifest.created.clone(),
            direction: manifest.direction,
            meta_table: manifest.meta_table.clone(),
        })
    }
}

/// The journals of a folder, oldest first. A damaged one is listed with its error; a folder that is not there holds none.
pub fn list(dir: &Path) -> Result<Vec<RunFile>, Error> {
    let failed = |error: std::io::Error| storage(&dir.display().to_string(), "read", error);
    let files = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        files => files.map_err(failed)?,
    };
    let mut runs = Vec::new();
    for file in files {
        let path = file.map_err(failed)?.path();
        let run = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".drift").map(str::to_owned));
        if let Some(run) = run {
            runs.push(RunFile { run, bytes: bytes_at(&path), about: about(&path), path });
        }
    }
    runs.sort_by(|one, other| one.run.cmp(&other.run));
    Ok(runs)
}

/// Which journals stay when the folder is tidied up, beside those of runs that are not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Plans that were not carried out.
    pub planned: bool,
    /// The newest applied run of each table, which the way back by the host needs.
    pub newest: bool,
    /// Runs that began less long ago.
    pub younger_than: Option<std::time::Duration>,
}

/// Of these journals, oldest first, those that may go. A damaged one is for people to look at, and stays.
pub fn prunable(mut runs: Vec<RunFile>, keep: &Keep) -> Vec<RunFile> {
    let mut newest = std::collections::HashSet::new();
    runs.reverse();
    runs.retain(|run| {
        let Ok(about) = &run.about else { return false };
        let over = about.state.is_final() || (about.state == RunState::Planned && !keep.planned);
        let of = (about.meta_table.clone(), about.table.clone());
        let is_newest = about.state == RunState::Applied && newest.insert(of);
        let age = about.created.parse::<jiff::Timestamp>().ok().map(|begun| jiff::Timestamp::now().duration_since(begun));
        let young = keep.younger_than.is_some_and(|limit| age.is_none_or(|age| age.unsigned_abs() < limit));
        over && !young && !(is_newest && keep.newest)
    });
    runs.reverse();
    runs
}

/// Removes a run's journal and what lies beside it. Nobody may be working on it.
///
/// # Errors
/// [`Error::Locked`], and [`Error::Storage`] where the system refuses.
pub fn remove(path: &Path) -> Result<(), Error> {
    let run = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let lock = super::folder::lock(path, &run)?;
    let beside = |end: &str| PathBuf::from(format!("{}{end}", path.display()));
    // The journal first: what would be left over without it bears no journal's name.
    for file in [path.to_owned(), beside("-wal"), beside("-shm"), path.with_extension("lock")] {
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(storage(&file.display().to_string(), "written", error));
            }
            _ => {}
        }
    }
    drop(lock);
    Ok(())
}

fn about(path: &Path) -> Result<RunAbout, Error> {
    RunAbout::of(&Journal::read(path)?)
}

/// Bytes of a journal's file, and of what SQLite has beside it; 0 where there is none.
pub fn bytes_at(path: &Path) -> u64 {
    let beside = ["", "-wal"].map(|end| PathBuf::from(format!("{}{end}", path.display())));
    beside.iter().filter_map(|path| std::fs::metadata(path).ok()).map(|file| file.len()).sum()
}

/// A new id: sorts by time, and is short enough to type (`20261123-181502-k3f9`).
pub fn new_run_id() -> String {
    let letters = b"abcdefghjkmnpqrstuvwxyz23456789";
    let random: String =
        (0..4).filter_map(|_| letters.get(fastrand::usize(..letters.len())).map(|&byte| char::from(byte))).collect();
    format!("{}-{random}", jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S"))
}

/// A hash of a table and a key that is the same in every process and version.
pub fn key_hash(table: &str, key: &Key) -> u64 {
    let mut hasher = Sha256::new();
    hasher.update(table.as_bytes());
    hasher.update([0]);
    hasher.update(key.canonical_text().as_bytes());
    hasher.finalize().iter().take(8).fold(0, |hash, byte| hash << 8 | u64::from(*byte))
}
