//! What is remembered of a thought: how much it adds to the counts, never what it says.

use hanse_store::{Json, Result, Tx, params};
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

const REMEMBER: &str = "INSERT INTO thoughts (owner, thought, hour, words, characters, tags)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (owner, thought) DO NOTHING";
const FORGET: &str = "DELETE FROM thoughts WHERE owner = $1 AND thought = $2
    RETURNING hour, words, characters, tags";

/// Remembers a thought's share. False when it is known already; nothing changed then.
pub(crate) async fn remember(
    tx: &mut Tx,
    owner: Uuid,
    thought: Uuid,
    share: &Share,
) -> Result<bool> {
    let Share { hour, words, characters, tags } = share;
    let values = params![owner, thought, hour.0, *words, *characters, Json(tags)];
    Ok(tx.execute(REMEMBER, values).await? == 1)
}

/// Forgets a thought and returns the share it had, if it was known.
pub(crate) async fn forget(tx: &mut Tx, owner: Uuid, thought: Uuid) -> Result<Option<Share>> {
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
