//! An account, and the rules about it.

use hanse_contracts::identity::{UserRegistered, UserUpdated};
use hanse_http::Role;
use hanse_store::Tx;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;
use uuid::Uuid;

use crate::email::Email;

/// Longest name, in characters.
const LONGEST_NAME: usize = 100;

/// What an account is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Somebody.
    Person,
    /// A program, which has keys and no password.
    Service,
}

impl Kind {
    /// The name in the store and in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Service => "service",
        }
    }
}

/// Somebody who may sign in.
#[derive(Clone, Debug)]
pub struct Account {
    /// Identity.
    pub id: Uuid,
    /// Normalised address.
    pub email: String,
    /// Name as shown.
    pub name: String,
    /// PHC string; empty when the account has no password.
    pub password: String,
    /// Counts changes that the owner sees.
    pub version: i64,
    /// May not sign in.
    pub disabled: bool,
    /// What they may do, in order.
    pub roles: Vec<Role>,
    /// A person, or a machine.
    pub kind: Kind,
    /// When its owner showed that mail to the address reaches them.
    pub email_verified_at: Option<Timestamp>,
    /// When the password was last set; when the account was made if it never was since.
    pub password_changed_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Account {
    /// A new account without a password, not stored yet. A machine has no address; what stands in its
    /// place can receive no mail (RFC 2606).
    #[must_use]
    pub fn of(tx: &Tx, email: Option<&Email>, name: String, roles: Vec<Role>) -> Self {
        let (id, now) = (tx.new_id(), tx.now());
        let email =
            email.map_or_else(|| format!("{id}@service.invalid"), |e| e.as_str().to_owned());
        Self {
            id,
            email,
            name,
            password: String::new(),
            version: 1,
            disabled: false,
            roles,
            kind: Kind::Person,
            email_verified_at: None,
            password_changed_at: now,
            created_at: now,
            updated_at: now,
        }
    }

    /// A new account, not stored yet.
    #[must_use]
    pub fn new(tx: &Tx, email: &Email, name: String, phc: String, roles: Vec<Role>) -> Self {
        Self { password: phc, ..Self::of(tx, Some(email), name, roles) }
    }

    /// Gives it another name.
    pub fn rename(&mut self, name: String, now: Timestamp) {
        self.name = name;
        self.version += 1;
        self.updated_at = now;
    }

    /// What others are told of a new account.
    #[must_use]
    pub fn registered(&self) -> UserRegistered {
        UserRegistered { user_id: self.id, email: self.email.clone(), name: self.name.clone() }
    }

    /// What others are told of a changed account.
    #[must_use]
    pub fn updated(&self) -> UserUpdated {
        UserUpdated { user_id: self.id, email: self.email.clone(), name: self.name.clone() }
    }
}

/// A name that can be shown: not empty, not too long, on one line. `None` when it cannot.
#[must_use]
pub fn display_name(text: &str) -> Option<String> {
    let name: String = text.trim().nfc().collect();
    let fits = !name.is_empty() && name.chars().count() <= LONGEST_NAME;
    (fits && !name.chars().any(is_hidden)).then_some(name)
}

/// Control characters, and those that turn the direction of the text around them.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn account() -> Account {
        Account {
            id: Uuid::from_u128(1),
            email: "anna@example.com".into(),
            name: "Anna".into(),
            password: String::new(),
            version: 1,
            disabled: false,
            roles: vec![Role::User],
            kind: Kind::Person,
            email_verified_at: None,
            password_changed_at: Timestamp::UNIX_EPOCH,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn names_are_shown_as_they_are_or_refused() {
        assert_eq!(display_name("  Jose\u{301} ").as_deref(), Some("Jos\u{e9}"));
        for name in ["", "   ", "two\nlines", "right\u{202e}tfel", &"x".repeat(101)] {
            assert_eq!(display_name(name), None, "{name:?}");
        }
    }
}
