//! The keys that sign access tokens: made here, sealed at rest, rotated before anybody has to.
//!
//! Keys are numbered. The next one is made and published a day before it signs, so that every
//! verifier knows it by then; the one before stays published until its last token has ended. Which
//! key signs follows from the time alone, so processes that share a store agree without talking. Two
//! that make a key at the same moment want the same number, and one of them gets it.
//!
//! A program may want its ID tokens signed by RS256. When the first one does, every live key gets an RSA
//! key beside it, and so does every later one, so that both are rotated as one.

use std::sync::{Arc, PoisonError, RwLock};

use hanse_http::{Claims, Sealer, Signer, TokenError, Verifier};
use hanse_store::{Db, Ids, Result, StoreError, Tx, params};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::IdentityConfig;
use crate::rsa::{self, RsaSigner};
use crate::session::after;

/// How long a key is published before it signs.
const LEAD: SignedDuration = SignedDuration::from_hours(24);
/// At the least, when the process was not running at the proper time.
const SHORTEST_LEAD: SignedDuration = SignedDuration::from_hours(1);
/// Added to the life of the last token before its key is withdrawn.
const MARGIN: SignedDuration = SignedDuration::from_mins(5);

const LIVE: &str = "SELECT number, seed, active_at, retire_at, rsa FROM signing_keys
    WHERE retire_at IS NULL OR retire_at > $1 ORDER BY number";
const INSERT: &str = "INSERT INTO signing_keys (number, seed, created_at, active_at, rsa)
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (number) DO NOTHING";
const RETIRE: &str =
    "UPDATE signing_keys SET retire_at = $2 WHERE number < $1 AND retire_at IS NULL";
const RSA_USED: &str = "SELECT count(*) AS used FROM signing_keys WHERE rsa IS NOT NULL";
const ADD_RSA: &str = "UPDATE signing_keys SET rsa = $2 WHERE number = $1 AND rsa IS NULL";
const REMOVE: &str = "DELETE FROM signing_keys WHERE retire_at <= $1";

#[derive(Clone)]
struct Key {
    number: i64,
    active_at: Timestamp,
    retire_at: Option<Timestamp>,
    signer: Signer,
    rsa: Option<RsaSigner>,
}

/// How something is signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Algorithm {
    /// Ed25519 (RFC 8037).
    #[default]
    EdDSA,
    /// RSA with PKCS#1 v1.5 and SHA-256, for programs that cannot verify the other.
    RS256,
}

impl Algorithm {
    /// The name that the standards give it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::EdDSA => "EdDSA",
            Self::RS256 => "RS256",
        }
    }

    /// The algorithm of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::EdDSA, Self::RS256].into_iter().find(|algorithm| algorithm.name() == name)
    }
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
    ids: Ids,
    keys: Arc<RwLock<Vec<Key>>>,
}

impl KeyRing {
    /// An empty ring, whose keys are sealed with `sealer` and installed in `verifier`.
    #[must_use]
    pub fn new(config: &IdentityConfig, sealer: Sealer, verifier: Verifier, ids: Ids) -> Self {
        Self {
            sealer,
            verifier,
            rotation: SignedDuration::from_hours(24 * i64::from(config.signing_key_days)),
            access: SignedDuration::from_mins(i64::from(config.access_minutes)),
            ids,
            keys: Arc::default(),
        }
    }

    /// Makes what keys are due, withdraws what has ended, and takes the rest into use.
    ///
    /// # Errors
    /// A failure of the store, or keys that were sealed under another master key.
    pub async fn rotate(&self, db: &Db) -> Result<()> {
        self.reload(db).await?;
        let this = self.clone();
        let due = async move |tx: &mut Tx| this.due(tx).await;
        let due = db.read::<_, StoreError, _>(due).await?;
        let rsa = self.rsa_beside(db, due.is_some()).await?;
        let this = self.clone();
        db.write::<_, StoreError, _>(async move |tx: &mut Tx| {
            let now = tx.now();
            tx.execute(REMOVE, params![now]).await?;
            match this.due(tx).await? {
                Some((number, active_at)) => this.add(tx, number, active_at, rsa).await,
                None => Ok(()),
            }
        })
        .await?;
        self.reload(db).await
    }

    /// The number of the key that is due, and when it begins to sign.
    async fn due(&self, tx: &mut Tx) -> Result<Option<(i64, Timestamp)>> {
        let now = tx.now();
        let newest = self.read(tx).await?.pop();
        let active_at = match &newest {
            None => now,
            Some(key) => {
                let planned = after(key.active_at, self.rotation);
                if after(now, LEAD) < planned {
                    return Ok(None);
                }
                planned.max(after(now, SHORTEST_LEAD))
            }
        };
        Ok(Some((newest.map_or(1, |key| key.number + 1), active_at)))
    }

