//! The metadata table: which migrations are applied, and who works on a table at present.
//!
//! `<meta>` holds applied migrations only, in dynamo-drift's form (hash key `Number`, N; `TableName`, `Description`)
//! with more attributes, so that tables of either tool are read by both. `<meta>_runs` (hash key `Id`, S) holds the rows of
//! unfinished runs, the lease of each table and the audit. All of it is written under the table's lease, in one transaction with a
//! check that it is still held: about four write units a row, a handful of rows a run. Nothing here is written by a plan.

mod applied;
mod lease;
mod receipts;
mod repair;
mod steering;
mod workers;

use std::time::Duration;

use crate::dynamo::{Billing, Client, Condition, ErrorKind, Row, ScanRequest};
use crate::explain::Code;
use crate::model::{Item, Key, KeyAttribute, KeySchema, KeyType, MigrationNumber, Value};

pub(crate) use applied::BACKUP;
pub use applied::{Applied, Unrun};
pub use lease::{Lease, LeaseTerms};
pub use receipts::receipts_table;
pub(crate) use repair::MARKED_AT_ONCE;
pub use steering::{Progress, Shares, Wish, Wishes};
pub use workers::{Grant, Wants, Worker};

/// How long a new table may take to become active.
const CREATION: Duration = Duration::from_secs(120);

/// An error of the metadata tables.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// DynamoDB.
    #[error("the metadata table: {0}")]
    DynamoDb(#[from] crate::dynamo::Error),
    /// The table is being worked on.
    #[error(
        "the table {table} is being worked on by run {holder} ({owner}). Wait until it has ended; a run that died is taken over {seconds} s after its last sign of life, or goes on at once with `drift-host apply {holder}` where its journal is"
    )]
    Held {
        /// The table.
        table: String,
        /// The run that holds the lease.
        holder: String,
        /// Who started it, where and when.
        owner: String,
        /// The length of the lease in seconds.
        seconds: u64,
    },
    /// The lease was lost while working.
    #[error("the lease of table {table} was lost by run {run}: {reason}; nothing more is written")]
    Lost {
        /// The table.
        table: String,
        /// Why.
        reason: String,
        /// This run.
        run: String,
    },
    /// Nobody holds the lease for a run of which this process does a part.
    #[error(
        "nobody leads run {run} on the table {table} at present, so that no segment of it is written. Start `drift-host lead` with the same --journal, and try again"
    )]
    NotLed {
        /// The table.
        table: String,
        /// The run.
        run: String,
    },
    /// A row that cannot be read.
    #[error(
        "a row of the metadata table {table} cannot be read: {problem}. Is it really a metadata table of drift-host or dynamo-drift? Name another with --meta-table"
    )]
    Row {
        /// The metadata table.
        table: String,
        /// What is wrong.
        problem: String,
    },
}

impl Error {
    /// See [`crate::Error::code`].
    pub fn code(&self) -> Code {
        match self {
            Self::DynamoDb(error) => error.kind().explained(),
            Self::Held { .. } => Code::TableHeld,
            Self::Lost { .. } => Code::LeaseLost,
            Self::NotLed { .. } => Code::NotLed,
            Self::Row { .. } => Code::MetadataUnreadable,
        }
    }
}

/// A run that has begun to write and is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// Its id.
    pub run: String,
    /// The migration's number.
    pub number: MigrationNumber,
    /// The table.
    pub table: String,
    /// `migrate` or `undo`.
    pub direction: String,
    /// Its state.
    pub state: String,
    /// Who started it, where and when.
    pub owner: String,
    /// What its migration states: run again on its own result, nothing further happens.
    pub repeatable: bool,
}

impl Unfinished {
    /// What to do with it, in the words of the command line. An undo is gone on with: nobody takes it back half-way.
    pub fn ways(&self) -> String {
        let run = &self.run;
        match self.direction.as_str() {
            "undo" => format!("drift-host apply {run} goes on with its undo"),
            _ => format!("drift-host apply {run} goes on, drift-host undo --run {run} goes back"),
        }
    }
}

/// A line of the audit: what people decided, and ways back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// When, RFC 3339.
    pub at: String,
    /// What, and by whom.
    pub what: String,
}

