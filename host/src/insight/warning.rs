//! What should be known before anything is written. Each warning has a section in `docs/warnings.md`.

use std::fmt;

use serde_json::{Value as Json, json};

use super::Insight;
use crate::journal::Manifest;
use crate::model::{Checked, Features};

/// What a warning is about; its name is the section of its page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Code {
    /// The plan writes an attribute of an index's key.
    IndexKey,
    /// The plan writes the attribute by which items expire.
    TtlAttribute,
    /// Items have a number that looks like a version, and no version guards them.
    VersionAttribute,
    /// The table has replicas in other regions.
    GlobalTable,
    /// A stream carries the table's changes.
    Stream,
    /// Items are written in transactions.
    Transactions,
    /// The table cannot be restored to a point in time.
    NoPointInTimeRecovery,
    /// Something could not be asked.
    NotChecked,
}

/// A warning: what it is about, and in a sentence what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// What it is about.
    pub code: Code,
    /// The sentence.
    pub message: String,
}

impl Code {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::IndexKey,
        Self::TtlAttribute,
        Self::VersionAttribute,
        Self::GlobalTable,
        Self::Stream,
        Self::Transactions,
        Self::NoPointInTimeRecovery,
        Self::NotChecked,
    ];

    /// `index-key`, …: stable, and the anchor of its section.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IndexKey => "index-key",
            Self::TtlAttribute => "ttl-attribute",
            Self::VersionAttribute => "version-attribute",
            Self::GlobalTable => "global-table",
            Self::Stream => "stream",
            Self::Transactions => "transactions",
            Self::NoPointInTimeRecovery => "no-point-in-time-recovery",
            Self::NotChecked => "not-checked",
        }
    }
}

impl Warning {
    fn new(code: Code, message: String) -> Self {
        Self { code, message }
    }

    /// Where it is explained.
    pub fn page(&self) -> String {
        format!("docs/warnings.md#{}", self.code.as_str())
    }

    /// `{"code","message","page"}`.
    pub fn to_json(&self) -> Json {
        json!({ "code": self.code.as_str(), "message": self.message, "page": self.page() })
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "warning: {} ({})", self.message, self.page())
    }
}

/// All warnings of a plan.
pub fn warnings(manifest: &Manifest, insight: &Insight) -> Vec<Warning> {
    let mut all = of_plan(manifest, insight);
    all.extend(of_table(manifest));
    all
}

/// What is known before the table is scanned.
pub fn of_table(manifest: &Manifest) -> Vec<Warning> {
    let Some(Features { ttl, point_in_time_recovery, stream, replicas, .. }) = &manifest.features else { return Vec::new() };
    let mut found = Vec::new();
    let table = &manifest.context.table;
    if !replicas.is_empty() {
        let here = manifest.home_region.as_deref().unwrap_or("this region");
        found.push(Warning::new(
            Code::GlobalTable,
            format!(
                "{table} is replicated to {}: conditions hold in {here} only, and an item that the application writes elsewhere meanwhile \
                 may be overwritten",
                replicas.join(", ")
            ),
        ));
    }
    if *stream {
        found.push(Warning::new(Code::Stream, format!("{table} has a stream: whoever reads it sees each write of this run")));
    }
    if *point_in_time_recovery == Checked::Known(false) {
        found.push(Warning::new(
            Code::NoPointInTimeRecovery,
            format!("{table} has no point-in-time recovery: beside the way back by this run's journal, nothing restores it"),
        ));
    }
    let not = |what: &str, why: &str| Warning::new(Code::NotChecked, format!("not checked: {what}: {why}"));
    if let Checked::NotChecked(why) = ttl {
        found.push(not("time to live", why));
    }
    if let Checked::NotChecked(why) = point_in_time_recovery {
        found.push(not("point-in-time recovery", why));
    }
    found
}

/// What is known once the plan is sealed.
pub fn of_plan(manifest: &Manifest, insight: &Insight) -> Vec<Warning> {
    let mut found = Vec::new();
    let concerns = &insight.concerns;
    let features = manifest.features.as_ref();
    for (attribute, items, mistyped) in concerns.index_keys.iter().filter(|(_, items, _)| *items > 0) {
        let keys = features.iter().flat_map(|features| &features.index_keys).filter(|key| key.attribute == *attribute);
        let (indexes, kinds): (Vec<&str>, Vec<&str>) = keys.map(|key| (key.index.as_str(), key.kind.as_str())).unzip();
        let wrong = match mistyped {
            0 => String::new(),
            count => {
                format!("; {} another type than {}, which DynamoDB refuses", gives(*count), kinds.first().unwrap_or(&"its own"))
            }
        };
        found.push(Warning::new(
            Code::IndexKey,
            format!(
                "{} {attribute:?}, a key of the index {}: each such write moves the item in the index, at about twice the write units there{wrong}",
                write(*items),
                indexes.join(", ")
            ),
        ));
    }
    if let (items @ 1.., past) = concerns.ttl {
        let ttl = features.and_then(|features| features.ttl.known()).and_then(Option::as_deref).unwrap_or_default();
        let past = match past {
            0 => String::new(),
            count => format!("; {} a time that is past, and is deleted for it", gives(count)),
        };
        found.push(Warning::new(Code::TtlAttribute, format!("{} {ttl:?}, by which items expire{past}", write(items))));
    }
    if manifest.guard == "item" && insight.items > 0 {
        for (name, items) in &concerns.versions {
            found.push(Warning::new(
                Code::VersionAttribute,
                format!(
                    "{items} of the items to write have a number {name:?}: if the application tells by it whether an item has changed, it does not \
                     see these writes, and overwrites them. --guard version={name} guards by it and increments it"
                ),
            ));
        }
    }
    if concerns.transactions > 0 {
        found.push(Warning::new(
            Code::Transactions,
            format!(
                "{} items are written in a transaction each: what the application writes to them, or to the other items of theirs, at that \
                 moment fails with a TransactionConflict, and each write takes twice the units",
                concerns.transactions
            ),
        ));
    }
    found
}

fn write(items: u64) -> String {
    if items == 1 { "1 item writes".into() } else { format!("{items} items write") }
}

fn gives(items: u64) -> String {
    if items == 1 { "1 gives it".into() } else { format!("{items} give it") }
}
