//! The store of one service.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{Semaphore, oneshot, watch};

use crate::announce::{Announcer, Topic};
use crate::clock::{Clock, Ids};
use crate::config::{Engine, StoreConfig};
use crate::postgres::{PgConn, PgStore};
use crate::sqlite::{Reader, SqliteStore, poll_once};
use crate::tx::{Conn, Tx};
use crate::{Result, Schema, StoreError, migrate};

/// Long reads of one store at the same time: each may hold a stretch of rows in memory.
const SCANS: usize = 8;
/// How long a long read waits for its turn.
const SCAN_WAIT: Duration = Duration::from_secs(5);

/// The result of a transaction and the sequence number of the last event it appended.
#[derive(Debug)]
pub struct Committed<T> {
    /// What the closure returned.
    pub value: T,
    /// Sequence number of the last event, if any was emitted.
    pub last_event: Option<i64>,
}

/// The store of one service. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

struct Inner {
    service: String,
    backend: Backend,
    ids: Ids,
    scans: Arc<Semaphore>,
    announcer: Arc<Announcer>,
}

enum Backend {
    Sqlite(SqliteStore),
    Postgres(PgStore),
}

impl Db {
    /// Opens the store of `service`, creating it when it does not exist. `background` stores hold
    /// projections: their writes give way to requests.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] for a file that is no healthy database, [`StoreError::Unavailable`]
    /// when the server does not answer.
    pub async fn open(
        config: &StoreConfig,
        service: &str,
        ids: Ids,
        background: bool,
    ) -> Result<Self> {
        let announcer = Arc::new(Announcer::new());
        let backend = match config {
            StoreConfig::Sqlite { folder } => {
                let announcer = Arc::clone(&announcer);
                Backend::Sqlite(SqliteStore::open(folder, service, &ids, background, announcer)?)
            }
            StoreConfig::Postgres(server) => {
                Backend::Postgres(PgStore::open(server, &server.database(service)).await?)
            }
        };
        Ok(Self::new(service, backend, ids, announcer))
    }

    /// Opens the store of `service` to be looked at, beside a running platform if need be: nothing is
    /// created or changed, and every write is refused.
    ///
    /// # Errors
    /// As [`Db::open`]; a store that does not exist is an error too.
    pub fn open_read_only(config: &StoreConfig, service: &str, ids: Ids) -> Result<Self> {
        let backend = match config {
            StoreConfig::Sqlite { folder } => {
                Backend::Sqlite(SqliteStore::open_read_only(folder, service)?)
            }
            StoreConfig::Postgres(server) => {
                Backend::Postgres(PgStore::open_read_only(server, &server.database(service))?)
            }
        };
        Ok(Self::new(service, backend, ids, Arc::new(Announcer::new())))
    }

    fn new(service: &str, backend: Backend, ids: Ids, announcer: Arc<Announcer>) -> Self {
        let inner = Inner {
            service: service.to_owned(),
            backend,
            ids,
            scans: Arc::new(Semaphore::new(SCANS)),
            announcer,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Applies the migrations of every schema that are missing.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`] and [`StoreError::ChangedMigration`] when the data is not ours
    /// to change.
    pub async fn migrate(&self, schemas: &[Schema]) -> Result<Vec<String>> {
        migrate::apply(self, schemas).await
    }

    /// Is the data at exactly these schemas? For whoever opens a store without migrating it.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`], [`StoreError::OlderSchema`], [`StoreError::ChangedMigration`].
    pub async fn check_schema(&self, schemas: &[Schema]) -> Result<()> {
        migrate::check(self, schemas).await
    }

    /// Runs a transaction and answers after its commit is on disk.
    ///
    /// # Errors
    /// The closure's own error, or a [`StoreError`] turned into it. On any error nothing happened,
    /// except [`StoreError::Unavailable`], which leaves it open.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        Ok(self.commit(work).await?.value)
    }

