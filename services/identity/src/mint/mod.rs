//! Sessions and access tokens begin here and nowhere else.
//!
//! [`mint`] is the one function that makes a session. It takes a [`Proven`], which only a checked
//! factor gives, and a [`Wish`]: for which device and program, within which limits. The rule of
//! [`policy`] says whether what was proven is enough; if it is not, the answer is a [`Pending`] token
//! that comes back with the next factor. [`tokens`] signs what a live session's refresh may have,
//! [`delegate`] what is signed without a session of its own: a machine's key, an administrator who acts
//! for somebody, a token that was exchanged for a narrower one. Nothing else in this crate signs
//! access tokens or inserts sessions; `tests/it/ways_in.rs` reads the source and fails when something
//! does.

mod answer;
pub mod factor;
mod pending;
pub mod policy;
mod proof;

use hanse_events::Emit as _;
use hanse_http::{Actor, Claims, Scope};
use hanse_store::{StoreError, Tx, params};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use answer::{Entry, LetterSent, SignedIn, User};
pub use factor::{Assurance, Factor};
pub use pending::{Opened, Pending, Step, open};
pub use proof::Proven;

use crate::account::{Account, Kind};
use crate::letters::Letter;
use crate::session::{Session, after, expiry};
use crate::{Identity, accounts, factors, sessions};
use policy::Verdict;

/// Longest `User-Agent` that is kept.
const AGENT: usize = 200;

const INSERT: &str = "INSERT INTO sessions (id, user_id, nonce, generation, rotated_at, expires_at,
    user_agent, address, created_at, last_used_at, factors, authenticated_at, client_id, scope, actor)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";

/// The device that signs in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Device {
    /// What it calls itself.
    pub user_agent: String,
    /// Where it is.
    pub address: std::net::IpAddr,
}

/// What is asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Wish {
    /// The device.
    pub device: Device,
    /// The program, when it is not one of our own.
    pub client_id: Option<String>,
    /// What the tokens are limited to; `None` is not at all.
    pub scope: Option<String>,
    /// How well it has to be proven at the least.
    pub least: Assurance,
    /// When it was proven, if that was before now.
    pub authenticated_at: Option<Timestamp>,
}

impl Wish {
    /// A session of our own, without limits.
    #[must_use]
    pub fn of(device: Device) -> Self {
        Self {
            device,
            client_id: None,
            scope: None,
            least: Assurance::Single,
            authenticated_at: None,
        }
    }
}

/// What came of it.
#[derive(Debug)]
pub enum Minted {
    /// The account has gone, has been disabled, or has got another password since it was looked at.
    Refused,
    /// More is needed.
    Pending(Pending),
    /// It would be enough, but the password is too old: another one has to be chosen first.
    TooOld(Pending),
    /// A session, and its first tokens.
    Session(Box<Begun>),
}

/// A session that has begun.
#[derive(Debug)]
pub struct Begun {
    /// Whose.
    pub account: Account,
    /// The session.
    pub session: Session,
    /// Its tokens.
    pub tokens: SignedIn,
}

impl Minted {
    /// As the answer to a sign-in; `None` when it is refused, or its password is too old.
    #[must_use]
    pub fn entry(self) -> Option<Entry> {
        match self {
            Self::Refused | Self::TooOld(_) => None,
            Self::Pending(pending) => Some(Entry::Pending(pending)),
            Self::Session(begun) => Some(Entry::SignedIn(Box::new(begun.tokens))),
        }
    }
}

/// Begins a session for somebody who has proven enough, or says what is missing.
///
/// # Errors
/// A failure of the store.
pub async fn mint(
    tx: &mut Tx,
    app: &Identity,
    proven: Proven,
    wish: Wish,
) -> Result<Minted, StoreError> {
    let Some(account) = admit(tx, app, &proven).await? else { return Ok(Minted::Refused) };
    let device = Device { user_agent: user_agent(&wish.device), ..wish.device };
    let wish = Wish { device, ..wish };
    let step = match judge(tx, app, &account, &proven, wish.least).await? {
        Verdict::More(factors) => Some((Step::Show, factors)),
        _ if rests_on_old(tx, app, &account, proven.factors(), wish.least).await? => {
            Some((Step::Renew, Vec::new()))
        }
        Verdict::Enrol(factors) => Some((Step::Enrol, factors)),
        Verdict::Enough => None,
    };
    if let Some((step, factors)) = step {
        let (id, now) = (tx.new_id(), tx.now());
        let sealer = &app.home.sealer;
        let (account, wish) = (&account, &wish);
        let pending = pending::seal(sealer, id, &proven, account, wish, (step, factors), now);
        return Ok(match step {
            Step::Renew => Minted::TooOld(pending),
            Step::Show | Step::Enrol => Minted::Pending(pending),
        });
    }
    let agent = user_agent(&wish.device);
    let known = sessions::knows_device(tx, account.id, &agent).await?;
    let session = begin(tx, app, &account, proven.factors(), wish).await?;
    tx.emit(&session.started()).await?;
    if !known {
        tell_of_device(tx, app, &account, &session).await?;
    }
    let tokens = tokens(tx, app, &account, &session)?;
    Ok(Minted::Session(Box::new(Begun { account, session, tokens })))
}

