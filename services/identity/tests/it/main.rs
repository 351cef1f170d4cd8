//! Scenes of identity.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
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
mod recovering;
mod refreshing;
mod restart;
mod scim;
mod second_factors;
mod sessions;
mod signing_in;
mod support;
mod timing;
mod trust;
mod ways_in;
