//! Using a passkey: to sign in, as the second factor of a sign-in, or to prove again who one is.

use std::sync::Arc;

use garde::Validate;
use hanse_http::{Answered, Body, Committed, Cx, Json, KernelError, NoContent};
use hanse_store::{StoreError, Tx};
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::answers::UsedCredential;
use super::error::PasskeyError;
use super::options::RequestOptions;
use super::registering::factor;
use super::store::{self, Passkey};
use super::webauthn::{self, Assertion, Known, Refused, Used, Verification, client_data};
use crate::http::{FactorError, PasswordAge, UserAgent, entry};
use crate::letters::Letter;
use crate::mint::{Device, Entry, Opened, Proven, Wish, mint, open};
use crate::service::Identity;
use crate::{challenges, letters, sessions};

/// The kind of its challenges.
const KIND: &str = "passkey use";
/// How often somebody is told of a copy of a passkey.
const TOLD: SignedDuration = SignedDuration::from_hours(1);

/// What a passkey is wanted for.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = PasskeyChallenge { pending: None })]
pub struct PasskeyChallenge {
    /// The token of the sign-in that needs a second factor.
    #[serde(default)]
    #[garde(length(max = 2048))]
    pending: Option<String>,
}

/// A passkey that was used.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = PasskeyEntry { credential: UsedCredential::example(), pending: None })]
pub struct PasskeyEntry {
    /// What the browser answered: `JSON.stringify` of the credential.
    #[garde(dive)]
    credential: UsedCredential,
    /// The token of the sign-in that needs a second factor; none to sign in with the passkey alone.
    #[serde(default)]
    #[garde(length(max = 2048))]
    pending: Option<String>,
}

/// A passkey that was used to prove again who one is.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = PasskeyAgain { credential: UsedCredential::example() })]
pub struct PasskeyAgain {
    /// What the browser answered: `JSON.stringify` of the credential.
    #[garde(dive)]
    credential: UsedCredential,
}

/// For whom a passkey is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Whoever comes: the passkey is all there is, so it must have checked who it was.
    Anybody,
    /// The account of this sign-in, after its first factor.
    SecondFactor { user: Uuid, sign_in: Uuid },
    /// The owner of this session.
    Again { user: Uuid, session: Uuid },
}

impl Asked {
    fn whose(self) -> Option<(Uuid, Uuid)> {
        match self {
            Self::Anybody => None,
            Self::SecondFactor { user, sign_in } => Some((user, sign_in)),
            Self::Again { user, session } => Some((user, session)),
        }
    }

    fn verification(self) -> Verification {
        match self {
            Self::SecondFactor { .. } => Verification::Preferred,
            Self::Anybody | Self::Again { .. } => Verification::Required,
        }
    }
}

impl From<&Opened> for Asked {
    fn from(opened: &Opened) -> Self {
        Self::SecondFactor { user: opened.proven.user_id(), sign_in: opened.id }
    }
}

/// What to use a passkey with.
pub async fn challenge_passkey(
    cx: Cx<Identity>,
    Body(wanted): Body<PasskeyChallenge>,
) -> Result<Answered<Json<RequestOptions>>, PasskeyError> {
    let asked = match (&wanted.pending, cx.principal()) {
        (Some(token), _) => Asked::from(&opened(&cx, token)?),
        (None, Some(principal)) => {
            Asked::Again { user: principal.user_id, session: principal.session_id }
        }
        (None, None) => Asked::Anybody,
    };
    let app = Arc::clone(&cx.app);
    cx.write(async move |tx: &mut Tx| ask(tx, &app, asked).await.map(Json)).await
}

/// Makes a challenge.
pub(crate) async fn ask(
    tx: &mut Tx,
    app: &Identity,
    asked: Asked,
) -> Result<RequestOptions, PasskeyError> {
    let domain = app.site.domain.as_deref().ok_or(PasskeyError::NoDomain)?;
    let passkeys = match asked.whose() {
        Some((user, _)) => store::of_user(tx, user).await?,
        None => Vec::new(),
    };
    if passkeys.is_empty() && asked != Asked::Anybody {
        return Err(PasskeyError::UnknownPasskey);
    }
    let challenge = challenges::passkey(tx, &app.vault, KIND, asked.whose()).await?;
    Ok(RequestOptions::new(challenge, domain, &passkeys, asked.verification()))
}

/// Takes what a passkey proves, and what was proven before it, to the mint.
pub async fn login_passkey(
    cx: Cx<Identity>,
    Body(shown): Body<PasskeyEntry>,
    UserAgent(user_agent): UserAgent,
) -> Result<Answered<Committed<Json<Entry>, PasswordAge>>, PasskeyError> {
    let pending = shown.pending.as_deref().map(|token| opened(&cx, token)).transpose()?;
    let asked = pending.as_ref().map_or(Asked::Anybody, Asked::from);
    let (proven, used) = prove(&cx, asked, &shown.credential).await?;
    let device = Device { user_agent, address: cx.context.client };
    let (proven, wish) = match pending {
        Some(Opened { proven: before, wish, .. }) => {
            (before.and(proven).ok_or(PasskeyError::Refused)?, wish)
        }
        None => (proven, Wish::of(device)),
    };
    let (app, context) = (Arc::clone(&cx.app), cx.context.clone());
    cx.write(async move |tx: &mut Tx| {
        used.note(tx).await?;
        let minted = mint(tx, &app, proven, wish).await?;
        entry(minted, &context).ok_or(PasskeyError::Refused)
    })
    .await
}

