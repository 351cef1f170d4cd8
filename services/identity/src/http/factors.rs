//! One's second factors: setting them up, and removing them.
//!
//! Whoever is signed in and has proven a short time ago who they are may change them. Whoever signs in
//! to an account whose role asks for a factor that it has not, may set one up with the pending token
//! of that sign-in.

use std::sync::Arc;

use garde::Validate;
use hanse_http::{Answered, Body, Created, Cx, Json, KernelError, NoContent, Path};
use hanse_store::{StoreError, Tx};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::errors::FactorError;
use super::shown::{self, Shown};
use crate::account::Account;
use crate::ended::Ended;
use crate::factors::{Confirmed, totp};
use crate::letters::Letter;
use crate::mint::{Entry, Factor, Opened, Proven, Step, mint, open};
use crate::phone::Phone;
use crate::service::Identity;
use crate::session::after;
use crate::{accounts, challenges, factors, letters, sessions};

/// A second factor that I have set up.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FactorView {
    /// Which.
    pub factor: Factor,
    /// When it was set up.
    pub created_at: Timestamp,
    /// When it last let me in.
    pub last_used_at: Option<Timestamp>,
}

/// My second factors.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Factors {
    /// Each of them.
    pub items: Vec<FactorView>,
    /// How many recovery codes I have left.
    pub recovery_codes: i64,
}

/// A factor to set up.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = NewFactor { factor: Factor::Totp, phone: None, pending: None })]
pub struct NewFactor {
    /// `totp`, `email_code` or `sms_code`.
    #[garde(skip)]
    factor: Factor,
    /// For `sms_code`: the number, as `+49301234567`.
    #[serde(default)]
    #[garde(length(max = 32))]
    phone: Option<String>,
    /// The token of a sign-in that asks to set a factor up.
    #[serde(default)]
    #[garde(length(max = 2048))]
    pending: Option<String>,
}

/// What an authenticator app needs. It is shown this once.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(example = FactorSetup { factor: Factor::Totp, secret: Some("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".into()), uri: None })]
pub struct FactorSetup {
    /// Which.
    pub factor: Factor,
    /// For `totp`: the key, in base32.
    pub secret: Option<String>,
    /// For `totp`: the same as text for a QR code.
    pub uri: Option<String>,
}

/// The first code of a factor that is being set up.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = FirstCode { shown: Shown { factor: Factor::Totp, code: "492039".into() }, pending: None })]
pub struct FirstCode {
    /// The factor and its code.
    #[garde(dive)]
    shown: Shown,
    /// The token of a sign-in that asks to set a factor up.
    #[serde(default)]
    #[garde(length(max = 2048))]
    pending: Option<String>,
}

/// A factor was set up.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FactorReady {
    /// Codes for the day the factor is lost, with the first one. They are shown this once.
    pub recovery_codes: Option<Vec<String>>,
    /// The end of the sign-in that asked for the factor.
    pub entry: Option<Entry>,
}

/// A code to be sent.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = CodeRequest { factor: Factor::EmailCode, pending: None })]
pub struct CodeRequest {
    /// `email_code` or `sms_code`.
    #[garde(skip)]
    factor: Factor,
    /// The token of the sign-in that needs it; none to prove again who one is.
    #[serde(default)]
    #[garde(length(max = 2048))]
    pending: Option<String>,
}

/// Recovery codes. They are shown this once.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(example = RecoveryCodes { recovery_codes: vec!["k7dq2-mhx3rv".into()] })]
pub struct RecoveryCodes {
    /// The codes, each good once.
    pub recovery_codes: Vec<String>,
}

/// My second factors.
pub async fn list_factors(cx: Cx<Identity>) -> Result<Json<Factors>, FactorError> {
    let user = cx.user_id();
    let (list, recovery_codes) = cx
        .read::<_, StoreError, _>(async |tx: &mut Tx| {
            Ok((factors::list(tx, user).await?, factors::recovery_left(tx, user).await?))
        })
        .await?;
    let view = |factor: factors::Enrolment| FactorView {
        factor: factor.kind,
        created_at: factor.created_at,
        last_used_at: factor.last_used_at,
    };
    Ok(Json(Factors { items: list.into_iter().map(view).collect(), recovery_codes }))
}

