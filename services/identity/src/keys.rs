//! The keys that sign access tokens: made here, sealed at rest, rotated before anybody has to.
//!
//! Keys are numbered. The next one is made and published a day before it signs, so that every
//! verifier knows it by then; the one before stays published until its last token has ended. Which
//! key signs follows from the time alone, so processes that share a store agree without talking. Two
//! that make a key at the same moment want the same number, and one of them gets it.

use std::sync::{Arc, PoisonError, RwLock};

use hanse_http::{Claims, Sealer, Signer, TokenError, Verifier};
use hanse_store::{Db, Result, StoreError, Tx, params};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::config::IdentityConfig;
use crate::session::after;

/// How long a key is published before it signs.
const LEAD: SignedDuration = SignedDuration::from_hours(24);
/// At the least, when the process was not running at the proper time.
const SHORTEST_LEAD: SignedDuration = SignedDuration::from_hours(1);
/// Added to the life of the last token before its key is withdrawn.
const MARGIN: SignedDuration = SignedDuration::from_mins(5);

const LIVE: &str = "SELECT number, seed, active_at, retire_at FROM signing_keys
    WHERE retire_at IS NULL OR retire_at > $1 ORDER BY number";
const INSERT: &str = "INSERT INTO signing_keys (number, seed, created_at, active_at)
    VALUES ($1, $2, $3, $4) ON CONFLICT (number) DO NOTHING";
const RETIRE: &str =
    "UPDATE signing_keys SET retire_at = $2 WHERE number < $1 AND retire_at IS NULL";
const REMOVE: &str = "DELETE FROM signing_keys WHERE retire_at <= $1";

#[derive(Clone)]
struct Key {
    number: i64,
    active_at: Timestamp,
    retire_at: Option<Timestamp>,
    signer: Signer,
}

/// A signing key as an operator sees it.
#[derive(Debug, Serialize)]
pub struct SigningKey {
    /// Counts the keys.
    pub number: i64,
    /// Its `kid` in tokens and in the JWKS.
    pub id: String,
    /// `signing`, `next` (published, does not sign yet) or `retiring` (only verifies).
    pub state: &'static str,
    /// When it begins to sign.
    pub active_at: Timestamp,
    /// When it is withdrawn, once that is known.
    pub retire_at: Option<Timestamp>,
}

/// The keys of this process. Clones share them.
#[derive(Clone)]
pub struct KeyRing {
    sealer: Sealer,
    verifier: Verifier,
    rotation: SignedDuration,
    access: SignedDuration,
    keys: Arc<RwLock<Vec<Key>>>,
}

impl KeyRing {
    /// An empty ring, whose keys are sealed with `sealer` and installed in `verifier`.
    #[must_use]
    pub fn new(config: &IdentityConfig, sealer: Sealer, verifier: Verifier) -> Self {
        Self {
            sealer,
            verifier,
            rotation: SignedDuration::from_hours(24 * i64::from(config.signing_key_days)),
            access: SignedDuration::from_mins(i64::from(config.access_minutes)),
            keys: Arc::default(),
        }
    }

    /// Makes what keys are due, withdraws what has ended, and takes the rest into use.
    ///
    /// # Errors
    /// A failure of the store, or keys that were sealed under another master key.
    pub async fn rotate(&self, db: &Db) -> Result<()> {
        let this = self.clone();
        db.write::<_, StoreError, _>(async move |tx: &mut Tx| {
            let now = tx.now();
            tx.execute(REMOVE, params![now]).await?;
            let newest = this.read(tx).await?.pop();
            let active_at = match &newest {
                None => now,
                Some(key) => {
                    let planned = after(key.active_at, this.rotation);
                    if after(now, LEAD) < planned {
                        return Ok(());
                    }
                    planned.max(after(now, SHORTEST_LEAD))
                }
            };
            let number = newest.map_or(1, |key| key.number + 1);
            this.add(tx, number, active_at).await
        })
        .await?;
        self.reload(db).await
    }

    /// Takes a new key into use at once and withdraws all others: every access token ends.
    ///
    /// # Errors
    /// As [`KeyRing::rotate`].
    pub async fn replace(&self, db: &Db) -> Result<()> {
        let this = self.clone();
        db.write::<_, StoreError, _>(async move |tx: &mut Tx| {
            let now = tx.now();
            // The old seeds are not opened: after the loss of a master key this is what helps.
            let newest = "SELECT coalesce(max(number), 0) AS number FROM signing_keys";
            let number = tx.one(newest, &[]).await?.at::<i64>(0)? + 1;
            this.add(tx, number, now).await?;
            let all = "DELETE FROM signing_keys WHERE number < $1";
            tx.execute(all, params![number]).await.map(drop)
        })
        .await?;
        self.reload(db).await
    }

