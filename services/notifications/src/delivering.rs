//! Taking what waits to the next server, and noting how that went. One way for all channels: what is to
//! go is read together, sent side by side, and noted in one transaction.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use hanse_http::Sealer;
use hanse_jobs::{BoxError, Outcome, Run, Tried, Worker};
use hanse_mail::Mailer;
use hanse_outbound::Outbound;
use hanse_store::{Db, StoreError, Tx};
use serde::de::DeserializeOwned;

use crate::channel::Channel;
use crate::channels::mobile::{Firebase, Phone};
use crate::channels::web_push::{Browser, Vapid};
use crate::channels::webhook::Endpoint;
use crate::channels::{Trouble, email, sms, web_push, webhook};
use crate::deliveries::{self, Progress};
use crate::desk::{BULK_EMAIL, Desk, DeskError, Gathering, Parcel, addressee, job_kind};
use crate::people::Person;
use crate::preferences;
use crate::targets::{self, Target};
use crate::template::{Template, Values};

/// Letters that are sent side by side.
const LETTERS: usize = 64;
/// Messages of the other channels that are.
const OTHERS: usize = 16;
/// Batches of a channel under way at the same time.
const BATCHES: usize = 4;
/// Tries of a webhook: more than a day (EXO-10).
const WEBHOOK_TRIES: u32 = 17;
/// What targets are sealed for.
pub(crate) const TARGET: &str = "target";

/// Takes messages away.
pub(crate) struct Postman {
    pub(crate) db: Db,
    pub(crate) desk: Desk,
    pub(crate) sealer: Sealer,
    pub(crate) mailer: Mailer,
    pub(crate) outbound: Outbound,
    pub(crate) vapid: Vapid,
    pub(crate) firebase: Option<Firebase>,
    pub(crate) public_url: String,
}

/// A message that is ready to go.
struct Ready {
    person: Person,
    address: Option<String>,
    phone: Option<String>,
    german: bool,
    template: Arc<Template>,
    values: Values,
    target: Option<Target>,
}

/// The templates of a batch, by type and language.
type Templates = BTreeMap<(String, String), Arc<Template>>;

/// How a delivery stands before it is tried.
enum Prepared {
    Ready(Box<Ready>),
    /// It was sent, or taken back, before.
    Over,
    Refused(Trouble),
}

/// The jobs of all channels.
pub(crate) fn worker(postman: &Arc<Postman>) -> Worker {
    let mut worker = Worker::new();
    let ways = [Channel::Email, Channel::Sms, Channel::Push, Channel::Webhook];
    let bulk = std::iter::once((BULK_EMAIL, Channel::Email));
    for (kind, channel) in bulk.chain(ways.map(|channel| (job_kind(channel), channel))) {
        let at_once = if channel == Channel::Email { LETTERS } else { OTHERS };
        let postman = Arc::clone(postman);
        let deliver = move |runs| {
            let postman = Arc::clone(&postman);
            async move { postman.deliver(channel, runs).await }
        };
        worker = worker.on_many(kind, at_once, deliver).side_by_side(kind, BATCHES);
    }
    worker.tries(job_kind(Channel::Webhook), WEBHOOK_TRIES)
}

impl Postman {
    async fn deliver(&self, channel: Channel, runs: Vec<Run<Parcel>>) -> Vec<Tried> {
        match self.try_all(channel, &runs).await {
            Ok(tried) => tried,
            Err(error) => {
                let text = error.to_string();
                runs.iter().map(|_| Err(BoxError::from(text.clone()))).collect()
            }
        }
    }

