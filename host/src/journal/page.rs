//! Pages of the plan: what the scan hands over, how it is encoded, and what the apply phase gets back.
//!
//! The entries of a page are one blob: eight bytes of checksum, then postcard. Encoding is done on the thread that has
//! the page, never on the writer's. A blob whose checksum does not fit is a damaged journal, not a surprising write.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::outcome::OutcomeKind;
use crate::migration::ItemFailure;
use crate::model::{Action, Item, Key};

/// A page of the scan. Ordered by segment, then page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageId {
    /// The segment, from 0.
    pub segment: u32,
    /// The page in its segment, from 0.
    pub page: u64,
}

/// An item of the scan: the page and the position in it. Ordered by segment, page, position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The page.
    pub page: PageId,
    /// The item's position among all items of the page, from 0; items without actions count too.
    pub position: u32,
}

/// Bits of a page's number in a row's id; the segment stands above them.
const PAGE_BITS: u32 = 40;

impl PageId {
    /// A page by segment and number.
    pub fn new(segment: u32, page: u64) -> Self {
        Self { segment, page }
    }

    /// An item of this page.
    pub fn at(self, position: u32) -> Place {
        Place { page: self, position }
    }

    /// The id of the page's row. In the order of pages; `None` for what no scan has: 2^40 pages, 2^23 segments.
    pub(super) fn row(self) -> Option<i64> {
        if self.page >> PAGE_BITS != 0 || self.segment >> 23 != 0 {
            return None;
        }
        i64::try_from((u64::from(self.segment) << PAGE_BITS) | self.page).ok()
    }

    /// The page of a row.
    pub(super) fn of_row(row: i64) -> Self {
        let page = row & ((1 << PAGE_BITS) - 1);
        Self { segment: u32::try_from(row >> PAGE_BITS).unwrap_or(u32::MAX), page: u64::try_from(page).unwrap_or(0) }
    }
}

/// An item that has actions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its position among all items of the page.
    pub position: u32,
    /// The item as seen, which guards the actions.
    pub image: Item,
    /// What is to be done: all of it, or nothing.
    pub actions: Vec<Action>,
}

/// An item for which the migration had no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its position among all items of the page.
    pub position: u32,
    /// Its key.
    pub key: Key,
    /// Why.
    pub failure: ItemFailure,
}

/// A page as the scan hands it over.
#[derive(Clone, Debug, PartialEq)]
pub struct PageRecord {
    /// Which page.
    pub id: PageId,
    /// Where the segment's scan goes on: DynamoDB's `LastEvaluatedKey`.
    pub cursor: Option<Key>,
    /// Whether this is the segment's last page.
    pub last: bool,
    /// Items in the page.
    pub scanned: u64,
    /// Items for which the migration wanted nothing.
    pub unchanged: u64,
    /// Items with actions.
    pub entries: Vec<Entry>,
    /// Items that failed.
    pub failures: Vec<Failure>,
    /// For each action on another item: the position of the item it is because of, and the [`key_hash`] of what it is on.
    pub elsewhere: Vec<(u32, u64)>,
}

/// How far an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryState {
    /// Its current attempt was never marked sent.
    NotSent,
    /// Marked sent, no answer recorded. After reopening: *in doubt*.
    Sent,
    /// Done, on DynamoDB's word or by the rules.
    Done,
    /// Ended in another way.
    Settled(OutcomeKind),
}

impl EntryState {
    /// Whether nothing remains to be done.
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Done | Self::Settled(_))
    }
}

/// An entry as it stands now: image and actions are those of its current attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedEntry {
    /// Position, image and actions of the current attempt.
    pub entry: Entry,
    /// The number of the current attempt, from 1.
    pub attempt: u32,
    /// How many attempts were made anew because of a conflict.
    pub conflicts: u32,
    /// How far it is.
    pub state: EntryState,
    /// Whether it writes a key that another item writes too: see `Journal::shared_entries`.
    pub shared: bool,
}

/// A page as it stands now.
#[derive(Clone, Debug, PartialEq)]
pub struct PageState {
    /// Which page.
    pub id: PageId,
    /// Entries at positions below this have been marked sent, but for shared ones, which have marks of their own.
    pub sent_upto: u32,
    /// Every entry, in the order of positions.
    pub entries: Vec<PlannedEntry>,
}

/// Why an item's actions were made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptReason {
    /// The guard refused; the migration ran again on the item as it is now.
    Conflict,
    /// An insert that keeps what exists was left out.
    KeepLeftOut,
    /// An operator, or a rule for attempts in doubt, asked for it.
    Again,
}

/// An attempt after the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Whose.
    pub place: Place,
    /// Its number, from 2: the first is the page's entry.
    pub attempt: u32,
    /// Why it is made.
    pub reason: AttemptReason,
    /// The item as seen, which guards the actions.
    pub image: Item,
    /// What is to be done.
    pub actions: Vec<Action>,
}

/// A stable hash of an item elsewhere, by the table's full name and the key. Two keys with one hash are merely applied
/// one after the other, so eight bytes are enough.
pub fn key_hash(table: &str, key: &Key) -> u64 {
    let mut hasher = Sha256::new();
    hasher.update(u64::try_from(table.len()).unwrap_or(u64::MAX).to_be_bytes());
    hasher.update(table);
    hasher.update(key.canonical_text());
    hasher.finalize().iter().take(8).fold(0, |hash, byte| (hash << 8) | u64::from(*byte))
}

/// Bytes of anything, with a checksum before them.
pub(super) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, String> {
    let mut blob = postcard::to_extend(value, vec![0; 8]).map_err(|problem| problem.to_string())?;
    let sum = blob.get(8..).map(checksum).unwrap_or_default().to_le_bytes();
    for (to, from) in blob.iter_mut().zip(sum) {
        *to = from;
    }
    Ok(blob)
}

/// What [`encode`] made bytes of; the error says why it cannot be that.
pub(super) fn decode<T: for<'a> Deserialize<'a>>(blob: &[u8]) -> Result<T, String> {
    let (sum, bytes) = blob.split_first_chunk::<8>().ok_or("a record is cut off")?;
    if u64::from_le_bytes(*sum) != checksum(bytes) {
        return Err("a record's checksum does not fit its bytes".into());
    }
    postcard::from_bytes(bytes).map_err(|problem| format!("a record cannot be read: {problem}"))
}

/// Finds flipped bits and cut-off ends; no protection against forgery. Eight bytes a step, so that it costs little
/// beside the encoding. The format depends on it: never change it without a new format version.
fn checksum(bytes: &[u8]) -> u64 {
    let step = |sum: u64, word: u64| (sum ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
    let mut words = bytes.chunks_exact(8);
    let mut sum = step(0x6472_6966_7421, u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    for word in words.by_ref() {
        sum = step(sum, word.try_into().map(u64::from_le_bytes).unwrap_or_default());
    }
    for byte in words.remainder() {
        sum = step(sum, u64::from(*byte));
    }
    sum
}
