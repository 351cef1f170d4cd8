//! What events change in the hourly counts.

use std::collections::{BTreeMap, BTreeSet};

use hanse_store::{Insert, Result, Tx, Value};
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
    fn row(self, owner: Uuid, hour: Hour) -> [Value; 12] {
        [
            owner.into(),
            hour.0.into(),
            self.written.into(),
            self.living.into(),
            self.words.into(),
            self.characters.into(),
            self.edits.into(),
            self.deletions.into(),
            self.sign_ins.into(),
            self.registrations.into(),
            self.departures.into(),
            self.events.into(),
        ]
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

/// The changes of some events, by account and hour.
#[derive(Debug, Default)]
pub(crate) struct Tally(BTreeMap<(Uuid, Hour), Delta>);

const ADD: Insert<12> = Insert {
    into: "hours (owner, hour, written, living, words, characters, edits, deletions,
        sign_ins, registrations, departures, events)",
    then: "ON CONFLICT (owner, hour) DO UPDATE SET
        written = hours.written + excluded.written,
        living = hours.living + excluded.living,
        words = hours.words + excluded.words,
        characters = hours.characters + excluded.characters,
        edits = hours.edits + excluded.edits,
        deletions = hours.deletions + excluded.deletions,
        sign_ins = hours.sign_ins + excluded.sign_ins,
        registrations = hours.registrations + excluded.registrations,
        departures = hours.departures + excluded.departures,
        events = hours.events + excluded.events",
};

impl Tally {
    /// The changes in this hour of this account, which may be [`PLATFORM`] for what is nobody's.
    pub(crate) fn at(&mut self, owner: Uuid, hour: Hour) -> &mut Delta {
        self.0.entry((owner, hour)).or_default()
    }

    /// Adds the changes to the accounts' counts and to the platform's, which come first: they are
    /// everybody's, and whoever holds them holds no other yet.
    pub(crate) async fn save(self, tx: &mut Tx) -> Result<()> {
        let mut sums: BTreeMap<(Uuid, Hour), Delta> = BTreeMap::new();
        for ((owner, hour), delta) in self.0 {
            for owner in BTreeSet::from([PLATFORM, owner]) {
                let sum = sums.entry((owner, hour)).or_default();
                *sum = sum.plus(delta);
            }
        }
        sums.retain(|_, delta| *delta != Delta::default());
        let rows: Vec<_> =
            sums.into_iter().map(|((owner, hour), delta)| delta.row(owner, hour)).collect();
        ADD.execute(tx, &rows).await.map(drop)
    }
}
