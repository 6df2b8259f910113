//! The first half: pages come in, each segment's in turn, until the plan is sealed.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::atomic::Ordering;

use rusqlite::{Connection, OptionalExtension, params};

use super::checksum::Which;
use super::counts::ActionCounts;
use super::envelope::{self, Envelope};
use super::marks::{Marks, Positions};
use super::records::{Content, Logs, OutcomeRecord, PageRecord, SegmentState};
use super::store::Problem;
use super::{Error, Journal, Progress, planned_marks, progress, room, set_marks, set_progress, windows};

/// Takes a page back. By key each, or a plan would take the square of its length.
const FORGET: [&str; 4] = [
    "DELETE FROM page WHERE segment = ?1 AND page = ?2",
    "DELETE FROM content WHERE segment = ?1 AND page = ?2",
    "DELETE FROM outcome WHERE segment = ?1 AND page = ?2",
    "DELETE FROM elsewhere WHERE segment = ?1 AND page = ?2",
];

/// What a key elsewhere takes, and what a page takes beside its items, at most: its marks, its cursor, and pages of SQLite's that
/// are not full.
const ELSEWHERE: usize = 64;
const A_PAGE: usize = 32 << 10;

impl Journal {
    /// Where each segment's scan stands.
    pub fn segments(&self) -> Result<Vec<SegmentState>, Error> {
        let manifest = self.manifest();
        self.query(|reader| segments(reader, manifest.own_segments(manifest.segments)))
    }

    /// Commits a page and its segment's cursor together: the segment's next page, or its last once more, which then
    /// replaces what it was and counts once.
    ///
    /// # Errors
    /// [`Error::Rule`] for a page out of turn, after the segment's end or after the seal; [`Error::Full`] for one that would make the
    /// file larger than it [may be](Journal::keep_below).
    pub async fn commit_page(&self, record: PageRecord) -> Result<(), Error> {
        let (segment, page) = (record.segment, record.page);
        let content = Content { entries: record.entries, logs: record.logs };
        let packed = Which::Content(segment, page).squeeze(&content).map_err(|problem| self.error(problem))?;
        let record = PageRecord { entries: content.entries, logs: Logs::default(), ..record };
        let outcomes: Vec<_> = record.failures.iter().map(outcome_row).collect::<Result<_, _>>().map_err(|p| self.error(p))?;
        let elsewhere: BTreeSet<(u32, i64)> = record.elsewhere.iter().map(|(at, hash)| (*at, hash.cast_signed())).collect();
        let marks = first_marks(&record, checksum(segment, page, elsewhere.iter().copied()));
        let envelope = Envelope::of(&self.manifest().context.table, record.entries.iter().flat_map(|entry| &entry.actions));
        let PageRecord { cursor, last, .. } = record;
        let (path, most) = (self.path().to_owned(), self.0.most.load(Ordering::Relaxed));
        let bytes = packed.len() + outcomes.iter().map(|(_, record)| record.len()).sum::<usize>() + elsewhere.len() * ELSEWHERE;
        self.write(move |file| {
            room::check_most(file, &path, bytes + A_PAGE, most)?;
            if segment < progress(file)?.sealed {
                return Err(Problem::Rule(format!("the plan is sealed, so page {segment}/{page} comes too late")));
            }
            let missing = || Problem::Rule(format!("there is no segment {segment}"));
            let mut state = segment_at(file, segment)?.ok_or_else(missing)?;
            take_turn(file, &mut state, page)?;
            set_marks(file, segment, page, &marks)?;
            file.prepare_cached("INSERT INTO content VALUES (?1, ?2, ?3)")?.execute(params![segment, page, packed])?;
            outcomes.iter().try_for_each(|outcome| insert_outcome(file, segment, page, outcome))?;
            let mut insert = file.prepare_cached("INSERT INTO elsewhere VALUES (?1, ?2, ?3, ?4)")?;
            for (position, hash) in elsewhere {
                insert.execute(params![segment, page, position, hash])?;
            }
            envelope::widen(file, &envelope)?;
            state.scanned += marks.scanned;
            set_segment(file, &SegmentState { cursor, done: last, pages: page + 1, ..state })
        })
        .await
    }

