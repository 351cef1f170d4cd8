//! Tokens for an authorization code, and how a session for a program begins.

use hanse_http::Scope;
use hanse_store::{StoreError, Tx};
use uuid::Uuid;

use super::client::Client;
use super::codes;
use super::grants::{self, ClientSession};
use super::id_token;
use super::reply::OAuthError;
use super::token::{Granted, TokenRequest, Tokens, keeps_session};
use crate::mint::{Begun, Device, Minted, Proven, Wish, mint};
use crate::pages::browser::{self, SignedInBrowser};
use crate::service::Identity;

/// Exchanges a code. One that was exchanged before ends what it gave: somebody has a copy (AUTN-14).
pub(super) async fn redeem(
    tx: &mut Tx,
    app: &Identity,
    client: &Client,
    request: &TokenRequest,
    device: Device,
) -> Result<Granted, StoreError> {
    let code = codes::find(tx, &request.code).await?;
    let Some(code) = code.filter(|code| code.client_id == client.id) else {
        return Ok(Granted::refused(OAuthError::INVALID_GRANT));
    };
    if let Some(session) = code.used_for {
        return Ok(Granted {
            answer: Err(OAuthError::INVALID_GRANT),
            ended: end_session(tx, session).await?,
        });
    }
    if !code.fits(&request.redirect_uri, &request.code_verifier, tx.now()) {
        return Ok(Granted::refused(OAuthError::INVALID_GRANT));
    }
    let Some(browser) = browser::live(tx, code.browser).await? else {
        return Ok(Granted::refused(OAuthError::INVALID_GRANT));
    };
    let Some(begun) = begin(tx, app, client, &browser, &code.scope, device).await? else {
        return Ok(Granted::refused(OAuthError::INVALID_GRANT));
    };
    if !code.spend(tx, begun.session.id).await? {
        return Err(StoreError::Unique("a code was exchanged twice at once".into()));
    }
    let answer = tokens(tx, app, client, &begun, code.nonce.as_deref())?;
    Ok(Granted { answer: Ok(answer), ended: Vec::new() })
}

/// Begins a session for a program, by the session of the browser in which it was allowed. `None` when
/// the account may not sign in any more.
pub(super) async fn begin(
    tx: &mut Tx,
    app: &Identity,
    client: &Client,
    browser: &SignedInBrowser,
    scope: &Scope,
    device: Device,
) -> Result<Option<Box<Begun>>, StoreError> {
    // What its owner sees in the list of sessions is the program's name.
    let user_agent = format!("{} ({})", client.name, device.user_agent);
    let mut wish = Wish::of(Device { user_agent, address: device.address });
    wish.client_id = Some(client.id.to_string());
    wish.scope = Some(scope.to_string());
    wish.authenticated_at = Some(browser.session.authenticated_at);
    let proven = Proven::by_session(&browser.session);
    let Minted::Session(begun) = mint(tx, app, proven, wish).await? else { return Ok(None) };
    let granted = ClientSession {
        session_id: begun.session.id,
        client_id: client.id,
        user_id: begun.account.id,
        browser: browser.session.id,
    };
    grants::insert(tx, granted).await?;
    Ok(Some(begun))
}

/// What a program gets of a session that has just begun.
pub(super) fn tokens(
    tx: &Tx,
    app: &Identity,
    client: &Client,
    begun: &Begun,
    nonce: Option<&str>,
) -> Result<Tokens, StoreError> {
    let id_token = id_token::issue(tx, app, client, &begun.account, &begun.session, nonce)?;
    Ok(Tokens {
        access_token: begun.tokens.access_token.clone(),
        token_type: "Bearer",
        expires_in: begun.tokens.expires_in,
        scope: begun.session.scope.clone().unwrap_or_default(),
        refresh_token: keeps_session(client).then(|| begun.tokens.refresh_token.clone()),
        id_token,
        issued_token_type: None,
    })
}

async fn end_session(tx: &mut Tx, session: Uuid) -> Result<Vec<Uuid>, StoreError> {
    let Some(found) = crate::sessions::find(tx, session).await? else { return Ok(Vec::new()) };
    Ok(grants::end(tx, found.user_id, session).await?.into_iter().collect())
}
