//! A sign-in that needs more: what has been proven so far goes to the client and comes back with the
//! next factor, sealed and for ten minutes. Nothing of it is stored.

use hanse_http::Sealer;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Wish;
use super::factor::{Factor, read, write};
use super::proof::{Proven, print};
use crate::account::Account;
use crate::session::after;

/// How long the next factor may take.
const VALID: SignedDuration = SignedDuration::from_mins(10);
/// What the token is sealed for.
const PURPOSE: &str = "pending sign-in";

/// More is needed before there is a session.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(example = example())]
pub struct Pending {
    /// Send it with the next factor.
    pub pending: String,
    /// Any one of these is enough.
    pub factors: Vec<Factor>,
    /// The account has none of them yet: it has to set one up first, with this token.
    pub enrol: bool,
    /// Seconds that the token is valid.
    pub expires_in: u32,
}

fn example() -> Pending {
    Pending {
        pending: "c2VhbGVkIGFuZCBvcGFxdWU".into(),
        factors: vec![Factor::Totp, Factor::RecoveryCode],
        enrol: false,
        expires_in: 600,
    }
}

/// What a sign-in waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// One of the account's factors.
    Show,
    /// A factor, which has to be set up first.
    Enrol,
    /// Another password in the place of one that is too old.
    Renew,
}

/// What a pending token holds.
#[derive(Serialize, Deserialize)]
struct Sealed {
    id: Uuid,
    user: Uuid,
    factors: String,
    print: Option<[u8; 32]>,
    step: Step,
    wish: Wish,
    until: i64,
}

/// A pending token that was opened.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The identity of this sign-in: codes that are sent for it are good for it only.
    pub id: Uuid,
    /// What was proven.
    pub proven: Proven,
    /// What was wished for.
    pub wish: Wish,
    /// What it may be used for.
    pub step: Step,
}

pub(super) fn seal(
    sealer: &Sealer,
    id: Uuid,
    proven: &Proven,
    account: &Account,
    wish: &Wish,
    (step, factors): (Step, Vec<Factor>),
    now: Timestamp,
) -> Pending {
    let sealed = Sealed {
        id,
        user: account.id,
        factors: write(proven.factors()),
        print: proven.password().map(|_| print(&account.password)),
        step,
        wish: wish.clone(),
        until: after(now, VALID).as_second(),
    };
    Pending {
        pending: sealer.seal(PURPOSE, &sealed),
        factors,
        enrol: step == Step::Enrol,
        expires_in: u32::try_from(VALID.as_secs()).unwrap_or(u32::MAX),
    }
}

/// Opens a pending token that is still valid.
#[must_use]
pub fn open(sealer: &Sealer, token: &str, now: Timestamp) -> Option<Opened> {
    let sealed: Sealed = sealer.open(PURPOSE, token).ok()?;
    if sealed.until <= now.as_second() {
        return None;
    }
    let proven = Proven::again(sealed.user, read(&sealed.factors), sealed.print);
    Some(Opened { id: sealed.id, proven, wish: sealed.wish, step: sealed.step })
}