    /// Ends the plan, or that of the next window, and finds the items of it that write one key. A sealed plan stays as it is. Of
    /// several windows, one comes after the other, and so do the items of one that write the same key as those of another.
    ///
    /// # Errors
    /// [`Error::Rule`] while a segment is not done.
    pub async fn seal(&self) -> Result<(), Error> {
        let manifest = self.manifest().clone();
        self.write(move |file| {
            let now = progress(file)?;
            let window = windows::next(&manifest, now.sealed);
            if window.is_empty() {
                return Ok(());
            }
            let mut segments = segments(file, manifest.own_segments(manifest.segments))?;
            segments.retain(|segment| window.contains(&segment.segment));
            if let Some(open) = segments.iter().find(|segment| !segment.done) {
                return Err(Problem::Rule(format!("segment {} is not done, so the plan cannot be sealed", open.segment)));
            }
            mark_shared(file, &segments, &window)?;
            if manifest.has_windows() {
                // Only the seal looks at them.
                file.execute("DELETE FROM elsewhere WHERE segment < ?1", [window.end])?;
            }
            set_progress(file, &Progress { sealed: window.end, ..now })
        })
        .await
    }
}

/// Whether it is this page's turn. The last page once more is taken back first.
fn take_turn(file: &Connection, state: &mut SegmentState, page: u32) -> Result<(), Problem> {
    let segment = state.segment;
    if page.checked_add(1) == Some(state.pages) {
        let before = planned_marks(file, segment, page)?;
        state.scanned = state.scanned.saturating_sub(before.scanned);
        return FORGET.iter().try_for_each(|forget| file.execute(forget, [segment, page]).map(drop)).map_err(Problem::from);
    }
    if state.done {
        return Err(Problem::Rule(format!("segment {segment} is done, so page {segment}/{page} comes too late")));
    }
    if page != state.pages {
        return Err(Problem::Rule(format!("page {segment}/{page} is out of turn: the next is {segment}/{}", state.pages)));
    }
    Ok(())
}

fn first_marks(record: &PageRecord, elsewhere: [u8; 4]) -> Marks {
    let mut actions = ActionCounts::default();
    record.entries.iter().for_each(|entry| actions.add(&entry.actions));
    let mut marks = Marks {
        scanned: record.scanned,
        unchanged: record.unchanged,
        actions,
        entries: record.entries.iter().map(|entry| entry.position).collect(),
        elsewhere,
        ..Marks::default()
    };
    record.failures.iter().for_each(|failure| marks.ended(failure.position, failure.kind));
    marks
}

fn checksum(segment: u32, page: u32, elsewhere: impl Iterator<Item = (u32, i64)>) -> [u8; 4] {
    let each = elsewhere.flat_map(|(position, hash)| [i64::from(position).to_le_bytes(), hash.to_le_bytes()]);
    Which::Elsewhere(segment, page).checksum(&each.flatten().collect::<Vec<u8>>())
}

