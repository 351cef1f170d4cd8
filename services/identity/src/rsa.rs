//! RS256, for programs that cannot verify EdDSA: ID tokens and logout tokens only. No verifier of the
//! platform takes it, so an access token is never signed so.
//!
//! Each signature is blinded: the time it takes says nothing of the key (the crate's arithmetic is not
//! constant in time).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hanse_store::Ids;
use rsa::RsaPrivateKey;
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use rsa::rand_core::{CryptoRng, Error, RngCore};
use rsa::signature::{RandomizedSigner as _, SignatureEncoding as _};
use rsa::traits::PublicKeyParts as _;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Bits of a key.
const BITS: usize = 2048;

/// The key cannot be made, read or used.
#[derive(Debug, thiserror::Error)]
#[error("an RSA key cannot be used")]
pub(crate) struct RsaError;

/// A key that signs by RS256.
#[derive(Clone)]
pub(crate) struct RsaSigner {
    id: String,
    jwk: Value,
    key: SigningKey<Sha256>,
    ids: Ids,
}

/// A new key, to be sealed and stored (PKCS#8). It takes a good part of a second: not for the threads
/// that serve requests, and not inside a transaction.
pub(crate) fn generate(ids: &Ids) -> Result<Vec<u8>, RsaError> {
    let key = RsaPrivateKey::new(&mut Chance(ids.clone()), BITS).map_err(|_| RsaError)?;
    Ok(key.to_pkcs8_der().map_err(|_| RsaError)?.as_bytes().to_vec())
}

impl RsaSigner {
    /// The signer of a key that [`generate`] made. Its id is derived from the public key.
    pub(crate) fn read(der: &[u8], ids: &Ids) -> Result<Self, RsaError> {
        let key = RsaPrivateKey::from_pkcs8_der(der).map_err(|_| RsaError)?;
        let (modulus, exponent) = (key.n().to_bytes_be(), key.e().to_bytes_be());
        let digest = Sha256::digest(&modulus);
        let id = URL_SAFE_NO_PAD.encode(digest.get(..12).unwrap_or_default());
        let jwk = json!({
            "kty": "RSA", "alg": "RS256", "use": "sig", "kid": id,
            "n": URL_SAFE_NO_PAD.encode(modulus), "e": URL_SAFE_NO_PAD.encode(exponent),
        });
        Ok(Self { id, jwk, key: SigningKey::new(key), ids: ids.clone() })
    }

    /// The public key (RFC 7518, section 6.3).
    pub(crate) fn jwk(&self) -> Value {
        self.jwk.clone()
    }

    /// A signed statement of this type, which must not be that of access tokens.
    pub(crate) fn state<T: Serialize>(&self, kind: &str, claims: &T) -> Result<String, RsaError> {
        if kind.eq_ignore_ascii_case("at+jwt") {
            return Err(RsaError);
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = json!({ "typ": kind, "alg": "RS256", "kid": self.id });
        let claims = serde_json::to_value(claims).map_err(|_| RsaError)?;
        let said = format!("{}.{}", part(&header), part(&claims));
        let mut chance = Chance(self.ids.clone());
        let signature = self.key.try_sign_with_rng(&mut chance, said.as_bytes());
        let signature = signature.map_err(|_| RsaError)?.to_bytes();
        Ok(format!("{said}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// The kernel's randomness, as the crate wants it.
struct Chance(Ids);

impl RngCore for Chance {
    fn next_u32(&mut self) -> u32 {
        u32::from_le_bytes(self.0.random())
    }

    fn next_u64(&mut self) -> u64 {
        u64::from_le_bytes(self.0.random())
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for piece in bytes.chunks_mut(32) {
            let random: [u8; 32] = self.0.random();
            for (byte, random) in piece.iter_mut().zip(random) {
                *byte = random;
            }
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Chance {}
