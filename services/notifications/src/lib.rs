//! Telling people: one list on all their devices, and every other way they can be reached
//! (D-084…D-099, M-056…M-062, E-043…E-051, A-123…A-141).
//!
//! Any service asks by an event that carries a [`Message`](hanse_contracts::messages::Message); an
//! administrator asks by a request, or by a rule that makes messages of events ([`firing`]). All come to
//! the [`desk`]: it finds the template, asks the person's preferences for the ways and times ([`plan`]), and
//! writes the row of the list, the deliveries and their jobs in one transaction. The [`delivering`]
//! jobs take each to the next server and note how that went.
//!
//! # Extending
//! A new type: two files in `templates/` and a line in `templates.rs`, or a template by request. A new
//! channel: a module in `channels/`, a variant of [`Channel`].
//!
//! # What this service never does
//! It never makes a template from what a person wrote, never stores a code or a link in the clear, never
//! sends to an address that bounced, and never connects to anywhere but by the kernel's clients.

mod channel;
mod channels;
mod checks;
mod config;
mod crowd;
mod deliveries;
mod delivering;
mod desk;
mod error;
mod firing;
mod http;
mod list;
mod live;
mod notification;
mod on_identity;
mod people;
mod plan;
mod preferences;
mod rule;
mod rules;
mod sendings;
mod targets;
mod template;
mod templates;
mod upkeep;

use std::sync::Arc;

use hanse_contracts::messages;
use hanse_events::Subscription;
use hanse_http::{Home, Outline, Routes, Sealer, Verifier};
use hanse_mail::{MailConfig, Mailer};
use hanse_outbound::Outbound;
use hanse_runtime::{BoxError, Built, Resources, Service};
use hanse_store::{Migration, Schema};

pub use channel::Channel;
pub use config::NotificationsConfig;
pub use error::NotificationError;

use crate::channels::mobile::Firebase;
use crate::channels::web_push::Vapid;
use crate::delivering::Postman;
use crate::desk::Desk;
use crate::firing::Watch;
use crate::live::Live;
use crate::rules::Followed;

const NAME: &str = "notifications";

const SCHEMA: Schema = Schema {
    owner: NAME,
    migrations: &[
        Migration {
            name: "0001_notifications",
            sql: include_str!("../schema/0001_notifications.sql"),
        },
        Migration { name: "0002_rules", sql: include_str!("../schema/0002_rules.sql") },
        Migration {
            name: "0003_delivery_steps",
            sql: include_str!("../schema/0003_delivery_steps.sql"),
        },
    ],
};

/// The service's state.
struct App {
    home: Home,
    desk: Desk,
    live: Live,
    followed: Followed,
    verifier: Verifier,
    outbound: Outbound,
    vapid_public: String,
}

impl hanse_http::Service for App {
    fn home(&self) -> &Home {
        &self.home
    }
}

/// The notifications service.
#[must_use]
pub fn service(config: NotificationsConfig, mail: MailConfig) -> Service {
    Service::new(NAME, SCHEMA, move |resources: Resources| build(config, mail, resources))
}

/// Its operations, without a running service.
#[must_use]
pub fn outline() -> Outline {
    Outline::new(NAME, http::operations())
}

async fn build(
    config: NotificationsConfig,
    mail: MailConfig,
    resources: Resources,
) -> Result<Built, BoxError> {
    let Resources { home, verifier, secrets, outbound, cache_folder, .. } = resources;
    let ids = home.db.ids().clone();
    let vapid = Vapid::new(secrets.derive("notifications vapid"), &config.push_contact)
        .ok_or("no key for push services can be derived")?;
    let firebase = match config.fcm_key_file.as_str() {
        "" => None,
        file => Some(Firebase::read(file)?),
    };
    let keep_days = config.keep_days;
    let seal = Sealer::new(secrets.derive(messages::SEAL), ids);
    let desk = Desk { config: Arc::new(config), seal };
    let live = Live::default();
    let followed = Followed::default();
    let watch = Watch { desk: desk.clone(), followed: followed.clone() };
    let app = Arc::new(App {
        home: home.clone(),
        desk: desk.clone(),
        live: live.clone(),
        followed: followed.clone(),
        verifier: verifier.clone(),
        outbound: outbound.clone(),
        vapid_public: vapid.public(),
    });
    let postman = Arc::new(Postman {
        db: home.db.clone(),
        desk: desk.clone(),
        sealer: home.sealer.clone(),
        mailer: Mailer::new(&mail, &cache_folder.join("mail"))?,
        outbound,
        vapid,
        firebase,
        public_url: verifier.names().0.to_owned(),
    });
    let db = home.db.clone();
    upkeep::start(&db).await?;
    let jobs = upkeep::worker(delivering::worker(&postman), &postman, keep_days);
    let people = Subscription::new("people")
        .on(on_identity::user_registered)
        .on(on_identity::user_updated)
        .on(on_identity::user_deleted)
        .on(on_identity::memberships_changed)
        .on(on_identity::OnMessageRequested(desk))
        .on_each(firing::event_types().iter().map(|event| event.name), move |tx, record| {
            watch.see(tx, record)
        });
    Ok(Built::new(Routes::new(NAME).with(&app, http::operations()))
        .subscribe(people)
        .jobs(jobs)
        .task("lists", move || {
            let (live, db) = (live.clone(), db.clone());
            async move { live.run(&db).await }
        }))
}
