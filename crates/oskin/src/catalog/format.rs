//! The file: tables, version, how it is opened. docs/catalog-format.md explains every column.

use super::error::{At as _, CatalogError};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

/// The version that this build writes, with its history:
///
/// 1. The first.
/// 2. Paths are found by the beginning of their sha256, not by their xxh3. Catalogs of version 1
///    stay what they are.
/// 3. Path sets are told by how they differ from others, and there is an index of them. Catalogs of
///    earlier versions stay what they are.
pub const FORMAT_VERSION: i64 = 3;

/// From which version on path sets are told by others.
pub(super) const TOLD_VERSION: i64 = 3;

/// Marks the file as ours in the header of SQLite ("OSKN").
const APPLICATION_ID: i64 = 0x4F53_4B4E;

/// How long to wait for another writer.
const BUSY_TIMEOUT: Duration = Duration::from_secs(60);

/// The most bytes of the file that are mapped into memory; the rest is read.
const MAP_BYTES: i64 = 1 << 40;

const SCHEMA: &str = "
CREATE TABLE path_block (
    first_id INTEGER PRIMARY KEY,
    paths    INTEGER NOT NULL,
    data     BLOB NOT NULL
);
CREATE TABLE path_directory (
    number INTEGER PRIMARY KEY,
    bits   BLOB NOT NULL
);
CREATE TABLE path_hash (
    hash INTEGER NOT NULL,
    id   INTEGER NOT NULL,
    PRIMARY KEY (hash, id)
) WITHOUT ROWID;
CREATE TABLE layer (
    id         INTEGER PRIMARY KEY,
    key        TEXT NOT NULL UNIQUE,
    size_bytes INTEGER NOT NULL,
    entries    INTEGER NOT NULL,
    listing    INTEGER NOT NULL
);
CREATE TABLE layer_chunk (
    layer_id INTEGER NOT NULL REFERENCES layer (id) ON DELETE CASCADE,
    number   INTEGER NOT NULL,
    data     BLOB NOT NULL,
    UNIQUE (layer_id, number)
);
CREATE TABLE image (
    id              INTEGER PRIMARY KEY,
    name            TEXT NOT NULL UNIQUE,
    reference       TEXT,
    transport       TEXT NOT NULL,
    location        TEXT NOT NULL,
    config          BLOB,
    config_digest   TEXT,
    manifest_digest TEXT,
    files           INTEGER NOT NULL,
    directories     INTEGER NOT NULL,
    size_bytes      INTEGER NOT NULL,
    os_id           TEXT,
    os_version_id   TEXT,
    os_pretty_name  TEXT,
    warnings        BLOB NOT NULL
);
CREATE TABLE image_layer (
    image_id INTEGER NOT NULL REFERENCES image (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    layer_id INTEGER NOT NULL REFERENCES layer (id),
    PRIMARY KEY (image_id, position)
) WITHOUT ROWID;
CREATE INDEX image_layer_by_layer ON image_layer (layer_id);
CREATE TABLE told_set (
    number   INTEGER PRIMARY KEY,
    image_id INTEGER UNIQUE REFERENCES image (id) ON DELETE SET NULL,
    relative INTEGER,
    other    BLOB,
    data     BLOB NOT NULL
);
CREATE TABLE index_slots (number INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE index_nodes (number INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE index_stations (number INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE index_block (number INTEGER PRIMARY KEY, data BLOB NOT NULL);
";

/// Opens an existing catalog to read it, while others may write.
pub(super) fn open_for_reading(path: &Path) -> Result<Connection, CatalogError> {
    if !path.exists() {
        return Err(CatalogError::NotFound { path: path.to_owned() });
    }
    // A reader of a write-ahead log writes to its index, so it wants the right to write; without
    // it the file is read as one that nobody changes.
    let mut last = None;
    for attempt in [Attempt::Shared, Attempt::Frozen] {
        // As a file that nobody changes it is read without its log, and without what is in there.
        if matches!(attempt, Attempt::Frozen) && has_log(path) {
            return Err(CatalogError::LogLeft { path: path.to_owned() });
        }
        match attempt.open(path).and_then(|connection| {
            version_of(&connection)?;
            Ok(connection)
        }) {
            Ok(connection) => {
                check_version(&connection, path)?;
                let query_only = connection.pragma_update(None, "query_only", true);
                query_only.at(path, "open it for reading")?;
                map(&connection, path)?;
                return Ok(connection);
            }
            Err(source) => last = Some(source),
        }
    }
    Err(match last {
        Some(source) if is_other_file(&source) => {
            CatalogError::NotACatalog { path: path.to_owned() }
        }
        Some(source) => CatalogError::Store { path: path.to_owned(), doing: "open it", source },
        None => CatalogError::NotFound { path: path.to_owned() },
    })
}

/// Lets SQLite read the file through a map of memory, not by copies into its cache.
fn map(connection: &Connection, path: &Path) -> Result<(), CatalogError> {
    // It answers with the size, which is less where it may not or cannot.
    let mapped = connection.pragma_update_and_check(None, "mmap_size", MAP_BYTES, |_| Ok(()));
    mapped.optional().at(path, "map it into memory").map(drop)
}

/// Whether a writer left changes in the log beside the file.
fn has_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).is_ok_and(|log| log.len() > 0)
}

/// Opens a catalog to write to it; makes it, and its directory, if it is not there.
pub(super) fn open_for_writing(path: &Path) -> Result<Connection, CatalogError> {
    if let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(directory)
            .map_err(|source| CatalogError::Directory { path: directory.to_owned(), source })?;
    }
    let mut connection = Connection::open(path).at(path, "open it for writing")?;
    prepare(&mut connection).map_err(|source| {
        if is_other_file(&source) {
            CatalogError::NotACatalog { path: path.to_owned() }
        } else {
            CatalogError::Store { path: path.to_owned(), doing: "prepare it", source }
        }
    })?;
    check_version(&connection, path)?;
    Ok(connection)
}

fn prepare(connection: &mut Connection) -> Result<(), rusqlite::Error> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    if is_blank(connection)? {
        connection.pragma_update(None, "journal_mode", "wal")?;
        let transaction =
            connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        // Another process may have made it while this one waited for the lock.
        if is_blank(&transaction)? {
            transaction.execute_batch(SCHEMA)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", FORMAT_VERSION)?;
        }
        transaction.commit()?;
    }
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -65_536)?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)
}

