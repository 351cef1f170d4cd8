//! What browsers and authenticators are asked, in the standard's own words (WebAuthn, section 5.1: the
//! JSON that `PublicKeyCredential.parseCreationOptionsFromJSON` and `parseRequestOptionsFromJSON` take).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::Serialize;

use super::store::Passkey;
use super::webauthn::{ALGORITHMS, Verification};
use crate::account::Account;
use crate::challenges::PASSKEY;

/// The kind of every credential.
const KIND: &str = "public-key";

/// What to make a passkey with: `navigator.credentials.create`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreationOptions {
    /// Base64url; good for one answer, for five minutes.
    pub challenge: String,
    /// For which site.
    pub rp: RelyingParty,
    /// For whom.
    pub user: UserEntity,
    /// Kinds of keys, the best first.
    pub pub_key_cred_params: Vec<KeyParameters>,
    /// Milliseconds that it may take.
    pub timeout: u64,
    /// Passkeys that the account has: an authenticator makes no second one beside them.
    pub exclude_credentials: Vec<Descriptor>,
    /// What the authenticator should be able to do.
    pub authenticator_selection: Selection,
    /// Always `none`: where it was made is not asked.
    pub attestation: &'static str,
}

/// The site of a passkey.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RelyingParty {
    /// Its domain.
    pub id: String,
    /// Its name.
    pub name: &'static str,
}

/// The account of a passkey.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserEntity {
    /// The account's id, in base64url.
    pub id: String,
    /// Its address.
    pub name: String,
    /// Its owner's name.
    pub display_name: String,
}

/// A kind of key.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct KeyParameters {
    /// Always `public-key`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The number of a COSE algorithm.
    pub alg: i64,
}

/// A passkey, for browsers to look for.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Descriptor {
    /// Always `public-key`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The authenticator's name for it, in base64url.
    pub id: String,
    /// How to reach the authenticator.
    pub transports: Vec<String>,
}

/// What an authenticator should be able to do.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Selection {
    /// `preferred`: it can be found without the address of the account, if the authenticator has room.
    pub resident_key: &'static str,
    /// `preferred`: it asks for a PIN or a body, if it can.
    pub user_verification: &'static str,
}

/// What to use a passkey with: `navigator.credentials.get`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestOptions {
    /// Base64url; good for one answer, for five minutes.
    pub challenge: String,
    /// For which site.
    pub rp_id: String,
    /// Milliseconds that it may take.
    pub timeout: u64,
    /// Which passkeys; any when there are none.
    pub allow_credentials: Vec<Descriptor>,
    /// `required` or `preferred`.
    pub user_verification: &'static str,
}

impl CreationOptions {
    pub(super) fn new(
        challenge: String,
        domain: &str,
        account: &Account,
        passkeys: &[Passkey],
    ) -> Self {
        Self {
            challenge,
            rp: RelyingParty { id: domain.to_owned(), name: "Hanse" },
            user: UserEntity {
                id: URL_SAFE_NO_PAD.encode(account.id.as_bytes()),
                name: account.email.clone(),
                display_name: account.name.clone(),
            },
            pub_key_cred_params: ALGORITHMS
                .iter()
                .map(|alg| KeyParameters { kind: KIND, alg: *alg })
                .collect(),
            timeout: timeout(),
            exclude_credentials: passkeys.iter().map(Descriptor::of).collect(),
            authenticator_selection: Selection {
                resident_key: "preferred",
                user_verification: "preferred",
            },
            attestation: "none",
        }
    }
}

impl RequestOptions {
    pub(super) fn new(
        challenge: String,
        domain: &str,
        passkeys: &[Passkey],
        verification: Verification,
    ) -> Self {
        Self {
            challenge,
            rp_id: domain.to_owned(),
            timeout: timeout(),
            allow_credentials: passkeys.iter().map(Descriptor::of).collect(),
            user_verification: match verification {
                Verification::Required => "required",
                Verification::Preferred => "preferred",
            },
        }
    }
}

impl Descriptor {
    fn of(passkey: &Passkey) -> Self {
        Self {
            kind: KIND,
            id: URL_SAFE_NO_PAD.encode(&passkey.credential_id),
            transports: passkey.transports.clone(),
        }
    }
}

fn timeout() -> u64 {
    u64::try_from(PASSKEY.as_millis()).unwrap_or_default()
}
