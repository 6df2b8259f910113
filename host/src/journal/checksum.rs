//! Records as they stand in the file: the content, then its checksum, looked at whenever a record is read.
//!
//! SQLite's pages bear none, and a bit that flips in a mark or a cursor would make an item done that is not, or lose some.
//! CRC-32, for it is against decay, not against malice, and costs next to nothing an item: it finds each error of up to 32
//! bits in a row for certain and of the others all but one in four thousand million. It covers what the record is and whose,
//! so that a record in another's place is found out too.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::store::Problem;

/// No byte of LZ4 stands for more than so many: who says so would have memory taken for nothing.
const MOST_SQUEEZED: usize = 256;

/// Which record: for its checksum, and for the message if it is damaged.
#[derive(Clone, Copy, Debug)]
pub(super) enum Which {
    Manifest,
    Component(u32),
    Fix(u32),
    Run,
    Access,
    Copy,
    Envelope,
    Segment(u32),
    Page(u32, u32),
    Content(u32, u32),
    Elsewhere(u32, u32),
    Attempt(u32, u32, u32),
    Outcome(u32, u32, u32),
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manifest => f.write_str("the manifest"),
            Self::Component(1) => f.write_str("the plugin"),
            Self::Component(id) => write!(f, "the fixed plugin {id}"),
            Self::Fix(id) => write!(f, "the record of the fixed plugin {id}"),
            Self::Run => f.write_str("the state of the run"),
            Self::Access => f.write_str("the record of what was allowed and refused"),
            Self::Envelope => f.write_str("the record of what the plan's actions are at most"),
            Self::Copy => f.write_str("the record of which copy this is"),
            Self::Segment(segment) => write!(f, "the cursor of segment {segment}"),
            Self::Page(segment, page) => write!(f, "the marks of page {segment}/{page}"),
            Self::Content(segment, page) => write!(f, "the items of page {segment}/{page}"),
            Self::Elsewhere(segment, page) => write!(f, "the keys that page {segment}/{page} writes elsewhere"),
            Self::Attempt(segment, page, position) => write!(f, "the attempt at item {segment}/{page}/{position}"),
            Self::Outcome(segment, page, position) => write!(f, "the outcome of item {segment}/{page}/{position}"),
        }
    }
}

impl Which {
    /// What is kept beside the bytes.
    pub(super) fn checksum(self, content: &[u8]) -> [u8; 4] {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(self.to_string().as_bytes());
        hasher.update(&[0]);
        hasher.update(content);
        hasher.finalize().to_le_bytes()
    }

    /// The bytes with their checksum.
    pub(super) fn close(self, mut content: Vec<u8>) -> Vec<u8> {
        let checksum = self.checksum(&content);
        content.extend(checksum);
        content
    }

    /// The bytes without their checksum, if it is right.
    pub(super) fn open(self, mut stored: Vec<u8>) -> Result<Vec<u8>, Problem> {
        let length = stored.len().checked_sub(4).ok_or_else(|| self.damaged("it is cut off"))?;
        let checksum = stored.split_off(length);
        if checksum == self.checksum(&stored) { Ok(stored) } else { Err(self.damaged("its checksum is wrong")) }
    }

    /// A value as bytes with their checksum.
    pub(super) fn pack<T: Serialize + ?Sized>(self, value: &T) -> Result<Vec<u8>, Problem> {
        let bytes = postcard::to_stdvec(value).map_err(|error| Problem::Rule(format!("{self} cannot be written: {error}")))?;
        Ok(self.close(bytes))
    }

    /// The value that was packed.
    pub(super) fn unpack<T: DeserializeOwned>(self, stored: Vec<u8>) -> Result<T, Problem> {
        postcard::from_bytes(&self.open(stored)?).map_err(|error| self.damaged(&format!("it cannot be decoded: {error}")))
    }

    /// A value as compressed bytes with their checksum: for what is large, and repeats itself.
    pub(super) fn squeeze<T: Serialize + ?Sized>(self, value: &T) -> Result<Vec<u8>, Problem> {
        let bytes = postcard::to_stdvec(value).map_err(|error| Problem::Rule(format!("{self} cannot be written: {error}")))?;
        Ok(self.close(lz4_flex::compress_prepend_size(&bytes)))
    }

    /// The value that was squeezed.
    pub(super) fn expand<T: DeserializeOwned>(self, stored: Vec<u8>) -> Result<T, Problem> {
        let packed = self.open(stored)?;
        let damaged = |how: &dyn fmt::Display| self.damaged(&format!("it cannot be decompressed: {how}"));
        let (size, packed) = lz4_flex::block::uncompressed_size(&packed).map_err(|error| damaged(&error))?;
        if size > packed.len().saturating_mul(MOST_SQUEEZED) {
            return Err(damaged(&"it says that it is larger than it can be"));
        }
        let bytes = lz4_flex::block::decompress(packed, size).map_err(|error| damaged(&error))?;
        postcard::from_bytes(&bytes).map_err(|error| self.damaged(&format!("it cannot be decoded: {error}")))
    }

    /// It is not what was written.
    pub(super) fn damaged(self, how: &str) -> Problem {
        Problem::Corrupt(format!("{self}: {how}"))
    }
}
