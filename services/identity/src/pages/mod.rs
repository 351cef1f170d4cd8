//! The pages that people see: signing in, a second factor, a forgotten password, consent, a device's
//! code, signing out.
//!
//! They are made here from templates that escape everything, run no script and load nothing, but for the
//! page that uses a passkey ([`passkey`]). A form is
//! only taken from the browser that it was given to ([`forms`]), and whoever is signed in is known by a
//! cookie that names a session like any other ([`browser`]): ending it in the list of sessions signs the
//! browser out.
//!
//! Where a page leads on is never free text: [`next`] takes addresses of ours only.

pub(crate) mod browser;
mod enrolment;
pub(crate) mod entering;
pub(crate) mod forms;
mod letters;
mod new_password;
pub(crate) mod next;
mod passkey;
mod render;
mod second_factor;
pub(crate) mod sign_in;

use hanse_http::{Access, Draft, Method, op};

pub(crate) use render::{Pages, message};

use crate::service::Identity;

/// What describes these operations instead of the OpenAPI document.
pub(crate) const PAGES: &str = "pages for people";

/// The operations of this module.
pub(crate) fn operations() -> Vec<Draft<Identity>> {
    let (public, small, large) = (Access::Public, 16 * 1024, 64 * 1024);
    let all = vec![
        op(Method::GET, "/oauth/sign-in", public, sign_in::show_sign_in),
        op(Method::POST, "/oauth/sign-in", public, sign_in::submit_sign_in).body_limit(small),
        op(Method::GET, "/oauth/second-factor", public, second_factor::show_second_factor),
        op(Method::POST, "/oauth/second-factor", public, second_factor::submit_second_factor)
            .body_limit(small),
        op(Method::POST, "/oauth/second-factor/send", public, second_factor::send_second_factor)
            .body_limit(small),
        op(Method::GET, "/oauth/enrolment", public, enrolment::show_enrolment),
        op(Method::POST, "/oauth/enrolment/begin", public, enrolment::begin_enrolment)
            .body_limit(small),
        op(Method::POST, "/oauth/enrolment", public, enrolment::submit_enrolment).body_limit(small),
        op(Method::GET, "/oauth/new-password", public, new_password::show_new_password),
        op(Method::POST, "/oauth/new-password", public, new_password::submit_new_password)
            .body_limit(small),
        op(Method::GET, "/oauth/passkey.js", public, passkey::get_passkey_script),
        op(Method::POST, "/oauth/passkey", public, passkey::begin_passkey_page).body_limit(small),
        op(Method::POST, "/oauth/passkey/finish", public, passkey::finish_passkey_page)
            .body_limit(large),
        op(Method::GET, "/oauth/forgotten", public, letters::show_forgotten),
        op(Method::POST, "/oauth/forgotten", public, letters::submit_forgotten).body_limit(small),
        op(Method::GET, "/oauth/reset-password", public, letters::show_reset),
        op(Method::POST, "/oauth/reset-password", public, letters::submit_reset).body_limit(small),
        op(Method::GET, "/oauth/verify-email", public, letters::show_verify),
        op(Method::POST, "/oauth/verify-email", public, letters::submit_verify).body_limit(small),
    ];
    all.into_iter().map(|draft| draft.standard(PAGES)).collect()
}
