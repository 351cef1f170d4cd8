//! Which passwords are taken (NIST SP 800-63B, section 5.1.1.2): length, not what is known from
//! breaches or tried first, and not what is soon guessed. No composition rules.

use hanse_http::ApiError;
use serde_json::{Value, json};
use zxcvbn::{Score, zxcvbn};

use super::{Plain, breached, common};
use crate::email::Email;

/// Fewest characters.
const SHORTEST: usize = 8;
/// Most bytes.
pub const LONGEST: usize = 1024;

/// Characters that the estimate of strength looks at: its time grows with their square, and nobody
/// guesses what has more. The password itself is never cut.
const ESTIMATED: usize = 100;
/// The least strength: more than 10^6 guesses by somebody who knows how people choose. Guessing here
/// is slowed down; what this keeps out is what a few days of it would find.
const STRONG: Score = Score::Two;

/// Why a password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Fewer than eight characters.
    #[error("it must have at least 8 characters")]
    TooShort,
    /// More than a kilobyte.
    #[error("it must not be longer than 1024 bytes")]
    TooLong,
    /// One of those that are tried first.
    #[error("it is one of those that are tried first")]
    Common,
    /// Made of what is soon guessed: words, dates, rows of keys, names.
    #[error("it is soon guessed; add another word or two that do not belong together")]
    Weak,
    /// Made of the account's address or name.
    #[error("it is too much like the address or the name of the account")]
    Personal,
    /// The one that the account has.
    #[error("it is the one that you have")]
    Unchanged,
}

/// A password that is not taken.
#[derive(Debug, thiserror::Error, ApiError)]
pub enum UnfitPassword {
    /// It breaks a rule.
    #[api(422, "IDN-003", details = details)]
    #[error("this password is not taken: {reason}")]
    UnfitPassword {
        /// Which rule.
        reason: Unfit,
        /// The same for machines.
        details: Value,
    },
}

impl From<Unfit> for UnfitPassword {
    fn from(reason: Unfit) -> Self {
        Self::UnfitPassword { reason, details: json!({ "password": reason.to_string() }) }
    }
}

/// Is this password good enough for this account?
///
/// # Errors
/// Why not.
pub fn check(password: &Plain, email: &Email, name: &str) -> Result<(), UnfitPassword> {
    Ok(judge(password, email, name)?)
}

fn judge(password: &Plain, email: &Email, name: &str) -> Result<(), Unfit> {
    let text = password.0.as_str();
    if text.chars().count() < SHORTEST {
        return Err(Unfit::TooShort);
    }
    if text.len() > LONGEST {
        return Err(Unfit::TooLong);
    }
    let folded = text.to_lowercase();
    if [email.as_str(), email.local(), &name.to_lowercase()].contains(&folded.as_str()) {
        return Err(Unfit::Personal);
    }
    let core = folded.trim_matches(|c: char| !c.is_alphabetic());
    if common::LIST.contains(&folded.as_str())
        || common::STEMS.contains(&core)
        || common::STEMS.contains(&unleet(core).as_str())
        || is_repeated(&folded)
        || is_sequence(&folded)
        || is_breached(&folded, core)
    {
        return Err(Unfit::Common);
    }
    let seen: String = text.chars().take(ESTIMATED).collect();
    let personal = [email.as_str(), email.local(), name];
    if zxcvbn(&seen, &personal).score() < STRONG { Err(Unfit::Weak) } else { Ok(()) }
}

/// Is it known from a breach, as it is, without signs for letters, or without what is around it?
fn is_breached(folded: &str, core: &str) -> bool {
    let bare = core.chars().count() >= SHORTEST && breached::contains(core);
    bare || breached::contains(folded) || breached::contains(&unleet(folded))
}

/// `p@ssw0rd` is `password` to everybody who guesses.
fn unleet(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '0' => 'o',
            '1' | '!' => 'i',
            '3' => 'e',
            '4' | '@' => 'a',
            '5' | '$' => 's',
            '7' => 't',
            other => other,
        })
        .collect()
}

/// One to four characters, over and over.
fn is_repeated(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    (1..=4).any(|period| chars.iter().zip(chars.iter().skip(period)).all(|(a, b)| a == b))
}

/// A run along the alphabet, the digits or a keyboard's row, in either direction.
fn is_sequence(text: &str) -> bool {
    let runs = [
        "abcdefghijklmnopqrstuvwxyz",
        "01234567890123456789",
        "qwertyuiopasdfghjklzxcvbnm",
        "qwertzuiopasdfghjklyxcvbnm",
        "azertyuiopqsdfghjklmwxcvbn",
        "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
        "1q2w3e4r5t6y7u8i9o0p",
    ];
    runs.iter()
        .any(|run| run.contains(text) || run.chars().rev().collect::<String>().contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(password: &str) -> Result<(), Unfit> {
        let email = Email::parse("anna.berg@example.com").unwrap();
        judge(&Plain::new(password), &email, "Anna Berg")
    }

    /// AUTN-04: the boundary table.
    #[test]
    fn lengths_are_checked_and_nothing_is_cut() {
        assert_eq!(verdict("k7#mQ2x"), Err(Unfit::TooShort));
        assert_eq!(verdict("k7#mQ2xv"), Ok(()));
        assert_eq!(
            verdict("\u{1f98a}\u{1f41d}\u{1f335}\u{1f3ba}\u{1f9ca}\u{1fa81}\u{1f9ed}\u{1f3ba}"),
            Ok(())
        );
        assert_eq!(verdict("nul\u{0}is fine here"), Ok(()));
        let long: String = ('a'..='z').cycle().step_by(7).take(1024).collect();
        for length in [64, 72, 73, 128, 1024] {
            assert_eq!(verdict(&long[..length]), Ok(()), "{length}");
        }
        assert_eq!(verdict(&format!("{long}b")), Err(Unfit::TooLong));
        // Eight code points that compose to seven characters.
        assert_eq!(verdict("k7#mQ2e\u{301}"), Err(Unfit::TooShort));
    }

    /// AUTN-04: what is tried first is refused.
    #[test]
    fn what_is_tried_first_is_refused() {
        for password in [
            "password",
            "Password1!",
            "P@ssw0rd123",
            "qwertyuiop",
            "12345678",
            "87654321",
            "aaaaaaaa",
            "abcabcabc",
            "iloveyou",
            "1q2w3e4r",
            "letmein2026",
            "sunshine!!",
            "trustno1",
            "Liverpool-1892",
        ] {
            assert_eq!(verdict(password), Err(Unfit::Common), "{password}");
        }
        assert_eq!(verdict("1.10.1985"), Err(Unfit::Weak));
        for password in ["a long walk by the sea", "kogge im hafen 1358", "two ravens on a wire"] {
            assert_eq!(verdict(password), Ok(()), "{password}");
        }
        for password in ["anna.berg@example.com", "Anna.Berg", "anna berg"] {
            assert_eq!(verdict(password), Err(Unfit::Personal), "{password}");
        }
    }
}
