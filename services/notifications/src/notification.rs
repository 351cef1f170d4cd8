//! A notification in a person's list, and what can happen to it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::NotificationError;

/// How far a notification has come. It is one state for all devices of a person.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is in the list.
    Sent,
    /// A device has it.
    Delivered,
    /// It was on a screen.
    Seen,
    /// It was read.
    Read,
    /// The person took it off the list.
    Dismissed,
    /// Its sender took it back.
    Revoked,
}

impl State {
    const ALL: [Self; 6] =
        [Self::Sent, Self::Delivered, Self::Seen, Self::Read, Self::Dismissed, Self::Revoked];

    /// The name that is stored.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Seen => "seen",
            Self::Read => "read",
            Self::Dismissed => "dismissed",
            Self::Revoked => "revoked",
        }
    }

    /// The state of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Does it count as unread?
    #[must_use]
    pub fn is_unread(self) -> bool {
        self < Self::Read
    }

    /// Is it off the list?
    #[must_use]
    pub fn is_hidden(self) -> bool {
        self >= Self::Dismissed
    }
}

/// A notification in a person's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notification {
    pub(crate) owner: Uuid,
    pub(crate) id: Uuid,
    /// The number of its last change among those of the list.
    pub(crate) seq: i64,
    pub(crate) kind: String,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) link: Option<String>,
    /// Why it was sent: the event.
    pub(crate) cause: Option<String>,
    pub(crate) state: State,
    pub(crate) created_at: Timestamp,
}

impl Notification {
    /// The notification in another state. It only goes forward, except from read back to seen; one that
    /// is hidden stays so. `None` when nothing changes.
    ///
    /// # Errors
    /// [`NotificationError::NotFound`] for one that is hidden.
    pub(crate) fn turned(mut self, state: State) -> Result<Option<Self>, NotificationError> {
        if self.state.is_hidden() {
            return Err(NotificationError::NotFound);
        }
        let back = self.state == State::Read && state == State::Seen;
        if state <= self.state && !back {
            return Ok(None);
        }
        self.state = state;
        if state.is_hidden() {
            self.title.clear();
            self.body.clear();
            self.link = None;
        }
        Ok(Some(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_goes_forward_only() {
        let notification = |state| Notification {
            owner: Uuid::nil(),
            id: Uuid::nil(),
            seq: 1,
            kind: "a.b".into(),
            title: "t".into(),
            body: "b".into(),
            link: None,
            cause: None,
            state,
            created_at: Timestamp::UNIX_EPOCH,
        };
        for from in State::ALL {
            for to in State::ALL {
                let changed = notification(from).turned(to);
                if from.is_hidden() {
                    assert!(changed.is_err(), "{from:?} to {to:?}");
                    continue;
                }
                let changed = changed.unwrap();
                let expected = to > from || (from, to) == (State::Read, State::Seen);
                assert_eq!(changed.is_some(), expected, "{from:?} to {to:?}");
                if let Some(changed) = changed.filter(|changed| changed.state.is_hidden()) {
                    assert!(changed.title.is_empty() && changed.body.is_empty());
                }
            }
            assert_eq!(State::parse(from.name()), Some(from));
        }
    }
}
