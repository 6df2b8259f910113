//! Filters of a scan, as a person types them.

use crate::model::Item;

/// A checked filter, ready to be sent with a scan.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    text: String,
    pub(super) expression: String,
    pub(super) names: Vec<(String, String)>,
    pub(super) values: Item,
}

/// Why a text is no filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the filter is wrong at character {position}: {problem}")]
pub struct FilterError {
    /// Where, in characters from 1.
    pub position: usize,
    /// What is wrong, and what is expected.
    pub problem: String,
}

impl Filter {
    /// Reads a filter such as `status = "open" AND NOT attribute_exists(archived)`.
    pub fn parse(_text: &str) -> Result<Self, FilterError> {
        Err(FilterError { position: 1, problem: "filters are not readable yet".into() })
    }

    /// The filter as it was typed.
    pub fn text(&self) -> &str {
        &self.text
    }
}
