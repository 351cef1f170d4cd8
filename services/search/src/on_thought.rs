//! Thoughts become documents. The title is the first line.

use hanse_contracts::thoughts::{ThoughtCreated, ThoughtDeleted, ThoughtUpdated};
use hanse_events::{Event, HandlerResult, Subscription};
use hanse_search_index::Document;
use hanse_store::Tx;
use jiff::Timestamp;
use uuid::Uuid;

use crate::documents;
use crate::kind::THOUGHTS;

/// Characters of a title.
const TITLE: usize = 80;

pub(crate) fn handlers(subscription: Subscription) -> Subscription {
    subscription.on_run(thoughts_created).on_run(thoughts_updated).on(thought_deleted)
}

async fn thoughts_created(tx: &mut Tx, run: Vec<Event<ThoughtCreated>>) -> HandlerResult {
    let documents = run.into_iter().map(|event| {
        let ThoughtCreated { thought_id, user_id, text, tags, created_at } = event.data;
        document(thought_id, user_id, text, tags, created_at)
    });
    Ok(documents::put(tx, documents.collect()).await?)
}

async fn thoughts_updated(tx: &mut Tx, run: Vec<Event<ThoughtUpdated>>) -> HandlerResult {
    let documents = run.into_iter().map(|event| {
        let ThoughtUpdated { thought_id, user_id, text, tags, created_at } = event.data;
        document(thought_id, user_id, text, tags, created_at)
    });
    Ok(documents::put(tx, documents.collect()).await?)
}

async fn thought_deleted(tx: &mut Tx, event: Event<ThoughtDeleted>) -> HandlerResult {
    documents::remove(tx, event.data.thought_id, event.data.user_id, THOUGHTS).await?;
    Ok(())
}

fn document(id: Uuid, owner: Uuid, text: String, tags: Vec<String>, time: Timestamp) -> Document {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    Document {
        key: id.into_bytes(),
        kind: THOUGHTS.to_owned(),
        scope: owner.into_bytes(),
        title: line.chars().take(TITLE).collect(),
        body: text,
        tags,
        time_us: time.as_microsecond(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_title_is_the_first_line_with_words_cut_between_characters() {
        let text = format!("\n  {}\nsecond", "ü".repeat(100));
        let document = document(Uuid::nil(), Uuid::nil(), text, Vec::new(), Timestamp::UNIX_EPOCH);
        assert_eq!(document.title, "ü".repeat(80));
    }
}
