//! Items one by one: found by key, and taken up again after they failed or were in doubt.

use rusqlite::{Connection, OptionalExtension, params};

use super::checksum::Which;
use super::planning::{insert_outcome, outcome_row};
use super::records::{AttemptRecord, Content, Decision, Entry, ItemRecord, OutcomeKind, OutcomeRecord, TakenUp};
use super::store::Problem;
use super::{Error, Journal, marks, progress, set_marks};
use crate::model::Key;

impl Journal {
    /// All that is kept of the item with this key: of those with actions and those that ended. Reads page after page until it
    /// is found, one at a time in memory.
    pub fn find(&self, key: &Key) -> Result<Option<ItemRecord>, Error> {
        let schema = &self.manifest().context.key;
        for state in self.segments()? {
            for page in 0..state.pages {
                let segment = state.segment;
                let read = self.page(segment, page)?;
                let at = read.entries.iter().position(|entry| schema.key_of(&entry.image).as_ref() == Ok(key));
                let mut outcomes = self.page_outcomes(segment, page)?.into_iter();
                let marked = |marks: &[bool]| at.and_then(|at| marks.get(at).copied()).unwrap_or_default();
                let (sent, done, shared) = (marked(&read.sent), marked(&read.done), marked(&read.shared));
                let planned = at.and_then(|at| read.entries.into_iter().nth(at));
                let found = match &planned {
                    Some(entry) => outcomes.find(|outcome| outcome.position == entry.position),
                    None => outcomes.find(|outcome| outcome.id.as_ref() == Some(key)),
                };
                let position = match (&planned, &found) {
                    (Some(entry), _) => entry.position,
                    (None, Some(outcome)) => outcome.position,
                    (None, None) => continue,
                };
                let log = planned.as_ref().and_then(|entry| read.logs.of(entry.position)).map(<[_]>::to_vec);
                let newest = self.attempts(segment, page)?.into_iter().find(|attempt| attempt.position == position);
                return Ok(Some(ItemRecord {
                    segment,
                    page,
                    position,
                    planned,
                    newest,
                    sent,
                    done,
                    shared,
                    log,
                    outcome: found,
                }));
            }
        }
        Ok(None)
    }

    /// The items at these positions of a page, of those that are kept.
    pub fn items_at(&self, segment: u32, page: u32, positions: &[u32]) -> Result<Vec<ItemRecord>, Error> {
        let read = self.page(segment, page)?;
        let (attempts, outcomes) = (self.attempts(segment, page)?, self.page_outcomes(segment, page)?);
        let found = positions.iter().filter_map(|&position| {
            let at = read.entries.iter().position(|entry| entry.position == position);
            let marked = |marks: &[bool]| at.and_then(|at| marks.get(at).copied()).unwrap_or_default();
            let planned = at.and_then(|at| read.entries.get(at)).cloned();
            let outcome = outcomes.iter().find(|outcome| outcome.position == position).cloned();
            if planned.is_none() && outcome.is_none() {
                return None;
            }
            Some(ItemRecord {
                segment,
                page,
                position,
                log: planned.as_ref().and_then(|_| read.logs.of(position)).map(<[_]>::to_vec),
                planned,
                newest: attempts.iter().find(|attempt| attempt.position == position).cloned(),
                sent: marked(&read.sent),
                done: marked(&read.done),
                shared: marked(&read.shared),
                outcome,
            })
        });
        Ok(found.collect())
    }

    /// The item at a place of the plan, if anything is kept of it.
    pub fn item_at(&self, (segment, page, position): (u32, u32, u32)) -> Result<Option<ItemRecord>, Error> {
        let pages = self.segments()?.into_iter().find(|state| state.segment == segment).map_or(0, |state| state.pages);
        if page >= pages {
            return Ok(None);
        }
        Ok(self.items_at(segment, page, &[position])?.pop())
    }

