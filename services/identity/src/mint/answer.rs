//! What somebody who signs in is answered.

use hanse_http::Role;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Pending;
use crate::account::Account;

/// Tokens, and whose they are.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(example = example_tokens())]
pub struct SignedIn {
    /// Send it as `Authorization: Bearer …`.
    pub access_token: String,
    /// Good for the next pair of tokens, once.
    pub refresh_token: String,
    /// Always `Bearer`.
    pub token_type: String,
    /// Seconds that the access token is valid.
    pub expires_in: u32,
    /// Whose they are.
    pub user: User,
}

/// The answer to a sign-in: tokens, or what is needed as well.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Entry {
    /// Signed in.
    SignedIn(Box<SignedIn>),
    /// Not yet.
    Pending(Pending),
    /// The address has to be verified first: a letter is under way.
    Letter(LetterSent),
}

/// Nobody is signed in before the address is verified.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LetterSent {
    /// Where the letter goes: the address as it was given.
    pub letter_to: String,
}

/// An account as its owner sees it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(example = example_user())]
pub struct User {
    /// Identity.
    pub id: Uuid,
    /// Address to sign in with.
    pub email: String,
    /// Has its owner shown that mail to it reaches them?
    pub email_verified: bool,
    /// Name as shown.
    pub name: String,
    /// What the account may do.
    pub roles: Vec<Role>,
}

fn example_tokens() -> SignedIn {
    SignedIn {
        access_token: "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiJ9.e30.c2ln".into(),
        refresh_token: "AZVdOnwAcACAAAAAAAAAAQAAAAA3q2-7w".into(),
        token_type: "Bearer".into(),
        expires_in: 900,
        user: example_user(),
    }
}

fn example_user() -> User {
    User {
        id: Uuid::from_u128(0x0195_5d3a_7c00_7000_8000_0000_0000_0001),
        email: "anna@example.com".into(),
        email_verified: true,
        name: "Anna Berg".into(),
        roles: vec![Role::User],
    }
}

impl From<&Account> for User {
    fn from(account: &Account) -> Self {
        Self {
            id: account.id,
            email: account.email.clone(),
            email_verified: account.email_verified_at.is_some(),
            name: account.name.clone(),
            roles: account.roles.clone(),
        }
    }
}
