//! Sessions: refreshing, listing and ending them.

use std::sync::Arc;

use garde::Validate;
use hanse_http::{Answered, Body, Cx, Json, KernelError, NoContent, Page, PageQuery, Path, Query};
use hanse_store::{StoreError, Tx};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::errors::SessionError;
use crate::mint::{Begun, SignedIn, tokens};
use crate::service::Identity;
use crate::session::{Session, Verdict};
use crate::{accounts, sessions};

/// A refresh token.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = Refresh { refresh_token: "AZVdOnwAcACAAAAAAAAAAQAAAAA3q2-7w".into() })]
pub struct Refresh {
    /// The refresh token of the last answer.
    #[garde(length(min = 1, max = 1024))]
    refresh_token: String,
}

/// One of my sessions.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SessionView {
    /// Identity.
    pub id: Uuid,
    /// Is it the one that asks?
    pub current: bool,
    /// What the device calls itself.
    pub user_agent: String,
    /// Where it signed in.
    pub address: String,
    /// When it signed in.
    pub created_at: Timestamp,
    /// When it last refreshed.
    pub last_used_at: Timestamp,
    /// When it ends if it does not refresh.
    pub expires_at: Timestamp,
}

const INVALID: SessionError = SessionError::InvalidRefreshToken { reused: None };

/// The token itself is the proof; the account must still be allowed to sign in.
pub async fn refresh_session(
    cx: Cx<Identity>,
    Body(refresh): Body<Refresh>,
) -> Result<Answered<Json<SignedIn>>, SessionError> {
    let token = refresh.refresh_token;
    let app = Arc::clone(&cx.app);
    let answer = cx
        .write(async move |tx: &mut Tx| match advance(tx, &app, &token, None).await? {
            Advance::Tokens(moved) => Ok(Json(moved.tokens)),
            Advance::Invalid => Err(INVALID),
            Advance::Contention => Err(KernelError::Contention.into()),
            Advance::Reused { user, session } => {
                Err(SessionError::InvalidRefreshToken { reused: Some((user, session)) })
            }
        })
        .await;
    if let Err(SessionError::InvalidRefreshToken { reused: Some((user, session)) }) = answer {
        tracing::warn!(%session, "a used refresh token was shown again; its session is ended");
        // The refusal rolled its transaction back; what follows from it has its own.
        let end = async move |tx: &mut Tx| end(tx, user, session).await;
        cx.app.home.db.write::<_, StoreError, _>(end).await?;
        cx.app.refuse([session]);
    }
    answer
}

/// What a refresh token comes to.
pub(crate) enum Advance {
    /// The next tokens, or the current ones again.
    Tokens(Box<Begun>),
    /// It is worth nothing.
    Invalid,
    /// Other requests moved the session meanwhile.
    Contention,
    /// Somebody has a copy: the session has to end.
    Reused { user: Uuid, session: Uuid },
}

/// Moves a session on, or answers its current tokens again. A program's session is only moved on by
/// that program: elsewhere its tokens are worth nothing.
pub(crate) async fn advance(
    tx: &mut Tx,
    app: &Identity,
    token: &str,
    client: Option<&str>,
) -> Result<Advance, StoreError> {
    let Some(claim) = app.refresh_tokens.claim(token) else { return Ok(Advance::Invalid) };
    // A second look is needed when another request moves the session between ours and our update.
    for _ in 0..2 {
        let session = sessions::find(tx, claim.session_id).await?.filter(|session| {
            app.refresh_tokens.is_genuine(token, session, claim.generation)
                && session.client_id.as_deref() == client
        });
        let Some(mut session) = session else { return Ok(Advance::Invalid) };
        let account = accounts::find(tx, session.user_id).await?;
        let Some(account) = account.filter(|account| !account.disabled) else {
            return Ok(Advance::Invalid);
        };
        match session.judge(claim.generation, tx.now()) {
            Verdict::Current => {
                session.rotate(&app.config, tx.now());
                if !sessions::rotate(tx, &session).await? {
                    continue;
                }
            }
            Verdict::Repeated => {}
            Verdict::Ended => return Ok(Advance::Invalid),
            Verdict::Reused => {
                return Ok(Advance::Reused { user: account.id, session: session.id });
            }
        }
        let tokens = tokens(tx, app, &account, &session)?;
        return Ok(Advance::Tokens(Box::new(Begun { account, session, tokens })));
    }
    Ok(Advance::Contention)
}

/// Ends the session that asks.
pub async fn logout_user(cx: Cx<Identity>) -> Result<Answered<NoContent>, SessionError> {
    let principal = cx.principal().ok_or(KernelError::Unauthenticated)?;
    let (user, session) = (principal.user_id, principal.session_id);
    let answer = cx
        .write(async move |tx: &mut Tx| {
            end(tx, user, session).await?;
            Ok::<_, SessionError>(NoContent)
        })
        .await?;
    cx.app.refuse([session]);
    Ok(answer)
}

/// My live sessions, newest first.
pub async fn list_sessions(
    cx: Cx<Identity>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<SessionView>>, SessionError> {
    let (user, limit) = (cx.user_id(), i64::from(page.limit));
    let before = cx.open_cursor::<Uuid>(page.cursor.as_deref())?.unwrap_or(Uuid::max());
    let found = cx
        .read::<_, StoreError, _>(async |tx: &mut Tx| {
            sessions::page(tx, user, before, limit + 1).await
        })
        .await?;
    let current = cx.principal().map(|principal| principal.session_id);
    let more = found.len() > page.limit as usize;
    let items: Vec<_> =
        found.into_iter().take(page.limit as usize).map(|s| view(s, current)).collect();
    let next = items.last().filter(|_| more).map(|last| cx.seal_cursor(&last.id));
    Ok(Json(Page { items, next }))
}

/// Ends one of my sessions; somebody else's is none of mine.
pub async fn delete_session(
    cx: Cx<Identity>,
    Path(id): Path<Uuid>,
) -> Result<Answered<NoContent>, SessionError> {
    let user = cx.user_id();
    let answer = cx
        .write(async move |tx: &mut Tx| match end(tx, user, id).await? {
            true => Ok(NoContent),
            false => Err(SessionError::UnknownSession),
        })
        .await?;
    cx.app.refuse([id]);
    Ok(answer)
}

/// Holds the account, ends the session and tells others. False when there is none such that lives.
async fn end(tx: &mut Tx, user: Uuid, session: Uuid) -> Result<bool, StoreError> {
    if accounts::hold(tx, user).await?.is_none() {
        return Ok(false);
    }
    Ok(sessions::revoke(tx, user, session).await?.is_some())
}

fn view(session: Session, current: Option<Uuid>) -> SessionView {
    SessionView {
        id: session.id,
        current: Some(session.id) == current,
        user_agent: session.user_agent,
        address: session.address,
        created_at: session.created_at,
        last_used_at: session.last_used_at,
        expires_at: session.expires_at,
    }
}
