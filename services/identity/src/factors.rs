//! Second factors in the store, always by the account that has them.

use hanse_store::{Result, Tx, params};
use uuid::Uuid;

use crate::mint::Factor;

const ENROLLED: &str = "SELECT kind FROM factors WHERE user_id = $1 AND confirmed_at IS NOT NULL
    UNION SELECT 'recovery_code' FROM recovery_codes WHERE user_id = $1
    UNION SELECT 'passkey' FROM passkeys WHERE user_id = $1";

/// The second factors that an account has set up. Recovery codes are no factor by themselves: they
/// stand in for one that was lost.
pub(crate) async fn enrolled(tx: &mut Tx, user: Uuid) -> Result<Vec<Factor>> {
    let mut enrolled = Vec::new();
    for row in tx.all(ENROLLED, params![user]).await? {
        enrolled.extend(Factor::parse(&row.at::<String>(0)?));
    }
    if enrolled.contains(&Factor::Passkey) {
        enrolled.push(Factor::VerifiedPasskey);
    }
    if enrolled == [Factor::RecoveryCode] {
        enrolled.clear();
    }
    enrolled.sort_unstable();
    Ok(enrolled)
}

/// Removes every factor of an account that is being deleted.
pub(crate) async fn delete_all(tx: &mut Tx, user: Uuid) -> Result<()> {
    for table in [
        "DELETE FROM factors WHERE user_id = $1",
        "DELETE FROM recovery_codes WHERE user_id = $1",
        "DELETE FROM passkeys WHERE user_id = $1",
        "DELETE FROM challenges WHERE user_id = $1",
    ] {
        tx.execute(table, params![user]).await?;
    }
    Ok(())
}
