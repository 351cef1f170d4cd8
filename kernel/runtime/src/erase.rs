//! Erasure of a person in one service.

use hanse_store::{Result, Tx};
use uuid::Uuid;

/// Erases what the kernel keeps about `owner` in this service: data of events, stored answers, waiting
/// jobs. The service deletes its own rows in the same transaction, but afterwards: this waits until
/// nobody else is adding anything of theirs.
///
/// # Errors
/// Whatever the store says.
pub async fn erase(tx: &mut Tx, owner: Uuid) -> Result<()> {
    hanse_events::erase_owner(tx, owner).await?;
    hanse_jobs::erase_owner(tx, owner).await?;
    hanse_http::forget_idempotency(tx, owner).await
}
