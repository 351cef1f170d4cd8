//! Read-only connections. Readers see the last commit and never wait for the writer.
//!
//! Beginning and ending a read costs SQLite more than finding a row: two statements, and two locks of
//! a file. So a connection keeps its snapshot for the next read while that is the last commit: a
//! commit of this process ends it at once, and because another process may have committed, none is
//! used for longer than [`FRESH`]. The snapshot of an idle connection would keep the log from being
//! emptied: the writer ends those after every commit, and whenever it looks at the log.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_queue::ArrayQueue;

use super::SqliteConn;
use crate::{Result, Sql};

/// Connections kept open when idle; more are opened under load and closed again.
const KEPT: usize = 8;
/// How long a snapshot may be used: less than it takes to hear of another process's commit.
const FRESH: Duration = Duration::from_micros(250);

const BEGIN: Sql = Sql::Borrowed("BEGIN");
const COMMIT: Sql = Sql::Borrowed("COMMIT");

#[derive(Clone)]
pub(crate) struct Readers {
    path: PathBuf,
    quiet: bool,
    idle: Arc<Idle>,
}

/// What readers share with the writer.
pub(crate) struct Idle {
    readers: ArrayQueue<Reader>,
    /// Counts the commits of this process.
    commits: AtomicU64,
}

/// A connection on a snapshot.
pub(crate) struct Reader {
    pub(crate) conn: SqliteConn,
    pub(crate) snapshot: Snapshot,
}

/// What is known of a snapshot.
#[derive(Clone, Copy)]
pub(crate) struct Snapshot {
    /// The commits that are surely in it; nothing when none is open.
    commits: Option<u64>,
    taken: Instant,
}

impl Idle {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { readers: ArrayQueue::new(KEPT), commits: AtomicU64::new(0) })
    }

    /// Takes note of a commit. To be called before anybody hears of it.
    pub(crate) fn committed(&self) {
        self.commits.fetch_add(1, Ordering::Release);
        self.end_snapshots();
    }

    /// Ends the snapshots of connections that nobody uses.
    pub(crate) fn end_snapshots(&self) {
        for _ in 0..self.readers.len() {
            let Some(reader) = self.readers.pop() else { return };
            if let Some(reader) = reader.ended() {
                drop(self.readers.push(reader));
            }
        }
    }
}

impl Reader {
    /// Without a snapshot; nothing when the connection cannot be used any more.
    fn ended(mut self) -> Option<Self> {
        if self.snapshot.commits.take().is_some() {
            self.conn.execute(&COMMIT, &[]).ok()?;
        }
        Some(self)
    }
}

impl Readers {
    pub(crate) fn open(path: &Path, idle: Arc<Idle>) -> Result<Self> {
        Self::with(path, false, idle)
    }

    /// Readers that leave no trace (see [`SqliteConn::open_quietly`]).
    pub(crate) fn open_quietly(path: &Path) -> Result<Self> {
        Self::with(path, true, Idle::new())
    }

    fn with(path: &Path, quiet: bool, idle: Arc<Idle>) -> Result<Self> {
        let readers = Self { path: path.to_owned(), quiet, idle };
        let first = readers.take()?;
        readers.give_back(first, false);
        Ok(readers)
    }

    /// A connection on a snapshot of the last commit.
    pub(crate) fn take(&self) -> Result<Reader> {
        let now = Snapshot {
            commits: Some(self.idle.commits.load(Ordering::Acquire)),
            taken: Instant::now(),
        };
        let idle = match self.idle.readers.pop() {
            Some(reader) if reader.snapshot.is_as_good_as(now) => return Ok(reader),
            Some(reader) => reader.ended(),
            None => None,
        };
        let mut conn = match idle {
            Some(reader) => reader.conn,
            None if self.quiet => SqliteConn::open_quietly(&self.path)?,
            None => SqliteConn::open_reader(&self.path)?,
        };
        conn.execute(&BEGIN, &[])?;
        Ok(Reader { conn, snapshot: now })
    }

    /// Takes a connection back. It keeps its snapshot if all went well and there is a writer, which
    /// is what ends it.
    pub(crate) fn give_back(&self, reader: Reader, well: bool) {
        let reader = if well && !self.quiet { Some(reader) } else { reader.ended() };
        if let Some(reader) = reader {
            drop(self.idle.readers.push(reader));
        }
    }
}

impl Snapshot {
    fn is_as_good_as(&self, now: Self) -> bool {
        self.commits == now.commits && now.taken.saturating_duration_since(self.taken) < FRESH
    }
}
