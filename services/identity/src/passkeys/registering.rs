//! One's passkeys: making, naming and removing them.
//!
//! As with any factor ([`crate::http`]): whoever is signed in and has proven a short time ago who they
//! are may change them, and whoever signs in to an account whose role asks for a factor that it has not
//! may make one with the pending token of that sign-in.

use std::sync::Arc;

use garde::Validate;
use hanse_http::{Answered, Body, Created, Cx, Json, KernelError, NoContent, Path, Principal};
use hanse_store::{StoreError, Tx};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::answers::NewCredential;
use super::error::PasskeyError;
use super::options::CreationOptions;
use super::store::{self, MOST, Passkey};
use super::webauthn::{self, Registered, client_data};
use crate::account::{Account, display_name};
use crate::ended::Ended;
use crate::http::{FactorError, shown};
use crate::letters::Letter;
use crate::mint::{Entry, Factor, Opened, Proven, Step, mint, open};
use crate::service::Identity;
use crate::{accounts, challenges, factors, letters, sessions};

/// The kind of its challenges.
const KIND: &str = "passkey registration";

/// One of my passkeys.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PasskeyView {
    /// Identity.
    pub id: Uuid,
    /// My name for it.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last let me in.
    pub last_used_at: Option<Timestamp>,
    /// Is it kept on more than one device? One that is not is lost with its device.
    pub backed_up: bool,
}

/// My passkeys.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Passkeys {
    /// Each of them, oldest first; at most 20.
    pub items: Vec<PasskeyView>,
}

/// Who wants to make a passkey.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = BeginPasskey { pending: None })]
pub struct BeginPasskey {
    /// The token of a sign-in that asks to set a factor up.
    #[serde(default)]
    #[garde(length(max = 2048))]
    pending: Option<String>,
}

/// The passkey that was made.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = NewPasskey { name: "My telephone".into(), credential: NewCredential::example(), pending: None })]
pub struct NewPasskey {
    /// Name to show.
    #[garde(length(min = 1, max = 400))]
    name: String,
    /// What the browser answered: `JSON.stringify` of the credential.
    #[garde(dive)]
    credential: NewCredential,
    /// The token of a sign-in that asks to set a factor up.
    #[serde(default)]
    #[garde(length(max = 2048))]
    pending: Option<String>,
}

/// A passkey was made.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PasskeyReady {
    /// The passkey.
    pub passkey: PasskeyView,
    /// Codes for the day it is lost, with the first factor. They are shown this once.
    pub recovery_codes: Option<Vec<String>>,
    /// The end of the sign-in that asked for a factor.
    pub entry: Option<Entry>,
}

/// Another name.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = PasskeyName { name: "My telephone".into() })]
pub struct PasskeyName {
    /// Name to show.
    #[garde(length(min = 1, max = 400))]
    name: String,
}

/// My passkeys.
pub async fn list_passkeys(cx: Cx<Identity>) -> Result<Json<Passkeys>, PasskeyError> {
    let user = cx.user_id();
    let found =
        cx.read::<_, StoreError, _>(async |tx: &mut Tx| store::of_user(tx, user).await).await?;
    Ok(Json(Passkeys { items: found.into_iter().map(view).collect() }))
}

/// What to make a passkey with.
pub async fn begin_passkey(
    cx: Cx<Identity>,
    Body(begin): Body<BeginPasskey>,
) -> Result<Answered<Json<CreationOptions>>, PasskeyError> {
    let maker = Maker::of(&cx, begin.pending.as_deref())?;
    let app = Arc::clone(&cx.app);
    cx.write(async move |tx: &mut Tx| {
        let domain = app.site.domain.as_deref().ok_or(PasskeyError::NoDomain)?;
        let account = maker.account(tx, &app).await?;
        let passkeys = store::of_user(tx, account.id).await?;
        if passkeys.len() >= MOST {
            return Err(PasskeyError::TooManyPasskeys);
        }
        let whose = Some((account.id, maker.of));
        let challenge = challenges::passkey(tx, &app.vault, KIND, whose).await?;
        Ok(Json(CreationOptions::new(challenge, domain, &account, &passkeys)))
    })
    .await
}

/// Keeps a passkey. All other sessions end: they were begun with less.
pub async fn create_passkey(
    cx: Cx<Identity>,
    Body(new): Body<NewPasskey>,
) -> Result<Answered<Created<PasskeyReady>>, PasskeyError> {
    let name = display_name(&new.name).ok_or(PasskeyError::InvalidName)?;
    let maker = Maker::of(&cx, new.pending.as_deref())?;
    let (registered, transports) = check(&cx, &maker, &new.credential).await?;
    let (app, ended) = (Arc::clone(&cx.app), Ended::default());
    let told = ended.clone();
    let answer = cx
        .write(async move |tx: &mut Tx| {
            let account = maker.account(tx, &app).await?;
            if store::of_user(tx, account.id).await?.len() >= MOST {
                return Err(PasskeyError::TooManyPasskeys);
            }
            let factor = factor(registered.verified);
            let kept = store::insert(tx, account.id, name, transports, registered).await?;
            let passkey = kept.ok_or(PasskeyError::Refused)?;
            let letter = Letter::of("identity.passkey_added").says("passkey", &passkey.name);
            letters::tell(tx, &app, account.id, letter).await?;
            let keep = maker.principal.as_ref().map(|principal| principal.session_id);
            told.note(sessions::revoke_others(tx, account.id, keep).await?);
            let recovery_codes = match factors::recovery_left(tx, account.id).await? {
                0 => Some(factors::renew_recovery(tx, &app.vault, account.id).await?),
                _ => None,
            };
            let entry = maker.go_on(tx, &app, factor).await?;
            let location = format!("/api/v1/auth/passkeys/{}", passkey.id);
            let value = PasskeyReady { passkey: view(passkey), recovery_codes, entry };
            Ok(Created { location, version: 1, value })
        })
        .await?;
    ended.refuse(&cx.app);
    Ok(answer)
}

