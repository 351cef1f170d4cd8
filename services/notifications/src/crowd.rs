//! One message to many people at once: what the desk does for one person, with one statement for all where
//! the statement is the same. A piece of a sending is such a crowd.

use std::collections::{BTreeMap, BTreeSet};

use hanse_store::{Json, Result, Tx, Value, params};
use jiff::SignedDuration;
use uuid::Uuid;

use crate::channel::Channel;
use crate::desk::{BULK_EMAIL, Desk, DeskError, Parcel, job_kind, values};
use crate::people::Person;
use crate::plan::{Facts, When, plan};
use crate::preferences::Preferences;
use crate::template::{Note, Template};
use crate::{deliveries, list, targets};
use hanse_contracts::messages::Message;

/// Rows that one statement inserts.
const ROWS: usize = 50;

/// A message for these people. All of them are known, and none is in it twice.
pub(crate) struct Crowd<'a> {
    pub(crate) people: &'a [Person],
    pub(crate) message: &'a Message,
    pub(crate) cause: &'a str,
    pub(crate) sending: Uuid,
}

/// What is known of all of them together.
struct Known {
    preferences: BTreeMap<Uuid, Preferences>,
    recent: BTreeMap<Uuid, i64>,
    /// Who has it in the list already.
    listed: BTreeSet<Uuid>,
    /// Who has devices or systems that are told.
    reached: BTreeSet<Uuid>,
}

/// Notes by what they depend on besides the message: the language, and the name where it is shown.
#[derive(Default)]
struct Notes {
    templates: BTreeMap<String, Template>,
    notes: BTreeMap<(String, String), Note>,
}

impl Desk {
    /// Sends a message on its ways to all of them. Whoever's list has changed, sorted; the caller tells
    /// their devices. The same message to the same person is taken once, and none to one who has left.
    pub(crate) async fn post_all(
        &self,
        tx: &mut Tx,
        crowd: &Crowd<'_>,
    ) -> Result<Vec<Uuid>, DeskError> {
        let people = crowd.people.iter().map(|person| person.id);
        let erased = hanse_events::erased_among(tx, people).await?;
        let (known, mut notes) = (self.known(tx, crowd).await?, Notes::default());
        let (plain, now) = (Preferences::default(), tx.now());
        let mut rows = Vec::new();
        for person in crowd.people.iter().filter(|person| !erased.contains(&person.id)) {
            let preferences = known.preferences.get(&person.id).unwrap_or(&plain);
            let locale = preferences.locale.as_deref().unwrap_or(&self.config.locale);
            let template =
                self.template_once(tx, &mut notes, &crowd.message.template, locale).await?;
            let facts = Facts {
                message: crowd.message,
                usual: &template.channels,
                preferences,
                recent: known.recent.get(&person.id).copied().unwrap_or(0),
                enough: self.config.per_hour.into(),
                now,
            };
            let plan = plan(&facts);
            let note = notes.of(&template, crowd.message, person, locale)?;
            for (channel, when) in plan {
                if channel != Channel::InApp {
                    self.dispatch_to(tx, crowd, &known, person, &note, (channel, when)).await?;
                } else if !known.listed.contains(&person.id) {
                    rows.push((person.id, note.clone()));
                }
            }
        }
        enlist(tx, crowd, &rows).await?;
        let mut listed: Vec<Uuid> = rows.into_iter().map(|(owner, _)| owner).collect();
        listed.sort();
        Ok(listed)
    }

    async fn known(&self, tx: &mut Tx, crowd: &Crowd<'_>) -> Result<Known> {
        let ids: Vec<Value> = crowd.people.iter().map(|person| person.id.into()).collect();
        let hour = SignedDuration::from_hours(1);
        let hour_ago = tx.now().saturating_sub(hour).unwrap_or_default();
        let mut known = Known {
            preferences: BTreeMap::new(),
            recent: BTreeMap::new(),
            listed: BTreeSet::new(),
            reached: BTreeSet::new(),
        };
        let sql = among(
            "SELECT user_id, preferences FROM notification_preferences WHERE user_id",
            &ids,
            1,
        );
        for row in tx.all(sql, &ids).await? {
            known.preferences.insert(row.at(0)?, row.at::<Json<Preferences>>(1)?.0);
        }
        if !crowd.message.essential {
            let sql = among(
                "SELECT owner, channel, COUNT(*) AS recent FROM deliveries
                 WHERE type = $1 AND created_at > $2 AND owner",
                &ids,
                3,
            );
            let values = [params![&crowd.message.template, hour_ago], &ids].concat();
            for row in tx.all(format!("{sql} GROUP BY owner, channel"), &values).await? {
                let most: &mut i64 = known.recent.entry(row.at(0)?).or_default();
                *most = (*most).max(row.at(2)?);
            }
        }
        let sql = among("SELECT owner FROM notifications WHERE id = $1 AND owner", &ids, 2);
        for row in tx.all(sql, &[params![crowd.message.id], &ids].concat()).await? {
            known.listed.insert(row.at(0)?);
        }
        let sql = among("SELECT DISTINCT owner FROM targets WHERE owner", &ids, 1);
        for row in tx.all(sql, &ids).await? {
            known.reached.insert(row.at(0)?);
        }
        Ok(known)
    }

