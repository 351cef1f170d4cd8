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
    Postgres {
        /// `postgres://user:password@host:port/maintenance-database`
        url: String,
        /// Prefix of the database names, `hanse_` by default.
        prefix: String,
        /// Connections per service.
        pool: usize,
    },
}

impl StoreConfig {
    /// Which engine this is.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match self {
            Self::Sqlite { .. } => Engine::Sqlite,
            Self::Postgres { .. } => Engine::Postgres,
        }
    }
}
