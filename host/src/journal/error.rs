//! What can go wrong with a journal, in words that say what to do next.

use crate::explain::Code;
use crate::model::Bytes;

/// An error of a journal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process works on this run.
    #[error("the run {run} is being worked on by another process; wait for it to end, or stop it")]
    Locked {
        /// The run.
        run: String,
    },
    /// Not a journal of drift-host.
    #[error("{path} is not a journal of drift-host: {found}. Name another run, or look it up with `drift-host status`")]
    Foreign {
        /// The file.
        path: String,
        /// What it is instead.
        found: String,
    },
    /// Damaged.
    #[error("the journal {path} is damaged: {problem}. Put back a copy of it if there is one; without it the run cannot go on")]
    Corrupt {
        /// The file.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// Written by a newer version.
    #[error(
        "the journal {path} has format {found}, and this drift-host knows formats up to {known}. Go on with the version that began the run"
    )]
    Newer {
        /// The file.
        path: String,
        /// The format found.
        found: i64,
        /// The newest known.
        known: i64,
    },
    /// Written by an older version, which no released drift-host was.
    #[error(
        "the journal {path} has format {found}, and this drift-host reads format {known} only. Go on with the version that began \
         the run, or begin a new one"
    )]
    Older {
        /// The file.
        path: String,
        /// The format found.
        found: i64,
        /// The one known.
        known: i64,
    },
    /// Others may write where journals lie.
    #[error(
        "others may write in the runs folder {dir} (mode {mode:o}): they could put a plan of their own in place of yours, and it \
         would be carried out with your credentials. Take that from them (chmod go-w {dir}), or name another folder with --runs-dir"
    )]
    OpenToOthers {
        /// The folder.
        dir: String,
        /// Its mode.
        mode: u32,
    },
    /// There is no journal, so there is no run.
    #[error(
        "the journal {path} could not be made: {reason}. So the run has not begun: nothing was scanned or written, and there is \
         nothing to go on with. Mend it (free space, permissions) and begin again"
    )]
    NotBegun {
        /// The file.
        path: String,
        /// The system's word.
        reason: String,
    },
    /// The disk has no room for the journal that is expected.
    #[error(
        "there is no room for this run's journal: the disk of the runs folder {dir} has {free} free, and the journal will take about \
         {more}, with {reserve} in reserve. So nothing is scanned or written now. Free some, name a folder on a larger disk with --runs-dir, or \
         keep less in it: --no-images, which with --window N drops the items of a window when it is done"
    )]
    NoRoom {
        /// The folder.
        dir: String,
        /// What is free there.
        free: Bytes,
        /// What the journal takes from there on, by the estimate.
        more: Bytes,
        /// What is to stay free beside it.
        reserve: Bytes,
    },
    /// It has grown to the most that it may have.
    #[error(
        "the journal {path} has {has}, and may have {most} at most (--journal-max). Nothing was half recorded; give it more: \
         --journal-max SIZE with `drift-host apply`"
    )]
    Full {
        /// The file.
        path: String,
        /// What it has.
        has: Bytes,
        /// What it may have.
        most: Bytes,
    },
    /// No such run.
    #[error("no run {run:?} in {dir}: {found}. A run goes on only with its journal; name its folder with --runs-dir")]
    NotFound {
        /// What was asked for.
        run: String,
        /// The folder.
        dir: String,
        /// What is there.
        found: String,
    },
    /// It could not be written or read: disk full, permissions. Nothing is half recorded.
    #[error(
        "the journal {path} could not be {doing}: {reason}. Nothing was half recorded; mend it (free space, permissions) and go on with the run"
    )]
    Storage {
        /// The file.
        path: String,
        /// `written` or `read`.
        doing: String,
        /// The system's word.
        reason: String,
    },
    /// The rules of a journal forbid it.
    #[error("the journal {path}: {problem}")]
    Rule {
        /// The file.
        path: String,
        /// Which rule.
        problem: String,
    },
}

impl Error {
    /// See [`crate::Error::code`].
    pub fn code(&self) -> Code {
        match self {
            Self::Locked { .. } => Code::Locked,
            Self::Foreign { .. } => Code::JournalForeign,
            Self::Corrupt { .. } => Code::JournalDamaged,
            Self::Newer { .. } => Code::JournalNewer,
            Self::Older { .. } => Code::JournalOlder,
            Self::OpenToOthers { .. } => Code::RunsFolderOpen,
            Self::NotBegun { .. } => Code::JournalNotMade,
            Self::NoRoom { .. } => Code::NoRoom,
            Self::Full { .. } => Code::JournalFull,
            Self::NotFound { .. } => Code::NoRun,
            Self::Storage { .. } => Code::JournalStorage,
            Self::Rule { .. } => Code::JournalRule,
        }
    }
}

/// The file could not be written or read, by the system's word.
pub(super) fn storage(path: &str, doing: &str, reason: impl std::fmt::Display) -> Error {
    Error::Storage { path: path.to_owned(), doing: doing.to_owned(), reason: reason.to_string() }
}
