//! `drift.toml`: environments by name, so that where a verb works and what holds there stands in one reviewed file, and not in flags.
//!
//! Promised: flags count before it; an environment's account and tables are bounds, and what is outside them is refused before anything is
//! read or written. It is looked for in the working directory only, or named; never in the folder of a migration, which other people
//! wrote. What is in it and not known is an error with its line, and so is a key that looks like a secret: it holds none. Costs a file
//! read, and where an account is named one call of STS.

mod environment;
mod file;

pub use environment::Environment;
pub use file::Moment;

use std::path::PathBuf;

/// The name that is looked for in the working directory.
pub const FILE: &str = "drift.toml";

/// Why a file of environments cannot be used, or what it forbids.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// An environment was named, and there is no file.
    #[error("--env {environment}: there is no {FILE} in this folder; go to where it is, or name it with --config FILE")]
    NoFile {
        /// The environment that was asked for.
        environment: String,
    },
    /// Not to be read, not TOML, or with something in it that is not known.
    #[error("{} cannot be used: {problem}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the line where there is one.
        problem: String,
    },
    /// It has no environment of that name.
    #[error("{} has no environment {name:?}; it has {has}", path.display())]
    NoEnvironment {
        /// The file.
        path: PathBuf,
        /// What was asked for, by `--env` or `default`.
        name: String,
        /// Those that it has.
        has: String,
    },
    /// Who else may write there could have commands of theirs run as this user.
    #[error(
        "{} is not yours alone ({why}): what it says decides where is written, and its hooks are commands. Take that from them (chown, \
         chmod go-w), or, if you trust it, name it: --config {}",
        path.display(), path.display()
    )]
    OthersMayWrite {
        /// The file.
        path: PathBuf,
        /// Who.
        why: String,
    },
    /// The credentials are of another account.
    #[error(
        "the environment {environment} of {} is of the account {wanted}, and {found}. Nothing was read or written. Name the environment that \
         was meant (--env NAME), or log in to its account",
        path.display()
    )]
    Account {
        /// The file.
        path: PathBuf,
        /// The environment.
        environment: String,
        /// Its account.
        wanted: String,
        /// `these credentials are of 222222222222`.
        found: String,
    },
    /// The table is none of the environment's.
    #[error("the table {table} is none of those of the environment {environment} of {}, which are {tables}; nothing was read or written", path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// The environment.
        environment: String,
        /// What was asked for.
        table: String,
        /// The patterns.
        tables: String,
    },
}

impl From<ConfigError> for crate::Error {
    fn from(error: ConfigError) -> Self {
        use crate::explain::Code;
        let code = match &error {
            ConfigError::Account { .. } => Code::WrongAccount,
            ConfigError::Table { .. } => Code::TableNotAllowed,
            _ => Code::ConfigUnusable,
        };
        Self::Known(code, error.to_string())
    }
}
