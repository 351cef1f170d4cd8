//! Folding a long write-ahead log into the file, beside the writer.
//!
//! SQLite would do it in the commit that makes the log long, and a whole group of transactions would
//! wait while thousands of pages are read, written and synced. So a thread does it on a connection of
//! its own, and the writer goes on. What the writer has added meanwhile it folds in itself, which is
//! little; the transaction after that begins the log anew.

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};
use rusqlite::{Connection, OpenFlags};

/// The log is long when it has so many pages: 16 MB.
const LONG: i64 = 4_000;

/// Folds in what no reader is in the way of.
const FOLD: &str = "PRAGMA wal_checkpoint(PASSIVE)";
/// Only looks.
const LENGTH: &str = "PRAGMA wal_checkpoint(NOOP)";

/// A thread that folds a log in when it is asked to. It is started by the first log that is long.
pub(super) struct Checkpointer {
    path: PathBuf,
    service: String,
    background: bool,
    worker: Option<Worker>,
}

struct Worker {
    asked: Sender<()>,
    done: Receiver<rusqlite::Result<()>>,
    /// Asked, and not done.
    busy: bool,
    thread: JoinHandle<()>,
}

impl Checkpointer {
    /// For the store of a service, in the file at `path`.
    pub(super) fn new(path: PathBuf, service: &str, background: bool) -> Self {
        Self { path, service: service.to_owned(), background, worker: None }
    }

    /// To be called after each commit on the write connection.
    ///
    /// # Errors
    /// What the disk says. When a sync failed, nothing may be written any more.
    pub(super) fn after_commit(&mut self, writer: &Connection) -> rusqlite::Result<()> {
        if let Some(worker) = &mut self.worker
            && worker.busy
        {
            let Ok(done) = worker.done.try_recv() else { return Ok(()) };
            worker.busy = false;
            done?;
            return checkpoint(writer, FOLD).map(drop);
        }
        if checkpoint(writer, LENGTH)? < LONG {
            return Ok(());
        }
        if self.worker.is_none() {
            self.worker = Worker::start(&self.path, &self.service, self.background);
        }
        match &mut self.worker {
            Some(worker) => worker.busy = worker.asked.try_send(()).is_ok(),
            // There is no thread to be had: so everybody waits.
            None => drop(checkpoint(writer, FOLD)?),
        }
        Ok(())
    }

    /// Waits for the thread to end.
    pub(super) fn stop(&mut self) {
        if let Some(Worker { asked, thread, .. }) = self.worker.take() {
            drop(asked);
            drop(thread.join());
        }
    }
}

impl Worker {
    fn start(path: &Path, service: &str, background: bool) -> Option<Self> {
        let conn = open(path)
            .inspect_err(|error| tracing::warn!(%error, "no connection to fold a log in"))
            .ok()?;
        let (asked, work) = crossbeam_channel::bounded(1);
        let (answer, done) = crossbeam_channel::bounded(1);
        let run = move || {
            if background {
                crate::give_way();
            }
            while work.recv().is_ok() && answer.send(checkpoint(&conn, FOLD).map(drop)).is_ok() {}
        };
        let thread = std::thread::Builder::new()
            .name(format!("fold-{service}"))
            .spawn(run)
            .inspect_err(|error| tracing::warn!(%error, "no thread to fold a log in"))
            .ok()?;
        Some(Self { asked, done, busy: false, thread })
    }
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.execute_batch("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0")?;
    conn.busy_timeout(Duration::ZERO)?;
    Ok(conn)
}

/// Runs one of these pragmas; how many pages the log has then.
fn checkpoint(conn: &Connection, pragma: &str) -> rusqlite::Result<i64> {
    conn.prepare_cached(pragma)?.query_row([], |row| row.get(1))
}
