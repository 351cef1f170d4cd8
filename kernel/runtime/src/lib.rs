//! What turns services into a running platform: configuration, secrets, lifecycle, health.
//!
//! A service crate exports one function that returns a [`Service`]: its name, its schema, and how to
//! build it from [`Resources`]. [`Platform::build`] opens the stores, applies the migrations, builds
//! every service and wires subscriptions to logs; [`Platform::start`] runs the background work under
//! supervision; the front doors are opened by the composition root (`hanse/`).
//!
//! Never here: a service's name, an engine's name, or a decision about topology that a service could
//! notice.

pub mod config;
mod erase;
mod housekeeping;
mod lanes;
mod ops;
mod platform;
mod secrets;
mod service;
mod supervisor;

pub use erase::erase;
pub use lanes::Lanes;
pub use ops::{OpsFront, health};
pub use platform::{Cell, Dependency, Platform, PlatformConfig, StartError};
pub use secrets::{SecretError, Secrets};
pub use service::{BoxError, Built, Resources, Service};
pub use supervisor::{Supervisor, background_runtime};
