//! Room for a journal: on its disk before a run begins, and below the most that an operator gives it while it is planned.
//!
//! The first is a look at an estimate, so that a run which is bound to fail does not begin; a disk that fills up all the same
//! is met where the journal is written. The second is exact: the file never grows past it by a page of the plan. What is
//! recorded after the seal (conflicts, outcomes) is never refused for its size, for without it nobody would know what was
//! written; it is small beside the plan.

use std::path::Path;

use rusqlite::Connection;

use super::checksum::Which;
use super::error::Error;
use super::records::Entry;
use super::store::Problem;
use crate::model::{Bytes, Item};

/// Kept free beside the journal: what SQLite has beside the file, and what the estimate does not know. And a share of it.
const RESERVE: u64 = 32 << 20;
const SHARE: u64 = 10;

/// Refuses to begin, or go on with, a journal for which there is no room in `dir`: `expected` bytes, of which it `has` some.
///
/// # Errors
/// [`Error::NoRoom`] says how much there is, and how much it takes.
pub fn check_room(dir: &Path, expected: u64, has: u64) -> Result<(), Error> {
    let Some(free) = free(dir) else { return Ok(()) };
    let (more, reserve) = (expected.saturating_sub(has), RESERVE + expected / SHARE);
    if free >= more.saturating_add(reserve) {
        return Ok(());
    }
    let [free, more, reserve] = [free, more, reserve].map(Bytes);
    Err(Error::NoRoom { dir: dir.display().to_string(), free, more, reserve })
}

/// Bytes that these items take in a journal, if each is patched a little: a page of them, as it is written.
pub fn bytes_of(items: Vec<Item>) -> u64 {
    let entries: Vec<Entry> = (0..).zip(items).map(|(position, image)| Entry { position, image, actions: Vec::new() }).collect();
    Which::Content(0, 0).squeeze(&entries).map_or(0, |bytes| bytes.len() as u64)
}

/// Bytes that this user can still write where the folder is, or will be; `None` where nobody says.
#[cfg(unix)]
fn free(dir: &Path) -> Option<u64> {
    let there = std::path::absolute(dir).ok()?;
    let there = there.ancestors().find(|dir| dir.exists())?;
    let system = rustix::fs::statvfs(there).ok()?;
    // Some file systems do not say how large they are.
    (system.f_blocks > 0).then(|| system.f_bavail.saturating_mul(system.f_frsize))
}

/// Not asked on other systems.
#[cfg(not(unix))]
fn free(_: &Path) -> Option<u64> {
    None
}

/// Whether the file may take a page of so many bytes without growing past the most it may have. Inside the writer's transaction,
/// where what was not committed yet counts as well.
pub(super) fn check_most(file: &Connection, path: &Path, bytes: usize, most: u64) -> Result<(), Problem> {
    let number = |name: &str| file.pragma_query_value(None, name, |row| row.get::<_, u64>(0));
    let used = number("page_count")?.saturating_sub(number("freelist_count")?).saturating_mul(number("page_size")?);
    if used.saturating_add(bytes as u64) <= most {
        return Ok(());
    }
    Err(Problem::Other(Error::Full { path: path.display().to_string(), has: Bytes(used), most: Bytes(most) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_folder_that_is_not_there_yet_has_the_room_of_its_disk() {
        let dir = tempfile::tempdir().unwrap();
        let (here, later) = (free(dir.path()).unwrap(), free(&dir.path().join("a/b")).unwrap());
        assert!(here > 0 && later.abs_diff(here) < 1 << 30, "{here} {later}");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_there_already_takes_no_more_room() {
        let dir = tempfile::tempdir().unwrap();
        let much = 1 << 60;
        assert_eq!(check_room(dir.path(), 0, 0), Ok(()));
        let Err(Error::NoRoom { more, reserve, .. }) = check_room(dir.path(), much, much - 2_000_000) else { panic!() };
        assert_eq!((more.0, reserve.0), (2_000_000, RESERVE + much / SHARE));
    }
}
