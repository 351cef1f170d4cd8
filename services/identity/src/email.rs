//! An e-mail address as an account's name: one spelling per address.

use unicode_normalization::UnicodeNormalization as _;

/// Longest address (RFC 5321, section 4.5.3.1.3, without the angle brackets), in bytes.
const LONGEST: usize = 254;
/// Longest part before the at sign, in bytes.
const LONGEST_LOCAL: usize = 64;

/// A normalised address: composed (NFC) and in lower case, so that two spellings of one address
/// cannot be two accounts. The part before the at sign is folded too: no provider in use tells
/// `Anna@` from `anna@`, and people do not either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(String);

/// Not an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not an e-mail address")]
pub struct EmailError;

impl Email {
    /// Reads an address. Whether it can receive mail, only a mail can tell.
    ///
    /// # Errors
    /// [`EmailError`].
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        let folded: String = text.trim().nfc().collect::<String>().to_lowercase().nfc().collect();
        let (local, domain) = folded.rsplit_once('@').ok_or(EmailError)?;
        let fits = !local.is_empty() && local.len() <= LONGEST_LOCAL && folded.len() <= LONGEST;
        let clean =
            |c: char| !c.is_control() && !c.is_whitespace() && !"<>()[],;:\\\"@".contains(c);
        let labels = domain.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        });
        if fits && labels && local.chars().all(clean) { Ok(Self(folded)) } else { Err(EmailError) }
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the at sign.
    #[must_use]
    pub fn local(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }
}

#[cfg(test)]
mod tests {
    use super::Email;

    #[test]
    fn spellings_of_one_address_are_one_account() {
        let composed = Email::parse("Jos\u{e9}@Example.COM").unwrap();
        assert_eq!(Email::parse(" jose\u{301}@example.com ").unwrap(), composed);
        assert_eq!(composed.local(), "jos\u{e9}");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(65));
        for text in ["", "@", "a@", "@b", "a b@c", "a@b..c", "a@-b", "a\u{0}@b", "a@b@c", &long] {
            assert!(Email::parse(text).is_err(), "{text:?}");
        }
        assert!(Email::parse("anna@localhost").is_ok());
    }
}
