//! Why a run ended before it was done, and the exit code that says so.

use crate::explain::Code;
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
    /// Either, under a code of its own, by which [`Code::page`] has more.
    #[error("{1}")]
    Known(Code, String),
}

impl Error {
    /// The code under which `drift-host explain` has more; of an interrupted run, that of what stopped it.
    pub fn code(&self) -> Code {
        match self {
            Self::Start(_) => Code::NotStarted,
            Self::Usage(_) => Code::Usage,
            Self::Refused(_) => Code::Refused,
            Self::Known(code, _) => *code,
            Self::Interrupted { source, .. } => source.code(),
            Self::Journal(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::History(error) => error.code(),
            Self::DynamoDb(error) => error.kind().explained(),
        }
    }

    /// The exit code of the command line: 2 usage, 3 refused, 4 denied or missing, 65 journal corrupt or foreign, 75 try
    /// again; 130 interrupted.
    pub fn exit_code(&self) -> u8 {
        self.code().exit_code()
    }
}
