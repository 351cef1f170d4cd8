//! Sessions begin here and nowhere else.
//!
//! [`mint`] is the one function that makes a session. It takes a [`Proven`], which only a checked
//! factor gives; when second factors come, this is where they are demanded, and no way in can go
//! round it.

use hanse_events::Emit as _;
use hanse_http::{Claims, Role};
use hanse_store::{StoreError, Tx};
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::account::Account;
use crate::password::Proven;
use crate::session::{Session, after, expiry};
use crate::{Identity, accounts, sessions};

/// Longest `User-Agent` that is kept.
const AGENT: usize = 200;

/// The device that signs in.
#[derive(Clone, Debug)]
pub struct Device {
    /// What it calls itself.
    pub user_agent: String,
    /// Where it is.
    pub address: std::net::IpAddr,
}

/// Tokens, and whose they are.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(example = example_tokens())]
pub struct SignedIn {
    /// Send it as `Authorization: Bearer …`.
    pub access_token: String,
    /// Good for the next pair of tokens, once.
    pub refresh_token: String,
    /// Always `Bearer`.
    pub token_type: String,
    /// Seconds that the access token is valid.
    pub expires_in: u32,
    /// Whose they are.
    pub user: User,
}

/// An account as its owner sees it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(example = example_user())]
pub struct User {
    /// Identity.
    pub id: Uuid,
    /// Address to sign in with.
    pub email: String,
    /// Name as shown.
    pub name: String,
    /// What the account may do.
    pub roles: Vec<Role>,
}

fn example_tokens() -> SignedIn {
    SignedIn {
        access_token: "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiJ9.e30.c2ln".into(),
        refresh_token: "AZVdOnwAcACAAAAAAAAAAQAAAAA3q2-7w".into(),
        token_type: "Bearer".into(),
        expires_in: 900,
        user: example_user(),
    }
}

fn example_user() -> User {
    User {
        id: Uuid::from_u128(0x0195_5d3a_7c00_7000_8000_0000_0000_0001),
        email: "anna@example.com".into(),
        name: "Anna Berg".into(),
        roles: vec![Role::User],
    }
}

impl From<&Account> for User {
    fn from(account: &Account) -> Self {
        Self {
            id: account.id,
            email: account.email.clone(),
            name: account.name.clone(),
            roles: account.roles.clone(),
        }
    }
}

/// Begins a session for somebody who has proven who they are. `None` when the account has gone, has
/// been disabled or has got another password since it was looked at.
///
/// # Errors
/// A failure of the store.
pub async fn mint(
    tx: &mut Tx,
    app: &Identity,
    proven: Proven,
    device: Device,
) -> Result<Option<SignedIn>, StoreError> {
    if !accounts::signed_in(tx, proven.user_id()).await? {
        return Ok(None);
    }
    let Some(account) = accounts::find(tx, proven.user_id()).await? else { return Ok(None) };
    if proven.stored().is_some_and(|checked| checked != account.password) {
        return Ok(None);
    }
    if let Some(renewed) = proven.rehashed() {
        accounts::set_password(tx, account.id, &account.password, renewed).await?;
    }
    let now = tx.now();
    let session = Session {
        id: tx.new_id(),
        user_id: account.id,
        nonce: tx.random(),
        generation: 0,
        rotated_at: now,
        expires_at: expiry(&app.config, now, now),
        revoked_at: None,
        user_agent: device.user_agent.chars().filter(|c| !c.is_control()).take(AGENT).collect(),
        address: device.address.to_canonical().to_string(),
        created_at: now,
        last_used_at: now,
    };
    sessions::insert(tx, &session).await?;
    tx.emit(&session.started()).await?;
    tokens(tx, app, &account, &session).map(Some)
}

/// The tokens of a session's current generation.
///
/// # Errors
/// [`StoreError::Refused`] when there is no key to sign with.
pub fn tokens(
    tx: &Tx,
    app: &Identity,
    account: &Account,
    session: &Session,
) -> Result<SignedIn, StoreError> {
    let (issuer, audience) = app.verifier.names();
    let lifetime = app.access_lifetime();
    let now = tx.now();
    let claims = Claims {
        iss: issuer.to_owned(),
        aud: audience.to_owned(),
        sub: account.id,
        sid: session.id,
        jti: tx.new_id(),
        roles: account.roles.iter().map(|role| role.name().to_owned()).collect(),
        iat: now.as_second(),
        exp: after(now, lifetime).as_second(),
    };
    let access_token = app
        .keys
        .sign(&claims, now)
        .map_err(|_| StoreError::Refused("there is no key to sign access tokens with"))?;
    Ok(SignedIn {
        access_token,
        refresh_token: app.refresh_tokens.issue(session, session.generation),
        token_type: "Bearer".to_owned(),
        expires_in: seconds(lifetime),
        user: User::from(account),
    })
}

fn seconds(span: SignedDuration) -> u32 {
    u32::try_from(span.as_secs()).unwrap_or(u32::MAX)
}
