//! The transaction: the only thing a write closure may await.

use jiff::Timestamp;
use uuid::Uuid;

use crate::clock::Ids;
use crate::postgres::PgConn;
use crate::sqlite::SqliteConn;
use crate::{Result, Row, Sql, StoreError, Value};

/// Who and what caused a transaction; copied into every event it emits.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The acting user, or `None` for the system itself.
    pub actor: Option<Uuid>,
    /// W3C `traceparent` of the request.
    pub trace: Option<String>,
}

/// What has to happen after the commit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Effects {
    pub(crate) last_event: Option<i64>,
    pub(crate) jobs: bool,
    pub(crate) purge: bool,
}

impl Effects {
    /// The effects of both.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            last_event: self.last_event.max(other.last_event),
            jobs: self.jobs || other.jobs,
            purge: self.purge || other.purge,
        }
    }
}

pub(crate) enum Conn {
    Sqlite(SqliteConn),
    Postgres(PgConn),
}

/// A transaction, or the snapshot of a read.
///
/// On the first error return it: the closure's failure rolls everything back, on both engines.
pub struct Tx {
    pub(crate) conn: Conn,
    pub(crate) effects: Effects,
    origin: Origin,
    now: Timestamp,
    ids: Ids,
}

impl Tx {
    pub(crate) fn new(conn: Conn, ids: &Ids) -> Self {
        let now = ids.clock().now();
        Self { conn, effects: Effects::default(), origin: Origin::default(), now, ids: ids.clone() }
    }

    /// Runs a statement and returns the number of rows it changed.
    ///
    /// # Errors
    /// Whatever the engine says, as a [`StoreError`].
    pub async fn execute(&mut self, sql: impl Into<Sql> + Send, params: &[Value]) -> Result<u64> {
        match &mut self.conn {
            Conn::Sqlite(conn) => conn.execute(&sql.into(), params),
            // Boxed, here and below: a request on the embedded engine does not carry the room for it.
            Conn::Postgres(conn) => Box::pin(conn.execute(&sql.into(), params)).await,
        }
    }

    /// Runs a query and returns all its rows. Bound it with `LIMIT`.
    ///
    /// # Errors
    /// As [`Tx::execute`].
    pub async fn all(&mut self, sql: impl Into<Sql> + Send, params: &[Value]) -> Result<Vec<Row>> {
        match &mut self.conn {
            Conn::Sqlite(conn) => conn.query(&sql.into(), params),
            Conn::Postgres(conn) => Box::pin(conn.query(&sql.into(), params)).await,
        }
    }

    /// Runs a query that finds at most one row.
    ///
    /// # Errors
    /// As [`Tx::execute`].
    pub async fn optional(
        &mut self,
        sql: impl Into<Sql> + Send,
        params: &[Value],
    ) -> Result<Option<Row>> {
        Ok(self.all(sql, params).await?.into_iter().next())
    }

    /// Runs a query that must find a row.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is none.
    pub async fn one(&mut self, sql: impl Into<Sql> + Send, params: &[Value]) -> Result<Row> {
        self.optional(sql, params).await?.ok_or(StoreError::Missing)
    }

    /// Kernel use: runs an insert of at most one row into a table with an identity column, and returns
    /// the number that the row got, or nothing when no row was inserted. On PostgreSQL the statement
    /// must return it.
    ///
    /// # Errors
    /// As [`Tx::execute`].
    pub async fn append(&mut self, sql: &'static str, params: &[Value]) -> Result<Option<i64>> {
        match &mut self.conn {
            // RETURNING builds a temporary table for every statement there.
            Conn::Sqlite(conn) => conn.append(&sql.into(), params),
            Conn::Postgres(conn) => {
                let rows = Box::pin(conn.query(sql, params)).await?;
                rows.first().map(|row| row.at(0)).transpose()
            }
        }
    }

    /// Kernel use: on PostgreSQL, sends a statement with the next one, without waiting for it in between.
    /// Nobody hears what it returns; when it fails, so does the next one, and everything after it. The
    /// embedded engine has no use for it (one writer needs no lock) and does nothing.
    pub fn ahead_on_postgres(&mut self, sql: impl Into<Sql>, params: &[Value]) {
        if let Conn::Postgres(conn) = &mut self.conn {
            conn.ahead(sql.into(), params);
        }
    }

    /// The time of this transaction; it does not change while the transaction runs.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// A new UUIDv7.
    #[must_use]
    pub fn new_id(&self) -> Uuid {
        self.ids.new_id()
    }

    /// Random bytes.
    #[must_use]
    pub fn random<const N: usize>(&self) -> [u8; N] {
        self.ids.random()
    }

    /// Who and what caused this transaction.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Sets who and what caused this transaction.
    pub fn set_origin(&mut self, origin: Origin) {
        self.origin = origin;
    }

    /// Opens a savepoint, so that a part of the work can be undone alone.
    ///
    /// # Errors
    /// As [`Tx::execute`].
    pub async fn savepoint(&mut self) -> Result<()> {
        self.execute("SAVEPOINT part", &[]).await.map(drop)
    }

    /// Keeps what was done since [`Tx::savepoint`].
    ///
    /// # Errors
    /// As [`Tx::execute`].
    pub async fn release(&mut self) -> Result<()> {
        self.execute("RELEASE SAVEPOINT part", &[]).await.map(drop)
    }

    /// Undoes what was done since [`Tx::savepoint`].
    ///
    /// # Errors
    /// As [`Tx::execute`].
    pub async fn undo(&mut self) -> Result<()> {
        self.execute("ROLLBACK TO SAVEPOINT part", &[]).await?;
        self.release().await
    }

    /// Kernel use: notes that the event with this sequence number was appended.
    pub fn note_event(&mut self, sequence: i64) {
        self.effects.last_event = Some(sequence);
    }

    /// Kernel use: notes that a job was scheduled.
    pub fn note_job(&mut self) {
        self.effects.jobs = true;
    }

    /// Asks that after the commit nothing of the deleted rows stays readable in the files: the
    /// write-ahead log is folded in and emptied as soon as readers allow it.
    pub fn purge_after_commit(&mut self) {
        self.effects.purge = true;
    }

    /// The sequence number of the last event appended in this transaction.
    #[must_use]
    pub fn last_event(&self) -> Option<i64> {
        self.effects.last_event
    }

    /// Kernel use: reads the engine-specific statement of a pair.
    #[must_use]
    pub fn pick<T>(&self, pair: (T, T)) -> T {
        match &self.conn {
            Conn::Sqlite(_) => pair.0,
            Conn::Postgres(_) => pair.1,
        }
    }
}