/// The metadata tables of one name.
#[derive(Clone)]
pub struct History {
    client: Client,
    meta: String,
    terms: LeaseTerms,
}

fn runs_table(meta: &str) -> String {
    format!("{meta}_runs")
}

/// Whether a table, by its name or ARN, is one that drift-host keeps for itself: no migration writes there, whatever was granted.
pub fn is_own(meta: &str, table: &str) -> bool {
    let name = table.rsplit('/').next().unwrap_or(table);
    name == meta || name == runs_table(meta) || name == receipts_table(meta)
}

impl History {
    /// The history in the table `meta` and its companion `<meta>_runs`.
    pub fn new(client: Client, meta: &str) -> Self {
        // Who works on what must not wait for the rates of a migration, and least of all for one that is paused.
        Self { client: client.ahead(), meta: meta.to_owned(), terms: LeaseTerms::default() }
    }

    /// The same in another metadata table.
    #[must_use]
    pub fn of(&self, meta: &str) -> Self {
        Self { meta: meta.to_owned(), ..self.clone() }
    }

    /// With leases on other terms.
    #[must_use]
    pub fn lease_terms(mut self, terms: LeaseTerms) -> Self {
        self.terms = terms;
        self
    }

    /// After so long, no process that followed a lease which was given back writes any more.
    pub(crate) fn lease_length(&self) -> Duration {
        self.terms.length
    }

    /// How often a lease is renewed, and a run looks at what people want of it.
    pub(crate) fn between_renewals(&self) -> Duration {
        self.terms.between_renewals()
    }

    /// A process of a shared run that could not say anything for so long takes nothing any more.
    pub(crate) fn silent_after(&self) -> Duration {
        self.terms.between_renewals() * 2
    }

    /// Whoever was not heard of for so long has taken nothing for a while: it is given up as lost, and others may have its share. What
    /// was sent until then has been answered, or was never many calls.
    pub(crate) fn lost_after(&self) -> Duration {
        self.terms.between_renewals() * 4
    }

    fn runs_table(&self) -> String {
        runs_table(&self.meta)
    }

    /// Creates both tables where they are missing, and waits until they are active.
    pub async fn init(&self, billing: &Billing) -> Result<(), Error> {
        let schema = |name: &str, kind| KeySchema { partition: KeyAttribute { name: name.into(), kind }, sort: None };
        for (table, key) in [(self.meta.clone(), schema("Number", KeyType::N)), (self.runs_table(), schema("Id", KeyType::S))] {
            if self.client.create_table(&table, &key, billing).await? {
                self.client.wait_until_active(&table, CREATION).await?;
            }
        }
        Ok(())
    }

    /// All applied migrations in the order of their numbers. A metadata table that does not exist has none.
    pub async fn applied(&self) -> Result<Vec<Applied>, Error> {
        let rows = self.all(&self.meta).await?;
        let mut applied = rows.iter().map(|row| self.read(row)).collect::<Result<Vec<_>, _>>()?;
        applied.sort_by_key(|row| row.number);
        Ok(applied)
    }