/// Gives a passkey another name; somebody else's is none of mine.
pub async fn rename_passkey(
    cx: Cx<Identity>,
    Path(id): Path<Uuid>,
    Body(new): Body<PasskeyName>,
) -> Result<Answered<Json<PasskeyView>>, PasskeyError> {
    let (user, name) = (cx.user_id(), display_name(&new.name).ok_or(PasskeyError::InvalidName)?);
    cx.write(async move |tx: &mut Tx| {
        if !store::rename(tx, user, id, &name).await? {
            return Err(PasskeyError::UnknownPasskey);
        }
        let passkey = store::find(tx, user, id).await?.ok_or(PasskeyError::UnknownPasskey)?;
        Ok(Json(view(passkey)))
    })
    .await
}

/// Removes a passkey. All other sessions end.
pub async fn delete_passkey(
    cx: Cx<Identity>,
    Path(id): Path<Uuid>,
) -> Result<Answered<NoContent>, PasskeyError> {
    let principal = cx.principal().ok_or(KernelError::Unauthenticated)?.clone();
    let (app, ended) = (Arc::clone(&cx.app), Ended::default());
    let told = ended.clone();
    let answer = cx
        .write(async move |tx: &mut Tx| {
            let account = shown::recent(tx, &app, &principal).await?;
            if !store::remove(tx, account.id, id).await? {
                return Err(PasskeyError::UnknownPasskey);
            }
            factors::forget_recovery_of_none(tx, account.id).await?;
            let keep = Some(principal.session_id);
            told.note(sessions::revoke_others(tx, account.id, keep).await?);
            Ok(NoContent)
        })
        .await?;
    ended.refuse(&cx.app);
    Ok(answer)
}

/// Who makes a passkey: a session, or a sign-in that asks for a factor.
struct Maker {
    user: Uuid,
    /// The session or the sign-in: a challenge is for one of them only.
    of: Uuid,
    principal: Option<Principal>,
    pending: Option<Opened>,
}

impl Maker {
    fn of(cx: &Cx<Identity>, pending: Option<&str>) -> Result<Self, PasskeyError> {
        if let Some(token) = pending {
            let opened = open(&cx.app.home.sealer, token, cx.now());
            let opened = opened.filter(|opened| opened.step == Step::Enrol);
            let opened = opened.ok_or(FactorError::InvalidPending)?;
            let (user, of) = (opened.proven.user_id(), opened.id);
            return Ok(Self { user, of, principal: None, pending: Some(opened) });
        }
        let principal = cx.principal().ok_or(KernelError::Unauthenticated)?.clone();
        let (user, of) = (principal.user_id, principal.session_id);
        Ok(Self { user, of, principal: Some(principal), pending: None })
    }

    /// The account, held, if they may change its factors now.
    async fn account(&self, tx: &mut Tx, app: &Arc<Identity>) -> Result<Account, FactorError> {
        match &self.principal {
            Some(principal) => shown::recent(tx, app, principal).await,
            None => {
                let account = accounts::hold(tx, self.user).await?;
                account.filter(|account| !account.disabled).ok_or(FactorError::InvalidPending)
            }
        }
    }

    /// The end of the sign-in that asked for the factor.
    async fn go_on(
        self,
        tx: &mut Tx,
        app: &Identity,
        factor: Factor,
    ) -> Result<Option<Entry>, PasskeyError> {
        let Some(Opened { proven, wish, .. }) = self.pending else { return Ok(None) };
        let proven = proven.and(Proven::by(factor, self.user));
        let proven = proven.ok_or(FactorError::InvalidPending)?;
        let minted = mint(tx, app, proven, wish).await?;
        Ok(Some(minted.entry().ok_or(FactorError::InvalidPending)?))
    }
}

/// Takes the challenge out of the store, and then looks whether the answer fits it.
async fn check(
    cx: &Cx<Identity>,
    maker: &Maker,
    credential: &NewCredential,
) -> Result<(Registered, Vec<String>), PasskeyError> {
    let bytes = credential.bytes()?;
    let challenge = client_data::challenge(&bytes.client_data)?;
    let (app, taken, whose) =
        (Arc::clone(&cx.app), challenge.clone(), Some((maker.user, maker.of)));
    let take = async move |tx: &mut Tx| {
        challenges::take_passkey(tx, &app.vault, KIND, &taken, whose).await
    };
    if !cx.app.home.db.write::<_, StoreError, _>(take).await? {
        return Err(PasskeyError::Refused);
    }
    let site = &cx.app.site;
    let made = webauthn::register(site, &challenge, &bytes.client_data, &bytes.attestation)?;
    if made.credential_id != bytes.id {
        return Err(PasskeyError::Refused);
    }
    Ok((made, bytes.transports))
}

/// What a passkey is worth that was used in this way.
pub(super) fn factor(verified: bool) -> Factor {
    if verified { Factor::VerifiedPasskey } else { Factor::Passkey }
}

fn view(passkey: Passkey) -> PasskeyView {
    PasskeyView {
        id: passkey.id,
        name: passkey.name,
        created_at: passkey.created_at,
        last_used_at: passkey.last_used_at,
        backed_up: passkey.backed_up,
    }
}
