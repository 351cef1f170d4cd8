//! Somebody in a file, and the rules by which they become an account.

use hanse_http::Role;
use hanse_store::Tx;
use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

use crate::account::{Account, display_name};
use crate::email::Email;
use crate::password::{UnknownHash, adopt};

/// Somebody in a file, as it says. This is also the shape of a line of JSON.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Candidate {
    /// Kept, so that what refers to it elsewhere still does. A new one when it is missing.
    pub(super) id: Option<Uuid>,
    pub(super) email: String,
    /// The part of the address before the at sign when it is missing.
    pub(super) name: Option<String>,
    /// Nobody can sign in with a password when it is missing, until it is reset.
    pub(super) password_hash: Option<String>,
    /// Besides `user`.
    pub(super) roles: Vec<String>,
    /// The address is known to be theirs.
    pub(super) verified: bool,
    pub(super) disabled: bool,
    pub(super) created_at: Option<Timestamp>,
}

/// Why somebody does not become an account.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfit {
    #[error("there is no e-mail address")]
    NoAddress,
    #[error("the e-mail address is not one")]
    InvalidAddress,
    #[error("the name is not one line of 1 to 100 visible characters")]
    InvalidName,
    #[error("the id is not one that an account can have")]
    InvalidId,
    #[error("there is no role of this name; there are user, operator and admin")]
    UnknownRole,
    #[error(transparent)]
    Hash(#[from] UnknownHash),
}

/// Somebody who can become an account, as far as that can be said without the store.
#[derive(Debug)]
pub(super) struct Newcomer {
    pub(super) id: Option<Uuid>,
    pub(super) email: Email,
    pub(super) disabled: bool,
    verified: bool,
    name: String,
    password: String,
    roles: Vec<Role>,
    created_at: Option<Timestamp>,
}

impl Newcomer {
    pub(super) fn check(candidate: Candidate) -> Result<Self, Unfit> {
        if candidate.email.trim().is_empty() {
            return Err(Unfit::NoAddress);
        }
        let email = Email::parse(&candidate.email).map_err(|_| Unfit::InvalidAddress)?;
        let name = candidate.name.filter(|name| !name.trim().is_empty());
        let name = name.unwrap_or_else(|| email.local().to_owned());
        let name = display_name(&name).ok_or(Unfit::InvalidName)?;
        if candidate.id.is_some_and(|id| id.is_nil() || id.is_max()) {
            return Err(Unfit::InvalidId);
        }
        let hash = candidate.password_hash.filter(|hash| !hash.is_empty());
        let password = hash.map_or(Ok(String::new()), |hash| adopt(&hash))?;
        let mut roles = vec![Role::User];
        for role in &candidate.roles {
            roles.push(Role::parse(role).ok_or(Unfit::UnknownRole)?);
        }
        roles.sort_unstable();
        roles.dedup();
        let Candidate { id, disabled, verified, created_at, .. } = candidate;
        Ok(Self { id, email, disabled, verified, name, password, roles, created_at })
    }

    /// The account. Nobody came before their time.
    pub(super) fn account(self, tx: &Tx) -> Account {
        let mut account = Account::new(tx, &self.email, self.name, self.password, self.roles);
        account.id = self.id.unwrap_or(account.id);
        account.created_at = self.created_at.unwrap_or(account.created_at).min(tx.now());
        account.email_verified_at = self.verified.then_some(account.created_at);
        account
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate() -> Candidate {
        Candidate { email: "Anna@Example.com".into(), ..Candidate::default() }
    }

    #[test]
    fn little_is_needed() {
        let anna = Newcomer::check(candidate()).unwrap();
        assert_eq!((anna.email.as_str(), anna.name.as_str()), ("anna@example.com", "anna"));
        assert_eq!((anna.password.as_str(), anna.roles), ("", vec![Role::User]));
    }

    #[test]
    fn what_cannot_be_taken_is_refused_with_the_reason() {
        let with = |change: fn(&mut Candidate)| {
            let mut candidate = candidate();
            change(&mut candidate);
            Newcomer::check(candidate).map(drop).unwrap_err()
        };
        assert_eq!(with(|c| c.email = " ".into()), Unfit::NoAddress);
        assert_eq!(with(|c| c.email = "anna".into()), Unfit::InvalidAddress);
        assert_eq!(with(|c| c.name = Some("a\u{202e}b".into())), Unfit::InvalidName);
        assert_eq!(with(|c| c.id = Some(Uuid::nil())), Unfit::InvalidId);
        assert_eq!(with(|c| c.roles = vec!["root".into()]), Unfit::UnknownRole);
        let hash = with(|c| c.password_hash = Some("hunter2".into()));
        assert_eq!(hash, Unfit::Hash(UnknownHash::Kind));
    }
}
