//! The processes that are at work on a run's segments: how far each is, and what it may take of the run's rates.
//!
//! The row `worker#RUN#ID` of each, which it writes at each renewal, and into which the leader writes what it may take: each has attributes of
//! its own there, so that neither takes the other's back. The row `workers#RUN` has a set of their ids, by which the leader finds them. A
//! write unit and a read unit for each process and renewal; and two writes when one comes, two when it goes. For the leader a read unit
//! a second, one for each process and renewal, and a write where somebody's share changes.
//!
//! They are not fenced. A grant has a number, and is written only where the one before is as it was seen: of two leaders one is told so.

use super::{Error, History, condition, id_key};
use crate::dynamo::{Change, ErrorKind};
use crate::model::{Item, Value};

/// It is told of, and was not given up.
const THERE: &str = "attribute_exists(Id)";

/// What one may take, in units a second; `None` is without limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// The first is 1; 0: none was made yet.
    pub number: u64,
    /// Read units a second.
    pub read: Option<u32>,
    /// Write units a second.
    pub write: Option<u32>,
}

impl Grant {
    /// Nothing may be taken.
    pub(crate) const NOTHING: Self = Self { number: 0, read: Some(0), write: Some(0) };
}

/// How much more or less than its share a process could use, in units a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// Read units a second; `None`: more than it has.
    pub read: Option<u32>,
    /// Write units a second, likewise.
    pub write: Option<u32>,
}

/// A process at work on a segment, by its own account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Worker {
    /// Its name: of the segment and of this attempt at it.
    pub id: String,
    /// The segment.
    pub segment: u32,
    /// Whether it carries the segment out; else it plans it.
    pub applies: bool,
    /// Items of the segment that were scanned, or are done.
    pub done: u64,
    /// Of them, those that failed or are in doubt.
    pub failed: u64,
    /// Of so many; of a scan, more or less.
    pub of: u64,
    /// Read and write units a second that it took of late.
    pub used: (u64, u64),
    /// What it keeps to at present.
    pub heeds: Grant,
    /// What it could use.
    pub wants: Wants,
    /// Grows with each time that it writes this.
    pub beat: u64,
}

impl Worker {
    fn set(&self) -> Change {
        let (mut set, mut remove, mut values) = (Vec::new(), Vec::new(), Item::default());
        let mut names = Vec::new();
        let rates = [
            ("HeedsRead", self.heeds.read),
            ("HeedsWrite", self.heeds.write),
            ("WantsRead", self.wants.read),
            ("WantsWrite", self.wants.write),
        ];
        let rates = rates.into_iter().map(|(name, rate)| (name, rate.map(|rate| Value::from(u64::from(rate)))));
        let counts = [
            ("Segment", u64::from(self.segment)),
            ("Done", self.done),
            ("Failed", self.failed),
            ("Of", self.of),
            ("Heeds", self.heeds.number),
            ("UsedRead", self.used.0),
            ("UsedWrite", self.used.1),
            ("Beat", self.beat),
        ];
        let counts = counts.into_iter().map(|(name, count)| (name, Some(Value::from(count))));
        let phase = if self.applies { "apply" } else { "scan" };
        for (name, value) in rates.chain(counts).chain([("Phase", Some(Value::from(phase)))]) {
            names.push((format!("#{name}"), name.to_owned()));
            match value {
                Some(value) => {
                    set.push(format!("#{name} = :{name}"));
                    values.insert(format!(":{name}"), value);
                }
                None => remove.push(format!("#{name}")),
            }
        }
        let remove = if remove.is_empty() { String::new() } else { format!(" REMOVE {}", remove.join(", ")) };
        let expression = format!("SET {}{remove}", set.join(", "));
        Change { expression, condition: None, names, values }
    }

