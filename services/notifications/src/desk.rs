//! Where messages come in and are sent on their ways, all inside one transaction: the row of the list,
//! the deliveries, and the jobs that will make them.

use std::iter;

use hanse_contracts::messages::Message;
use hanse_http::Sealer;
use hanse_jobs::{Job, Schedule as _};
use hanse_store::{Result, StoreError, Tx};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::channel::Channel;
use crate::config::NotificationsConfig;
use crate::deliveries::{self, Key, New, Progress};
use crate::list;
use crate::notification::{Notification, State};
use crate::people::{self, Person};
use crate::plan::{Facts, When, plan};
use crate::preferences;
use crate::template::{Note, RenderError, Template, Values};
use crate::{targets, templates};

/// The kind of the job that gathers held messages.
pub(crate) const DIGEST: &str = "digest";

/// The kind of the job that delivers by a channel.
pub(crate) fn job_kind(channel: Channel) -> &'static str {
    match channel {
        Channel::InApp => "in_app",
        Channel::Email => "email",
        Channel::Sms => "sms",
        Channel::Push => "push",
        Channel::Webhook => "webhook",
    }
}

/// The kind of the job that delivers a letter of a sending to many: nobody's own letter waits behind them.
pub(crate) const BULK_EMAIL: &str = "bulk_email";

/// What is to be delivered, as a job carries it. Codes and links stay sealed in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Parcel {
    pub(crate) owner: Uuid,
    pub(crate) target: Uuid,
    pub(crate) message: Message,
}

impl Parcel {
    pub(crate) fn key(&self, channel: Channel) -> Key {
        let (owner, notification) = (self.owner, self.message.id);
        Key { owner, notification, channel, target: self.target }
    }
}

/// What a job of gathering carries.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Gathering {
    pub(crate) owner: Uuid,
}

/// Why a message cannot be taken in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeskError {
    /// There is no template of this type.
    #[error("there is no template of the type {0}")]
    NoTemplate(String),
    /// It does not fit its values.
    #[error("the template {0} cannot be rendered: {1}")]
    Template(String, RenderError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A message for somebody, and where it comes from.
pub(crate) struct Post<'a> {
    pub(crate) person: &'a Person,
    pub(crate) message: &'a Message,
    /// The event that it answers, for whoever asks why they were told.
    pub(crate) cause: Option<&'a str>,
    pub(crate) sending: Option<Uuid>,
}

/// Takes messages in. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) config: std::sync::Arc<NotificationsConfig>,
    /// Opens what other services have sealed for us.
    pub(crate) seal: Sealer,
}

impl Desk {
    /// Sends a message on its ways. True when the person's list has changed, of which the caller tells
    /// their devices. The same message to the same person is taken once, and none to one who has left.
    pub(crate) async fn post(&self, tx: &mut Tx, post: &Post<'_>) -> Result<bool, DeskError> {
        let (owner, message) = (post.person.id, post.message);
        if !hanse_events::erased_among(tx, iter::once(owner)).await?.is_empty() {
            return Ok(false);
        }
        let (preferences, _) = preferences::find(tx, owner).await?;
        let locale = preferences.locale.as_deref().unwrap_or(&self.config.locale);
        let template = self.template(tx, &message.template, locale).await?;
        let now = tx.now();
        let hour_ago = now.saturating_sub(SignedDuration::from_hours(1)).unwrap_or(now);
        let recent = match message.essential {
            true => 0,
            false => deliveries::recent(tx, owner, &message.template, hour_ago).await?,
        };
        let facts = Facts {
            message,
            usual: &template.channels,
            preferences: &preferences,
            recent,
            enough: self.config.per_hour.into(),
            now,
        };
        let mut listed = false;
        for (channel, when) in plan(&facts) {
            if channel == Channel::InApp {
                listed = self.enlist(tx, post, &template, now).await?;
                continue;
            }
            for target in targets::of_channel(tx, owner, channel).await? {
                let parcel = Parcel { owner, target, message: message.clone() };
                let title = template.note(&values(message, post.person)).map(|note| note.title);
                let new = New {
                    key: parcel.key(channel),
                    kind: &message.template,
                    // One whose subject needs what is sealed is never gathered: it is essential.
                    title: title.as_deref().unwrap_or(&message.template),
                    sending: post.sending,
                    progress: Progress::waiting(matches!(when, When::Gathered(_))),
                };
                self.dispatch(tx, &new, (job_kind(channel), when), parcel).await?;
            }
        }
        Ok(listed)
    }

    /// The template of a type for a locale.
    pub(crate) async fn template(
        &self,
        tx: &mut Tx,
        kind: &str,
        locale: &str,
    ) -> Result<Template, DeskError> {
        templates::find(tx, kind, locale, &self.config.locale)
            .await?
            .ok_or_else(|| DeskError::NoTemplate(kind.to_owned()))
    }

    async fn enlist(
        &self,
        tx: &mut Tx,
        post: &Post<'_>,
        template: &Template,
        now: Timestamp,
    ) -> Result<bool, DeskError> {
        let kind = &post.message.template;
        let Note { title, body, link } = template
            .note(&values(post.message, post.person))
            .map_err(|error| DeskError::Template(kind.clone(), error))?;
        let notification = Notification {
            owner: post.person.id,
            id: post.message.id,
            seq: 0,
            kind: kind.clone(),
            title,
            body,
            link,
            cause: post.cause.map(str::to_owned),
            state: State::Sent,
            created_at: now,
        };
        Ok(list::insert(tx, notification).await?)
    }

    /// Has a delivery made, by a job of this kind, when it is its time. One that is there already is left as it is.
    pub(crate) async fn dispatch(
        &self,
        tx: &mut Tx,
        new: &New<'_>,
        (kind, when): (&'static str, When),
        parcel: Parcel,
    ) -> Result<()> {
        if !deliveries::insert(tx, new).await? {
            return Ok(());
        }
        let owner = parcel.owner;
        if let When::Gathered(at) = when {
            let job =
                Job::new(DIGEST, Gathering { owner }).owner(owner).key(owner.to_string()).at(at);
            return tx.schedule(job).await.map(drop);
        }
        let deadline = parcel.message.expires_at;
        let mut job = Job::new(kind, parcel).owner(owner);
        if let When::At(at) = when {
            job = job.at(at);
        }
        if let Some(deadline) = deadline {
            job = job.deadline(deadline);
        }
        tx.schedule(job).await.map(drop)
    }

    /// All values of a message, those that were sealed too.
    pub(crate) fn opened(&self, message: &Message, person: &Person) -> Option<Values> {
        let mut all = values(message, person);
        if let Some(sealed) = &message.sealed {
            let purpose = hanse_contracts::messages::SEAL;
            all.extend(self.seal.open::<Values>(purpose, sealed).ok()?);
        }
        Some(all)
    }
}

/// The values of a message that are no secret, and the person's name, unless the message has its own.
pub(crate) fn values(message: &Message, person: &Person) -> Values {
    let mut values: Values = message.values.clone();
    values.entry("name".into()).or_insert_with(|| person.name.clone());
    values
}

/// Somebody who is told; for an address of which no account is known yet, only that.
pub(crate) async fn addressee(tx: &mut Tx, id: Uuid) -> Result<Person> {
    let nobody = || Person { id, email: String::new(), name: String::new() };
    Ok(people::find(tx, id).await?.unwrap_or_else(nobody))
}
