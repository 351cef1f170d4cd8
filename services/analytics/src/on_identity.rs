//! Counts accounts and sign-ins.

use hanse_contracts::identity::{
    PasswordChanged, SessionStarted, UserDeleted, UserDisabled, UserRegistered, UserUpdated,
};
use hanse_events::{DomainEvent, Event, HandlerResult};
use hanse_store::Tx;
use uuid::Uuid;

use crate::activity;
use crate::calendar::Hour;
use crate::tally::{Delta, PLATFORM, Tally};

const SEEN: Delta = Delta {
    written: 0,
    living: 0,
    words: 0,
    characters: 0,
    edits: 0,
    deletions: 0,
    sign_ins: 0,
    registrations: 0,
    departures: 0,
    events: 1,
};

pub(crate) async fn user_registered(tx: &mut Tx, event: Event<UserRegistered>) -> HandlerResult {
    count(tx, event.data.user_id, &event, Delta { registrations: 1, ..SEEN }).await
}

pub(crate) async fn user_updated(tx: &mut Tx, event: Event<UserUpdated>) -> HandlerResult {
    count(tx, event.data.user_id, &event, SEEN).await
}

pub(crate) async fn password_changed(tx: &mut Tx, event: Event<PasswordChanged>) -> HandlerResult {
    count(tx, event.data.user_id, &event, SEEN).await
}

pub(crate) async fn session_started(tx: &mut Tx, event: Event<SessionStarted>) -> HandlerResult {
    count(tx, event.data.user_id, &event, Delta { sign_ins: 1, ..SEEN }).await
}

/// Somebody else does this to an account, so it is in its log but makes nobody active.
pub(crate) async fn user_disabled(tx: &mut Tx, event: Event<UserDisabled>) -> HandlerResult {
    Ok(activity::note(tx, &[(event.data.user_id, &event)]).await?)
}

/// Counted without an id: only how many left, and when.
pub(crate) async fn user_deleted(tx: &mut Tx, event: Event<UserDeleted>) -> HandlerResult {
    let mut tally = Tally::default();
    *tally.at(PLATFORM, Hour::of(event.time)) = Delta { departures: 1, ..SEEN };
    Ok(tally.save(tx).await?)
}

async fn count<T: DomainEvent>(
    tx: &mut Tx,
    owner: Uuid,
    event: &Event<T>,
    delta: Delta,
) -> HandlerResult {
    let mut tally = Tally::default();
    *tally.at(owner, Hour::of(event.time)) = delta;
    tally.save(tx).await?;
    Ok(activity::note(tx, &[(owner, event)]).await?)
}
