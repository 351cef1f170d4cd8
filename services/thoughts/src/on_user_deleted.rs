//! When an account is deleted, its thoughts go with it, and so does what the log said about them.

use hanse_contracts::identity::UserDeleted;
use hanse_events::{Event, HandlerResult};
use hanse_store::Tx;

use crate::thoughts;

pub(crate) async fn on_user_deleted(tx: &mut Tx, event: Event<UserDeleted>) -> HandlerResult {
    let owner = event.data.user_id;
    hanse_runtime::erase(tx, owner).await?;
    thoughts::delete_all(tx, owner).await?;
    Ok(())
}
