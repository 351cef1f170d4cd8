//! The whole platform, from outside: one binary for all subjects, so that it is linked once.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "scenes fail by panicking, read their settings from the environment and start their own threads"
)]

mod backup;
mod clients;
mod commands;
mod crash;
mod disk;
mod encryption;
mod endpoints;
mod gateway;
mod herd;
mod importing;
mod openid;
mod ownership;
mod postgres;
mod receivers;
mod reloading;
mod scim;
mod secrets;
mod starting;
mod stopping;
mod traces;
