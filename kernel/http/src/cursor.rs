//! Opaque, authenticated strings: cursors, positions, stored answers.
//!
//! What a client holds and gives back must not be readable (it carries sort keys) nor changeable (it
//! ends in SQL parameters). Everything is sealed with ChaCha20-Poly1305 under a key derived from the
//! master key, and bound to what it was made for, so a cursor of one list or person is refused by
//! another.
//!
//! A position goes out with every write, so it is cheaper: one AES block of its number and the begin
//! of its source's name. That hides how much was written and makes a forged one show.

use std::sync::Arc;

use aes::Aes128;
use aes::cipher::{BlockDecrypt, BlockEncrypt};
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

/// Seals and opens values under one key. Cheap to clone.
#[derive(Clone)]
pub struct Sealer {
    inner: Arc<Inner>,
}

struct Inner {
    key: Hkdf<Sha256>,
    cipher: ChaCha20Poly1305,
    positions: Aes128,
    ids: Ids,
}

impl Sealer {
    /// A sealer for this key.
    #[must_use]
    pub fn new(key: [u8; 32], ids: Ids) -> Self {
        let cipher = ChaCha20Poly1305::new(&Key::from(key));
        let key = Hkdf::new(Some(b"sealer"), &key);
        let mut block_key = [0; 16];
        // 16 bytes are far below HKDF's limit, the only way this can fail.
        key.expand(b"positions", &mut block_key).ok();
        let positions = Aes128::new(&block_key.into());
        Self { inner: Arc::new(Inner { key, cipher, positions, ids }) }
    }

    /// A sealer whose key depends on `secret` too: who has only the master key cannot open what it
    /// seals.
    #[must_use]
    pub fn with_secret(&self, secret: &[u8]) -> Self {
        let mut key = [0; 32];
        // 32 bytes are far below HKDF's limit, the only way this can fail.
        self.inner.key.expand_multi_info(&[b"secret", secret], &mut key).ok();
        Self::new(key, self.inner.ids.clone())
    }

    /// Seals bytes for `purpose`.
    #[must_use]
    pub fn seal_bytes(&self, purpose: &str, plain: &[u8]) -> Vec<u8> {
        let nonce: [u8; 12] = self.inner.ids.random();
        let payload = Payload { msg: plain, aad: purpose.as_bytes() };
        // Encryption fails only on inputs of many gigabytes.
        let sealed = self.inner.cipher.encrypt(&Nonce::from(nonce), payload).unwrap_or_default();
        [&nonce[..], &sealed].concat()
    }

    /// Opens what [`Sealer::seal_bytes`] made for the same purpose.
    ///
    /// # Errors
    /// [`CursorError`] for anything else.
    pub fn open_bytes(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, CursorError> {
        let (nonce, body) = sealed.split_first_chunk::<12>().ok_or(CursorError)?;
        let payload = Payload { msg: body, aad: purpose.as_bytes() };
        self.inner.cipher.decrypt(&Nonce::from(*nonce), payload).map_err(|_| CursorError)
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

    /// A place in the log of `source`, as text that tells only whose it is.
    #[must_use]
    pub fn seal_position(&self, source: &str, seq: i64) -> String {
        let mut block = (u128::from(prefix(source)) << 64 | u128::from(seq.cast_unsigned()))
            .to_be_bytes()
            .into();
        self.inner.positions.encrypt_block(&mut block);
        let mut text = String::with_capacity(source.len() + 23);
        text.push_str(source);
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(block, &mut text);
        text
    }

    /// The source and the place that [`Sealer::seal_position`] sealed.
    ///
    /// # Errors
    /// [`CursorError`] for anything else.
    pub fn open_position<'a>(&self, text: &'a str) -> Result<(&'a str, i64), CursorError> {
        let (source, sealed) = text.split_once('.').ok_or(CursorError)?;
        let mut bytes = [0; 16];
        let length = URL_SAFE_NO_PAD.decode_slice(sealed, &mut bytes).map_err(|_| CursorError)?;
        let mut block = bytes.into();
        self.inner.positions.decrypt_block(&mut block);
        let plain = u128::from_be_bytes(block.into());
        let (name, seq) = ((plain >> 64) as u64, plain as u64);
        if length != bytes.len() || name != prefix(source) {
            return Err(CursorError);
        }
        Ok((source, seq.cast_signed()))
    }
}

/// The first eight bytes of a service's name.
fn prefix(name: &str) -> u64 {
    name.bytes().chain(std::iter::repeat(0)).take(8).fold(0, |all, byte| all << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use hanse_store::Clock;

    use super::*;

    #[test]
    fn a_position_opens_only_as_it_was_sealed() {
        let ids = Ids::seeded(Clock::system(), 1);
        let sealer = Sealer::new([1; 32], ids.clone());
        for seq in [1, 4711, i64::MAX] {
            let text = sealer.seal_position("thoughts", seq);
            assert_eq!(sealer.open_position(&text).unwrap(), ("thoughts", seq));
            assert!(Sealer::new([2; 32], ids.clone()).open_position(&text).is_err(), "another key");
            assert!(sealer.open_position(&text.replace("thoughts", "identity")).is_err());
            let mut changed = text.into_bytes();
            let last = changed.len() - 2;
            changed[last] = if changed[last] == b'A' { b'B' } else { b'A' };
            assert!(sealer.open_position(std::str::from_utf8(&changed).unwrap()).is_err());
        }
        for rubbish in
            ["", ".", "thoughts", "thoughts.", "thoughts.AAAA", "thoughts.é", &"x.".repeat(999)]
        {
            assert!(sealer.open_position(rubbish).is_err(), "{rubbish}");
        }
    }
}
