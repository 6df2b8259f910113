//! What a run is, and how it ended, for whoever observes it.

use std::path::PathBuf;

use super::Event;
use super::error::Error;
use super::flow::Run;
use super::summary::Summary;
use crate::journal::{Counts, Journal, Manifest};
use crate::migration::Direction;
use crate::model::MigrationNumber;

/// What a run is: the same, whichever process is at work on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Its id.
    pub run: String,
    /// The migration's number.
    pub number: MigrationNumber,
    /// The migration's name.
    pub name: String,
    /// The table's name.
    pub table: String,
    /// There or back.
    pub direction: Direction,
    /// Where its journal is on this machine; of a run that processes share, where the run is kept.
    pub journal: PathBuf,
}

impl About {
    pub(super) fn of(journal: &Journal) -> Self {
        Self::at(journal.manifest(), journal.path().to_owned())
    }

    pub(super) fn at(manifest: &Manifest, journal: PathBuf) -> Self {
        Self {
            run: manifest.run.clone(),
            number: manifest.number,
            name: manifest.name.clone(),
            table: manifest.context.table.clone(),
            direction: manifest.direction,
            journal,
        }
    }
}

/// How a process's work on a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The run's id.
    pub run: String,
    /// The state that it is left in, as a summary has it.
    pub state: String,
    /// Items and actions, by the journal: of all processes that were at work on it.
    pub counts: Counts,
    /// What it ended with, if that was an error: the code of it.
    pub error: Option<&'static str>,
}

impl End {
    fn of(journal: &Journal, ended: &Result<Summary, Error>) -> Self {
        let run = journal.manifest().run.clone();
        match ended {
            Ok(summary) => Self { run, state: summary.state.clone(), counts: summary.counts, error: None },
            Err(error) => {
                // What cannot be counted in a broken journal is told as nothing.
                let state = journal.state().map_or_else(|_| "unknown".to_owned(), |state| state.to_string());
                Self { run, state, counts: journal.counts().unwrap_or_default(), error: Some(error.code().as_str()) }
            }
        }
    }
}

impl Run {
    /// Tells what it is.
    pub(super) fn begun(&self) {
        (self.migrator.observer)(Event::Begun(Box::new(About::of(&self.journal))));
    }

    /// Sums up, and tells how it ended.
    pub(super) async fn ended(self, result: Result<(), Error>) -> Result<Summary, Error> {
        let (observer, journal) = (self.migrator.observer.clone(), self.journal.clone());
        let ended = self.summed_up(result).await;
        observer(Event::Ended(Box::new(End::of(&journal, &ended))));
        ended
    }
}
