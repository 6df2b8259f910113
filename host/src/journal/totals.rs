//! Counts and checks over all of a journal.

use rusqlite::Connection;

use super::checksum::Which;
use super::counts::Counts;
use super::marks::{Marks, Positions};
use super::planning::segments;
use super::records::{OutcomeKind, OutcomeRecord, SegmentState};
use super::store::Problem;
use super::windows::Finished;
use super::{Error, Journal, planned_marks, progress, store};

impl Journal {
    /// Items and actions, counted from the marks of the pages.
    pub fn counts(&self) -> Result<Counts, Error> {
        let (manifest, finished) = (self.manifest(), self.finished());
        self.query(|reader| count(reader, finished, &segments(reader, manifest.own_segments(manifest.segments))?))
    }

    /// The first `limit` items that are [listed](Self::is_listed), in the order of the scan.
    pub fn outcomes(&self, limit: usize) -> Result<Vec<OutcomeRecord>, Error> {
        let mut outcomes = Vec::new();
        for (segment, page) in self.listed_pages(limit)? {
            outcomes.extend(self.page_outcomes(segment, page)?.into_iter().filter(|outcome| self.is_listed(outcome.kind)));
        }
        outcomes.truncate(limit);
        Ok(outcomes)
    }

    /// Whether a summary names items that ended so: what failed or is in doubt, and what a run that takes another back left
    /// alone.
    pub fn is_listed(&self, kind: OutcomeKind) -> bool {
        match kind {
            OutcomeKind::Failed | OutcomeKind::Doubtful => true,
            OutcomeKind::Skipped => self.manifest().restores.is_some(),
            OutcomeKind::Unchanged | OutcomeKind::Settled => false,
        }
    }

    /// The first pages, by segment and page, that have so many listed items; eight bytes each.
    pub fn listed_pages(&self, limit: usize) -> Result<Vec<(u32, u32)>, Error> {
        let (manifest, skipped) = (self.manifest(), self.is_listed(OutcomeKind::Skipped));
        self.query(|reader| {
            let (mut pages, mut listed) = (Vec::new(), 0);
            each_page(reader, 0, &segments(reader, manifest.own_segments(manifest.segments))?, |segment, page, marks| {
                let here = marks.failed + marks.doubtful + if skipped { marks.skipped } else { 0 };
                if here > 0 && listed < limit as u64 {
                    listed += here;
                    pages.push((segment, page));
                }
                Ok(())
            })?;
            Ok(pages)
        })
    }

    /// The outcomes of a page, by position.
    pub fn page_outcomes(&self, segment: u32, page: u32) -> Result<Vec<OutcomeRecord>, Error> {
        self.query(|reader| page_outcomes(reader, segment, page, &planned_marks(reader, segment, page)?.settled))
    }

    /// Reads all of the file and checks each record: minutes for a journal of many gigabytes, and the only way to know
    /// beforehand that a run can go on with it.
    ///
    /// # Errors
    /// [`Error::Corrupt`] names the first damage that is found.
    pub fn check(&self) -> Result<(), Error> {
        self.query(store::verify)?;
        self.query(progress)?;
        self.component()?;
        self.counts()?;
        for state in self.segments()? {
            for page in 0..state.pages {
                self.page(state.segment, page)?;
                self.attempts(state.segment, page)?;
                self.query(|reader| {
                    let settled = planned_marks(reader, state.segment, page)?.settled;
                    page_outcomes(reader, state.segment, page, &settled)
                })?;
            }
        }
        Ok(())
    }
}

/// What these segments have, on top of what is finished and lies before.
pub(super) fn count(file: &Connection, finished: Finished, segments: &[SegmentState]) -> Result<Counts, Problem> {
    let mut counts = finished.counts;
    each_page(file, finished.segments, segments, |_, _, marks| {
        counts.scanned += marks.scanned;
        counts.changed += marks.entries.len();
        counts.unchanged += marks.unchanged;
        counts.failed += marks.failed;
        counts.conflicts += marks.conflicts;
        counts.skipped += marks.skipped;
        counts.doubtful += marks.doubtful;
        counts.shared += marks.shared.len();
        counts.done += marks.done.len();
        counts.actions.patch += marks.actions.patch;
        counts.actions.insert += marks.actions.insert;
        counts.actions.update += marks.actions.update;
        counts.actions.delete += marks.actions.delete;
        Ok(())
    })?;
    Ok(counts)
}

/// The outcomes of a page, none missing.
fn page_outcomes(file: &Connection, segment: u32, page: u32, settled: &Positions) -> Result<Vec<OutcomeRecord>, Problem> {
    let select = "SELECT position, record FROM outcome WHERE segment = ?1 AND page = ?2 ORDER BY position";
    let mut select = file.prepare_cached(select)?;
    let mut rows = select.query([segment, page])?;
    let (mut outcomes, mut found) = (Vec::new(), Positions::default());
    while let Some(row) = rows.next()? {
        let position = row.get(0)?;
        let which = Which::Outcome(segment, page, position);
        let text = which.open(row.get(1)?)?;
        outcomes.push(serde_json::from_slice(&text).map_err(|error| which.damaged(&error.to_string()))?);
        found.insert(position);
    }
    if found == *settled {
        Ok(outcomes)
    } else {
        Err(Problem::Corrupt(format!("of the outcomes of page {segment}/{page}, some are missing")))
    }
}

/// Every page with its marks, by segment and page, from the segment `first` to the last of these. One that is missing is an error: a page that is not seen would be
/// taken as done.
pub(super) fn each_page(
    file: &Connection,
    first: u32,
    segments: &[SegmentState],
    mut each: impl FnMut(u32, u32, Marks) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let end = segments.last().map_or(0, |last| last.segment.saturating_add(1));
    let mut wanted = segments
        .iter()
        .filter(|state| state.segment >= first)
        .flat_map(|state| (0..state.pages).map(|page| (state.segment, page)));
    let mut select = file
        .prepare_cached("SELECT segment, page, record FROM page WHERE segment >= ?1 AND segment < ?2 ORDER BY segment, page")?;
    let mut rows = select.query([first, end])?;
    while let Some(row) = rows.next()? {
        let (segment, page) = (row.get(0)?, row.get(1)?);
        match wanted.next() {
            Some(next) if next == (segment, page) => each(segment, page, Which::Page(segment, page).unpack(row.get(2)?)?)?,
            Some((segment, page)) => return Err(Which::Page(segment, page).damaged("they are missing")),
            None => return Err(Problem::Corrupt(format!("page {segment}/{page} is none of the plan's"))),
        }
    }
    match wanted.next() {
        Some((segment, page)) => Err(Which::Page(segment, page).damaged("they are missing")),
        None => Ok(()),
    }
}
