//! What can go wrong with runs in object storage, in words that say what to do next.

use std::path::Path;

use crate::explain::Code;

/// What sort of error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The URL or a setting is wrong.
    Usage,
    /// There is no such run.
    NoRun,
    /// Not allowed, or there is no such bucket.
    Denied,
    /// There is such an object already.
    Exists,
    /// Another machine went on with the run.
    Overtaken,
    /// What was fetched is not what was published.
    Damaged,
    /// The journal on this machine.
    Journal,
    /// Unreachable, throttled, no answer: try again.
    Unreachable,
}

/// An error of runs in object storage.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
    journal: Option<crate::journal::Error>,
}

impl Error {
    /// What sort of error.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// See [`crate::Error::code`].
    pub fn code(&self) -> Code {
        match self.kind {
            ErrorKind::Usage => Code::RunsPlace,
            ErrorKind::NoRun => Code::NoRun,
            ErrorKind::Denied => Code::RunsDenied,
            ErrorKind::Exists => Code::RunsExist,
            ErrorKind::Overtaken => Code::RunOvertaken,
            ErrorKind::Damaged => Code::RunsDamaged,
            ErrorKind::Journal => self.journal.as_ref().map_or(Code::JournalStorage, crate::journal::Error::code),
            ErrorKind::Unreachable => Code::RunsUnreachable,
        }
    }

    pub(super) fn new(kind: ErrorKind, message: String) -> Self {
        Self { kind, message, journal: None }
    }

    pub(super) fn journal(error: crate::journal::Error) -> Self {
        Self { kind: ErrorKind::Journal, message: error.to_string(), journal: Some(error) }
    }

    pub(super) fn folder(path: &Path, error: &std::io::Error) -> Self {
        Self::new(ErrorKind::Unreachable, format!("the working folder cannot be used: {}: {error}", path.display()))
    }

    pub(super) fn text(error: &dyn std::fmt::Display) -> Self {
        Self::new(ErrorKind::Unreachable, format!("a journal could not be published: {error}"))
    }
}

/// An answer of the storage; its error in our words, with the reason that it gave.
pub(super) fn failed<T>(result: object_store::Result<T>, place: &str) -> Result<T, Error> {
    use object_store::Error as E;
    result.map_err(|error| {
        let reason = reason(&error);
        let bucket = reason.contains("NoSuchBucket");
        let (kind, what) = match &error {
            _ if bucket => (ErrorKind::Denied, "there is no such bucket. Create it, or name another"),
            E::NotFound { .. } => (ErrorKind::Damaged, "an object is missing"),
            E::AlreadyExists { .. } => (ErrorKind::Exists, "there is such an object already"),
            E::PermissionDenied { .. } | E::Unauthenticated { .. } => {
                (ErrorKind::Denied, "not allowed. It takes s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket there")
            }
            _ => (ErrorKind::Unreachable, "no answer, or none that helps; nothing is lost: try again"),
        };
        Error::new(kind, format!("runs in {place}: {what} ({reason})"))
    })
}

/// The innermost word, in one line, without the addresses and retries around it.
fn reason(error: &object_store::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    let text = inner.to_string();
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(300).collect()
}

pub(super) fn no_run(url: &str, run: &str, count: usize) -> Error {
    let message = format!(
        "no run {run:?} in {url}, which holds {count} runs, nor in the working folder. A run goes on only with its journal. If its plan was never sealed, it is on the machine that planned it, and nothing of it was written: `drift-host repair {run} --abandon`, and plan it anew"
    );
    Error::new(ErrorKind::NoRun, message)
}

pub(super) fn ambiguous(url: &str, run: &str, first: &str, second: &str) -> Error {
    Error::new(ErrorKind::NoRun, format!("no run {run:?} in {url}: {first} and {second} both begin so"))
}

pub(super) fn published(url: &str, run: &str) -> Error {
    let message = format!(
        "the plan of run {run} is in {url} already, published by another process: go on with that one, `drift-host apply {run}`"
    );
    Error::new(ErrorKind::Overtaken, message)
}

pub(super) fn overtaken(url: &str, run: &str) -> Error {
    let message = format!(
        "another machine went on with run {run} meanwhile ({url} has its progress): look again, and `drift-host apply {run}`"
    );
    Error::new(ErrorKind::Overtaken, message)
}

pub(super) fn damaged(url: &str, object: &str, how: &str) -> Error {
    let place = if url.is_empty() { object.to_owned() } else { format!("{object} in {url}") };
    Error::new(ErrorKind::Damaged, format!("{place} is damaged: {how}. Put back a version of it if the bucket keeps them"))
}
