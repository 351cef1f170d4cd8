//! What can go wrong with the store, in the words of a caller rather than of a driver.

/// Any failure of the store. Drivers' causes are kept as sources and logged; they are never shown.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A sync failed earlier: nothing more is written until the process is restarted.
    #[error("the store of {service} has stopped after a failed sync; restart the process")]
    Stopped {
        /// Whose store it is.
        service: String,
    },
    /// No room on the disk; the transaction was rolled back and a later one may succeed.
    #[error("the disk is full")]
    Full,
    /// The write queue is full.
    #[error("too many writes are waiting")]
    Overloaded,
    /// A uniqueness rule refused the row.
    #[error("a row with this key exists already")]
    Unique(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Another transaction changed the same rows; nothing was done.
    #[error("another transaction changed the same rows")]
    Contention(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The engine could not be reached, or the connection broke before the commit was known.
    #[error("the store could not be reached")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The closure awaited something that is not the transaction (law 9).
    #[error("a transaction awaited something other than the store")]
    AwaitedInTransaction,
    /// The closure panicked; its work was rolled back.
    #[error("a transaction panicked")]
    Panicked,
    /// `one` found no row.
    #[error("a row that must exist is missing")]
    Missing,
    /// A column has another type or name than the code expects.
    #[error("column {column} cannot be read as {wanted}")]
    Decode {
        /// Name or number of the column.
        column: String,
        /// The Rust type asked for.
        wanted: &'static str,
    },
    /// The data belongs to a newer release.
    #[error(
        "the data of {service} has schema {found}, which is newer than this release knows ({known}); start the newer release, or restore a backup made before the upgrade"
    )]
    NewerSchema {
        /// Whose store it is.
        service: String,
        /// The migration found.
        found: String,
        /// The newest one known.
        known: String,
    },
    /// The data has not been brought to this release's schema yet.
    #[error(
        "the data of {service} has not been brought to this release's schema ({missing} is missing); run: hanse migrate"
    )]
    OlderSchema {
        /// Whose store it is.
        service: String,
        /// The first migration that is missing.
        missing: String,
    },
    /// A migration that was applied has changed since.
    #[error("migration {name} of {service} was changed after it had been applied")]
    ChangedMigration {
        /// Whose store it is.
        service: String,
        /// The migration.
        name: String,
    },
    /// The file is damaged or is no database.
    #[error("{what} is damaged or is not a Hanse database; restore a backup")]
    Damaged {
        /// The file.
        what: String,
        /// What the engine said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Anything else an engine may say.
    #[error("a statement failed")]
    Engine(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The event log of another service cannot be read; the source says why and what to do.
    #[error("the event log cannot be read")]
    Log(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The owner of the data has been erased; nothing of theirs may be added.
    #[error("the owner of this data has been erased")]
    Erased,
    /// A kernel rule refused the write.
    #[error("{0}")]
    Refused(&'static str),
}

impl StoreError {
    /// A write to a store that was opened to be looked at.
    pub(crate) const READ_ONLY: Self = Self::Refused("the store was opened for reading only");

    /// True for failures that pass by themselves, so that a client may try again.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::Overloaded
                | Self::Contention(_)
                | Self::Unavailable(_)
                | Self::Full
                | Self::Log(_)
                | Self::Stopped { .. }
        )
    }

    /// Wraps a failure that has no better name.
    pub fn engine(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Engine(Box::new(source))
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::ConstraintViolation) => Self::Unique(Box::new(error)),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Self::Contention(Box::new(error))
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged { what: "the database file".into(), source: Box::new(error) }
            }
            _ => Self::Engine(Box::new(error)),
        }
    }
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        use tokio_postgres::error::SqlState;
        match error.code() {
            Some(code) if *code == SqlState::UNIQUE_VIOLATION => Self::Unique(Box::new(error)),
            Some(code)
                if [
                    SqlState::T_R_SERIALIZATION_FAILURE,
                    SqlState::T_R_DEADLOCK_DETECTED,
                    SqlState::LOCK_NOT_AVAILABLE,
                ]
                .contains(code) =>
            {
                Self::Contention(Box::new(error))
            }
            Some(code) if *code == SqlState::DISK_FULL => Self::Full,
            // The server has ended the connection, takes no more, or gave a statement or an idle
            // transaction (of a process that was asleep, say) up.
            Some(code)
                if ["57P", "08"].iter().any(|class| code.code().starts_with(class))
                    || ["53300", "57014", "25P03", "25P04"].contains(&code.code()) =>
            {
                Self::Unavailable(Box::new(error))
            }
            None => Self::Unavailable(Box::new(error)),
            Some(_) => Self::Engine(Box::new(error)),
        }
    }
}

impl From<deadpool_postgres::PoolError> for StoreError {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        match error {
            deadpool_postgres::PoolError::Backend(error) => error.into(),
            other => Self::Unavailable(Box::new(other)),
        }
    }
}
