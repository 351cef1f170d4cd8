//! Scenes of identity.
#![expect(
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a scene that cannot be set up has failed"
)]

mod access;
mod account;
mod administration;
mod door;
mod external;
mod forgery;
mod importing;
mod keys;
mod limits;
mod machines;
mod managing;
mod oidc;
mod passkeys;
mod password_age;
mod recovering;
mod refreshing;
mod restart;
#[expect(dead_code, reason = "shared; nothing here goes on for a time")]
#[path = "../../../../tests/src/scale.rs"]
mod scale;
mod scim;
mod second_factors;
mod sessions;
mod signing_in;
mod support;
mod timing;
mod trust;
mod ways_in;
