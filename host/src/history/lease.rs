//! The lease of a table: two runs on one table under one metadata table never overlap.
//!
//! A row with the holder and a counter. The holder counts up every third of a lease. A taker waits one whole lease during
//! which it saw the counter unchanged, by its own clock: clocks of different machines are never compared. A run whose
//! journal is locked by this very process takes its own lease back at once: its former process is dead.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::{Error, History, condition, id_key};
use crate::dynamo::{Change, ErrorKind};
use crate::model::{Item, Value};

/// The length of a lease.
const LEASE: Duration = Duration::from_secs(30);

/// How often taking it may go without an answer.
const LOST: u32 = 3;

/// A lease that is held. Renewed in the background until it is released.
pub struct Lease {
    history: History,
    table: String,
    run: String,
    stop: CancellationToken,
    lost: Arc<AtomicBool>,
}

struct Seen {
    holder: String,
    owner: String,
    counter: Value,
}

impl Lease {
    /// Takes the lease of `table` for `run`. If another run holds it, waits one lease for a sign of life and fails with
    /// [`Error::Held`] as soon as there is one.
    pub async fn acquire(history: &History, table: &str, run: &str, owner: &str) -> Result<Self, Error> {
        let mut watched: Option<(Seen, Instant)> = None;
        let mut lost = 0;
        loop {
            let seen = read(history, table).await?;
            let free = match (&seen, &watched) {
                (None, _) => true,
                (Some(seen), _) if seen.holder == run || seen.holder.is_empty() => true,
                (Some(seen), Some((before, since))) if seen.counter == before.counter => since.elapsed() >= LEASE,
                (Some(seen), Some(_)) => return Err(held(table, seen)),
                (Some(_), None) => false,
            };
            if free {
                match take(history, table, run, owner, seen.as_ref()).await {
                    Ok(true) => return Ok(Self::keep(history, table, run)),
                    Ok(false) => {}
                    // Whether it was taken is read in the row: it names this run, or it does not.
                    Err(Error::DynamoDb(error)) if error.in_doubt() && lost < LOST => lost += 1,
                    Err(error) => return Err(error),
                }
                watched = None;
                continue;
            }
            if let (Some(seen), None) = (seen, &watched) {
                watched = Some((seen, Instant::now()));
            }
            tokio::time::sleep(LEASE / 30).await;
        }
    }

    fn keep(history: &History, table: &str, run: &str) -> Self {
        let lease = Self {
            history: history.clone(),
            table: table.to_owned(),
            run: run.to_owned(),
            stop: CancellationToken::new(),
            lost: Arc::default(),
        };
        let (history, table, run) = (lease.history.clone(), lease.table.clone(), lease.run.clone());
        let (stop, lost) = (lease.stop.clone(), lease.lost.clone());
        tokio::spawn(async move {
            let mut renewed = Instant::now();
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(LEASE / 3) => {}
                }
                match renew(&history, &table, &run).await {
                    Ok(true) => renewed = Instant::now(),
                    // Fenced: somebody else holds it.
                    Ok(false) => return lost.store(true, Ordering::Release),
                    Err(_) if renewed.elapsed() + LEASE / 3 >= LEASE => return lost.store(true, Ordering::Release),
                    Err(_) => {}
                }
            }
        });
        lease
    }

    /// Whether writing may go on.
    pub fn check(&self) -> Result<(), Error> {
        match self.lost.load(Ordering::Acquire) {
            false => Ok(()),
            true => Err(Error::Lost {
                table: self.table.clone(),
                reason: "it could not be renewed in time, or another run took it".into(),
                run: self.run.clone(),
            }),
        }
    }

    /// Gives the lease back.
    pub async fn release(self) -> Result<(), Error> {
        self.stop.cancel();
        let mine = condition("#h = :h", &[("#h", "Holder")], [(":h", Value::from(self.run.as_str()))].into_iter().collect());
        match self.history.client.delete_item(&self.history.runs_table(), &id_key(&row_id(&self.table)), Some(&mine)).await {
            Err(error) if error.kind() != ErrorKind::ConditionFailed => Err(error.into()),
            _ => Ok(()),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn row_id(table: &str) -> String {
    format!("lease#{table}")
}

fn held(table: &str, seen: &Seen) -> Error {
    Error::Held { table: table.into(), holder: seen.holder.clone(), owner: seen.owner.clone(), seconds: LEASE.as_secs() }
}

async fn read(history: &History, table: &str) -> Result<Option<Seen>, Error> {
    let row = history.client.get_item(&history.runs_table(), &id_key(&row_id(table)), true).await?;
    Ok(row.map(|row| {
        let text = |name: &str| row.get(name).and_then(Value::as_s).unwrap_or_default().to_owned();
        Seen { holder: text("Holder"), owner: text("Owner"), counter: row.get("Counter").cloned().unwrap_or(Value::Null) }
    }))
}

async fn take(history: &History, table: &str, run: &str, owner: &str, seen: Option<&Seen>) -> Result<bool, Error> {
    let mut values: Item = [(":one", Value::from(1)), (":run", run.into()), (":owner", owner.into())].into_iter().collect();
    let unchanged = match seen {
        None => "attribute_not_exists(Id)",
        Some(seen) => {
            values.insert(":seen", seen.counter.clone());
            "#c = :seen"
        }
    };
    change(
        history,
        table,
        "SET #h = :run, #o = :owner ADD #c :one",
        unchanged,
        &[("#c", "Counter"), ("#h", "Holder"), ("#o", "Owner")],
        values,
    )
    .await
}

async fn renew(history: &History, table: &str, run: &str) -> Result<bool, Error> {
    let values = [(":one", Value::from(1)), (":run", run.into())].into_iter().collect();
    change(history, table, "ADD #c :one", "#h = :run", &[("#c", "Counter"), ("#h", "Holder")], values).await
}

/// Whether the condition held.
async fn change(
    history: &History,
    table: &str,
    expression: &str,
    unless: &str,
    names: &[(&str, &str)],
    values: Item,
) -> Result<bool, Error> {
    let names = names.iter().map(|(placeholder, name)| ((*placeholder).to_owned(), (*name).to_owned())).collect();
    let change = Change { expression: expression.into(), condition: Some(unless.into()), names, values };
    match history.client.update_item(&history.runs_table(), &id_key(&row_id(table)), &change).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::ConditionFailed => Ok(false),
        Err(error) => Err(error.into()),
    }
}
