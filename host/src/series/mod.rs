//! A series: the migrations of a folder in the order of their numbers, and where each stands in the history of one table.
//!
//! Promised here:
//! 1. A folder holds components (`.wasm`), files of JavaScript (`.js`, `.mjs`) and projects, side by side; folders in it that are no
//!    project, and all other files, are named as ignored. A file that should be a migration and is none, and two that say the same
//!    number, are errors of their own: nothing is applied from a folder that is not understood as a whole.
//! 2. The order is that of the numbers that the migrations say (`describe`), never of the files' names.
//! 3. What would be done is decided as a whole, before anything is done; what stands against it refuses all of it.
//! 4. One after the other, and no further than the first that does not end well.
//!
//! Reading a folder compiles each component that the cache does not know (0.1 s for Rust, 4.5 s for Python) and keeps of each what it
//! says, not its code. The history is read twice a folder: its rows, and those of unfinished runs.

mod course;
mod folder;
mod standing;
mod walk;

use std::fmt;
use std::path::PathBuf;

use crate::model::{Description, MigrationNumber};

pub use course::{Back, Way};
pub use standing::{Standing, Standings, State};
pub use walk::{Walk, in_turn};

/// The migrations of a folder, in the order of their numbers.
#[derive(Clone, Debug)]
pub struct Series {
    /// The folder.
    pub dir: PathBuf,
    /// Its migrations.
    pub members: Vec<Member>,
    /// What should be a migration and cannot be one.
    pub unusable: Vec<Unusable>,
    /// What is none, by its name in the folder.
    pub ignored: Vec<String>,
}

/// A migration of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The component, the file or the project.
    pub path: PathBuf,
    /// What it says about itself.
    pub description: Description,
    /// What it is, byte for byte.
    pub digest: String,
    /// Whether it has an `undo`.
    pub reversible: bool,
}

impl Member {
    /// Its place in the history.
    pub fn number(&self) -> MigrationNumber {
        self.description.number
    }
}

/// Something of a folder that should be a migration and cannot be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// The component, the file or the project.
    pub path: PathBuf,
    /// Why, and what to do.
    pub problem: String,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display().to_string();
        match self.problem.starts_with(&path) {
            true => f.write_str(&self.problem),
            false => write!(f, "{path}: {}", self.problem),
        }
    }
}
