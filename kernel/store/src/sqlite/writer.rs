//! Group commit.
//!
//! An fsync costs as much as dozens of small transactions. So one thread owns the file's only write
//! connection, takes whatever transactions are waiting, runs each inside its own savepoint, commits
//! all of them with one sync, and only then answers them. While the disk syncs, the next group
//! gathers by itself; nobody ever waits for a group to fill.
//!
//! What must never happen: an answer before the sync returned; a second try after a sync failed
//! (the kernel may have dropped the dirty pages, so a later success proves nothing); one
//! transaction's failure undoing another's work.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};

use super::SqliteConn;
use crate::clock::Ids;
use crate::tx::{Conn, Effects, Tx};
use crate::{Result, StoreError};

/// Transactions that may wait; beyond that callers are told to come back later.
const QUEUE: usize = 8192;
/// A group ends when it has run this long, so that the first in it does not wait for ever.
const GROUP_TIME: Duration = Duration::from_millis(10);
/// After this long without a write the log is folded into the file and emptied.
const IDLE: Duration = Duration::from_millis(500);

/// How long to wait for another process that writes to the same file.
const BUSY: Duration = Duration::from_secs(5);

/// Answers a transaction, after the sync or with the failure.
pub(crate) type Reply = Box<dyn FnOnce(Result<Effects>) + Send>;
/// Runs a transaction (true means commit), or answers why it cannot run.
pub(crate) type Work = Box<dyn FnOnce(Result<&mut Tx>) -> (bool, Reply) + Send>;

pub(crate) struct Writer {
    sender: Option<Sender<Work>>,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    service: String,
}

impl Writer {
    pub(crate) fn start(
        conn: SqliteConn,
        service: &str,
        ids: Ids,
        background: bool,
    ) -> Result<Self> {
        let (sender, receiver) = crossbeam_channel::bounded(QUEUE);
        let stopped = Arc::new(AtomicBool::new(false));
        let group = Group {
            conn: Some(conn),
            ids,
            service: service.to_owned(),
            stopped: Arc::clone(&stopped),
            dirty: true,
            purge: false,
        };
        let thread = std::thread::Builder::new()
            .name(format!("write-{service}"))
            .spawn(move || {
                if background {
                    crate::give_way();
                }
                group.run(&receiver);
            })
            .map_err(StoreError::engine)?;
        Ok(Self {
            sender: Some(sender),
            stopped,
            thread: Some(thread),
            service: service.to_owned(),
        })
    }

    /// No writer: for a store that was opened to be looked at.
    pub(crate) fn none(service: &str) -> Self {
        Self { sender: None, stopped: Arc::default(), thread: None, service: service.to_owned() }
    }

    pub(crate) fn submit(&self, work: Work) -> Result<()> {
        if self.stopped() {
            return Err(StoreError::Stopped { service: self.service.clone() });
        }
        let Some(sender) = &self.sender else { return Err(StoreError::READ_ONLY) };
        sender.try_send(work).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Overloaded,
            TrySendError::Disconnected(_) => StoreError::Stopped { service: self.service.clone() },
        })
    }

    pub(crate) fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }
}

impl Drop for Writer {
    /// Lets queued transactions finish and folds the log in.
    fn drop(&mut self) {
        self.sender = None;
        // The last handle may be dropped by an answer that nobody waits for any more, on the writer's
        // own thread: that one ends by itself.
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            drop(thread.join());
        }
    }
}

struct Group {
    conn: Option<SqliteConn>,
    ids: Ids,
    service: String,
    stopped: Arc<AtomicBool>,
    /// Something was written since the log was last emptied.
    dirty: bool,
    /// The log must be emptied even if writes go on.
    purge: bool,
}