    /// As [`Db::write`], and tells how far the event log has come with it.
    ///
    /// # Errors
    /// As [`Db::write`].
    pub async fn commit<T, E, F>(&self, work: F) -> Result<Committed<T>, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        match &self.inner.backend {
            Backend::Sqlite(store) => {
                let (sender, receiver) = oneshot::channel();
                let job = Box::new(move |tx: Result<&mut Tx>| {
                    let result = match tx {
                        Ok(tx) => poll_once(work(tx)),
                        Err(error) => Err(E::from(error)),
                    };
                    let commit = result.is_ok();
                    let reply: crate::sqlite::Reply = Box::new(move |outcome| {
                        let answer = outcome.map_err(E::from).and_then(|effects| {
                            result.map(|value| Committed { value, last_event: effects.last_event })
                        });
                        drop(sender.send(answer));
                    });
                    (commit, reply)
                });
                store.writer.submit(job).map_err(E::from)?;
                receiver.await.unwrap_or_else(|_| {
                    Err(E::from(if store.writer.stopped() {
                        StoreError::Stopped { service: self.inner.service.clone() }
                    } else {
                        StoreError::Panicked
                    }))
                })
            }
            // Boxed, here and below: a request on the embedded engine does not carry the room for it.
            Backend::Postgres(store) => Box::pin(self.commit_postgres(store, work)).await,
        }
    }

    async fn commit_postgres<T, E, F>(&self, store: &PgStore, work: F) -> Result<Committed<T>, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E>,
        E: From<StoreError>,
    {
        let conn = store.begin().await.map_err(E::from)?;
        let mut tx = Tx::new(Conn::Postgres(conn), &self.inner.ids);
        // As on the embedded engine: a panic is this transaction's failure, nobody else's.
        let result = AssertUnwindSafe(work(&mut tx)).catch_unwind().await;
        let result = result.unwrap_or_else(|_| Err(E::from(StoreError::Panicked)));
        let effects = tx.effects;
        if let Conn::Postgres(conn) = tx.conn {
            conn.end(result.is_ok()).await.map_err(E::from)?;
        }
        let value = result?;
        self.inner.announcer.announce(effects);
        Ok(Committed { value, last_event: effects.last_event })
    }

    /// Runs a bounded read (a lookup, one page) on one consistent snapshot.
    ///
    /// # Errors
    /// The closure's own error, or a [`StoreError`] turned into it.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E>,
        E: From<StoreError>,
    {
        match &self.inner.backend {
            Backend::Sqlite(store) => read_sqlite(store, &self.inner.ids, work),
            Backend::Postgres(store) => {
                Box::pin(read_postgres(store.begin_read(), &self.inner.ids, work)).await
            }
        }
    }

    /// As [`Db::read`], of data that may be behind: a replica of the server answers where there is
    /// one. Never for a read whose outcome decides a write, nor for what somebody has just written.
    ///
    /// # Errors
    /// As [`Db::read`].
    pub async fn read_lagging<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E>,
        E: From<StoreError>,
    {
        match &self.inner.backend {
            Backend::Sqlite(_) => self.read(work).await,
            Backend::Postgres(store) => {
                Box::pin(read_postgres(store.begin_lagging_read(), &self.inner.ids, work)).await
            }
        }
    }

    /// Runs a read that may take long (an export, a rebuild) without holding up other requests.
    ///
    /// # Errors
    /// As [`Db::read`].
    pub async fn scan<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        if matches!(self.inner.backend, Backend::Postgres(_)) {
            return self.read(work).await;
        }
        let this = self.clone();
        let slot =
            tokio::time::timeout(SCAN_WAIT, Arc::clone(&self.inner.scans).acquire_owned()).await;
        let Ok(Ok(slot)) = slot else { return Err(E::from(StoreError::Overloaded)) };
        tokio::task::spawn_blocking(move || {
            let _slot = slot;
            match &this.inner.backend {
                Backend::Sqlite(store) => read_sqlite(store, &this.inner.ids, work),
                Backend::Postgres(_) => Err(E::from(StoreError::Refused("not a file store"))),
            }
        })
        .await
        .unwrap_or_else(|_| Err(E::from(StoreError::Panicked)))
    }

    /// A receiver that wakes on commits that brought something for `topic`.
    #[must_use]
    pub fn changes(&self, topic: Topic) -> watch::Receiver<i64> {
        self.inner.announcer.changes(topic)
    }

    /// Is the store able to take writes? The text says why not.
    ///
    /// # Errors
    /// The failure that makes it unable.
    pub async fn check(&self) -> Result<()> {
        match &self.inner.backend {
            Backend::Sqlite(store) if store.writer.stopped() => {
                Err(StoreError::Stopped { service: self.inner.service.clone() })
            }
            _ => {
                self.read(async |tx: &mut Tx| tx.one("SELECT 1 AS one", &[]).await.map(drop)).await
            }
        }
    }

    /// Has a failed sync stopped the store?
    #[must_use]
    pub fn stopped(&self) -> bool {
        matches!(&self.inner.backend, Backend::Sqlite(store) if store.writer.stopped())
    }

    /// The service whose store this is.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.inner.service
    }

    /// Time, ids and randomness.
    #[must_use]
    pub fn ids(&self) -> &Ids {
        &self.inner.ids
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        self.inner.ids.clock()
    }

    /// The engine, for diagnosis only: no service may branch on it (law 4).
    #[must_use]
    pub fn engine(&self) -> Engine {
        match &self.inner.backend {
            Backend::Sqlite(_) => Engine::Sqlite,
            Backend::Postgres(_) => Engine::Postgres,
        }
    }

    /// The file of an embedded store, for diagnosis and backup.
    #[must_use]
    pub fn file(&self) -> Option<&std::path::Path> {
        match &self.inner.backend {
            Backend::Sqlite(store) => Some(&store.path),
            Backend::Postgres(_) => None,
        }
    }

    /// Runs schema statements outside the portable subset's rules. Migrations only.
    pub(crate) async fn ddl(tx: &mut Tx, text: &str) -> Result<()> {
        match &mut tx.conn {
            Conn::Sqlite(conn) => {
                for statement in crate::sql::schema_for_sqlite(text) {
                    conn.define(&statement)?;
                }
                Ok(())
            }
            Conn::Postgres(conn) => conn.batch(&crate::sql::split(text).join(";\n")).await,
        }
    }
}

async fn read_postgres<T, E, F>(
    begin: impl Future<Output = Result<PgConn>>,
    ids: &Ids,
    work: F,
) -> Result<T, E>
where
    F: AsyncFnOnce(&mut Tx) -> Result<T, E>,
    E: From<StoreError>,
{
    let conn = begin.await.map_err(E::from)?;
    let mut tx = Tx::new(Conn::Postgres(conn), ids);
    let result = work(&mut tx).await;
    if let Conn::Postgres(conn) = tx.conn {
        conn.end(result.is_ok()).await.map_err(E::from)?;
    }
    result
}

fn read_sqlite<T, E, F>(store: &SqliteStore, ids: &Ids, work: F) -> Result<T, E>
where
    F: AsyncFnOnce(&mut Tx) -> Result<T, E>,
    E: From<StoreError>,
{
    let Reader { conn, snapshot } = store.readers.take().map_err(E::from)?;
    let mut tx = Tx::new(Conn::Sqlite(conn), ids);
    let result = poll_once(work(&mut tx));
    if let Conn::Sqlite(conn) = tx.conn {
        store.readers.give_back(Reader { conn, snapshot }, result.is_ok());
    }
    result
}
