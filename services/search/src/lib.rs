//! Search across what a person has written, wherever it is kept (A-107…A-122).
//!
//! # The path of a word
//! A service emits an event; the subscription "index" ([`on_thought`]) writes the document into the
//! table `documents`, in the transaction that moves its position; the task "search-index"
//! ([`indexing`]) reads what changed, puts it into the index of `hanse-search-index`, commits it, and
//! says how far every source can be *found* now, so that `Hanse-After` waits for the index and not
//! only for the table.
//!
//! # What it never does
//! It never finds, counts, completes or scores by anything that is not the caller's own: the scope
//! of every question is the caller's id, taken from the token. It never asks another service. It
//! keeps nothing that it could not compute again, except a person's search history and
//! preferences; so the index is not in a backup, and a lost one is built again at the start.
//!
//! # Extending
//! A new source is a contract's events in a file beside `on_thought.rs`, chained into
//! [`subscription`], and a line in [`kind::KINDS`].

mod app;
mod config;
mod documents;
mod error;
mod feed;
mod found;
mod history;
mod http;
mod indexing;
mod kind;
mod on_thought;
mod on_user_deleted;
mod preferences;
mod shelf;
mod trouble;

use std::sync::Arc;

use hanse_events::Subscription;
use hanse_http::{Outline, Routes};
use hanse_runtime::{Built, Service};
use hanse_store::{Migration, Schema};

pub use config::SearchConfig;
pub use error::SearchError;

use app::App;
use indexing::Indexing;

const NAME: &str = "search";

const SCHEMA: Schema = Schema {
    owner: NAME,
    migrations: &[Migration {
        name: "0001_search",
        sql: include_str!("../schema/0001_search.sql"),
    }],
};

/// The service.
#[must_use]
pub fn service(config: SearchConfig) -> Service {
    Service::new(NAME, SCHEMA, async move |resources| {
        let app = Arc::new(App::new(resources.home.clone(), config.clone()));
        let indexing = Arc::new(Indexing::new(&app, &resources));
        let recording = Arc::clone(&app);
        Ok(Built::new(Routes::new(NAME).with(&app, http::operations()))
            .subscribe(subscription())
            .subscribe(on_user_deleted::subscription())
            .task("search-index", move || {
                let indexing = Arc::clone(&indexing);
                async move { indexing.run().await }
            })
            .task("search-history", move || {
                let app = Arc::clone(&recording);
                async move { app.history.run(&app.home.db, &app.config).await }
            }))
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
    vec![subscription()]
}

/// What fills the table of documents, and what empties it for a replay: changes stay numbered on,
/// and no index that knows the old rows may go on (see [`documents`]).
pub(crate) fn subscription() -> Subscription {
    on_thought::handlers(Subscription::new(documents::SUBSCRIPTION)).emptied_by(&documents::EMPTY)
}
