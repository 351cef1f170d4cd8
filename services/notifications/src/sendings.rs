//! What is sent to several people, later, or again and again: in pieces that hold up nobody.

use hanse_contracts::messages::Message;
use hanse_jobs::{Job, Outcome, Schedule as _};
use hanse_store::{Db, Json, Result, Row, StoreError, Tx, params};
use jiff::{Timestamp, ToSpan as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::crowd::Crowd;
use crate::desk::{Desk, DeskError};
use crate::list;
use crate::notification::State;
use crate::people::{self, Person};

/// The kind of the job that sends a piece.
pub(crate) const SEND: &str = "send";
/// The kind of the job that takes a piece back.
pub(crate) const REVOKE: &str = "revoke";
/// People of a piece: its transaction is short.
const PIECE: u32 = 500;
/// Pieces that one job sends; others' come in between.
const PIECES: u32 = 40;

/// To whom something is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Audience {
    Everybody,
    /// These, sorted.
    People(Vec<Uuid>),
}

/// How often something is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Every {
    /// Every day at the same time.
    Day,
    /// Every week.
    Week,
    /// Every month; on its last day where it is shorter.
    Month,
}

/// How a sending repeats.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// How often.
    pub every: Every,
    /// Time zone in which the time of day stays the same; UTC when not given.
    #[serde(default)]
    pub zone: Option<String>,
    /// Not after this time.
    #[serde(default)]
    pub until: Option<Timestamp>,
}

impl Repeat {
    /// The next time after `last`, counted from the first one so that a short month does not shift the
    /// day for ever.
    pub(crate) fn next(&self, first: Timestamp, round: i64) -> Option<Timestamp> {
        let zone =
            crate::preferences::Preferences { zone: self.zone.clone(), ..Default::default() };
        let first = first.to_zoned(zone.time_zone());
        let span = match self.every {
            Every::Day => round.days(),
            Every::Week => round.weeks(),
            Every::Month => round.months(),
        };
        let next = first.checked_add(span).ok()?.timestamp();
        self.until.is_none_or(|until| next <= until).then_some(next)
    }
}

/// Something that is sent.
#[derive(Clone, Debug)]
pub(crate) struct Sending {
    pub(crate) id: Uuid,
    pub(crate) author: Uuid,
    pub(crate) audience: Audience,
    pub(crate) message: Message,
    pub(crate) state: String,
    /// When it was to be sent first.
    pub(crate) run_at: Timestamp,
    pub(crate) repeat: Option<Repeat>,
    /// Counts how often it was sent from the begin to the end.
    pub(crate) round: i64,
    /// The last account that was told in this round.
    pub(crate) place: Uuid,
    /// People who were told, over all rounds.
    pub(crate) told: i64,
    pub(crate) created_at: Timestamp,
}

const INSERT: &str =
    "INSERT INTO sendings (id, author, audience, message, state, run_at, repeat, round,
    place, told, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
const FIND: &str =
    "SELECT id, author, audience, message, state, run_at, repeat, round, place, told,
    created_at FROM sendings WHERE id = $1";
const SAVE: &str = "UPDATE sendings SET message = $2, state = $3, round = $4, place = $5, told = $6
    WHERE id = $1";
const STOP: &str = "UPDATE deliveries SET state = 'cancelled', cause = NULL, changed_at = $2
    WHERE sending = $1 AND state IN ('queued', 'held')";
const LISTED: &str = "SELECT owner FROM notifications WHERE id = $1 AND hidden = FALSE
    ORDER BY owner LIMIT $2";

pub(crate) async fn insert(tx: &mut Tx, sending: &Sending) -> Result<()> {
    let params = params![
        sending.id,
        sending.author,
        Json(&sending.audience),
        Json(&sending.message),
        &sending.state,
        sending.run_at,
        sending.repeat.as_ref().map(Json),
        sending.round,
        sending.place,
        sending.told,
        sending.created_at,
    ];
    tx.execute(INSERT, params).await.map(drop)
}

pub(crate) async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Sending>> {
    tx.optional(FIND, params![id]).await?.as_ref().map(from_row).transpose()
}

async fn save(tx: &mut Tx, sending: &Sending) -> Result<()> {
    let Sending { id, message, state, round, place, told, .. } = sending;
    let params = params![*id, Json(message), state, *round, *place, *told];
    tx.execute(SAVE, params).await.map(drop)
}

/// Asks for the pieces to be sent.
pub(crate) async fn start(tx: &mut Tx, sending: &Sending) -> Result<()> {
    let job = Job::new(SEND, sending.id).key(sending.id.to_string()).at(sending.run_at);
    tx.schedule(job).await.map(drop)
}

/// Stops a sending and takes back what is in people's lists, piece by piece.
pub(crate) async fn stop(tx: &mut Tx, mut sending: Sending) -> Result<Sending> {
    "cancelled".clone_into(&mut sending.state);
    save(tx, &sending).await?;
    tx.execute(STOP, params![sending.id, tx.now()]).await?;
    let job = Job::new(REVOKE, sending.message.id).key(sending.message.id.to_string());
    tx.schedule(job).await?;
    Ok(sending)
}