    /// Gives every live key an RSA key beside it, so that programs can have ID tokens signed by RS256.
    ///
    /// # Errors
    /// As [`KeyRing::rotate`].
    pub async fn offer_rsa(&self, db: &Db) -> Result<()> {
        self.reload(db).await?;
        let without: Vec<i64> = {
            let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
            keys.iter().filter(|key| key.rsa.is_none()).map(|key| key.number).collect()
        };
        for number in without {
            let der = new_rsa(db).await?;
            let sealed = self.sealer.seal_bytes(&rsa_purpose(number), &der);
            db.write::<_, StoreError, _>(async move |tx: &mut Tx| {
                tx.execute(ADD_RSA, params![number, sealed]).await.map(drop)
            })
            .await?;
        }
        self.reload(db).await
    }

    /// An RSA key for a new key, when one is wanted and programs use them.
    async fn rsa_beside(&self, db: &Db, wanted: bool) -> Result<Option<Vec<u8>>> {
        // Asked of the store: nothing has to be opened for it.
        let used = async |tx: &mut Tx| tx.one(RSA_USED, &[]).await?.at::<i64>(0);
        let used = wanted && db.read::<_, StoreError, _>(used).await? > 0;
        if used { new_rsa(db).await.map(Some) } else { Ok(None) }
    }

    /// Takes a new key into use at once and withdraws all others: every access token ends.
    ///
    /// # Errors
    /// As [`KeyRing::rotate`].
    pub async fn replace(&self, db: &Db) -> Result<()> {
        let rsa = self.rsa_beside(db, true).await?;
        let this = self.clone();
        db.write::<_, StoreError, _>(async move |tx: &mut Tx| {
            let now = tx.now();
            // The old seeds are not opened: after the loss of a master key this is what helps.
            let newest = "SELECT coalesce(max(number), 0) AS number FROM signing_keys";
            let number = tx.one(newest, &[]).await?.at::<i64>(0)? + 1;
            this.add(tx, number, now, rsa).await?;
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
        let ids = |keys: &[Key]| {
            let both = |key: &Key| (key.signer.id().to_owned(), key.rsa.is_some());
            keys.iter().map(both).collect::<Vec<_>>()
        };
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

    /// Signs a statement of another type than access tokens, such as an ID token, with the same key, or
    /// the RSA key beside it.
    ///
    /// # Errors
    /// As [`KeyRing::sign`]; the type of access tokens is refused.
    pub fn state<T: Serialize>(
        &self,
        kind: &str,
        claims: &T,
        (algorithm, now): (Algorithm, Timestamp),
    ) -> Result<String, TokenError> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let due = keys.iter().rev().find(|key| key.active_at <= now);
        let key = due.or_else(|| keys.first()).ok_or(TokenError)?;
        match algorithm {
            Algorithm::EdDSA => key.signer.state(kind, claims),
            Algorithm::RS256 => {
                let rsa = key.rsa.as_ref().ok_or(TokenError)?;
                rsa.state(kind, claims).map_err(|_| TokenError)
            }
        }
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
        let rsa = keys.iter().filter_map(|key| key.rsa.as_ref()).map(RsaSigner::jwk);
        keys.iter().map(|key| key.signer.jwk()).chain(rsa).collect()
    }

    /// Ids and public keys of every key that is published.
    pub fn public(&self) -> Vec<(String, [u8; 32])> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.iter().map(|key| (key.signer.id().to_owned(), key.signer.public())).collect()
    }

    async fn add(
        &self,
        tx: &mut Tx,
        number: i64,
        active_at: Timestamp,
        rsa: Option<Vec<u8>>,
    ) -> Result<()> {
        let now = tx.now();
        let seed: [u8; 32] = tx.random();
        let sealed = self.sealer.seal_bytes(&purpose(number), &seed);
        let rsa = rsa.map(|der| self.sealer.seal_bytes(&rsa_purpose(number), &der));
        if tx.execute(INSERT, params![number, sealed, now, active_at, rsa]).await? == 1 {
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
            let rsa = match row.at::<Option<Vec<u8>>>(4)? {
                Some(sealed) => {
                    let der = self.sealer.open_bytes(&rsa_purpose(number), &sealed);
                    let der = der.map_err(|_| SEALED)?;
                    Some(RsaSigner::read(&der, &self.ids).map_err(|_| SEALED)?)
                }
                None => None,
            };
            keys.push(Key { number, active_at: row.at(2)?, retire_at: row.at(3)?, signer, rsa });
        }
        Ok(keys)
    }
}

const SEALED: StoreError =
    StoreError::Refused("the signing keys were sealed under another master key; restore that key");

/// A new RSA key, made beside the threads that serve requests.
async fn new_rsa(db: &Db) -> Result<Vec<u8>> {
    let ids = db.ids().clone();
    let made = tokio::task::spawn_blocking(move || rsa::generate(&ids)).await;
    made.ok().and_then(std::result::Result::ok).ok_or(StoreError::Refused("no RSA key can be made"))
}

/// Binds a sealed RSA key to its number.
fn rsa_purpose(number: i64) -> String {
    format!("signing key {number} rsa")
}

/// Binds a sealed seed to its number.
fn purpose(number: i64) -> String {
    format!("signing key {number}")
}
