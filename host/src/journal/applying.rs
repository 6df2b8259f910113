//! The second half: what is sent, what is done. Nothing of it before the seal.

use rusqlite::{Connection, OptionalExtension, params};

use super::checksum::Which;
use super::marks::{Marks, Positions};
use super::planning::{insert_outcome, outcome_row, segment_at, segments};
use super::records::{AttemptRecord, Content, Logs, OutcomeRecord, Page};
use super::store::Problem;
use super::totals::each_page;
use super::{Error, Journal, marks, planned_marks, progress, set_marks};
use crate::model::{Action, Item};

impl Journal {
    /// Segment and page of those with entries that are not done, interleaved over the segments so that hot partitions are
    /// spread. Eight bytes a page.
    pub fn unfinished_pages(&self) -> Result<Vec<(u32, u32)>, Error> {
        let (finished, manifest) = (self.finished(), self.manifest());
        let mut pages = self.query(|reader| {
            let mut pages = Vec::new();
            each_page(
                reader,
                finished.segments,
                &segments(reader, manifest.own_segments(sealed(reader)?))?,
                |segment, page, marks| {
                    if marks.is_unfinished() {
                        pages.push((segment, page));
                    }
                    Ok(())
                },
            )?;
            Ok(pages)
        })?;
        pages.sort_unstable_by_key(|&(segment, page)| (page, segment));
        Ok(pages)
    }

    /// One page as it stands. Of one that was [dropped](Journal::finish_window) there are no entries any more.
    pub fn page(&self, segment: u32, page: u32) -> Result<Page, Error> {
        self.query(|reader| {
            let marks = existing(reader, segment, page)?;
            if marks.dropped {
                return Ok(Page { entries: vec![], logs: Logs::default(), sent: vec![], done: vec![], shared: vec![] });
            }
            let mut select = reader.prepare_cached("SELECT content FROM content WHERE segment = ?1 AND page = ?2")?;
            let which = Which::Content(segment, page);
            let stored = select.query_row([segment, page], |row| row.get(0)).optional()?;
            let Content { entries, logs } = which.expand(stored.ok_or_else(|| which.damaged("they are missing"))?)?;
            if entries.iter().map(|entry| entry.position).collect::<Positions>() != marks.entries {
                return Err(which.damaged("they are not those of its marks"));
            }
            let each = |of: &Positions| entries.iter().map(|entry| of.contains(entry.position)).collect();
            let (sent, done, shared) = (each(&marks.sent), each(&marks.done), each(&marks.shared));
            Ok(Page { entries, sent, done, shared, logs })
        })
    }

    /// The next page after this one, by segment and page, with entries that share a key and are not done; `None` after the
    /// last one. In this order they are written.
    pub fn next_shared_page(&self, after: Option<(u32, u32)>) -> Result<Option<(u32, u32)>, Error> {
        let (finished, manifest) = (self.finished(), self.manifest());
        self.query(|reader| {
            let own = manifest.own_segments(sealed(reader)?);
            let (first, mut page) =
                after.map_or((finished.segments.max(own.start), 0), |(segment, page)| (segment, page.saturating_add(1)));
            for segment in first..own.end {
                let state = segment_at(reader, segment)?.ok_or_else(|| Which::Segment(segment).damaged("it is missing"))?;
                for page in page..state.pages {
                    if planned_marks(reader, segment, page)?.has_unfinished_shared() {
                        return Ok(Some((segment, page)));
                    }
                }
                page = 0;
            }
            Ok(None)
        })
    }

    /// Marks the newest attempts of these items, by their position in the page, as sent. None may leave before this is
    /// acknowledged.
    ///
    /// # Errors
    /// [`Error::Rule`] before the seal, and for an item that has no actions or is done.
    pub async fn mark_sent(&self, segment: u32, page: u32, positions: Vec<u32>) -> Result<(), Error> {
        self.mark(segment, page, move |_, marks| marks.send(&positions)).await
    }

    /// Takes the mark back from items of which it is certain that nothing was carried out, by their position in the page.
    ///
    /// # Errors
    /// [`Error::Rule`] before the seal, and for an item that has no actions or is done.
    pub async fn unmark_sent(&self, segment: u32, page: u32, positions: Vec<u32>) -> Result<(), Error> {
        self.mark(segment, page, move |_, marks| marks.unsend(&positions)).await
    }

