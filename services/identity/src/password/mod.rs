//! Passwords: which are taken, how they are hashed, and what proving one gives.
//!
//! A password is compared as it was typed, after Unicode composition (NFC), so that the same
//! characters from two keyboards are the same password. Nothing is cut off and nothing is folded. It
//! is kept as an argon2id PHC string; raising the parameters rehashes at the next login, and so does
//! signing in with a hash that was imported from another system.
//!
//! Whether an account exists must not show in how long an answer takes: [`Passwords::prove`] does one
//! hash with the current parameters whoever asks, against a made-up hash when there is nobody.
//!
//! Never here: a password in a log, an error or `Debug`; hashing on an async thread.

mod argon;
mod breached;
mod common;
mod foreign;
mod hashing;
mod rules;

pub use foreign::{UnknownHash, adopt};
pub use hashing::{Busy, Passwords};
pub use rules::{Unfit, UnfitPassword, check};

use unicode_normalization::UnicodeNormalization as _;

/// Is this the password of this stored hash, whether it was made here or elsewhere? Its own costs count.
fn fits(stored: &str, password: &[u8]) -> bool {
    if argon::is_ours(stored) {
        return argon::verify(stored, password);
    }
    foreign::Foreign::parse(stored).is_ok_and(|hash| hash.verify(password))
}

/// A password as typed, composed. It has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Plain(String);

impl Plain {
    /// Takes what was typed.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.nfc().collect())
    }

    fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}
