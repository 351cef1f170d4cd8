//! The server engine: one database per service, pooled connections, cached statements.

mod encryption;

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::{BufMut, BytesMut};
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime, Timeouts};
use futures_util::FutureExt as _;
use futures_util::future::{try_join_all, try_join3};
use jiff::Timestamp;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Config, SimpleQueryMessage, Statement};
use uuid::Uuid;

use self::encryption::Encryption;
use crate::config::Server;
use crate::{Result, Row, Sql, StoreError, Value};

/// PostgreSQL counts time from 2000-01-01; jiff from 1970-01-01. In microseconds.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

/// A server that has not begun a transaction after this long is not there, whatever its connection
/// looks like: nobody says when the other end of one is gone.
const BEGUN_WITHIN: Duration = Duration::from_secs(5);
/// The server gives a statement up after 30 s by itself. When nothing is heard of it for longer, the
/// connection is dead.
const ANSWERED_WITHIN: Duration = Duration::from_secs(35);
/// For so long a replica that did not answer is not asked again.
const AWAY: Duration = Duration::from_secs(10);

/// A statement that runs for half a minute is a mistake; a lock held that long is, too.
const BOUNDS: [(&str, &str); 3] = [
    ("statement_timeout", "30s"),
    ("lock_timeout", "5s"),
    ("idle_in_transaction_session_timeout", "30s"),
];
const BEGIN: &str = "BEGIN";
const NOTHING: &str = "SELECT 1 AS nothing";
const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

pub(crate) struct PgStore {
    main: Connections,
    replica: Option<Replica>,
    read_only: bool,
}

impl PgStore {
    pub(crate) async fn open(server: &Server, database: &str) -> Result<Self> {
        ensure_database(server, database).await?;
        Self::connect(server, database, false)
    }

    /// Opens a database that exists to be looked at.
    pub(crate) fn open_read_only(server: &Server, database: &str) -> Result<Self> {
        Self::connect(server, database, true)
    }

    fn connect(server: &Server, database: &str, read_only: bool) -> Result<Self> {
        let main = Connections::to(server, &server.url, database)?;
        let replica = (!server.replica_url.is_empty())
            .then(|| Connections::to(server, &server.replica_url, database).map(Replica::new))
            .transpose()?;
        Ok(Self { main, replica, read_only })
    }

    pub(crate) async fn begin(&self) -> Result<PgConn> {
        if self.read_only {
            return Err(StoreError::READ_ONLY);
        }
        self.main.begin(BEGIN).await
    }

    pub(crate) async fn begin_read(&self) -> Result<PgConn> {
        self.main.begin_read().await
    }

    /// As [`PgStore::begin_read`], perhaps on the replica, which may be behind.
    pub(crate) async fn begin_lagging_read(&self) -> Result<PgConn> {
        if let Some(replica) = &self.replica
            && let Some(conn) = replica.begin_read().await
        {
            return Ok(conn);
        }
        self.begin_read().await
    }
}

/// The pool of connections to one database of a server.
struct Connections {
    pool: Pool,
    pooled: bool,
}

impl Connections {
    fn to(server: &Server, url: &str, database: &str) -> Result<Self> {
        let (mut config, encryption) = configure(url, &server.ca_file)?;
        config.dbname(database).application_name("hanse");
        if !server.pooled {
            config.options(BOUNDS.map(|(name, value)| format!("-c {name}={value}")).join(" "));
        }
        let recycling_method = RecyclingMethod::Fast;
        let manager = Manager::from_config(config, encryption, ManagerConfig { recycling_method });
        let pool = Pool::builder(manager)
            .max_size(server.pool)
            .runtime(Runtime::Tokio1)
            .timeouts(Timeouts {
                wait: Some(Duration::from_secs(5)),
                create: Some(Duration::from_secs(5)),
                recycle: Some(Duration::from_secs(5)),
            })
            .build()
            .map_err(StoreError::engine)?;
        Ok(Self { pool, pooled: server.pooled })
    }

    async fn begin(&self, begin: &str) -> Result<PgConn> {
        let conn = PgConn::new(self.pool.get().await?, self.pooled);
        if self.pooled {
            let bounds = BOUNDS.map(|(name, value)| format!("SET LOCAL {name} = '{value}'"));
            let begin = format!("{begin}; {}", bounds.join("; "));
            heard(BEGUN_WITHIN, conn.client()?.batch_execute(&begin)).await?;
        } else {
            heard(BEGUN_WITHIN, conn.client()?.batch_execute(begin)).await?;
        }
        Ok(conn)
    }

    /// A read begins with its first statement, and nobody waits for its end: it takes as many turns to
    /// the server as it has statements. (A write does not: were it not to begin after all, its first
    /// statement would be a transaction of its own. Nor does anything behind a pooler, which may take
    /// another connection until it has begun.)
    async fn begin_read(&self) -> Result<PgConn> {
        if self.pooled {
            return self.begin(BEGIN_READ).await;
        }
        let mut conn = PgConn::new(self.pool.get().await?, false);
        (conn.read, conn.begins) = (true, true);
        Ok(conn)
    }
}

