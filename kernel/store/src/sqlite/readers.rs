//! Read-only connections. Readers see the last commit and never wait for the writer.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossbeam_queue::ArrayQueue;

use super::SqliteConn;
use crate::Result;

/// Connections kept open when idle; more are opened under load and closed again.
const KEPT: usize = 8;

#[derive(Clone)]
pub(crate) struct Readers {
    path: PathBuf,
    quiet: bool,
    idle: Arc<ArrayQueue<SqliteConn>>,
}

impl Readers {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Self::with(path, false)
    }

    /// Readers that leave no trace (see [`SqliteConn::open_quietly`]).
    pub(crate) fn open_quietly(path: &Path) -> Result<Self> {
        Self::with(path, true)
    }

    fn with(path: &Path, quiet: bool) -> Result<Self> {
        let idle = Arc::new(ArrayQueue::new(KEPT));
        let readers = Self { path: path.to_owned(), quiet, idle };
        let first = readers.take()?;
        readers.give_back(first);
        Ok(readers)
    }

    pub(crate) fn take(&self) -> Result<SqliteConn> {
        match self.idle.pop() {
            Some(conn) => Ok(conn),
            None if self.quiet => SqliteConn::open_quietly(&self.path),
            None => SqliteConn::open_reader(&self.path),
        }
    }

    pub(crate) fn give_back(&self, conn: SqliteConn) {
        drop(self.idle.push(conn));
    }
}
