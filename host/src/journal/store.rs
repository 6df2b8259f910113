//! The SQLite file: how it is made, opened and judged.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::error::{Error, storage};
use super::folder;

const APPLICATION_ID: i64 = 0x6472_6674;
/// The format of this version.
pub(super) const FORMAT: i64 = 1;

const SCHEMA: &str = "
CREATE TABLE run (id INTEGER PRIMARY KEY CHECK (id = 1), manifest TEXT NOT NULL, component BLOB, state TEXT NOT NULL,
    sealed INTEGER NOT NULL DEFAULT 0, read_units REAL NOT NULL DEFAULT 0, write_units REAL NOT NULL DEFAULT 0,
    plan_seconds REAL NOT NULL DEFAULT 0, apply_seconds REAL NOT NULL DEFAULT 0);
CREATE TABLE segment (segment INTEGER PRIMARY KEY, cursor BLOB, done INTEGER NOT NULL, pages INTEGER NOT NULL, scanned INTEGER NOT NULL);
CREATE TABLE page (segment INTEGER, page INTEGER, scanned INTEGER NOT NULL, unchanged INTEGER NOT NULL, entries INTEGER NOT NULL,
    patches INTEGER NOT NULL, inserts INTEGER NOT NULL, updates INTEGER NOT NULL, deletes INTEGER NOT NULL, content BLOB NOT NULL,
    sent_upto INTEGER NOT NULL DEFAULT 0, done BLOB NOT NULL, done_count INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (segment, page));
CREATE TABLE elsewhere (hash INTEGER NOT NULL, segment INTEGER NOT NULL, page INTEGER NOT NULL, position INTEGER NOT NULL);
CREATE TABLE shared (segment INTEGER, page INTEGER, position INTEGER, PRIMARY KEY (segment, page, position)) WITHOUT ROWID;
CREATE TABLE attempt (segment INTEGER, page INTEGER, position INTEGER, attempt INTEGER NOT NULL, content BLOB NOT NULL,
    PRIMARY KEY (segment, page, position));
CREATE TABLE outcome (segment INTEGER, page INTEGER, position INTEGER, kind TEXT NOT NULL, content TEXT NOT NULL,
    PRIMARY KEY (segment, page, position));
";

/// Makes the file with its tables.
pub(super) fn create(path: &Path) -> Result<Connection, Error> {
    let shown = path.display().to_string();
    // First the empty file, the user's alone: SQLite gives `-wal` and `-shm` its mode.
    folder::new_file(path).map_err(|error| storage(&shown, "written", error))?;
    let created = || -> rusqlite::Result<Connection> {
        let connection = Connection::open(path)?;
        settings(&connection)?;
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        connection.pragma_update(None, "user_version", FORMAT)?;
        connection.execute_batch(SCHEMA)?;
        Ok(connection)
    };
    created().map_err(|error| storage(&shown, "written", error))
}

/// Opens the file, checking that it is a journal of a known format and whole.
pub(super) fn open(path: &Path, writable: bool) -> Result<Connection, Error> {
    let shown = path.display().to_string();
    let flags = if writable { OpenFlags::SQLITE_OPEN_READ_WRITE } else { OpenFlags::SQLITE_OPEN_READ_ONLY };
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|error| storage(&shown, "read", error))?;
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let foreign = |found: String| Error::Foreign { path: shown.clone(), found };
    match pragma("application_id") {
        Ok(APPLICATION_ID) => {}
        Ok(_) => return Err(foreign("it is another program's database".into())),
        Err(error) => return Err(foreign(error.to_string())),
    }
    let corrupt = |problem: String| Error::Corrupt { path: shown.clone(), problem };
    let found = pragma("user_version").map_err(|error| corrupt(error.to_string()))?;
    if found > FORMAT {
        return Err(Error::Newer { path: shown, found, known: FORMAT });
    }
    let checked = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    match checked {
        Ok(word) if word == "ok" => {}
        Ok(problem) => return Err(corrupt(problem)),
        Err(error) => return Err(corrupt(error.to_string())),
    }
    if writable {
        settings(&connection).map_err(|error| storage(&shown, "written", error))?;
    }
    Ok(connection)
}

fn settings(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.busy_timeout(std::time::Duration::from_secs(10))
}