/// A server that follows the main one.
struct Replica {
    connections: Connections,
    /// Not asked before then, after it did not answer.
    away_until: Mutex<Option<Instant>>,
}

impl Replica {
    fn new(connections: Connections) -> Self {
        Self { connections, away_until: Mutex::default() }
    }

    async fn begin_read(&self) -> Option<PgConn> {
        let away = |until: &mut Option<Instant>| until.is_some_and(|until| Instant::now() < until);
        if away(&mut self.away_until.lock().unwrap_or_else(PoisonError::into_inner)) {
            return None;
        }
        match self.connections.begin(BEGIN_READ).await {
            Ok(conn) => Some(conn),
            Err(error) => {
                let error = &error as &dyn Error;
                tracing::warn!(error, "the replica is away; the main server is read instead");
                let until = Instant::now() + AWAY;
                *self.away_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
                None
            }
        }
    }
}

fn configure(url: &str, ca_file: &str) -> Result<(Config, Encryption)> {
    let mut config = encryption::configure(url)?;
    config.connect_timeout(Duration::from_secs(5)).keepalives(true);
    let encryption = Encryption::of(&config, ca_file)?;
    Ok((config, encryption))
}

async fn ensure_database(server: &Server, database: &str) -> Result<()> {
    if !database.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
        return Err(StoreError::Refused("a database name may only hold a-z, 0-9 and _"));
    }
    let (config, encryption) = configure(&server.url, &server.ca_file)?;
    let (client, connection) = config.connect(encryption).await?;
    #[expect(clippy::disallowed_methods, reason = "drives one connection and ends with it")]
    let driver = tokio::spawn(connection);
    // One message, one statement: a pooler may give each message another connection.
    let sql = format!("SELECT 1 FROM pg_database WHERE datname = '{database}'");
    let answer = client.simple_query(&sql).await?;
    let exists = answer.iter().any(|part| matches!(part, SimpleQueryMessage::Row(_)));
    if !exists {
        // Text compares by bytes, as on SQLite, so that lists have one order.
        let create = format!(
            "CREATE DATABASE {database} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'"
        );
        let created = client.batch_execute(&create).await;
        // Another process may have been faster; the connection that follows will tell.
        if let Err(error) = created
            && !matches!(
                error.code().map(tokio_postgres::error::SqlState::code),
                Some("42P04" | "23505")
            )
        {
            return Err(error.into());
        }
    }
    drop(client);
    driver.await.ok();
    Ok(())
}

/// A connection that a transaction begins on. Dropped before its end, it is closed rather than reused.
pub(crate) struct PgConn {
    client: Option<Object>,
    pooled: bool,
    /// It reads only, and its end matters to nobody.
    read: bool,
    /// It has yet to begin, which only a read ever has.
    begins: bool,
    /// What goes to the server with the next statement.
    ahead: Vec<(Sql, Vec<Value>)>,
}

impl PgConn {
    fn new(client: Object, pooled: bool) -> Self {
        Self { client: Some(client), pooled, read: false, begins: false, ahead: Vec::new() }
    }

    fn client(&self) -> Result<&Object> {
        self.client.as_ref().ok_or(StoreError::Refused("the transaction has ended"))
    }

    pub(crate) fn ahead(&mut self, sql: Sql, params: &[Value]) {
        self.ahead.push((sql, params.to_vec()));
    }

    pub(crate) async fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64> {
        if params.is_empty() && is_control(sql) {
            self.batch(sql).await?;
            return Ok(0);
        }
        self.run(sql, async |client, statement| client.execute_raw(statement, params).await).await
    }

