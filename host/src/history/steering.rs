//! What people want of a run that is at work, from any machine, and how far it is.
//!
//! The row `control#RUN` beside the lease. The run writes how far it is at each renewal of its lease, and reads in the answer what people
//! want: one write unit a renewal. People write into the same row, each attribute for itself, so that neither takes the other's back. It
//! is not fenced: a run that lost its lease may still say how far it was, which changes nothing.

use super::{Error, History, id_key};
use crate::dynamo::{Change, ErrorKind};
use crate::model::{Item, Rate, Value};

/// The run began to be steered, and is not done.
const THERE: &str = "attribute_exists(Id)";

/// What people want of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Nothing is to be read or written for now.
    pub paused: bool,
    /// It is to end, resumably.
    pub stop: bool,
    /// How fast it may read, where somebody said so.
    pub read: Option<Rate>,
    /// How fast it may write, likewise.
    pub write: Option<Rate>,
    /// Who said so last, and when.
    pub by: String,
}

/// What all processes that do a segment of a run are told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    /// Read units a second for one that plans while nobody leads.
    pub read: Option<u32>,
    /// Write units a second, likewise.
    pub write: Option<u32>,
    /// When the leader last said how far the run is: it changes as long as somebody leads.
    pub at: String,
    /// Nothing is to be read or written for now.
    pub paused: bool,
    /// It is to end, resumably.
    pub stop: bool,
}

/// One thing that people may want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Read and write nothing for now.
    Pause,
    /// Go on.
    Resume,
    /// End, resumably.
    Stop,
    /// Read so fast.
    Read(Rate),
    /// Write so fast.
    Write(Rate),
}

/// How far a run is, by its own account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// `scan` or `apply`.
    pub phase: String,
    /// Items scanned, or items done.
    pub done: u64,
    /// Of so many: of a scan by DynamoDB's count, which is hours old.
    pub of: u64,
    /// The present rates and what it waits for, in words.
    pub pace: String,
    /// When it said so, by its clock, RFC 3339.
    pub at: String,
}

impl History {
    /// Begins to be steered: what was wanted of an earlier process of this run holds, but for its end, and for the rates where this one
    /// was given others.
    pub(crate) async fn begin_control(&self, run: &str, read: bool, write: bool) -> Result<(), Error> {
        let gone = ["#stop"].into_iter().chain(read.then_some("#read")).chain(write.then_some("#write"));
        let expression = format!("REMOVE {}", gone.collect::<Vec<_>>().join(", "));
        let names = [("#stop", "Stop"), ("#read", "MaxRead"), ("#write", "MaxWrite")];
        let names = names.into_iter().filter(|(name, _)| expression.contains(name));
        self.control(run, &expression, None, names, Item::default()).await.map(drop)
    }

    /// Says how far the run is; gives what people want. `None` if the row is not there: the run is over, or was given up.
    pub(crate) async fn report(&self, run: &str, progress: &Progress) -> Result<Option<Wishes>, Error> {
        let values = [
            (":phase", Value::from(progress.phase.as_str())),
            (":done", progress.done.into()),
            (":of", progress.of.into()),
            (":pace", progress.pace.as_str().into()),
            (":at", progress.at.as_str().into()),
        ];
        let names = [("#phase", "Phase"), ("#done", "Done"), ("#of", "Of"), ("#pace", "Pace"), ("#at", "At")];
        let set = "SET #phase = :phase, #done = :done, #of = :of, #pace = :pace, #at = :at";
        let row = self.control(run, set, Some(THERE), names.into_iter(), values.into_iter().collect()).await?;
        Ok(row.as_ref().map(wishes))
    }

    /// Says what a process may take that plans a segment of the run while nobody leads; nothing is no limit.
    pub(crate) async fn set_shares(&self, run: &str, read: Option<u32>, write: Option<u32>) -> Result<(), Error> {
        let (mut set, mut remove, mut values) = (Vec::new(), Vec::new(), Item::default());
        for (name, placeholder, share) in [("#read", ":read", read), ("#write", ":write", write)] {
            match share {
                Some(share) => {
                    set.push(format!("{name} = {placeholder}"));
                    values.insert(placeholder, u64::from(share).into());
                }
                None => remove.push(name),
            }
        }
        let set = if set.is_empty() { String::new() } else { format!("SET {} ", set.join(", ")) };
        let remove = if remove.is_empty() { String::new() } else { format!("REMOVE {}", remove.join(", ")) };
        let names = [("#read", "ShareRead"), ("#write", "ShareWrite")];
        self.control(run, &format!("{set}{remove}"), None, names.into_iter(), values).await.map(drop)
    }