    async fn template_once(
        &self,
        tx: &mut Tx,
        notes: &mut Notes,
        kind: &str,
        locale: &str,
    ) -> Result<Template, DeskError> {
        if let Some(template) = notes.templates.get(locale) {
            return Ok(template.clone());
        }
        let template = self.template(tx, kind, locale).await?;
        notes.templates.insert(locale.to_owned(), template.clone());
        Ok(template)
    }

    async fn dispatch_to(
        &self,
        tx: &mut Tx,
        crowd: &Crowd<'_>,
        known: &Known,
        person: &Person,
        note: &Note,
        (channel, when): (Channel, When),
    ) -> Result<()> {
        let told_there = matches!(channel, Channel::Push | Channel::Webhook);
        if told_there && !known.reached.contains(&person.id) {
            return Ok(());
        }
        let owner = person.id;
        let kind = match channel {
            Channel::Email if !crowd.message.essential => BULK_EMAIL,
            channel => job_kind(channel),
        };
        for target in targets::of_channel(tx, owner, channel).await? {
            let parcel = Parcel { owner, target, message: crowd.message.clone() };
            let new = deliveries::New {
                key: parcel.key(channel),
                kind: &crowd.message.template,
                title: &note.title,
                sending: Some(crowd.sending),
                progress: deliveries::Progress::waiting(matches!(when, When::Gathered(_))),
            };
            self.dispatch(tx, &new, (kind, when), parcel).await?;
        }
        Ok(())
    }
}

impl Notes {
    fn of(
        &mut self,
        template: &Template,
        message: &Message,
        person: &Person,
        locale: &str,
    ) -> Result<Note, DeskError> {
        let name = if template.mentions("name") { person.name.clone() } else { String::new() };
        let key = (locale.to_owned(), name);
        if let Some(note) = self.notes.get(&key) {
            return Ok(note.clone());
        }
        let note = template.note(&values(message, person));
        let note = note.map_err(|error| DeskError::Template(message.template.clone(), error))?;
        self.notes.insert(key, note.clone());
        Ok(note)
    }
}

const TURN: &str = "UPDATE people SET seq = seq + 1 WHERE user_id";
const INSERT: &str =
    "INSERT INTO notifications (id, type, cause, state, created_at, changed_at, unread,
    hidden, owner, seq, title, body, link) VALUES ";

/// Puts a message into the lists of these people, who do not have it yet.
async fn enlist(tx: &mut Tx, crowd: &Crowd<'_>, rows: &[(Uuid, Note)]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let ids: Vec<Value> = rows.iter().map(|(owner, _)| (*owner).into()).collect();
    let sql = format!("{} RETURNING user_id, seq", among(TURN, &ids, 1));
    let turns: Result<BTreeMap<Uuid, i64>> =
        tx.all(sql, &ids).await?.iter().map(|row| Ok((row.at(0)?, row.at(1)?))).collect();
    let (turns, now) = (turns?, tx.now());
    let (id, kind) = (crowd.message.id, &crowd.message.template);
    for rows in rows.chunks(ROWS) {
        let mut values = params![id, kind, crowd.cause, list::SENT, now].to_vec();
        let mut sql = INSERT.to_owned();
        for (owner, note) in rows {
            let first = values.len() + 1;
            let comma = if first > 6 { ", " } else { "" };
            let [a, b, c, d, e] = [0, 1, 2, 3, 4].map(|place| first + place);
            sql.push_str(&format!(
                "{comma}($1, $2, $3, $4, $5, $5, TRUE, FALSE, ${a}, ${b}, ${c}, ${d}, ${e})"
            ));
            let seq = turns.get(owner).copied().unwrap_or_default();
            values.extend_from_slice(params![
                *owner,
                seq,
                &note.title,
                &note.body,
                note.link.clone()
            ]);
        }
        tx.execute(sql, &values).await?;
    }
    Ok(())
}

/// A statement about any of these, whose marks begin at a number.
fn among(statement: &str, values: &[Value], first: usize) -> String {
    let marks: Vec<String> = (first..first + values.len()).map(|mark| format!("${mark}")).collect();
    format!("{statement} IN ({})", marks.join(", "))
}
