//! The pages that set up an authenticator app, for whoever signs in to an account whose role asks for a
//! second factor that it has not.

use std::sync::Arc;

use garde::Validate;
use hanse_http::{Cx, Form, Html, Query, Visit};
use hanse_store::{StoreError, Tx};
use minijinja::context;
use schemars::JsonSchema;
use serde::Deserialize;

use super::entering::{self, Entered};
use super::second_factor::{finish, stale};
use super::sign_in::FORM;
use super::{forms, next};
use crate::external;
use crate::http::{FactorError, FactorSetup, begin_totp, confirm_for, shown};
use crate::mint::{Factor, Opened, Proven, Step, mint};
use crate::service::Identity;

/// Where to go on.
#[derive(Debug, Default, Deserialize, Validate, JsonSchema)]
#[serde(default)]
pub struct EnrolmentQuery {
    #[garde(length(max = 4096))]
    next: String,
}

/// Says what is needed. Looking sets nothing up.
pub async fn show_enrolment(
    cx: Cx<Identity>,
    Query(query): Query<EnrolmentQuery>,
    visit: Visit,
) -> Result<Html, StoreError> {
    let next = next::checked(&query.next).unwrap_or_default();
    match entering::waiting(&cx, &visit, Step::Enrol) {
        Some(_) => page(&cx, &visit, 200, next, None, None).await,
        None => Ok(stale(&cx)),
    }
}

/// The button that begins.
#[derive(Deserialize, Validate, JsonSchema)]
pub struct BeginEnrolmentForm {
    #[garde(length(max = 2048))]
    csrf: String,
    #[garde(length(max = 4096))]
    next: String,
}

/// Makes a key, and shows it until its first code was typed.
pub async fn begin_enrolment(
    cx: Cx<Identity>,
    Form(form): Form<BeginEnrolmentForm>,
    visit: Visit,
) -> Result<Html, FactorError> {
    let next = next::checked(&form.next).unwrap_or_default();
    let Some(opened) = genuine(&cx, &visit, &form.csrf) else { return Ok(stale(&cx)) };
    let (app, user) = (Arc::clone(&cx.app), opened.proven.user_id());
    let begin = async move |tx: &mut Tx| begin_totp(tx, &app, user).await;
    match cx.app.home.db.write::<_, FactorError, _>(begin).await {
        Ok(setup) => Ok(page(&cx, &visit, 200, next, Some(&setup), None).await?),
        Err(FactorError::KnownFactor | FactorError::InvalidPending) => Ok(stale(&cx)),
        Err(error) => Err(error),
    }
}

/// The first code.
#[derive(Deserialize, Validate, JsonSchema)]
pub struct EnrolmentForm {
    #[garde(length(max = 2048))]
    csrf: String,
    #[garde(length(max = 4096))]
    next: String,
    #[garde(length(max = 64))]
    code: String,
}

/// Sets the app up by its first code, as `POST /auth/factors/confirm` does, and ends the sign-in. A wrong
/// code leads back to the key's beginning.
pub async fn submit_enrolment(
    cx: Cx<Identity>,
    Form(form): Form<EnrolmentForm>,
    visit: Visit,
) -> Result<Html, FactorError> {
    let next = next::checked(&form.next).unwrap_or_default().to_owned();
    let Some(opened) = genuine(&cx, &visit, &form.csrf) else { return Ok(stale(&cx)) };
    let user = opened.proven.user_id();
    let counters = match shown::admit(&cx, user).await {
        Ok(counters) => counters,
        Err(FactorError::TooManyTries { .. }) => {
            let problem = "Too many tries. Wait a little before the next one.";
            return Ok(page(&cx, &visit, 429, &next, None, Some(problem)).await?);
        }
        Err(error) => return Err(error),
    };
    let (app, code) = (Arc::clone(&cx.app), form.code);
    let confirmed = external::confirmed(&cx.app.home, &visit);
    let entered = cx.app.home.db.write::<_, FactorError, _>(async move |tx: &mut Tx| {
        let ready = confirm_for(tx, &app, user, Factor::Totp, &code, None).await?;
        let proven = opened.proven.and(Proven::by(Factor::Totp, user));
        let proven = proven.ok_or(FactorError::InvalidPending)?;
        let minted = mint(tx, &app, proven, opened.wish).await?;
        external::link_confirmed(tx, &app, confirmed, &minted).await?;
        Ok((ready, entering::enter(tx, &minted).await?))
    });
    match entered.await {
        Ok((ready, entered)) => {
            cx.app.refuse(ready.ended);
            match (entered, ready.recovery_codes) {
                (Entered::In(cookie), Some(codes)) => {
                    let values = context! { title => "Codes for a bad day", codes, next };
                    let page = cx.app.pages.page(200, "enrolment.html", values, None);
                    let page = page.cookie(cookie).cookie(entering::end());
                    Ok(external::forget().into_iter().fold(page, Html::cookie))
                }
                (entered, _) => Ok(finish(&cx, entered, &next)),
            }
        }
        Err(FactorError::WrongCode) => {
            shown::refuse(&cx, counters, user, String::new()).await;
            let problem = "This code did not fit. Set the app up once more, with a new key.";
            Ok(page(&cx, &visit, 401, &next, None, Some(problem)).await?)
        }
        Err(error) => Err(error),
    }
}

/// The sign-in that waits for a factor to be set up, if this form belongs to it.
fn genuine(cx: &Cx<Identity>, visit: &Visit, csrf: &str) -> Option<Opened> {
    let genuine = forms::is_genuine(&cx.app.home, visit, FORM, csrf);
    entering::waiting(cx, visit, Step::Enrol).filter(|_| genuine)
}

async fn page(
    cx: &Cx<Identity>,
    visit: &Visit,
    status: u16,
    next: &str,
    setup: Option<&FactorSetup>,
    problem: Option<&str>,
) -> Result<Html, StoreError> {
    let form = forms::token(&cx.app.home, visit, FORM);
    let secret = setup.and_then(|setup| setup.secret.clone());
    let uri = setup.and_then(|setup| setup.uri.clone());
    let values = context! {
        title => "Set up a second factor", secret, uri, problem, next, csrf => form.token,
    };
    let (_, leads_to) = entering::destination(cx, next).await?;
    let html = cx.app.pages.page(status, "enrolment.html", values, leads_to.as_deref());
    Ok(form.cookie.into_iter().fold(html, Html::cookie))
}
