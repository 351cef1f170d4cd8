//! Signing somebody in for a program: the page that asks, and the way back with a code.

use std::sync::Arc;

use garde::Validate;
use hanse_http::{Cx, Form, Html, Query, Visit};
use hanse_store::{StoreError, Tx};
use minijinja::context;
use schemars::JsonSchema;
use serde::Deserialize;

use super::client::origin;
use super::request::{Asked, AuthorizeQuery, Refusal, answer};
use super::{codes, consents, scopes};
use crate::http::UserAgent;
use crate::mint::factor::assurance;
use crate::mint::{Device, Proven, Wish, mint, missing};
use crate::pages::browser::{self, SignedInBrowser};
use crate::pages::entering::{self, Entered};
use crate::pages::{forms, message, next, sign_in};
use crate::service::Identity;

/// The address of this page.
pub(super) const PATH: &str = "/oauth/authorize";
const CONSENT: &str = "consent";

/// Shows whatever page is needed, or goes back with a code when none is.
pub async fn authorize_client(
    cx: Cx<Identity>,
    Query(query): Query<AuthorizeQuery>,
    visit: Visit,
    UserAgent(user_agent): UserAgent,
) -> Result<Html, StoreError> {
    let checked = query.clone();
    let (asked, browser) = cx
        .read::<_, StoreError, _>(async |tx: &mut Tx| {
            let browser = browser::in_force(tx, &cx.app, &visit).await?;
            Ok((checked.check(tx).await?, browser))
        })
        .await?;
    let asked = match asked {
        Ok(asked) => asked,
        Err(refusal) => return Ok(refuse(&cx, &query, refusal)),
    };
    let silent = query.prompts("none");
    let Some(browser) = browser.filter(|browser| !wants_sign_in(&cx, &asked, browser)) else {
        return Ok(match silent {
            true => back(&cx, &asked, "login_required"),
            false => ask_to_sign_in(&cx, &visit, &asked),
        });
    };
    if assurance(&browser.session.factors) < query.least() {
        let device = Device { user_agent, address: cx.context.client };
        return match silent {
            true => Ok(back(&cx, &asked, "login_required")),
            false => step_up(&cx, &asked, &browser, device).await,
        };
    }
    let (user, client, scope) = (browser.account.id, asked.client.id, asked.scope.clone());
    let given = asked.client.trusted
        || cx
            .read::<_, StoreError, _>(async |tx: &mut Tx| {
                consents::covers(tx, user, client, &scope).await
            })
            .await?;
    if !given || query.prompts("consent") {
        return Ok(match silent {
            true => back(&cx, &asked, "consent_required"),
            false => ask_for_consent(&cx, &visit, &asked, &browser),
        });
    }
    go_back_with_code(&cx, asked, browser).await
}

/// The answer of the page that asks for consent.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
pub struct Decision {
    #[garde(length(max = 2048))]
    csrf: String,
    #[garde(length(max = 4096))]
    next: String,
    /// `allow` or `deny`.
    #[garde(length(max = 16))]
    decision: String,
}

/// Keeps what the person has allowed and goes on, or tells the program that they have not.
pub async fn submit_consent(
    cx: Cx<Identity>,
    Form(decision): Form<Decision>,
    visit: Visit,
) -> Result<Html, StoreError> {
    let browser =
        cx.read::<_, StoreError, _>(async |tx: &mut Tx| browser::current(tx, &visit).await).await?;
    let query =
        next::checked(&decision.next).and_then(|next| next.strip_prefix(PATH)?.strip_prefix('?'));
    let query = query.and_then(|query| serde_urlencoded::from_str::<AuthorizeQuery>(query).ok());
    let (Some(browser), Some(query)) = (browser, query) else { return Ok(stale(&cx)) };
    let form = form_of(&browser, &query);
    if !forms::is_genuine(&cx.app.home, &visit, &form, &decision.csrf) {
        return Ok(stale(&cx));
    }
    let asked = cx.read::<_, StoreError, _>(async |tx: &mut Tx| query.check(tx).await).await?;
    let asked = match asked {
        Ok(asked) => asked,
        Err(refusal) => return Ok(refuse(&cx, &query, refusal)),
    };
    if decision.decision != "allow" {
        return Ok(back(&cx, &asked, "access_denied"));
    }
    let (user, client, scope) = (browser.account.id, asked.client.id, asked.scope.clone());
    let given = async move |tx: &mut Tx| consents::give(tx, user, client, &scope).await;
    cx.app.home.db.write::<_, StoreError, _>(given).await?;
    Ok(Html::see_other(&next::page(PATH, &query.without_prompt(&["consent"]))))
}

