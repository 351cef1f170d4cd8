//! Access tokens, verified in every process (zero trust: no hop believes another's word).
//!
//! A token is a JWT (RFC 9068 profile) signed with EdDSA. Its header must be exactly what we issue:
//! algorithm, type, and the id of one of our keys. One algorithm is bound to one key; everything
//! else a header could carry (`jwk`, `jku`, `x5c`, `crit`, `b64`…) makes the token invalid rather than
//! interesting. A verdict is cached by the hash of the *whole* token until the token ends.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hanse_cache::LocalCache;
use hanse_store::Clock;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::caller::{Principal, Role};
use crate::scope::Scope;

/// Longer tokens are not ours.
const LONGEST: usize = 4096;
/// Verdicts kept.
const CACHED: u64 = 50_000;
/// Clocks of two machines may differ by this many seconds.
const SKEW: i64 = 5;

/// What an access token says (RFC 9068).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Claims {
    /// Issuer.
    pub iss: String,
    /// Audience.
    pub aud: String,
    /// Account.
    pub sub: Uuid,
    /// Session.
    pub sid: Uuid,
    /// Identity of the token.
    pub jti: Uuid,
    /// Roles by name.
    pub roles: Vec<String>,
    /// Issued at, seconds.
    pub iat: i64,
    /// Ends at, seconds.
    pub exp: i64,
    /// How the account was proven: names of RFC 8176.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// How well: `aal1`, `aal2` or `phr`. A machine's token says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// When it was proven, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// What it is limited to; everything that the account may do when it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The program it was made for, when that is another than our own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Who acts for the account (RFC 8693, section 4.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Actor>,
}

/// Somebody who acts for somebody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The account or the program that acts.
    pub sub: String,
    /// For whom that one acts itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<Actor>>,
}

/// The token is not valid. Deliberately says no more.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the access token is not valid")]
pub struct TokenError;

/// Exactly the header that we issue.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StrictHeader {
    alg: String,
    typ: String,
    kid: String,
}

/// Sessions and accounts whose tokens count no more, although they have not ended.
#[derive(Clone, Default)]
pub struct Revocations {
    until: Arc<RwLock<HashMap<Uuid, Timestamp>>>,
    /// Is there any? Most requests need no lock to learn that there is none.
    any: Arc<AtomicBool>,
}

impl Revocations {
    /// Refuses all tokens of a session or an account. Kept until `until`, when the last of them has
    /// ended anyway.
    pub fn revoke(&self, id: Uuid, until: Timestamp, now: Timestamp) {
        let mut ids = self.until.write().unwrap_or_else(PoisonError::into_inner);
        if ids.len() % 1024 == 1023 {
            ids.retain(|_, until| *until > now);
        }
        ids.insert(id, until);
        self.any.store(true, Ordering::Release);
    }

    fn covers(&self, principal: &Principal) -> bool {
        if !self.any.load(Ordering::Acquire) {
            return false;
        }
        let ids = self.until.read().unwrap_or_else(PoisonError::into_inner);
        ids.contains_key(&principal.session_id) || ids.contains_key(&principal.user_id)
    }
}

/// Verifies access tokens. Cheap to clone; clones share keys, cache and revocations.
#[derive(Clone)]
pub struct Verifier {
    inner: Arc<Inner>,
}

struct Inner {
    issuer: String,
    audience: String,
    clock: Clock,
    keys: RwLock<BTreeMap<String, DecodingKey>>,
    /// How often keys were installed.
    installed: AtomicU64,
    verdicts: LocalCache<[u8; 32], Arc<Principal>>,
    revocations: Revocations,
}

impl Verifier {
    /// A verifier without keys, for tokens of this issuer and audience.
    #[must_use]
    pub fn new(issuer: &str, audience: &str, clock: Clock) -> Self {
        Self {
            inner: Arc::new(Inner {
                issuer: issuer.to_owned(),
                audience: audience.to_owned(),
                clock,
                keys: RwLock::default(),
                installed: AtomicU64::new(0),
                verdicts: LocalCache::new(CACHED, |_, _| 1),
                revocations: Revocations::default(),
            }),
        }
    }

