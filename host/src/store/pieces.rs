//! A file as objects of a bounded size, so that memory holds one of them whatever the file's size, each with its SHA-256.

use std::io::{Read, Write};
use std::path::Path as File;

use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::{Error, damaged, failed};

/// Bytes an object.
const PIECE: usize = 32 << 20;

/// The pieces of a file, in order.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Pieces(Vec<Piece>);

#[derive(Clone, Serialize, Deserialize)]
struct Piece {
    name: String,
    bytes: u64,
    sha256: String,
}

impl Pieces {
    /// A hash over all of it.
    pub(super) fn digest(&self) -> String {
        let all: String = self.0.iter().map(|piece| piece.sha256.as_str()).collect();
        format!("sha256:{}", hash(all.as_bytes()))
    }
}

/// Sends a file, piece by piece; none may be there already.
pub(super) async fn send(objects: &dyn ObjectStore, folder: &Path, file: &File) -> Result<Pieces, Error> {
    let unreadable = |error: std::io::Error| Error::folder(file, &error);
    let mut source = std::fs::File::open(file).map_err(unreadable)?;
    let mut pieces = Vec::new();
    loop {
        let mut content = Vec::new();
        Read::by_ref(&mut source).take(PIECE as u64).read_to_end(&mut content).map_err(unreadable)?;
        if content.is_empty() {
            return Ok(Pieces(pieces));
        }
        let (name, bytes, sha256) = (format!("{:05}", pieces.len()), content.len() as u64, hash(&content));
        let at = folder.clone().join(name.as_str());
        match objects.put_opts(&at, content.into(), PutMode::Create.into()).await {
            // Its name has an id or a generation that nobody else has: an answer was lost, and this is ours.
            Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => {}
            Err(error) => return failed(Err(error), at.as_ref()),
        }
        pieces.push(Piece { name, bytes, sha256 });
    }
}

/// Fetches a file, and makes sure that each piece is what was sent.
pub(super) async fn fetch(objects: &dyn ObjectStore, folder: &Path, pieces: &Pieces, to: &File) -> Result<(), Error> {
    let unwritable = |error: std::io::Error| Error::folder(to, &error);
    let mut options = std::fs::File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut target = options.open(to).map_err(unwritable)?;
    for piece in &pieces.0 {
        let at = folder.clone().join(piece.name.as_str());
        let found = match objects.get(&at).await {
            Err(object_store::Error::NotFound { .. }) => return Err(damaged("", at.as_ref(), "it is missing")),
            found => failed(found, at.as_ref())?,
        };
        let content = failed(found.bytes().await, at.as_ref())?;
        if content.len() as u64 != piece.bytes || hash(&content) != piece.sha256 {
            return Err(damaged("", at.as_ref(), "it is not what was published: its SHA-256 is another"));
        }
        target.write_all(&content).map_err(unwritable)?;
    }
    target.sync_all().map_err(unwritable)
}

/// The same as [`failed`], for an answer of no interest.
pub(super) fn ended(result: object_store::Result<()>, place: &str) -> Result<(), Error> {
    failed(result, place)
}

pub(super) fn hash(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}
