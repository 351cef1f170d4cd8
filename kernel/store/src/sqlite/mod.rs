//! The embedded engine: one file per service, one writer thread, a few readers.

mod backup;
mod checkpoint;
mod connection;
mod journal;
mod readers;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use backup::{Snapshot, verify};
pub(crate) use connection::SqliteConn;
pub(crate) use readers::{Idle, Reader, Readers};
pub(crate) use writer::{Heard, Reply, Writer, poll_once};

use crate::announce::Announcer;
use crate::clock::Ids;
use crate::{Result, StoreError};

/// SQLite before this version can corrupt a WAL database when a checkpoint races with a reset;
/// 3.52.0 was withdrawn.
const OLDEST: i32 = 3_051_003;
const WITHDRAWN: i32 = 3_052_000;

/// The version of the SQLite that is built in.
#[must_use]
pub fn version() -> String {
    rusqlite::version().to_owned()
}

/// The store of one service on SQLite.
pub(crate) struct SqliteStore {
    pub(crate) path: PathBuf,
    pub(crate) writer: Writer,
    pub(crate) readers: Readers,
}

impl SqliteStore {
    pub(crate) fn open(
        folder: &Path,
        service: &str,
        ids: &Ids,
        background: bool,
        announcer: Arc<Announcer>,
    ) -> Result<Self> {
        check_version(rusqlite::version_number())?;
        let path = folder.join(format!("{service}.db"));
        let conn = SqliteConn::open_writer(&path)?;
        let idle = Idle::new();
        let heard = Heard { announcer, readers: Arc::clone(&idle) };
        let writer = Writer::start(conn, service, ids.clone(), background, heard)?;
        let readers = Readers::open(&path, idle)?;
        Ok(Self { path, writer, readers })
    }

    /// Opens a file that exists to be looked at: nothing is changed, and no file is made.
    pub(crate) fn open_read_only(folder: &Path, service: &str) -> Result<Self> {
        check_version(rusqlite::version_number())?;
        let path = folder.join(format!("{service}.db"));
        let readers = Readers::open_quietly(&path)?;
        Ok(Self { path, writer: Writer::none(service), readers })
    }
}

/// Refuses a SQLite that is too old to be trusted with a write-ahead log.
fn check_version(version: i32) -> Result<()> {
    if version < OLDEST || version == WITHDRAWN {
        return Err(StoreError::Refused(
            "this SQLite is too old or withdrawn; 3.51.3 is the oldest",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// DUR-09: the gate that every start goes through.
    #[test]
    fn old_and_withdrawn_libraries_are_refused() {
        assert!(check_version(rusqlite::version_number()).is_ok());
        for version in [3_040_001, 3_051_002, 3_052_000] {
            assert!(check_version(version).is_err(), "{version}");
        }
    }

    /// DUR-10: what every write connection is really set to, a second one on the same file too.
    #[test]
    fn write_connections_are_durable() {
        let folder = tempfile::tempdir().expect("a folder");
        for _ in 0..2 {
            let conn =
                SqliteConn::open_writer(&folder.path().join("thoughts.db")).expect("a connection");
            let setting = |name: &str| -> rusqlite::types::Value {
                conn.raw()
                    .query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))
                    .expect("a setting")
            };
            assert_eq!(setting("journal_mode"), "wal".to_owned().into());
            assert_eq!(setting("synchronous"), 2.into(), "FULL");
            assert_eq!(setting("secure_delete"), 1.into());
            assert_eq!(setting("foreign_keys"), 1.into());
        }
    }
}
