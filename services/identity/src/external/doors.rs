//! Going to an issuer, coming back from it, and linking what was there before.

use std::sync::Arc;

use garde::Validate;
use hanse_events::Emit as _;
use hanse_http::{
    Cx, Exchange, Form, Home, Html, Input, OperationDoc, Path, Problem, Query, Role, Visit,
};
use hanse_store::{StoreError, Tx};
use minijinja::context;
use schemars::JsonSchema;
use serde::Deserialize;
use subtle::ConstantTimeEq as _;

use super::id_token::Person;
use super::identities;
use super::issuer::IssuerError;
use super::journey::{Arrival, Journey, forget, until};
use crate::account::{Account, display_name};
use crate::email::Email;
use crate::http::{PasswordError, Tried, UserAgent, try_password};
use crate::letters::{self, Letter};
use crate::mint::{Device, Factor, Minted, Proven, Wish, mint};
use crate::pages::sign_in::go_on;
use crate::pages::{entering, forms, message, next};
use crate::service::Identity;
use crate::{accounts, oidc, scim};

const FORM: &str = "external-link";

/// Where to go on afterwards.
#[derive(Debug, Default, Deserialize, Validate, JsonSchema)]
#[serde(default)]
pub struct BeginQuery {
    #[garde(length(max = 4096))]
    next: String,
}

/// Sends the browser to the issuer.
pub async fn begin_external(
    cx: Cx<Identity>,
    Path(id): Path<String>,
    Query(query): Query<BeginQuery>,
) -> Result<Html, StoreError> {
    let app = &cx.app;
    let Some(issuer) = app.issuers.get(&id) else { return Ok(unknown(&cx)) };
    let next = next::checked(&query.next).unwrap_or_default();
    let journey = Journey::new(&app.home, &id, next);
    match issuer.door(&app.outbound, &journey, &callback(&cx, &id), cx.now()).await {
        Ok(address) => Ok(Html::see_other(&address).cookie(journey.pack(&app.home))),
        Err(error) => Ok(unusable(&cx, &error)),
    }
}

/// What the issuer sends back, and by whose door.
#[derive(Debug)]
pub struct Callback {
    issuer: String,
    query: CallbackQuery,
}

/// Its parameters.
#[derive(Debug, Default, Deserialize, Validate, JsonSchema)]
#[serde(default)]
struct CallbackQuery {
    #[garde(length(max = 2048))]
    code: String,
    #[garde(length(max = 512))]
    state: String,
    #[garde(length(max = 512))]
    iss: Option<String>,
    #[garde(length(max = 128))]
    error: Option<String>,
}

impl Input for Callback {
    fn describe(doc: &mut OperationDoc) {
        Path::<String>::describe(doc);
        Query::<CallbackQuery>::describe(doc);
    }

    fn take(exchange: &Exchange) -> Result<Self, Problem> {
        let (Path(issuer), Query(query)) = (Path::take(exchange)?, Query::take(exchange)?);
        Ok(Self { issuer, query })
    }
}

/// Takes whoever comes back from an issuer to the account that is theirs.
pub async fn finish_external(
    cx: Cx<Identity>,
    Callback { issuer: id, query }: Callback,
    visit: Visit,
    UserAgent(user_agent): UserAgent,
) -> Result<Html, StoreError> {
    let app = &cx.app;
    let journey = Journey::unpack(&app.home, &visit).filter(|journey| journey.issuer == id);
    let (Some(journey), Some(issuer)) = (journey, app.issuers.get(&id)) else {
        return Ok(stale(&cx));
    };
    let state: bool = journey.state.as_bytes().ct_eq(query.state.as_bytes()).into();
    // RFC 9207: an answer of another issuer is not the answer to our question.
    let by_it = query.iss.as_ref().is_none_or(|iss| *iss == issuer.config.issuer);
    if !state || !by_it {
        return Ok(stale(&cx));
    }
    if query.error.is_some() || query.code.is_empty() {
        let text = "The other side did not let you in, or you changed your mind.";
        return Ok(farewell(message(&cx.app.pages, 403, "Not signed in", text)));
    }
    let redirect = callback(&cx, &id);
    let person = issuer.person(&app.outbound, &journey, &query.code, &redirect, cx.now()).await;
    let person = match person {
        Ok(person) => person,
        Err(error) => return Ok(farewell(unusable(&cx, &error))),
    };
    let device = Device { user_agent, address: cx.context.client };
    let (shared, issuer_id) = (Arc::clone(&cx.app), id.clone());
    let known = person.clone();
    let entered = app
        .home
        .db
        .write::<_, StoreError, _>(async move |tx: &mut Tx| {
            enter(tx, &shared, &issuer_id, known, device).await
        })
        .await?;
    Ok(match entered {
        Entered::Browser(cookie) => farewell(go_on(&cx, &journey.next).cookie(cookie)),
        Entered::Waiting(page, cookie) => farewell(entering::ask(page, cookie, &journey.next)),
        Entered::Refused(text) => farewell(message(&app.pages, 403, "Not signed in", text)),
        Entered::Confirm(email) => {
            let arrival = Arrival {
                issuer: id,
                subject: person.subject,
                email,
                next: journey.next,
                until: until(&app.home),
                confirmed: false,
            };
            let page = ask_for_password(&cx, &visit, 200, &arrival, None).await?;
            page.cookie(arrival.pack(&app.home))
        }
    })
}