    fn read(row: &Item) -> Option<(Self, Grant)> {
        let number = |name: &str| row.get(name).and_then(Value::as_n).and_then(|it| it.as_str().parse::<u64>().ok());
        let rate = |name: &str| number(name).and_then(|rate| u32::try_from(rate).ok());
        let text = |name: &str| row.get(name).and_then(Value::as_s).unwrap_or_default();
        let heeds = Grant { number: number("Heeds")?, read: rate("HeedsRead"), write: rate("HeedsWrite") };
        let told = match number("Grant") {
            Some(number) => Grant { number, read: rate("GrantRead"), write: rate("GrantWrite") },
            // Nobody has told it anything: it is as it came.
            None => Grant { number: 0, ..heeds },
        };
        let worker = Self {
            id: text("Id").rsplit_once('#')?.1.to_owned(),
            segment: rate("Segment")?,
            applies: text("Phase") == "apply",
            done: number("Done").unwrap_or_default(),
            failed: number("Failed").unwrap_or_default(),
            of: number("Of").unwrap_or_default(),
            used: (number("UsedRead").unwrap_or_default(), number("UsedWrite").unwrap_or_default()),
            heeds,
            wants: Wants { read: rate("WantsRead"), write: rate("WantsWrite") },
            beat: number("Beat").unwrap_or_default(),
        };
        Some((worker, told))
    }
}

impl History {
    /// Begins to be at work. Its id must be new.
    pub(crate) async fn join(&self, run: &str, worker: &Worker) -> Result<(), Error> {
        // Its name first: a row that nobody finds would stay for ever.
        self.name_worker(run, "ADD", &worker.id, None).await?;
        self.client.update_item(&self.runs_table(), &id_key(&row_id(run, &worker.id)), &worker.set()).await?;
        Ok(())
    }

