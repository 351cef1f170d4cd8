//! Where a subscription is in a log, also when the log comes another way than before.
//!
//! A log that is followed whole has one position, under the producer's name; one that comes in parts
//! has one for each, under `<producer>/<part>`. All are the producer's sequence numbers, so whoever
//! begins to use a broker, or does so no longer, goes on where the other way had come to.

use hanse_store::{Result, StoreError, Tx, params};

const POSITION: &str = "SELECT seq FROM positions WHERE subscription = $1 AND source = $2";
const START: &str = "INSERT INTO positions (subscription, source, seq, updated_at)
    VALUES ($1, $2, $3, $4) ON CONFLICT (subscription, source) DO NOTHING";
const HELD: &str = "SELECT EXISTS (SELECT 1 FROM held_events
    WHERE subscription = $1 AND source LIKE $2) AS held";
const PARTS: &str = "SELECT coalesce(min(seq), 0) AS least, coalesce(max(seq), 0) AS most
    FROM positions WHERE subscription = $1 AND source LIKE $2";
const FORGET_PARTS: &str = "DELETE FROM positions WHERE subscription = $1 AND source LIKE $2";
// Replicas that begin different parts wait for each other here, so that the last one sees all of them.
const HAND_OVER: &str = "UPDATE positions SET updated_at = $3
    WHERE subscription = $1 AND source = $2 RETURNING seq";
const FORGET_WHOLE: &str = "DELETE FROM positions WHERE subscription = $1 AND source = $2
    AND (SELECT count(*) FROM positions AS part
         WHERE part.subscription = $1 AND part.source LIKE $3) >= $4";

/// The position of `source` as it is stored, if it is.
pub(super) async fn stored(tx: &mut Tx, subscription: &str, source: &str) -> Result<Option<i64>> {
    let row = tx.optional(POSITION, params![subscription, source]).await?;
    row.map(|row| row.at(0)).transpose()
}

/// The position of `source`, which is one of `parts` if there are any; begun where the other way of
/// following had come to, or at 0.
///
/// # Errors
/// [`StoreError::Refused`] when what the other way has left does not tell what was applied.
pub(super) async fn begin(
    tx: &mut Tx,
    subscription: &str,
    source: &str,
    parts: Option<u32>,
) -> Result<i64> {
    if let Some(seq) = stored(tx, subscription, source).await? {
        return Ok(seq);
    }
    let whole = parts.and_then(|_| source.rsplit_once('/')).map_or(source, |(whole, _)| whole);
    let pattern = format!("{whole}/%");
    let now = tx.now();
    let (start, before) = match parts {
        Some(_) => match tx.optional(HAND_OVER, params![subscription, whole, now]).await? {
            Some(row) => (row.at(0)?, Some(whole)),
            None => (0, None),
        },
        None => {
            let row = tx.one(PARTS, params![subscription, &pattern]).await?;
            let (least, most) = (row.at::<i64>(0)?, row.at::<i64>(1)?);
            if least != most {
                return Err(StoreError::Refused(
                    "the parts of this log were not all taken in to the same point when the broker \
                     was left; rebuild the projection with `hanse events replay`",
                ));
            }
            (least, (least > 0).then_some(pattern.as_str()))
        }
    };
    if let Some(before) = before
        && tx.one(HELD, params![subscription, before]).await?.at(0)?
    {
        return Err(StoreError::Refused(
            "events of this log were set aside before it came another way; rebuild the projection with \
             `hanse events replay`, or discard them",
        ));
    }
    tx.execute(START, params![subscription, source, start, now]).await?;
    match parts {
        Some(parts) => {
            let values = params![subscription, whole, &pattern, i64::from(parts)];
            tx.execute(FORGET_WHOLE, values).await?;
        }
        None => drop(tx.execute(FORGET_PARTS, params![subscription, &pattern]).await?),
    }
    // Another replica may have begun at the same moment.
    Ok(stored(tx, subscription, source).await?.unwrap_or(start))
}
