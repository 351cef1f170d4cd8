//! Counts and time series of what people do, from the events of the other services.
//!
//! Everything here is a projection: it is written by subscription handlers only, in the transaction
//! that moves the position, so every event counts exactly once, and a replay of the logs gives the
//! same rows, byte for byte.
//!
//! # What the numbers mean
//! * All times are UTC. The smallest bucket is an hour; days, weeks (from Monday) and months are
//!   sums of hours.
//! * A thought counts in the hour it was *written* (an imported one keeps its own time). `living`
//!   counts thoughts that exist; `written` never shrinks while the account exists. Words and
//!   characters are those of living thoughts. A word is a run of characters without white space.
//! * Edits, deletions, sign-ins and `events` count in the hour they *happened*.
//! * The platform's numbers are the sums over the accounts that exist: erasing a person takes away
//!   what they had added, from the past as well. That is what a replay gives (an erased event has
//!   nothing left to say), and it keeps nobody's habits recoverable from a small platform's sums.
//!
//! # What this service never does
//! It never reads another service, never counts outside the transaction of the position, and never
//! shows an account anything but its own. Events without an owner (such as
//! `identity.SessionRevoked`) are not attributed to anybody: they would escape erasure.
//!
//! # Extending
//! A new event: a handler in `on_<source>.rs` that changes a [`tally::Tally`] and notes the activity.
//! A new measure: a column in `hours` (a new migration) and a field in [`tally::Delta`].

mod activity;
mod calendar;
mod config;
mod csv;
mod error;
mod hours;
mod http;
mod on_identity;
mod on_thoughts;
mod on_user_deleted;
mod period;
mod retention;
mod series;
mod tags;
mod tally;
mod thought;

use std::sync::Arc;

use hanse_events::Subscription;
use hanse_http::{Home, Outline, Routes};
use hanse_runtime::{BoxError, Built, Resources, Service};
use hanse_store::{Migration, Schema};
use hanse_telemetry::metrics::Counter;

pub use config::AnalyticsConfig;
pub use error::AnalyticsError;

const NAME: &str = "analytics";

const SCHEMA: Schema = Schema {
    owner: NAME,
    migrations: &[Migration {
        name: "0001_analytics",
        sql: include_str!("../schema/0001_analytics.sql"),
    }],
};

/// The service's state.
struct App {
    home: Home,
    config: AnalyticsConfig,
    exports: Counter,
}

impl hanse_http::Service for App {
    fn home(&self) -> &Home {
        &self.home
    }
}

/// The analytics service.
#[must_use]
pub fn service(config: AnalyticsConfig) -> Service {
    Service::new(NAME, SCHEMA, async move |resources: Resources| {
        let db = resources.home.db.clone();
        retention::start(&db).await?;
        let jobs = retention::worker(db, config.log_days);
        let exports = resources.metrics.business("analytics_exported");
        let app = Arc::new(App { home: resources.home, config, exports });
        Ok::<_, BoxError>(
            Built::new(Routes::new(NAME).with(&app, http::operations()))
                .subscribe(counters())
                .subscribe(Subscription::new("erasure").on(on_user_deleted::erase_user))
                .jobs(jobs),
        )
    })
    .in_background()
}

/// Its operations, without a running service.
#[must_use]
pub fn outline() -> Outline {
    Outline::new(NAME, http::operations())
}

/// The projections, for a replay from the command line.
#[must_use]
pub fn projections() -> Vec<Subscription> {
    vec![counters()]
}

fn counters() -> Subscription {
    Subscription::new("counters")
        .on_run(on_thoughts::thoughts_created)
        .on(on_thoughts::thought_updated)
        .on(on_thoughts::thought_deleted)
        .on(on_identity::user_registered)
        .on(on_identity::user_updated)
        .on(on_identity::user_disabled)
        .on(on_identity::user_deleted)
        .on(on_identity::password_changed)
        .on(on_identity::session_started)
        .emptied_by(&[
            "DELETE FROM hours",
            "DELETE FROM thoughts",
            "DELETE FROM tag_counts",
            "DELETE FROM activity",
        ])
}
