//! The operations of identity.

pub(crate) mod address;
mod administrator;
mod continuing;
mod device;
mod errors;
mod factors;
mod jwks;
mod me;
mod password;
mod preferences;
pub(crate) mod recovery;
mod registration;
mod renewal;
mod session;
pub(crate) mod shown;
mod sign_in;
mod trust;

use hanse_http::{Access, Draft, Method, op};

pub(crate) use device::UserAgent;
pub(crate) use errors::{AccountError, FactorError, LinkError, PasswordError, ProfileError};
pub(crate) use factors::{FactorSetup, begin_totp, confirm_for, send_for};
pub(crate) use renewal::{PasswordAge, RenewalError, Renewed, entry};
pub(crate) use session::{Advance, advance};
pub(crate) use sign_in::{Tried, try_password};

use crate::service::Identity;

/// All operations with their access policies, by module (see
/// docs/adr/0014-how-operations-are-counted.md).
pub(crate) fn operations() -> Vec<Draft<Identity>> {
    let mut all = signing_in();
    all.extend(account());
    all.extend(second_factors());
    all.extend(crate::passkeys::operations());
    all.extend(crate::administration::operations());
    all.extend(crate::machines::operations());
    all
}

/// Second factors.
fn second_factors() -> Vec<Draft<Identity>> {
    let public = Access::Public;
    let user = Access::User;
    vec![
        op(Method::GET, "/auth/factors", user, factors::list_factors).summary("My second factors"),
        op(Method::POST, "/auth/factors", public, factors::create_factor)
            .summary("Begin to set up a second factor"),
        op(Method::POST, "/auth/factors/confirm", public, factors::confirm_factor)
            .summary("Set up a second factor by its first code"),
        op(Method::DELETE, "/auth/factors/{factor}", user, factors::delete_factor)
            .summary("Remove a second factor"),
        op(Method::POST, "/auth/factors/send", public, factors::send_code)
            .summary("Send a code by mail or as a text message"),
        op(Method::POST, "/auth/recovery-codes", user, factors::create_recovery_codes)
            .summary("Make new recovery codes"),
        op(Method::POST, "/auth/reauthenticate", user, continuing::reauthenticate)
            .summary("Prove again who I am"),
    ]
}

/// Signing in: sessions, and what proves who one is first.
fn signing_in() -> Vec<Draft<Identity>> {
    let public = Access::Public;
    let user = Access::User;
    vec![
        op(Method::POST, "/auth/register", public, registration::register_user)
            .summary("Make an account and sign in"),
        op(Method::POST, "/auth/login", public, sign_in::login_user).summary("Sign in"),
        op(Method::POST, "/auth/login/continue", public, continuing::continue_login)
            .summary("Show the second factor of a sign-in"),
        op(Method::POST, "/auth/login/new-password", public, renewal::renew_password)
            .summary("Choose another password, where the old one is too old, and sign in"),
        op(Method::POST, "/auth/reset-password", public, recovery::reset_password)
            .summary("Send a link for a new password to an address, if it has an account"),
        op(Method::POST, "/auth/reset-password/confirm", public, recovery::confirm_reset)
            .summary("Set a new password by a link"),
        op(Method::POST, "/auth/email", user, address::change_email)
            .summary("Send a link to my address, to verify it, or to another, to change to it"),
        op(Method::POST, "/auth/email/confirm", public, address::verify_email)
            .summary("Verify an address by a link"),
        op(Method::POST, "/auth/refresh", public, session::refresh_session)
            .summary("Get the next pair of tokens")
            .description(
                "Each refresh token is good once. The one before the current one is \
                         answered with the same successor for ten seconds; any older one ends the \
                         session.",
            ),
        op(Method::POST, "/auth/logout", user, session::logout_user).summary("End this session"),
        op(Method::POST, "/auth/change-password", user, password::change_password)
            .summary("Set a new password and end all other sessions"),
        op(Method::POST, "/auth/setup", public, administrator::create_administrator)
            .summary("Make the first administrator with a one-time token"),
        op(Method::GET, "/auth/sessions", user, session::list_sessions)
            .summary("My live sessions, newest first"),
        op(Method::DELETE, "/auth/sessions/{id}", user, session::delete_session)
            .summary("End one of my sessions"),
        op(Method::GET, "/.well-known/jwks.json", public, jwks::list_keys)
            .summary("Keys that access tokens can be verified with"),
        op(Method::GET, "/auth/trust", Access::Peer, trust::get_trust)
            .summary("What other processes of this installation need to verify tokens"),
    ]
}

/// One's own account.
fn account() -> Vec<Draft<Identity>> {
    let user = Access::User;
    vec![
        op(Method::GET, "/users/me", user, me::get_me).summary("My account"),
        op(Method::PUT, "/users/me", user, me::replace_me).summary("Change my account"),
        op(Method::DELETE, "/users/me", user, me::delete_me)
            .summary("Delete my account and everything that belongs to it"),
        op(Method::GET, "/users/me/preferences", user, preferences::get_preferences)
            .summary("What I prefer"),
        op(Method::PUT, "/users/me/preferences", user, preferences::replace_preferences)
            .summary("Replace what I prefer"),
        op(Method::GET, "/auth/profile", user, me::get_profile).summary("My account"),
        op(Method::PUT, "/auth/profile", user, me::replace_profile).summary("Change my account"),
    ]
}
