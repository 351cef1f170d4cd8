//! What the mint says to somebody who signs in with a browser, and the sign-in that waits for its second
//! factor.
//!
//! It waits in the browser: a cookie holds the pending token, which is sealed and good for ten minutes.
//! Nothing of it is stored here, and nothing of it stands in an address.

use hanse_http::{Cx, Html, SetCookie, Visit};
use hanse_store::{Result, StoreError, Tx};

use super::{browser, next};
use crate::mint::{Minted, Opened, open};
use crate::service::Identity;

/// The page that asks for the second factor.
pub(crate) const SECOND_FACTOR: &str = "/oauth/second-factor";
/// The page that sets one up.
const ENROLMENT: &str = "/oauth/enrolment";
const COOKIE: &str = "pending";

/// What came of a sign-in.
pub(crate) enum Entered {
    /// Signed in: the browser's cookie.
    In(SetCookie),
    /// A second factor is needed: the cookie of the sign-in that waits.
    More(SetCookie),
    /// The account has to set up a factor first: the cookie of the sign-in that waits for it.
    Enrol(SetCookie),
    /// The account may not sign in.
    Refused,
}

/// Signs the browser in if the mint has made a session.
pub(crate) async fn enter(tx: &mut Tx, minted: &Minted) -> Result<Entered> {
    Ok(match minted {
        Minted::Session(begun) => Entered::In(browser::begin(tx, begun.session.id).await?),
        Minted::Pending(pending) => {
            let cookie = SetCookie::lasting(COOKIE, &pending.pending, pending.expires_in);
            if pending.enrol { Entered::Enrol(cookie) } else { Entered::More(cookie) }
        }
        Minted::Refused => Entered::Refused,
    })
}

/// The sign-in that waits in this browser.
pub(crate) fn waiting(cx: &Cx<Identity>, visit: &Visit) -> Option<Opened> {
    open(&cx.app.home.sealer, visit.cookie(COOKIE)?, cx.now())
}

/// To the page that asks for the second factor.
pub(crate) fn ask_for_more(cookie: SetCookie, next: &str) -> Html {
    Html::see_other(&next::page(SECOND_FACTOR, &[("next", next)])).cookie(cookie)
}

/// To the page that sets a factor up.
pub(crate) fn ask_to_enrol(cookie: SetCookie, next: &str) -> Html {
    Html::see_other(&next::page(ENROLMENT, &[("next", next)])).cookie(cookie)
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
