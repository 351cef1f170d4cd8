//! Telling others which roles and groups an account has. The repositories of both call this where a row
//! changes: whoever changes memberships, by whatever protocol, cannot forget it.

use hanse_contracts::identity::MembershipsChanged;
use hanse_events::Emit as _;
use hanse_store::{Result, Tx};
use uuid::Uuid;

use crate::{groups, roles};

/// Tells what this account belongs to now.
pub(crate) async fn tell(tx: &mut Tx, user: Uuid) -> Result<()> {
    let roles = roles::of_user(tx, user).await?;
    let groups = groups::of_user(tx, user).await?.into_iter().map(|group| group.id).collect();
    tx.emit(&MembershipsChanged { user_id: user, roles, groups }).await
}