    /// The row of one migration.
    pub async fn find(&self, number: MigrationNumber) -> Result<Option<Applied>, Error> {
        match self.client.get_item(&self.meta, &number_key(number), true).await {
            Ok(row) => row.map(|row| self.read(&row)).transpose(),
            Err(error) if error.kind() == ErrorKind::TableMissing => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Records a migration as applied; a number that another run has recorded meanwhile is refused.
    pub async fn record(&self, applied: &Applied, lease: &Lease) -> Result<(), Error> {
        let mine = condition(
            "attribute_not_exists(#n) OR #r = :run",
            &[("#n", "Number"), ("#r", "Run")],
            [(":run", Value::from(applied.run.as_str()))].into_iter().collect(),
        );
        let key = number_key(applied.number);
        match lease.write(vec![Row::Put { table: self.meta.clone(), key, item: applied.row(), condition: Some(mine) }]).await? {
            None => Ok(()),
            Some(_) => {
                let problem = format!("migration {} was recorded by another run meanwhile", applied.number);
                Err(Error::Row { table: self.meta.clone(), problem })
            }
        }
    }

    /// Takes a migration out: it was undone.
    pub async fn remove(&self, number: MigrationNumber, lease: &Lease) -> Result<(), Error> {
        let row = Row::Delete { table: self.meta.clone(), key: number_key(number), condition: None };
        lease.write(vec![row]).await.map(drop)
    }

    /// The runs that have begun and are not done.
    pub async fn unfinished(&self) -> Result<Vec<Unfinished>, Error> {
        let rows = self.all(&self.runs_table()).await?;
        Ok(rows.iter().filter_map(read_run).collect())
    }

    /// Writes a run's row.
    pub async fn put_run(&self, run: &Unfinished, lease: &Lease) -> Result<(), Error> {
        let id = format!("run#{}", run.run);
        let row: Item = [
            ("Id", Value::from(id.as_str())),
            ("Number", run.number.get().into()),
            ("TableName", run.table.as_str().into()),
            ("Direction", run.direction.as_str().into()),
            ("State", run.state.as_str().into()),
            ("Owner", run.owner.as_str().into()),
            ("Repeatable", run.repeatable.into()),
        ]
        .into_iter()
        .collect();
        let row = Row::Put { table: self.runs_table(), key: id_key(&id), item: row, condition: None };
        lease.write(vec![row]).await.map(drop)
    }

    /// Removes a run's row, if it is there: it is done, or nothing of it was written. With a line for the audit, which stays.
    pub async fn end_run(&self, run: &str, audit: Option<&str>, lease: &Lease) -> Result<(), Error> {
        let table = self.runs_table();
        let gone = [format!("run#{run}"), steering::row_id(run)];
        let gone = gone.map(|id| Row::Delete { table: table.clone(), key: id_key(&id), condition: None });
        let audit = audit.map(|line| {
            let id = format!("audit#{run}");
            let item = [("Id", Value::from(id.as_str())), ("What", line.into()), ("At", now().into())].into_iter().collect();
            Row::Put { table, key: id_key(&id), item, condition: None }
        });
        lease.write(gone.into_iter().chain(audit).collect()).await.map(drop)
    }

    async fn all(&self, table: &str) -> Result<Vec<Item>, Error> {
        let mut rows = Vec::new();
        let mut start = None;
        loop {
            let request =
                ScanRequest { table: table.into(), segment: 0, segments: 1, consistent: true, limit: 1000, filter: None, start };
            match self.client.scan_page(&request).await {
                Ok(page) => {
                    rows.extend(page.items);
                    start = page.cursor;
                }
                Err(error) if error.kind() == ErrorKind::TableMissing => return Ok(rows),
                Err(error) => return Err(error.into()),
            }
            if start.is_none() {
                return Ok(rows);
            }
        }
    }

    fn read(&self, row: &Item) -> Result<Applied, Error> {
        Applied::read(row).map_err(|problem| Error::Row { table: self.meta.clone(), problem })
    }
}

/// The present time, RFC 3339 in UTC, to the second.
pub fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn read_run(row: &Item) -> Option<Unfinished> {
    let text = |name: &str| row.get(name).and_then(Value::as_s).unwrap_or_default().to_owned();
    let run = text("Id").strip_prefix("run#")?.to_owned();
    let number = row.get("Number")?.as_n()?.as_str().parse().ok()?;
    Some(Unfinished {
        run,
        number,
        table: text("TableName"),
        direction: text("Direction"),
        state: text("State"),
        owner: text("Owner"),
        repeatable: row.get("Repeatable").and_then(Value::as_bool).unwrap_or_default(),
    })
}

fn number_key(number: MigrationNumber) -> Key {
    Key::from_attributes([("Number", Value::from(number.get()))].into_iter().collect())
}

fn id_key(id: &str) -> Key {
    Key::from_attributes([("Id", Value::from(id))].into_iter().collect())
}

fn condition(expression: &str, names: &[(&str, &str)], values: Item) -> Condition {
    let names = names.iter().map(|(placeholder, name)| ((*placeholder).to_owned(), (*name).to_owned())).collect();
    Condition { expression: expression.to_owned(), names, values }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_here_is_known_by_name_and_arn_and_nothing_else_is() {
        let arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/meta_runs";
        assert!(["meta", "meta_runs", "meta_receipts", arn].iter().all(|table| is_own("meta", table)));
        assert!(["met", "meta2", "meta_run", "Things", ""].iter().all(|table| !is_own("meta", table)));
    }
}
