//! The pages that letters lead to: a new password, and an address that is one's own.
//!
//! The link of a letter holds its token, which must not stay where others see it: the first look puts it
//! into a cookie and goes on to the same page without it, so that neither the history nor a screen shows
//! it. Looking changes nothing; only sending the form does.

use std::sync::Arc;

use garde::Validate;
use hanse_http::{Cx, Form, Html, Query, SetCookie, Visit};
use hanse_store::{StoreError, Tx};
use minijinja::context;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{forms, message};
use crate::http::{AccountError, LinkError, address, recovery};
use crate::password::Plain;
use crate::service::Identity;

const FORGOTTEN: &str = "forgotten";
const RESET: &str = "reset-password";
const VERIFY: &str = "verify-email";
/// Seconds that the cookie is kept: as long as the link is good.
const LIFE: u32 = 3600;

/// The form that asks for a link.
pub async fn show_forgotten(cx: Cx<Identity>, visit: Visit) -> Result<Html, StoreError> {
    Ok(forgotten(&cx, &visit, 200, None))
}

/// An address.
#[derive(Deserialize, Validate, JsonSchema)]
pub struct ForgottenForm {
    #[garde(length(max = 2048))]
    csrf: String,
    #[garde(length(max = 320))]
    email: String,
}

/// Asks for a link, as `POST /auth/reset-password` does. The page is the same whoever has the address.
pub async fn submit_forgotten(
    cx: Cx<Identity>,
    Form(form): Form<ForgottenForm>,
    visit: Visit,
) -> Result<Html, AccountError> {
    if !forms::is_genuine(&cx.app.home, &visit, FORGOTTEN, &form.csrf) {
        let problem = "This page was open for too long. Please try again.";
        return Ok(forgotten(&cx, &visit, 403, Some(problem)));
    }
    let Some(asked) = recovery::Asked::of(&cx, &form.email) else {
        let problem = "This is not an e-mail address.";
        return Ok(forgotten(&cx, &visit, 422, Some(problem)));
    };
    if asked.wait(&cx).await?.is_some() {
        let problem = "Too many tries. Wait a little before the next one.";
        return Ok(forgotten(&cx, &visit, 429, Some(problem)));
    }
    let note = async move |tx: &mut Tx| asked.note(tx).await;
    cx.app.home.db.write::<_, StoreError, _>(note).await?;
    let text = "If there is an account with this address, a letter with a link is under way to it.";
    Ok(message(&cx.app.pages, 200, "Look into your mailbox", text))
}

/// What a letter's link holds.
#[derive(Debug, Default, Deserialize, Validate, JsonSchema)]
#[serde(default)]
pub struct LinkQuery {
    #[garde(length(max = 128))]
    token: String,
}

/// The form for a new password.
pub async fn show_reset(
    cx: Cx<Identity>,
    Query(query): Query<LinkQuery>,
    visit: Visit,
) -> Result<Html, StoreError> {
    Ok(match hidden(&query, RESET) {
        Some(page) => page,
        None if visit.cookie(RESET).is_some() => reset(&cx, &visit, 200, None),
        None => stale(&cx),
    })
}

/// A new password.
#[derive(Deserialize, Validate, JsonSchema)]
pub struct ResetForm {
    #[garde(length(max = 2048))]
    csrf: String,
    #[garde(length(max = 1024))]
    password: String,
}