    pub(crate) async fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>> {
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|value| value as _).collect();
        let (statement, rows) = self
            .run(sql, async |client, statement| {
                let rows = client.query(statement, &params).await?;
                Ok((statement.clone(), rows))
            })
            .await?;
        let columns: Arc<[Box<str>]> =
            statement.columns().iter().map(|column| column.name().into()).collect();
        rows.iter()
            .map(|row| {
                let values = (0..columns.len())
                    .map(|index| row.try_get::<_, Value>(index))
                    .collect::<Result<_, _>>()?;
                Ok(Row { columns: Arc::clone(&columns), values })
            })
            .collect()
    }

    /// Runs a statement together with what is to go before it. A connection that is lost is closed.
    async fn run<T>(
        &mut self,
        sql: &str,
        work: impl AsyncFnOnce(&Object, &Statement) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T> {
        let (begins, ahead) = (std::mem::take(&mut self.begins), std::mem::take(&mut self.ahead));
        let ran = self.together(begins, &ahead, sql, work).await;
        if matches!(ran, Err(StoreError::Unavailable(_))) {
            self.close();
        }
        ran
    }

    /// Sends all, then hears of all. The server takes them in this order, and in a transaction none after
    /// one that failed.
    async fn together<T>(
        &self,
        begins: bool,
        ahead: &[(Sql, Vec<Value>)],
        sql: &str,
        work: impl AsyncFnOnce(&Object, &Statement) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T> {
        let client = self.client()?;
        // A server that is not there shows at the first thing that it is asked.
        let first = if begins { BEGUN_WITHIN } else { ANSWERED_WITHIN };
        let prepare = |sql| heard(first, self.prepare(client, sql));
        // None is sent before all can be.
        let mut before = Vec::with_capacity(ahead.len());
        for (sql, params) in ahead {
            before.push((prepare(sql).await?, params));
        }
        let statement = prepare(sql).await?;
        let begun = async {
            if !begins {
                return Ok(());
            }
            heard(BEGUN_WITHIN, client.batch_execute(BEGIN_READ)).await
        };
        let before = try_join_all(before.iter().map(|(statement, params)| {
            heard(ANSWERED_WITHIN, client.execute_raw(statement, params.iter()))
        }));
        let worked = heard(ANSWERED_WITHIN, work(client, &statement));
        try_join3(begun, before, worked).await.map(|((), _, value)| value)
    }

    /// Behind a pooler a statement is closed after its use, with its last copy: the next transaction
    /// has another connection, and whoever gets this one may call a statement the same.
    async fn prepare(
        &self,
        client: &Object,
        sql: &str,
    ) -> Result<Statement, tokio_postgres::Error> {
        if self.pooled {
            let client: &tokio_postgres::Client = client;
            return client.prepare(sql).await;
        }
        client.prepare_cached(sql).await
    }

    pub(crate) async fn batch(&mut self, sql: &str) -> Result<()> {
        if self.begins || !self.ahead.is_empty() {
            self.run(NOTHING, async |client, nothing| client.query(nothing, &[]).await).await?;
        }
        heard(ANSWERED_WITHIN, self.client()?.batch_execute(sql)).await
    }

    pub(crate) async fn end(mut self, commit: bool) -> Result<()> {
        match &self.client {
            // It was lost, and its transaction with it: that was said.
            None if !commit => return Ok(()),
            _ if self.begins => {}
            // Sent at once; whoever has the connection next is heard after it.
            Some(client) if self.read && commit => {
                drop(client.batch_execute("COMMIT").now_or_never());
            }
            _ if commit => self.batch("COMMIT").await?,
            _ => {
                self.ahead.clear();
                self.batch("ROLLBACK").await?;
            }
        }
        // Only a connection whose transaction has ended goes back to the pool.
        drop(self.client.take());
        Ok(())
    }

    fn close(&mut self) {
        if let Some(client) = self.client.take() {
            drop(Object::take(client));
        }
    }
}

impl Drop for PgConn {
    fn drop(&mut self) {
        self.close();
    }
}

/// What the server says, unless it is not heard of for too long.
async fn heard<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T> {
    match tokio::time::timeout(limit, answer).await {
        Ok(answer) => Ok(answer?),
        Err(silence) => Err(StoreError::Unavailable(Box::new(silence))),
    }
}

fn is_control(sql: &str) -> bool {
    ["SAVEPOINT", "RELEASE", "ROLLBACK"].iter().any(|word| sql.starts_with(word))
}

impl ToSql for Value {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => return Ok(IsNull::Yes),
            Self::Bool(value) => out.put_u8((*value).into()),
            Self::Int(value) => match *ty {
                Type::INT2 => out.put_i16(i16::try_from(*value)?),
                Type::INT4 => out.put_i32(i32::try_from(*value)?),
                Type::FLOAT8 => out.put_f64(*value as f64),
                Type::TIMESTAMPTZ => out.put_i64(value - POSTGRES_EPOCH),
                _ => out.put_i64(*value),
            },
            Self::Real(value) => out.put_f64(*value),
            Self::Text(value) | Self::Json(value) => {
                // The binary form of jsonb is a version byte and the text.
                if *ty == Type::JSONB {
                    out.put_u8(1);
                }
                out.put_slice(value.as_bytes());
            }
            Self::Bytes(value) => out.put_slice(value),
            Self::Uuid(value) => out.put_slice(value.as_bytes()),
            Self::Time(value) => out.put_i64(value.as_microsecond() - POSTGRES_EPOCH),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(match *ty {
            Type::BOOL => Self::Bool(bool::from_sql(ty, raw)?),
            Type::INT2 => Self::Int(i16::from_sql(ty, raw)?.into()),
            Type::INT4 => Self::Int(i32::from_sql(ty, raw)?.into()),
            Type::INT8 => Self::Int(i64::from_sql(ty, raw)?),
            Type::FLOAT4 => Self::Real(f32::from_sql(ty, raw)?.into()),
            Type::FLOAT8 => Self::Real(f64::from_sql(ty, raw)?),
            Type::UUID => Self::Uuid(Uuid::from_slice(raw)?),
            Type::BYTEA => Self::Bytes(raw.to_vec()),
            Type::TIMESTAMPTZ => Self::Time(Timestamp::from_microsecond(
                i64::from_be_bytes(raw.try_into()?) + POSTGRES_EPOCH,
            )?),
            Type::JSONB => {
                Self::Json(std::str::from_utf8(raw.get(1..).unwrap_or_default())?.into())
            }
            Type::JSON => Self::Json(std::str::from_utf8(raw)?.to_owned()),
            _ => Self::Text(String::from_sql(ty, raw)?),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