    /// What all processes that do a segment of the run are told; `None` where nobody has led it yet, or it is over.
    pub(crate) async fn shares(&self, run: &str) -> Result<Option<Shares>, Error> {
        let row = match self.client.get_item(&self.runs_table(), &id_key(&row_id(run)), true).await {
            Ok(row) => row,
            Err(error) if error.kind() == ErrorKind::TableMissing => None,
            Err(error) => return Err(error.into()),
        };
        Ok(row.map(|row| {
            let share = |name: &str| row.get(name).and_then(Value::as_n).and_then(|it| it.as_str().parse().ok());
            let wishes = wishes(&row);
            let at = row.get("At").and_then(Value::as_s).unwrap_or_default().to_owned();
            Shares { read: share("ShareRead"), write: share("ShareWrite"), at, paused: wishes.paused, stop: wishes.stop }
        }))
    }

    /// Wants something of a run; `None` if it has never been at work, or is done.
    pub async fn steer(&self, run: &str, wish: Wish, by: &str) -> Result<Option<Wishes>, Error> {
        let mut values: Item = [(":by", Value::from(by))].into_iter().collect();
        let what = match wish {
            Wish::Pause => "SET #by = :by, #what = :what",
            Wish::Resume => "SET #by = :by REMOVE #what",
            Wish::Stop | Wish::Read(_) | Wish::Write(_) => "SET #by = :by, #what = :what",
        };
        let (name, value) = match wish {
            Wish::Pause => ("Paused", Some(Value::Bool(true))),
            Wish::Resume => ("Paused", None),
            Wish::Stop => ("Stop", Some(Value::Bool(true))),
            Wish::Read(rate) => ("MaxRead", Some(Value::from(rate.to_string().as_str()))),
            Wish::Write(rate) => ("MaxWrite", Some(Value::from(rate.to_string().as_str()))),
        };
        if let Some(value) = value {
            values.insert(":what", value);
        }
        let names = [("#by", "By"), ("#what", name)];
        Ok(self.control(run, what, Some(THERE), names.into_iter(), values).await?.as_ref().map(wishes))
    }

    /// What people want of a run, and how far it is; `None` as of [`History::steer`].
    pub async fn steered(&self, run: &str) -> Result<Option<(Wishes, Progress)>, Error> {
        let row = match self.client.get_item(&self.runs_table(), &id_key(&row_id(run)), true).await {
            Ok(row) => row,
            Err(error) if error.kind() == ErrorKind::TableMissing => None,
            Err(error) => return Err(error.into()),
        };
        Ok(row.map(|row| {
            let text = |name: &str| row.get(name).and_then(Value::as_s).unwrap_or_default().to_owned();
            let number = |name: &str| row.get(name).and_then(Value::as_n).and_then(|it| it.as_str().parse().ok()).unwrap_or(0);
            let progress =
                Progress { phase: text("Phase"), done: number("Done"), of: number("Of"), pace: text("Pace"), at: text("At") };
            (wishes(&row), progress)
        }))
    }

    /// The row as it is afterwards; `None` if the condition did not hold.
    async fn control(
        &self,
        run: &str,
        expression: &str,
        condition: Option<&str>,
        names: impl Iterator<Item = (&'static str, &'static str)>,
        values: Item,
    ) -> Result<Option<Item>, Error> {
        let names = names.map(|(placeholder, name)| (placeholder.to_owned(), name.to_owned())).collect();
        let change = Change { expression: expression.into(), condition: condition.map(str::to_owned), names, values };
        match self.client.update_item(&self.runs_table(), &id_key(&row_id(run)), &change).await {
            Ok(row) => Ok(Some(row)),
            Err(error) if matches!(error.kind(), ErrorKind::ConditionFailed | ErrorKind::TableMissing) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// The row's id.
pub(super) fn row_id(run: &str) -> String {
    format!("control#{run}")
}

/// What cannot be read is not wanted.
fn wishes(row: &Item) -> Wishes {
    let is = |name: &str| row.get(name).and_then(Value::as_bool).unwrap_or_default();
    let rate = |name: &str| row.get(name).and_then(Value::as_s).and_then(|text| text.parse().ok());
    let by = row.get("By").and_then(Value::as_s).unwrap_or_default().to_owned();
    Wishes { paused: is("Paused"), stop: is("Stop"), read: rate("MaxRead"), write: rate("MaxWrite"), by }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_not_wanted() {
        let row =
            [("Paused", Value::from("yes")), ("MaxRead", "quick".into()), ("MaxWrite", "200".into()), ("Stop", true.into())];
        let wishes = wishes(&row.into_iter().collect());
        assert_eq!((wishes.paused, wishes.stop, wishes.read), (false, true, None));
        assert_eq!(wishes.write, Some("200".parse().unwrap()));
    }
}
