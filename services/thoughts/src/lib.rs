//! Thoughts: short texts with tags, quickly written and quickly found again (A-025…A-043).
//!
//! A thought belongs to exactly one account, and nobody else can learn that it exists. Every change
//! emits an event that carries the whole new state, so that search and analytics never have to ask.
//! What this service never does: read another account's rows, or keep anything of an erased one.

pub mod http;
mod on_user_deleted;
mod portable;
mod seed;
mod tag;
mod thought;
mod thoughts;

use std::sync::Arc;

use hanse_events::Subscription;
use hanse_http::{Home, Outline, Routes};
use hanse_runtime::{BoxError, Built, Resources};
use hanse_store::{Migration, Schema};

pub use seed::seed;
pub use tag::Tag;
pub use thought::{Thought, ThoughtError};

const SCHEMA: Schema = Schema {
    owner: "thoughts",
    migrations: &[
        Migration { name: "0001_thoughts", sql: include_str!("../schema/0001_thoughts.sql") },
        Migration { name: "0002_tags", sql: include_str!("../schema/0002_tags.sql") },
    ],
};

/// The state of the service.
pub struct Thoughts {
    home: Home,
}

impl hanse_http::Service for Thoughts {
    fn home(&self) -> &Home {
        &self.home
    }
}

/// The service.
#[must_use]
pub fn service() -> hanse_runtime::Service {
    hanse_runtime::Service::new("thoughts", SCHEMA, build)
}

/// Its operations, without a running service.
#[must_use]
pub fn outline() -> Outline {
    Outline::new("thoughts", http::operations())
}

async fn build(resources: Resources) -> Result<Built, BoxError> {
    let app = Arc::new(Thoughts { home: resources.home });
    let routes = Routes::new("thoughts").with(&app, http::operations());
    let erasure = Subscription::new("erasure").on(on_user_deleted::on_user_deleted);
    Ok(Built::new(routes).subscribe(erasure))
}