/// Asks for the factor that is missing beside those of the browser's session, or tells the program that
/// the account has none that would be enough (RFC 9470).
async fn step_up(
    cx: &Cx<Identity>,
    asked: &Asked,
    browser: &SignedInBrowser,
    device: Device,
) -> Result<Html, StoreError> {
    let (app, account) = (Arc::clone(&cx.app), browser.account.clone());
    let (proven, least) = (Proven::by_session(&browser.session), asked.query.least());
    let waiting = async move |tx: &mut Tx| {
        if missing(tx, &app, &account, &proven, least).await?.is_empty() {
            return Ok(None);
        }
        let minted = mint(tx, &app, proven, Wish { least, ..Wish::of(device) }).await?;
        entering::enter(tx, &minted).await.map(Some)
    };
    let next = next::page(PATH, &asked.query);
    Ok(match cx.app.home.db.write::<_, StoreError, _>(waiting).await? {
        Some(Entered::Waiting(page, cookie)) => entering::ask(page, cookie, &next),
        _ => back(cx, asked, "unmet_authentication_requirements"),
    })
}

/// Is somebody signed in, but not recently or well enough for this request?
fn wants_sign_in(cx: &Cx<Identity>, asked: &Asked, browser: &SignedInBrowser) -> bool {
    if asked.query.prompts("login") || asked.query.prompts("select_account") {
        return true;
    }
    let age = cx.now().as_second() - browser.session.authenticated_at.as_second();
    asked.max_age.is_some_and(|most| age > most)
}

/// The program that a page leads on to, and the origin where the person ends.
pub(crate) async fn destination(
    tx: &mut Tx,
    next: &str,
) -> Result<Option<(String, Option<String>)>, StoreError> {
    let query = next.strip_prefix(PATH).and_then(|rest| rest.strip_prefix('?'));
    let query = query.and_then(|query| serde_urlencoded::from_str::<AuthorizeQuery>(query).ok());
    let Some(query) = query else { return Ok(None) };
    let asked = query.check(tx).await?.ok();
    Ok(asked.map(|asked| (asked.client.name, origin(&asked.redirect_uri))))
}

fn ask_to_sign_in(cx: &Cx<Identity>, visit: &Visit, asked: &Asked) -> Html {
    let query = asked.query.without_prompt(&["login", "select_account"]);
    let page = sign_in::Page {
        next: next::page(PATH, &query),
        client: Some(asked.client.name.clone()),
        email: asked.query.login_hint.clone().unwrap_or_default(),
        problem: None,
        leads_to: origin(&asked.redirect_uri),
    };
    sign_in::page(cx, visit, 200, &page)
}

fn ask_for_consent(
    cx: &Cx<Identity>,
    visit: &Visit,
    asked: &Asked,
    browser: &SignedInBrowser,
) -> Html {
    let form = forms::token(&cx.app.home, visit, &form_of(browser, &asked.query));
    let values = context! {
        title => "Allow access?",
        client => asked.client.name.clone(),
        email => browser.account.email.clone(),
        scopes => scopes::texts(&asked.scope),
        csrf => form.token,
        next => next::page(PATH, &asked.query),
    };
    let leads_to = origin(&asked.redirect_uri);
    let page = cx.app.pages.page(200, "consent.html", values, leads_to.as_deref());
    form.cookie.into_iter().fold(page, Html::cookie)
}

/// A form for this person, this session and this program, and nothing else.
fn form_of(browser: &SignedInBrowser, query: &AuthorizeQuery) -> String {
    let client = query.client_id.as_deref().unwrap_or_default();
    let scope = query.scope.as_deref().unwrap_or_default();
    format!("{CONSENT} {} {client:?} {scope:?}", browser.session.id)
}

async fn go_back_with_code(
    cx: &Cx<Identity>,
    asked: Asked,
    browser: SignedInBrowser,
) -> Result<Html, StoreError> {
    let app = Arc::clone(&cx.app);
    let (issuer, _) = app.verifier.names();
    let (state, address) = (asked.query.state.clone(), asked.redirect_uri.clone());
    let issue = async move |tx: &mut Tx| codes::issue(tx, &asked, browser.session.id).await;
    let code = cx.app.home.db.write::<_, StoreError, _>(issue).await?;
    Ok(Html::see_other(&answer(&address, issuer, state.as_deref(), &[("code", &code)])))
}

fn back(cx: &Cx<Identity>, asked: &Asked, error: &'static str) -> Html {
    let address = asked.redirect_uri.clone();
    refuse(cx, &asked.query, Refusal::Back { address, error, description: "" })
}

fn refuse(cx: &Cx<Identity>, query: &AuthorizeQuery, refusal: Refusal) -> Html {
    match refusal {
        Refusal::Here(text) => message(&cx.app.pages, 400, "This did not work", text),
        Refusal::Back { address, error, description } => {
            let (issuer, _) = cx.app.verifier.names();
            let mut pairs = vec![("error", error)];
            if !description.is_empty() {
                pairs.push(("error_description", description));
            }
            Html::see_other(&answer(&address, issuer, query.state.as_deref(), &pairs))
        }
    }
}

fn stale(cx: &Cx<Identity>) -> Html {
    let text = "This page was open for too long, or was not opened in this browser. Go back to the \
                application and try again.";
    message(&cx.app.pages, 403, "This did not work", text)
}
