//! Settings of the notifications service.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Settings of the notifications service.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NotificationsConfig {
    /// Language of whoever has not chosen one.
    pub locale: String,
    /// Days that notifications are kept (1 to 3650).
    pub keep_days: u16,
    /// Messages of one type that go to a person by one channel within an hour; more wait for the next.
    pub per_hour: u32,
    /// Streams of one person at the same time.
    pub streams_per_person: usize,
    /// How push services reach the operator (VAPID, RFC 8292): `mailto:` or `https:`.
    pub push_contact: String,
    /// Service account of Firebase Cloud Messaging (JSON file); empty for no mobile push.
    pub fcm_key_file: String,
    /// Where text messages are handed in, as Twilio's API has it; empty for none.
    pub sms_url: String,
    /// Account there.
    pub sms_account: String,
    /// Its token.
    pub sms_token: String,
    /// Number that text messages come from.
    pub sms_from: String,
    /// What providers sign their reports of bounces with (Standard Webhooks, `whsec_…`); empty for none.
    pub feedback_secret: String,
}

impl Default for NotificationsConfig {
    fn default() -> Self {
        Self {
            locale: "en".into(),
            keep_days: 90,
            per_hour: 20,
            streams_per_person: 10,
            push_contact: "mailto:hanse@localhost.localdomain".into(),
            fcm_key_file: String::new(),
            sms_url: String::new(),
            sms_account: String::new(),
            sms_token: String::new(),
            sms_from: String::new(),
            feedback_secret: String::new(),
        }
    }
}

impl std::fmt::Debug for NotificationsConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NotificationsConfig").field("locale", &self.locale).finish_non_exhaustive()
    }
}

impl NotificationsConfig {
    /// Mistakes that types cannot express, as (key, what is wrong).
    #[must_use]
    pub fn mistakes(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let mut check = |right: bool, key: &str, what: &str| {
            if !right {
                found.push((format!("notifications.{key}"), what.to_owned()));
            }
        };
        check((1..=3650).contains(&self.keep_days), "keep_days", "must be 1 to 3650");
        check(self.per_hour > 0, "per_hour", "must be at least 1");
        check(self.streams_per_person > 0, "streams_per_person", "must be at least 1");
        let contact = ["mailto:", "https:"].iter().any(|head| self.push_contact.starts_with(head));
        check(contact, "push_contact", "must begin with mailto: or https:");
        let secret = self.feedback_secret.is_empty() || self.feedback_secret.starts_with("whsec_");
        check(secret, "feedback_secret", "must begin with whsec_");
        found
    }
}
