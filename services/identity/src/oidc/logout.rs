//! Signing out: of the browser, and of every program that was signed in to with it (OpenID Connect
//! RP-Initiated Logout and Back-Channel Logout).

use garde::Validate;
use hanse_http::{Cx, Form, Html, Query, Visit};
use hanse_jobs::{Job, Schedule as _};
use hanse_store::{StoreError, Tx};
use minijinja::context;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::backchannel::{KIND, Notice};
use super::client::{Client, origin};
use super::{clients, grants};
use crate::pages::browser::{self, SignedInBrowser};
use crate::pages::{forms, message};
use crate::service::Identity;

/// What a program asks for, by sending the person here.
#[derive(Debug, Default, Clone, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(default)]
pub struct LogoutQuery {
    #[garde(length(max = 64))]
    client_id: Option<String>,
    #[garde(length(max = 512))]
    post_logout_redirect_uri: Option<String>,
    #[garde(length(max = 1024))]
    state: Option<String>,
    /// Whose it is matters only to whoever may be asked; everybody is asked here.
    #[garde(length(max = 4096))]
    id_token_hint: Option<String>,
}

/// Asks whether the person means it: a link elsewhere must not be able to sign anybody out.
pub async fn show_logout(
    cx: Cx<Identity>,
    Query(query): Query<LogoutQuery>,
    visit: Visit,
) -> Result<Html, StoreError> {
    let (browser, client) = look(&cx, &visit, query.client_id.as_deref()).await?;
    let Some(browser) = browser else {
        return Ok(gone(&cx, destination(client.as_ref(), &query)));
    };
    let form = forms::token(&cx.app.home, &visit, &form_of(&browser));
    let (client_id, redirect) = (query.client_id, query.post_logout_redirect_uri);
    let leads_to = client.and(redirect.as_deref().and_then(origin));
    let values = context! {
        title => "Sign out?", csrf => form.token, client_id => client_id.unwrap_or_default(),
        redirect => redirect.unwrap_or_default(), state => query.state.unwrap_or_default(),
    };
    let page = cx.app.pages.page(200, "sign_out.html", values, leads_to.as_deref());
    Ok(form.cookie.into_iter().fold(page, Html::cookie))
}

/// What is submitted.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
pub struct LogoutForm {
    #[garde(length(max = 2048))]
    csrf: String,
    #[garde(length(max = 64))]
    client_id: String,
    #[garde(length(max = 512))]
    post_logout_redirect_uri: String,
    #[garde(length(max = 1024))]
    state: String,
}

/// Signs the browser out.
pub async fn submit_logout(
    cx: Cx<Identity>,
    Form(form): Form<LogoutForm>,
    visit: Visit,
) -> Result<Html, StoreError> {
    let (browser, client) = look(&cx, &visit, Some(&form.client_id)).await?;
    let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let query = LogoutQuery {
        post_logout_redirect_uri: some(&form.post_logout_redirect_uri),
        state: some(&form.state),
        ..LogoutQuery::default()
    };
    let after = destination(client.as_ref(), &query);
    let Some(browser) = browser else { return Ok(gone(&cx, after)) };
    if !forms::is_genuine(&cx.app.home, &visit, &form_of(&browser), &form.csrf) {
        let text = "This page was open for too long. Go back and try again.";
        return Ok(message(&cx.app.pages, 403, "You are still signed in", text));
    }
    let (user, session) = (browser.account.id, browser.session.id);
    let end = async move |tx: &mut Tx| sign_out(tx, user, session).await;
    let ended = cx.app.home.db.write::<_, StoreError, _>(end).await?;
    cx.app.refuse(ended);
    Ok(gone(&cx, after).cookie(browser::end()).clearing())
}

/// Ends the browser's session and those of programs that were granted in it, and has those told.
async fn sign_out(tx: &mut Tx, user: Uuid, browser: Uuid) -> Result<Vec<Uuid>, StoreError> {
    let mut ended: Vec<Uuid> = grants::end(tx, user, browser).await?.into_iter().collect();
    for granted in grants::of_browser(tx, browser).await? {
        let Some(session) = grants::end(tx, user, granted.session_id).await? else { continue };
        ended.push(session);
        let client = clients::find(tx, granted.client_id).await?;
        if client.is_some_and(|client| client.backchannel_uri.is_some()) {
            let notice = Notice {
                client_id: granted.client_id,
                user_id: granted.user_id,
                session_id: session,
            };
            tx.schedule(Job::new(KIND, notice).owner(user)).await?;
        }
    }
    Ok(ended)
}

/// Where the person goes afterwards: exactly an address that the program has registered.
fn destination(client: Option<&Client>, query: &LogoutQuery) -> Option<String> {
    let address = query.post_logout_redirect_uri.as_ref()?;
    let known = client?.logout_uris.contains(address);
    let mark = if address.contains('?') { '&' } else { '?' };
    let state = query.state.as_ref().map(|state| {
        let pair = serde_urlencoded::to_string([("state", state)]).unwrap_or_default();
        format!("{mark}{pair}")
    });
    known.then(|| format!("{address}{}", state.unwrap_or_default()))
}

/// Where nobody is signed in. It takes no cookie away: to a form that another site sends, browsers add
/// none, so that nobody seems to be signed in; taking the cookie away would sign them out (WEB-01).
fn gone(cx: &Cx<Identity>, to: Option<String>) -> Html {
    match to {
        Some(address) => Html::see_other(&address),
        None => message(&cx.app.pages, 200, "Signed out", "You are signed out of this browser."),
    }
}

async fn look(
    cx: &Cx<Identity>,
    visit: &Visit,
    client: Option<&str>,
) -> Result<(Option<SignedInBrowser>, Option<Client>), StoreError> {
    let id = client.and_then(|id| id.parse().ok());
    cx.read(async |tx: &mut Tx| {
        let client = match id {
            Some(id) => clients::find(tx, id).await?,
            None => None,
        };
        Ok((browser::current(tx, visit).await?, client))
    })
    .await
}

fn form_of(browser: &SignedInBrowser) -> String {
    format!("logout {}", browser.session.id)
}
