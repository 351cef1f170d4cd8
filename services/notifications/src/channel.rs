//! The ways to somebody.

use hanse_contracts::messages;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A way to somebody.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "NotificationChannel")]
pub enum Channel {
    /// The person's list, live.
    InApp,
    /// E-mail.
    Email,
    /// Text messages to a telephone.
    Sms,
    /// Browsers and telephones that asked to be told.
    Push,
    /// Systems of the person's own that asked to be told.
    Webhook,
}

impl Channel {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::InApp, Self::Email, Self::Sms, Self::Push, Self::Webhook];

    /// The name that is stored.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InApp => "in_app",
            Self::Email => "email",
            Self::Sms => "sms",
            Self::Push => "push",
            Self::Webhook => "webhook",
        }
    }

    /// The channel of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.name() == name)
    }
}

impl From<messages::Channel> for Channel {
    fn from(channel: messages::Channel) -> Self {
        match channel {
            messages::Channel::InApp => Self::InApp,
            messages::Channel::Email => Self::Email,
            messages::Channel::Sms => Self::Sms,
            messages::Channel::Push => Self::Push,
        }
    }
}
