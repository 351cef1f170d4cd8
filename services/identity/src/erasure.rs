//! Everything that identity keeps of an account, removed in one transaction.

use hanse_store::{Result, Tx};

use crate::account::Account;
use crate::service::Identity;
use crate::{accounts, external, factors, groups, machines, oidc, preferences, sessions};

/// Removes an account that is held, and all that belongs to it. The caller tells others.
pub(crate) async fn remove(tx: &mut Tx, app: &Identity, account: &Account) -> Result<()> {
    let user = account.id;
    hanse_runtime::erase(tx, user).await?;
    sessions::delete_all(tx, user).await?;
    oidc::forget_user(tx, user).await?;
    external::forget_user(tx, user).await?;
    factors::delete_all(tx, user).await?;
    groups::forget_user(tx, user).await?;
    machines::keys::delete_all(tx, user).await?;
    preferences::delete(tx, user).await?;
    app.attempts.forget_account(tx, &account.email).await?;
    accounts::delete(tx, user).await
}
