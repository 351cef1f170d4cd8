//! What the authenticator says (WebAuthn, section 6.1): for which site, what it did, and its key.

use sha2::{Digest, Sha256};

use super::cbor::Reader;
use super::key::PublicKey;
use super::{Invalid, Site};

/// Longest name of a credential (section 7.1).
const LONGEST_ID: usize = 1023;

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const BACKUP_ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const HAS_CREDENTIAL: u8 = 0x40;
const HAS_EXTENSIONS: u8 = 0x80;

/// Authenticator data that was read to its end.
#[derive(Debug)]
pub(super) struct AuthenticatorData {
    /// A PIN or a body was checked.
    pub(super) verified: bool,
    pub(super) backup_eligible: bool,
    pub(super) backed_up: bool,
    pub(super) counter: u32,
    /// A new credential: its name and its key.
    pub(super) credential: Option<Credential>,
}

impl AuthenticatorData {
    /// Reads it. It must be for this site, and somebody must have been present.
    pub(super) fn read(bytes: &[u8], site: &Site) -> Result<Self, Invalid> {
        let (hash, rest) = bytes.split_first_chunk::<32>().ok_or(Invalid)?;
        let (&[flags], rest) = rest.split_first_chunk::<1>().ok_or(Invalid)?;
        let (counter, mut rest) = rest.split_first_chunk::<4>().ok_or(Invalid)?;
        let is = |flag: u8| flags & flag != 0;
        let domain = site.domain.as_deref().ok_or(Invalid)?;
        if *hash != <[u8; 32]>::from(Sha256::digest(domain)) || !is(USER_PRESENT) {
            return Err(Invalid);
        }
        // What cannot be copied was not copied.
        if is(BACKED_UP) && !is(BACKUP_ELIGIBLE) {
            return Err(Invalid);
        }
        let mut credential = None;
        if is(HAS_CREDENTIAL) {
            let (found, after) = attested(rest)?;
            (credential, rest) = (Some(found), after);
        }
        if is(HAS_EXTENSIONS) {
            let mut reader = Reader::new(rest);
            reader.skip()?;
            rest = reader.rest();
        }
        if !rest.is_empty() {
            return Err(Invalid);
        }
        Ok(Self {
            verified: is(USER_VERIFIED),
            backup_eligible: is(BACKUP_ELIGIBLE),
            backed_up: is(BACKED_UP),
            counter: u32::from_be_bytes(*counter),
            credential,
        })
    }
}

/// The name and the key of a credential.
type Credential = (Vec<u8>, PublicKey);

/// A credential, and what follows it. The model of the authenticator is not looked at.
fn attested(bytes: &[u8]) -> Result<(Credential, &[u8]), Invalid> {
    let (_model, rest) = bytes.split_first_chunk::<16>().ok_or(Invalid)?;
    let (length, rest) = rest.split_first_chunk::<2>().ok_or(Invalid)?;
    let length = usize::from(u16::from_be_bytes(*length));
    if length == 0 || length > LONGEST_ID {
        return Err(Invalid);
    }
    let (id, rest) = rest.split_at_checked(length).ok_or(Invalid)?;
    let mut reader = Reader::new(rest);
    let key = PublicKey::read(&mut reader)?;
    Ok(((id.to_vec(), key), reader.rest()))
}
