//! The table of receipts, `<meta>_receipts` (hash key `Id`, S): a row for each item whose actions a run with
//! `--exactly-once receipts` has carried out. There only where such a run was made.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{CREATION, Error, History};
use crate::dynamo::{Attempt, Billing, ErrorKind, Filter, Outcome, ScanRequest, TableInfo, Terms};
use crate::model::{Action, KeyAttribute, KeySchema, KeyType, Target};

/// Between two tries of what was not deleted.
const PAUSE: Duration = Duration::from_millis(200);
/// How often in a row a page of receipts may have no answer.
const TRIES: u32 = 5;

/// The table of receipts that goes with a metadata table.
pub fn receipts_table(meta: &str) -> String {
    format!("{meta}_receipts")
}

impl History {
    /// Creates the table of receipts where it is missing, and waits until it is active.
    pub async fn init_receipts(&self, billing: &Billing) -> Result<(), Error> {
        let table = receipts_table(&self.meta);
        let key = KeySchema { partition: KeyAttribute { name: "Id".into(), kind: KeyType::S }, sort: None };
        if self.client.create_table(&table, &key, billing).await? {
            self.client.wait_until_active(&table, CREATION).await?;
        }
        Ok(())
    }

    /// Deletes all receipts of these runs: reads the whole table, and costs a write unit a receipt. Without a table there are
    /// none. Can be repeated.
    pub async fn drop_receipts(&self, runs: &[&str]) -> Result<(), Error> {
        let table = match self.client.describe_table(&receipts_table(&self.meta)).await {
            Ok(table) => table,
            Err(error) if error.kind() == ErrorKind::TableMissing => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let text = runs.iter().map(|run| format!("begins_with(Id, \"{run}#\")")).collect::<Vec<_>>().join(" OR ");
        let filter =
            Filter::parse(&text).map_err(|error| Error::Row { table: table.name.clone(), problem: error.to_string() })?;
        let mut start = None;
        loop {
            let request = ScanRequest {
                table: table.name.clone(),
                segment: 0,
                segments: 1,
                consistent: true,
                limit: 0,
                filter: Some(filter.clone()),
                start,
            };
            let page = self.client.scan_page(&request).await?;
            let deletes = page.items.into_iter().map(|row| Attempt {
                image: Arc::new(row),
                actions: Arc::new(vec![Action::Delete(Target::This)]),
                terms: Arc::new(Terms::default()),
                token: String::new(),
            });
            self.delete_all(&table, deletes.collect()).await?;
            start = page.cursor;
            if start.is_none() {
                return Ok(());
            }
        }
    }

    /// Deletes rows that nobody else writes, however often that takes.
    async fn delete_all(&self, table: &TableInfo, mut rows: Vec<Attempt>) -> Result<(), Error> {
        let mut unanswered = 0;
        while !rows.is_empty() {
            let outcomes = self.client.write(table, rows.clone(), &CancellationToken::new()).await;
            let before = rows.len();
            let mut again = Vec::new();
            for (row, outcome) in rows.into_iter().zip(outcomes) {
                match outcome {
                    Outcome::Accepted | Outcome::AlreadyGone | Outcome::Refused { .. } => {}
                    Outcome::Stopped(error) => return Err(error.into()),
                    Outcome::InDoubt { lost: Some(error), .. } if unanswered >= TRIES => return Err(error.into()),
                    Outcome::Failed { code, message } => {
                        let problem = format!("a receipt could not be deleted: {code}: {message}");
                        return Err(Error::Row { table: table.name.clone(), problem });
                    }
                    _ => again.push(row),
                }
            }
            unanswered = if again.len() < before { 0 } else { unanswered + 1 };
            if unanswered > TRIES {
                let problem = format!("{} receipts could not be deleted: no answer", again.len());
                return Err(Error::Row { table: table.name.clone(), problem });
            }
            if !again.is_empty() {
                tokio::time::sleep(PAUSE).await;
            }
            rows = again;
        }
        Ok(())
    }
}
