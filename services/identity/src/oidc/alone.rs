//! Tokens for a program itself (RFC 6749, section 4.4): it acts as an account of its own.

use hanse_store::{StoreError, Tx};

use super::client::Client;
use super::reply::OAuthError;
use super::token::{Granted, TokenRequest, Tokens, narrowed};
use crate::mint::{Delegation, Factor, Proven, delegate};
use crate::service::Identity;

/// Scopes that speak of a person.
const PERSONAL: [&str; 5] = ["openid", "profile", "email", "roles", "offline_access"];

pub(super) async fn grant(
    tx: &mut Tx,
    app: &Identity,
    client: &Client,
    request: &TokenRequest,
) -> Result<Granted, StoreError> {
    let scope = match narrowed(request, &client.scope) {
        Ok(scope) => scope,
        Err(error) => return Ok(Granted::refused(error)),
    };
    let asked = request.scope.is_some();
    let personal = |name: &String| PERSONAL.contains(&name.as_str());
    let names: Vec<String> = scope.permissions().iter().map(ToString::to_string).collect();
    if asked && names.iter().any(personal) {
        return Ok(Granted::refused(OAuthError::INVALID_SCOPE));
    }
    let names: Vec<String> = names.into_iter().filter(|name| !personal(name)).collect();
    let scope = hanse_http::Scope::parse(&names.join(" "))
        .map_err(|_| StoreError::Refused("a program's scope cannot be read"))?;
    let Some(account) = client.account_id else {
        return Ok(Granted::refused(OAuthError::UNAUTHORIZED_CLIENT));
    };
    let lifetime = app.access_lifetime();
    let delegation = Delegation {
        source: client.id,
        client_id: Some(client.id.to_string()),
        scope: Some(scope.clone()),
        actor: None,
        authenticated_at: None,
        lifetime,
    };
    let proven = Proven::by(Factor::Machine, account);
    let Some(access_token) = delegate(tx, app, &proven, delegation).await? else {
        return Ok(Granted::refused(OAuthError::INVALID_GRANT));
    };
    let tokens = Tokens {
        access_token,
        token_type: "Bearer",
        expires_in: u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX),
        scope: scope.to_string(),
        refresh_token: None,
        id_token: None,
        issued_token_type: None,
    };
    Ok(Granted { answer: Ok(tokens), ended: Vec::new() })
}
