//! Passkeys: keys of an authenticator, which a person's device or password manager keeps, and which
//! answer only to pages of this site.
//!
//! One that has checked a PIN or a body is enough to sign in, without an address or a password; one that
//! was only touched is a second factor after a password. What the standard asks of a relying party
//! stands in [`webauthn`]; here is what it needs of a store: challenges, which are good for one answer
//! ([`crate::challenges`]), and the keys.
//!
//! What it never does: take the site from a request, believe an answer to a challenge that was made for
//! somebody else or another sign-in, or tell whether a passkey is known.

mod answers;
mod config;
mod error;
mod options;
mod registering;
mod signing_in;
pub(crate) mod store;
pub(crate) mod webauthn;

use hanse_http::{Access, Draft, Method, op};

pub(crate) use answers::UsedCredential;
pub use config::PasskeyConfig;
pub use error::PasskeyError;
pub(crate) use options::RequestOptions;
pub(crate) use signing_in::{Asked, ask, prove};

use crate::service::Identity;

/// The operations of this module.
pub(crate) fn operations() -> Vec<Draft<Identity>> {
    let (public, user) = (Access::Public, Access::User);
    let large = 64 * 1024;
    vec![
        op(Method::GET, "/auth/passkeys", user, registering::list_passkeys)
            .summary("My passkeys"),
        op(Method::POST, "/auth/passkeys/begin", public, registering::begin_passkey)
            .summary("Begin to make a passkey")
            .description(
                "The answer is what `PublicKeyCredential.parseCreationOptionsFromJSON` takes.",
            ),
        op(Method::POST, "/auth/passkeys", public, registering::create_passkey)
            .body_limit(large)
            .summary("Keep the passkey that was made"),
        op(Method::PUT, "/auth/passkeys/{id}", user, registering::rename_passkey)
            .summary("Give a passkey another name"),
        op(Method::DELETE, "/auth/passkeys/{id}", user, registering::delete_passkey)
            .summary("Remove a passkey"),
        op(Method::POST, "/auth/passkeys/challenge", public, signing_in::challenge_passkey)
            .summary("Begin to use a passkey")
            .description(
                "The answer is what `PublicKeyCredential.parseRequestOptionsFromJSON` takes. With \
                 the `pending` token of a sign-in, the passkey is its second factor; with an access \
                 token, it proves again who one is; with neither, it signs in.",
            ),
        op(Method::POST, "/auth/login/passkey", public, signing_in::login_passkey)
            .body_limit(large)
            .summary("Sign in with a passkey, or show it as the second factor of a sign-in"),
        op(Method::POST, "/auth/reauthenticate/passkey", user, signing_in::reauthenticate_passkey)
            .body_limit(large)
            .summary("Prove again who I am, with a passkey"),
    ]
}