    /// The issuer and audience that tokens must name.
    #[must_use]
    pub fn names(&self) -> (&str, &str) {
        (&self.inner.issuer, &self.inner.audience)
    }

    /// Replaces the keys: key id to Ed25519 public key (32 bytes). Cached verdicts are dropped, so
    /// tokens of a removed key are refused at once.
    pub fn install(&self, keys: impl IntoIterator<Item = (String, [u8; 32])>) {
        let keys = keys.into_iter().map(|(id, key)| (id, DecodingKey::from_ed_der(&key))).collect();
        *self.inner.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        // First counted, then cleared: a verdict by the old keys is either cleared or seen to be late.
        self.inner.installed.fetch_add(1, Ordering::AcqRel);
        self.inner.verdicts.clear();
    }

    /// Sessions and accounts that count no more.
    #[must_use]
    pub fn revocations(&self) -> &Revocations {
        &self.inner.revocations
    }

    /// The account that a token speaks for.
    ///
    /// # Errors
    /// [`TokenError`] for anything that is not a valid token of ours.
    pub fn verify(&self, token: &str) -> Result<Arc<Principal>, TokenError> {
        if token.len() > LONGEST {
            return Err(TokenError);
        }
        let now = self.inner.clock.now();
        let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let principal = match self.inner.verdicts.get(&hash) {
            Some(principal) => principal,
            None => {
                let installed = self.inner.installed.load(Ordering::Acquire);
                let principal = Arc::new(self.check(token, now)?);
                let left = principal.expires_at.duration_since(now);
                let left = Duration::try_from(left).unwrap_or_default();
                self.inner.verdicts.insert(hash, Arc::clone(&principal), left);
                // Keys that were replaced meanwhile may have left with this one among them.
                if self.inner.installed.load(Ordering::Acquire) != installed {
                    self.inner.verdicts.remove(&hash);
                    self.check(token, now)?;
                }
                principal
            }
        };
        if principal.expires_at <= now || self.inner.revocations.covers(&principal) {
            return Err(TokenError);
        }
        Ok(principal)
    }

    /// Do this principal's tokens still count? For whoever serves them for longer than a request.
    #[must_use]
    pub fn still_holds(&self, principal: &Principal) -> bool {
        principal.expires_at > self.inner.clock.now() && !self.inner.revocations.covers(principal)
    }

    fn check(&self, token: &str, now: Timestamp) -> Result<Principal, TokenError> {
        let (header, _) = token.split_once('.').ok_or(TokenError)?;
        let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| TokenError)?;
        let header: StrictHeader = serde_json::from_slice(&header).map_err(|_| TokenError)?;
        if header.typ != "at+jwt" || Algorithm::from_str(&header.alg) != Ok(Algorithm::EdDSA) {
            return Err(TokenError);
        }
        let key = {
            let keys = self.inner.keys.read().unwrap_or_else(PoisonError::into_inner);
            keys.get(&header.kid).cloned().ok_or(TokenError)?
        };
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.set_issuer(&[&self.inner.issuer]);
        rules.set_audience(&[&self.inner.audience]);
        // The library reads the machine's clock; time is checked below with ours.
        rules.validate_exp = false;
        let claims = decode::<Claims>(token, &key, &rules).map_err(|_| TokenError)?.claims;
        let second = |seconds| Timestamp::from_second(seconds).map_err(|_| TokenError);
        let expires_at = second(claims.exp)?;
        if expires_at <= now || claims.iat > now.as_second() + SKEW {
            return Err(TokenError);
        }
        // A scope that cannot be read must not become none, which is everything.
        let scope = claims.scope.as_deref().map(Scope::parse).transpose();
        Ok(Principal {
            user_id: claims.sub,
            session_id: claims.sid,
            roles: claims.roles.iter().filter_map(|name| Role::parse(name)).collect(),
            expires_at,
            scope: scope.map_err(|_| TokenError)?,
            actor: claims.act.map(|actor| actor.sub),
        })
    }
}