/// The factors of an account, any one of which would be enough beside what was proven. None when it
/// has none of them, or when what was proven is enough.
///
/// # Errors
/// A failure of the store.
pub(crate) async fn missing(
    tx: &mut Tx,
    app: &Identity,
    account: &Account,
    proven: &Proven,
    least: Assurance,
) -> Result<Vec<Factor>, StoreError> {
    match judge(tx, app, account, proven, least).await? {
        Verdict::More(factors) => Ok(factors),
        Verdict::Enough | Verdict::Enrol(_) => Ok(Vec::new()),
    }
}

async fn judge(
    tx: &mut Tx,
    app: &Identity,
    account: &Account,
    proven: &Proven,
    least: Assurance,
) -> Result<Verdict, StoreError> {
    let enrolled = factors::enrolled(tx, account.id).await?;
    Ok(policy::judge(&app.config, &account.roles, &enrolled, proven.factors(), least))
}

/// Does all this stand on a password that is too old by now?
///
/// # Errors
/// A failure of the store.
pub(crate) async fn rests_on_old(
    tx: &mut Tx,
    app: &Identity,
    account: &Account,
    proven: &[Factor],
    least: Assurance,
) -> Result<bool, StoreError> {
    let (config, roles) = (&app.config, &account.roles);
    if !policy::is_too_old(config, roles, account.password_changed_at, tx.now()) {
        return Ok(false);
    }
    let enrolled = factors::enrolled(tx, account.id).await?;
    Ok(policy::needs_password(config, roles, &enrolled, proven, least))
}

/// The account, held, if it may sign in and its password is still the one that was checked. A hash
/// with outdated parameters is renewed.
async fn admit(
    tx: &mut Tx,
    app: &Identity,
    proven: &Proven,
) -> Result<Option<Account>, StoreError> {
    if !accounts::signed_in(tx, proven.user_id()).await? {
        return Ok(None);
    }
    let Some(mut account) = accounts::find(tx, proven.user_id()).await? else { return Ok(None) };
    let unverified = account.kind == Kind::Person && account.email_verified_at.is_none();
    if unverified && app.config.require_verified_email {
        return Ok(None);
    }
    let Some(checked) = proven.password() else { return Ok(Some(account)) };
    if checked.print != proof::print(&account.password) {
        return Ok(None);
    }
    if let Some(renewed) = &checked.rehashed {
        accounts::rehash_password(tx, account.id, &account.password, renewed).await?;
        account.password.clone_from(renewed);
    }
    Ok(Some(account))
}

async fn begin(
    tx: &mut Tx,
    app: &Identity,
    account: &Account,
    factors: &[Factor],
    wish: Wish,
) -> Result<Session, StoreError> {
    let now = tx.now();
    let session = Session {
        id: tx.new_id(),
        user_id: account.id,
        nonce: tx.random(),
        generation: 0,
        rotated_at: now,
        expires_at: expiry(&app.config, now, now),
        revoked_at: None,
        user_agent: user_agent(&wish.device),
        address: wish.device.address.to_canonical().to_string(),
        created_at: now,
        last_used_at: now,
        factors: factors.to_vec(),
        authenticated_at: wish.authenticated_at.unwrap_or(now),
        client_id: wish.client_id,
        scope: wish.scope,
        actor: None,
    };
    insert(tx, &session).await?;
    Ok(session)
}

fn user_agent(device: &Device) -> String {
    device.user_agent.chars().filter(|c| !c.is_control()).take(AGENT).collect()
}

/// Tells the owner that a device signed in which never did before.
async fn tell_of_device(
    tx: &mut Tx,
    app: &Identity,
    account: &Account,
    session: &Session,
) -> Result<(), StoreError> {
    let letter = Letter::of("identity.new_device")
        .says("name", &account.name)
        .says("device", &session.user_agent)
        .says("address", &session.address)
        .says("time", session.created_at.to_string());
    app.letters.send(tx, account.id, letter).await
}

