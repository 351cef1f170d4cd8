//! The page that asks for another password, for whoever signs in with one that is too old.

use std::sync::Arc;

use garde::Validate;
use hanse_http::{Cx, Form, Html, Query, Visit};
use hanse_store::{StoreError, Tx};
use minijinja::context;
use schemars::JsonSchema;
use serde::Deserialize;

use super::second_factor::{finish, stale};
use super::sign_in::FORM;
use super::{entering, forms, next};
use crate::external;
use crate::http::{RenewalError, Renewed};
use crate::mint::Step;
use crate::password::Plain;
use crate::service::Identity;

/// Where to go on.
#[derive(Debug, Default, Deserialize, Validate, JsonSchema)]
#[serde(default)]
pub struct NewPasswordQuery {
    #[garde(length(max = 4096))]
    next: String,
}

/// The form for a new password.
pub async fn show_new_password(
    cx: Cx<Identity>,
    Query(query): Query<NewPasswordQuery>,
    visit: Visit,
) -> Result<Html, StoreError> {
    let next = next::checked(&query.next).unwrap_or_default();
    match entering::waiting(&cx, &visit, Step::Renew) {
        Some(_) => page(&cx, &visit, 200, next, None).await,
        None => Ok(stale(&cx)),
    }
}

/// A new password.
#[derive(Deserialize, Validate, JsonSchema)]
pub struct NewPasswordForm {
    #[garde(length(max = 2048))]
    csrf: String,
    #[garde(length(max = 4096))]
    next: String,
    #[garde(length(max = 1024))]
    password: String,
}

/// Sets it and ends the sign-in, as `POST /auth/login/new-password` does.
pub async fn submit_new_password(
    cx: Cx<Identity>,
    Form(form): Form<NewPasswordForm>,
    visit: Visit,
) -> Result<Html, RenewalError> {
    let next = next::checked(&form.next).unwrap_or_default().to_owned();
    let waiting = entering::waiting(&cx, &visit, Step::Renew);
    let genuine = forms::is_genuine(&cx.app.home, &visit, FORM, &form.csrf);
    let Some(opened) = waiting.filter(|_| genuine) else { return Ok(stale(&cx)) };
    let new = match Renewed::prepare(&cx, opened, &Plain::new(&form.password)).await {
        Ok(new) => new,
        Err(RenewalError::NewPassword(unfit)) => {
            return Ok(page(&cx, &visit, 422, &next, Some(&unfit.to_string())).await?);
        }
        Err(RenewalError::InvalidPending) => return Ok(stale(&cx)),
        Err(error) => return Err(error),
    };
    let (app, confirmed) = (Arc::clone(&cx.app), external::confirmed(&cx.app.home, &visit));
    let set = cx.app.home.db.write::<_, RenewalError, _>(async move |tx: &mut Tx| {
        let (minted, ended) = new.set(tx, &app).await?;
        external::link_confirmed(tx, &app, confirmed, &minted).await?;
        Ok((entering::enter(tx, &minted).await?, ended))
    });
    match set.await {
        Ok((entered, ended)) => {
            cx.app.refuse(ended);
            Ok(finish(&cx, entered, &next))
        }
        Err(RenewalError::InvalidPending) => Ok(stale(&cx)),
        Err(error) => Err(error),
    }
}

async fn page(
    cx: &Cx<Identity>,
    visit: &Visit,
    status: u16,
    next: &str,
    problem: Option<&str>,
) -> Result<Html, StoreError> {
    let form = forms::token(&cx.app.home, visit, FORM);
    let values = context! { title => "Choose another password", problem, next, csrf => form.token };
    let (_, leads_to) = entering::destination(cx, next).await?;
    let html = cx.app.pages.page(status, "new_password.html", values, leads_to.as_deref());
    Ok(form.cookie.into_iter().fold(html, Html::cookie))
}
