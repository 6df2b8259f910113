//! What a journal holds.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::migration::{Direction, FailureKind, LogLine, PolicyTerms, RunContext, SecretArgument};
use crate::model::{Action, ExactlyOnce, Features, Item, Key, MigrationNumber, Rate};

/// What a run is: fixed when it begins. No credentials, ever.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Manifest {
    pub run: String,
    pub host_version: String,
    /// RFC 3339.
    pub created: String,
    pub direction: Direction,
    pub number: MigrationNumber,
    pub name: String,
    pub summary: String,
    pub digest: String,
    pub repeatable: bool,
    pub context: RunContext,
    pub table_arn: String,
    /// DynamoDB's TableId: a table created anew has another.
    pub table_id: String,
    pub segments: u32,
    pub consistent: bool,
    pub page_limit: u32,
    pub filter: Option<String>,
    pub guard: String,
    pub max_errors: String,
    pub grants: Vec<String>,
    /// The plugin's limits that are not the default.
    #[serde(default)]
    pub limits: Vec<String>,
    pub meta_table: String,
    pub conflict_retries: u32,
    #[serde(default)]
    pub exactly_once: ExactlyOnce,
    /// Several actions of one item go each by itself.
    #[serde(default)]
    pub no_atomic: bool,
    /// Actions elsewhere carry a condition on the handed-in item, where no other action does.
    #[serde(default)]
    pub check_source: bool,
    /// Of the items only what the version guard needs is kept.
    #[serde(default)]
    pub no_images: bool,
    /// The run that this one takes back, from its journal.
    #[serde(default)]
    pub restores: Option<String>,
    /// A further round over a table whose migration is applied: it is not recorded once more.
    #[serde(default)]
    pub sweep: bool,
    /// Where the values of secret arguments come from; the values are in no journal.
    #[serde(default)]
    pub secret_arguments: Vec<SecretArgument>,
    /// What the policy leaves it, where there is one.
    #[serde(default)]
    pub policy: Option<PolicyTerms>,
    /// How fast it may read, where that was said.
    #[serde(default)]
    pub max_read_units: Option<Rate>,
    /// How fast it may write, likewise.
    #[serde(default)]
    pub max_write_units: Option<Rate>,
    /// Bytes that its journal may have while it is planned, where that was said.
    #[serde(default)]
    pub journal_max: Option<u64>,
    /// Segments that are scanned, sealed and carried out before the next ones; `None`: all at once.
    #[serde(default)]
    pub window: Option<u32>,
    /// The one segment that this journal has, where each is planned and carried out by a process of its own; `None`: it has all.
    #[serde(default)]
    pub part: Option<u32>,
    /// What it was expected to take, before it began.
    #[serde(default)]
    pub estimate: Option<Estimate>,
    /// What the table had when it began; `None` in journals of before that was asked.
    #[serde(default)]
    pub features: Option<Features>,
    /// Of a global table, the region in which the application writes, and this run too.
    #[serde(default)]
    pub home_region: Option<String>,
    /// DynamoDB makes a backup before anything is written.
    #[serde(default)]
    pub backup: bool,
    pub endpoint_url: Option<String>,
    pub region: Option<String>,
    pub profile: Option<String>,
}

/// What a run is expected to take, before it begins: a bound, as if each item were written once at its size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    /// Items of the table, by DynamoDB's count, which is up to six hours old.
    pub items: u64,
    /// Bytes of the table, as old.
    pub bytes: u64,
    /// Items that were looked at; 0: none, and all else is from the count and the bytes.
    pub sampled: u64,
    /// Items that the filter lets through, by the sample.
    pub matching: u64,
    /// Read units of the scan.
    pub read_units: u64,
    /// Write units, of the table alone, with the doubling and the rows that a proof costs.
    pub write_units: u64,
    /// Secondary indexes: each may cost as much again as the table.
    pub indexes: u32,
    /// Replicas in other regions: each pays for every write there.
    pub replicas: u32,
    /// Bytes of the journal.
    pub journal_bytes: u64,
    /// Seconds of the scan at its rate; `None` without a limit.
    pub seconds_to_first_write: Option<u64>,
    /// Seconds of the whole run at its rates, likewise.
    pub seconds_to_end: Option<u64>,
}