/// Begins to set a factor up. It counts when its first code has been shown.
pub async fn create_factor(
    cx: Cx<Identity>,
    Body(new): Body<NewFactor>,
) -> Result<Answered<Created<FactorSetup>>, FactorError> {
    let pending = opened(&cx, new.pending.as_deref())?;
    let phone = match new.factor {
        Factor::SmsCode => Some(Phone::parse(new.phone.as_deref().unwrap_or_default())?),
        Factor::Totp | Factor::EmailCode => None,
        _ => return Err(FactorError::UnknownFactor),
    };
    let (app, principal) = (Arc::clone(&cx.app), cx.principal().cloned());
    cx.write(async move |tx: &mut Tx| {
        let account = match (&pending, &principal) {
            (Some(pending), _) => hold(tx, pending.proven.user_id()).await?,
            (None, Some(principal)) => shown::recent(tx, &app, principal).await?,
            (None, None) => return Err(KernelError::Unauthenticated.into()),
        };
        let (user, factor) = (account.id, new.factor);
        let secret = match &phone {
            Some(phone) => phone.as_str().as_bytes().to_vec(),
            None if factor == Factor::Totp => tx.random::<{ totp::KEY }>().to_vec(),
            None => Vec::new(),
        };
        let sealed = app.vault.seal(user, factor, &secret);
        if !factors::begin(tx, user, factor, sealed).await? {
            return Err(FactorError::KnownFactor);
        }
        if factor != Factor::Totp {
            let kind = shown::purpose(factor, user);
            send(tx, &app, &account, factor, phone.as_ref(), &kind).await?;
        }
        let totp = factor == Factor::Totp;
        let value = FactorSetup {
            factor,
            secret: totp.then(|| totp::base32(&secret)),
            uri: totp.then(|| totp::uri(app.issuer(), &account.email, &secret)),
        };
        let location = format!("/api/v1/auth/factors/{}", factor.name());
        Ok(Created { location, version: 1, value })
    })
    .await
}

/// Sets a factor up by its first code. All other sessions end: they were begun with less.
pub async fn confirm_factor(
    cx: Cx<Identity>,
    Body(first): Body<FirstCode>,
) -> Result<Answered<Json<FactorReady>>, FactorError> {
    let pending = opened(&cx, first.pending.as_deref())?;
    let principal = cx.principal().cloned();
    let user = pending.as_ref().map(|pending| pending.proven.user_id());
    let user = user.or(cx.caller().user_id()).ok_or(KernelError::Unauthenticated)?;
    let counters = shown::admit(&cx, user).await?;
    let kind = shown::purpose(first.shown.factor, user);
    let (app, ended) = (Arc::clone(&cx.app), Ended::default());
    let told = ended.clone();
    let answer = cx
        .write(async move |tx: &mut Tx| {
            match &principal {
                _ if pending.is_some() => hold(tx, user).await?,
                Some(principal) => shown::recent(tx, &app, principal).await?,
                None => return Err(KernelError::Unauthenticated.into()),
            };
            let (factor, code) = (first.shown.factor, &first.shown.code);
            let keep = principal.filter(|_| pending.is_none()).map(|p| p.session_id);
            let ready = confirm_for(tx, &app, user, factor, code, keep).await?;
            told.note(ready.ended);
            let recovery_codes = ready.recovery_codes;
            let entry = match pending {
                Some(Opened { proven, wish, .. }) => {
                    let proven = proven.and(Proven::by(factor, user));
                    let proven = proven.ok_or(FactorError::InvalidPending)?;
                    let minted = mint(tx, &app, proven, wish).await?;
                    Some(minted.entry().ok_or(FactorError::InvalidPending)?)
                }
                None => None,
            };
            Ok(Json(FactorReady { recovery_codes, entry }))
        })
        .await;
    if let Err(FactorError::WrongCode) = answer {
        return Err(shown::refuse(&cx, counters, user, kind).await);
    }
    ended.refuse(&cx.app);
    answer
}

/// A factor that was set up.
pub(crate) struct Confirmation {
    /// Sessions that were begun with less, and have ended.
    pub(crate) ended: Vec<Uuid>,
    /// With the first factor.
    pub(crate) recovery_codes: Option<Vec<String>>,
}

/// Sets a factor up by its first code. All sessions end but the one that is kept.
pub(crate) async fn confirm_for(
    tx: &mut Tx,
    app: &Identity,
    user: Uuid,
    factor: Factor,
    code: &str,
    keep: Option<Uuid>,
) -> Result<Confirmation, FactorError> {
    let (code, kind) = (code.trim(), shown::purpose(factor, user));
    let fits = match factor {
        Factor::Totp => factors::use_totp(tx, &app.vault, user, code, Confirmed::NotYet).await?,
        _ => challenges::use_code(tx, &app.vault, user, &kind, code).await?,
    };
    if !fits || !factors::confirm(tx, user, factor).await? {
        return Err(FactorError::WrongCode);
    }
    letters::tell_of_factor(tx, app, user, factor).await?;
    let ended = sessions::revoke_others(tx, user, keep).await?;
    let recovery_codes = match factors::recovery_left(tx, user).await? {
        0 => Some(factors::renew_recovery(tx, &app.vault, user).await?),
        _ => None,
    };
    Ok(Confirmation { ended, recovery_codes })
}

/// Begins to set an authenticator app up, in a sign-in that asks for it.
pub(crate) async fn begin_totp(
    tx: &mut Tx,
    app: &Identity,
    user: Uuid,
) -> Result<FactorSetup, FactorError> {
    let account = hold(tx, user).await?;
    let (factor, secret) = (Factor::Totp, tx.random::<{ totp::KEY }>());
    let sealed = app.vault.seal(user, factor, &secret);
    if !factors::begin(tx, user, factor, sealed).await? {
        return Err(FactorError::KnownFactor);
    }
    let uri = totp::uri(app.issuer(), &account.email, &secret);
    Ok(FactorSetup { factor, secret: Some(totp::base32(&secret)), uri: Some(uri) })
}