/// Sends the next pieces, each in a transaction of its own; says when the one after them is due.
pub(crate) async fn send_pieces(db: &Db, desk: &Desk, id: Uuid) -> Result<Outcome, DeskError> {
    for _ in 0..PIECES {
        let desk = desk.clone();
        let outcome = db
            .write(async move |tx: &mut Tx| {
                let Some(sending) = find(tx, id).await? else { return Ok(Outcome::Done) };
                if !["waiting", "running"].contains(&sending.state.as_str()) {
                    return Ok(Outcome::Done);
                }
                piece(tx, &desk, sending).await
            })
            .await?;
        match outcome {
            Outcome::Again(at) if at <= db.clock().now() => {}
            over => return Ok(over),
        }
    }
    Ok(Outcome::Again(db.clock().now()))
}

/// Sends the next piece of what is not stopped.
pub(crate) async fn piece(
    tx: &mut Tx,
    desk: &Desk,
    mut sending: Sending,
) -> Result<Outcome, DeskError> {
    let Piece { people, last } = next_people(tx, &sending).await?;
    sending.place = last.unwrap_or(sending.place);
    let cause = format!("sending {}", sending.id);
    let crowd =
        Crowd { people: &people, message: &sending.message, cause: &cause, sending: sending.id };
    let listed = desk.post_all(tx, &crowd).await?;
    sending.told += i64::try_from(people.len()).unwrap_or(0);
    if let (Some(first), Some(last)) = (listed.first(), listed.last()) {
        list::tell_of(tx, *first, *last, sending.message.id).await?;
    }
    let ended = last.is_none();
    let outcome = if ended { next_round(tx, &mut sending) } else { Outcome::Again(tx.now()) };
    sending.state = match (ended, outcome) {
        (false, _) => "running",
        (true, Outcome::Done) => "done",
        (true, Outcome::Again(_)) => "waiting",
    }
    .into();
    save(tx, &sending).await?;
    Ok(outcome)
}

/// Prepares the next round of what repeats. Each round is a message of its own.
fn next_round(tx: &Tx, sending: &mut Sending) -> Outcome {
    sending.round += 1;
    let next = sending.repeat.as_ref().and_then(|it| it.next(sending.run_at, sending.round));
    let Some(next) = next else { return Outcome::Done };
    sending.place = Uuid::nil();
    sending.message.id = tx.new_id();
    Outcome::Again(next)
}

/// The next people, and the place after them unless that was the end.
struct Piece {
    people: Vec<Person>,
    last: Option<Uuid>,
}

async fn next_people(tx: &mut Tx, sending: &Sending) -> Result<Piece> {
    match &sending.audience {
        Audience::Everybody => {
            let people = people::after(tx, sending.place, PIECE).await?;
            let last = people.last().filter(|_| people.len() == PIECE as usize);
            Ok(Piece { last: last.map(|person| person.id), people })
        }
        Audience::People(ids) => {
            let left = ids.iter().filter(|id| **id > sending.place);
            let next: Vec<Uuid> = left.take(PIECE as usize).copied().collect();
            // Who has left since is told nothing.
            let people = people::among(tx, &next).await?;
            let last = next.last().filter(|_| next.len() == PIECE as usize).copied();
            Ok(Piece { people, last })
        }
    }
}

/// Takes a message back from the next lists; true when there may be more.
pub(crate) async fn revoke_piece(db: &Db, message: Uuid) -> Result<bool> {
    db.write(async move |tx: &mut Tx| {
        let rows = tx.all(LISTED, params![message, PIECE]).await?;
        let owners = rows.iter().map(|row| row.at(0)).collect::<Result<Vec<Uuid>>>()?;
        for owner in &owners {
            let Some(notification) = list::find(tx, *owner, message).await? else { continue };
            if let Ok(Some(mut revoked)) = notification.turned(State::Revoked) {
                list::save(tx, &mut revoked).await?;
            }
        }
        Ok(owners.len() == PIECE as usize)
    })
    .await
}

fn from_row(row: &Row) -> Result<Sending, StoreError> {
    let (audience, message): (Json<Audience>, Json<Message>) = (row.at(2)?, row.at(3)?);
    Ok(Sending {
        id: row.at(0)?,
        author: row.at(1)?,
        audience: audience.0,
        message: message.0,
        state: row.at(4)?,
        run_at: row.at(5)?,
        repeat: row.at::<Option<Json<Repeat>>>(6)?.map(|repeat| repeat.0),
        round: row.at(7)?,
        place: row.at(8)?,
        told: row.at(9)?,
        created_at: row.at(10)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repetition_keeps_its_time_of_day_and_its_day() {
        let repeat = |every, zone: &str, until: Option<&str>| Repeat {
            every,
            zone: Some(zone.into()),
            until: until.map(|text| text.parse().unwrap()),
        };
        let next = |repeat: &Repeat, first: &str, round| {
            repeat.next(first.parse().unwrap(), round).map(|time| time.to_string())
        };
        let daily = repeat(Every::Day, "Europe/Berlin", Some("2026-03-30T00:00:00Z"));
        assert_eq!(next(&daily, "2026-03-28T08:00:00Z", 1).unwrap(), "2026-03-29T07:00:00Z");
        assert_eq!(next(&daily, "2026-03-28T08:00:00Z", 2), None);
        let monthly = repeat(Every::Month, "UTC", None);
        assert_eq!(next(&monthly, "2026-01-31T08:00:00Z", 1).unwrap(), "2026-02-28T08:00:00Z");
        assert_eq!(next(&monthly, "2026-01-31T08:00:00Z", 2).unwrap(), "2026-03-31T08:00:00Z");
    }
}