impl Estimate {
    /// Bytes that the journal has at a time: without images, those of the windows that are done are dropped but for their marks.
    pub fn journal_bytes_at_a_time(&self, manifest: &Manifest) -> u64 {
        match manifest.no_images && manifest.has_windows() {
            true => {
                let share =
                    u128::from(self.journal_bytes) * u128::from(manifest.window_segments()) / u128::from(manifest.segments);
                u64::try_from(share).unwrap_or(u64::MAX) + self.items
            }
            false => self.journal_bytes,
        }
    }

    /// Write units if every index is concerned by every write.
    pub fn write_units_with_indexes(&self) -> u64 {
        self.write_units.saturating_mul(u64::from(self.indexes) + 1)
    }
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum RunState {
    Planning,
    Planned,
    Applying,
    Applied,
    Incomplete,
    Interrupted,
    Undone,
    Refused,
}

impl Manifest {
    /// The segments that a journal has, of those before `end`: all of them, or its one.
    pub fn own_segments(&self, end: u32) -> std::ops::Range<u32> {
        match self.part {
            Some(part) => part.min(end)..part.saturating_add(1).min(end),
            None => 0..end,
        }
    }
}

impl RunState {
    const ALL: [(Self, &'static str); 8] = [
        (Self::Planning, "planning"),
        (Self::Planned, "planned"),
        (Self::Applying, "applying"),
        (Self::Applied, "applied"),
        (Self::Incomplete, "incomplete"),
        (Self::Interrupted, "interrupted"),
        (Self::Undone, "undone"),
        (Self::Refused, "refused"),
    ];

    /// Whether nothing follows this state.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Applied | Self::Undone | Self::Refused)
    }
}

/// What changes about a run as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) state: RunState,
    /// So many segments, the first ones, are sealed.
    pub(super) sealed: u32,
    /// So many of them may be written: what failed in their scan, and what is bound, was looked at.
    pub(super) cleared: u32,
    pub(super) counters: Counters,
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL.iter().find(|(state, _)| state == self).map_or("", |(_, name)| name))
    }
}

/// Accumulated over all processes of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Counters {
    pub read_units: f64,
    pub write_units: f64,
    pub plan_seconds: f64,
    pub apply_seconds: f64,
}

/// Where a segment's scan stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct SegmentState {
    pub segment: u32,
    pub cursor: Option<Key>,
    pub done: bool,
    pub pages: u32,
    pub scanned: u64,
}

/// An item that has actions: its place in the page, its image, and the actions as planned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Entry {
    pub position: u32,
    pub image: Item,
    pub actions: Vec<Action>,
}

/// A page of one segment, answered. Committed together with the segment's cursor.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct PageRecord {
    pub segment: u32,
    pub page: u32,
    pub cursor: Option<Key>,
    /// Whether the segment ends with this page.
    pub last: bool,
    pub scanned: u64,
    pub unchanged: u64,
    pub entries: Vec<Entry>,
    pub failures: Vec<OutcomeRecord>,
    /// Position and [`super::key_hash`] of keys written elsewhere; the same twice counts once.
    pub elsewhere: Vec<(u32, u64)>,
    /// What the migration logged about its items with actions.
    pub logs: Logs,
}

/// What a migration logged about items that have actions, of one page: by position, and bounded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logs {
    kept: Vec<(u32, Vec<LogLine>)>,
    left_out: u32,
    bytes: u32,
}

impl Logs {
    /// Bytes of log that a page of up to a thousand items keeps.
    const BYTES: u32 = 32 << 10;

    /// Keeps an item's log, if there is room for all of it.
    pub fn add(&mut self, position: u32, log: Vec<LogLine>) {
        if log.is_empty() {
            return;
        }
        let bytes = log.iter().map(|line| line.message.len() + 1).sum::<usize>();
        let after = u32::try_from(bytes).unwrap_or(u32::MAX).saturating_add(self.bytes);
        if after > Self::BYTES {
            self.left_out += 1;
            return;
        }
        self.bytes = after;
        self.kept.push((position, log));
    }