/// Removes a factor. All other sessions end.
pub async fn delete_factor(
    cx: Cx<Identity>,
    Path(factor): Path<String>,
) -> Result<Answered<NoContent>, FactorError> {
    let factor = Factor::parse(&factor).ok_or(FactorError::UnknownFactor)?;
    let principal = cx.principal().ok_or(KernelError::Unauthenticated)?.clone();
    let (app, ended) = (Arc::clone(&cx.app), Ended::default());
    let told = ended.clone();
    let answer = cx
        .write(async move |tx: &mut Tx| {
            let account = shown::recent(tx, &app, &principal).await?;
            if !factors::remove(tx, account.id, factor).await? {
                return Err(FactorError::UnknownFactor);
            }
            let keep = Some(principal.session_id);
            told.note(sessions::revoke_others(tx, account.id, keep).await?);
            Ok(NoContent)
        })
        .await?;
    ended.refuse(&cx.app);
    Ok(answer)
}

/// Makes new recovery codes; the earlier ones count no more.
pub async fn create_recovery_codes(
    cx: Cx<Identity>,
) -> Result<Answered<Json<RecoveryCodes>>, FactorError> {
    let principal = cx.principal().ok_or(KernelError::Unauthenticated)?.clone();
    let app = Arc::clone(&cx.app);
    cx.write(async move |tx: &mut Tx| {
        let account = shown::recent(tx, &app, &principal).await?;
        if factors::enrolled(tx, account.id).await?.is_empty() {
            return Err(FactorError::UnknownFactor);
        }
        let recovery_codes = factors::renew_recovery(tx, &app.vault, account.id).await?;
        Ok(Json(RecoveryCodes { recovery_codes }))
    })
    .await
}

/// Sends a code, for one sign-in or one session only.
pub async fn send_code(
    cx: Cx<Identity>,
    Body(request): Body<CodeRequest>,
) -> Result<Answered<NoContent>, FactorError> {
    let pending = match &request.pending {
        Some(token) => open(&cx.app.home.sealer, token, cx.now()).map(Some),
        None => Some(None),
    };
    let pending = pending.ok_or(FactorError::InvalidPending)?;
    let (user, of) = match (&pending, cx.principal()) {
        (Some(pending), _) => (pending.proven.user_id(), pending.id),
        (None, Some(principal)) => (principal.user_id, principal.session_id),
        (None, None) => return Err(KernelError::Unauthenticated.into()),
    };
    let (app, factor) = (Arc::clone(&cx.app), request.factor);
    cx.write(async move |tx: &mut Tx| {
        send_for(tx, &app, user, factor, of).await?;
        Ok(NoContent)
    })
    .await
}

/// Sends a code for the sign-in or session `of`, by a factor that the account has set up.
pub(crate) async fn send_for(
    tx: &mut Tx,
    app: &Identity,
    user: Uuid,
    factor: Factor,
    of: Uuid,
) -> Result<(), FactorError> {
    let account = hold(tx, user).await?;
    let enrolment = factors::find(tx, user, factor).await?;
    let enrolment = enrolment.filter(|enrolment| enrolment.confirmed_at.is_some());
    let enrolment = enrolment.ok_or(FactorError::UnknownFactor)?;
    let phone = match factor {
        Factor::SmsCode => Some(Phone::stored(&app.vault.open(user, factor, &enrolment.secret)?)),
        Factor::EmailCode => None,
        _ => return Err(FactorError::UnknownFactor),
    };
    let kind = shown::purpose(factor, of);
    send(tx, app, &account, factor, phone.as_ref(), &kind).await
}

/// Asks for the letter with the code. Nothing is sent, and nothing said, when there were several just
/// now.
async fn send(
    tx: &mut Tx,
    app: &Identity,
    account: &Account,
    factor: Factor,
    phone: Option<&Phone>,
    kind: &str,
) -> Result<(), FactorError> {
    debug_assert_eq!(factor == Factor::SmsCode, phone.is_some());
    let Some(code) = challenges::code(tx, &app.vault, account.id, kind).await? else {
        return Ok(());
    };
    let letter = Letter::of("identity.sign_in_code")
        .tells("code", code)
        .until(after(tx.now(), challenges::CODE));
    let letter = match phone {
        Some(phone) => letter.text_to(phone.as_str().to_owned()),
        None => letter,
    };
    Ok(app.letters.send(tx, account.id, letter).await?)
}

/// A pending token that may set a factor up.
fn opened(cx: &Cx<Identity>, token: Option<&str>) -> Result<Option<Opened>, FactorError> {
    let Some(token) = token else { return Ok(None) };
    let opened =
        open(&cx.app.home.sealer, token, cx.now()).filter(|opened| opened.step == Step::Enrol);
    opened.map(Some).ok_or(FactorError::InvalidPending)
}

async fn hold(tx: &mut Tx, user: Uuid) -> Result<Account, FactorError> {
    let account = accounts::hold(tx, user).await?.filter(|account| !account.disabled);
    account.ok_or(FactorError::InvalidPending)
}