/// Sets it, as `POST /auth/reset-password/confirm` does.
pub async fn submit_reset(
    cx: Cx<Identity>,
    Form(form): Form<ResetForm>,
    visit: Visit,
) -> Result<Html, LinkError> {
    let token =
        visit.cookie(RESET).filter(|_| forms::is_genuine(&cx.app.home, &visit, RESET, &form.csrf));
    let Some(token) = token.map(str::to_owned) else { return Ok(stale(&cx)) };
    let new = match recovery::Reset::prepare(&cx, token, &Plain::new(&form.password)).await {
        Ok(new) => new,
        Err(LinkError::NewPassword(unfit)) => {
            return Ok(reset(&cx, &visit, 422, Some(&unfit.to_string())));
        }
        Err(LinkError::InvalidLink) => return Ok(stale(&cx)),
        Err(error) => return Err(error),
    };
    let app = Arc::clone(&cx.app);
    let set = async move |tx: &mut Tx| new.set(tx, &app).await;
    match cx.app.home.db.write::<_, LinkError, _>(set).await {
        Ok(ended) => {
            cx.app.refuse(ended);
            let text = "Your new password is set, and every session has ended. Sign in with it.";
            Ok(message(&cx.app.pages, 200, "Password set", text).cookie(SetCookie::removed(RESET)))
        }
        Err(LinkError::InvalidLink) => Ok(stale(&cx)),
        Err(error) => Err(error),
    }
}

/// The button that confirms an address.
pub async fn show_verify(
    cx: Cx<Identity>,
    Query(query): Query<LinkQuery>,
    visit: Visit,
) -> Result<Html, StoreError> {
    if let Some(page) = hidden(&query, VERIFY) {
        return Ok(page);
    }
    if visit.cookie(VERIFY).is_none() {
        return Ok(stale(&cx));
    }
    let form = forms::token(&cx.app.home, &visit, VERIFY);
    let values = context! { title => "Is this your address?", csrf => form.token };
    let page = cx.app.pages.page(200, "verify.html", values, None);
    Ok(form.cookie.into_iter().fold(page, Html::cookie))
}

/// The button was pressed.
#[derive(Deserialize, Validate, JsonSchema)]
pub struct VerifyForm {
    #[garde(length(max = 2048))]
    csrf: String,
}

/// Confirms it, as `POST /auth/email/confirm` does.
pub async fn submit_verify(
    cx: Cx<Identity>,
    Form(form): Form<VerifyForm>,
    visit: Visit,
) -> Result<Html, LinkError> {
    let token = visit
        .cookie(VERIFY)
        .filter(|_| forms::is_genuine(&cx.app.home, &visit, VERIFY, &form.csrf));
    let Some(token) = token.map(str::to_owned) else { return Ok(stale(&cx)) };
    let app = Arc::clone(&cx.app);
    let verify = async move |tx: &mut Tx| address::verify(tx, &app, &token).await;
    match cx.app.home.db.write::<_, LinkError, _>(verify).await {
        Ok(ended) => {
            cx.app.refuse(ended);
            let text = "The address is confirmed. You can close this page.";
            Ok(message(&cx.app.pages, 200, "Confirmed", text).cookie(SetCookie::removed(VERIFY)))
        }
        Err(LinkError::InvalidLink) => Ok(stale(&cx)),
        Err(error) => Err(error),
    }
}

/// The same page without the token in its address.
fn hidden(query: &LinkQuery, page: &'static str) -> Option<Html> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let fits = !query.token.is_empty() && query.token.bytes().all(plain);
    let cookie = fits.then(|| SetCookie::lasting(page, &query.token, LIFE))?;
    Some(Html::see_other(&format!("/oauth/{page}")).cookie(cookie))
}

fn forgotten(cx: &Cx<Identity>, visit: &Visit, status: u16, problem: Option<&str>) -> Html {
    let form = forms::token(&cx.app.home, visit, FORGOTTEN);
    let values = context! { title => "Forgot your password?", problem, csrf => form.token };
    let page = cx.app.pages.page(status, "forgotten.html", values, None);
    form.cookie.into_iter().fold(page, Html::cookie)
}

fn reset(cx: &Cx<Identity>, visit: &Visit, status: u16, problem: Option<&str>) -> Html {
    let form = forms::token(&cx.app.home, visit, RESET);
    let values = context! { title => "A new password", problem, csrf => form.token };
    let page = cx.app.pages.page(status, "reset.html", values, None);
    form.cookie.into_iter().fold(page, Html::cookie)
}

fn stale(cx: &Cx<Identity>) -> Html {
    let text = "This link is wrong, used up or too old. Ask for a new one.";
    message(&cx.app.pages, 403, "This did not work", text)
}
