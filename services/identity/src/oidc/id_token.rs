//! ID tokens: what a program is told of whoever has signed in (OpenID Connect Core, section 2).

use hanse_http::{Permission, Scope};
use hanse_store::{StoreError, Tx};
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::client::Client;
use crate::account::Account;
use crate::mint::factor;
use crate::service::Identity;
use crate::session::{Session, after};

#[derive(Serialize)]
struct IdToken<'a> {
    iss: &'a str,
    sub: Uuid,
    aud: Uuid,
    azp: Uuid,
    exp: i64,
    iat: i64,
    auth_time: i64,
    sid: Uuid,
    amr: Vec<String>,
    acr: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    #[serde(flatten)]
    claims: Map<String, Value>,
}

/// The ID token of a program's session, when `openid` is in its scope.
pub(super) fn issue(
    tx: &Tx,
    app: &Identity,
    client: &Client,
    account: &Account,
    session: &Session,
    nonce: Option<&str>,
) -> Result<Option<String>, StoreError> {
    let scope = scope(session);
    if !reaches(&scope, "openid") {
        return Ok(None);
    }
    let (issuer, _) = app.verifier.names();
    let now = tx.now();
    let token = IdToken {
        iss: issuer,
        sub: account.id,
        aud: client.id,
        azp: client.id,
        exp: after(now, app.access_lifetime()).as_second(),
        iat: now.as_second(),
        auth_time: session.authenticated_at.as_second(),
        sid: session.id,
        amr: factor::methods(&session.factors),
        acr: factor::assurance(&session.factors).class(),
        nonce,
        claims: claims(account, &scope),
    };
    let signed = app.keys.state("JWT", &token, (client.id_token_alg, now));
    signed.map(Some).map_err(|_| StoreError::Refused("there is no key to sign ID tokens with"))
}

/// What this scope lets a program know of an account (section 5.4).
pub(super) fn claims(account: &Account, scope: &Scope) -> Map<String, Value> {
    let mut claims = Map::new();
    if reaches(scope, "profile") {
        claims.insert("name".into(), json!(account.name));
        claims.insert("updated_at".into(), json!(account.updated_at.as_second()));
    }
    if reaches(scope, "email") {
        claims.insert("email".into(), json!(account.email));
        claims.insert("email_verified".into(), json!(account.email_verified_at.is_some()));
    }
    if reaches(scope, "roles") {
        let roles: Vec<_> = account.roles.iter().map(|role| role.name()).collect();
        claims.insert("roles".into(), json!(roles));
    }
    claims
}

/// The limits of a program's session. One without limits is not a program's, and tells nothing.
pub(super) fn scope(session: &Session) -> Scope {
    session.scope.as_deref().and_then(|text| Scope::parse(text).ok()).unwrap_or_default()
}

pub(super) fn reaches(scope: &Scope, name: &str) -> bool {
    Permission::parse(name).is_ok_and(|wanted| scope.covers(&wanted))
}