    /// Says how far it is; gives what it may take. `None` where it was given up as lost, or the run is over.
    pub(crate) async fn beat(&self, run: &str, worker: &Worker) -> Result<Option<Grant>, Error> {
        let change = Change { condition: Some(THERE.into()), ..worker.set() };
        match self.client.update_item(&self.runs_table(), &id_key(&row_id(run, &worker.id)), &change).await {
            Ok(row) => Ok(Worker::read(&row).map(|(_, told)| told)),
            Err(error) if error.kind() == ErrorKind::ConditionFailed => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Is at work no more.
    pub(crate) async fn leave(&self, run: &str, id: &str) -> Result<(), Error> {
        self.client.delete_item(&self.runs_table(), &id_key(&row_id(run, id)), None).await?;
        self.name_worker(run, "DELETE", id, Some(THERE)).await
    }

    /// Gives one up as lost, unless it was heard of since.
    pub(crate) async fn give_up(&self, run: &str, id: &str, beat: u64) -> Result<(), Error> {
        let unheard =
            condition("attribute_not_exists(Id) OR Beat = :beat", &[], [(":beat", Value::from(beat))].into_iter().collect());
        match self.client.delete_item(&self.runs_table(), &id_key(&row_id(run, id)), Some(&unheard)).await {
            Ok(()) => self.name_worker(run, "DELETE", id, Some(THERE)).await,
            Err(error) if error.kind() == ErrorKind::ConditionFailed => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The ids of those who are at work, as far as nobody was lost.
    pub(crate) async fn worker_ids(&self, run: &str) -> Result<Vec<String>, Error> {
        match self.client.get_item(&self.runs_table(), &id_key(&set_id(run)), true).await {
            Ok(row) => Ok(match row.as_ref().and_then(|row| row.get("Workers")) {
                Some(Value::Ss(ids)) => ids.clone(),
                _ => Vec::new(),
            }),
            Err(error) if error.kind() == ErrorKind::TableMissing => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// What one says of itself, and what it was told last.
    pub(crate) async fn worker(&self, run: &str, id: &str) -> Result<Option<(Worker, Grant)>, Error> {
        let row = self.client.get_item(&self.runs_table(), &id_key(&row_id(run, id)), true).await?;
        Ok(row.as_ref().and_then(Worker::read))
    }

    /// Tells one what it may take from now on, in the place of the grant before; whether that was still the last.
    pub(crate) async fn grant(&self, run: &str, id: &str, before: u64, grant: &Grant) -> Result<bool, Error> {
        let (mut set, mut remove) = (vec!["#grant = :grant".to_owned()], Vec::new());
        let mut values: Item = [(":grant", Value::from(grant.number))].into_iter().collect();
        for (name, rate) in [("GrantRead", grant.read), ("GrantWrite", grant.write)] {
            match rate {
                Some(rate) => {
                    set.push(format!("{name} = :{name}"));
                    values.insert(format!(":{name}"), u64::from(rate).into());
                }
                None => remove.push(name),
            }
        }
        let remove = if remove.is_empty() { String::new() } else { format!(" REMOVE {}", remove.join(", ")) };
        let unchanged = match before {
            0 => format!("{THERE} AND attribute_not_exists(#grant)"),
            before => {
                values.insert(":before", before.into());
                "#grant = :before".to_owned()
            }
        };
        let names = vec![("#grant".to_owned(), "Grant".to_owned())];
        let expression = format!("SET {}{remove}", set.join(", "));
        let change = Change { expression, condition: Some(unchanged), names, values };
        match self.client.update_item(&self.runs_table(), &id_key(&row_id(run, id)), &change).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::ConditionFailed => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes out all that is said of those who were at work on a run, which is over.
    pub(crate) async fn forget_workers(&self, run: &str) -> Result<(), Error> {
        for id in self.worker_ids(run).await? {
            self.client.delete_item(&self.runs_table(), &id_key(&row_id(run, &id)), None).await?;
        }
        Ok(self.client.delete_item(&self.runs_table(), &id_key(&set_id(run)), None).await?)
    }

    async fn name_worker(&self, run: &str, how: &str, id: &str, condition: Option<&str>) -> Result<(), Error> {
        let change = Change {
            expression: format!("{how} Workers :id"),
            condition: condition.map(str::to_owned),
            names: Vec::new(),
            values: [(":id", Value::Ss(vec![id.to_owned()]))].into_iter().collect(),
        };
        match self.client.update_item(&self.runs_table(), &id_key(&set_id(run)), &change).await {
            Ok(_) => Ok(()),
            // The run is over, and nobody is named any more.
            Err(error) if error.kind() == ErrorKind::ConditionFailed && condition.is_some() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn set_id(run: &str) -> String {
    format!("workers#{run}")
}

fn row_id(run: &str, id: &str) -> String {
    format!("worker#{run}#{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(worker: &Worker, told: Option<Grant>) -> Item {
        let change = worker.set();
        let mut row: Item = change.values.iter().map(|(name, value)| (&name[1..], value.clone())).collect();
        row.insert("Id", Value::from(row_id("run", &worker.id).as_str()));
        if let Some(told) = told {
            row.insert("Grant", told.number.into());
            told.read.into_iter().for_each(|rate| drop(row.insert("GrantRead", u64::from(rate).into())));
            told.write.into_iter().for_each(|rate| drop(row.insert("GrantWrite", u64::from(rate).into())));
        }
        row
    }

    #[test]
    fn what_one_says_of_itself_is_read_as_it_was_said() {
        let heeds = Grant { number: 3, read: None, write: Some(40) };
        let wants = Wants { read: Some(7), write: None };
        let worker = Worker {
            id: "7-ab".into(),
            segment: 7,
            applies: true,
            done: 5,
            failed: 1,
            of: 9,
            used: (2, 30),
            heeds,
            wants,
            beat: 12,
        };
        let told = Grant { number: 4, read: None, write: Some(80) };
        assert_eq!(Worker::read(&row(&worker, Some(told))), Some((worker.clone(), told)));
        let before = Grant { number: 0, ..heeds };
        assert_eq!(Worker::read(&row(&worker, None)), Some((worker, before)), "it was told nothing: it is as it came");
        assert_eq!(Worker::read(&Item::default()), None);
    }
}
