//! One connection with its cached statements.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSql, ToSqlOutput, Value as Owned, ValueRef};
use rusqlite::{Connection, OpenFlags};

use super::journal::Journal;
use crate::{Result, Row, Sql, StoreError, Value, sql};

/// Statements kept ready per connection; a service has a few dozen.
const CACHED_STATEMENTS: usize = 256;

pub(crate) struct SqliteConn {
    conn: Connection,
    /// By address and length: a text that is part of the program is never another one.
    fixed: HashMap<(usize, usize), Arc<Statement>>,
    /// By text, of those that were put together.
    made: HashMap<Box<str>, Arc<Statement>>,
    journal: Journal,
}

/// A statement's SQLite text and the names of its columns, worked out once.
pub(super) struct Statement {
    text: Box<str>,
    columns: Arc<[Box<str>]>,
}

impl SqliteConn {
    pub(crate) fn open_writer(path: &Path) -> Result<Self> {
        let conn = Connection::open(path).map_err(|error| damaged(path, error))?;
        // secure_delete: what is deleted is overwritten, so that erasure reaches free pages too.
        // wal_autocheckpoint: see checkpoint.rs.
        // auto_vacuum is set before the first table; a no-op on an existing file.
        conn.execute_batch(
            "PRAGMA auto_vacuum = INCREMENTAL;
             PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA secure_delete = ON;
             PRAGMA foreign_keys = ON;
             PRAGMA busy_timeout = 5000;
             PRAGMA wal_autocheckpoint = 0;
             PRAGMA cache_size = -16000;
             PRAGMA temp_store = MEMORY;",
        )
        .map_err(|error| damaged(path, error))?;
        let this = Self::new(conn)?;
        this.check_durable()?;
        this.conn
            .query_row("PRAGMA schema_version", [], |row| row.get::<_, i64>(0))
            .map_err(|error| damaged(path, error))?;
        Ok(this)
    }

    pub(crate) fn open_reader(path: &Path) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_URI;
        let conn = Connection::open_with_flags(path, flags)?;
        conn.execute_batch(
            "PRAGMA query_only = ON; PRAGMA busy_timeout = 5000; PRAGMA cache_size = -8000;
             PRAGMA temp_store = MEMORY;",
        )?;
        Self::new(conn)
    }

    /// As [`SqliteConn::open_reader`], but makes no file. A file with a write-ahead log cannot be read
    /// without the log's index beside it; while nobody has the file open there is neither, and SQLite
    /// would make both, unless it is told that nobody is going to change the file meanwhile.
    pub(crate) fn open_quietly(path: &Path) -> Result<Self> {
        let beside = |ending: &str| {
            let mut name = path.as_os_str().to_owned();
            name.push(ending);
            std::fs::metadata(name).ok().map(|file| file.len())
        };
        match (beside("-wal"), beside("-shm")) {
            (Some(_), Some(_)) => Self::open_reader(path),
            (Some(1..), None) => Err(StoreError::Refused(
                "a write-ahead log without its index is beside the data, as in a copy of a running \
                 platform's files; start the platform once, which takes it in",
            )),
            _ => Self::open_reader(Path::new(&immutable(path))),
        }
    }

    fn new(conn: Connection) -> Result<Self> {
        conn.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
        // Without this guarantee SQLite plans a statement anew whenever a parameter changes, which
        // made every write parse its SQL again and halved the throughput.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        let (fixed, made) = (HashMap::new(), HashMap::new());
        Ok(Self { conn, fixed, made, journal: Journal::default() })
    }

    /// Reads the settings back: a write connection that is not durable must not be used.
    fn check_durable(&self) -> Result<()> {
        let mode: String = self.conn.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
        let synchronous: i64 = self.conn.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
        if mode != "wal" || synchronous < 2 {
            return Err(StoreError::Refused(
                "this file system cannot hold a write-ahead log; use a local disk",
            ));
        }
        Ok(())
    }

    pub(crate) fn raw(&self) -> &Connection {
        &self.conn
    }

    /// Runs a statement of a schema.
    pub(crate) fn define(&mut self, sql: &str) -> Result<()> {
        self.conn.execute_batch(sql)?;
        let statement = Statement { text: sql.into(), columns: Arc::default() };
        self.journal.note(&Arc::new(statement), &[], None, None);
        Ok(())
    }

    pub(crate) fn execute(&mut self, sql: &Sql, params: &[Value]) -> Result<u64> {
        let statement = self.statement(sql)?;
        let mut prepared = self.conn.prepare_cached(&statement.text)?;
        let count = run(&mut prepared, &statement, params)?;
        let changed = (!prepared.readonly()).then_some(count);
        drop(prepared);
        self.journal.note(&statement, params, changed, None);
        Ok(count)
    }

    /// Runs an insert of at most one row; the row's number, if there is one.
    pub(crate) fn append(&mut self, sql: &Sql, params: &[Value]) -> Result<Option<i64>> {
        let statement = self.statement(sql)?;
        let mut prepared = self.conn.prepare_cached(&statement.text)?;
        let count = run(&mut prepared, &statement, params)?;
        drop(prepared);
        let number = (count == 1).then(|| self.conn.last_insert_rowid());
        self.journal.note(&statement, params, Some(count), number);
        Ok(number)
    }

    pub(crate) fn query(&mut self, sql: &Sql, params: &[Value]) -> Result<Vec<Row>> {
        let statement = self.statement(sql)?;
        let mut prepared = self.conn.prepare_cached(&statement.text)?;
        bind(&mut prepared, params)?;
        let width = statement.columns.len();
        let mut rows = prepared.raw_query();
        let mut answer = Vec::new();
        while let Some(row) = rows.next()? {
            let mut values = Vec::with_capacity(width);
            for index in 0..width {
                values.push(value(row.get_ref(index)?));
            }
            answer.push(Row { columns: Arc::clone(&statement.columns), values });
        }
        drop(rows);
        let writes = !prepared.readonly();
        drop(prepared);
        if writes {
            self.journal.note(&statement, params, Some(answer.len() as u64), None);
        }
        Ok(answer)
    }

    /// Begins to note what is written, from nothing.
    pub(crate) fn start_journal(&mut self) {
        self.journal.on = true;
    }

    /// Forgets what was noted, and notes no more.
    pub(crate) fn stop_journal(&mut self) {
        self.journal = Journal::default();
    }

    /// How many statements have been noted.
    pub(crate) fn journal_length(&self) -> usize {
        self.journal.entries.len()
    }

    /// Runs the first `length` noted statements again, in a new transaction, and notes no more.
    ///
    /// # Errors
    /// [`StoreError::Contention`] when they do not do what they did: another process has written.
    pub(crate) fn replay_journal(&mut self, length: usize) -> Result<()> {
        let noted = std::mem::take(&mut self.journal);
        for entry in noted.entries.into_iter().take(length) {
            let statement = &entry.statement;
            let mut prepared = self.conn.prepare_cached(&statement.text)?;
            let count = run(&mut prepared, statement, &entry.params)?;
            let number = entry.appended.map(|_| self.conn.last_insert_rowid());
            if entry.changed.is_some_and(|changed| changed != count) || entry.appended != number {
                return Err(StoreError::Contention("another process has written".into()));
            }
        }
        Ok(())
    }

    fn statement(&mut self, sql: &Sql) -> Result<Arc<Statement>> {
        let place = (sql.as_ptr().addr(), sql.len());
        let known = match sql {
            Sql::Borrowed(_) => self.fixed.get(&place),
            Sql::Owned(text) => self.made.get(text.as_str()),
        };
        if let Some(statement) = known {
            return Ok(Arc::clone(statement));
        }
        let statement = self.work_out(sql::for_sqlite(sql).into())?;
        match sql {
            Sql::Borrowed(_) => drop(self.fixed.insert(place, Arc::clone(&statement))),
            Sql::Owned(text) => {
                if self.made.len() >= CACHED_STATEMENTS {
                    self.made.clear();
                }
                self.made.insert(text.as_str().into(), Arc::clone(&statement));
            }
        }
        Ok(statement)
    }

    fn work_out(&self, text: Box<str>) -> Result<Arc<Statement>> {
        let columns = self.conn.prepare_cached(&text)?.column_names().map(Into::into).collect();
        Ok(Arc::new(Statement { text, columns }))
    }
}