/// Proves again who one is, as a password does.
pub async fn reauthenticate_passkey(
    cx: Cx<Identity>,
    Body(again): Body<PasskeyAgain>,
) -> Result<Answered<NoContent>, PasskeyError> {
    let principal = cx.principal().ok_or(KernelError::Unauthenticated)?.clone();
    if principal.actor.is_some() {
        return Err(FactorError::ProveAgain.into());
    }
    let (user, session) = (principal.user_id, principal.session_id);
    let asked = Asked::Again { user, session };
    let (proven, used) = prove(&cx, asked, &again.credential).await?;
    cx.write(async move |tx: &mut Tx| {
        used.note(tx).await?;
        sessions::authenticated(tx, user, session, proven.factors()).await?;
        Ok(NoContent)
    })
    .await
}

/// A use that was checked and has to be noted in the transaction that acts on it.
pub(crate) struct Use {
    passkey: Passkey,
    used: Used,
}

impl Use {
    /// # Errors
    /// [`PasskeyError::Refused`] when the passkey was used or removed meanwhile.
    pub(crate) async fn note(&self, tx: &mut Tx) -> Result<(), PasskeyError> {
        match store::used(tx, &self.passkey, self.used).await? {
            true => Ok(()),
            false => Err(PasskeyError::Refused),
        }
    }
}

/// Checks the answer to a challenge that was made for the same. The challenge is gone whatever comes
/// of it. Every refusal is the same: whoever asks learns nothing of whose passkeys there are.
///
/// # Errors
/// [`PasskeyError::Refused`], or a failure of the store.
pub(crate) async fn prove(
    cx: &Cx<Identity>,
    asked: Asked,
    credential: &UsedCredential,
) -> Result<(Proven, Use), PasskeyError> {
    let bytes = credential.bytes()?;
    let challenge = client_data::challenge(&bytes.client_data)?;
    let (app, taken) = (Arc::clone(&cx.app), challenge.clone());
    let (id, whose) = (bytes.id.clone(), asked.whose());
    let take = async move |tx: &mut Tx| {
        let fits = challenges::take_passkey(tx, &app.vault, KIND, &taken, whose).await?;
        Ok(if fits { store::by_credential(tx, &id).await? } else { None })
    };
    let found = cx.app.home.db.write::<_, StoreError, _>(take).await?;
    let passkey = found.ok_or(PasskeyError::Refused)?;
    // Who it is says the passkey; the authenticator must agree, and so must what was proven before.
    let named = bytes.user.as_deref().map(|named| named == passkey.user_id.as_bytes());
    let agreed = match whose {
        Some((user, _)) => passkey.user_id == user && named != Some(false),
        None => named == Some(true),
    };
    if !agreed {
        return Err(PasskeyError::Refused);
    }
    let assertion = Assertion {
        client_data: &bytes.client_data,
        authenticator_data: &bytes.authenticator_data,
        signature: &bytes.signature,
    };
    let known = Known {
        public_key: &passkey.public_key,
        counter: passkey.counter,
        backup_eligible: passkey.backup_eligible,
    };
    let site = &cx.app.site;
    let used = webauthn::sign_in(site, &challenge, assertion, known, asked.verification());
    let used = match used {
        Ok(used) => used,
        Err(Refused::Invalid) => return Err(PasskeyError::Refused),
        Err(Refused::Copied) => return Err(refuse_copy(cx, passkey).await),
    };
    let proven = Proven::by(factor(used.verified), passkey.user_id);
    Ok((proven, Use { passkey, used }))
}

/// Tells the owner of a passkey, once in an hour, that there may be a copy of it. Whoever used it learns
/// no more than from any other refusal.
async fn refuse_copy(cx: &Cx<Identity>, passkey: Passkey) -> PasskeyError {
    tracing::warn!(passkey = %passkey.id, "a counter went back: there may be a copy of this passkey");
    let app = Arc::clone(&cx.app);
    let told = cx.app.home.db.write::<_, StoreError, _>(async move |tx: &mut Tx| {
        let (user, kind) = (passkey.user_id, format!("told of a copy of {}", passkey.id));
        if !challenges::once(tx, user, &kind, TOLD).await? {
            return Ok(());
        }
        let letter = Letter::of("identity.passkey_refused").says("passkey", passkey.name);
        letters::tell(tx, &app, user, letter).await
    });
    told.await.map_or_else(PasskeyError::from, |()| PasskeyError::Refused)
}

fn opened(cx: &Cx<Identity>, token: &str) -> Result<Opened, PasskeyError> {
    let opened = open(&cx.app.home.sealer, token, cx.now());
    Ok(opened.ok_or(FactorError::InvalidPending)?)
}
