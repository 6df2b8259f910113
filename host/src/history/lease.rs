//! The lease of a table: two runs on one table under one metadata table never overlap.
//!
//! Promised, and held by `tests/tests/all/lease.rs`:
//! 1. Acquired: at most one run holds a table's lease.
//! 2. Renewed: while its holder lives, nobody takes it.
//! 3. Fenced: history and run rows are written in one transaction with a check that the lease is still held, so that one
//!    who lost it changes nothing there.
//! 4. Local deadline: data writes cannot be fenced, so their sender stops by its own monotonic clock, a request's time-out
//!    before the lease can have passed to another.
//! 5. Take-over: a taker waits one whole lease during which it saw the counter unchanged, by its own clock: clocks of
//!    different machines are never compared.
//! 6. Released: it is free for the next at once.
//!
//! The row `lease#TABLE` has the holder's run, its owner for people, a counter, and a fence, which is random to each
//! acquisition. A run whose journal is locked by this very process takes its own lease back at once: its former process
//! is dead, and if it is not, its fence is gone. Who [follows](Lease::follow) a lease that another process of the same run holds may write
//! as long as it sees the lease renewed, by the same local deadline. Where the journal came from another machine nothing is known of the process
//! there, and its lease is waited out like any other's.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::{Error, History, condition, id_key};
use crate::dynamo::{Change, ErrorKind, Row};
use crate::model::{Item, Value};

/// How long a lease lasts, and what is kept in hand of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseTerms {
    /// The length of a lease. Default 30 s.
    pub length: Duration,
    /// The longest that one request may be under way. Default 10 s, as of the connection.
    pub request_timeout: Duration,
}

impl Default for LeaseTerms {
    fn default() -> Self {
        Self { length: Duration::from_secs(30), request_timeout: Duration::from_secs(10) }
    }
}

impl LeaseTerms {
    /// The usual terms, longer where requests may take longer.
    pub fn for_timeout(request_timeout: Duration) -> Self {
        let usual = Self::default();
        Self { length: usual.length.max(request_timeout * 3), request_timeout }
    }

    /// Six renewals a lease: several may fail before the deadline.
    pub(crate) fn between_renewals(self) -> Duration {
        self.length / 6
    }

    fn deadline(self, renewal_began: Instant) -> Instant {
        renewal_began + self.length.saturating_sub(self.request_timeout)
    }
}

/// How often taking it may go without an answer.
const LOST: u32 = 3;

/// A lease that is held. Renewed in the background until it is released or lost.
pub struct Lease {
    history: History,
    held: Held,
    deadline: Arc<Mutex<Instant>>,
    /// Ends the renewing.
    stop: CancellationToken,
    lost: CancellationToken,
}

/// Which lease, and by whom it is held.
#[derive(Clone)]
struct Held {
    table: String,
    run: String,
    fence: String,
}

struct Seen {
    holder: String,
    owner: String,
    counter: Value,
    /// Whoever follows it stops.
    closed: bool,
}

impl Lease {
    /// Takes the lease of `table` for `run`, whose journal this process has locked. If another run holds it, waits one lease for
    /// a sign of life and fails with [`Error::Held`] as soon as there is one.
    pub async fn acquire(history: &History, table: &str, run: &str, owner: &str) -> Result<Self, Error> {
        Self::take(history, table, run, owner, true).await
    }

    /// The same for a run that may be at work on another machine: it is waited for as another run is.
    pub async fn take_over(history: &History, table: &str, run: &str, owner: &str) -> Result<Self, Error> {
        Self::take(history, table, run, owner, false).await
    }

    /// Follows the lease that another process holds for the same run: what it allows ends, by this process's clock, before the lease can
    /// have passed to another run. Waits until it was seen to be renewed. Writes no rows, and gives nothing back.
    ///
    /// # Errors
    /// [`Error::NotLed`] where nobody renews it for this run within a lease.
    pub async fn follow(history: &History, table: &str, run: &str) -> Result<Self, Error> {
        let not_led = || Error::NotLed { table: table.to_owned(), run: run.to_owned() };
        let held = Held { table: table.to_owned(), run: run.to_owned(), fence: String::new() };
        let begun = Instant::now();
        let mut before: Option<(Value, Instant)> = None;
        loop {
            let looked = Instant::now();
            let seen = read(history, table).await?.filter(|seen| seen.holder == run && !seen.closed).ok_or_else(not_led)?;
            match before {
                // Renewed after the look before this one: the lease lasts from then on at least.
                Some((counter, since)) if counter != seen.counter => {
                    return Ok(Self::keep_following(history, held, seen.counter, (since, looked)));
                }
                _ if begun.elapsed() > history.terms.length => return Err(not_led()),
                _ => before = Some((seen.counter, looked)),
            }
            tokio::time::sleep(history.terms.length / 60).await;
        }
    }

