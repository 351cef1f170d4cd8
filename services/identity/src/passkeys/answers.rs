//! What browsers answer (WebAuthn, section 5.1: the JSON of `PublicKeyCredential.toJSON`). Members that
//! are not listed are allowed by the standard, and mean nothing here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::webauthn::Invalid;

/// Ways to reach an authenticator that are kept of an answer.
const MOST_TRANSPORTS: usize = 8;

/// A new passkey.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, JsonSchema)]
pub struct NewCredential {
    /// The authenticator's name for it, in base64url.
    #[garde(length(min = 1, max = 1364))]
    pub id: String,
    /// What the authenticator said.
    #[garde(dive)]
    pub response: Attestation,
}

/// What the authenticator said of a new passkey.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, JsonSchema)]
pub struct Attestation {
    /// What the browser said, in base64url.
    #[serde(rename = "clientDataJSON")]
    #[garde(length(min = 1, max = 8192))]
    pub client_data: String,
    /// CBOR, in base64url.
    #[serde(rename = "attestationObject")]
    #[garde(length(min = 1, max = 16384))]
    pub attestation: String,
    /// How to reach the authenticator.
    #[serde(default)]
    #[garde(length(max = 16), inner(length(max = 32)))]
    pub transports: Vec<String>,
}

/// The use of a passkey.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, JsonSchema)]
pub struct UsedCredential {
    /// The authenticator's name for it, in base64url.
    #[garde(length(min = 1, max = 1364))]
    pub id: String,
    /// What the authenticator said.
    #[garde(dive)]
    pub response: AssertionResponse,
}

/// What the authenticator said when it was used.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, JsonSchema)]
pub struct AssertionResponse {
    /// What the browser said, in base64url.
    #[serde(rename = "clientDataJSON")]
    #[garde(length(min = 1, max = 8192))]
    pub client_data: String,
    /// In base64url.
    #[serde(rename = "authenticatorData")]
    #[garde(length(min = 1, max = 8192))]
    pub authenticator_data: String,
    /// In base64url.
    #[garde(length(min = 1, max = 2048))]
    pub signature: String,
    /// The account's id, in base64url, if the authenticator keeps it.
    #[serde(default, rename = "userHandle")]
    #[garde(length(max = 128))]
    pub user_handle: Option<String>,
}

/// A new passkey's bytes.
pub(super) struct NewBytes {
    pub(super) id: Vec<u8>,
    pub(super) client_data: Vec<u8>,
    pub(super) attestation: Vec<u8>,
    pub(super) transports: Vec<String>,
}

/// A used passkey's bytes.
pub(super) struct UsedBytes {
    pub(super) id: Vec<u8>,
    pub(super) client_data: Vec<u8>,
    pub(super) authenticator_data: Vec<u8>,
    pub(super) signature: Vec<u8>,
    /// The account's id, if there is one.
    pub(super) user: Option<Vec<u8>>,
}

impl NewCredential {
    pub(super) fn bytes(&self) -> Result<NewBytes, Invalid> {
        let known = |text: &&String| text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        let transports = self.response.transports.iter().filter(known).take(MOST_TRANSPORTS);
        Ok(NewBytes {
            id: bytes(&self.id)?,
            client_data: bytes(&self.response.client_data)?,
            attestation: bytes(&self.response.attestation)?,
            transports: transports.cloned().collect(),
        })
    }

    pub(super) fn example() -> Self {
        Self {
            id: "x3Ejq1vM0JkC6Y0yqU7b5w".into(),
            response: Attestation {
                client_data: "eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIn0".into(),
                attestation: "o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YUA".into(),
                transports: vec!["internal".into(), "hybrid".into()],
            },
        }
    }
}

impl UsedCredential {
    pub(super) fn bytes(&self) -> Result<UsedBytes, Invalid> {
        let user = self.response.user_handle.as_deref().filter(|text| !text.is_empty());
        Ok(UsedBytes {
            id: bytes(&self.id)?,
            client_data: bytes(&self.response.client_data)?,
            authenticator_data: bytes(&self.response.authenticator_data)?,
            signature: bytes(&self.response.signature)?,
            user: user.map(bytes).transpose()?,
        })
    }

    pub(super) fn example() -> Self {
        Self {
            id: "x3Ejq1vM0JkC6Y0yqU7b5w".into(),
            response: AssertionResponse {
                client_data: "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0In0".into(),
                authenticator_data: "SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2MFAAAAAA".into(),
                signature: "MEUCIQDcE2wJ".into(),
                user_handle: Some("AZVdOnwAcACAAAAAAAAAAQ".into()),
            },
        }
    }
}

fn bytes(text: &str) -> Result<Vec<u8>, Invalid> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Invalid)
}
