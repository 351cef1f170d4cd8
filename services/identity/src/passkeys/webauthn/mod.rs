//! Web Authentication, the part of a relying party (W3C, Level 3, sections 7.1 and 7.2): pure, without
//! a store, a clock or chance.
//!
//! It is as short as it is because nobody's authenticator is asked where it was made: attestation is
//! not wanted, and one that comes uninvited is not looked at. What is left is to compare every field with
//! what was asked, and one signature, which libraries check. See docs/adr/0017-passkeys-are-checked-here.md.
//!
//! What it never does: say which of the comparisons failed, or keep a challenge. Whoever calls it has
//! taken the challenge out of the store before, so that it is good for one answer only.

mod authenticator;
mod cbor;
pub(crate) mod client_data;
mod key;
mod site;

use sha2::{Digest, Sha256};

pub(crate) use key::{ALGORITHMS, PublicKey};
pub(crate) use site::Site;

use authenticator::AuthenticatorData;
use cbor::Reader;
use client_data::Ceremony;

/// It does not prove anything. Deliberately no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the authenticator's answer is not valid")]
pub(crate) struct Invalid;

/// Why a use of a credential is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It does not prove anything.
    Invalid,
    /// It was signed by the right key, and its counter shows that there are two of that.
    Copied,
}

impl From<Invalid> for Refused {
    fn from(_: Invalid) -> Self {
        Self::Invalid
    }
}

/// Must the authenticator have checked by a PIN or a body who it was?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verification {
    Required,
    Preferred,
}

/// A new credential.
#[derive(Debug)]
pub(crate) struct Registered {
    pub(crate) credential_id: Vec<u8>,
    pub(crate) public_key: PublicKey,
    pub(crate) verified: bool,
    pub(crate) counter: u32,
    pub(crate) backup_eligible: bool,
    pub(crate) backed_up: bool,
}

/// What a credential was when it was last seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'a> {
    pub(crate) public_key: &'a PublicKey,
    pub(crate) counter: u32,
    pub(crate) backup_eligible: bool,
}

/// A use of a credential.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used {
    pub(crate) verified: bool,
    pub(crate) counter: u32,
    pub(crate) backed_up: bool,
}

/// What an authenticator signed, as the browser passed it on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Assertion<'a> {
    pub(crate) client_data: &'a [u8],
    pub(crate) authenticator_data: &'a [u8],
    pub(crate) signature: &'a [u8],
}

/// Checks the answer to a registration's challenge (section 7.1).
///
/// # Errors
/// [`Invalid`] when anything is not as it must be.
pub(crate) fn register(
    site: &Site,
    challenge: &str,
    client_data: &[u8],
    attestation: &[u8],
) -> Result<Registered, Invalid> {
    client_data::check(client_data, Ceremony::Registration, challenge, site)?;
    let data = AuthenticatorData::read(attested_data(attestation)?, site)?;
    let (credential_id, public_key) = data.credential.ok_or(Invalid)?;
    Ok(Registered {
        credential_id,
        public_key,
        verified: data.verified,
        counter: data.counter,
        backup_eligible: data.backup_eligible,
        backed_up: data.backed_up,
    })
}

/// Checks the answer to a sign-in's challenge (section 7.2).
///
/// # Errors
/// [`Refused`]: when anything is not as it must be, or when the counter shows that there are two
/// authenticators with the same key.
pub(crate) fn sign_in(
    site: &Site,
    challenge: &str,
    assertion: Assertion<'_>,
    known: Known<'_>,
    verification: Verification,
) -> Result<Used, Refused> {
    client_data::check(assertion.client_data, Ceremony::SignIn, challenge, site)?;
    let data = AuthenticatorData::read(assertion.authenticator_data, site)?;
    let refused = (verification == Verification::Required && !data.verified)
        || data.backup_eligible != known.backup_eligible;
    if refused {
        return Err(Refused::Invalid);
    }
    let hash = Sha256::digest(assertion.client_data);
    let message = [assertion.authenticator_data, &hash].concat();
    known.public_key.verify(&message, assertion.signature)?;
    // One that counts counts on; most passkeys do not, since they are on several devices.
    let counts = data.counter > 0 || known.counter > 0;
    if counts && data.counter <= known.counter {
        return Err(Refused::Copied);
    }
    Ok(Used { verified: data.verified, counter: data.counter, backed_up: data.backed_up })
}

/// The authenticator data of an attestation object; the attestation itself is passed over.
fn attested_data(object: &[u8]) -> Result<&[u8], Invalid> {
    let mut reader = Reader::new(object);
    let (mut data, pairs) = (None, reader.map()?);
    for _ in 0..pairs {
        match reader.text()? {
            "authData" if data.is_none() => data = Some(reader.bytes()?),
            "fmt" => reader.text().map(drop)?,
            "attStmt" => reader.skip()?,
            _ => return Err(Invalid),
        }
    }
    data.filter(|_| reader.rest().is_empty()).ok_or(Invalid)
}
