//! The pages that people see: signing in, a second factor, consent, a device's code, signing out.
//!
//! They are made here from templates that escape everything, run no script and load nothing. A form is
//! only taken from the browser that it was given to ([`forms`]), and whoever is signed in is known by a
//! cookie that names a session like any other ([`browser`]): ending it in the list of sessions signs the
//! browser out.
//!
//! Where a page leads on is never free text: [`next`] takes addresses of ours only.

pub(crate) mod browser;
pub(crate) mod forms;
pub(crate) mod next;
mod render;
pub(crate) mod sign_in;

use hanse_http::{Access, Draft, Method, op};

pub(crate) use render::{Pages, message};

use crate::service::Identity;

/// What describes these operations instead of the OpenAPI document.
pub(crate) const PAGES: &str = "pages for people";

/// The operations of this module.
pub(crate) fn operations() -> Vec<Draft<Identity>> {
    vec![
        op(Method::GET, "/oauth/sign-in", Access::Public, sign_in::show_sign_in).standard(PAGES),
        op(Method::POST, "/oauth/sign-in", Access::Public, sign_in::submit_sign_in)
            .body_limit(16 * 1024)
            .standard(PAGES),
    ]
}
