//! Signing access tokens. Only identity (and the test stage) holds a signer.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::token::{Claims, TokenError};

/// The type of access tokens (RFC 9068, section 2.1).
const ACCESS: &str = "at+jwt";

/// An Ed25519 key that signs access tokens.
#[derive(Clone)]
pub struct Signer {
    id: String,
    public: [u8; 32],
    key: EncodingKey,
}

impl Signer {
    /// The signer of a 32-byte seed. Its id is derived from the public key.
    ///
    /// # Errors
    /// [`TokenError`] when the key cannot be encoded, which no seed causes.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, TokenError> {
        let signing = SigningKey::from_bytes(seed);
        let public = signing.verifying_key().to_bytes();
        let der = signing.to_pkcs8_der().map_err(|_| TokenError)?;
        let digest = Sha256::digest(public);
        let id = URL_SAFE_NO_PAD.encode(digest.get(..12).unwrap_or_default());
        Ok(Self { id, public, key: EncodingKey::from_ed_der(der.as_bytes()) })
    }

    /// The key's id (`kid`).
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        self.public
    }

    /// The public key as a JSON Web Key (RFC 8037).
    #[must_use]
    pub fn jwk(&self) -> serde_json::Value {
        serde_json::json!({
            "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig",
            "kid": self.id, "x": URL_SAFE_NO_PAD.encode(self.public),
        })
    }

    /// A token that says `claims`.
    ///
    /// # Errors
    /// [`TokenError`] when they cannot be encoded.
    pub fn sign(&self, claims: &Claims) -> Result<String, TokenError> {
        self.encode(ACCESS, claims)
    }

    /// A statement of another type, such as an ID token (`JWT`) or a logout token (`logout+jwt`). No
    /// verifier takes it for an access token.
    ///
    /// # Errors
    /// [`TokenError`] for the type of access tokens, or when it cannot be encoded.
    pub fn state<T: Serialize>(&self, kind: &str, claims: &T) -> Result<String, TokenError> {
        if kind.eq_ignore_ascii_case(ACCESS) {
            return Err(TokenError);
        }
        self.encode(kind, claims)
    }

    fn encode<T: Serialize>(&self, kind: &str, claims: &T) -> Result<String, TokenError> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(kind.to_owned());
        header.kid = Some(self.id.clone());
        encode(&header, claims, &self.key).map_err(|_| TokenError)
    }
}
