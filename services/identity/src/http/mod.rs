//! The operations of identity.

mod administrator;
mod device;
mod errors;
mod jwks;
mod me;
mod password;
mod registration;
mod session;
mod sign_in;
mod trust;

use hanse_http::{Access, Draft, Method, op};

pub(crate) use device::UserAgent;
pub(crate) use errors::{PasswordError, ProfileError};
pub(crate) use session::{Advance, advance};

use crate::service::Identity;

/// The service's own operations with their access policies.
pub(crate) fn operations() -> Vec<Draft<Identity>> {
    let public = Access::Public;
    let user = Access::User;
    vec![
        op(Method::POST, "/auth/register", public, registration::register_user)
            .summary("Make an account and sign in"),
        op(Method::POST, "/auth/login", public, sign_in::login_user).summary("Sign in"),
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
        op(Method::GET, "/users/me", user, me::get_me).summary("My account"),
        op(Method::PUT, "/users/me", user, me::replace_me).summary("Change my account"),
        op(Method::DELETE, "/users/me", user, me::delete_me)
            .summary("Delete my account and everything that belongs to it"),
        op(Method::GET, "/auth/profile", user, me::get_profile).summary("My account"),
        op(Method::PUT, "/auth/profile", user, me::replace_profile).summary("Change my account"),
        op(Method::GET, "/.well-known/jwks.json", public, jwks::list_keys)
            .summary("Keys that access tokens can be verified with"),
        op(Method::GET, "/auth/trust", Access::Peer, trust::get_trust)
            .summary("What other processes of this installation need to verify tokens"),
    ]
}
