//! Identity: accounts, passwords, sessions, and the keys that sign access tokens.
//!
//! A person proves who they are once per device and gets a pair of tokens. The access token lives
//! for minutes and is verified by every process without asking anybody; the refresh token lives for
//! days, is good for one use, and a second use of it ends the session (see [`session`]). Everything
//! that others need to know of accounts and sessions goes out as an event of
//! [`hanse_contracts::identity`].
//!
//! What it never does: begin a session anywhere but in [`mint::mint`], store a token or a password,
//! say whether an address has an account except to whoever tries to register it, or make an account
//! with a default password.
//!
//! To add a way to sign in: a module that checks a factor and gives a [`mint::Proven`], and a
//! handler that hands it to [`mint::mint`].

pub mod account;
mod accounts;
pub mod admin;
mod administration;
mod attempts;
mod challenges;
mod config;
pub mod directory;
pub mod draft;
pub mod email;
mod ended;
mod erasure;
mod errands;
pub mod external;
mod factors;
pub mod groups;
mod http;
pub mod import;
mod keys;
mod letters;
pub mod limits;
mod machines;
mod memberships;
pub mod mint;
pub mod oidc;
mod pages;
pub mod passkeys;
pub mod password;
pub mod permissions;
pub mod phone;
mod preferences;
mod refresh_token;
pub mod roles;
mod rsa;
mod scim;
pub(crate) mod service;
pub mod session;
mod sessions;
mod setup;
mod upkeep;

pub use config::IdentityConfig;
pub use service::{Identity, outline, service, service_with_defaults};