    async fn try_all(
        &self,
        channel: Channel,
        runs: &[Run<Parcel>],
    ) -> Result<Vec<Tried>, StoreError> {
        let desk = &self.desk;
        let prepared = self
            .db
            .read::<_, StoreError, _>(async move |tx: &mut Tx| {
                let (mut prepared, mut templates) =
                    (Vec::with_capacity(runs.len()), BTreeMap::new());
                for run in runs {
                    prepared.push(prepare(tx, desk, &mut templates, channel, &run.payload).await?);
                }
                Ok(prepared)
            })
            .await?;
        let sent =
            join_all(prepared.into_iter().zip(runs).map(async |(prepared, run)| match prepared {
                Prepared::Over => None,
                Prepared::Refused(trouble) => Some(Err(trouble)),
                Prepared::Ready(ready) => Some(self.send(channel, &run.payload, &ready).await),
            }))
            .await;
        let notes: Vec<_> = runs
            .iter()
            .zip(&sent)
            .filter_map(|(run, sent)| Some((run.payload.clone(), run.last, sent.clone()?)))
            .collect();
        self.db
            .write::<_, StoreError, _>(async move |tx: &mut Tx| {
                for (parcel, last, sent) in notes {
                    note(tx, channel, &parcel, last, sent).await?;
                }
                Ok(())
            })
            .await?;
        Ok(sent.into_iter().map(tried).collect())
    }

    async fn send(&self, channel: Channel, parcel: &Parcel, ready: &Ready) -> Result<(), Trouble> {
        let key = parcel.key(channel);
        let kind = &parcel.message.template;
        let now = self.db.clock().now();
        if channel == Channel::Email {
            let unsubscribe = (!parcel.message.essential && !ready.person.email.is_empty())
                .then(|| email::unsubscribe_link(&self.public_url, &self.sealer, key.owner, kind));
            let draft = email::Draft {
                id: email::letter_id(&key),
                name: &ready.person.name,
                address: ready.address.as_deref().unwrap_or_default(),
                template: &ready.template,
                values: &ready.values,
                unsubscribe,
                german: ready.german,
                now,
            };
            return email::send(&self.mailer, draft).await;
        }
        let note = ready.template.note(&ready.values);
        let note = note.map_err(|error| Trouble::last(error.to_string()))?;
        match (channel, &ready.target) {
            (Channel::Sms, _) => {
                sms::send(&self.outbound, &self.desk.config, ready.phone.as_deref(), &note).await
            }
            (Channel::Webhook, Some(target)) => {
                let endpoint: Endpoint = self.reached(target)?;
                webhook::send(&self.outbound, &endpoint, &key, kind, &note, now).await
            }
            (Channel::Push, Some(target)) if target.kind == "mobile" => {
                let none = || Trouble::last("no service for telephones is configured");
                let firebase = self.firebase.as_ref().ok_or_else(none)?;
                let phone: Phone = self.reached(target)?;
                firebase.send(&self.outbound, &phone, &note, now).await
            }
            (Channel::Push, Some(target)) => {
                let browser: Browser = self.reached(target)?;
                web_push::send(&self.outbound, &self.vapid, &browser, &note, self.db.ids()).await
            }
            _ => Err(Trouble::last("the target is gone")),
        }
    }

    /// What it takes to reach a target.
    fn reached<T: DeserializeOwned>(&self, target: &Target) -> Result<T, Trouble> {
        let opened = self.sealer.open(TARGET, &target.sealed);
        opened.map_err(|_| Trouble::last("the target cannot be read; register it again"))
    }

    /// Sends what has been gathered for somebody as one letter.
    pub(crate) async fn gather(&self, run: Run<Gathering>) -> Tried {
        let owner = run.payload.owner;
        let desk = self.desk.clone();
        let found = self
            .db
            .read::<_, DeskError, _>(async move |tx: &mut Tx| {
                let held = deliveries::held(tx, owner, Channel::Email).await?;
                let person = addressee(tx, owner).await?;
                let locale = preferences::find(tx, owner).await?.0.locale;
                let locale = locale.unwrap_or_else(|| desk.config.locale.clone());
                let template = desk.template(tx, "notifications.digest", &locale).await?;
                let refused = targets::suppressed(tx, &person.email).await?.is_some();
                Ok((held, person, locale, template, refused))
            })
            .await?;
        let (held, person, locale, template, refused) = found;
        if held.is_empty() {
            return Ok(Outcome::Done);
        }
        let items: Vec<String> = held.iter().map(|(_, title)| format!("* {title}")).collect();
        let values = Values::from([
            ("name".to_owned(), person.name.clone()),
            ("count".to_owned(), held.len().to_string()),
            ("items".to_owned(), items.join("\n")),
        ]);
        let kind = "notifications.digest";
        let link = email::unsubscribe_link(&self.public_url, &self.sealer, owner, kind);
        let draft = email::Draft {
            id: format!("digest-{}", run.idempotency_key),
            name: &person.name,
            address: &person.email,
            template: &template,
            values: &values,
            unsubscribe: Some(link),
            german: locale.starts_with("de"),
            now: self.db.clock().now(),
        };
        let sent = match refused {
            true => Err(Trouble::last("the address bounced before")),
            false => email::send(&self.mailer, draft).await,
        };
        if let Err(trouble) = &sent
            && !trouble.last
            && !run.last
        {
            return Err(trouble.cause.clone().into());
        }
        self.db
            .write::<_, StoreError, _>(async move |tx: &mut Tx| {
                for (notification, _) in held {
                    let (channel, target) = (Channel::Email, uuid::Uuid::nil());
                    let key = deliveries::Key { owner, notification, channel, target };
                    let cause = sent.as_ref().err().map(|trouble| trouble.cause.as_str());
                    let progress = if cause.is_some() { Progress::Failed } else { Progress::Sent };
                    deliveries::mark(tx, &key, progress, cause).await?;
                }
                Ok(())
            })
            .await?;
        Ok(Outcome::Done)
    }
}

