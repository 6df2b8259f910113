//! What an author of migrations uses before there is a table: projects are made and built, and migrations tested on
//! fixtures.
//!
//! Promised here: a test touches no table and no network; values recorded from a table are masked unless the operator asked
//! for them; a build runs the language's own tools without the AWS variables of this process and without install scripts.

pub mod build;
pub mod fixture;
mod mask;
mod record;
mod sdk;
pub mod template;

pub use mask::Mask;
pub use record::Recorder;

/// What stands in an author's way: a sentence with what was tried and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Error(pub String);

impl From<Error> for crate::Error {
    fn from(error: Error) -> Self {
        Self::Known(crate::explain::Code::Project, error.0)
    }
}

/// An error about a file or folder.
fn at(path: &std::path::Path, problem: impl std::fmt::Display) -> Error {
    Error(format!("{}: {problem}", path.display()))
}
