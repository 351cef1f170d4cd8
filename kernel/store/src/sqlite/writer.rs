//! Group commit.
//!
//! An fsync costs as much as dozens of small transactions. So one thread owns the file's only write
//! connection, takes whatever transactions are waiting, runs one after another, commits all of them
//! with one sync, and only then answers them. While the disk syncs, the next group gathers by itself;
//! nobody ever waits for a group to fill.
//!
//! A transaction that fails after it has written is taken out of its group (see `journal.rs`). From
//! then on the group uses savepoints, so that however many fail, the work is at most doubled.
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

use super::checkpoint::Checkpointer;
use super::{Idle, SqliteConn};
use crate::announce::Announcer;
use crate::clock::Ids;
use crate::tx::{Conn, Effects, Tx};
use crate::{Result, Sql, StoreError};

/// Transactions that may wait; beyond that callers are told to come back later.
const QUEUE: usize = 8192;
/// A group ends when so many statements are noted, so that memory stays bounded.
const NOTED: usize = 10_000;
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

/// Who hears of a commit.
pub(crate) struct Heard {
    pub(crate) announcer: Arc<Announcer>,
    pub(crate) readers: Arc<Idle>,
}

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
        heard: Heard,
    ) -> Result<Self> {
        let path = conn.raw().path().unwrap_or_default().into();
        let (sender, receiver) = crossbeam_channel::bounded(QUEUE);
        let stopped = Arc::new(AtomicBool::new(false));
        let group = Group {
            conn: Some(conn),
            ids,
            service: service.to_owned(),
            stopped: Arc::clone(&stopped),
            heard,
            checkpointer: Checkpointer::new(path, service, background),
            kept: 0,
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

/// How a transaction that fails is undone without the others of its group.
#[derive(Clone, Copy)]
enum Undo {
    /// By doing the others again.
    Replay,
    /// By going back to its savepoint.
    Savepoint,
}

/// What came of a closure.
struct Ran {
    /// Whether to commit, and whom to answer; nothing when it panicked.
    outcome: Option<(bool, Reply)>,
    effects: Effects,
    /// False when SQLite has rolled the whole group back.
    alive: bool,
}

struct Group {
    conn: Option<SqliteConn>,
    ids: Ids,
    service: String,
    stopped: Arc<AtomicBool>,
    heard: Heard,
    checkpointer: Checkpointer,
    /// Statements of the group's journal that belong to transactions that are kept.
    kept: usize,
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
        self.checkpointer.stop();
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
        let mut undo = Undo::Replay;
        self.journal(SqliteConn::start_journal);
        let mut next = Some(first);
        while let Some(work) = next {
            let ran = match undo {
                Undo::Replay => self.run_noted(work, &mut waiting, &mut undo),
                Undo::Savepoint => self.run_in_savepoint(work, &mut waiting),
            };
            if let Err(error) = ran {
                self.journal(SqliteConn::stop_journal);
                let service = self.service.clone();
                return self.fail_group(waiting, || undone(&error, &service));
            }
            let room = self.conn.as_ref().is_some_and(|conn| conn.journal_length() < NOTED);
            let more = room && start.elapsed() < GROUP_TIME;
            next = if more { queue.try_recv().ok() } else { None };
        }
        self.journal(SqliteConn::stop_journal);
        self.dirty = true;
        match self.sql("COMMIT") {
            Ok(()) => {
                let all = waiting.iter().fold(Effects::default(), |all, (_, one)| all.and(*one));
                self.purge |= all.purge;
                self.heard.readers.committed();
                self.heard.announcer.announce(all);
                for (reply, effects) in waiting {
                    reply(Ok(effects));
                }
                self.fold_log();
            }
            Err(error) => self.commit_failed(error, waiting),
        }
    }

    /// Runs one transaction. If it fails after it has written, the group is begun anew without it.
    fn run_noted(
        &mut self,
        work: Work,
        waiting: &mut Vec<(Reply, Effects)>,
        undo: &mut Undo,
    ) -> Result<()> {
        let Ran { outcome, effects, alive } = self.attempt(work, None)?;
        let noted = self.conn.as_ref().map_or(0, SqliteConn::journal_length);
        if alive && let Some((true, reply)) = outcome {
            self.kept = noted;
            waiting.push((reply, effects));
            return Ok(());
        }
        if let Some((_, reply)) = outcome {
            reply(if alive { Ok(Effects::default()) } else { Err(StoreError::Full) });
        }
        if !alive {
            return Err(StoreError::Full);
        }
        if noted > self.kept {
            *undo = Undo::Savepoint;
            self.sql("ROLLBACK")?;
            self.begin()?;
            let kept = self.kept;
            if let Some(conn) = &mut self.conn {
                conn.replay_journal(kept)?;
            }
        }
        Ok(())
    }

    /// Runs one transaction in its savepoint.
    fn run_in_savepoint(&mut self, work: Work, waiting: &mut Vec<(Reply, Effects)>) -> Result<()> {
        let Ran { outcome, effects, alive } = self.attempt(work, Some("SAVEPOINT tx"))?;
        let mut kept = false;
        match outcome {
            Some((true, reply)) if alive => {
                kept = true;
                waiting.push((reply, effects));
            }
            Some((_, reply)) => {
                reply(if alive { Ok(Effects::default()) } else { Err(StoreError::Full) });
            }
            None => {}
        }
        if !alive {
            return Err(StoreError::Full);
        }
        if !kept {
            self.sql("ROLLBACK TO tx")?;
        }
        self.sql("RELEASE tx")
    }

    /// Runs a transaction's closure, after this statement.
    fn attempt(&mut self, work: Work, first: Option<&'static str>) -> Result<Ran> {
        let Some(conn) = self.conn.take() else {
            return Err(StoreError::Stopped { service: self.service.clone() });
        };
        let mut tx = Tx::new(Conn::Sqlite(conn), &self.ids);
        let began = first.map_or(Ok(()), |sql| sql_on(&mut tx, sql));
        let outcome = catch_unwind(AssertUnwindSafe(|| match began {
            Ok(()) => work(Ok(&mut tx)),
            Err(error) => work(Err(error)),
        }));
        // The caller's channel is gone with the closure, so it learns of the panic by that.
        if outcome.is_err() {
            tracing::error!(service = self.service, "a transaction panicked and was undone");
        }
        // SQLite rolls everything back by itself when the disk is full.
        let alive = sqlite(&tx).is_some_and(|conn| !conn.raw().is_autocommit());
        let effects = tx.effects;
        if let Conn::Sqlite(conn) = tx.conn {
            self.conn = Some(conn);
        }
        Ok(Ran { outcome: outcome.ok(), effects, alive })
    }

    fn journal(&mut self, change: fn(&mut SqliteConn)) {
        self.kept = 0;
        if let Some(conn) = &mut self.conn {
            change(conn);
        }
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

    fn sql(&mut self, sql: &'static str) -> Result<()> {
        match &mut self.conn {
            Some(conn) => conn.execute(&Sql::Borrowed(sql), &[]).map(drop),
            None => Err(StoreError::Stopped { service: self.service.clone() }),
        }
    }

    /// Folds the write-ahead log into the file and cuts it to nothing, unless a reader is in the way.
    fn empty_log(&mut self, patience: Duration) {
        self.heard.readers.end_snapshots();
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
            Err(error) => self.fold_failed(&error),
        }
    }

    /// Has the write-ahead log folded into the file when it has become long.
    fn fold_log(&mut self) {
        let Some(conn) = &self.conn else { return };
        if let Err(error) = self.checkpointer.after_commit(conn.raw()) {
            self.fold_failed(&error);
        }
    }

    fn fold_failed(&self, error: &rusqlite::Error) {
        // A sync may be what failed, and trying it again would prove nothing.
        if error.sqlite_error_code() == Some(rusqlite::ErrorCode::SystemIoFailure) {
            return self.stop(error, "the log could not be folded in");
        }
        tracing::warn!(service = self.service, error = %error, "the log could not be folded in");
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

/// What the others of a group are told when it had to be given up: nothing was stored.
fn undone(error: &StoreError, service: &str) -> StoreError {
    match error {
        StoreError::Full => StoreError::Full,
        StoreError::Stopped { .. } => StoreError::Stopped { service: service.to_owned() },
        other => StoreError::Contention(other.to_string().into()),
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

fn sql_on(tx: &mut Tx, sql: &'static str) -> Result<()> {
    match &mut tx.conn {
        Conn::Sqlite(conn) => conn.execute(&Sql::Borrowed(sql), &[]).map(drop),
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
