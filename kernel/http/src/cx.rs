//! What a handler holds: its service, the caller, and the way to its store.

use std::sync::Arc;
use std::time::Duration;

use hanse_events::Applied;
use hanse_store::{Db, StoreError, Tx};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::caller::{Caller, Principal};
use crate::cursor::Sealer;
use crate::dispatch::{Context, Exchange};
use crate::error::KernelError;
use crate::etag::{IfMatch, PreconditionError};
use crate::idempotency::{Answered, Entered, Guard};
use crate::reply::Reply;

/// How long a read waits for a projection to catch up with `Hanse-After`.
const PATIENCE: Duration = Duration::from_secs(2);

/// What every service's state holds for the kernel.
#[derive(Clone)]
pub struct Home {
    /// The service's store.
    pub db: Db,
    /// Seals cursors, positions and stored answers.
    pub sealer: Sealer,
    /// How far the service's projections have come.
    pub applied: Applied,
}

impl Home {
    /// How far the service's log has come, for `Hanse-Position`.
    fn position(&self, seq: i64) -> String {
        self.sealer.seal_position(self.db.service(), seq)
    }
}

/// The state of a service.
pub trait Service: Send + Sync + 'static {
    /// The kernel's part of it.
    fn home(&self) -> &Home;
}

/// One request in the hands of a handler.
pub struct Cx<S> {
    /// The service's state.
    pub app: Arc<S>,
    /// Who and whence.
    pub context: Context,
    operation: &'static str,
    if_match: IfMatch,
    guard: Option<Guard>,
    /// May the answer be behind?
    lags: bool,
}

impl<S: Service> Cx<S> {
    pub(crate) fn new(app: Arc<S>, exchange: &Exchange) -> Self {
        Self {
            app,
            context: exchange.context.clone(),
            operation: exchange.operation.id,
            if_match: IfMatch::from_headers(&exchange.parts.headers),
            guard: exchange.guard.clone(),
            // Whoever names what they have seen wants no less.
            lags: exchange.operation.lags && !exchange.parts.headers.contains_key("hanse-after"),
        }
    }

    /// The account that asks. The nil id, which owns nothing, when nobody is signed in; operations
    /// that need an account say so in their access policy.
    #[must_use]
    pub fn user_id(&self) -> Uuid {
        self.context.caller.user_id().unwrap_or(Uuid::nil())
    }

    /// The account that asks, if it is signed in.
    #[must_use]
    pub fn principal(&self) -> Option<&Principal> {
        self.context.caller.principal()
    }

    /// Who asks.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.context.caller
    }

    /// The time, for rules that run outside a transaction.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.app.home().db.clock().now()
    }

    /// The condition the client set, to be checked inside a transaction.
    #[must_use]
    pub fn if_match(&self) -> IfMatch {
        self.if_match.clone()
    }

    /// Runs the operation's transaction. With an `Idempotency-Key`, the answer is stored in the same
    /// transaction and a repetition gets the stored answer without running again.
    ///
    /// # Errors
    /// The closure's error; nothing was stored then, and the key may be used again.
    pub async fn write<R, E, F>(&self, work: F) -> Result<Answered<R>, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<R, E> + Send + 'static,
        R: Reply,
        E: From<StoreError> + Send + 'static,
    {
        let home = self.app.home();
        let origin = hanse_store::Origin {
            actor: self.context.caller.user_id(),
            trace: Some(self.context.trace.to_string()),
        };
        let guard = self.guard.clone();
        let place = home.clone();
        let committed = home
            .db
            .commit(async move |tx: &mut Tx| {
                tx.set_origin(origin);
                let Some(guard) = guard else { return work(tx).await.map(Answered::fresh) };
                match guard.enter(tx).await? {
                    Entered::First => {
                        let mut answer = work(tx).await?.answer();
                        if let Some(seq) = tx.last_event() {
                            answer = answer.with("hanse-position", place.position(seq));
                        }
                        guard.leave(tx, &answer).await?;
                        Ok(Answered::stored(answer))
                    }
                    Entered::Repeated(answer) => Ok(Answered::stored(answer)),
                    Entered::Reused => Ok(Answered::reused()),
                }
            })
            .await?;
        let answered = committed.value;
        Ok(match committed.last_event {
            Some(seq) if answered.is_fresh() => answered.at(home.position(seq)),
            _ => answered,
        })
    }

    /// Runs a bounded read: on a replica where the operation says that its answers may lag.
    ///
    /// # Errors
    /// The closure's error.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E>,
        E: From<StoreError>,
    {
        let db = &self.app.home().db;
        if self.lags { Box::pin(db.read_lagging(work)).await } else { db.read(work).await }
    }

    /// Runs a read that may take long.
    ///
    /// # Errors
    /// The closure's error.
    pub async fn scan<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.app.home().db.scan(work).await
    }

    /// Seals the place where a list goes on, for this caller and this operation only.
    #[must_use]
    pub fn seal_cursor<T: Serialize>(&self, place: &T) -> String {
        self.app.home().sealer.seal(&self.cursor_purpose(), place)
    }

    /// Opens a cursor that this caller got from this operation.
    ///
    /// # Errors
    /// [`KernelError::InvalidCursor`].
    pub fn open_cursor<T: DeserializeOwned>(
        &self,
        cursor: Option<&str>,
    ) -> Result<Option<T>, KernelError> {
        cursor
            .map(|text| self.app.home().sealer.open(&self.cursor_purpose(), text))
            .transpose()
            .map_err(|_| KernelError::InvalidCursor)
    }

    fn cursor_purpose(&self) -> String {
        format!("cursor {} {}", self.operation, self.user_id())
    }
}

/// Waits until the service's projections have applied the position that the client has seen. False
/// when they have not in time.
///
/// # Errors
/// [`KernelError::MalformedHeader`] for a position that is not ours.
pub(crate) async fn wait_for(home: &Home, exchange: &Exchange) -> Result<bool, KernelError> {
    let Some(value) = exchange.parts.headers.get("hanse-after") else { return Ok(true) };
    let (source, seq) = value
        .to_str()
        .ok()
        .and_then(|text| home.sealer.open_position(text).ok())
        .ok_or_else(|| KernelError::MalformedHeader("Hanse-After".into()))?;
    Ok(home.applied.wait(source, seq, PATIENCE).await)
}

impl From<PreconditionError> for KernelError {
    fn from(_: PreconditionError) -> Self {
        Self::PreconditionFailed
    }
}