/// Marks the items that write a key which another item writes too. SQLite sorts on the disk; a page at a time is in memory.
fn mark_shared(file: &Connection, segments: &[SegmentState], window: &Range<u32>) -> Result<(), Problem> {
    file.execute_batch("CREATE TEMP TABLE twice (hash INTEGER PRIMARY KEY)")?;
    let twice =
        "INSERT INTO twice SELECT hash FROM elsewhere WHERE segment >= ?1 AND segment < ?2 GROUP BY hash HAVING count(*) > 1";
    file.execute(twice, [window.start, window.end])?;
    let mut select = file.prepare(
        "SELECT position, hash, EXISTS (SELECT 1 FROM twice WHERE twice.hash = elsewhere.hash) FROM elsewhere \
         WHERE segment = ?1 AND page = ?2 ORDER BY position, hash",
    )?;
    for (segment, page) in segments.iter().flat_map(|state| (0..state.pages).map(|page| (state.segment, page))) {
        let rows = select.query_map([segment, page], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let rows: Vec<(u32, i64, bool)> = rows.collect::<Result<_, _>>()?;
        let marks = planned_marks(file, segment, page)?;
        if marks.elsewhere != checksum(segment, page, rows.iter().map(|&(position, hash, _)| (position, hash))) {
            return Err(Which::Elsewhere(segment, page).damaged("their checksum is wrong"));
        }
        let shared: Positions = rows.iter().filter(|(_, _, twice)| *twice).map(|(position, _, _)| *position).collect();
        if !shared.is_empty() {
            set_marks(file, segment, page, &Marks { shared, ..marks })?;
        }
    }
    drop(select);
    Ok(file.execute_batch("DROP TABLE twice")?)
}

pub(super) fn begin_segment(file: &Connection, segment: u32) -> Result<(), Problem> {
    set_segment(file, &SegmentState { segment, cursor: None, done: false, pages: 0, scanned: 0 })
}

fn set_segment(file: &Connection, state: &SegmentState) -> Result<(), Problem> {
    let mut insert = file.prepare_cached("INSERT OR REPLACE INTO segment VALUES (?1, ?2)")?;
    insert.execute(params![state.segment, Which::Segment(state.segment).pack(state)?])?;
    Ok(())
}

pub(super) fn segment_at(file: &Connection, segment: u32) -> Result<Option<SegmentState>, Problem> {
    let mut select = file.prepare_cached("SELECT record FROM segment WHERE segment = ?1")?;
    let stored = select.query_row([segment], |row| row.get(0)).optional()?;
    stored.map(|stored| Which::Segment(segment).unpack(stored)).transpose()
}

/// These segments, and none is missing.
pub(super) fn segments(file: &Connection, which: Range<u32>) -> Result<Vec<SegmentState>, Problem> {
    let mut select =
        file.prepare_cached("SELECT segment, record FROM segment WHERE segment >= ?1 AND segment < ?2 ORDER BY segment")?;
    let rows = select.query_map([which.start, which.end], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let rows: Vec<(u32, Vec<u8>)> = rows.collect::<Result<_, _>>()?;
    if !rows.iter().map(|(segment, _)| *segment).eq(which.clone()) {
        return Err(Problem::Corrupt(format!("of {} segments, some are missing", which.len())));
    }
    rows.into_iter().map(|(segment, stored)| Which::Segment(segment).unpack(stored)).collect()
}

/// An outcome as it is stored: position and record.
pub(super) type OutcomeRow = (u32, Vec<u8>);

pub(super) fn outcome_row(outcome: &OutcomeRecord) -> Result<OutcomeRow, Problem> {
    let which = Which::Outcome(outcome.segment, outcome.page, outcome.position);
    let text = serde_json::to_vec(outcome).map_err(|error| Problem::Rule(format!("{which} cannot be written: {error}")))?;
    Ok((outcome.position, which.close(text)))
}

pub(super) fn insert_outcome(file: &Connection, segment: u32, page: u32, outcome: &OutcomeRow) -> Result<(), Problem> {
    let (position, record) = outcome;
    let mut insert = file.prepare_cached("INSERT INTO outcome VALUES (?1, ?2, ?3, ?4)")?;
    insert.execute(params![segment, page, position, record])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::store;

    #[test]
    fn no_page_is_taken_back_by_reading_a_whole_table() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.drift");
        store::create(&path, |_| Ok(())).unwrap();
        let file = store::open(&path, true).unwrap();
        for forget in FORGET {
            let mut plan = file.prepare(&format!("EXPLAIN QUERY PLAN {forget}")).unwrap();
            let steps: Vec<String> = plan.query_map([0, 0], |row| row.get(3)).unwrap().map(Result::unwrap).collect();
            assert!(steps.iter().all(|step| step.starts_with("SEARCH")), "{forget}: {steps:?}");
        }
    }
}
