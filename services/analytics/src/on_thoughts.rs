//! Counts thoughts (A-040…A-042).

use hanse_contracts::thoughts::{ThoughtCreated, ThoughtDeleted, ThoughtUpdated};
use hanse_events::{Event, HandlerResult};
use hanse_store::Tx;
use uuid::Uuid;

use crate::calendar::Hour;
use crate::tally::Tally;
use crate::thought::{self, Key, Share};
use crate::{activity, tags};

pub(crate) async fn thoughts_created(
    tx: &mut Tx,
    run: Vec<Event<ThoughtCreated>>,
) -> HandlerResult {
    let shares: Vec<(Key, Share)> = run
        .iter()
        .map(|Event { data, .. }| {
            let share = Share::of(&data.text, &data.tags, data.created_at);
            ((data.user_id, data.thought_id), share)
        })
        .collect();
    let mut new = thought::remember(tx, &shares).await?;
    let (mut tally, mut tags) = (Tally::default(), tags::Changes::default());
    for (event, (key, share)) in run.iter().zip(&shares) {
        tally.at(key.0, Hour::of(event.time)).events += 1;
        if new.remove(key) {
            count_first(&mut tally, &mut tags, key.0, share);
        } else {
            revise(tx, &mut tally, &mut tags, *key, share).await?;
        }
    }
    tally.save(tx).await?;
    tags.save(tx).await?;
    let entries: Vec<(Uuid, &Event<ThoughtCreated>)> =
        run.iter().map(|event| (event.data.user_id, event)).collect();
    Ok(activity::note(tx, &entries).await?)
}

pub(crate) async fn thought_updated(tx: &mut Tx, event: Event<ThoughtUpdated>) -> HandlerResult {
    let ThoughtUpdated { thought_id, user_id, text, tags, created_at } = &event.data;
    let share = Share::of(text, tags, *created_at);
    let (mut tally, mut tags) = (Tally::default(), tags::Changes::default());
    let delta = tally.at(*user_id, Hour::of(event.time));
    (delta.events, delta.edits) = (1, 1);
    revise(tx, &mut tally, &mut tags, (*user_id, *thought_id), &share).await?;
    tally.save(tx).await?;
    tags.save(tx).await?;
    Ok(activity::note(tx, &[(*user_id, &event)]).await?)
}

pub(crate) async fn thought_deleted(tx: &mut Tx, event: Event<ThoughtDeleted>) -> HandlerResult {
    let ThoughtDeleted { thought_id, user_id, .. } = event.data;
    let (mut tally, mut tags) = (Tally::default(), tags::Changes::default());
    let delta = tally.at(user_id, Hour::of(event.time));
    (delta.events, delta.deletions) = (1, 1);
    // A thought whose creation an operator discarded was never counted.
    if let Some(old) = thought::forget(tx, (user_id, thought_id)).await? {
        subtract(&mut tally, user_id, &old);
        tags.take(user_id, &old.tags);
    }
    tally.save(tx).await?;
    tags.save(tx).await?;
    Ok(activity::note(tx, &[(user_id, &event)]).await?)
}

/// Replaces what the thought added before by what it adds now.
async fn revise(
    tx: &mut Tx,
    tally: &mut Tally,
    tags: &mut tags::Changes,
    key: Key,
    new: &Share,
) -> HandlerResult {
    let old = thought::forget(tx, key).await?;
    thought::remember(tx, &[(key, new.clone())]).await?;
    if let Some(old) = old {
        subtract(tally, key.0, &old);
        tags.take(key.0, &old.tags);
        add(tally, key.0, new);
        tags.add(key.0, &new.tags);
    } else {
        count_first(tally, tags, key.0, new);
    }
    Ok(())
}

fn count_first(tally: &mut Tally, tags: &mut tags::Changes, owner: Uuid, share: &Share) {
    tally.at(owner, share.hour).written += 1;
    add(tally, owner, share);
    tags.add(owner, &share.tags);
}

fn add(tally: &mut Tally, owner: Uuid, share: &Share) {
    let delta = tally.at(owner, share.hour);
    delta.living += 1;
    delta.words += share.words;
    delta.characters += share.characters;
}

fn subtract(tally: &mut Tally, owner: Uuid, share: &Share) {
    let delta = tally.at(owner, share.hour);
    delta.living -= 1;
    delta.words -= share.words;
    delta.characters -= share.characters;
}
