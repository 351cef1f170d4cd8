//! What the mint says to somebody who signs in with a browser, and the sign-in that waits for its second
//! factor.
//!
//! It waits in the browser: a cookie holds the pending token, which is sealed and good for ten minutes.
//! Nothing of it is stored here, and nothing of it stands in an address.

use hanse_http::{Cx, Html, SetCookie, Visit};
use hanse_store::{Result, StoreError, Tx};

use super::{browser, next};
use crate::mint::{Minted, Opened, Pending, Step, open};
use crate::service::Identity;

/// The page that asks for the second factor.
pub(crate) const SECOND_FACTOR: &str = "/oauth/second-factor";
/// The page that sets one up.
const ENROLMENT: &str = "/oauth/enrolment";
/// The page that asks for another password.
const NEW_PASSWORD: &str = "/oauth/new-password";
const COOKIE: &str = "pending";

/// What came of a sign-in.
pub(crate) enum Entered {
    /// Signed in: the browser's cookie.
    In(SetCookie),
    /// Something is missing: the page that asks for it, and the cookie of the sign-in that waits.
    Waiting(&'static str, SetCookie),
    /// The account may not sign in.
    Refused,
}

/// Signs the browser in if the mint has made a session.
pub(crate) async fn enter(tx: &mut Tx, minted: &Minted) -> Result<Entered> {
    Ok(match minted {
        Minted::Session(begun) => Entered::In(browser::begin(tx, begun.session.id).await?),
        Minted::Pending(pending) if pending.enrol => wait(ENROLMENT, pending),
        Minted::Pending(pending) => wait(SECOND_FACTOR, pending),
        Minted::TooOld(pending) => wait(NEW_PASSWORD, pending),
        Minted::Refused => Entered::Refused,
    })
}

fn wait(page: &'static str, pending: &Pending) -> Entered {
    Entered::Waiting(page, SetCookie::lasting(COOKIE, &pending.pending, pending.expires_in))
}

/// The sign-in that waits for this in this browser.
pub(crate) fn waiting(cx: &Cx<Identity>, visit: &Visit, step: Step) -> Option<Opened> {
    let opened = open(&cx.app.home.sealer, visit.cookie(COOKIE)?, cx.now());
    opened.filter(|opened| opened.step == step)
}

/// To the page that asks for what is missing.
pub(crate) fn ask(page: &str, cookie: SetCookie, next: &str) -> Html {
    Html::see_other(&next::page(page, &[("next", next)])).cookie(cookie)
}

/// Nothing waits any more.
pub(crate) fn end() -> SetCookie {
    SetCookie::removed(COOKIE)
}

/// Where a page leads on: the program that asks, and the origin where the person ends.
pub(crate) async fn destination(
    cx: &Cx<Identity>,
    next: &str,
) -> Result<(Option<String>, Option<String>), StoreError> {
    let to = cx
        .read::<_, StoreError, _>(async |tx: &mut Tx| crate::oidc::destination(tx, next).await)
        .await?;
    Ok(to.map_or((None, None), |(client, origin)| (Some(client), origin)))
}