    /// What was logged about an item; `None` where that may have been left out.
    pub fn of(&self, position: u32) -> Option<&[LogLine]> {
        let found = self.kept.iter().find(|(at, _)| *at == position).map(|(_, log)| log.as_slice());
        found.or_else(|| (self.left_out == 0).then_some(&[]))
    }
}

/// The entries of a page as they are stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Content {
    pub(super) entries: Vec<Entry>,
    pub(super) logs: Logs,
}

/// A page as the writer reads it.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Page {
    pub entries: Vec<Entry>,
    /// For each entry: its newest attempt is marked as sent. If it is not done, it is in doubt.
    pub sent: Vec<bool>,
    /// For each entry: acknowledged, or settled by an outcome.
    pub done: Vec<bool>,
    /// For each entry: it writes a key that another item writes too.
    pub shared: Vec<bool>,
    /// What the migration logged in the scan.
    pub logs: Logs,
}

/// An attempt beyond the first.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct AttemptRecord {
    pub segment: u32,
    pub page: u32,
    pub position: u32,
    pub attempt: u32,
    pub image: Item,
    pub actions: Vec<Action>,
}

/// How an item ended that is not plainly done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeKind {
    /// No answer, or a final refusal.
    Failed,
    /// Deleted meanwhile.
    Skipped,
    /// Sent, and whether it happened is not known.
    Doubtful,
    /// Changed meanwhile so that nothing is left to do.
    Unchanged,
    /// It was in doubt, and a person decided that it is done.
    Settled,
}

/// In which half of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Phase {
    Scan,
    Apply,
}

/// Other code than the run began with, given for items that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Fix {
    pub digest: String,
    pub name: String,
    /// RFC 3339.
    pub at: String,
    pub by: String,
    /// Whether its component is kept; not for a closure.
    pub component: bool,
}

/// All that is kept of one item.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct ItemRecord {
    pub segment: u32,
    pub page: u32,
    pub position: u32,
    /// Image and actions of the first attempt; `None` if the migration had no answer in the scan.
    pub planned: Option<Entry>,
    /// The newest attempt beyond the first.
    pub newest: Option<AttemptRecord>,
    /// The newest attempt is marked as sent.
    pub sent: bool,
    /// Acknowledged, or settled by an outcome.
    pub done: bool,
    /// It writes a key that another item writes too.
    pub shared: bool,
    /// What the migration logged about it in the scan, if it had actions; `None` where no log of it is kept.
    pub log: Option<Vec<LogLine>>,
    pub outcome: Option<OutcomeRecord>,
}

/// What becomes of a failed item that is taken up again.
#[derive(Clone, Debug)]
pub enum TakenUp {
    /// It has an attempt again, which is not sent yet.
    Attempt {
        /// Image and actions. Its number does not count if the item had none before.
        record: AttemptRecord,
        /// It writes other keys: one after the other with all that do.
        shared: bool,
    },
    /// It ends in another way, or in the same again.
    Outcome(OutcomeRecord),
}

/// What a person decides about an item in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It happened.
    Done,
    /// It did not; it is sent again.
    Again,
}

/// An item that is not plainly done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct OutcomeRecord {
    pub segment: u32,
    pub page: u32,
    pub position: u32,
    pub kind: OutcomeKind,
    pub phase: Phase,
    /// The key for people, or why there is none.
    pub key: String,
    /// The key itself; `None` if the item has none that is its table's.
    #[serde(default)]
    pub id: Option<Key>,
    /// The item as the migration saw it.
    #[serde(default)]
    pub image: Option<Item>,
    /// The item as it was found afterwards, where it was looked at.
    #[serde(default)]
    pub present: Option<Item>,
    pub failure: Option<FailureKind>,
    pub message: String,
    pub log: Vec<LogLine>,
    pub backtrace: Option<String>,
    pub attempts: u32,
}
