//! We are an OpenID provider: programs sign people in here, act for them within limits, or act by
//! themselves.
//!
//! The standards: OAuth 2.1 (authorization code with PKCE S256 only, client credentials, refresh),
//! RFC 8628 (devices), RFC 8693 (token exchange), RFC 7662 and 7009 (introspection, revocation),
//! RFC 9207 (`iss` in answers), OpenID Connect Core, Discovery, RP-Initiated and Back-Channel Logout.
//!
//! What a program gets is a session like any other ([`crate::session`]), begun by [`crate::mint`] with
//! the program's name and limits in it: refresh tokens are derived and rotate by the same rule, people
//! see it in their list of sessions, and ending it ends its tokens everywhere. What a token reaches is
//! checked by the kernel for every operation ([`hanse_http::Scope`]).
//!
//! What it never does: send anybody to an address that is not exactly a registered one, take a plain
//! PKCE challenge, give a token by the front channel, or keep a secret as it is.

pub mod admin;
mod alone;
mod authorize;
pub(crate) mod backchannel;
pub mod client;
mod client_auth;
mod clients;
mod code_grant;
mod codes;
mod consents;
mod device_pages;
mod devices;
mod discovery;
mod exchange;
mod grants;
mod id_token;
mod introspect;
mod logout;
mod my_consents;
mod refresh;
mod reply;
mod request;
mod scopes;
mod token;
mod userinfo;

use hanse_http::{Access, Draft, Method, Role, op};
use hanse_store::{Result, Tx};

pub(crate) use authorize::destination;

use crate::pages::PAGES;
use crate::service::Identity;

const OAUTH: &str = "OAuth 2.1";
const OPENID: &str = "OpenID Connect Core 1.0";

/// The operations of the provider.
pub(crate) fn operations() -> Vec<Draft<Identity>> {
    [protocol(), pages(), management()].into_iter().flatten().collect()
}

/// What programs call.
fn protocol() -> Vec<Draft<Identity>> {
    let public = Access::Public;
    vec![
        op(Method::GET, "/.well-known/openid-configuration", public, discovery::get_provider)
            .standard(OPENID),
        op(
            Method::GET,
            "/.well-known/oauth-authorization-server",
            public,
            discovery::get_authorization_server,
        )
        .standard("RFC 8414"),
        op(Method::POST, "/oauth/token", public, token::issue_token)
            .body_limit(16 * 1024)
            .standard(OAUTH),
        op(Method::POST, "/oauth/device-authorization", public, device_pages::begin_device)
            .body_limit(16 * 1024)
            .standard("RFC 8628"),
        op(Method::POST, "/oauth/introspect", public, introspect::introspect_token)
            .body_limit(16 * 1024)
            .standard("RFC 7662"),
        op(Method::POST, "/oauth/revoke", public, introspect::revoke_token)
            .body_limit(16 * 1024)
            .standard("RFC 7009"),
        op(Method::GET, "/oauth/userinfo", Access::User, userinfo::get_userinfo)
            .scope("openid")
            .standard(OPENID),
        op(Method::POST, "/oauth/userinfo", Access::User, userinfo::post_userinfo)
            .scope("openid")
            .standard(OPENID),
    ]
}

/// What browsers are sent to.
fn pages() -> Vec<Draft<Identity>> {
    let public = Access::Public;
    let small = 16 * 1024;
    vec![
        op(Method::GET, "/oauth/authorize", public, authorize::authorize_client).standard(OAUTH),
        op(Method::POST, "/oauth/consent", public, authorize::submit_consent)
            .body_limit(small)
            .standard(PAGES),
        op(Method::GET, "/oauth/device", public, device_pages::show_device).standard(PAGES),
        op(Method::POST, "/oauth/device", public, device_pages::submit_device)
            .body_limit(small)
            .standard(PAGES),
        op(Method::GET, "/oauth/logout", public, logout::show_logout).standard(OPENID),
        op(Method::POST, "/oauth/logout", public, logout::submit_logout)
            .body_limit(small)
            .standard(PAGES),
    ]
}

/// What administrators and owners call.
fn management() -> Vec<Draft<Identity>> {
    let admin = Access::Role(Role::Admin);
    vec![
        op(Method::POST, "/oauth/clients", admin, admin::create_client)
            .summary("Register a program that signs people in here, or acts by itself")
            .description("The answer holds its secret, which is never shown again."),
        op(Method::GET, "/oauth/clients", admin, admin::list_clients)
            .summary("Registered programs, newest first"),
        op(Method::PUT, "/oauth/clients/{id}", admin, admin::replace_client)
            .summary("Change a program"),
        op(Method::DELETE, "/oauth/clients/{id}", admin, admin::delete_client)
            .summary("Remove a program and end its tokens"),
        op(Method::POST, "/oauth/clients/{id}/secret", admin, admin::rotate_client_secret)
            .summary("Give a program a new secret"),
        op(Method::GET, "/oauth/consents", Access::User, my_consents::list_consents)
            .summary("Programs that I have let in"),
        op(Method::DELETE, "/oauth/consents/{id}", Access::User, my_consents::delete_consent)
            .summary("Take back what I have allowed a program")
            .description("Its sessions end at once."),
    ]
}

/// Forgets what is over.
pub(crate) async fn forget_old(tx: &mut Tx) -> Result<()> {
    codes::forget_old(tx).await?;
    devices::forget_old(tx).await?;
    grants::forget_ended(tx).await?;
    crate::pages::browser::forget_ended(tx).await
}

/// Forgets what somebody has allowed who is being deleted.
pub(crate) async fn forget_user(tx: &mut Tx, user: uuid::Uuid) -> Result<()> {
    consents::forget_user(tx, user).await?;
    grants::forget_user(tx, user).await
}
