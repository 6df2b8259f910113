//! What a run is, and how far it is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::migration::{Direction, RunContext};
use crate::model::MigrationNumber;

/// All that decides a run, fixed when it begins: a resumed run is this run. Holds no credentials and no other secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The run's id: see [`super::new_run_id`].
    pub run: String,
    /// The version of drift-host that began it.
    pub host_version: String,
    /// When it was created, RFC 3339 in UTC.
    pub created: String,
    /// Forward or back.
    pub direction: Direction,
    /// The migration.
    pub migration: MigrationIdentity,
    /// What the migration is told: table, key, start and arguments.
    pub context: RunContext,
    /// The table's ARN, where the service tells one.
    pub table_arn: Option<String>,
    /// The table's unique id (`TableId`), which a table of the same name made anew does not have.
    pub table_id: Option<String>,
    /// Into how many segments the scan is split: 1 to 1,000,000.
    pub segments: u32,
    /// Whether the scan reads consistently.
    pub consistent: bool,
    /// The `Limit` of a page, in items; `None` leaves it to DynamoDB's megabyte.
    pub page_limit: Option<u32>,
    /// `--filter`, as written.
    pub filter: Option<String>,
    /// `--guard`, as written: `item` or `version=ATTR`.
    pub guard: String,
    /// `--max-errors`, as written: a number, or a share such as `2%`.
    pub max_errors: Option<String>,
    /// The grants given, as `access:table`.
    pub grants: Vec<String>,
    /// The metadata table.
    pub meta_table: String,
    /// Where the table was reached.
    pub connection: Connection,
    /// How often the migration may run again on one item after conflicts.
    pub conflict_retries: u32,
}

/// Which migration a run is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationIdentity {
    /// Its place in the history.
    pub number: MigrationNumber,
    /// Its name.
    pub name: String,
    /// What it does, in a sentence.
    pub summary: String,
    /// `sha256:…` of a component, or the name and version of a closure.
    pub digest: String,
    /// Whether it states to be repeatable.
    pub repeatable: bool,
}

/// How a table was reached, so that a resumed run reaches the same one. Never credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// `--endpoint-url`.
    pub endpoint_url: Option<String>,
    /// The region in use.
    pub region: Option<String>,
    /// `--profile`.
    pub profile: Option<String>,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// It scans and asks the migration.
    Planning,
    /// The plan is sealed; nothing is written yet.
    Planned,
    /// It writes to the table.
    Applying,
    /// Every item is done, and the history says so.
    Applied,
    /// It ended, and some items failed or stay in doubt.
    Incomplete,
    /// It was stopped and can go on.
    Interrupted,
    /// What it did was undone.
    Undone,
    /// It was not allowed to go on: too many failed items, a grant, a policy.
    Refused,
}

impl RunState {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Planning,
        Self::Planned,
        Self::Applying,
        Self::Applied,
        Self::Incomplete,
        Self::Interrupted,
        Self::Undone,
        Self::Refused,
    ];

    /// The word used in output and in rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planning => "planning",
            Self::Planned => "planned",
            Self::Applying => "applying",
            Self::Applied => "applied",
            Self::Incomplete => "incomplete",
            Self::Interrupted => "interrupted",
            Self::Undone => "undone",
            Self::Refused => "refused",
        }
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RunState {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|state| state.as_str() == word).ok_or_else(|| format!("{word:?} is no state of a run"))
    }
}

/// What a run has spent, summed over every process that worked on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Read capacity units.
    pub read_units: f64,
    /// Write capacity units.
    pub write_units: f64,
    /// Seconds spent planning.
    pub plan_seconds: f64,
    /// Seconds spent applying.
    pub apply_seconds: f64,
}

/// What sealing found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// Pages in the plan.
    pub pages: u64,
    /// Items with actions.
    pub entries: u64,
    /// Keys elsewhere that several items write.
    pub shared_keys: u64,
    /// Items that write such a key: applied one after the other.
    pub shared_entries: u64,
}

/// One segment of the scan.
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentState {
    /// Its number, from 0.
    pub segment: u32,
    /// Where its scan goes on; `None` at its start and at its end.
    pub cursor: Option<crate::model::Key>,
    /// Whether it was scanned to its end.
    pub done: bool,
    /// Pages committed; also the number of the next one.
    pub pages: u64,
    /// Items scanned.
    pub scanned: u64,
}
