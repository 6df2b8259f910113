//! The SQLite file: how it is made, opened and judged.
//!
//! A file that bears a journal's name was whole once: it is made under another name and renamed. Opening looks at the
//! header and the tables only, whatever the size; each record carries a checksum of its own that is looked at when it is
//! read ([`super::checksum`]), and [`verify`] reads the rest.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::error::{Error, storage};
use super::folder;

const APPLICATION_ID: i64 = 0x6472_6674;
/// The format of this version: the tables below, and what their records hold.
pub(super) const FORMAT: i64 = 7;

/// The tables. Every `record` and `content` ends with its checksum; a `content` is compressed (LZ4). What changes with every write stands apart from what
/// is large: SQLite writes a row anew, whole.
const SCHEMA: [&str; 13] = [
    "CREATE TABLE manifest (id INTEGER PRIMARY KEY CHECK (id = 1), record BLOB NOT NULL)",
    "CREATE TABLE component (id INTEGER PRIMARY KEY, content BLOB NOT NULL)",
    "CREATE TABLE fix (id INTEGER PRIMARY KEY, record BLOB NOT NULL)",
    "CREATE TABLE run (id INTEGER PRIMARY KEY CHECK (id = 1), record BLOB NOT NULL)",
    "CREATE TABLE envelope (id INTEGER PRIMARY KEY CHECK (id = 1), record BLOB NOT NULL)",
    "CREATE TABLE access (id INTEGER PRIMARY KEY CHECK (id = 1), record BLOB NOT NULL)",
    "CREATE TABLE segment (segment INTEGER PRIMARY KEY, record BLOB NOT NULL)",
    "CREATE TABLE page (segment INTEGER, page INTEGER, record BLOB NOT NULL, PRIMARY KEY (segment, page)) WITHOUT ROWID",
    "CREATE TABLE content (segment INTEGER, page INTEGER, content BLOB NOT NULL, PRIMARY KEY (segment, page))",
    "CREATE TABLE elsewhere (segment INTEGER, page INTEGER, position INTEGER, hash INTEGER, \
     PRIMARY KEY (segment, page, position, hash)) WITHOUT ROWID",
    "CREATE TABLE attempt (segment INTEGER, page INTEGER, position INTEGER, record BLOB NOT NULL, \
     PRIMARY KEY (segment, page, position))",
    "CREATE TABLE outcome (segment INTEGER, page INTEGER, position INTEGER, record BLOB NOT NULL, \
     PRIMARY KEY (segment, page, position))",
    "CREATE TABLE copy (id INTEGER PRIMARY KEY CHECK (id = 1), record BLOB NOT NULL)",
];

/// What stands in the way of a query or a write.
#[derive(Debug)]
pub(super) enum Problem {
    /// SQLite's word.
    Sqlite(rusqlite::Error),
    /// A record is not what was written.
    Corrupt(String),
    /// A rule of the journal forbids it.
    Rule(String),
    /// Another error, as it is told; nothing of it is kept.
    Other(Error),
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Problem {
    /// The error that a caller sees; `doing` is `written` or `read`.
    pub(super) fn at(self, path: &Path, doing: &str) -> Error {
        let path = path.display().to_string();
        match self {
            Self::Corrupt(problem) => Error::Corrupt { path, problem },
            Self::Rule(problem) => Error::Rule { path, problem },
            Self::Other(error) => error,
            Self::Sqlite(error) if is_damage(&error) => Error::Corrupt { path, problem: error.to_string() },
            Self::Sqlite(error) => storage(&path, doing, reason(&error)),
        }
    }
}

/// SQLite's word, and a hint where it says "disk I/O error" of a disk that took no more bytes: a quota, a limit, no room for
/// the index of the log, which reading needs too.
fn reason(error: &rusqlite::Error) -> String {
    use rusqlite::ffi::{SQLITE_IOERR_FSYNC, SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_TRUNCATE, SQLITE_IOERR_WRITE};
    let refused = [SQLITE_IOERR_FSYNC, SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_TRUNCATE, SQLITE_IOERR_WRITE];
    match error {
        rusqlite::Error::SqliteFailure(cause, _) if refused.contains(&cause.extended_code) => {
            format!("{error} (is the disk full?)")
        }
        other => other.to_string(),
    }
}

/// Whether SQLite found the file other than it was written, and not merely out of reach. Our own statements are right, so
/// one that cannot be prepared or gives what it cannot give has met a damaged table.
fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::Error as E;
    match error {
        // A short read: the file ends within a page.
        E::SqliteFailure(cause, _) if cause.extended_code == rusqlite::ffi::SQLITE_IOERR_SHORT_READ => true,
        E::SqliteFailure(cause, _) => matches!(
            cause.code,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::TypeMismatch | ErrorCode::Unknown
        ),
        E::FromSqlConversionFailure(..)
        | E::IntegralValueOutOfRange(..)
        | E::Utf8Error(..)
        | E::InvalidColumnType(..)
        | E::QueryReturnedNoRows => true,
        _ => false,
    }
}

