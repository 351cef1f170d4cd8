//! Opaque, authenticated strings: cursors, positions, stored answers.
//!
//! What a client holds and gives back must not be readable (it carries sort keys) nor changeable (it
//! ends in SQL parameters). Everything is sealed with ChaCha20-Poly1305 under a key derived from the
//! master key, and bound to what it was made for, so a cursor of one list or person is refused by
//! another.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use hanse_store::Ids;
use hkdf::Hkdf;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;

/// A string that we did not seal, or not for this purpose.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("not a sealed value of ours")]
pub struct CursorError;

/// Longest sealed string that is looked at.
const LONGEST: usize = 2048;

/// Seals and opens values under one key.
#[derive(Clone)]
pub struct Sealer {
    key: Hkdf<Sha256>,
    cipher: ChaCha20Poly1305,
    ids: Ids,
}

impl Sealer {
    /// A sealer for this key.
    #[must_use]
    pub fn new(key: [u8; 32], ids: Ids) -> Self {
        Self {
            key: Hkdf::new(Some(b"sealer"), &key),
            cipher: ChaCha20Poly1305::new(&Key::from(key)),
            ids,
        }
    }

    /// A sealer whose key depends on `secret` too: who has only the master key cannot open what it
    /// seals.
    #[must_use]
    pub fn with_secret(&self, secret: &[u8]) -> Self {
        let mut key = [0; 32];
        // 32 bytes are far below HKDF's limit, the only way this can fail.
        self.key.expand_multi_info(&[b"secret", secret], &mut key).ok();
        Self::new(key, self.ids.clone())
    }

    /// Seals bytes for `purpose`.
    #[must_use]
    pub fn seal_bytes(&self, purpose: &str, plain: &[u8]) -> Vec<u8> {
        let nonce: [u8; 12] = self.ids.random();
        let payload = Payload { msg: plain, aad: purpose.as_bytes() };
        // Encryption fails only on inputs of many gigabytes.
        let sealed = self.cipher.encrypt(&Nonce::from(nonce), payload).unwrap_or_default();
        [&nonce[..], &sealed].concat()
    }

    /// Opens what [`Sealer::seal_bytes`] made for the same purpose.
    ///
    /// # Errors
    /// [`CursorError`] for anything else.
    pub fn open_bytes(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, CursorError> {
        let (nonce, body) = sealed.split_first_chunk::<12>().ok_or(CursorError)?;
        let payload = Payload { msg: body, aad: purpose.as_bytes() };
        self.cipher.decrypt(&Nonce::from(*nonce), payload).map_err(|_| CursorError)
    }

    /// Seals a value as URL-safe text.
    #[must_use]
    pub fn seal<T: Serialize>(&self, purpose: &str, value: &T) -> String {
        let plain = serde_json::to_vec(value).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(self.seal_bytes(purpose, &plain))
    }

    /// Opens what [`Sealer::seal`] made for the same purpose.
    ///
    /// # Errors
    /// [`CursorError`] for anything else.
    pub fn open<T: DeserializeOwned>(&self, purpose: &str, text: &str) -> Result<T, CursorError> {
        if text.len() > LONGEST {
            return Err(CursorError);
        }
        let sealed = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError)?;
        serde_json::from_slice(&self.open_bytes(purpose, &sealed)?).map_err(|_| CursorError)
    }
}