    fn keep_following(history: &History, held: Held, mut counter: Value, (since, mut before): (Instant, Instant)) -> Self {
        Self::held_while(history, held, since, move |history, held, deadline| async move {
            loop {
                tokio::time::sleep(history.terms.between_renewals() / 2).await;
                let looked = Instant::now();
                match read(&history, &held.table).await {
                    Ok(Some(seen)) if seen.holder == held.run && !seen.closed => {
                        if seen.counter != counter {
                            *deadline.lock().unwrap_or_else(PoisonError::into_inner) = history.terms.deadline(before);
                            counter = seen.counter;
                        }
                        before = looked;
                    }
                    // It was given back, or another run has it.
                    Ok(_) => return,
                    // It is looked at again until the deadline.
                    Err(_) => {}
                }
            }
        })
    }

    async fn take(history: &History, table: &str, run: &str, owner: &str, mine: bool) -> Result<Self, Error> {
        let held = Held { table: table.to_owned(), run: run.to_owned(), fence: format!("{:032x}", fastrand::u128(..)) };
        let mut watched: Option<(Seen, Instant)> = None;
        let mut lost = 0;
        loop {
            let seen = read(history, table).await?;
            let free = match (&seen, &watched) {
                (None, _) => true,
                (Some(seen), _) if mine && seen.holder == run || seen.holder.is_empty() => true,
                (Some(seen), Some((before, since))) if seen.counter == before.counter => since.elapsed() >= history.terms.length,
                (Some(seen), Some(_)) => return Err(refused(history, table, seen)),
                (Some(_), None) => false,
            };
            if free {
                let began = Instant::now();
                match take(history, &held, owner, seen.as_ref()).await {
                    Ok(true) => return Ok(Self::keep(history, held, began)),
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
            tokio::time::sleep(history.terms.length / 30).await;
        }
    }

    fn keep(history: &History, held: Held, began: Instant) -> Self {
        Self::held_while(history, held, began, |history, held, deadline| async move {
            loop {
                tokio::time::sleep(history.terms.between_renewals()).await;
                let began = Instant::now();
                match renew(&history, &held).await {
                    Ok(true) => *deadline.lock().unwrap_or_else(PoisonError::into_inner) = history.terms.deadline(began),
                    // Fenced: somebody else holds it.
                    Ok(false) => return,
                    // It is tried again until the deadline.
                    Err(_) => {}
                }
            }
        })
    }

    /// Held since then as long as `work` goes on and puts the deadline off in time; lost when either ends.
    fn held_while<F: Future<Output = ()> + Send + 'static>(
        history: &History,
        held: Held,
        since: Instant,
        work: impl FnOnce(History, Held, Arc<Mutex<Instant>>) -> F,
    ) -> Self {
        let deadline = Arc::new(Mutex::new(history.terms.deadline(since)));
        let (stop, lost) = (CancellationToken::new(), CancellationToken::new());
        let working = work(history.clone(), held.clone(), deadline.clone());
        let lease = Self { history: history.clone(), held, deadline, stop, lost };
        let (deadline, stop, lost) = (lease.deadline.clone(), lease.stop.clone(), lease.lost.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => return,
                () = working => {}
                () = passed(&deadline) => {}
            }
            lost.cancel();
        });
        lease
    }

    /// Cancelled when the lease is lost: what is under way must stop.
    pub fn lost(&self) -> &CancellationToken {
        &self.lost
    }

    /// Whether writing may go on.
    pub fn check(&self) -> Result<(), Error> {
        let deadline = *self.deadline.lock().unwrap_or_else(PoisonError::into_inner);
        match !self.lost.is_cancelled() && Instant::now() < deadline {
            true => Ok(()),
            false => Err(self.gone("it could not be renewed in time, or another run took it")),
        }
    }

    /// Writes rows of the metadata tables, all or none, only if the lease is still held.
    pub(super) async fn write(&self, rows: Vec<Row>) -> Result<Option<usize>, Error> {
        let check = Row::Check {
            table: self.history.runs_table(),
            key: id_key(&row_id(&self.held.table)),
            condition: condition("#h = :h AND #f = :f", &NAMES, self.held.values()),
        };
        let rows = rows.into_iter().chain(std::iter::once(check)).collect::<Vec<_>>();
        let last = rows.len() - 1;
        let token = format!("{}/{:x}", self.held.fence, fastrand::u128(..));
        match self.history.client.write_rows(rows, &token).await? {
            Some(at) if at == last => Err(self.gone("another run took it")),
            other => Ok(other),
        }
    }

    /// Ends what others may do that follow it. One [lease's length](History::lease_length) later none of them writes any more, not
    /// even one that cannot look.
    pub async fn close(&self) -> Result<(), Error> {
        let mut values = self.held.values();
        values.insert(":x", true.into());
        let names = [("#x", "Closed"), ("#h", "Holder"), ("#f", "Fence")];
        match change(&self.history, &self.held, "SET #x = :x", "#h = :h AND #f = :f", &names, values).await? {
            true => Ok(()),
            false => Err(self.gone("another run took it")),
        }
    }

    /// Gives the lease back.
    pub async fn release(self) -> Result<(), Error> {
        self.stop.cancel();
        let mine = condition("#h = :h AND #f = :f", &NAMES, self.held.values());
        let (table, key) = (self.history.runs_table(), id_key(&row_id(&self.held.table)));
        match self.history.client.delete_item(&table, &key, Some(&mine)).await {
            Err(error) if error.kind() != ErrorKind::ConditionFailed => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn gone(&self, reason: &str) -> Error {
        Error::Lost { table: self.held.table.clone(), reason: reason.into(), run: self.held.run.clone() }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

const NAMES: [(&str, &str); 2] = [("#h", "Holder"), ("#f", "Fence")];

impl Held {
    fn values(&self) -> Item {
        [(":h", Value::from(self.run.as_str())), (":f", self.fence.as_str().into())].into_iter().collect()
    }
}

/// Returns when the deadline has passed without having been moved.
async fn passed(deadline: &Mutex<Instant>) {
    loop {
        let until = *deadline.lock().unwrap_or_else(PoisonError::into_inner);
        if until <= Instant::now() {
            return;
        }
        tokio::time::sleep_until(until.into()).await;
    }
}

pub(super) fn row_id(table: &str) -> String {
    format!("lease#{table}")
}

fn refused(history: &History, table: &str, seen: &Seen) -> Error {
    let seconds = history.terms.length.as_secs();
    Error::Held { table: table.into(), holder: seen.holder.clone(), owner: seen.owner.clone(), seconds }
}

async fn read(history: &History, table: &str) -> Result<Option<Seen>, Error> {
    let row = history.client.get_item(&history.runs_table(), &id_key(&row_id(table)), true).await?;
    Ok(row.map(|row| {
        let text = |name: &str| row.get(name).and_then(Value::as_s).unwrap_or_default().to_owned();
        let (counter, closed) = (row.get("Counter").cloned().unwrap_or(Value::Null), row.contains("Closed"));
        Seen { holder: text("Holder"), owner: text("Owner"), counter, closed }
    }))
}

async fn take(history: &History, held: &Held, owner: &str, seen: Option<&Seen>) -> Result<bool, Error> {
    let mut values = held.values();
    values.insert(":one", 1.into());
    values.insert(":owner", owner.into());
    let unchanged = match seen {
        None => "attribute_not_exists(Id)",
        Some(seen) => {
            values.insert(":seen", seen.counter.clone());
            "#c = :seen"
        }
    };
    let names = [("#c", "Counter"), ("#h", "Holder"), ("#f", "Fence"), ("#o", "Owner"), ("#x", "Closed")];
    change(history, held, "SET #h = :h, #f = :f, #o = :owner REMOVE #x ADD #c :one", unchanged, &names, values).await
}

async fn renew(history: &History, held: &Held) -> Result<bool, Error> {
    let mut values = held.values();
    values.insert(":one", 1.into());
    let names = [("#c", "Counter"), ("#h", "Holder"), ("#f", "Fence")];
    change(history, held, "ADD #c :one", "#h = :h AND #f = :f", &names, values).await
}

/// Whether the condition held.
async fn change(
    history: &History,
    held: &Held,
    expression: &str,
    unless: &str,
    names: &[(&str, &str)],
    values: Item,
) -> Result<bool, Error> {
    let names = names.iter().map(|(placeholder, name)| ((*placeholder).to_owned(), (*name).to_owned())).collect();
    let change = Change { expression: expression.into(), condition: Some(unless.into()), names, values };
    match history.client.update_item(&history.runs_table(), &id_key(&row_id(&held.table)), &change).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::ConditionFailed => Ok(false),
        Err(error) => Err(error.into()),
    }
}
