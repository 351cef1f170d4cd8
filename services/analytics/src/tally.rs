//! What one event changes in the hourly counts.

use std::collections::BTreeMap;

use hanse_store::{Result, Tx, Value};
use uuid::Uuid;

use crate::calendar::Hour;

/// The owner of the platform's own rows.
pub(crate) const PLATFORM: Uuid = Uuid::nil();

/// Changes of one hour's counts, or the counts themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Delta {
    pub(crate) written: i64,
    pub(crate) living: i64,
    pub(crate) words: i64,
    pub(crate) characters: i64,
    pub(crate) edits: i64,
    pub(crate) deletions: i64,
    pub(crate) sign_ins: i64,
    pub(crate) registrations: i64,
    pub(crate) departures: i64,
    pub(crate) events: i64,
}

impl Delta {
    fn values(&self) -> [Value; 10] {
        [
            self.written,
            self.living,
            self.words,
            self.characters,
            self.edits,
            self.deletions,
            self.sign_ins,
            self.registrations,
            self.departures,
            self.events,
        ]
        .map(Value::from)
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            written: self.written + other.written,
            living: self.living + other.living,
            words: self.words + other.words,
            characters: self.characters + other.characters,
            edits: self.edits + other.edits,
            deletions: self.deletions + other.deletions,
            sign_ins: self.sign_ins + other.sign_ins,
            registrations: self.registrations + other.registrations,
            departures: self.departures + other.departures,
            events: self.events + other.events,
        }
    }
}

/// The changes of one event; nearly always a single hour.
#[derive(Debug, Default)]
pub(crate) struct Tally(BTreeMap<Hour, Delta>);

macro_rules! add {
    ($rows:literal) => {
        concat!(
            "INSERT INTO hours (hour, written, living, words, characters, edits, deletions,
                sign_ins, registrations, departures, events, owner) VALUES ",
            $rows,
            " ON CONFLICT (owner, hour) DO UPDATE SET
                written = hours.written + excluded.written,
                living = hours.living + excluded.living,
                words = hours.words + excluded.words,
                characters = hours.characters + excluded.characters,
                edits = hours.edits + excluded.edits,
                deletions = hours.deletions + excluded.deletions,
                sign_ins = hours.sign_ins + excluded.sign_ins,
                registrations = hours.registrations + excluded.registrations,
                departures = hours.departures + excluded.departures,
                events = hours.events + excluded.events"
        )
    };
}
const ADD_FOR_PLATFORM: &str = add!("($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)");
const ADD_FOR_BOTH: &str = add!(
    "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12),
     ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $13)"
);

impl Tally {
    /// The changes in this hour.
    pub(crate) fn at(&mut self, hour: Hour) -> &mut Delta {
        self.0.entry(hour).or_default()
    }

    /// Adds the changes to the account's counts and to the platform's.
    pub(crate) async fn save(&self, tx: &mut Tx, owner: Uuid) -> Result<()> {
        for (hour, delta) in self.0.iter().filter(|(_, delta)| **delta != Delta::default()) {
            let mut values = vec![Value::Int(hour.0)];
            values.extend(delta.values());
            values.push(PLATFORM.into());
            if owner == PLATFORM {
                tx.execute(ADD_FOR_PLATFORM, &values).await?;
            } else {
                values.push(owner.into());
                tx.execute(ADD_FOR_BOTH, &values).await?;
            }
        }
        Ok(())
    }
}