    /// Takes the stored keys into use, when they are others than before.
    ///
    /// # Errors
    /// As [`KeyRing::rotate`].
    pub async fn reload(&self, db: &Db) -> Result<()> {
        let this = self.clone();
        let stored =
            db.read::<_, StoreError, _>(async move |tx: &mut Tx| this.read(tx).await).await?;
        let ids =
            |keys: &[Key]| keys.iter().map(|key| key.signer.id().to_owned()).collect::<Vec<_>>();
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        if ids(&keys) != ids(&stored) {
            let public = stored.iter().map(|key| (key.signer.id().to_owned(), key.signer.public()));
            self.verifier.install(public);
            *keys = stored;
        }
        Ok(())
    }

    /// Signs with the newest key whose time has come. A clock that was set back may be before all of
    /// them; the oldest serves then, for people must still be able to sign in (DUR-16).
    ///
    /// # Errors
    /// [`TokenError`] when there is none.
    pub fn sign(&self, claims: &Claims, now: Timestamp) -> Result<String, TokenError> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let due = keys.iter().rev().find(|key| key.active_at <= now);
        let key = due.or_else(|| keys.first()).ok_or(TokenError)?;
        key.signer.sign(claims)
    }

    /// Signs a statement of another type than access tokens, such as an ID token, with the same key.
    ///
    /// # Errors
    /// As [`KeyRing::sign`]; the type of access tokens is refused.
    pub fn state<T: Serialize>(
        &self,
        kind: &str,
        claims: &T,
        now: Timestamp,
    ) -> Result<String, TokenError> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let due = keys.iter().rev().find(|key| key.active_at <= now);
        due.or_else(|| keys.first()).ok_or(TokenError)?.signer.state(kind, claims)
    }

    /// The stored keys, without their secrets.
    ///
    /// # Errors
    /// As [`KeyRing::rotate`].
    pub async fn list(&self, db: &Db) -> Result<Vec<SigningKey>> {
        let this = self.clone();
        db.read::<_, StoreError, _>(async move |tx: &mut Tx| {
            let keys = this.read(tx).await?;
            let now = tx.now();
            let signs = keys.iter().rev().find(|key| key.active_at <= now).map(|key| key.number);
            let state = |number: i64| match signs {
                Some(signing) if number < signing => "retiring",
                Some(signing) if number == signing => "signing",
                _ => "next",
            };
            let shown = |key: &Key| SigningKey {
                number: key.number,
                id: key.signer.id().to_owned(),
                state: state(key.number),
                active_at: key.active_at,
                retire_at: key.retire_at,
            };
            Ok(keys.iter().map(shown).collect())
        })
        .await
    }

    /// The published keys.
    #[must_use]
    pub fn published(&self) -> Vec<serde_json::Value> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.iter().map(|key| key.signer.jwk()).collect()
    }

    /// Ids and public keys of every key that is published.
    pub fn public(&self) -> Vec<(String, [u8; 32])> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.iter().map(|key| (key.signer.id().to_owned(), key.signer.public())).collect()
    }

    async fn add(&self, tx: &mut Tx, number: i64, active_at: Timestamp) -> Result<()> {
        let now = tx.now();
        let seed: [u8; 32] = tx.random();
        let sealed = self.sealer.seal_bytes(&purpose(number), &seed);
        if tx.execute(INSERT, params![number, sealed, now, active_at]).await? == 1 {
            let retire_at = after(after(active_at, self.access), MARGIN);
            tx.execute(RETIRE, params![number, retire_at]).await?;
        }
        Ok(())
    }

    async fn read(&self, tx: &mut Tx) -> Result<Vec<Key>> {
        let now = tx.now();
        let mut keys = Vec::new();
        for row in tx.all(LIVE, params![now]).await? {
            let number = row.at(0)?;
            let seed: [u8; 32] = self
                .sealer
                .open_bytes(&purpose(number), &row.at::<Vec<u8>>(1)?)
                .ok()
                .and_then(|seed| seed.try_into().ok())
                .ok_or(SEALED)?;
            let signer = Signer::from_seed(&seed).map_err(|_| SEALED)?;
            keys.push(Key { number, active_at: row.at(2)?, retire_at: row.at(3)?, signer });
        }
        Ok(keys)
    }
}

const SEALED: StoreError =
    StoreError::Refused("the signing keys were sealed under another master key; restore that key");

/// Binds a sealed seed to its number.
fn purpose(number: i64) -> String {
    format!("signing key {number}")
}
