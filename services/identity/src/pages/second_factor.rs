//! The page that asks for the second factor of a sign-in.

use std::sync::Arc;

use garde::Validate;
use hanse_http::{Cx, Form, Html, Query, Visit};
use hanse_store::{StoreError, Tx};
use minijinja::{Value, context};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::entering::{self, Entered, SECOND_FACTOR};
use super::sign_in::{FORM, go_on};
use super::{forms, message, next};
use crate::http::{FactorError, send_for, shown};
use crate::mint::{Factor, Opened, Step, mint, missing};
use crate::service::Identity;
use crate::{accounts, external};

/// Factors in the order in which they are offered.
const ORDER: [Factor; 5] =
    [Factor::Totp, Factor::Passkey, Factor::EmailCode, Factor::SmsCode, Factor::RecoveryCode];

/// Which factor, and where to go on.
#[derive(Debug, Default, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(default)]
pub struct SecondFactorQuery {
    #[garde(length(max = 4096))]
    next: String,
    #[garde(length(max = 32))]
    factor: String,
}

/// Asks for a factor, and names the other ways.
pub async fn show_second_factor(
    cx: Cx<Identity>,
    Query(query): Query<SecondFactorQuery>,
    visit: Visit,
) -> Result<Html, StoreError> {
    let next = next::checked(&query.next).unwrap_or_default();
    let Some(opened) = entering::waiting(&cx, &visit, Step::Show) else { return Ok(stale(&cx)) };
    let asking = Asking { status: 200, factor: Factor::parse(&query.factor), ..Asking::default() };
    page(&cx, &visit, &opened, next, asking).await
}

/// A code.
#[derive(Deserialize, Validate, JsonSchema)]
pub struct SecondFactorForm {
    #[garde(length(max = 2048))]
    csrf: String,
    #[garde(length(max = 4096))]
    next: String,
    #[garde(length(max = 32))]
    factor: String,
    #[garde(length(max = 64))]
    code: String,
}

/// Takes a code, as `POST /auth/login/continue` does, by the same rules and counters.
pub async fn submit_second_factor(
    cx: Cx<Identity>,
    Form(form): Form<SecondFactorForm>,
    visit: Visit,
) -> Result<Html, FactorError> {
    let next = next::checked(&form.next).unwrap_or_default().to_owned();
    let genuine = genuine(&cx, &visit, &form.csrf, &form.factor);
    let Some((opened, factor)) = genuine else { return Ok(stale(&cx)) };
    let user = opened.proven.user_id();
    let again = |status, problem| Asking { status, factor: Some(factor), sent: false, problem };
    let counters = match shown::admit(&cx, user).await {
        Ok(counters) => counters,
        Err(FactorError::TooManyTries { .. }) => {
            let problem = Some("Too many tries. Wait a little before the next one.");
            return Ok(page(&cx, &visit, &opened, &next, again(429, problem)).await?);
        }
        Err(error) => return Err(error),
    };
    let kind = shown::purpose(factor, opened.id);
    let (app, succeeded) = (Arc::clone(&cx.app), counters.clone());
    let (before, code) = (opened.clone(), shown::Shown { factor, code: form.code });
    let confirmed = external::confirmed(&cx.app.home, &visit);
    let entered = cx.app.home.db.write::<_, FactorError, _>(async move |tx: &mut Tx| {
        let more = shown::check(tx, &app, user, &code, before.id).await?;
        let more = more.ok_or(FactorError::WrongCode)?;
        let proven = before.proven.and(more).ok_or(FactorError::InvalidPending)?;
        succeeded.succeed(tx).await?;
        let minted = mint(tx, &app, proven, before.wish).await?;
        external::link_confirmed(tx, &app, confirmed, &minted).await?;
        Ok(entering::enter(tx, &minted).await?)
    });
    match entered.await {
        Ok(entered) => Ok(finish(&cx, entered, &next)),
        Err(FactorError::WrongCode) => {
            shown::refuse(&cx, counters, user, kind).await;
            let problem = Some("This code is wrong, used or too old.");
            Ok(page(&cx, &visit, &opened, &next, again(401, problem)).await?)
        }
        Err(error) => Err(error),
    }
}

/// A factor whose code is to be sent.
#[derive(Deserialize, Validate, JsonSchema)]
pub struct SendForm {
    #[garde(length(max = 2048))]
    csrf: String,
    #[garde(length(max = 4096))]
    next: String,
    #[garde(length(max = 32))]
    factor: String,
}

/// Sends a code for this sign-in, and asks for it.
pub async fn send_second_factor(
    cx: Cx<Identity>,
    Form(form): Form<SendForm>,
    visit: Visit,
) -> Result<Html, FactorError> {
    let next = next::checked(&form.next).unwrap_or_default().to_owned();
    let genuine = genuine(&cx, &visit, &form.csrf, &form.factor);
    let Some((opened, factor)) = genuine else { return Ok(stale(&cx)) };
    let (app, user, of) = (Arc::clone(&cx.app), opened.proven.user_id(), opened.id);
    let sent = cx.app.home.db.write::<_, FactorError, _>(async move |tx: &mut Tx| {
        send_for(tx, &app, user, factor, of).await
    });
    match sent.await {
        Ok(()) => {
            let asking = Asking { status: 200, factor: Some(factor), sent: true, problem: None };
            Ok(page(&cx, &visit, &opened, &next, asking).await?)
        }
        Err(FactorError::UnknownFactor | FactorError::InvalidPending) => Ok(stale(&cx)),
        Err(error) => Err(error),
    }
}

