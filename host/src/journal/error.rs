//! What can go wrong with a journal, in words that say what to do next.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// A journal could not do what was asked. Cheap to clone: one failed commit is told to every caller that waited for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Another process works on this run.
    #[error("run {run} is being worked on by another process (its lock {path} is held); wait for it to end, or stop it", path = path.display())]
    Locked {
        /// The run.
        run: String,
        /// The lock file.
        path: PathBuf,
    },
    /// The file is no journal of drift-host: not SQLite at all, or some other program's database.
    #[error("{path} is not a journal of drift-host: {found}; name another file, or look the run up with `status`", path = path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        found: String,
    },
    /// The journal is damaged.
    #[error(
        "the journal {path} is damaged: {problem}; put back a copy of it if there is one, else the run cannot go on \
         and must be given up with `repair`", path = path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The journal was written by a newer drift-host.
    #[error(
        "the journal {path} has format {found}, and this drift-host knows formats up to {known}; \
         go on with the version that began the run, or a newer one", path = path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format found.
        found: i64,
        /// The newest format known.
        known: i64,
    },
    /// There is no room for what was to be recorded. Nothing of it was recorded.
    #[error("no room on the disk to record the run in {path}; nothing was half recorded: free some space and go on with the run",
        path = path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// A file or folder could not be read or written.
    #[error("{doing} {path} failed: {problem}", path = path.display())]
    Io {
        /// What was tried: `creating`, `writing to`, …
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        problem: String,
    },
    /// There is no such run.
    #[error("no run {wanted:?} in {dir}; `status` lists the runs, `--runs-dir` names another folder", dir = dir.display())]
    NoSuchRun {
        /// What was looked for.
        wanted: String,
        /// Where.
        dir: PathBuf,
    },
    /// A prefix of a run's id fits several runs.
    #[error("{wanted:?} fits several runs: {}; write more of the id", fits.join(", "))]
    Ambiguous {
        /// What was looked for.
        wanted: String,
        /// The ids that fit.
        fits: Vec<String>,
    },
    /// A journal of that name is there already.
    #[error("{path} is there already; a new run needs a new id", path = path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Something of the apply phase was asked for before the plan was sealed.
    #[error("{asked} was refused: the plan of {path} is not sealed yet, so nothing may be sent", path = path.display())]
    NotSealed {
        /// What was asked for.
        asked: &'static str,
        /// The journal.
        path: PathBuf,
    },
    /// The plan was to be changed after it was sealed.
    #[error("{asked} was refused: the plan of {path} is sealed, and a sealed plan does not change", path = path.display())]
    Sealed {
        /// What was asked for.
        asked: &'static str,
        /// The journal.
        path: PathBuf,
    },
    /// The plan cannot be sealed while segments are still being scanned.
    #[error("{path} cannot be sealed: {open} of its segments are not scanned to their end; resume the run", path = path.display())]
    NotScanned {
        /// The journal.
        path: PathBuf,
        /// How many segments are not done.
        open: u64,
    },
    /// What was asked for does not fit what the journal holds. A defect of the caller.
    #[error("{asked} does not fit the journal {path}: {problem}; this is a defect of drift-host, please report it",
        path = path.display())]
    Misuse {
        /// What was asked for.
        asked: &'static str,
        /// The journal.
        path: PathBuf,
        /// Why it does not fit.
        problem: String,
    },
    /// The journal's writer is gone.
    #[error("the journal {path} is closed; open the run again to go on", path = path.display())]
    Closed {
        /// The file.
        path: PathBuf,
    },
}

impl Error {
    /// A file error as ours. A full disk is told as such.
    pub(super) fn io(doing: &'static str, path: &Path, problem: &std::io::Error) -> Self {
        match problem.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::Full { path: path.into() },
            _ => Self::Io { doing, path: path.into(), problem: problem.to_string() },
        }
    }

    /// SQLite's error as ours.
    pub(super) fn sql(doing: &'static str, path: &Path, problem: &rusqlite::Error) -> Self {
        match problem.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full { path: path.into() },
            Some(ErrorCode::NotADatabase) => Self::Foreign { path: path.into(), found: "not an SQLite database".into() },
            Some(ErrorCode::DatabaseCorrupt) => Self::Corrupt { path: path.into(), problem: problem.to_string() },
            Some(_) => Self::Io { doing, path: path.into(), problem: problem.to_string() },
            // No code: rusqlite itself could not make sense of a row.
            None => Self::Corrupt { path: path.into(), problem: problem.to_string() },
        }
    }
}

/// What a piece of work on the database ends with, before the file's path is known to it.
#[derive(Debug)]
pub(super) enum Fault {
    /// SQLite failed: the whole transaction is in question.
    Sql(rusqlite::Error),
    /// The work was refused; others in the same transaction are not touched.
    Told(Error),
}

impl Fault {
    /// The error as callers see it.
    pub(super) fn at(self, doing: &'static str, path: &Path) -> Error {
        match self {
            Self::Sql(problem) => Error::sql(doing, path, &problem),
            Self::Told(error) => error,
        }
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(problem: rusqlite::Error) -> Self {
        Self::Sql(problem)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Told(error)
    }
}
