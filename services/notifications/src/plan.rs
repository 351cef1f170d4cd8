//! Which ways a message goes, and when: rules without a store.

use hanse_contracts::messages::Message;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use crate::channel::Channel;
use crate::preferences::{Digest, Preferences};

/// The hour of a daily digest.
const MORNING: i8 = 8;

/// When a message goes one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// At once.
    Now,
    /// When the person's quiet has ended.
    At(Timestamp),
    /// With others, at this time.
    Gathered(Timestamp),
}

/// What is known when a message is planned.
pub(crate) struct Facts<'a> {
    pub(crate) message: &'a Message,
    /// The template's own channels.
    pub(crate) usual: &'a [Channel],
    pub(crate) preferences: &'a Preferences,
    /// Messages of this type that went by each channel but the list within the hour.
    pub(crate) recent: i64,
    /// How many of them are enough.
    pub(crate) enough: i64,
    pub(crate) now: Timestamp,
}

/// The ways that this message goes.
pub(crate) fn plan(facts: &Facts<'_>) -> Vec<(Channel, When)> {
    let channels = channels(facts);
    channels.into_iter().map(|channel| (channel, when(facts, channel))).collect()
}

fn channels(facts: &Facts<'_>) -> Vec<Channel> {
    let message = facts.message;
    let asked: Vec<Channel> = message.channels.iter().map(|channel| (*channel).into()).collect();
    let wanted = |channel: &Channel| {
        let usual = facts.usual.contains(channel) || *channel == Channel::Webhook;
        facts.preferences.wants(&message.template, *channel).unwrap_or(usual)
    };
    match (asked.is_empty(), message.essential) {
        // Somebody must know this: it goes its ways, whatever is switched off.
        (false, true) => asked,
        (true, true) => facts.usual.to_vec(),
        (false, false) => asked
            .into_iter()
            .filter(|channel| facts.preferences.wants(&message.template, *channel).unwrap_or(true))
            .collect(),
        (true, false) => Channel::ALL.into_iter().filter(wanted).collect(),
    }
}

fn when(facts: &Facts<'_>, channel: Channel) -> When {
    if channel == Channel::InApp || facts.message.essential {
        return When::Now;
    }
    let zone = facts.preferences.time_zone();
    if channel == Channel::Email {
        match facts.preferences.digest {
            Digest::None => {}
            Digest::Hourly => return When::Gathered(next_hour(facts.now)),
            Digest::Daily => return When::Gathered(next_morning(facts.now, &zone)),
        }
        if facts.recent >= facts.enough {
            return When::Gathered(next_hour(facts.now));
        }
    } else if facts.recent >= facts.enough {
        return When::At(next_hour(facts.now));
    }
    quiet_until(facts.preferences, facts.now, &zone).map_or(When::Now, When::At)
}

/// The end of the person's quiet, if it is now.
fn quiet_until(preferences: &Preferences, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let (from, to) = preferences.quiet.as_ref()?.times()?;
    let local = now.to_zoned(zone.clone());
    let (date, time) = (local.date(), local.time());
    let quiet = if from < to { from <= time && time < to } else { time >= from || time < to };
    if !quiet {
        return None;
    }
    let date = if time < to { date } else { date.tomorrow().ok()? };
    // A time that a change of clocks leaves out ends at the change.
    date.to_datetime(to).to_zoned(zone.clone()).ok().map(|end| end.timestamp())
}

fn next_hour(now: Timestamp) -> Timestamp {
    let second = now.as_second();
    Timestamp::from_second(second - second.rem_euclid(3600) + 3600).unwrap_or(now)
}

fn next_morning(now: Timestamp, zone: &TimeZone) -> Timestamp {
    let local = now.to_zoned(zone.clone());
    let today = local.date().at(MORNING, 0, 0, 0);
    let morning = if local.datetime() < today { Ok(today) } else { today.checked_add(1.day()) };
    let zoned = morning.and_then(|morning| morning.to_zoned(zone.clone()));
    let tomorrow = || now.saturating_add(SignedDuration::from_hours(24)).unwrap_or(now);
    zoned.map_or_else(|_| tomorrow(), |morning| morning.timestamp())
}

#[cfg(test)]
mod tests {
    use hanse_contracts::messages;
    use serde_json::json;

    use super::*;

    fn message(essential: bool, channels: &[messages::Channel]) -> Message {
        Message {
            id: uuid::Uuid::nil(),
            template: "thoughts.shared".into(),
            channels: channels.to_vec(),
            essential,
            email: None,
            phone: None,
            values: Default::default(),
            sealed: None,
            expires_at: None,
        }
    }

    fn planned(
        message: &Message,
        preferences: serde_json::Value,
        now: &str,
        recent: i64,
    ) -> Vec<(Channel, When)> {
        let preferences: Preferences = serde_json::from_value(preferences).unwrap();
        preferences.check().unwrap();
        plan(&Facts {
            message,
            usual: &[Channel::InApp, Channel::Email],
            preferences: &preferences,
            recent,
            enough: 20,
            now: now.parse().unwrap(),
        })
    }

