//! Events of all services come here; rules make messages of some of them.
//!
//! It happens in the transaction that moves the subscription's position, and every message has an id made
//! from its rule and its event: however often an event comes, each rule answers it once.
//!
//! No rule can set off itself or another: what it causes are events of this service, which none may
//! follow, nor those by which services ask for a message themselves. What leaves the platform and comes
//! back as something new is held by the rule's throttle.
//!
//! A rule that cannot make anything of an event says so in its figures and holds up nobody. Services that
//! know what a person must be told (a new device, a link to a new password) need no rule: they send the
//! message itself ([`MessageRequested`]), and from there on it is the same way, by the [`crate::desk`].

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hanse_contracts::identity::MessageRequested;
use hanse_events::schema::EventType;
use hanse_events::{DomainEvent as _, HandlerResult, Recorded};
use hanse_store::{Result, StoreError, Tx};
use uuid::Uuid;

use crate::desk::{Desk, DeskError, Post};
use crate::list;
use crate::people::{self, Membership, Person};
use crate::rule::{Made, Recipient, derived};
use crate::rules::{self, Followed, Stored, Tally};
use crate::sendings::{self, Audience, Sending};

/// People who are told in the transaction of the event; more are told in pieces.
pub(crate) const AT_ONCE: usize = 20;
/// People whom one event tells at the most.
const MOST: u32 = 10_000;
/// Causes are cut to this many characters.
const CAUSE: usize = 200;

/// The types of events that a rule may follow.
pub(crate) fn event_types() -> Vec<EventType> {
    let own = format!("{}.", crate::NAME);
    let may =
        |event: &EventType| !event.name.starts_with(&own) && event.name != MessageRequested::TYPE;
    hanse_contracts::catalogue().into_iter().filter(may).collect()
}

/// Applies rules to events. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Watch {
    pub(crate) desk: Desk,
    pub(crate) followed: Followed,
}

/// Whom a rule tells, and what came of it.
enum Told {
    /// So many are told, so many had enough.
    People(Tally),
    Trouble(String),
}

impl Watch {
    /// Applies the rules of an event's type.
    pub(crate) fn see<'a>(&self, tx: &'a mut Tx, record: Recorded) -> BoxFuture<'a, HandlerResult> {
        let watch = self.clone();
        async move {
            if !watch.followed.contains(tx, &record.kind).await? {
                return Ok(());
            }
            for stored in rules::of_event(tx, &record.kind).await? {
                if record.time >= stored.enabled_at {
                    watch.fire(tx, &stored, &record).await?;
                }
            }
            Ok(())
        }
        .boxed()
    }

    async fn fire(&self, tx: &mut Tx, stored: &Stored, record: &Recorded) -> Result<()> {
        let told = match stored.rule.apply(record) {
            Ok(None) => return Ok(()),
            Ok(Some(made)) => self.tell(tx, stored, record, made).await?,
            Err(error) => Told::Trouble(error.to_string()),
        };
        match told {
            Told::People(tally) => rules::note(tx, stored.id, tally, None).await,
            Told::Trouble(cause) => {
                let cause: String = cause.chars().take(CAUSE).collect();
                tracing::warn!(rule = %stored.id, event = record.kind, cause, "a rule failed");
                let tally = Tally { failed: 1, ..Tally::default() };
                rules::note(tx, stored.id, tally, Some(&cause)).await
            }
        }
    }

    async fn tell(
        &self,
        tx: &mut Tx,
        stored: &Stored,
        record: &Recorded,
        made: Made,
    ) -> Result<Told> {
        let people = recipients(tx, &stored.rule.recipient, record, &made).await?;
        if people.len() > AT_ONCE {
            return self.tell_many(tx, stored, record, made, people).await;
        }
        let message = stored.rule.message(stored.id, record.id, made.values);
        let cause = format!("rule {} by {} {}", stored.id, record.kind, record.id);
        let mut tally = Tally { fired: 1, ..Tally::default() };
        for person in &people {
            if rules::is_enough(tx, stored.id, person.id, stored.rule.throttle).await? {
                tally.throttled += 1;
                continue;
            }
            let (message, cause) = (&message, Some(cause.as_str()));
            let post = Post { person, message, cause, sending: Some(stored.id) };
            match self.desk.post(tx, &post).await {
                Ok(false) => {}
                Ok(true) => list::tell(tx, person.id, person.id).await?,
                Err(DeskError::Store(error)) => return Err(error),
                Err(error) => return Ok(Told::Trouble(error.to_string())),
            }
        }
        Ok(Told::People(tally))
    }

    /// Many are told as a sending of its own, which holds up nobody. Its throttle is a pause between two.
    async fn tell_many(
        &self,
        tx: &mut Tx,
        stored: &Stored,
        record: &Recorded,
        made: Made,
        people: Vec<Person>,
    ) -> Result<Told> {
        let throttle = stored.rule.throttle;
        let pause = i64::from(throttle.seconds) / i64::from(throttle.most.max(1));
        let now = tx.now();
        if let Some(last) = stored.fired_at
            && now.duration_since(last).as_secs() < pause
        {
            let throttled = i64::try_from(people.len()).unwrap_or(i64::MAX);
            return Ok(Told::People(Tally { throttled, ..Tally::default() }));
        }
        let id = derived(record.id, stored.id);
        let mut ids: Vec<Uuid> = people.into_iter().map(|person| person.id).collect();
        ids.sort();
        let sending = Sending {
            id,
            author: stored.author,
            audience: Audience::People(ids),
            message: stored.rule.message(stored.id, record.id, made.values),
            state: "waiting".into(),
            run_at: now,
            repeat: None,
            round: 0,
            place: Uuid::nil(),
            told: 0,
            created_at: now,
        };
        sendings::insert(tx, &sending).await?;
        sendings::start(tx, &sending).await?;
        Ok(Told::People(Tally { fired: 1, ..Tally::default() }))
    }
}

/// Whom a rule tells of an event. Who is not known, or no more, is told nothing.
pub(crate) async fn recipients(
    tx: &mut Tx,
    recipient: &Recipient,
    record: &Recorded,
    made: &Made,
) -> Result<Vec<Person>, StoreError> {
    let ids: Vec<Uuid> = match recipient {
        Recipient::Owner => record.owner.into_iter().collect(),
        Recipient::Field(_) => made.named.into_iter().collect(),
        Recipient::Users(ids) => ids.clone(),
        Recipient::Role(role) => return people::members(tx, Membership::Role, role, MOST).await,
        Recipient::Group(id) => {
            return people::members(tx, Membership::Group, &id.to_string(), MOST).await;
        }
    };
    let mut people = Vec::with_capacity(ids.len());
    for id in ids {
        people.extend(people::find(tx, id).await?);
    }
    Ok(people)
}
