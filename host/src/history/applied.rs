//! The row of an applied migration, as it is kept, and what it tells.
//!
//! Rows of dynamo-drift have a number, a table and a description, and those of older versions of drift-host fewer details: what a row does
//! not have is not told, and never guessed.

use crate::model::{Item, MigrationNumber, MigrationNumberError, Value};

/// The detail that says why a row is there though drift-host ran nothing.
const UNRUN: &str = "unrun";

/// The detail with the ARN of the backup that was made before the run wrote anything.
pub(crate) const BACKUP: &str = "backup";

/// A migration that is recorded as applied. What dynamo-drift did not write is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Its number.
    pub number: MigrationNumber,
    /// The table it was applied to.
    pub table: String,
    /// dynamo-drift's description; ours is the migration's summary, or its name.
    pub description: String,
    /// Its name.
    pub name: String,
    /// What it was, byte for byte.
    pub digest: String,
    /// When the run began, RFC 3339.
    pub started: String,
    /// When it was recorded, RFC 3339.
    pub finished: String,
    /// The run's id; empty where drift-host ran nothing.
    pub run: String,
    /// Counts, units and versions, as names and texts.
    pub details: Vec<(String, String)>,
}

/// Why a migration counts as applied that drift-host did not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unrun {
    /// It is of a baseline: the table was so when drift-host came to it.
    Baseline,
    /// Somebody marked it.
    Marked,
}

impl Unrun {
    /// The word in the row.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Marked => "marked",
        }
    }

    /// As a detail of a row.
    pub(crate) fn detail(self) -> (String, String) {
        (UNRUN.to_owned(), self.as_str().to_owned())
    }
}

impl Applied {
    /// A detail by its name.
    pub fn detail(&self, name: &str) -> Option<&str> {
        self.details.iter().find(|(has, _)| has == name).map(|(_, text)| text.as_str())
    }

    /// Who applied it: user and host.
    pub fn by(&self) -> Option<&str> {
        self.detail("by").map(|by| by.split(',').next().unwrap_or(by))
    }

    /// The ARN of the backup that was made before it wrote anything; `None` also where another process made it than recorded the run: the audit
    /// has it then.
    pub fn backup(&self) -> Option<&str> {
        self.detail(BACKUP)
    }

    /// How long it was at work, in seconds; of a row without that, from the run's beginning to its end.
    pub fn seconds(&self) -> Option<f64> {
        if let Some(seconds) = self.detail("seconds") {
            return seconds.parse().ok();
        }
        let time = |text: &str| text.parse::<jiff::Timestamp>().ok();
        let (started, finished) = (time(&self.started)?, time(&self.finished)?);
        (!self.run.is_empty()).then(|| (finished.as_millisecond() - started.as_millisecond()) as f64 / 1e3)
    }

    /// A count by its name: `scanned`, `changed`, `conflicts`, `skipped`.
    pub fn count(&self, name: &str) -> Option<u64> {
        self.detail(name)?.parse().ok()
    }

    /// Why it counts as applied without a run; `None` of what was run, here or by dynamo-drift.
    pub fn unrun(&self) -> Option<Unrun> {
        let word = self.detail(UNRUN)?;
        [Unrun::Baseline, Unrun::Marked].into_iter().find(|unrun| unrun.as_str() == word)
    }

    /// Whether code with this digest is what was applied: also where its failed items were done by it, and where nobody wrote down what
    /// was applied.
    pub fn is(&self, digest: &str) -> bool {
        self.digest.is_empty() || self.digest == digest || self.detail("fixed_digest") == Some(digest)
    }

    /// What orders applied migrations by when they were: times are to the second, and within one the numbers rise.
    pub(crate) fn order(&self) -> (&str, &str, MigrationNumber) {
        (&self.finished, &self.started, self.number)
    }

    /// The row as it is kept.
    pub(super) fn row(&self) -> Item {
        let mut row: Item = [("Number", Value::from(self.number.get()))].into_iter().collect();
        for (name, text) in [
            ("TableName", &self.table),
            ("Description", &self.description),
            ("Name", &self.name),
            ("Digest", &self.digest),
            ("Started", &self.started),
            ("Finished", &self.finished),
            ("Run", &self.run),
        ] {
            row.insert(name, Value::from(text.as_str()));
        }
        let details = self.details.iter().map(|(name, text)| (name.as_str(), Value::from(text.as_str())));
        row.insert("Details", Value::M(details.collect()));
        row
    }

    /// From the row; the error says what is wrong with it.
    pub(super) fn read(row: &Item) -> Result<Self, String> {
        let number = row.get("Number").and_then(Value::as_n).ok_or_else(|| "it has no Number".to_owned())?;
        let number = number.as_str().parse().map_err(|error: MigrationNumberError| error.to_string())?;
        let text = |name: &str| row.get(name).and_then(Value::as_s).unwrap_or_default().to_owned();
        let details = match row.get("Details") {
            Some(Value::M(map)) => {
                map.iter().filter_map(|(name, value)| Some((name.to_owned(), value.as_s()?.to_owned()))).collect()
            }
            _ => Vec::new(),
        };
        Ok(Self {
            number,
            table: text("TableName"),
            description: text("Description"),
            name: text("Name"),
            digest: text("Digest"),
            started: text("Started"),
            finished: text("Finished"),
            run: text("Run"),
            details,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a run leaves it, with these details.
    fn row(details: &[(&str, &str)]) -> Applied {
        let details = details.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        let text = |text: &str| text.to_owned();
        Applied {
            number: 7.into(),
            table: text("Things"),
            description: text("what it does"),
            name: text("shout"),
            digest: text("sha256:one"),
            started: text("2026-11-26T17:00:00Z"),
            finished: text("2026-11-26T17:01:30Z"),
            run: text("20261126-170000-abcd"),
            details,
        }
    }

    #[test]
    fn a_row_is_read_as_it_was_written_and_tells_by_whom_how_long_and_how_many() {
        let whole = row(&[("by", "ann@desk, process 7, since 2026"), ("changed", "12"), ("scanned", "30"), ("seconds", "4.5")]);
        assert_eq!(Applied::read(&whole.row()).unwrap(), whole);
        assert_eq!((whole.by(), whole.seconds(), whole.count("changed")), (Some("ann@desk"), Some(4.5), Some(12)));
        assert_eq!((whole.unrun(), whole.backup()), (None, None));
        let arn = "arn:aws:dynamodb:us-east-1:1:table/Things/backup/7";
        assert_eq!(row(&[(BACKUP, arn)]).backup(), Some(arn));
    }

    #[test]
    fn what_an_older_row_lacks_is_not_told() {
        let old = row(&[]);
        assert_eq!((old.by(), old.seconds(), old.count("changed")), (None, Some(90.0), None));
        let number: Item = [("Number", Value::from(3)), ("Description", "by hand".into())].into_iter().collect();
        let theirs = Applied::read(&number).unwrap();
        assert_eq!((theirs.by(), theirs.seconds(), theirs.unrun()), (None, None, None));
        assert!(theirs.is("sha256:any"), "dynamo-drift keeps no digest");
    }

    #[test]
    fn what_was_applied_is_known_by_its_digest_and_that_of_its_fix() {
        let fixed = row(&[("fixed_digest", "sha256:two")]);
        assert!(fixed.is("sha256:one") && fixed.is("sha256:two") && !fixed.is("sha256:three"));
        for unrun in [Unrun::Baseline, Unrun::Marked] {
            let detail = unrun.detail();
            assert_eq!(row(&[(&detail.0, &detail.1)]).unrun(), Some(unrun));
        }
    }
}
