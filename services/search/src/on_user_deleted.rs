//! A deleted account leaves nothing here: rows now, the index's files within seconds.
//!
//! The rows go in this transaction. A change "this owner is erased" stays behind for the index,
//! which forgets the documents with its next commit and then rewrites the files they were in (see
//! `indexing`, which also drops what it holds in memory).

use hanse_contracts::identity::UserDeleted;
use hanse_events::{Event, HandlerResult, Subscription};
use hanse_store::Tx;

use crate::{documents, history, preferences};

pub(crate) fn subscription() -> Subscription {
    Subscription::new("erasure").on(user_deleted)
}

async fn user_deleted(tx: &mut Tx, event: Event<UserDeleted>) -> HandlerResult {
    let owner = event.data.user_id;
    hanse_runtime::erase(tx, owner).await?;
    documents::erase(tx, owner).await?;
    history::erase(tx, owner).await?;
    preferences::erase(tx, owner).await?;
    Ok(())
}
