//! Why a run ended before it was done, and the exit code that says so.

use crate::{dynamo, history, journal};

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
            Self::Journal(
                journal::Error::Corrupt { .. }
                | journal::Error::Foreign { .. }
                | journal::Error::Newer { .. }
                | journal::Error::Older { .. },
            ) => 65,
            Self::Journal(journal::Error::NotFound { .. } | journal::Error::OpenToOthers { .. }) => 3,
            Self::Journal(_) => 75,
            Self::History(error) => error.exit_code(),
            Self::DynamoDb(error) => error.kind().exit_code(),
        }
    }
}
