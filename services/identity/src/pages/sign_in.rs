//! The page where people sign in.

use std::sync::Arc;

use garde::Validate;
use hanse_http::{Cx, Form, Html, Query, Visit};
use hanse_store::{StoreError, Tx};
use minijinja::context;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::entering::{self, Entered};
use super::{forms, message, next};
use crate::http::{PasswordError, Tried, UserAgent, try_password};
use crate::mint::{Device, Wish, mint};
use crate::service::Identity;

/// The forms of a sign-in, from its first page to its last.
pub(crate) const FORM: &str = "sign-in";

/// What the page shows.
#[derive(Default)]
pub(crate) struct Page {
    /// Where it leads on; nowhere when it is empty.
    pub(crate) next: String,
    /// The program that asks.
    pub(crate) client: Option<String>,
    pub(crate) email: String,
    pub(crate) problem: Option<&'static str>,
    /// Where the person goes in the end.
    pub(crate) leads_to: Option<String>,
}

/// The page.
pub(crate) fn page(cx: &Cx<Identity>, visit: &Visit, status: u16, page: &Page) -> Html {
    let form = forms::token(&cx.app.home, visit, FORM);
    let Page { next, client, email, problem, leads_to } = page;
    let values = context! {
        title => "Sign in", next, client, email, problem, csrf => form.token,
        issuers => cx.app.issuers.shown(next), passkeys => cx.app.site.domain.is_some(),
    };
    let html = cx.app.pages.page(status, "sign_in.html", values, leads_to.as_deref());
    form.cookie.into_iter().fold(html, Html::cookie)
}

/// Where to go on.
#[derive(Debug, Default, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(default)]
pub struct SignInQuery {
    #[garde(length(max = 4096))]
    next: String,
}

/// Shows the page.
pub async fn show_sign_in(
    cx: Cx<Identity>,
    Query(query): Query<SignInQuery>,
    visit: Visit,
) -> Result<Html, StoreError> {
    let next = next::checked(&query.next).unwrap_or_default().to_owned();
    let (client, leads_to) = entering::destination(&cx, &next).await?;
    Ok(page(&cx, &visit, 200, &Page { next, client, leads_to, ..Page::default() }))
}

/// What is submitted.
#[derive(Deserialize, Validate, JsonSchema)]
pub struct SignInForm {
    #[garde(length(max = 2048))]
    csrf: String,
    #[garde(length(max = 4096))]
    next: String,
    #[garde(length(max = 320))]
    email: String,
    #[garde(length(max = 1024))]
    password: String,
}

/// Signs a browser in: as `POST /auth/login`, by the same rules, counters and work (AUTN-01), with a
/// cookie instead of tokens.
pub async fn submit_sign_in(
    cx: Cx<Identity>,
    Form(form): Form<SignInForm>,
    visit: Visit,
    UserAgent(user_agent): UserAgent,
) -> Result<Html, PasswordError> {
    let next = next::checked(&form.next).unwrap_or_default().to_owned();
    let (client, leads_to) = entering::destination(&cx, &next).await?;
    let again = |status, problem| {
        let (next, email) = (next.clone(), form.email.clone());
        let (client, leads_to) = (client.clone(), leads_to.clone());
        page(&cx, &visit, status, &Page { next, client, email, problem: Some(problem), leads_to })
    };
    if !forms::is_genuine(&cx.app.home, &visit, FORM, &form.csrf) {
        return Ok(again(403, "This page was open for too long. Please try again."));
    }
    let (proven, counters) = match try_password(&cx, &form.email, &form.password, |_| true).await? {
        Tried::Right(proven, counters) => (proven, counters),
        Tried::Wrong => return Ok(again(401, "The address or the password is wrong.")),
        Tried::Wait(_) => {
            return Ok(again(429, "Too many tries. Wait a little before the next one."));
        }
    };
    let (app, device) = (Arc::clone(&cx.app), Device { user_agent, address: cx.context.client });
    let entered = cx
        .app
        .home
        .db
        .write::<_, StoreError, _>(async move |tx: &mut Tx| {
            counters.succeed(tx).await?;
            let minted = mint(tx, &app, proven, Wish::of(device)).await?;
            entering::enter(tx, &minted).await
        })
        .await?;
    Ok(match entered {
        Entered::In(cookie) => go_on(&cx, &next).cookie(cookie),
        Entered::Waiting(page, cookie) => entering::ask(page, cookie, &next),
        // As if the password were wrong: nobody learns that an account is barred.
        Entered::Refused => again(401, "The address or the password is wrong."),
    })
}

/// To the next page, or to the end.
pub(crate) fn go_on(cx: &Cx<Identity>, next: &str) -> Html {
    match next {
        "" => {
            message(&cx.app.pages, 200, "Signed in", "You are signed in. You can close this page.")
        }
        next => Html::see_other(next),
    }
}
