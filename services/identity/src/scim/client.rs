//! Who may provision: the account of a machine, by a token whose scope says so.

use hanse_http::{Cx, Principal};
use hanse_store::Tx;

use super::reply::{Refusal, ScimError};
use crate::account::Kind;
use crate::accounts;
use crate::service::Identity;

/// What the scope of a provisioning client names: `scim:read`, `scim:write` or both.
const RESOURCE: &str = "scim:";

/// Whoever asks.
pub(super) struct Client(Option<Principal>);

impl Client {
    pub(super) fn of(cx: &Cx<Identity>) -> Self {
        Self(cx.principal().cloned())
    }

    /// Lets a provisioning client in. The table of operations has looked whether the token reaches so
    /// far; one without limits reaches everything that is its account's own, and this is not. A
    /// person's own key cannot name the scope for itself: only administrators make keys of machines.
    ///
    /// # Errors
    /// [`ScimError::FORBIDDEN`].
    pub(super) async fn admit(&self, tx: &mut Tx) -> Result<(), Refusal> {
        let Some(principal) = &self.0 else { return Err(ScimError::FORBIDDEN.into()) };
        let scope = principal.scope.as_ref().map(hanse_http::Scope::permissions);
        let mut named = scope.unwrap_or_default().iter().map(ToString::to_string);
        let account = accounts::find(tx, principal.user_id).await?;
        let machine = account.is_some_and(|account| account.kind == Kind::Service);
        if machine && named.any(|permission| permission.starts_with(RESOURCE)) {
            return Ok(());
        }
        Err(ScimError::FORBIDDEN.into())
    }
}

/// The address of the protocol, as clients outside know it.
pub(super) fn base(cx: &Cx<Identity>) -> String {
    format!("{}/scim/v2", cx.app.issuer().trim_end_matches('/'))
}
