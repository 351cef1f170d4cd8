//! What an administrator does in earnest: withdrawing every key, and acting for somebody, to see what they see. Everybody can see that it happened: the token names both
//! (`act`), and an event says so.

use std::sync::Arc;

use garde::Validate;
use hanse_contracts::identity::UserImpersonated;
use hanse_events::Emit as _;
use hanse_http::{Actor, Answered, Body, Cx, Json, KernelError, NoContent, Path, Role};
use hanse_store::Tx;
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::AdministrationError as Error;
use crate::accounts;
use crate::http::shown;
use crate::mint::{Delegation, Factor, Proven, delegate};
use crate::service::Identity;

/// How long at most.
const LONGEST: SignedDuration = SignedDuration::from_mins(15);

/// Why.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = Reason { reason: "Ticket 4711: cannot see own thoughts".into() })]
pub struct Reason {
    /// Kept with the event.
    #[garde(length(min = 3, max = 400))]
    reason: String,
}

/// A token for somebody else's account.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(example = ActingToken { access_token: "eyJ0eXAiOiJhdCtqd3QifQ.e30.c2ln".into(), token_type: "Bearer".into(), expires_in: 900 })]
pub struct ActingToken {
    /// Says in `act` who acts. It ends with the administrator's session.
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: String,
    /// Seconds that it is valid.
    pub expires_in: u32,
}

/// Gives an administrator who has just proven who they are a token for an account that is no
/// administrator's. It changes no password, address or factor.
pub async fn impersonate_user(
    cx: Cx<Identity>,
    Path(id): Path<Uuid>,
    Body(reason): Body<Reason>,
) -> Result<Answered<Json<ActingToken>>, Error> {
    let principal = cx.principal().ok_or(KernelError::Unauthenticated)?.clone();
    let app = Arc::clone(&cx.app);
    cx.write(async move |tx: &mut Tx| {
        let admin = shown::recent(tx, &app, &principal).await.map_err(|_| Error::ProveAgain)?;
        let account = accounts::find(tx, id).await?.ok_or(Error::UnknownUser)?;
        let higher = account.roles.iter().any(|role| *role != Role::User);
        if higher || account.disabled || account.id == admin.id {
            return Err(Error::NotImpersonated);
        }
        let delegation = Delegation {
            source: principal.session_id,
            client_id: None,
            scope: None,
            actor: Some(Actor { sub: admin.id.to_string(), act: None }),
            authenticated_at: None,
            lifetime: LONGEST,
        };
        let proven = Proven::by(Factor::Impersonation, account.id);
        let token = delegate(tx, &app, &proven, delegation).await?;
        let access_token = token.ok_or(Error::NotImpersonated)?;
        let told = UserImpersonated { user_id: id, actor_id: admin.id, reason: reason.reason };
        tx.emit(&told).await?;
        let expires_in = LONGEST.min(app.access_lifetime()).as_secs();
        Ok(Json(ActingToken {
            access_token,
            token_type: "Bearer".to_owned(),
            expires_in: u32::try_from(expires_in).unwrap_or(u32::MAX),
        }))
    })
    .await
}

/// For the day a signing key is feared to be known. Every access token ends, here at once and in other
/// processes within seconds; people go on with their refresh tokens. `hanse keys replace` does the same.
pub async fn replace_keys(cx: Cx<Identity>) -> Result<NoContent, Error> {
    let principal = cx.principal().ok_or(KernelError::Unauthenticated)?.clone();
    let (app, db) = (Arc::clone(&cx.app), &cx.app.home.db);
    db.write::<_, Error, _>(async move |tx: &mut Tx| {
        shown::recent(tx, &app, &principal).await.map_err(|_| Error::ProveAgain).map(drop)
    })
    .await?;
    cx.app.keys.replace(db).await?;
    Ok(NoContent)
}
