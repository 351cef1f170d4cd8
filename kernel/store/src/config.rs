//! Where a service's data lives.

use std::path::PathBuf;

/// The two engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Embedded SQLite, one file per service.
    Sqlite,
    /// PostgreSQL, one database per service.
    Postgres,
}

/// How to open the store of one service.
#[derive(Clone, Debug)]
pub enum StoreConfig {
    /// A file `<folder>/<service>.db`.
    Sqlite {
        /// Folder of all service files.
        folder: PathBuf,
    },
    /// A database `<prefix><service>` on the server that `url` names; it is created when missing.
    Postgres(Server),
}

/// A PostgreSQL server and how it is used.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// `postgres://user:password@host:port/maintenance-database`. With `sslmode=require` it is
    /// spoken to by TLS, and must show a certificate that is good for its name.
    pub url: String,
    /// Prefix of the database names, `hanse_` by default.
    pub prefix: String,
    /// Connections per service.
    pub pool: usize,
    /// PEM file of the authorities whose certificates are believed; those that the system knows
    /// when empty.
    pub ca_file: String,
    /// As `url`, of a server that follows the first and answers reads that may be behind; empty for
    /// none. Everything else, and they too while it is away, goes to the first.
    pub replica_url: String,
    /// Is there a pooler before the server that lends out a connection for a transaction only, as
    /// PgBouncer does with `pool_mode = transaction`? Then nothing is left on one: no settings, no
    /// prepared statements.
    pub pooled: bool,
}

impl Server {
    /// A server of which nothing more is to be said.
    #[must_use]
    pub fn new(url: String, prefix: String, pool: usize) -> Self {
        Self { url, prefix, pool, ..Self::default() }
    }

    /// The name of a service's database.
    pub(crate) fn database(&self, service: &str) -> String {
        format!("{}{service}", self.prefix)
    }
}

impl StoreConfig {
    /// Which engine this is.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match self {
            Self::Sqlite { .. } => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }
}
