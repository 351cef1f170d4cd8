//! What crosses the border between services: events, and nothing else yet.
//!
//! Each event's JSON Schema is committed under `schemas/`; a test refuses a change that breaks the
//! event's promise (law 8). To add an event: a struct here, a line in [`catalogue`], an example of its
//! data in `golden/`, and `cargo xtask check --write`, which runs
//! `cargo run -p hanse-contracts --example write_schemas`.
//!
//! Names and free text in an event are somebody's personal data: `owner` says whose, and their
//! erasure blanks it. An event that must outlive its owner (such as [`identity::UserDeleted`])
//! carries ids only, and has no owner.

pub mod documents;
pub mod identity;
pub mod messages;
pub mod notifications;
pub mod thoughts;

use hanse_events::schema::EventType;

/// Every event type of the platform.
#[must_use]
pub fn catalogue() -> Vec<EventType> {
    vec![
        EventType::of::<identity::UserRegistered>(),
        EventType::of::<identity::UserUpdated>(),
        EventType::of::<identity::MembershipsChanged>(),
        EventType::of::<identity::UserDeleted>(),
        EventType::of::<identity::UserDisabled>(),
        EventType::of::<identity::PasswordChanged>(),
        EventType::of::<identity::SessionStarted>(),
        EventType::of::<identity::SessionRevoked>(),
        EventType::of::<identity::UserImpersonated>(),
        EventType::of::<identity::MessageRequested>(),
        EventType::of::<notifications::ListsChanged>(),
        EventType::of::<thoughts::ThoughtCreated>(),
        EventType::of::<thoughts::ThoughtUpdated>(),
        EventType::of::<thoughts::ThoughtDeleted>(),
    ]
}
