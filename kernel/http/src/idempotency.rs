//! `Idempotency-Key`: a client that did not hear our answer may ask again without doing it twice.
//!
//! The key's row is written first in the operation's own transaction and completed last, so the
//! effect and the stored answer exist together or not at all. A twin that runs at the same time
//! waits for the row (SQLite has one writer; PostgreSQL's unique index makes it wait) and then gets
//! the stored answer. An operation that failed leaves no row: its key may be tried again.
//!
//! Some operations work before their transaction (they prove a password, say), and that work would
//! refuse a repetition. So a stored answer is looked for before the operation runs, and again when it
//! has refused, because its twin may have ended meanwhile.
//!
//! Stored answers can hold personal data and even tokens. They are sealed under a key that is
//! derived from the idempotency key itself, of which only a hash is stored: the database alone does
//! not reveal them. They are kept for 24 hours.

use std::marker::PhantomData;

use hanse_store::{Migration, Result, Row, Schema, StoreError, Tx, params};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::cursor::Sealer;
use crate::cx::Home;
use crate::dispatch::{Context, Exchange, ResponseBody};
use crate::error::{KernelError, Problem};
use crate::reply::{Answer, OperationDoc, Reply};

/// The table of this module, in every service database.
pub const SCHEMA: Schema = Schema {
    owner: "kernel-http",
    migrations: &[Migration {
        name: "0001_idempotency",
        sql: include_str!("../schema/0001_idempotency.sql"),
    }],
};

/// How long an answer is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// Longest key that is taken.
const LONGEST: usize = 255;

/// The idempotency of one request.
#[derive(Clone)]
pub(crate) struct Guard {
    principal: Uuid,
    operation: &'static str,
    key_hash: Vec<u8>,
    request_hash: Vec<u8>,
    sealer: Sealer,
}

pub(crate) enum Entered {
    First,
    Repeated(Answer),
    Reused,
}

const EXPIRE: &str = "DELETE FROM idempotency
    WHERE principal = $1 AND operation = $2 AND key_hash = $3 AND created_at < $4";
