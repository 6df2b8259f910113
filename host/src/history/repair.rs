//! What people decide where the rules cannot: rows changed by hand, each with a line in the audit.
//!
//! Under the table's lease where there can be one, and together with the line, so that neither is there without the other.

use super::{Applied, Audit, Error, History, Lease, condition, id_key, lease, now, number_key, steering};
use crate::dynamo::{ErrorKind, Row};
use crate::model::{Item, MigrationNumber, Value};

/// What fits into one transaction, with the line and the check of the lease.
pub(crate) const MARKED_AT_ONCE: usize = 90;

impl History {
    /// The audit, oldest line first.
    pub async fn audit(&self) -> Result<Vec<Audit>, Error> {
        let rows = self.all(&self.runs_table()).await?;
        let mut lines: Vec<Audit> = rows.iter().filter_map(read).collect();
        lines.sort_by(|one, other| (&one.at, &one.what).cmp(&(&other.at, &other.what)));
        Ok(lines)
    }

    /// Adds a line to the audit.
    pub async fn note(&self, line: &str, lease: &Lease) -> Result<(), Error> {
        lease.write(vec![self.line(line)]).await.map(drop)
    }

    /// Who holds the lease of a table: run and owner.
    pub async fn holder(&self, table: &str) -> Result<Option<(String, String)>, Error> {
        match self.client.get_item(&self.runs_table(), &id_key(&lease::row_id(table)), true).await {
            Ok(row) => Ok(row.map(|row| {
                let text = |name: &str| row.get(name).and_then(Value::as_s).unwrap_or_default().to_owned();
                (text("Holder"), text("Owner"))
            })),
            Err(error) if error.kind() == ErrorKind::TableMissing => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Drops the lease that `holder` has of a table; whether it had it. Whoever still works under it is fenced at once, and stops
    /// writing items when it next renews.
    pub async fn drop_lease(&self, table: &str, holder: &str, line: &str) -> Result<bool, Error> {
        let theirs = condition("#h = :h", &[("#h", "Holder")], [(":h", Value::from(holder))].into_iter().collect());
        let key = id_key(&lease::row_id(table));
        let gone = Row::Delete { table: self.runs_table(), key, condition: Some(theirs) };
        let token = format!("drop/{table}/{:x}", fastrand::u128(..));
        Ok(self.client.write_rows(vec![gone, self.line(line)], &token).await?.is_none())
    }

    /// Takes the row of an unfinished run out.
    pub async fn abandon(&self, run: &str, line: &str, lease: &Lease) -> Result<(), Error> {
        let gone = [format!("run#{run}"), steering::row_id(run)];
        let gone = gone.map(|id| Row::Delete { table: self.runs_table(), key: id_key(&id), condition: None });
        lease.write(gone.into_iter().chain([self.line(line)]).collect()).await?;
        self.forget_workers(run).await
    }

    /// Writes another digest or table into the row of an applied migration.
    pub async fn correct(&self, row: &Applied, line: &str, lease: &Lease) -> Result<(), Error> {
        let missing = || Error::Row { table: self.meta.clone(), problem: format!("migration {} is not there", row.number) };
        let mut item = self.row(row.number).await?.ok_or_else(missing)?;
        for (name, text) in [("TableName", &row.table), ("Digest", &row.digest)] {
            if !text.is_empty() {
                item.insert(name, Value::from(text.as_str()));
            }
        }
        let put = Row::Put { table: self.meta.clone(), key: number_key(row.number), item, condition: None };
        lease.write(vec![put, self.line(line)]).await.map(drop)
    }

    /// Records migrations that no run applied; at most [`MARKED_AT_ONCE`], all or none.
    pub(crate) async fn mark(&self, rows: &[Applied], line: &str, lease: &Lease) -> Result<(), Error> {
        let put = |row: &Applied| {
            let condition = condition("attribute_not_exists(#n)", &[("#n", "Number")], Item::default());
            Row::Put { table: self.meta.clone(), key: number_key(row.number), item: row.row(), condition: Some(condition) }
        };
        match lease.write(rows.iter().map(put).chain([self.line(line)]).collect()).await? {
            None => Ok(()),
            Some(at) => {
                let number = rows.get(at).map(|row| row.number.to_string()).unwrap_or_default();
                Err(Error::Row {
                    table: self.meta.clone(),
                    problem: format!("migration {number} was recorded by another run meanwhile"),
                })
            }
        }
    }

    /// Takes the row of an applied migration out, by hand.
    pub(crate) async fn unmark(&self, number: MigrationNumber, line: &str, lease: &Lease) -> Result<(), Error> {
        let gone = Row::Delete { table: self.meta.clone(), key: number_key(number), condition: None };
        lease.write(vec![gone, self.line(line)]).await.map(drop)
    }

    async fn row(&self, number: MigrationNumber) -> Result<Option<Item>, Error> {
        Ok(self.client.get_item(&self.meta, &number_key(number), true).await?)
    }

    fn line(&self, what: &str) -> Row {
        let at = now();
        let id = format!("audit#{at}-{:08x}", fastrand::u32(..));
        let item = [("Id", Value::from(id.as_str())), ("What", what.into()), ("At", at.into())].into_iter().collect();
        Row::Put { table: self.runs_table(), key: id_key(&id), item, condition: None }
    }
}

fn read(row: &Item) -> Option<Audit> {
    let text = |name: &str| row.get(name).and_then(Value::as_s).unwrap_or_default().to_owned();
    text("Id").starts_with("audit#").then(|| Audit { at: text("At"), what: text("What") })
}
