//! Why a run ended before it was done, and the exit code that says so.

use crate::{dynamo, history, journal, store};

/// An error of a run, plan, undo or apply.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// DynamoDB.
    #[error(transparent)]
    DynamoDb(#[from] dynamo::Error),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The metadata tables, and the lease.
    #[error(transparent)]
    History(#[from] history::Error),
    /// Runs in object storage.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The pool or the migration could not be started.
    #[error("the migration could not be started: {0}")]
    Start(String),
    /// What was asked for cannot be, as it was asked.
    #[error("{0}")]
    Usage(String),
    /// A run that had begun stopped at an error, and can be gone on with.
    #[error("{source}. The run {run} is interrupted; go on with `drift-host apply {run}`")]
    Interrupted {
        /// The run's id.
        run: String,
        /// What stopped it.
        source: Box<Error>,
    },
    /// A rule of drift-host forbids it.
    #[error("{0}")]
    Refused(String),
}

impl Error {
    /// The exit code of the command line: 2 usage, 3 refused, 4 denied or missing, 65 journal corrupt or foreign, 75 try
    /// again.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Start(_) | Self::Usage(_) => 2,
            Self::Refused(_) => 3,
            Self::Interrupted { source, .. } => source.exit_code(),
            Self::Journal(error) => of_journal(error),
            Self::Store(error) => match error.kind() {
                store::ErrorKind::Usage => 2,
                store::ErrorKind::NoRun => 3,
                store::ErrorKind::Denied => 4,
                store::ErrorKind::Damaged => 65,
                store::ErrorKind::Journal => error.of_journal().map_or(75, of_journal),
                store::ErrorKind::Exists | store::ErrorKind::Overtaken | store::ErrorKind::Unreachable => 75,
            },
            Self::History(error) => error.exit_code(),
            Self::DynamoDb(error) => error.kind().exit_code(),
        }
    }
}

fn of_journal(error: &journal::Error) -> u8 {
    use journal::Error as E;
    match error {
        E::Corrupt { .. } | E::Foreign { .. } | E::Newer { .. } | E::Older { .. } => 65,
        E::NotFound { .. } | E::OpenToOthers { .. } => 3,
        _ => 75,
    }
}