/// Makes the file with its tables and what `fill` puts into them: whole, or not at all.
pub(super) fn create(path: &Path, fill: impl FnOnce(&Connection) -> Result<(), Problem>) -> Result<(), Error> {
    let not_begun = |reason: String| Error::NotBegun { path: path.display().to_string(), reason };
    if path.exists() {
        return Err(Error::Rule { path: path.display().to_string(), problem: "there is such a run already".into() });
    }
    let made = path.with_extension("drift-new");
    folder::new_file(&made).map_err(|error| not_begun(error.to_string()))?;
    let filled = filled(&made, fill).map_err(|problem| match problem {
        Problem::Sqlite(error) => reason(&error),
        Problem::Corrupt(text) | Problem::Rule(text) => text,
        Problem::Other(error) => error.to_string(),
    });
    let named = filled.and_then(|()| folder::rename(&made, path).map_err(|error| error.to_string()));
    named.map_err(|reason| {
        // What is left over bears no journal's name, and the reason matters more than a second one.
        let _left_over = std::fs::remove_file(&made);
        not_begun(reason)
    })
}

fn filled(path: &Path, fill: impl FnOnce(&Connection) -> Result<(), Problem>) -> Result<(), Problem> {
    let mut connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    // The file counts only once it is renamed, so what a rollback would need is kept in memory, and the one commit is
    // synced to the disk before it returns.
    connection.pragma_update(None, "journal_mode", "MEMORY")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let transaction = connection.transaction()?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    SCHEMA.iter().try_for_each(|table| transaction.execute_batch(table))?;
    fill(&transaction)?;
    transaction.commit()?;
    connection.close().map_err(|(_, error)| Problem::Sqlite(error))
}

/// Opens the file if it is a journal of the known format. Costs the same whatever the size.
pub(super) fn open(path: &Path, writable: bool) -> Result<Connection, Error> {
    let shown = path.display().to_string();
    let foreign = |found: String| Error::Foreign { path: shown.clone(), found };
    let corrupt = |problem: String| Error::Corrupt { path: shown.clone(), problem };
    let file = std::fs::metadata(path).map_err(|error| storage(&shown, "read", error))?;
    if !file.is_file() {
        return Err(foreign("it is no file".into()));
    }
    if file.len() == 0 {
        return Err(corrupt("it is empty".into()));
    }
    // Also to look at it: whoever may not write the file gets it read-only from SQLite, and a reader that may not write can
    // not take away, when it closes the file, what SQLite puts beside it.
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|error| storage(&shown, "read", error))?;
    connection.busy_timeout(Duration::from_secs(10)).map_err(|error| storage(&shown, "read", error))?;
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    match pragma("application_id") {
        Ok(APPLICATION_ID) => {}
        Ok(_) => return Err(foreign("it is another program's database".into())),
        Err(error) if matches!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase)) => {
            return Err(foreign(error.to_string()));
        }
        Err(error) => return Err(Problem::from(error).at(path, "read")),
    }
    let known = FORMAT;
    match pragma("user_version").map_err(|error| Problem::from(error).at(path, "read"))? {
        FORMAT => {}
        found if found > FORMAT => return Err(Error::Newer { path: shown, found, known }),
        found => return Err(Error::Older { path: shown, found, known }),
    }
    let tables = tables(&connection).map_err(|error| Problem::from(error).at(path, "read"))?;
    if tables.iter().map(String::as_str).ne(SCHEMA) {
        return Err(corrupt("its tables are not those of a journal".into()));
    }
    if is_cut_off(&connection, path).map_err(|error| Problem::from(error).at(path, "read"))? {
        return Err(corrupt("it is cut off".into()));
    }
    // Whoever may read a file of mode 0600 may write it, unless that was taken away.
    if writable && !file.permissions().readonly() && connection.is_readonly("main").is_ok_and(|readonly| readonly) {
        return Err(corrupt("its header says that it may not be written".into()));
    }
    let settings = || -> rusqlite::Result<()> {
        // Damage inside a page of the file is found when the page is read, not when it leads astray.
        connection.pragma_update(None, "cell_size_check", true)?;
        if !writable {
            return connection.pragma_update(None, "query_only", true);
        }
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")
    };
    settings().map_err(|error| Problem::from(error).at(path, "written"))?;
    Ok(connection)
}

/// Whether the file is shorter than its pages. SQLite itself does not miss a part of the last one before it reads it.
fn is_cut_off(connection: &Connection, path: &Path) -> rusqlite::Result<bool> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, u64>(0));
    let pages = pragma("page_count")?.saturating_mul(pragma("page_size")?);
    // Pages in the log are not in the file yet.
    let logged = std::fs::metadata(path.with_extension("drift-wal")).is_ok_and(|log| log.len() > 0);
    Ok(!logged && std::fs::metadata(path).is_ok_and(|file| file.len() < pages))
}

fn tables(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut select = connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")?;
    select.query_map([], |row| row.get(0))?.collect()
}

/// Reads the whole file as SQLite sees it: each page, each index.
pub(super) fn verify(connection: &Connection) -> Result<(), Problem> {
    match connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0))? {
        word if word == "ok" => Ok(()),
        problem => Err(Problem::Corrupt(problem)),
    }
}
