//! Forms that only the browser they were given to can send back (WEB-01).
//!
//! Every browser that sees a form has a cookie with a number of its own, which means nothing else. The
//! form carries a token that is sealed for that number and that form. A site that makes somebody's
//! browser send a form has neither.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hanse_http::{Home, SetCookie, Visit};
use jiff::{SignedDuration, Timestamp};

use crate::session::after;

const COOKIE: &str = "browser";
/// How long a page may lie open.
const OPEN: SignedDuration = SignedDuration::from_hours(2);

/// A token for a form, and the cookie of a browser that has none yet.
pub(crate) struct FormToken {
    pub(crate) token: String,
    pub(crate) cookie: Option<SetCookie>,
}

/// A token for this form in this browser.
pub(crate) fn token(home: &Home, visit: &Visit, form: &str) -> FormToken {
    let known = visit.cookie(COOKIE).filter(|number| is_number(number));
    let (number, cookie) = match known {
        Some(number) => (number.to_owned(), None),
        None => {
            let number = URL_SAFE_NO_PAD.encode(home.db.ids().random::<24>());
            let cookie = SetCookie::new(COOKIE, &number);
            (number, Some(cookie))
        }
    };
    let ends = after(home.db.clock().now(), OPEN);
    FormToken { token: home.sealer.seal(&purpose(form, &number), &ends), cookie }
}

/// Was this form given to this browser, and sent by a page of ours?
pub(crate) fn is_genuine(home: &Home, visit: &Visit, form: &str, token: &str) -> bool {
    let number = visit.cookie(COOKIE).filter(|number| is_number(number));
    let Some(number) = number.filter(|_| visit.is_ours()) else { return false };
    let ends = home.sealer.open::<Timestamp>(&purpose(form, number), token);
    ends.is_ok_and(|ends| ends > home.db.clock().now())
}

fn is_number(text: &str) -> bool {
    text.len() == 32
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn purpose(form: &str, number: &str) -> String {
    format!("form {form} {number}")
}
