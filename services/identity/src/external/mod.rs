//! Signing in by an issuer elsewhere: Google, GitHub, or any OpenID provider.
//!
//! The browser goes there with a state, a nonce and a PKCE challenge that a sealed cookie binds to it,
//! and comes back with a code. What the issuer says is believed only as far as it is signed, for us, by
//! that issuer, now, in answer to this browser ([`id_token`]).
//!
//! An account elsewhere is known by the issuer's own name for it, never by its address. The first time,
//! an address that the issuer has verified may lead to an account here: to a new one when there is none,
//! to the one there is only if that has verified its address too *and* its password is typed. So nobody
//! captures an account by making one elsewhere, nor by having made one here before its owner came.
//!
//! What it never does: take the issuer from a token, follow a redirection, or link silently.

mod config;
mod doors;
pub mod id_token;
mod identities;
mod issuer;
mod journey;
mod links;

use hanse_http::{Access, Draft, Method, op};

pub use config::{IssuerConfig, IssuerKind};
pub(crate) use doors::{confirmed, link_confirmed};
pub(crate) use identities::forget_user;
pub(crate) use issuer::Issuers;
pub(crate) use journey::forget;

use crate::pages::PAGES;
use crate::service::Identity;

/// The operations of this module.
pub(crate) fn operations() -> Vec<Draft<Identity>> {
    let (public, small) = (Access::Public, 16 * 1024);
    vec![
        op(Method::GET, "/oauth/external/{id}", public, doors::begin_external).standard(PAGES),
        op(Method::GET, "/oauth/external/{id}/callback", public, doors::finish_external)
            .standard(PAGES),
        op(Method::POST, "/oauth/external-link", public, doors::link_external)
            .body_limit(small)
            .standard(PAGES),
        op(Method::GET, "/auth/external-identities", Access::User, links::list_external_identities)
            .summary("Accounts elsewhere that sign in to mine"),
        op(
            Method::DELETE,
            "/auth/external-identities/{id}",
            Access::User,
            links::delete_external_identity,
        )
        .summary("End the link to an account elsewhere")
        .description("Not the last way in: an account without a password keeps one."),
    ]
}
