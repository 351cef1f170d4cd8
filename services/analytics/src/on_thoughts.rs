//! Counts thoughts (A-040…A-042).

use hanse_contracts::thoughts::{ThoughtCreated, ThoughtDeleted, ThoughtUpdated};
use hanse_events::{DomainEvent, Event, HandlerResult};
use hanse_store::Tx;
use uuid::Uuid;

use crate::calendar::Hour;
use crate::tally::Tally;
use crate::thought::{self, Share};
use crate::{activity, tags};

pub(crate) async fn thought_created(tx: &mut Tx, event: Event<ThoughtCreated>) -> HandlerResult {
    let ThoughtCreated { thought_id, user_id, text, tags, created_at } = &event.data;
    let share = Share::of(text, tags, *created_at);
    let mut tally = happened(&event);
    if thought::remember(tx, *user_id, *thought_id, &share).await? {
        count_first(tx, &mut tally, *user_id, &share).await?;
    } else {
        revise(tx, &mut tally, *user_id, *thought_id, &share).await?;
    }
    finish(tx, *user_id, &tally, &event).await
}

pub(crate) async fn thought_updated(tx: &mut Tx, event: Event<ThoughtUpdated>) -> HandlerResult {
    let ThoughtUpdated { thought_id, user_id, text, tags, created_at } = &event.data;
    let share = Share::of(text, tags, *created_at);
    let mut tally = happened(&event);
    tally.at(Hour::of(event.time)).edits += 1;
    revise(tx, &mut tally, *user_id, *thought_id, &share).await?;
    finish(tx, *user_id, &tally, &event).await
}

pub(crate) async fn thought_deleted(tx: &mut Tx, event: Event<ThoughtDeleted>) -> HandlerResult {
    let ThoughtDeleted { thought_id, user_id, .. } = event.data;
    let mut tally = happened(&event);
    tally.at(Hour::of(event.time)).deletions += 1;
    // A thought whose creation an operator discarded was never counted.
    if let Some(old) = thought::forget(tx, user_id, thought_id).await? {
        subtract(&mut tally, &old);
        tags::take(tx, user_id, &old.tags).await?;
    }
    finish(tx, user_id, &tally, &event).await
}

/// Replaces what the thought added before by what it adds now.
async fn revise(
    tx: &mut Tx,
    tally: &mut Tally,
    owner: Uuid,
    id: Uuid,
    new: &Share,
) -> HandlerResult {
    let old = thought::forget(tx, owner, id).await?;
    thought::remember(tx, owner, id, new).await?;
    let Some(old) = old else { return count_first(tx, tally, owner, new).await };
    subtract(tally, &old);
    add(tally, new);
    let without = |these: &[String], those: &[String]| -> Vec<String> {
        these.iter().filter(|tag| !those.contains(tag)).cloned().collect()
    };
    tags::take(tx, owner, &without(&old.tags, &new.tags)).await?;
    tags::add(tx, owner, &without(&new.tags, &old.tags)).await?;
    Ok(())
}

async fn count_first(tx: &mut Tx, tally: &mut Tally, owner: Uuid, share: &Share) -> HandlerResult {
    tally.at(share.hour).written += 1;
    add(tally, share);
    Ok(tags::add(tx, owner, &share.tags).await?)
}

fn add(tally: &mut Tally, share: &Share) {
    let delta = tally.at(share.hour);
    delta.living += 1;
    delta.words += share.words;
    delta.characters += share.characters;
}

fn subtract(tally: &mut Tally, share: &Share) {
    let delta = tally.at(share.hour);
    delta.living -= 1;
    delta.words -= share.words;
    delta.characters -= share.characters;
}

fn happened<T>(event: &Event<T>) -> Tally {
    let mut tally = Tally::default();
    tally.at(Hour::of(event.time)).events += 1;
    tally
}

async fn finish<T: DomainEvent>(
    tx: &mut Tx,
    owner: Uuid,
    tally: &Tally,
    event: &Event<T>,
) -> HandlerResult {
    tally.save(tx, owner).await?;
    Ok(activity::note(tx, owner, event).await?)
}