    /// Takes failed items of one page up again, all in one transaction. An item that had no actions in the plan gets its entry
    /// only here.
    ///
    /// # Errors
    /// [`Error::Rule`] before the seal, and for an item that has not failed.
    pub async fn take_up(&self, segment: u32, page: u32, items: Vec<TakenUp>) -> Result<(), Error> {
        self.change_settled(segment, page, move |file, marks| {
            let mut added = Vec::new();
            for item in items {
                match item {
                    TakenUp::Outcome(outcome) => {
                        forget(file, segment, page, outcome.position, OutcomeKind::Failed, marks)?;
                        let row = outcome_row(&outcome)?;
                        insert_outcome(file, segment, page, &row)?;
                        marks.ended(outcome.position, outcome.kind);
                        if marks.entries.contains(outcome.position) {
                            marks.done.insert(outcome.position);
                        }
                    }
                    TakenUp::Attempt { record, shared } => {
                        let AttemptRecord { position, attempt, image, actions, .. } = record;
                        forget(file, segment, page, position, OutcomeKind::Failed, marks)?;
                        if shared {
                            marks.shared.insert(position);
                        }
                        if marks.entries.contains(position) {
                            marks.attempt(position)?;
                            let record = Which::Attempt(segment, page, position).pack(&(attempt, image, actions))?;
                            let insert = "INSERT OR REPLACE INTO attempt VALUES (?1, ?2, ?3, ?4)";
                            file.prepare_cached(insert)?.execute(params![segment, page, position, record])?;
                        } else {
                            added.push(Entry { position, image, actions });
                        }
                    }
                }
            }
            if added.is_empty() { Ok(()) } else { add_entries(file, segment, page, added, marks) }
        })
        .await
    }

    /// Settles an item that is in doubt, as a person decided; `why` is kept with one that is done.
    ///
    /// # Errors
    /// [`Error::Rule`] for an item that is not in doubt.
    pub async fn decide(&self, item: &ItemRecord, decision: Decision, why: String) -> Result<(), Error> {
        let (segment, page, position) = (item.segment, item.page, item.position);
        self.change_settled(segment, page, move |file, marks| {
            let before = forget(file, segment, page, position, OutcomeKind::Doubtful, marks)?;
            if decision == Decision::Again {
                return Ok(());
            }
            let row = outcome_row(&OutcomeRecord { kind: OutcomeKind::Settled, message: why, ..before })?;
            insert_outcome(file, segment, page, &row)?;
            marks.ended(position, OutcomeKind::Settled);
            marks.done.insert(position);
            Ok(())
        })
        .await
    }

    async fn change_settled(
        &self,
        segment: u32,
        page: u32,
        change: impl FnOnce(&Connection, &mut super::Marks) -> Result<(), Problem> + Send + 'static,
    ) -> Result<(), Error> {
        self.not_finished();
        self.write(move |file| {
            if segment >= progress(file)?.sealed {
                return Err(Problem::Rule(format!("the plan of segment {segment} is not sealed, so nothing of it has ended")));
            }
            let missing = || Problem::Rule(format!("there is no page {segment}/{page}"));
            let mut marks = marks(file, segment, page)?.ok_or_else(missing)?;
            change(file, &mut marks)?;
            set_marks(file, segment, page, &marks)
        })
        .await
    }
}

/// Takes an item's outcome back, which must be of this kind.
fn forget(
    file: &Connection,
    segment: u32,
    page: u32,
    position: u32,
    kind: OutcomeKind,
    marks: &mut super::Marks,
) -> Result<OutcomeRecord, Problem> {
    let which = Which::Outcome(segment, page, position);
    let select = "SELECT record FROM outcome WHERE segment = ?1 AND page = ?2 AND position = ?3";
    let stored = file.prepare_cached(select)?.query_row([segment, page, position], |row| row.get(0)).optional()?;
    let stored = stored.ok_or_else(|| Problem::Rule(format!("the item at {position} has no outcome")))?;
    let text = which.open(stored)?;
    let outcome: OutcomeRecord = serde_json::from_slice(&text).map_err(|error| which.damaged(&error.to_string()))?;
    if outcome.kind != kind {
        let (is, must) = (outcome.kind, kind);
        return Err(Problem::Rule(format!("the item at {position} is {is:?}, and not {must:?}")));
    }
    marks.reopen(position, kind)?;
    let delete = "DELETE FROM outcome WHERE segment = ?1 AND page = ?2 AND position = ?3";
    file.prepare_cached(delete)?.execute([segment, page, position])?;
    Ok(outcome)
}

fn add_entries(file: &Connection, segment: u32, page: u32, added: Vec<Entry>, marks: &mut super::Marks) -> Result<(), Problem> {
    let which = Which::Content(segment, page);
    let mut select = file.prepare_cached("SELECT content FROM content WHERE segment = ?1 AND page = ?2")?;
    let stored = select.query_row([segment, page], |row| row.get(0)).optional()?;
    let mut content: Content = which.expand(stored.ok_or_else(|| which.damaged("they are missing"))?)?;
    added.iter().for_each(|entry| marks.add_entry(entry));
    content.entries.extend(added);
    content.entries.sort_by_key(|entry| entry.position);
    let mut replace = file.prepare_cached("UPDATE content SET content = ?3 WHERE segment = ?1 AND page = ?2")?;
    replace.execute(params![segment, page, which.squeeze(&content)?])?;
    Ok(())
}
