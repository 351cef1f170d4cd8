//! What thoughts tells the others (A-040…A-042).

use hanse_events::DomainEvent;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A thought was written down.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ThoughtCreated {
    /// The thought.
    pub thought_id: Uuid,
    /// Its owner.
    pub user_id: Uuid,
    /// Its text.
    pub text: String,
    /// Its tags, such as `work/ideas`.
    pub tags: Vec<String>,
    /// When it was written; an imported one keeps its own time.
    pub created_at: Timestamp,
}

/// A thought's text or tags changed. Carries the whole new state.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ThoughtUpdated {
    /// The thought.
    pub thought_id: Uuid,
    /// Its owner.
    pub user_id: Uuid,
    /// Its text now.
    pub text: String,
    /// Its tags now.
    pub tags: Vec<String>,
    /// When it was written.
    pub created_at: Timestamp,
}

/// A thought is gone.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ThoughtDeleted {
    /// The thought.
    pub thought_id: Uuid,
    /// Its owner.
    pub user_id: Uuid,
    /// When it had been written.
    pub created_at: Timestamp,
}

macro_rules! about_thought {
    ($($event:ident),*) => {$(
        impl DomainEvent for $event {
            const TYPE: &'static str = concat!("thoughts.", stringify!($event));
            fn subject(&self) -> String {
                format!("thought/{}", self.thought_id)
            }
            fn owner(&self) -> Option<Uuid> {
                Some(self.user_id)
            }
        }
    )*};
}
about_thought!(ThoughtCreated, ThoughtUpdated, ThoughtDeleted);
