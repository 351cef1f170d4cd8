//! Telling a person something: any service asks by an event of its own log, and notifications, which
//! knows channels, addresses, preferences and templates, does it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What [`Message::sealed`] is sealed for, and the name of the key that both sides derive.
pub const SEAL: &str = "messages";

/// A way to reach somebody.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// The person's list of notifications, live.
    InApp,
    /// E-mail.
    Email,
    /// A text message to a telephone.
    Sms,
    /// A browser or a telephone that asked to be told.
    Push,
}

/// Something that one person is to be told.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Message {
    /// Its identity: the same one is never told twice.
    pub id: Uuid,
    /// The template, `<service>.<name>`, such as `identity.reset_password`; also the type that
    /// preferences are kept by.
    pub template: String,
    /// The only ways it may go. Empty: as the person prefers.
    #[serde(default)]
    pub channels: Vec<Channel>,
    /// The person asked for it or must know of it: preferences, quiet hours and digests do not
    /// hold it back.
    #[serde(default)]
    pub essential: bool,
    /// An e-mail address other than the account's, such as one that is to be verified.
    #[serde(default)]
    pub email: Option<String>,
    /// A telephone number (E.164) other than the one that notifications knows.
    #[serde(default)]
    pub phone: Option<String>,
    /// What the template says.
    #[serde(default)]
    pub values: BTreeMap<String, String>,
    /// More values that no log may show, such as codes and links: the same map as JSON, sealed with
    /// the key derived for [`SEAL`].
    #[serde(default)]
    pub sealed: Option<String>,
    /// Pointless after this time, and not sent then.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}
