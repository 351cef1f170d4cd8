//! How the processes of one installation know each other.
//!
//! They share the master key, so each can prove that it holds it: a request of one to another carries
//! `Authorization: Hanse-Peer <second>.<code>`, where the code is an HMAC-SHA256 of the second under
//! a key derived from the master key. It is good for half a minute around its second, since clocks
//! differ. Whoever has no credentials gets nothing; where the network between the processes is not
//! trusted, it is to be encrypted too, or a code could be seen and used again in that time.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use http::HeaderValue;
use jiff::Timestamp;
use sha2::Sha256;

/// The scheme of the Authorization header.
pub(crate) const SCHEME: &str = "Hanse-Peer";
/// How far a code's second may be from ours.
const SKEW: i64 = 30;
/// What a sealed message begins with: no second is so long, so a seal is no credential.
const SEALED: &[u8] = b"sealed message ";
/// Bytes of a seal.
const SEAL: usize = 16;

/// What the processes of an installation share.
#[derive(Clone)]
pub struct PeerKey {
    code: Hmac<Sha256>,
}

impl PeerKey {
    /// The key itself; derive it from the master key.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        // HMAC pads a short key with zeros to the size of a block.
        let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
        for (place, byte) in block.iter_mut().zip(key) {
            *place = *byte;
        }
        let mut code = <Hmac<Sha256> as hmac::digest::KeyInit>::new(&block);
        code.update(b"hanse peer ");
        Self { code }
    }

    /// The value of `Authorization` for a request that is sent now.
    #[must_use]
    pub fn authorization(&self, now: Timestamp) -> HeaderValue {
        let second = now.as_second();
        let code = self.code.clone().chain_update(second.to_be_bytes()).finalize().into_bytes();
        let text = format!("{SCHEME} {second}.{}", URL_SAFE_NO_PAD.encode(code));
        let mut value = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }

    /// A code over `what` that only the installation's processes can make; it says nothing of when.
    #[must_use]
    pub fn seal(&self, what: &[u8]) -> [u8; SEAL] {
        let code = self.code.clone().chain_update(SEALED).chain_update(what).finalize();
        let mut seal = [0; SEAL];
        seal.iter_mut().zip(code.into_bytes()).for_each(|(to, from)| *to = from);
        seal
    }

    /// Did one of the installation's processes seal this?
    #[must_use]
    pub fn sealed(&self, what: &[u8], seal: &[u8]) -> bool {
        let code = self.code.clone().chain_update(SEALED).chain_update(what);
        seal.len() == SEAL && code.verify_truncated_left(seal).is_ok()
    }

    /// Has somebody with our key made these credentials just now?
    #[must_use]
    pub fn proves(&self, credentials: &str, now: Timestamp) -> bool {
        let Some((second, code)) = credentials.split_once('.') else { return false };
        let (Ok(second), Ok(code)) = (second.parse::<i64>(), URL_SAFE_NO_PAD.decode(code)) else {
            return false;
        };
        second.abs_diff(now.as_second()) <= SKEW.unsigned_abs()
            && self.code.clone().chain_update(second.to_be_bytes()).verify_slice(&code).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn only_the_same_key_proves_and_only_for_a_moment() {
        let now: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
        let key = PeerKey::new(&[1; 32]);
        let value = key.authorization(now);
        let (scheme, credentials) = value.to_str().unwrap().split_once(' ').unwrap();
        assert_eq!(scheme, SCHEME);
        assert!(key.proves(credentials, now));
        assert!(key.proves(credentials, now + SignedDuration::from_secs(29)));
        assert!(!key.proves(credentials, now + SignedDuration::from_secs(31)));
        assert!(!key.proves(credentials, now - SignedDuration::from_secs(31)));
        assert!(!PeerKey::new(&[2; 32]).proves(credentials, now));
        let (_, code) = credentials.split_once('.').unwrap();
        let later = format!("{}.{code}", now.as_second() + 1);
        for forged in [later.as_str(), "", ".", "1.", code, "9223372036854775807.AAAA", "x.y"] {
            assert!(!key.proves(forged, now), "{forged}");
        }
    }

    #[test]
    fn a_seal_is_for_one_message_of_one_installation() {
        let key = PeerKey::new(&[1; 32]);
        let seal = key.seal(b"here I am");
        assert!(key.sealed(b"here I am", &seal));
        assert!(!key.sealed(b"here I was", &seal));
        assert!(!PeerKey::new(&[2; 32]).sealed(b"here I am", &seal));
        for cut in 0..seal.len() {
            assert!(!key.sealed(b"here I am", &seal[..cut]));
        }
    }
}
