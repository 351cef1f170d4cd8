//! `POST /oauth/token`: tokens for a code, an old token, a device, a secret, or somebody's token.

use std::sync::Arc;

use garde::Validate;
use hanse_http::{Cx, Form, Scope};
use hanse_store::{StoreError, Tx};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::client::{Client, Grant};
use super::client_auth::{BasicAuth, Shown, authenticate};
use super::reply::{OAuth, OAuthError};
use super::{alone, code_grant, devices, exchange, refresh};
use crate::http::UserAgent;
use crate::mint::Device;
use crate::service::Identity;

/// What a program asks for. Which fields count follows from `grant_type`; the others are ignored.
#[derive(Debug, Default, Deserialize, Validate, JsonSchema)]
#[serde(default)]
pub struct TokenRequest {
    /// The way.
    #[garde(length(max = 128))]
    pub(super) grant_type: String,
    #[garde(length(max = 64))]
    pub(super) client_id: Option<String>,
    #[garde(length(max = 256))]
    pub(super) client_secret: Option<String>,
    #[garde(length(max = 256))]
    pub(super) code: String,
    #[garde(length(max = 512))]
    pub(super) redirect_uri: String,
    #[garde(length(max = 256))]
    pub(super) code_verifier: String,
    #[garde(length(max = 256))]
    pub(super) refresh_token: String,
    #[garde(length(max = 512))]
    pub(super) scope: Option<String>,
    #[garde(length(max = 256))]
    pub(super) device_code: String,
    #[garde(length(max = 4096))]
    pub(super) subject_token: String,
    #[garde(length(max = 128))]
    pub(super) subject_token_type: String,
    #[garde(length(max = 128))]
    pub(super) requested_token_type: Option<String>,
    #[garde(length(max = 512))]
    pub(super) resource: Option<String>,
    #[garde(length(max = 512))]
    pub(super) audience: Option<String>,
}

/// Tokens (RFC 6749, section 5.1).
#[derive(Debug, Serialize)]
pub struct Tokens {
    pub(super) access_token: String,
    pub(super) token_type: &'static str,
    pub(super) expires_in: u32,
    pub(super) scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) issued_token_type: Option<&'static str>,
}

/// What a grant comes to.
pub(super) struct Granted {
    pub(super) answer: Result<Tokens, OAuthError>,
    /// Sessions that were ended by it: somebody has a copy of something.
    pub(super) ended: Vec<Uuid>,
}

impl Granted {
    pub(super) fn refused(error: OAuthError) -> Self {
        Self { answer: Err(error), ended: Vec::new() }
    }
}

/// One transaction, whatever the way: what is used up is used up with what it gives.
pub async fn issue_token(
    cx: Cx<Identity>,
    Form(request): Form<TokenRequest>,
    basic: BasicAuth,
    UserAgent(user_agent): UserAgent,
) -> Result<OAuth<Tokens>, StoreError> {
    let Some(grant) = Grant::parse(&request.grant_type) else {
        return Ok(OAuth(Err(OAuthError::UNSUPPORTED_GRANT)));
    };
    if !targets_us(&cx.app, &request) {
        return Ok(OAuth(Err(OAuthError::INVALID_TARGET)));
    }
    let (app, device) = (Arc::clone(&cx.app), Device { user_agent, address: cx.context.client });
    let granted = cx
        .app
        .home
        .db
        .write::<_, StoreError, _>(async move |tx: &mut Tx| {
            grant_tokens(tx, &app, grant, &basic, &request, device).await
        })
        .await?;
    if !granted.ended.is_empty() {
        tracing::warn!(sessions = ?granted.ended, "something was used twice; its session is ended");
        cx.app.refuse(granted.ended);
    }
    Ok(OAuth(granted.answer))
}

async fn grant_tokens(
    tx: &mut Tx,
    app: &Identity,
    grant: Grant,
    basic: &BasicAuth,
    request: &TokenRequest,
    device: Device,
) -> Result<Granted, StoreError> {
    let shown = Shown {
        client_id: request.client_id.as_deref(),
        client_secret: request.client_secret.as_deref(),
    };
    let client = match authenticate(tx, basic, shown).await? {
        Ok(client) => client,
        Err(error) => return Ok(Granted::refused(error)),
    };
    if !client.may(grant) {
        return Ok(Granted::refused(OAuthError::UNAUTHORIZED_CLIENT));
    }
    match grant {
        Grant::AuthorizationCode => code_grant::redeem(tx, app, &client, request, device).await,
        Grant::RefreshToken => refresh::refresh(tx, app, &client, request).await,
        Grant::ClientCredentials => alone::grant(tx, app, &client, request).await,
        Grant::DeviceCode => devices::poll(tx, app, &client, request, device).await,
        Grant::TokenExchange => exchange::exchange(tx, app, &client, request).await,
    }
}

/// Tokens are made for this installation only (RFC 8707).
fn targets_us(app: &Identity, request: &TokenRequest) -> bool {
    let (issuer, audience) = app.verifier.names();
    let resource = request
        .resource
        .as_deref()
        .is_none_or(|resource| resource.trim_end_matches('/') == issuer.trim_end_matches('/'));
    resource && request.audience.as_deref().is_none_or(|name| name == audience || name == issuer)
}

/// The scope that is asked for, when it is within `most`; all of `most` when none is asked for.
pub(super) fn narrowed(request: &TokenRequest, most: &Scope) -> Result<Scope, OAuthError> {
    let Some(text) = request.scope.as_deref().filter(|text| !text.trim().is_empty()) else {
        return Ok(most.clone());
    };
    let scope = Scope::parse(text).map_err(|_| OAuthError::INVALID_SCOPE)?;
    if most.contains(&scope) { Ok(scope) } else { Err(OAuthError::INVALID_SCOPE) }
}

/// May it have this way at all, with what people allow it?
pub(super) fn keeps_session(client: &Client) -> bool {
    client.may(Grant::RefreshToken)
}
