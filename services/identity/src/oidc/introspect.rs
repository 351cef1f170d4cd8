//! Is a token still good, and what for (RFC 7662); and an end to it (RFC 7009).

use garde::Validate;
use hanse_http::{Cx, Form};
use hanse_store::{StoreError, Tx};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::client::Client;
use super::client_auth::{BasicAuth, Shown, authenticate};
use super::grants;
use super::reply::{Nothing, OAuth, OAuthError};
use crate::pages::browser;
use crate::service::Identity;
use crate::session::Verdict;

/// A token.
#[derive(Debug, Default, Deserialize, Validate, JsonSchema)]
#[serde(default)]
pub struct TokenForm {
    #[garde(length(max = 4096))]
    token: String,
    #[garde(length(max = 64))]
    token_type_hint: Option<String>,
    #[garde(length(max = 64))]
    client_id: Option<String>,
    #[garde(length(max = 256))]
    client_secret: Option<String>,
}

/// What there is to know of a token. One that is none says no more than that.
#[derive(Debug, Default, Serialize)]
pub struct TokenState {
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
}

/// Tells a program that keeps a secret whether a token is good: any access token, because it may be
/// the one that was shown it, and its own refresh tokens.
pub async fn introspect_token(
    cx: Cx<Identity>,
    Form(form): Form<TokenForm>,
    basic: BasicAuth,
) -> Result<OAuth<TokenState>, StoreError> {
    let client =
        cx.read::<_, StoreError, _>(async |tx: &mut Tx| asking(tx, &basic, &form).await).await?;
    let client = match client {
        Ok(client) if client.secret.is_some() => client,
        Ok(_) => return Ok(OAuth(Err(OAuthError::INVALID_CLIENT))),
        Err(error) => return Ok(OAuth(Err(error))),
    };
    let app = &cx.app;
    let (issuer, _) = app.verifier.names();
    if let Ok(principal) = app.verifier.verify(&form.token) {
        return Ok(OAuth(Ok(TokenState {
            active: true,
            token_type: Some("Bearer"),
            sub: Some(principal.user_id),
            sid: Some(principal.session_id),
            client_id: None,
            scope: principal.scope.as_ref().map(ToString::to_string),
            act: principal.actor.as_ref().map(|actor| serde_json::json!({ "sub": actor })),
            exp: Some(principal.expires_at.as_second()),
            iss: Some(issuer.to_owned()),
        })));
    }
    let own = refresh_token_of(&cx, &client, &form.token).await?;
    Ok(OAuth(Ok(own.map_or_else(TokenState::default, |session| TokenState {
        active: true,
        sub: Some(session.user_id),
        sid: Some(session.id),
        client_id: Some(client.id.to_string()),
        scope: session.scope.clone(),
        exp: Some(session.expires_at.as_second()),
        iss: Some(issuer.to_owned()),
        ..TokenState::default()
    }))))
}

/// Ends the session that a token of this program belongs to. Anything else is no error: it does not
/// work any more, which is what was wanted.
pub async fn revoke_token(
    cx: Cx<Identity>,
    Form(form): Form<TokenForm>,
    basic: BasicAuth,
) -> Result<OAuth<Nothing>, StoreError> {
    let client =
        cx.read::<_, StoreError, _>(async |tx: &mut Tx| asking(tx, &basic, &form).await).await?;
    let client = match client {
        Ok(client) => client,
        Err(error) => return Ok(OAuth(Err(error))),
    };
    let session = match cx.app.verifier.verify(&form.token) {
        Ok(principal) => {
            let id = principal.session_id;
            let found =
                cx.read::<_, StoreError, _>(async |tx: &mut Tx| browser::live(tx, id).await);
            found.await?.map(|live| live.session)
        }
        Err(_) => refresh_token_of(&cx, &client, &form.token).await?,
    };
    let program = client.id.to_string();
    let session = session.filter(|session| session.client_id.as_ref() == Some(&program));
    if let Some(session) = session {
        let (user, id) = (session.user_id, session.id);
        let end = async move |tx: &mut Tx| grants::end(tx, user, id).await;
        cx.app.home.db.write::<_, StoreError, _>(end).await?;
        cx.app.refuse([id]);
    }
    Ok(OAuth(Ok(Nothing {})))
}

/// The live session that this refresh token is the current one of, when it is this program's.
async fn refresh_token_of(
    cx: &Cx<Identity>,
    client: &Client,
    token: &str,
) -> Result<Option<crate::session::Session>, StoreError> {
    let Some(claim) = cx.app.refresh_tokens.claim(token) else { return Ok(None) };
    let live = cx
        .read::<_, StoreError, _>(async |tx: &mut Tx| browser::live(tx, claim.session_id).await)
        .await?;
    let (now, program) = (cx.now(), client.id.to_string());
    let session = live.map(|live| live.session).filter(|session| {
        cx.app.refresh_tokens.is_genuine(token, session, claim.generation)
            && session.judge(claim.generation, now) == Verdict::Current
            && session.client_id.as_ref() == Some(&program)
    });
    Ok(session)
}

async fn asking(
    tx: &mut Tx,
    basic: &BasicAuth,
    form: &TokenForm,
) -> Result<Result<Client, OAuthError>, StoreError> {
    let shown = Shown {
        client_id: form.client_id.as_deref(),
        client_secret: form.client_secret.as_deref(),
    };
    authenticate(tx, basic, shown).await
}
