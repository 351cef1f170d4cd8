//! Many thoughts at once, for benchmarks. They are real: rows, tags and events.

use hanse_events::Emit as _;
use hanse_store::{Result, Tx};
use uuid::Uuid;

use crate::http::created;
use crate::tag::Tag;
use crate::thought::Thought;
use crate::thoughts;

const WORDS: [&str; 24] = [
    "harbour",
    "cog",
    "herring",
    "salt",
    "amber",
    "wax",
    "cloth",
    "grain",
    "furs",
    "ledger",
    "guild",
    "seal",
    "tide",
    "north",
    "market",
    "bridge",
    "tower",
    "winter",
    "letter",
    "route",
    "copper",
    "timber",
    "beer",
    "stockfish",
];

/// Writes `count` thoughts, numbered from `first`, each for the next of `owners` in turn.
///
/// # Errors
/// Whatever the store says.
pub async fn seed(tx: &mut Tx, owners: &[Uuid], first: u32, count: u32) -> Result<()> {
    for n in first..first.saturating_add(count) {
        let Some(owner) = owners.get(n as usize % owners.len().max(1)) else { return Ok(()) };
        let word = |step: u32| {
            WORDS.get((n.wrapping_mul(step) / 7) as usize % WORDS.len()).unwrap_or(&"sea")
        };
        let text = format!(
            "Thought {n}: {} and {} by the {}, {} for {}",
            word(3),
            word(5),
            word(11),
            word(17),
            word(23)
        );
        let now = tx.now();
        let thought = Thought {
            id: tx.new_id(),
            owner: *owner,
            text,
            tags: Tag::parse(word(2)).into_iter().collect(),
            version: 1,
            created_at: now,
            updated_at: now,
        };
        thoughts::insert(tx, &thought).await?;
        tx.emit(&created(&thought)).await?;
    }
    Ok(())
}
