//! The accounts elsewhere that sign in to mine: seen and ended by their owner.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hanse_http::{Answered, ApiError, Cx, Json, KernelError, NoContent, Path, Principal};
use hanse_store::{StoreError, Tx};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::identities::{self, Link};
use crate::ended::Ended;
use crate::http::shown;
use crate::mint::Factor;
use crate::service::Identity;
use crate::sessions;

/// Bytes of an id: enough to tell the links of one account apart.
const ID: usize = 16;

/// Refusals about accounts elsewhere.
#[derive(Debug, thiserror::Error, ApiError)]
pub enum LinkedError {
    #[api(404, "IDN-029")]
    #[error("no such account elsewhere signs in to yours")]
    UnknownIdentity,
    #[api(409, "IDN-030")]
    #[error("it is the only way in to your account; set a password first")]
    LastWayIn,
    #[api(403, "IDN-014")]
    #[error("prove again who you are, and then do this")]
    ProveAgain,
    #[api(transparent)]
    #[error(transparent)]
    Kernel(#[from] KernelError),
    #[api(transparent)]
    #[error(transparent)]
    Storage(#[from] StoreError),
}

/// An account elsewhere that signs in to mine.
#[derive(Debug, Serialize, JsonSchema)]
pub struct IdentityView {
    /// Identity of the link, for ending it.
    pub id: String,
    /// The issuer's id in the configuration here.
    pub issuer: String,
    /// The issuer's name; none when nobody can sign in by it any more.
    pub issuer_name: Option<String>,
    /// The issuer's name for me, which never changes.
    pub subject: String,
    /// When it was linked.
    pub created_at: Timestamp,
}

/// The accounts elsewhere that sign in to mine.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Identities {
    /// Each of them, oldest first.
    pub items: Vec<IdentityView>,
}

/// The accounts elsewhere that sign in to mine.
pub async fn list_external_identities(cx: Cx<Identity>) -> Result<Json<Identities>, LinkedError> {
    let user = cx.user_id();
    let links = cx
        .read::<_, StoreError, _>(async |tx: &mut Tx| identities::of_user(tx, user).await)
        .await?;
    let items = links.into_iter().map(|link| view(&cx.app, link)).collect();
    Ok(Json(Identities { items }))
}

/// Ends a link, for whoever has just proven who they are. All other sessions end: one of them may have
/// begun by it. The last way in to an account stays.
pub async fn delete_external_identity(
    cx: Cx<Identity>,
    Path(id): Path<String>,
) -> Result<Answered<NoContent>, LinkedError> {
    let principal = cx.principal().ok_or(KernelError::Unauthenticated)?.clone();
    let (app, ended) = (Arc::clone(&cx.app), Ended::default());
    let told = ended.clone();
    let answer = cx
        .write(async move |tx: &mut Tx| {
            let recent = shown::recent(tx, &app, &principal).await;
            let account = recent.map_err(|_| LinkedError::ProveAgain)?;
            let links = identities::of_user(tx, account.id).await?;
            let (these, others): (Vec<_>, Vec<_>) =
                links.into_iter().partition(|link| link_id(&app, link) == id);
            let link = these.first().ok_or(LinkedError::UnknownIdentity)?;
            let other = others.iter().any(|other| app.issuers.get(&other.issuer).is_some());
            let way = other || !account.password.is_empty();
            if !way && !has_used_passkey(tx, &app, &principal).await? {
                return Err(LinkedError::LastWayIn);
            }
            identities::unlink(tx, account.id, link).await?;
            let keep = Some(principal.session_id);
            told.note(sessions::revoke_others(tx, account.id, keep).await?);
            Ok(NoContent)
        })
        .await?;
    ended.refuse(&cx.app);
    Ok(answer)
}

/// Has the session that asks been proven by a passkey that is enough to sign in with? What the others of
/// the account are worth is only known when they are used.
async fn has_used_passkey(
    tx: &mut Tx,
    app: &Identity,
    principal: &Principal,
) -> Result<bool, StoreError> {
    let session = shown::recent_session(tx, app, principal).await?;
    Ok(session.is_some_and(|session| session.factors.contains(&Factor::VerifiedPasskey)))
}

fn view(app: &Identity, link: Link) -> IdentityView {
    IdentityView {
        id: link_id(app, &link),
        issuer_name: app.issuers.get(&link.issuer).map(|issuer| issuer.config.name.clone()),
        issuer: link.issuer,
        subject: link.subject,
        created_at: link.created_at,
    }
}

/// A subject may hold any characters, an address may not.
fn link_id(app: &Identity, link: &Link) -> String {
    let hash = app.vault.hash(&format!("identity at {}", link.issuer), &link.subject);
    URL_SAFE_NO_PAD.encode(hash.first_chunk::<ID>().unwrap_or(&[0; ID]))
}