async fn prepare(
    tx: &mut Tx,
    desk: &Desk,
    templates: &mut Templates,
    channel: Channel,
    parcel: &Parcel,
) -> Result<Prepared, StoreError> {
    if !deliveries::is_open(tx, &parcel.key(channel)).await? {
        return Ok(Prepared::Over);
    }
    let (owner, message) = (parcel.owner, &parcel.message);
    let person = addressee(tx, owner).await?;
    let (preferences, _) = preferences::find(tx, owner).await?;
    let locale = preferences.locale.as_deref().unwrap_or(&desk.config.locale);
    let key = (message.template.clone(), locale.to_owned());
    let template = match templates.get(&key) {
        Some(template) => Arc::clone(template),
        None => match desk.template(tx, &message.template, locale).await {
            Ok(template) => Arc::clone(templates.entry(key).or_insert(Arc::new(template))),
            Err(DeskError::Store(error)) => return Err(error),
            Err(error) => return Ok(Prepared::Refused(Trouble::last(error.to_string()))),
        },
    };
    let Some(values) = desk.opened(message, &person) else {
        let trouble = Trouble::last("its sealed values cannot be opened");
        return Ok(Prepared::Refused(trouble));
    };
    let address = message.email.clone().unwrap_or_else(|| person.email.clone());
    if channel == Channel::Email
        && let Some(cause) = targets::suppressed(tx, &address).await?
    {
        return Ok(Prepared::Refused(Trouble::last(format!("suppressed: {cause}"))));
    }
    Ok(Prepared::Ready(Box::new(Ready {
        address: (!address.is_empty()).then_some(address),
        phone: message.phone.clone().or_else(|| preferences.phone.clone()),
        german: locale.starts_with("de"),
        target: match parcel.target.is_nil() {
            true => None,
            false => targets::find(tx, owner, parcel.target).await?,
        },
        person,
        template,
        values,
    })))
}

/// Notes how a try ended.
async fn note(
    tx: &mut Tx,
    channel: Channel,
    parcel: &Parcel,
    last: bool,
    sent: Result<(), Trouble>,
) -> Result<(), StoreError> {
    let key = parcel.key(channel);
    let Err(trouble) = sent else {
        return deliveries::mark(tx, &key, Progress::Sent, None).await;
    };
    let progress = if trouble.last || last { Progress::Failed } else { Progress::Queued };
    deliveries::mark(tx, &key, progress, Some(&trouble.cause)).await?;
    if !trouble.gone {
        return Ok(());
    }
    if channel == Channel::Email {
        let person = addressee(tx, parcel.owner).await?;
        let address = parcel.message.email.clone().unwrap_or(person.email);
        return targets::suppress(tx, &address, &trouble.cause).await;
    }
    targets::delete(tx, parcel.owner, parcel.target).await.map(drop)
}

/// What the job is told: trouble that will not pass is no failure of the job.
fn tried(sent: Option<Result<(), Trouble>>) -> Tried {
    match sent {
        Some(Err(trouble)) if !trouble.last => Err(trouble.cause.into()),
        _ => Ok(Outcome::Done),
    }
}
