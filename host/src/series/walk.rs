//! One after the other, and no further than the first that does not end well.

use crate::Error;
use crate::run::Summary;

/// How far it went.
#[derive(Debug)]
pub struct Walk {
    /// What was done, the one that did not end well included, if it came to an end.
    pub done: Vec<Summary>,
    /// The error that one ended with.
    pub error: Option<Error>,
    /// How many were not begun.
    pub left: usize,
}

/// Does `step` with each of these in turn.
pub async fn in_turn<T>(steps: &[T], mut step: impl AsyncFnMut(&T) -> Result<Summary, Error>) -> Walk {
    let mut walk = Walk { done: Vec::new(), error: None, left: steps.len() };
    for one in steps {
        walk.left -= 1;
        match step(one).await {
            Ok(summary) => walk.done.push(summary),
            Err(error) => walk.error = Some(error),
        }
        if !walk.is_well() {
            break;
        }
    }
    walk
}

impl Walk {
    /// Whether all ended well so far.
    pub fn is_well(&self) -> bool {
        self.error.is_none() && self.done.iter().all(|summary| summary.exit_code() == 0)
    }

    /// The exit code of the one that did not end well.
    pub fn exit_code(&self) -> u8 {
        let ended = self.done.last().map_or(0, Summary::exit_code);
        self.error.as_ref().map_or(ended, Error::exit_code)
    }
}