    /// Marks items as done, by their position in the page.
    ///
    /// # Errors
    /// [`Error::Rule`] before the seal, and for an item that has no actions or was not marked as sent.
    pub async fn mark_done(&self, segment: u32, page: u32, positions: Vec<u32>) -> Result<(), Error> {
        self.mark(segment, page, move |_, marks| marks.finish(&positions)).await
    }

    /// Records an attempt beyond the first. The one before it is answered; this one is not sent yet.
    ///
    /// # Errors
    /// [`Error::Rule`] before the seal, and for an item that has no actions or is done.
    pub async fn new_attempt(&self, attempt: AttemptRecord) -> Result<(), Error> {
        let AttemptRecord { segment, page, position, attempt: number, image, actions } = attempt;
        let record = Which::Attempt(segment, page, position).pack(&(number, image, actions));
        let record = record.map_err(|problem| self.error(problem))?;
        self.mark(segment, page, move |file, marks| {
            marks.attempt(position)?;
            let insert = "INSERT OR REPLACE INTO attempt VALUES (?1, ?2, ?3, ?4)";
            file.prepare_cached(insert)?.execute(params![segment, page, position, record])?;
            Ok(())
        })
        .await
    }

    /// The newest attempts beyond the first of a page.
    pub fn attempts(&self, segment: u32, page: u32) -> Result<Vec<AttemptRecord>, Error> {
        self.query(|reader| {
            let select = "SELECT position, record FROM attempt WHERE segment = ?1 AND page = ?2 ORDER BY position";
            let mut select = reader.prepare_cached(select)?;
            let mut rows = select.query([segment, page])?;
            let mut attempts = Vec::new();
            while let Some(row) = rows.next()? {
                let position = row.get(0)?;
                let stored: (u32, Item, Vec<Action>) = Which::Attempt(segment, page, position).unpack(row.get(1)?)?;
                let (attempt, image, actions) = stored;
                attempts.push(AttemptRecord { segment, page, position, attempt, image, actions });
            }
            let found: Positions = attempts.iter().map(|attempt| attempt.position).collect();
            if found != existing(reader, segment, page)?.attempted {
                return Err(Problem::Corrupt(format!("of the attempts of page {segment}/{page}, some are missing")));
            }
            Ok(attempts)
        })
    }

    /// Settles an item that is not plainly done; it is not tried again.
    ///
    /// # Errors
    /// [`Error::Rule`] before the seal, and for an item that has no actions or is done.
    pub async fn settle(&self, outcome: OutcomeRecord) -> Result<(), Error> {
        let (segment, page, kind) = (outcome.segment, outcome.page, outcome.kind);
        let row = outcome_row(&outcome).map_err(|problem| self.error(problem))?;
        self.mark(segment, page, move |file, marks| {
            marks.settle(row.0, kind)?;
            insert_outcome(file, segment, page, &row)
        })
        .await
    }

    async fn mark(
        &self,
        segment: u32,
        page: u32,
        change: impl FnOnce(&Connection, &mut Marks) -> Result<(), Problem> + Send + 'static,
    ) -> Result<(), Error> {
        self.write(move |file| {
            sealed_segment(file, segment)?;
            let mut marks = existing(file, segment, page)?;
            change(file, &mut marks)?;
            set_marks(file, segment, page, &marks)
        })
        .await
    }
}

/// How many segments are sealed, if there are some.
fn sealed(file: &Connection) -> Result<u32, Problem> {
    match progress(file)?.sealed {
        0 => Err(Problem::Rule("the plan is not sealed, so nothing of it is carried out".into())),
        sealed => Ok(sealed),
    }
}

fn sealed_segment(file: &Connection, segment: u32) -> Result<(), Problem> {
    match segment < progress(file)?.sealed {
        true => Ok(()),
        false => Err(Problem::Rule(format!("the plan of segment {segment} is not sealed, so nothing of it is carried out"))),
    }
}

fn existing(file: &Connection, segment: u32, page: u32) -> Result<Marks, Problem> {
    marks(file, segment, page)?.ok_or_else(|| Problem::Rule(format!("there is no page {segment}/{page}")))
}
