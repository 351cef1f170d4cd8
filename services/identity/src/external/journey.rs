//! What a browser carries while its person is at an issuer: a sealed cookie, so that nothing is stored
//! for somebody who never comes back, and nobody comes back in another browser.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hanse_http::{Home, SetCookie, Visit};
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::session::after;

/// How long a journey may take, in seconds.
const LIFE: u32 = 600;
/// Longest next page that is carried; a cookie has little room.
pub(super) const LONGEST_NEXT: usize = 900;

/// On the way to an issuer.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Journey {
    pub(super) issuer: String,
    pub(super) state: String,
    pub(super) nonce: String,
    pub(super) verifier: String,
    pub(super) next: String,
    until: Timestamp,
}

/// Back from it, and about to be linked to the account of this address.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Arrival {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) email: String,
    pub(super) next: String,
    pub(super) until: Timestamp,
    /// The password of the account was typed: what is missing is its second factor.
    pub(super) confirmed: bool,
}

impl Journey {
    pub(super) fn new(home: &Home, issuer: &str, next: &str) -> Self {
        let random = || URL_SAFE_NO_PAD.encode(home.db.ids().random::<32>());
        let next = if next.len() <= LONGEST_NEXT { next } else { "" };
        Self {
            issuer: issuer.to_owned(),
            state: random(),
            nonce: random(),
            verifier: random(),
            next: next.to_owned(),
            until: until(home),
        }
    }

    pub(super) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.as_bytes()))
    }

    pub(super) fn pack(&self, home: &Home) -> SetCookie {
        SetCookie::lasting(TO, &home.sealer.seal(TO, self), LIFE)
    }

    pub(super) fn unpack(home: &Home, visit: &Visit) -> Option<Self> {
        let journey: Self = open(home, visit, TO)?;
        (journey.until > home.db.clock().now()).then_some(journey)
    }
}

impl Arrival {
    pub(super) fn pack(&self, home: &Home) -> SetCookie {
        SetCookie::lasting(BACK, &home.sealer.seal(BACK, self), LIFE)
    }

    pub(super) fn unpack(home: &Home, visit: &Visit) -> Option<Self> {
        let arrival: Self = open(home, visit, BACK)?;
        (arrival.until > home.db.clock().now()).then_some(arrival)
    }
}

/// When a journey that begins now is over.
pub(super) fn until(home: &Home) -> Timestamp {
    after(home.db.clock().now(), SignedDuration::from_secs(LIFE.into()))
}

/// Takes both cookies away.
pub(crate) fn forget() -> [SetCookie; 2] {
    [SetCookie::removed(TO), SetCookie::removed(BACK)]
}

const TO: &str = "external";
const BACK: &str = "external-link";

fn open<T: DeserializeOwned>(home: &Home, visit: &Visit, name: &str) -> Option<T> {
    home.sealer.open(name, visit.cookie(name)?).ok()
}
