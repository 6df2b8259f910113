//! What counts as applied, or does not, because a person says so: a baseline, and marks by hand. Nothing is run, no item is looked
//! at, and each is said in the audit together with the row that it changes.

use super::error::Error;
use super::{Migrator, owner};
use crate::dynamo::Billing;
use crate::explain::Code;
use crate::history::{Applied, Lease, MARKED_AT_ONCE, Unrun, now};
use crate::migration::Migration;
use crate::model::{Description, MigrationNumber};

/// A migration that is to count as applied without having been run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Its number.
    pub number: MigrationNumber,
    /// Its name; empty where nobody knows more than its number.
    pub name: String,
    /// What it does.
    pub summary: String,
    /// What it is, byte for byte; empty likewise.
    pub digest: String,
}

impl Counted {
    /// One that is known by its number only: whatever code has that number is it.
    pub fn by_number(number: MigrationNumber) -> Self {
        Self { number, name: String::new(), summary: String::new(), digest: String::new() }
    }

    /// What describes itself so, and has this digest.
    pub fn described(description: &Description, digest: &str) -> Self {
        Self {
            number: description.number,
            name: description.name.clone(),
            summary: description.summary.clone(),
            digest: digest.to_owned(),
        }
    }

    /// This migration.
    pub fn of(migration: &dyn Migration) -> Self {
        Self::described(migration.description(), migration.digest())
    }

    fn row(&self, table: &str, unrun: Unrun) -> Applied {
        let or = |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_owned() };
        let (at, name) = (now(), or(&self.name, "not known"));
        Applied {
            number: self.number,
            table: table.to_owned(),
            description: or(&self.summary, &name),
            name: self.name.clone(),
            digest: self.digest.clone(),
            started: at.clone(),
            finished: at,
            run: String::new(),
            details: vec![
                ("by".to_owned(), owner()),
                ("host_version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
                unrun.detail(),
            ],
        }
    }
}

impl Migrator {
    /// Records these migrations as applied to `table` though nothing was run, and says so in the audit. Refused if one of them is recorded
    /// already, or has a run that is not done. More than ninety are written in several parts, each with its own line.
    pub async fn count_as_applied(&self, migrations: &[Counted], table: &str, unrun: Unrun) -> Result<String, Error> {
        let table = self.database.client().table(table).await?.name;
        self.history.init(&Billing::OnDemand).await?;
        let lease = self.repairing(&table).await?;
        let counted = self.count_leased(migrations, &table, unrun, &lease).await;
        lease.release().await?;
        counted
    }

    async fn count_leased(&self, migrations: &[Counted], table: &str, unrun: Unrun, lease: &Lease) -> Result<String, Error> {
        let numbers: Vec<MigrationNumber> = migrations.iter().map(|migration| migration.number).collect();
        self.check_unfinished(&numbers, table).await?;
        if let Some(row) = self.history.applied().await?.iter().find(|row| numbers.contains(&row.number)) {
            return Err(Error::Usage(format!("migration {} is recorded as applied to {} already", row.number, row.table)));
        }
        let mut lines = Vec::new();
        for part in migrations.chunks(MARKED_AT_ONCE) {
            let numbers: Vec<String> = part.iter().map(|migration| migration.number.to_string()).collect();
            let numbers = numbers.join(", ");
            let what =
                if part.len() == 1 { format!("migration {numbers} counts") } else { format!("migrations {numbers} count") };
            let how = if unrun == Unrun::Baseline { "as a baseline" } else { "marked by hand" };
            let line = format!("on {table} {what} as applied without a run, {how}, by {}", owner());
            let rows: Vec<Applied> = part.iter().map(|migration| migration.row(table, unrun)).collect();
            self.history.mark(&rows, &line, lease).await?;
            lines.push(line);
        }
        Ok(lines.join("\n"))
    }

    /// Takes a migration out of the history though nothing was undone, and says so in the audit. Refused if it has a run that is not done.
    pub async fn count_as_not_applied(&self, number: MigrationNumber, table: &str) -> Result<String, Error> {
        let table = table.rsplit('/').next().unwrap_or(table);
        let lease = match self.recorded(number).await? {
            row if row.table != table => {
                return Err(Error::Known(
                    Code::OtherTable,
                    format!("migration {number} is recorded for the table {}, not for {table}", row.table),
                ));
            }
            _ => {
                // A history of dynamo-drift has no table for leases.
                self.history.init(&Billing::OnDemand).await?;
                self.repairing(table).await?
            }
        };
        let uncounted = self.uncount_leased(number, table, &lease).await;
        lease.release().await?;
        uncounted
    }

    async fn uncount_leased(&self, number: MigrationNumber, table: &str, lease: &Lease) -> Result<String, Error> {
        self.check_unfinished(&[number], table).await?;
        let row = self.recorded(number).await?;
        let how = match row.unrun() {
            Some(unrun) => format!("it was {}", unrun.as_str()),
            None if row.run.is_empty() => "another tool had recorded it".to_owned(),
            None => format!("run {} had applied it, {}", row.run, row.finished),
        };
        let line = format!(
            "on {table} migration {number} counts as not applied, marked by hand, by {}; {how}, {}",
            owner(),
            if row.digest.is_empty() { "without a digest" } else { &row.digest }
        );
        self.history.unmark(number, &line, lease).await?;
        Ok(line)
    }

    /// What is half done is neither.
    async fn check_unfinished(&self, numbers: &[MigrationNumber], table: &str) -> Result<(), Error> {
        let runs = self.history.unfinished().await?;
        match runs.iter().find(|run| numbers.contains(&run.number) && run.table == table) {
            Some(run) => Err(Error::Known(
                Code::UnfinishedRun,
                format!("the run {} of migration {} on {table} is not done ({}): {}", run.run, run.number, run.state, run.ways()),
            )),
            None => Ok(()),
        }
    }
}