/// What somebody who came back may do.
enum Entered {
    Browser(hanse_http::SetCookie),
    /// More is needed: the page that asks for it, and the cookie of the sign-in that waits.
    Waiting(&'static str, hanse_http::SetCookie),
    /// There is an account of this address; its password has to be typed.
    Confirm(String),
    Refused(&'static str),
}

async fn enter(
    tx: &mut Tx,
    app: &Identity,
    issuer: &str,
    person: Person,
    device: Device,
) -> Result<Entered, StoreError> {
    let user = match identities::find(tx, issuer, &person.subject).await? {
        Some(user) => user,
        None => match first_time(tx, app, issuer, person).await? {
            Ok(user) => user,
            Err(entered) => return Ok(entered),
        },
    };
    let minted = mint(tx, app, Proven::by(Factor::External, user), Wish::of(device)).await?;
    Ok(match entering::enter(tx, &minted).await? {
        entering::Entered::In(cookie) => Entered::Browser(cookie),
        entering::Entered::Waiting(page, cookie) => Entered::Waiting(page, cookie),
        entering::Entered::Refused => Entered::Refused("The account may not sign in."),
    })
}

/// The account of somebody who was never here by this issuer: a new one, or none yet (AUTN-09).
async fn first_time(
    tx: &mut Tx,
    app: &Identity,
    issuer: &str,
    person: Person,
) -> Result<Result<uuid::Uuid, Entered>, StoreError> {
    let email = person.verified_email.as_deref().and_then(|email| Email::parse(email).ok());
    let Some(email) = email else {
        let text = "The other side does not say that your e-mail address was verified.";
        return Ok(Err(Entered::Refused(text)));
    };
    if let Some(account) = accounts::find_by_email(tx, &email).await? {
        if scim::people::is_awaited(tx, &account).await? {
            accounts::verified(tx, account.id).await?;
            identities::link(tx, issuer, &person.subject, account.id).await?;
            return Ok(Ok(account.id));
        }
        // Whoever made this account has not shown that the address is theirs: it may have been made to
        // wait for its victim. And a verified one is linked only by who knows its password.
        let theirs = account.email_verified_at.is_some() && !account.password.is_empty();
        return Ok(Err(if theirs {
            Entered::Confirm(account.email)
        } else {
            Entered::Refused(
                "There is an account with your e-mail address that was not verified, or that has no \
                 password. Reset its password first, and sign in with it.",
            )
        }));
    }
    if !app.config.open_registration {
        return Ok(Err(Entered::Refused("Accounts are made by an administrator here.")));
    }
    let name = person.name.as_deref().and_then(display_name);
    let name = name.or_else(|| display_name(email.local())).unwrap_or_else(|| "?".to_owned());
    let mut account = Account::new(tx, &email, name, String::new(), vec![Role::User]);
    account.email_verified_at = Some(tx.now());
    if !accounts::insert(tx, &account).await? {
        return Err(StoreError::Unique("an account of this address was made at once".into()));
    }
    tx.emit(&account.registered()).await?;
    identities::link(tx, issuer, &person.subject, account.id).await?;
    Ok(Ok(account.id))
}

/// The password of the account that is to be linked.
#[derive(Deserialize, Validate, JsonSchema)]
pub struct LinkForm {
    #[garde(length(max = 2048))]
    csrf: String,
    #[garde(length(max = 1024))]
    password: String,
}

/// Links the account elsewhere to the one here whose password is typed, and signs the browser in.
pub async fn link_external(
    cx: Cx<Identity>,
    Form(form): Form<LinkForm>,
    visit: Visit,
    UserAgent(user_agent): UserAgent,
) -> Result<Html, PasswordError> {
    let app = &cx.app;
    let Some(arrival) = Arrival::unpack(&app.home, &visit) else { return Ok(stale(&cx)) };
    if !forms::is_genuine(&app.home, &visit, FORM, &form.csrf) {
        return Ok(stale(&cx));
    }
    let verified = |account: &Account| account.email_verified_at.is_some();
    let tried = try_password(&cx, &arrival.email, &form.password, verified).await?;
    let (proven, counters) = match tried {
        Tried::Right(proven, counters) => (proven, counters),
        Tried::Wrong => {
            let problem = "The password is wrong.";
            return Ok(ask_for_password(&cx, &visit, 401, &arrival, Some(problem)).await?);
        }
        Tried::Wait(_) => {
            let problem = "Too many tries. Wait a little before the next one.";
            return Ok(ask_for_password(&cx, &visit, 429, &arrival, Some(problem)).await?);
        }
    };
    let (shared, device) = (Arc::clone(app), Device { user_agent, address: cx.context.client });
    let arrival = Arrival { confirmed: true, ..arrival };
    let (next, waiting) = (arrival.next.clone(), arrival.pack(&app.home));
    let entered = app
        .home
        .db
        .write::<_, StoreError, _>(async move |tx: &mut Tx| {
            counters.succeed(tx).await?;
            let minted = mint(tx, &shared, proven, Wish::of(device)).await?;
            link_confirmed(tx, &shared, Some(arrival), &minted).await?;
            entering::enter(tx, &minted).await
        })
        .await?;
    Ok(match entered {
        entering::Entered::In(cookie) => farewell(go_on(&cx, &next).cookie(cookie)),
        // The link waits with the sign-in for what is missing.
        entering::Entered::Waiting(page, cookie) => {
            entering::ask(page, cookie, &next).cookie(waiting)
        }
        entering::Entered::Refused => {
            farewell(message(&app.pages, 403, "Not signed in", "The account may not sign in."))
        }
    })
}

/// Who came back in this browser to an account whose password was typed.
pub(crate) fn confirmed(home: &Home, visit: &Visit) -> Option<Arrival> {
    Arrival::unpack(home, visit).filter(|arrival| arrival.confirmed)
}

/// Links whoever came back to the account that has signed in, if it is the one whose password was typed
/// and nothing is missing any more.
pub(crate) async fn link_confirmed(
    tx: &mut Tx,
    app: &Identity,
    arrival: Option<Arrival>,
    minted: &Minted,
) -> Result<(), StoreError> {
    let (Some(arrival), Minted::Session(begun)) = (arrival, minted) else { return Ok(()) };
    if begun.account.email != arrival.email {
        return Ok(());
    }
    let user = begun.account.id;
    if !identities::link(tx, &arrival.issuer, &arrival.subject, user).await? {
        return Ok(());
    }
    let name = app.issuers.get(&arrival.issuer).map(|issuer| issuer.config.name.clone());
    let letter = Letter::of("identity.link_added").says("issuer", name.unwrap_or(arrival.issuer));
    letters::tell(tx, app, user, letter).await
}

async fn ask_for_password(
    cx: &Cx<Identity>,
    visit: &Visit,
    status: u16,
    arrival: &Arrival,
    problem: Option<&str>,
) -> Result<Html, StoreError> {
    let form = forms::token(&cx.app.home, visit, FORM);
    let to = cx.read(async |tx: &mut Tx| oidc::destination(tx, &arrival.next).await).await?;
    let leads_to = to.and_then(|(_, origin)| origin);
    let email = arrival.email.as_str();
    let values = context! { title => "Is this account yours?", problem, email, csrf => form.token };
    let page = cx.app.pages.page(status, "link.html", values, leads_to.as_deref());
    Ok(form.cookie.into_iter().fold(page, Html::cookie))
}

/// Our own address, to which issuers send people back.
fn callback(cx: &Cx<Identity>, id: &str) -> String {
    let (base, _) = cx.app.verifier.names();
    format!("{}/oauth/external/{id}/callback", base.trim_end_matches('/'))
}

fn farewell(page: Html) -> Html {
    forget().into_iter().fold(page, Html::cookie)
}

fn unknown(cx: &Cx<Identity>) -> Html {
    message(&cx.app.pages, 404, "Nothing here", "There is no way to sign in at this address.")
}

fn stale(cx: &Cx<Identity>) -> Html {
    let text = "This did not begin in this browser, or too long ago. Go back and try again.";
    message(&cx.app.pages, 403, "Not signed in", text)
}

fn unusable(cx: &Cx<Identity>, error: &IssuerError) -> Html {
    let error: &(dyn std::error::Error + 'static) = error;
    tracing::warn!(error, "an issuer was of no use");
    let text = "The other side could not be asked, or its answer was not valid. Try again later.";
    message(&cx.app.pages, 502, "Not signed in", text)
}
