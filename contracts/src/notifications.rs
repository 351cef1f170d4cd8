//! What notifications tells the others.

use hanse_events::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The lists of these people have changed: devices that show them can look. One person, or, after
/// something was sent to many, everybody whose id is in between.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ListsChanged {
    /// The least account.
    pub first: Uuid,
    /// The greatest.
    pub last: Uuid,
    /// The only notification that changed in these lists, if it was one.
    #[serde(default)]
    pub notification: Option<Uuid>,
}

impl DomainEvent for ListsChanged {
    const TYPE: &'static str = "notifications.ListsChanged";

    fn subject(&self) -> String {
        format!("list/{}", self.first)
    }

    fn owner(&self) -> Option<Uuid> {
        (self.first == self.last).then_some(self.first)
    }
}
