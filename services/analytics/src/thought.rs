//! What is remembered of a thought: how much it adds to the counts, never what it says.

use std::collections::BTreeSet;

use hanse_store::{Insert, Json, Result, Tx, Value, params};
use jiff::Timestamp;
use uuid::Uuid;

use crate::calendar::Hour;

/// A thought's share of the counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) hour: Hour,
    pub(crate) words: i64,
    pub(crate) characters: i64,
    /// Sorted, without repetitions.
    pub(crate) tags: Vec<String>,
}

impl Share {
    /// Measures a thought.
    pub(crate) fn of(text: &str, tags: &[String], created_at: Timestamp) -> Self {
        let mut tags = tags.to_vec();
        tags.sort_unstable();
        tags.dedup();
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        Self {
            hour: Hour::of(created_at),
            words: count(text.split_whitespace().count()),
            characters: count(text.chars().count()),
            tags,
        }
    }
}

const REMEMBER: Insert<6> = Insert {
    into: "thoughts (owner, thought, hour, words, characters, tags)",
    then: "ON CONFLICT (owner, thought) DO NOTHING RETURNING owner, thought",
};
const FORGET: &str = "DELETE FROM thoughts WHERE owner = $1 AND thought = $2
    RETURNING hour, words, characters, tags";

/// A thought of an account.
pub(crate) type Key = (Uuid, Uuid);

/// Remembers thoughts' shares and returns which were not known before; of the others nothing changed.
pub(crate) async fn remember(tx: &mut Tx, shares: &[(Key, Share)]) -> Result<BTreeSet<Key>> {
    let row = |((owner, thought), share): &(Key, Share)| {
        let Share { hour, words, characters, tags } = share;
        let [hour, words, characters] = [hour.0, *words, *characters].map(Value::from);
        [owner.into(), thought.into(), hour, words, characters, Json(tags).into()]
    };
    let rows: Vec<_> = shares.iter().map(row).collect();
    let new = REMEMBER.returning(tx, &rows).await?;
    new.iter().map(|row| Ok((row.at(0)?, row.at(1)?))).collect()
}

/// Forgets a thought and returns the share it had, if it was known.
pub(crate) async fn forget(tx: &mut Tx, (owner, thought): Key) -> Result<Option<Share>> {
    let row = tx.optional(FORGET, params![owner, thought]).await?;
    row.map(|row| {
        Ok(Share {
            hour: Hour(row.at(0)?),
            words: row.at(1)?,
            characters: row.at(2)?,
            tags: row.at::<Json<Vec<String>>>(3)?.0,
        })
    })
    .transpose()
}