fn is_blank(connection: &Connection) -> Result<bool, rusqlite::Error> {
    let first = connection.query_row("SELECT 1 FROM sqlite_schema LIMIT 1", [], |_| Ok(()));
    Ok(first.optional()?.is_none())
}

fn version_of(connection: &Connection) -> Result<(i64, i64), rusqlite::Error> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get(0));
    Ok((number("application_id")?, number("user_version")?))
}

/// The format version of an open catalog.
pub(super) fn version(connection: &Connection, path: &Path) -> Result<i64, CatalogError> {
    Ok(version_of(connection).at(path, "read its version")?.1)
}

fn check_version(connection: &Connection, path: &Path) -> Result<(), CatalogError> {
    let (application, version) = version_of(connection).at(path, "read its version")?;
    if application != APPLICATION_ID {
        return Err(CatalogError::NotACatalog { path: path.to_owned() });
    }
    if version > FORMAT_VERSION {
        return Err(CatalogError::TooNew {
            path: path.to_owned(),
            found: version,
            supported: FORMAT_VERSION,
        });
    }
    Ok(())
}

fn is_other_file(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase)
}

/// A way to open a catalog for reading.
enum Attempt {
    /// Beside writers.
    Shared,
    /// As a file that does not change, on a medium that cannot be written.
    Frozen,
}

impl Attempt {
    fn open(&self, path: &Path) -> Result<Connection, rusqlite::Error> {
        let connection = match self {
            Self::Shared => {
                let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                Connection::open_with_flags(path, flags)?
            }
            Self::Frozen => {
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
                    | OpenFlags::SQLITE_OPEN_URI
                    | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                Connection::open_with_flags(frozen_uri(path), flags)?
            }
        };
        connection.busy_timeout(BUSY_TIMEOUT)?;
        Ok(connection)
    }
}

fn frozen_uri(path: &Path) -> String {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                uri.push(char::from(*byte));
            }
            // Writing to a String cannot fail.
            other => drop(write!(uri, "%{other:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    uri
}
