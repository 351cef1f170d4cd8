//! Refresh tokens: derived, never stored.
//!
//! A token is `base64url(session id · generation · HMAC-SHA256(key, session id · generation · nonce))`.
//! The same generation always gives the same token, so a refresh whose answer was lost can be
//! answered again; a copy of the database gives none, because the key comes from the master key; and
//! the nonce, which is new for every session, makes tokens worthless once their session's row is gone.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use crate::session::Session;

/// Makes and checks refresh tokens.
#[derive(Clone)]
pub struct RefreshTokens {
    key: [u8; 32],
}

/// What a token says of itself, before anything is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The session it speaks of.
    pub session_id: Uuid,
    /// The generation it claims to be.
    pub generation: u32,
}

impl RefreshTokens {
    /// Tokens under this key.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// The token of a generation of a session.
    #[must_use]
    pub fn issue(&self, session: &Session, generation: u32) -> String {
        let claim = [&session.id.as_bytes()[..], &generation.to_be_bytes()].concat();
        let tag = self.tag(&claim, &session.nonce);
        URL_SAFE_NO_PAD.encode([claim, tag].concat())
    }

    /// Reads which session a token speaks of.
    #[must_use]
    pub fn claim(&self, token: &str) -> Option<Claim> {
        let bytes: [u8; 52] = URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok()?;
        let (session, rest) = bytes.split_first_chunk::<16>()?;
        let (generation, _) = rest.split_first_chunk::<4>()?;
        Some(Claim {
            session_id: Uuid::from_bytes(*session),
            generation: u32::from_be_bytes(*generation),
        })
    }

    /// Is this exactly the token of this generation of this session? The whole text is compared, in
    /// constant time.
    #[must_use]
    pub fn is_genuine(&self, token: &str, session: &Session, generation: u32) -> bool {
        let genuine = self.issue(session, generation);
        genuine.as_bytes().ct_eq(token.as_bytes()).into()
    }

    fn tag(&self, claim: &[u8], nonce: &[u8]) -> Vec<u8> {
        // HMAC takes keys of any length.
        let mac = Hmac::<Sha256>::new_from_slice(&self.key).ok().map(|mut mac| {
            mac.update(claim);
            mac.update(nonce);
            mac.finalize().into_bytes().to_vec()
        });
        mac.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::tests::session;
    use proptest::prelude::*;

    fn accepted(tokens: &RefreshTokens, token: &str) -> bool {
        let session = session();
        tokens.claim(token).is_some_and(|claim| {
            claim.session_id == session.id && tokens.is_genuine(token, &session, claim.generation)
        })
    }

    /// AUTN-16: only the whole token counts.
    #[test]
    fn a_cut_padded_or_changed_token_is_none() {
        let tokens = RefreshTokens::new([1; 32]);
        let token = tokens.issue(&session(), 3);
        assert!(accepted(&tokens, &token));
        assert!(!accepted(&RefreshTokens::new([2; 32]), &token));
        for length in 0..token.len() {
            assert!(!accepted(&tokens, &token[..length]), "cut to {length}");
            assert!(!accepted(&tokens, &token[token.len() - length..]), "last {length}");
        }
        for tail in ["=", "==", "A", " ", "\n", "\0"] {
            assert!(!accepted(&tokens, &format!("{token}{tail}")), "{tail:?}");
            assert!(!accepted(&tokens, &format!("{tail}{token}")), "{tail:?}");
        }
        for other in [token.to_uppercase(), token.to_lowercase(), token.replace(['-', '_'], "+")] {
            assert!(other == token || !accepted(&tokens, &other));
        }
        let other = Session { nonce: [4; 16], ..session() };
        assert!(!tokens.is_genuine(&token, &other, 3));
    }

    proptest! {
        /// AUTN-16: any one character changed makes it worthless, the unused bits of the last included.
        #[test]
        fn any_changed_character_counts(place in 0usize..70, letter in "[A-Za-z0-9_-]") {
            let tokens = RefreshTokens::new([1; 32]);
            let token = tokens.issue(&session(), 3);
            let mut changed = token.clone();
            changed.replace_range(place..=place, &letter);
            prop_assert_eq!(accepted(&tokens, &changed), changed == token);
        }

        #[test]
        fn any_text_can_be_shown(text in ".{0,200}") {
            prop_assert!(!accepted(&RefreshTokens::new([1; 32]), &text));
        }
    }
}
