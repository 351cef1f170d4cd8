//! A narrower token for somebody's token, for a program that acts for them (RFC 8693).

use hanse_http::{Actor, Scope};
use hanse_store::{StoreError, Tx};

use super::client::Client;
use super::reply::OAuthError;
use super::token::{Granted, TokenRequest, Tokens, narrowed};
use crate::mint::{Delegation, Proven, delegate};
use crate::pages::browser;
use crate::service::Identity;

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// The new token says who acts (`act`), reaches no more than the one that was shown and no more than
/// the program may, ends no later, and ends with the same session.
pub(super) async fn exchange(
    tx: &mut Tx,
    app: &Identity,
    client: &Client,
    request: &TokenRequest,
) -> Result<Granted, StoreError> {
    if request.subject_token_type != ACCESS_TOKEN {
        let error = OAuthError::request("subject_token_type must be an access token");
        return Ok(Granted::refused(error));
    }
    if request.requested_token_type.as_deref().is_some_and(|kind| kind != ACCESS_TOKEN) {
        let error = OAuthError::request("requested_token_type must be an access token");
        return Ok(Granted::refused(error));
    }
    let Ok(subject) = app.verifier.verify(&request.subject_token) else {
        return Ok(Granted::refused(OAuthError::INVALID_GRANT));
    };
    // An account's own token has no limit; what is asked for must be said then.
    let asked = request.scope.as_deref().is_some_and(|text| !text.trim().is_empty());
    if !asked {
        return Ok(Granted::refused(OAuthError::INVALID_SCOPE));
    }
    let scope = match narrowed(request, &client.scope) {
        Ok(scope) if subject.scope.as_ref().is_none_or(|most| most.contains(&scope)) => scope,
        _ => return Ok(Granted::refused(OAuthError::INVALID_SCOPE)),
    };
    let Some(live) = browser::live(tx, subject.session_id).await? else {
        return Ok(Granted::refused(OAuthError::INVALID_GRANT));
    };
    if live.account.id != subject.user_id {
        return Ok(Granted::refused(OAuthError::INVALID_GRANT));
    }
    let left = subject.expires_at.duration_since(tx.now());
    let before = subject.actor.clone().map(|sub| Box::new(Actor { sub, act: None }));
    let delegation = Delegation {
        source: live.session.id,
        client_id: Some(client.id.to_string()),
        scope: Some(scope.clone()),
        actor: Some(Actor { sub: client.id.to_string(), act: before }),
        authenticated_at: Some(live.session.authenticated_at),
        lifetime: left,
    };
    let proven = Proven::by_session(&live.session);
    let Some(access_token) = delegate(tx, app, &proven, delegation).await? else {
        return Ok(Granted::refused(OAuthError::INVALID_GRANT));
    };
    Ok(Granted { answer: Ok(tokens(access_token, left.as_secs(), &scope)), ended: Vec::new() })
}

fn tokens(access_token: String, seconds: i64, scope: &Scope) -> Tokens {
    Tokens {
        access_token,
        token_type: "Bearer",
        expires_in: u32::try_from(seconds).unwrap_or_default(),
        scope: scope.to_string(),
        refresh_token: None,
        id_token: None,
        issued_token_type: Some(ACCESS_TOKEN),
    }
}
