//! Windows: so many segments are scanned, sealed and carried out before the next ones are scanned. A run without `--window` has
//! one, of all its segments.
//!
//! The seal stands behind a number of segments. What lies before it may be carried out, what lies behind it may be planned, and
//! nothing else says where a run stands: whoever goes on with it finds the window at work by what is not done before the seal.
//! Once all before it is done, its counts are kept in memory, so that a window costs what it holds and not what the run holds. With
//! `--no-images` the items of a window that is done are dropped, and SQLite gives their room to the next.

use std::sync::PoisonError;

use rusqlite::Connection;

use super::counts::Counts;
use super::records::Progress;
use super::store::Problem;
use super::totals::{count, each_page};
use super::{Error, Journal, Manifest, planning, progress, set_marks, set_progress};

/// Pages whose items are dropped in one transaction.
const AT_A_TIME: usize = 64;

/// How far a run's windows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Segments of a window; the last one may have fewer.
    pub segments: u32,
    /// How many windows there are.
    pub count: u32,
    /// Those that are sealed.
    pub sealed: u32,
    /// Those before the first that has something left to do.
    pub done: u32,
}

/// What is known to be finished, and need not be counted again: the segments before this one, with these counts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Finished {
    pub(super) segments: u32,
    pub(super) counts: Counts,
}

impl Manifest {
    /// Segments of a window.
    pub fn window_segments(&self) -> u32 {
        self.window.unwrap_or(self.segments).clamp(1, self.segments.max(1))
    }

    /// Whether there are several windows.
    pub fn has_windows(&self) -> bool {
        self.window_segments() < self.segments
    }
}

impl Journal {
    /// How far the windows are.
    pub fn windows(&self) -> Result<Windows, Error> {
        let segments = self.manifest().window_segments();
        let sealed = self.sealed_segments()?;
        let open = if sealed == 0 { None } else { self.unfinished_pages()?.into_iter().map(|(segment, _)| segment).min() };
        Ok(Windows {
            segments,
            count: self.manifest().segments.div_ceil(segments),
            sealed: sealed.div_ceil(segments),
            done: open.unwrap_or_else(|| sealed.next_multiple_of(segments)) / segments,
        })
    }

    /// How many segments are sealed: the first ones.
    pub fn sealed_segments(&self) -> Result<u32, Error> {
        Ok(self.query(progress)?.sealed)
    }

    /// The segments that are planned next: those of the window that is sealed next.
    pub fn next_window(&self) -> Result<std::ops::Range<u32>, Error> {
        Ok(next(self.manifest(), self.sealed_segments()?))
    }

    /// Items and actions of what is sealed, counted as [`Journal::counts`] does.
    pub fn sealed_counts(&self) -> Result<Counts, Error> {
        let finished = self.finished();
        let manifest = self.manifest();
        self.query(|reader| {
            count(reader, finished, &planning::segments(reader, manifest.own_segments(progress(reader)?.sealed))?)
        })
    }

    /// Whether all that is sealed [may be written](Journal::clear).
    pub fn is_cleared(&self) -> Result<bool, Error> {
        let now = self.query(progress)?;
        Ok(now.cleared == now.sealed)
    }

    /// What is sealed may be written: whoever goes on with it need not look again whether too much failed, and what fails in writing
    /// stops no window by halves.
    pub async fn clear(&self) -> Result<(), Error> {
        self.write(|file| {
            let now = progress(file)?;
            set_progress(file, &Progress { cleared: now.sealed, ..now })
        })
        .await
    }

    /// All that is sealed is done: its counts stay as they are, as far as this process changes nothing about it. With `--no-images`
    /// its items are dropped, but for those of pages on which one failed or is in doubt.
    ///
    /// # Errors
    /// [`Error::Rule`] while something is left to do.
    pub async fn finish_window(&self) -> Result<(), Error> {
        if let Some((segment, page)) = self.unfinished_pages()?.first() {
            return Err(self.error(Problem::Rule(format!("page {segment}/{page} is not done, so its window is not"))));
        }
        if self.manifest().no_images && self.manifest().has_windows() {
            self.drop_items().await?;
        }
        let (segments, counts) = (self.sealed_segments()?, self.sealed_counts()?);
        *self.0.finished.lock().unwrap_or_else(PoisonError::into_inner) = Finished { segments, counts };
        Ok(())
    }

    async fn drop_items(&self) -> Result<(), Error> {
        let (first, manifest) = (self.finished().segments, self.manifest());
        let pages = self.query(|reader| {
            let sealed = planning::segments(reader, manifest.own_segments(progress(reader)?.sealed))?;
            let mut pages = Vec::new();
            each_page(reader, first, &sealed, |segment, page, marks| {
                if marks.can_be_dropped() {
                    pages.push((segment, page));
                }
                Ok(())
            })?;
            Ok(pages)
        })?;
        for some in pages.chunks(AT_A_TIME) {
            let some = some.to_vec();
            self.write(move |file| some.into_iter().try_for_each(|(segment, page)| drop_page(file, segment, page))).await?;
        }
        Ok(())
    }

    pub(super) fn finished(&self) -> Finished {
        *self.0.finished.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something before the seal is taken up again.
    pub(super) fn not_finished(&self) {
        *self.0.finished.lock().unwrap_or_else(PoisonError::into_inner) = Finished::default();
    }
}

/// The segments of the window after those that are sealed.
pub(super) fn next(manifest: &Manifest, sealed: u32) -> std::ops::Range<u32> {
    sealed..sealed.saturating_add(manifest.window_segments()).min(manifest.segments)
}

fn drop_page(file: &Connection, segment: u32, page: u32) -> Result<(), Problem> {
    let mut marks = super::planned_marks(file, segment, page)?;
    file.prepare_cached("DELETE FROM content WHERE segment = ?1 AND page = ?2")?.execute([segment, page])?;
    file.prepare_cached("DELETE FROM attempt WHERE segment = ?1 AND page = ?2")?.execute([segment, page])?;
    marks.drop_items();
    set_marks(file, segment, page, &marks)
}