/// Runs a statement for its effect, also one that returns rows, such as `INSERT … RETURNING`.
fn run(
    prepared: &mut rusqlite::Statement<'_>,
    statement: &Statement,
    params: &[Value],
) -> Result<u64> {
    bind(prepared, params)?;
    if statement.columns.is_empty() {
        return Ok(prepared.raw_execute()? as u64);
    }
    let mut rows = prepared.raw_query();
    let mut count = 0;
    while rows.next()?.is_some() {
        count += 1;
    }
    Ok(count)
}

/// The file as a URI that says that it does not change.
fn immutable(path: &Path) -> String {
    use std::fmt::Write as _;
    use std::os::unix::ffi::OsStrExt as _;
    let mut uri = String::from("file:");
    for &byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            write!(uri, "%{byte:02X}").ok();
        }
    }
    uri + "?immutable=1"
}

fn bind(statement: &mut rusqlite::Statement<'_>, params: &[Value]) -> Result<()> {
    for (index, value) in params.iter().enumerate() {
        statement.raw_bind_parameter(index + 1, value)?;
    }
    Ok(())
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Owned::Null),
            Self::Bool(value) => ToSqlOutput::Owned(Owned::Integer((*value).into())),
            Self::Int(value) => ToSqlOutput::Owned(Owned::Integer(*value)),
            Self::Real(value) => ToSqlOutput::Owned(Owned::Real(*value)),
            Self::Text(value) | Self::Json(value) => {
                ToSqlOutput::Borrowed(ValueRef::Text(value.as_bytes()))
            }
            Self::Bytes(value) => ToSqlOutput::Borrowed(ValueRef::Blob(value)),
            Self::Uuid(value) => ToSqlOutput::Borrowed(ValueRef::Blob(value.as_bytes())),
            Self::Time(value) => ToSqlOutput::Owned(Owned::Integer(value.as_microsecond())),
        })
    }
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Int(value),
        ValueRef::Real(value) => Value::Real(value),
        ValueRef::Text(value) => Value::Text(String::from_utf8_lossy(value).into_owned()),
        ValueRef::Blob(value) => Value::Bytes(value.to_vec()),
    }
}

/// Names the file when SQLite says that it is damaged.
pub(super) fn damaged(path: &Path, error: rusqlite::Error) -> StoreError {
    match StoreError::from(error) {
        StoreError::Damaged { source, .. } => {
            StoreError::Damaged { what: path.display().to_string(), source }
        }
        other => other,
    }
}