/// The sign-in that this form was given out for in this browser, and the factor that it names.
fn genuine(cx: &Cx<Identity>, visit: &Visit, csrf: &str, factor: &str) -> Option<(Opened, Factor)> {
    let opened = entering::waiting(cx, visit, Step::Show)?;
    let factor = Factor::parse(factor)?;
    forms::is_genuine(&cx.app.home, visit, FORM, csrf).then_some((opened, factor))
}

/// The end of a sign-in, or what keeps it from ending.
pub(crate) fn finish(cx: &Cx<Identity>, entered: Entered, next: &str) -> Html {
    match entered {
        Entered::In(cookie) => {
            let page = go_on(cx, next).cookie(cookie).cookie(entering::end());
            external::forget().into_iter().fold(page, Html::cookie)
        }
        Entered::Waiting(page, cookie) => entering::ask(page, cookie, next),
        Entered::Refused => {
            message(&cx.app.pages, 403, "Not signed in", "The account may not sign in.")
        }
    }
}

/// What the page asks for.
#[derive(Default)]
struct Asking {
    status: u16,
    factor: Option<Factor>,
    sent: bool,
    problem: Option<&'static str>,
}

async fn page(
    cx: &Cx<Identity>,
    visit: &Visit,
    opened: &Opened,
    next: &str,
    asking: Asking,
) -> Result<Html, StoreError> {
    let offered = cx
        .read::<_, StoreError, _>(async |tx: &mut Tx| {
            let account = accounts::find(tx, opened.proven.user_id()).await?;
            match account.filter(|account| !account.disabled) {
                Some(account) => {
                    missing(tx, &cx.app, &account, &opened.proven, opened.wish.least).await
                }
                None => Ok(Vec::new()),
            }
        })
        .await?;
    let passkeys = cx.app.site.domain.is_some();
    let offered: Vec<Factor> = ORDER
        .into_iter()
        .filter(|factor| offered.contains(factor) && (passkeys || *factor != Factor::Passkey))
        .collect();
    let Some(first) = offered.first().copied() else { return Ok(stale(cx)) };
    let factor = asking.factor.filter(|factor| offered.contains(factor)).unwrap_or(first);
    let is_sent = matches!(factor, Factor::EmailCode | Factor::SmsCode);
    // What has to be sent is asked for once it was.
    let asked = !is_sent || asking.sent || asking.problem.is_some();
    let label = Some(label(factor)).filter(|label| asked && !label.is_empty());
    let others = offered.iter().filter(|other| **other != factor || label.is_none() || is_sent);
    let ways: Vec<Value> = others.map(|other| way(*other, next)).collect();
    let form = forms::token(&cx.app.home, visit, FORM);
    let values = context! {
        title => "One more step", problem => asking.problem, sent => asking.sent, label,
        digits => factor != Factor::RecoveryCode, factor => factor.name(), next, ways,
        csrf => form.token,
    };
    let (_, leads_to) = entering::destination(cx, next).await?;
    let html = cx.app.pages.page(asking.status, "second_factor.html", values, leads_to.as_deref());
    Ok(form.cookie.into_iter().fold(html, Html::cookie))
}

/// What the field is called; nothing when there is none.
fn label(factor: Factor) -> &'static str {
    match factor {
        Factor::Totp => "Code of your authenticator app",
        Factor::RecoveryCode => "Recovery code",
        Factor::EmailCode => "Code from the letter",
        Factor::SmsCode => "Code from the text message",
        _ => "",
    }
}

/// The link or the button that leads to a factor.
fn way(factor: Factor, next: &str) -> Value {
    let button = |action: &str, name: &str, value: &str, text: &str| {
        context! { link => "", action, name, value, text }
    };
    let link = |text: &str| {
        let query = [("factor", factor.name()), ("next", next)];
        context! { link => next::page(SECOND_FACTOR, &query), text }
    };
    let send = |text: &str| button("/oauth/second-factor/send", "factor", factor.name(), text);
    match factor {
        Factor::EmailCode => send("Send a code by e-mail"),
        Factor::SmsCode => send("Send a code as a text message"),
        Factor::RecoveryCode => link("Use a recovery code"),
        Factor::Totp => link("Use an authenticator app"),
        _ => button("/oauth/passkey", "way", "second-factor", "Use a passkey"),
    }
}

/// There is nothing that waits for a second factor here.
pub(crate) fn stale(cx: &Cx<Identity>) -> Html {
    let text = "This page was open for too long, or was not opened in this browser. Go back to the \
                beginning and sign in again.";
    message(&cx.app.pages, 403, "Not signed in", text)
}