    #[test]
    fn the_nearest_word_of_a_person_counts() {
        let ways = |preferences| -> Vec<Channel> {
            let plan = planned(&message(false, &[]), preferences, "2026-03-02T09:00:00Z", 0);
            plan.into_iter().map(|(channel, _)| channel).collect()
        };
        use Channel::{Email, InApp, Push, Webhook};
        assert_eq!(ways(json!({})), [InApp, Email, Webhook]);
        assert_eq!(
            ways(json!({"channels": {"email": false, "push": true}})),
            [InApp, Push, Webhook]
        );
        let by_type =
            json!({"channels": {"email": false}, "types": {"thoughts.shared": {"email": true}}});
        assert_eq!(ways(by_type), [InApp, Email, Webhook]);
        let both = json!({"types": {"thoughts": {"email": false, "in_app": false}, "thoughts.shared": {"email": true}}});
        assert_eq!(ways(both), [Email, Webhook]);
        let asked = message(false, &[messages::Channel::Sms]);
        let plan = planned(&asked, json!({}), "2026-03-02T09:00:00Z", 0);
        assert_eq!(plan, [(Channel::Sms, When::Now)]);
        let refused =
            planned(&asked, json!({"channels": {"sms": false}}), "2026-03-02T09:00:00Z", 0);
        assert!(refused.is_empty());
    }

    #[test]
    fn what_must_be_known_is_not_held_back() {
        let all = json!({"channels": {"email": false, "in_app": false}, "digest": "daily", "zone": "UTC",
                         "quiet": {"from": "00:00", "to": "23:59"}});
        let essential = message(true, &[]);
        let plan = planned(&essential, all, "2026-03-02T09:00:00Z", 99);
        assert_eq!(plan, [(Channel::InApp, When::Now), (Channel::Email, When::Now)]);
    }

    /// Quiet hours are the person's, also when they cross midnight or clocks change.
    #[test]
    fn quiet_ends_at_the_persons_own_time() {
        let berlin = json!({"zone": "Europe/Berlin", "quiet": {"from": "22:00", "to": "07:00"}});
        let email = |now: &str, preferences: &serde_json::Value| {
            planned(&message(false, &[messages::Channel::Email]), preferences.clone(), now, 0)[0].1
        };
        let at = |text: &str| When::At(text.parse().unwrap());
        assert_eq!(email("2026-03-02T20:59:00Z", &berlin), When::Now);
        assert_eq!(email("2026-03-02T21:00:00Z", &berlin), at("2026-03-03T06:00:00Z"));
        assert_eq!(email("2026-03-03T05:59:00Z", &berlin), at("2026-03-03T06:00:00Z"));
        assert_eq!(email("2026-03-03T06:00:00Z", &berlin), When::Now);
        // The night in which clocks go forward is an hour shorter.
        assert_eq!(email("2026-03-28T22:00:00Z", &berlin), at("2026-03-29T05:00:00Z"));
        let left_out = json!({"zone": "Europe/Berlin", "quiet": {"from": "01:00", "to": "02:30"}});
        assert_eq!(email("2026-03-29T00:30:00Z", &left_out), at("2026-03-29T01:30:00Z"));
        let kiritimati =
            json!({"zone": "Pacific/Kiritimati", "quiet": {"from": "08:00", "to": "09:00"}});
        assert_eq!(email("2026-03-01T18:30:00Z", &kiritimati), at("2026-03-01T19:00:00Z"));
    }

    #[test]
    fn letters_are_gathered_and_floods_are_slowed() {
        let email = message(false, &[messages::Channel::Email]);
        let gathered = |text: &str| When::Gathered(text.parse().unwrap());
        let daily = json!({"zone": "Europe/Berlin", "digest": "daily"});
        let plan = planned(&email, daily.clone(), "2026-03-02T06:59:00Z", 0);
        assert_eq!(plan[0].1, gathered("2026-03-02T07:00:00Z"));
        let plan = planned(&email, daily, "2026-03-02T07:00:00Z", 0);
        assert_eq!(plan[0].1, gathered("2026-03-03T07:00:00Z"));
        let plan = planned(&email, json!({}), "2026-03-02T07:10:00Z", 20);
        assert_eq!(plan[0].1, gathered("2026-03-02T08:00:00Z"), "throttled");
        let push = message(false, &[messages::Channel::Push]);
        let plan = planned(&push, json!({}), "2026-03-02T07:10:00Z", 20);
        assert_eq!(plan[0].1, When::At("2026-03-02T08:00:00Z".parse().unwrap()));
    }

    #[test]
    fn zones_and_quiet_mean_something() {
        for wrong in
            [json!({"zone": "Mars/Olympus"}), json!({"quiet": {"from": "07:00", "to": "07:00"}})]
        {
            let preferences: Preferences = serde_json::from_value(wrong).unwrap();
            assert!(preferences.check().is_err());
        }
    }
}