async fn insert(tx: &mut Tx, session: &Session) -> Result<(), StoreError> {
    let params = params![
        session.id,
        session.user_id,
        session.nonce,
        session.generation,
        session.rotated_at,
        session.expires_at,
        &session.user_agent,
        &session.address,
        session.created_at,
        session.last_used_at,
        factor::write(&session.factors),
        session.authenticated_at,
        session.client_id.clone(),
        session.scope.clone(),
        session.actor.clone(),
    ];
    tx.execute(INSERT, params).await.map(drop)
}

/// The tokens of a session's current generation. The caller has looked whether the session lives and
/// the account may sign in.
///
/// # Errors
/// [`StoreError::Refused`] when there is no key to sign with.
pub fn tokens(
    tx: &Tx,
    app: &Identity,
    account: &Account,
    session: &Session,
) -> Result<SignedIn, StoreError> {
    let limits = Limits {
        session_id: session.id,
        factors: &session.factors,
        authenticated_at: Some(session.authenticated_at),
        client_id: session.client_id.clone(),
        scope: session.scope.clone(),
        actor: session.actor.clone().map(|sub| Actor { sub, act: None }),
        lifetime: app.access_lifetime(),
    };
    Ok(SignedIn {
        access_token: sign(tx, app, account, limits)?,
        refresh_token: app.refresh_tokens.issue(session, session.generation),
        token_type: "Bearer".to_owned(),
        expires_in: seconds(app.access_lifetime()),
        user: User::from(account),
    })
}

/// For whom a token is signed that has no session of its own.
#[derive(Clone, Debug)]
pub struct Delegation {
    /// What ends the token early when it ends: an API key, or the session of whoever acts.
    pub source: Uuid,
    /// The program it is made for.
    pub client_id: Option<String>,
    /// What it is limited to; `None` is not at all.
    pub scope: Option<Scope>,
    /// Who acts for the account.
    pub actor: Option<Actor>,
    /// When it was proven who the account is, if a person did.
    pub authenticated_at: Option<Timestamp>,
    /// How long it is valid; never longer than any other access token.
    pub lifetime: SignedDuration,
}

/// An access token without a session and without a refresh token. `None` when the account may not sign
/// in.
///
/// # Errors
/// A failure of the store, or [`StoreError::Refused`] when there is no key to sign with.
pub async fn delegate(
    tx: &mut Tx,
    app: &Identity,
    proven: &Proven,
    delegation: Delegation,
) -> Result<Option<String>, StoreError> {
    let account = accounts::find(tx, proven.user_id()).await?;
    let Some(account) = account.filter(|account| !account.disabled) else { return Ok(None) };
    let limits = Limits {
        session_id: delegation.source,
        factors: proven.factors(),
        authenticated_at: delegation.authenticated_at,
        client_id: delegation.client_id,
        scope: delegation.scope.map(|scope| scope.to_string()),
        actor: delegation.actor,
        lifetime: delegation.lifetime.min(app.access_lifetime()),
    };
    sign(tx, app, &account, limits).map(Some)
}

/// What an access token says besides whose it is.
struct Limits<'a> {
    session_id: Uuid,
    factors: &'a [Factor],
    authenticated_at: Option<Timestamp>,
    client_id: Option<String>,
    scope: Option<String>,
    actor: Option<Actor>,
    lifetime: SignedDuration,
}

fn sign(
    tx: &Tx,
    app: &Identity,
    account: &Account,
    limits: Limits<'_>,
) -> Result<String, StoreError> {
    let (issuer, audience) = app.verifier.names();
    let now = tx.now();
    let person = !factor::is_delegated(limits.factors);
    let claims = Claims {
        iss: issuer.to_owned(),
        aud: audience.to_owned(),
        sub: account.id,
        sid: limits.session_id,
        jti: tx.new_id(),
        roles: account.roles.iter().map(|role| role.name().to_owned()).collect(),
        iat: now.as_second(),
        exp: after(now, limits.lifetime).as_second(),
        amr: factor::methods(limits.factors),
        acr: person.then(|| factor::assurance(limits.factors).class().to_owned()),
        auth_time: limits.authenticated_at.map(Timestamp::as_second),
        scope: limits.scope,
        client_id: limits.client_id,
        act: limits.actor,
    };
    app.keys
        .sign(&claims, now)
        .map_err(|_| StoreError::Refused("there is no key to sign access tokens with"))
}

fn seconds(span: SignedDuration) -> u32 {
    u32::try_from(span.as_secs()).unwrap_or(u32::MAX)
}
