//! Leaves nothing of an erased account, not even its share of the platform's sums.

use hanse_contracts::identity::UserDeleted;
use hanse_events::{Event, HandlerResult};
use hanse_store::{Tx, params};

use crate::tally::PLATFORM;

const TAKE_FROM_PLATFORM: &str = "UPDATE hours SET
        written = hours.written - mine.written,
        living = hours.living - mine.living,
        words = hours.words - mine.words,
        characters = hours.characters - mine.characters,
        edits = hours.edits - mine.edits,
        deletions = hours.deletions - mine.deletions,
        sign_ins = hours.sign_ins - mine.sign_ins,
        registrations = hours.registrations - mine.registrations,
        events = hours.events - mine.events
    FROM (SELECT hour, written, living, words, characters, edits, deletions, sign_ins,
                 registrations, events FROM hours WHERE owner = $1) AS mine
    WHERE hours.owner = $2 AND hours.hour = mine.hour";
// An hour in which only they were there is as if nothing had happened, as a replay would have it.
const DROP_EMPTY: &str = "DELETE FROM hours WHERE owner = $2 AND written = 0 AND living = 0
    AND words = 0 AND characters = 0 AND edits = 0 AND deletions = 0 AND sign_ins = 0
    AND registrations = 0 AND departures = 0 AND events = 0
    AND hour IN (SELECT hour FROM hours WHERE owner = $1)";
const FORGET: [&str; 4] = [
    "DELETE FROM hours WHERE owner = $1",
    "DELETE FROM thoughts WHERE owner = $1",
    "DELETE FROM tag_counts WHERE owner = $1",
    "DELETE FROM activity WHERE owner = $1",
];

pub(crate) async fn erase_user(tx: &mut Tx, event: Event<UserDeleted>) -> HandlerResult {
    let owner = event.data.user_id;
    hanse_runtime::erase(tx, owner).await?;
    tx.execute(TAKE_FROM_PLATFORM, params![owner, PLATFORM]).await?;
    tx.execute(DROP_EMPTY, params![owner, PLATFORM]).await?;
    for statement in FORGET {
        tx.execute(statement, params![owner]).await?;
    }
    Ok(())
}
