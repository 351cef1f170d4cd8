//! Scenes of identity.

mod account;
mod support;