const CLAIM: &str = "INSERT INTO idempotency
    (principal, operation, key_hash, request_hash, created_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (principal, operation, key_hash) DO NOTHING";
const STORED: &str = "SELECT request_hash, answer FROM idempotency
    WHERE principal = $1 AND operation = $2 AND key_hash = $3";
const LOOK: &str = "SELECT request_hash, answer FROM idempotency
    WHERE principal = $1 AND operation = $2 AND key_hash = $3 AND created_at >= $4";
const STORE: &str = "UPDATE idempotency SET answer = $4
    WHERE principal = $1 AND operation = $2 AND key_hash = $3";

impl Guard {
    pub(crate) fn from_exchange(
        exchange: &Exchange,
        home: &Home,
    ) -> Result<Option<Self>, KernelError> {
        let Some(value) = exchange.parts.headers.get("idempotency-key") else { return Ok(None) };
        if exchange.parts.method != http::Method::POST {
            return Ok(None);
        }
        let key = value
            .to_str()
            .ok()
            .filter(|key| !key.is_empty() && key.len() <= LONGEST)
            .filter(|key| key.bytes().all(|byte| byte.is_ascii_graphic()))
            .ok_or_else(|| KernelError::MalformedHeader("Idempotency-Key".into()))?
            .to_owned();
        let mut request = Sha256::new();
        request.update(exchange.parts.uri.path().as_bytes());
        request.update([0]);
        request.update(&exchange.body);
        Ok(Some(Self {
            principal: exchange.context.caller.user_id().unwrap_or(Uuid::nil()),
            operation: exchange.operation.id,
            key_hash: Sha256::digest(key.as_bytes()).to_vec(),
            request_hash: request.finalize().to_vec(),
            sealer: home.sealer.with_secret(key.as_bytes()),
        }))
    }

    pub(crate) async fn enter(&self, tx: &mut Tx) -> Result<Entered> {
        let now = tx.now();
        let (hash, request) = (&self.key_hash[..], &self.request_hash[..]);
        let oldest = now.saturating_sub(KEPT).unwrap_or(Timestamp::MIN);
        tx.execute(EXPIRE, params![self.principal, self.operation, hash, oldest]).await?;
        let claim = params![self.principal, self.operation, hash, request, now];
        if tx.execute(CLAIM, claim).await? == 1 {
            return Ok(Entered::First);
        }
        let row = tx.one(STORED, params![self.principal, self.operation, hash]).await?;
        self.judge(&row)
    }

    /// The answer to a request that was answered before, or the refusal of a key that was used for
    /// another one. A store that does not answer says so when the operation runs.
    pub(crate) async fn repeated(
        &self,
        home: &Home,
        context: &Context,
    ) -> Option<http::Response<ResponseBody>> {
        let look = async |tx: &mut Tx| {
            let oldest = tx.now().saturating_sub(KEPT).unwrap_or(Timestamp::MIN);
            let key = params![self.principal, self.operation, &self.key_hash[..], oldest];
            tx.optional(LOOK, key).await?.map(|row| self.judge(&row)).transpose()
        };
        match home.db.read::<_, StoreError, _>(look).await.ok()?? {
            Entered::First => None,
            Entered::Repeated(answer) => Some(answer.into_response()),
            Entered::Reused => {
                Some(Problem::of(&KernelError::IdempotencyKeyReused).respond(context))
            }
        }
    }

    fn judge(&self, row: &Row) -> Result<Entered> {
        if row.at::<Vec<u8>>(0)? != self.request_hash {
            return Ok(Entered::Reused);
        }
        let answer = row
            .at::<Option<Vec<u8>>>(1)?
            .and_then(|sealed| self.sealer.open_bytes(&self.purpose(), &sealed).ok())
            .and_then(|plain| serde_json::from_slice(&plain).ok());
        Ok(answer.map_or(Entered::Reused, Entered::Repeated))
    }

    pub(crate) async fn leave(&self, tx: &mut Tx, answer: &Answer) -> Result<()> {
        let plain = serde_json::to_vec(answer).unwrap_or_default();
        let sealed = self.sealer.seal_bytes(&self.purpose(), &plain);
        let params = params![self.principal, self.operation, &self.key_hash[..], sealed];
        tx.execute(STORE, params).await.map(drop)
    }

    fn purpose(&self) -> String {
        format!("answer {} {}", self.principal, self.operation)
    }
}

/// Removes stored answers that are older than 24 hours.
///
/// # Errors
/// Whatever the store says.
pub async fn purge_idempotency(tx: &mut Tx) -> Result<u64> {
    let oldest: Timestamp = tx.now().saturating_sub(KEPT).unwrap_or(Timestamp::MIN);
    tx.execute("DELETE FROM idempotency WHERE created_at < $1", params![oldest]).await
}

/// Removes the stored answers of an account that is being erased.
///
/// # Errors
/// Whatever the store says.
pub async fn forget_idempotency(tx: &mut Tx, owner: Uuid) -> Result<()> {
    tx.execute("DELETE FROM idempotency WHERE principal = $1", params![owner]).await.map(drop)
}

/// The answer of an operation that writes: fresh, or the one that was given before.
pub struct Answered<R> {
    state: State<R>,
    position: Option<String>,
}

enum State<R> {
    Fresh(R),
    Stored(Answer),
    Reused(PhantomData<R>),
}

impl<R: Reply> Answered<R> {
    pub(crate) fn fresh(reply: R) -> Self {
        Self { state: State::Fresh(reply), position: None }
    }

    pub(crate) fn stored(answer: Answer) -> Self {
        Self { state: State::Stored(answer), position: None }
    }

    pub(crate) fn reused() -> Self {
        Self { state: State::Reused(PhantomData), position: None }
    }

    /// Made now, and not stored with its position in it.
    pub(crate) fn is_fresh(&self) -> bool {
        matches!(self.state, State::Fresh(_))
    }

    pub(crate) fn at(self, position: String) -> Self {
        Self { position: Some(position), ..self }
    }
}

impl<R: Reply> Reply for Answered<R> {
    fn describe(doc: &mut OperationDoc) {
        R::describe(doc);
    }

    fn answer(self) -> Answer {
        let answer = match self.state {
            State::Fresh(reply) => reply.answer(),
            State::Stored(answer) => answer,
            State::Reused(_) => return Answer::empty(422),
        };
        match self.position {
            Some(position) => answer.with("hanse-position", position),
            None => answer,
        }
    }

    fn respond(self, context: &Context) -> http::Response<ResponseBody> {
        if matches!(self.state, State::Reused(_)) {
            return Problem::of(&KernelError::IdempotencyKeyReused).respond(context);
        }
        self.answer().into_response()
    }
}
