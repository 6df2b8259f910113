//! What a run is asked to do, decoded once.

use std::fmt;
use std::str::FromStr;

use crate::migration::{PolicyTerms, SecretArgument};
pub use crate::model::{ExactlyOnce, Rate};

/// How many items may fail before nothing is written: a count, or a share of the scanned items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxErrors {
    /// So many items.
    Count(u64),
    /// So many of a hundred.
    Percent(u8),
}

impl Default for MaxErrors {
    fn default() -> Self {
        Self::Count(0)
    }
}

impl MaxErrors {
    /// Whether `failed` of `scanned` items may fail.
    pub fn allows(self, failed: u64, scanned: u64) -> bool {
        match self {
            Self::Count(count) => failed <= count,
            Self::Percent(percent) => u128::from(failed) * 100 <= u128::from(scanned) * u128::from(percent),
        }
    }
}

impl FromStr for MaxErrors {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a number of items (3) nor a share (5%)");
        match text.strip_suffix('%') {
            Some(percent) => percent.parse().ok().filter(|percent| *percent <= 100).map(Self::Percent).ok_or_else(wrong),
            None => text.parse().map(Self::Count).map_err(|_| wrong()),
        }
    }
}

impl fmt::Display for MaxErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

/// The options of a run. [`RunOptions::new`] gives the defaults of the command line.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// The table: a name or an ARN.
    pub table: String,
    /// Slots of the pool. Default: the cores.
    pub concurrency: usize,
    /// Chunks of writes on their way at a time. Default 8.
    pub writes_in_flight: usize,
    /// Segments of the scan. Default 4.
    pub segments: u32,
    /// Whether the scan reads consistently. Default true, as dynamo-drift did.
    pub consistent: bool,
    /// A FilterExpression with literals.
    pub filter: Option<String>,
    /// Stop the scan at the first failed item.
    pub fail_fast: bool,
    /// How many items may fail. Default none.
    pub max_errors: MaxErrors,
    /// Arguments for the migration.
    pub arguments: Vec<(String, String)>,
    /// Arguments whose values are read from the environment at each start, and kept nowhere.
    pub secret_arguments: Vec<SecretArgument>,
    /// What the policy leaves the run. Default none.
    pub policy: Option<PolicyTerms>,
    /// `item`, or `version=ATTRIBUTE`.
    pub guard: String,
    /// The grants, as text, kept with the run.
    pub grants: Vec<String>,
    /// The plugin's limits that are not the default, as text, kept with the run so that it goes on with them.
    pub limits: Vec<String>,
    /// How often a migration runs again on an item that changed meanwhile. Default 5.
    pub conflict_retries: u32,
    /// The proof that each item's actions happened. Default none.
    pub exactly_once: ExactlyOnce,
    /// Send several actions of one item one by one: inserts, updates, deletes. Default false; not with a proof.
    pub no_atomic: bool,
    /// Guard actions that all lie elsewhere by the handed-in item all the same. Default false.
    pub check_source: bool,
    /// Keep no images of the items, only what a version guard needs. Default false. Gives up the way back by the host.
    pub no_images: bool,
    /// Scan, seal and carry out so many segments before the next ones are scanned; kept with the run. Not for a plan, nor for
    /// migrations that make items in the migrated table. Default: all at once.
    pub window: Option<u32>,
    /// Carry so many items out first, look at them, and ask before the rest. Default none.
    pub canary: Option<u32>,
    /// Read units a second, of all calls, kept with the run. Default: what the run began with; else, on anything not local, a quarter
    /// of what the table has.
    pub max_read_units: Option<Rate>,
    /// Write units a second, of all calls. Default: likewise.
    pub max_write_units: Option<Rate>,
    /// Of a global table, the region in which the application writes: a run there is refused anywhere else, and without it.
    pub home_region: Option<String>,
    /// Refuse a table that has no point-in-time recovery, or of which that is not known. Default false.
    pub require_pitr: bool,
    /// Have DynamoDB make a backup of the table before anything is written, or write nothing. Default false.
    pub backup: bool,
    /// Bytes to which the plan may make the journal grow, kept with the run; then it stops, and can be gone on with. Default: what
    /// the run began with; else as many as the disk has.
    pub journal_max: Option<u64>,
}

impl RunOptions {
    /// The defaults, on this table.
    pub fn new(table: impl Into<String>) -> Self {
        Self {
            table: table.into(),
            concurrency: std::thread::available_parallelism().map_or(1, usize::from),
            writes_in_flight: 8,
            segments: 4,
            consistent: true,
            filter: None,
            fail_fast: false,
            max_errors: MaxErrors::default(),
            arguments: Vec::new(),
            secret_arguments: Vec::new(),
            policy: None,
            guard: "item".into(),
            grants: Vec::new(),
            limits: Vec::new(),
            conflict_retries: 5,
            exactly_once: ExactlyOnce::No,
            no_atomic: false,
            check_source: false,
            no_images: false,
            window: None,
            canary: None,
            max_read_units: None,
            max_write_units: None,
            home_region: None,
            require_pitr: false,
            backup: false,
            journal_max: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn max_errors_is_a_count_or_a_share() {
        assert_eq!("3".parse(), Ok(MaxErrors::Count(3)));
        assert!("5%".parse::<MaxErrors>().unwrap().allows(5, 100));
        assert!(!"5%".parse::<MaxErrors>().unwrap().allows(6, 100));
        assert!(!MaxErrors::default().allows(1, 1000));
        for wrong in ["", "x", "101%", "-1", "%"] {
            assert!(wrong.parse::<MaxErrors>().is_err(), "{wrong}");
        }
    }
}
