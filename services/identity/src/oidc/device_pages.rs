//! Letting a device in: the codes it gets, and the page where a person decides.

use garde::Validate;
use hanse_http::{Cx, Form, Html, Query, Visit};
use hanse_store::{StoreError, Tx};
use minijinja::context;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::client::Grant;
use super::client_auth::{BasicAuth, Shown, authenticate};
use super::reply::{OAuth, OAuthError};
use super::token::{TokenRequest, narrowed};
use super::{devices, scopes};
use crate::pages::browser::{self, SignedInBrowser};
use crate::pages::{forms, message, next, sign_in};
use crate::service::Identity;

const PATH: &str = "/oauth/device";

/// What a device shows and what it asks with (RFC 8628, section 3.2).
#[derive(Debug, Serialize)]
pub struct DeviceCodes {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: String,
    expires_in: i64,
    interval: u32,
}

/// Gives a device its codes.
pub async fn begin_device(
    cx: Cx<Identity>,
    Form(request): Form<TokenRequest>,
    basic: BasicAuth,
) -> Result<OAuth<DeviceCodes>, StoreError> {
    let begun = cx
        .app
        .home
        .db
        .write::<_, StoreError, _>(async move |tx: &mut Tx| {
            let shown = Shown {
                client_id: request.client_id.as_deref(),
                client_secret: request.client_secret.as_deref(),
            };
            let client = match authenticate(tx, &basic, shown).await? {
                Ok(client) if client.may(Grant::DeviceCode) => client,
                Ok(_) => return Ok(Err(OAuthError::UNAUTHORIZED_CLIENT)),
                Err(error) => return Ok(Err(error)),
            };
            let scope = match narrowed(&request, &client.scope) {
                Ok(scope) => scope,
                Err(error) => return Ok(Err(error)),
            };
            devices::begin(tx, &client, &scope).await.map(Ok)
        })
        .await?;
    let (issuer, _) = cx.app.verifier.names();
    Ok(OAuth(begun.map(|(device_code, user_code)| {
        let user_code = devices::shown(&user_code);
        let verification_uri = format!("{}{PATH}", issuer.trim_end_matches('/'));
        DeviceCodes {
            device_code,
            verification_uri_complete: format!("{verification_uri}?user_code={user_code}"),
            user_code,
            verification_uri,
            expires_in: devices::LIFE.as_secs(),
            interval: devices::WAIT,
        }
    })))
}

/// A code that may be filled in already.
#[derive(Debug, Default, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(default)]
pub struct DeviceQuery {
    #[garde(length(max = 32))]
    user_code: String,
}

/// Asks for the code that the device shows. One that came with the address is filled in, not taken:
/// somebody else may have sent the address.
pub async fn show_device(
    cx: Cx<Identity>,
    Query(query): Query<DeviceQuery>,
    visit: Visit,
) -> Result<Html, StoreError> {
    let browser = current(&cx, &visit).await?;
    Ok(match browser {
        Some(browser) => ask_for_code(&cx, &visit, &browser, &query.user_code, None),
        None => {
            let page = sign_in::Page { next: next::page(PATH, &query), ..Default::default() };
            sign_in::page(&cx, &visit, 200, &page)
        }
    })
}

/// A code, and what is to become of it.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
pub struct DeviceForm {
    #[garde(length(max = 2048))]
    csrf: String,
    #[garde(length(max = 32))]
    user_code: String,
    /// `look`, `allow` or `deny`.
    #[garde(length(max = 16))]
    decision: String,
}

/// Shows what the device asks for, or does what the person decided.
pub async fn submit_device(
    cx: Cx<Identity>,
    Form(form): Form<DeviceForm>,
    visit: Visit,
) -> Result<Html, StoreError> {
    let Some(browser) = current(&cx, &visit).await? else {
        return Ok(Html::see_other("/oauth/device"));
    };
    let deciding = form.decision != "look";
    let name = if deciding { decide_form(&browser, &form.user_code) } else { look_form(&browser) };
    if !forms::is_genuine(&cx.app.home, &visit, &name, &form.csrf) {
        return Ok(ask_for_code(&cx, &visit, &browser, &form.user_code, None));
    }
    // Guesses are counted against whoever makes them, as those of passwords are.
    let counters =
        cx.app.attempts.of_login(&format!("device of {}", browser.account.id), cx.context.client);
    let typed = form.user_code.clone();
    let (wait, found) = cx
        .read::<_, StoreError, _>(async |tx: &mut Tx| {
            Ok((counters.wait(tx).await?, devices::by_user_code(tx, &typed).await?))
        })
        .await?;
    if wait.is_some() {
        let problem = "Too many tries. Wait a little.";
        return Ok(ask_for_code(&cx, &visit, &browser, "", Some(problem)));
    }
    let Some((waiting, client)) = found else {
        let count = async move |tx: &mut Tx| counters.count(tx).await;
        cx.app.home.db.write::<_, StoreError, _>(count).await?;
        let problem = "No device waits with this code. Look at it again.";
        return Ok(ask_for_code(&cx, &visit, &browser, &form.user_code, Some(problem)));
    };
    if !deciding {
        let token = forms::token(&cx.app.home, &visit, &decide_form(&browser, &form.user_code));
        let values = context! {
            title => "Allow this device?", client => client.name, email => browser.account.email,
            scopes => scopes::texts(&waiting.scope), user_code => form.user_code, csrf => token.token,
        };
        let page = cx.app.pages.page(200, "device.html", values, None);
        return Ok(token.cookie.into_iter().fold(page, Html::cookie));
    }
    let (allow, session) = (form.decision == "allow", browser.session.id);
    let decide = async move |tx: &mut Tx| waiting.decide(tx, allow, session).await;
    cx.app.home.db.write::<_, StoreError, _>(decide).await?;
    let (title, text) = match allow {
        true => ("Allowed", "The device is let in. You can close this page."),
        false => ("Denied", "The device is not let in. You can close this page."),
    };
    Ok(message(&cx.app.pages, 200, title, text))
}

async fn current(cx: &Cx<Identity>, visit: &Visit) -> Result<Option<SignedInBrowser>, StoreError> {
    cx.read(async |tx: &mut Tx| browser::in_force(tx, &cx.app, visit).await).await
}

fn ask_for_code(
    cx: &Cx<Identity>,
    visit: &Visit,
    browser: &SignedInBrowser,
    user_code: &str,
    problem: Option<&str>,
) -> Html {
    let token = forms::token(&cx.app.home, visit, &look_form(browser));
    let values = context! { title => "Connect a device", user_code, problem, csrf => token.token };
    let page = cx.app.pages.page(200, "device.html", values, None);
    token.cookie.into_iter().fold(page, Html::cookie)
}

fn look_form(browser: &SignedInBrowser) -> String {
    format!("device {}", browser.session.id)
}

fn decide_form(browser: &SignedInBrowser, user_code: &str) -> String {
    format!("device {} {user_code:?}", browser.session.id)
}
