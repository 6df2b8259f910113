//! The folder of runs: who may read and write what lies there, and the lock of a run.
//!
//! A journal holds whole items, so all that is made here is the user's alone: folders 0700, files 0600 from their first
//! byte (SQLite gives `-wal` and `-shm` the mode of the file they belong to). A folder that others may read is tolerated:
//! they see names of runs, no more. One that others may write is not: a journal also holds the code of its migration, and
//! whoever can put another in its place has it carried out with the operator's credentials.

use std::fs::File;
use std::io;
use std::path::Path;

use super::error::{Error, storage};

/// Makes the folder if it is missing, and refuses one in which others may write.
pub(crate) fn prepare(dir: &Path) -> Result<(), Error> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|error| storage(&dir.display().to_string(), "written", error))?;
    own(dir)
}

/// Refuses a folder in which others may write.
#[cfg(unix)]
pub(super) fn own(dir: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    // The folder of a bare file name.
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    let found = std::fs::metadata(dir).map_err(|error| storage(&dir.display().to_string(), "read", error))?;
    let mode = found.permissions().mode() & 0o7777;
    if mode & 0o022 != 0 { Err(Error::OpenToOthers { dir: dir.display().to_string(), mode }) } else { Ok(()) }
}

/// Access lists of other systems are not looked at.
#[cfg(not(unix))]
pub(super) fn own(_: &Path) -> Result<(), Error> {
    Ok(())
}

/// Makes an empty file that is the user's alone; an error if there is one already.
pub(super) fn new_file(path: &Path) -> io::Result<()> {
    private(File::options().create_new(true).write(true)).open(path).map(drop)
}

/// Gives a file its name for good: it is there after a power cut as well.
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)?;
    #[cfg(unix)]
    if let Some(dir) = to.parent() {
        let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
        File::open(dir)?.sync_all()?;
    }
    Ok(())
}

/// Locks a run for this process, until the file is dropped.
pub(super) fn lock(path: &Path, run: &str) -> Result<File, Error> {
    let beside = path.with_extension("lock");
    let failed = |error: io::Error| storage(&beside.display().to_string(), "written", error);
    let file = private(File::options().create(true).truncate(false).write(true)).open(&beside).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(Error::Locked { run: run.to_owned() }),
        Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn private(options: &mut std::fs::OpenOptions) -> &std::fs::OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}
