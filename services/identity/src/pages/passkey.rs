//! The page that uses a passkey: alone, or as the second factor of a sign-in. It is the only one with a
//! script, which stands in a file of its own.

use std::sync::Arc;

use garde::Validate;
use hanse_http::{Cx, Form, Html, Script, Visit};
use hanse_store::{StoreError, Tx};
use minijinja::context;
use schemars::JsonSchema;
use serde::Deserialize;

use super::entering::{self, Entered, SECOND_FACTOR};
use super::second_factor::{finish, stale};
use super::sign_in::{self, FORM};
use super::{forms, message, next};
use crate::external;
use crate::http::UserAgent;
use crate::mint::{Device, Opened, Step, Wish, mint};
use crate::passkeys::{Asked, PasskeyError, RequestOptions, UsedCredential, ask, prove};
use crate::service::Identity;

const SCRIPT: Script = Script(include_str!("templates/passkey.js"));
const REFUSED: &str = "This passkey was not accepted. Try again, or sign in in another way.";

/// The script of the page.
pub async fn get_passkey_script(_: Cx<Identity>) -> Result<Script, StoreError> {
    Ok(SCRIPT)
}

/// What a passkey is wanted for.
#[derive(Deserialize, Validate, JsonSchema)]
pub struct PasskeyForm {
    #[garde(length(max = 2048))]
    csrf: String,
    #[garde(length(max = 4096))]
    next: String,
    /// `sign-in` or `second-factor`.
    #[garde(length(max = 16))]
    way: String,
}

/// Asks the browser for a passkey.
pub async fn begin_passkey_page(
    cx: Cx<Identity>,
    Form(form): Form<PasskeyForm>,
    visit: Visit,
) -> Result<Html, PasskeyError> {
    let next = next::checked(&form.next).unwrap_or_default().to_owned();
    let Some(way) = Way::of(&cx, &visit, &form.way) else { return Ok(stale(&cx)) };
    if !forms::is_genuine(&cx.app.home, &visit, FORM, &form.csrf) {
        return Ok(stale(&cx));
    }
    let (app, asked) = (Arc::clone(&cx.app), way.asked());
    let options = cx
        .app
        .home
        .db
        .write::<_, PasskeyError, _>(async move |tx: &mut Tx| ask(tx, &app, asked).await)
        .await;
    match options {
        Ok(options) => Ok(page(&cx, &visit, &next, &way, &options).await?),
        Err(PasskeyError::UnknownPasskey) => Ok(stale(&cx)),
        Err(PasskeyError::NoDomain) => {
            let text = "This installation has no domain name, and browsers keep passkeys for \
                        domains only.";
            Ok(message(&cx.app.pages, 409, "No passkeys here", text))
        }
        Err(error) => Err(error),
    }
}

/// What the browser answered.
#[derive(Deserialize, Validate, JsonSchema)]
pub struct PasskeyAnswerForm {
    #[garde(length(max = 2048))]
    csrf: String,
    #[garde(length(max = 4096))]
    next: String,
    #[garde(length(max = 16))]
    way: String,
    /// JSON, as `POST /auth/login/passkey` takes it.
    #[garde(length(max = 32768))]
    credential: String,
}

/// Takes a passkey, as `POST /auth/login/passkey` does.
pub async fn finish_passkey_page(
    cx: Cx<Identity>,
    Form(form): Form<PasskeyAnswerForm>,
    visit: Visit,
    UserAgent(user_agent): UserAgent,
) -> Result<Html, PasskeyError> {
    let next = next::checked(&form.next).unwrap_or_default().to_owned();
    let Some(way) = Way::of(&cx, &visit, &form.way) else { return Ok(stale(&cx)) };
    if !forms::is_genuine(&cx.app.home, &visit, FORM, &form.csrf) {
        return Ok(stale(&cx));
    }
    let device = Device { user_agent, address: cx.context.client };
    match admit(&cx, &visit, &way, &form.credential, device).await {
        Ok(entered) => Ok(finish(&cx, entered, &next)),
        Err(PasskeyError::Refused) => Ok(again(&cx, &visit, &next, &way).await?),
        Err(error) => Err(error),
    }
}

async fn admit(
    cx: &Cx<Identity>,
    visit: &Visit,
    way: &Way,
    credential: &str,
    device: Device,
) -> Result<Entered, PasskeyError> {
    let credential: UsedCredential =
        serde_json::from_str(credential).map_err(|_| PasskeyError::Refused)?;
    credential.validate().map_err(|_| PasskeyError::Refused)?;
    let (proven, used) = prove(cx, way.asked(), &credential).await?;
    let (proven, wish) = match way {
        Way::SignIn => (proven, Wish::of(device)),
        Way::SecondFactor(opened) => {
            let both = opened.proven.clone().and(proven).ok_or(PasskeyError::Refused)?;
            (both, opened.wish.clone())
        }
    };
    let app = Arc::clone(&cx.app);
    let confirmed = external::confirmed(&cx.app.home, visit);
    let write = cx.app.home.db.write::<_, PasskeyError, _>(async move |tx: &mut Tx| {
        used.note(tx).await?;
        let minted = mint(tx, &app, proven, wish).await?;
        external::link_confirmed(tx, &app, confirmed, &minted).await?;
        Ok(entering::enter(tx, &minted).await?)
    });
    write.await
}

/// What the passkey is for.
enum Way {
    SignIn,
    SecondFactor(Box<Opened>),
}

impl Way {
    fn of(cx: &Cx<Identity>, visit: &Visit, name: &str) -> Option<Self> {
        match name {
            "sign-in" => Some(Self::SignIn),
            "second-factor" => {
                let opened = entering::waiting(cx, visit, Step::Show)?;
                Some(Self::SecondFactor(Box::new(opened)))
            }
            _ => None,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::SecondFactor(_) => "second-factor",
        }
    }

    fn asked(&self) -> Asked {
        match self {
            Self::SignIn => Asked::Anybody,
            Self::SecondFactor(opened) => Asked::from(opened.as_ref()),
        }
    }

    /// The page that it was chosen on.
    fn back(&self, next: &str) -> String {
        let path = match self {
            Self::SignIn => "/oauth/sign-in",
            Self::SecondFactor(_) => SECOND_FACTOR,
        };
        next::page(path, &[("next", next)])
    }
}

async fn page(
    cx: &Cx<Identity>,
    visit: &Visit,
    next: &str,
    way: &Way,
    options: &RequestOptions,
) -> Result<Html, StoreError> {
    let form = forms::token(&cx.app.home, visit, FORM);
    let (_, leads_to) = entering::destination(cx, next).await?;
    let values = context! {
        title => "Use your passkey", options => serde_json::to_string(options).unwrap_or_default(),
        csrf => form.token, next, way => way.name(), back => way.back(next),
    };
    let html = cx.app.pages.page(200, "passkey.html", values, leads_to.as_deref()).scripted();
    Ok(form.cookie.into_iter().fold(html, Html::cookie))
}

/// The way back after a passkey that was refused.
async fn again(
    cx: &Cx<Identity>,
    visit: &Visit,
    next: &str,
    way: &Way,
) -> Result<Html, StoreError> {
    match way {
        Way::SignIn => {
            let (client, leads_to) = entering::destination(cx, next).await?;
            let (next, problem) = (next.to_owned(), Some(REFUSED));
            let page = sign_in::Page { next, client, problem, leads_to, email: String::new() };
            Ok(sign_in::page(cx, visit, 401, &page))
        }
        Way::SecondFactor(_) => Ok(message(&cx.app.pages, 401, "Not signed in", REFUSED)),
    }
}
