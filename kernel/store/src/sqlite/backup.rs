//! A frozen view of one service file, to be copied while the service goes on writing.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::backup::Backup;

use super::SqliteConn;
use super::connection::damaged;
use crate::{Result, Row, Sql, StoreError, Value};

/// A read snapshot of a service file. It stays at the commit it was taken at, however long it lives
/// and whatever process writes meanwhile.
pub struct Snapshot {
    conn: SqliteConn,
}

impl Snapshot {
    /// Freezes the file as of its last commit.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it is no healthy database.
    pub fn take(path: &Path) -> Result<Self> {
        let mut conn = SqliteConn::open_reader(path)?;
        conn.execute(&"BEGIN".into(), &[])?;
        // A deferred transaction takes its snapshot at the first read.
        conn.query(&"SELECT count(*) AS n FROM sqlite_master".into(), &[])?;
        Ok(Self { conn })
    }

    /// Runs a query on the snapshot.
    ///
    /// # Errors
    /// Whatever the engine says.
    pub fn query(&mut self, sql: impl Into<Sql>, params: &[Value]) -> Result<Vec<Row>> {
        self.conn.query(&sql.into(), params)
    }

    /// Copies the snapshot into a new file and syncs it.
    ///
    /// # Errors
    /// [`StoreError::Full`] when there is no room.
    pub fn copy_to(&mut self, target: &Path) -> Result<()> {
        let mut copy = Connection::open(target)?;
        copy.execute_batch("PRAGMA synchronous = FULL;")?;
        let backup = Backup::new(self.conn.raw(), &mut copy)?;
        backup.step(-1)?;
        drop(backup);
        copy.close().map_err(|(_, error)| StoreError::from(error))?;
        std::fs::File::open(target).and_then(|file| file.sync_all()).map_err(StoreError::engine)
    }
}

/// Checks every page and index of a file, and makes no file beside it.
///
/// # Errors
/// [`StoreError::Damaged`] with what SQLite found.
pub fn verify(path: &Path) -> Result<()> {
    let conn = SqliteConn::open_quietly(path).map_err(|error| match error {
        StoreError::Engine(source) => {
            StoreError::Damaged { what: path.display().to_string(), source }
        }
        error => error,
    })?;
    let found: String = conn
        .raw()
        .query_row("PRAGMA integrity_check(5)", [], |row| row.get(0))
        .map_err(|error| damaged(path, error))?;
    if found == "ok" {
        return Ok(());
    }
    Err(StoreError::Damaged { what: path.display().to_string(), source: found.into() })
}