impl Group {
    fn run(mut self, queue: &Receiver<Work>) {
        loop {
            match queue.recv_timeout(IDLE) {
                Ok(first) => self.commit_group(first, queue),
                Err(RecvTimeoutError::Timeout) => self.empty_log(Duration::ZERO),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.purge {
                self.empty_log(Duration::ZERO);
            }
        }
        // The last chance: a reader that is just ending is waited for.
        self.empty_log(BUSY);
    }

    fn commit_group(&mut self, first: Work, queue: &Receiver<Work>) {
        if self.stopped.load(Ordering::Acquire) {
            return refuse(first, StoreError::Stopped { service: self.service.clone() });
        }
        if let Err(error) = self.begin() {
            tracing::error!(service = self.service, error = %error, "no transaction could begin");
            return refuse(first, error);
        }
        let start = Instant::now();
        let mut waiting: Vec<(Reply, Effects)> = Vec::new();
        let mut next = Some(first);
        while let Some(work) = next {
            if !self.run_one(work, &mut waiting) {
                return self.fail_group(waiting, || StoreError::Full);
            }
            next = if start.elapsed() < GROUP_TIME { queue.try_recv().ok() } else { None };
        }
        self.dirty = true;
        match self.sql("COMMIT") {
            Ok(()) => {
                for (reply, effects) in waiting {
                    self.purge |= effects.purge;
                    reply(Ok(effects));
                }
            }
            Err(error) => self.commit_failed(error, waiting),
        }
    }

    /// Runs one transaction in its savepoint. False when SQLite has rolled the whole group back.
    fn run_one(&mut self, work: Work, waiting: &mut Vec<(Reply, Effects)>) -> bool {
        let Some(conn) = self.conn.take() else { return false };
        let mut tx = Tx::new(Conn::Sqlite(conn), &self.ids);
        let began = sql_on(&mut tx, "SAVEPOINT tx");
        let ran = catch_unwind(AssertUnwindSafe(|| match began {
            Ok(()) => work(Ok(&mut tx)),
            Err(error) => work(Err(error)),
        }));
        let effects = tx.effects;
        let alive = sqlite(&tx).is_some_and(|conn| !conn.raw().is_autocommit());
        let mut kept = false;
        match ran {
            // The caller's channel is gone with the closure, so it learns of the panic by that.
            Err(_) => {
                tracing::error!(service = self.service, "a transaction panicked and was undone");
            }
            Ok((commit, reply)) if commit && alive => {
                kept = true;
                waiting.push((reply, effects));
            }
            Ok((_, reply)) => {
                reply(if alive { Ok(Effects::default()) } else { Err(StoreError::Full) });
            }
        }
        if alive {
            let end = if kept { "RELEASE tx" } else { "ROLLBACK TO tx; RELEASE tx" };
            if let Err(error) = sql_on(&mut tx, end) {
                tracing::error!(service = self.service, error = %error, "a savepoint could not end");
            }
        }
        if let Conn::Sqlite(conn) = tx.conn {
            self.conn = Some(conn);
        }
        alive
    }

    fn commit_failed(&mut self, error: StoreError, waiting: Vec<(Reply, Effects)>) {
        if matches!(error, StoreError::Full) {
            tracing::error!(
                service = self.service,
                "the disk is full; nothing of this group was stored"
            );
            return self.fail_group(waiting, || StoreError::Full);
        }
        self.stop(&error, "a commit could not be made durable");
        let service = self.service.clone();
        self.fail_group(waiting, move || StoreError::Stopped { service: service.clone() });
    }

    fn fail_group(&mut self, waiting: Vec<(Reply, Effects)>, error: impl Fn() -> StoreError) {
        if self.conn.as_ref().is_some_and(|conn| !conn.raw().is_autocommit()) {
            drop(self.sql("ROLLBACK"));
        }
        for (reply, _) in waiting {
            reply(Err(error()));
        }
    }

    fn begin(&mut self) -> Result<()> {
        self.sql("BEGIN IMMEDIATE")
    }

    fn sql(&mut self, sql: &str) -> Result<()> {
        match &mut self.conn {
            Some(conn) => conn.execute(sql, &[]).map(drop),
            None => Err(StoreError::Stopped { service: self.service.clone() }),
        }
    }

    /// Folds the write-ahead log into the file and cuts it to nothing, unless a reader is in the way.
    fn empty_log(&mut self, patience: Duration) {
        if (!self.dirty && !self.purge) || self.stopped.load(Ordering::Acquire) {
            return;
        }
        let Some(conn) = &self.conn else { return };
        // While others write, a reader in the way, such as a backup, must not hold them up: it is
        // tried again later.
        conn.raw().busy_timeout(patience).ok();
        let busy: rusqlite::Result<i64> =
            conn.raw().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
        conn.raw().busy_timeout(BUSY).ok();
        match busy {
            Ok(0) => {
                self.dirty = false;
                self.purge = false;
            }
            Ok(_) => {}
            // A sync may be what failed, and trying it again would prove nothing.
            Err(error)
                if error.sqlite_error_code() == Some(rusqlite::ErrorCode::SystemIoFailure) =>
            {
                self.stop(&error, "the log could not be folded in");
            }
            Err(error) => {
                tracing::warn!(service = self.service, error = %error, "the log could not be emptied");
            }
        }
    }

    fn stop(&self, error: &(dyn std::error::Error + 'static), what: &str) {
        self.stopped.store(true, Ordering::Release);
        tracing::error!(
            service = self.service,
            error,
            "{what}; this store takes no more writes until a restart"
        );
    }
}

/// Answers a transaction that cannot run.
fn refuse(work: Work, error: StoreError) {
    let (_, reply) = work(Err(error));
    reply(Ok(Effects::default()));
}

fn sqlite(tx: &Tx) -> Option<&SqliteConn> {
    match &tx.conn {
        Conn::Sqlite(conn) => Some(conn),
        Conn::Postgres(_) => None,
    }
}

fn sql_on(tx: &mut Tx, sql: &str) -> Result<()> {
    match &mut tx.conn {
        Conn::Sqlite(conn) if sql.contains(';') => conn.batch(sql),
        Conn::Sqlite(conn) => conn.execute(sql, &[]).map(drop),
        Conn::Postgres(_) => Ok(()),
    }
}

/// Polls a transaction's future to its end. It can only be pending if it awaits something that is
/// not the transaction, because every call on a SQLite [`Tx`] is ready at once.
pub(crate) fn poll_once<T, E: From<StoreError>>(
    future: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(StoreError::AwaitedInTransaction.into()),
    }
}
