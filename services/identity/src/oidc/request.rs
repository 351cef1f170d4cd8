//! A request to sign somebody in for a program (RFC 6749, section 4.1.1; OpenID Connect Core, 3.1.2.1).

use garde::Validate;
use hanse_http::Scope;
use hanse_store::{StoreError, Tx};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::client::{Client, Grant};
use super::clients;
use crate::mint::Assurance;

/// The request as it comes. What is not known is ignored, as the standard asks.
#[derive(Clone, Debug, Default, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(default)]
pub struct AuthorizeQuery {
    /// The program.
    #[garde(length(max = 64))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Where the person is sent back to: exactly one of those that are registered.
    #[garde(length(max = 512))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_uri: Option<String>,
    /// `code`.
    #[garde(length(max = 64))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_type: Option<String>,
    /// `query`.
    #[garde(length(max = 64))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_mode: Option<String>,
    /// What is asked for.
    #[garde(length(max = 512))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Comes back as it is.
    #[garde(length(max = 1024))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Comes back in the ID token.
    #[garde(length(max = 512))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// SHA-256 of the verifier (RFC 7636).
    #[garde(length(max = 128))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_challenge: Option<String>,
    /// `S256`.
    #[garde(length(max = 16))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_challenge_method: Option<String>,
    /// `none`, `login`, `consent`, `select_account`.
    #[garde(length(max = 64))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// Seconds since the person has last proven who they are.
    #[garde(length(max = 16))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<String>,
    /// How well they should have.
    #[garde(length(max = 128))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr_values: Option<String>,
    /// The address that is filled in.
    #[garde(length(max = 320))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_hint: Option<String>,
    /// Not taken.
    #[garde(length(max = 4096))]
    #[serde(skip_serializing)]
    pub request: Option<String>,
    /// Not taken.
    #[garde(length(max = 512))]
    #[serde(skip_serializing)]
    pub request_uri: Option<String>,
}

/// A request that was checked.
pub(super) struct Asked {
    pub(super) client: Client,
    pub(super) redirect_uri: String,
    pub(super) scope: Scope,
    pub(super) challenge: String,
    pub(super) max_age: Option<i64>,
    pub(super) query: AuthorizeQuery,
}

/// Why a request is not served.
pub(super) enum Refusal {
    /// The person is told, and sent nowhere: the address cannot be trusted.
    Here(&'static str),
    /// The program is told by sending the person back.
    Back { address: String, error: &'static str, description: &'static str },
}

impl AuthorizeQuery {
    /// Checks the request. Nobody is sent to an address before it is known to be the program's
    /// (AUTN-15).
    pub(super) async fn check(&self, tx: &mut Tx) -> Result<Result<Asked, Refusal>, StoreError> {
        let id = self.client_id.as_deref().and_then(|id| id.parse().ok());
        let client = match id {
            Some(id) => clients::find(tx, id).await?,
            None => None,
        };
        let Some(client) = client.filter(|client| client.may(Grant::AuthorizationCode)) else {
            return Ok(Err(Refusal::Here("The application that sent you here is not known.")));
        };
        let address = self.redirect_uri.clone().unwrap_or_default();
        if !client.may_redirect_to(&address) {
            let text = "The application that sent you here gave an address that is not registered.";
            return Ok(Err(Refusal::Here(text)));
        }
        Ok(self.check_rest(client, address))
    }

    fn check_rest(&self, client: Client, address: String) -> Result<Asked, Refusal> {
        let back = |error, description| {
            Err(Refusal::Back { address: address.clone(), error, description })
        };
        if self.request.is_some() {
            return back("request_not_supported", "request objects are not taken");
        }
        if self.request_uri.is_some() {
            return back("request_uri_not_supported", "request objects are not taken");
        }
        if self.response_type.as_deref() != Some("code") {
            return back("unsupported_response_type", "response_type must be code");
        }
        if self.response_mode.as_deref().is_some_and(|mode| mode != "query") {
            return back("invalid_request", "response_mode must be query");
        }
        let challenge = self.code_challenge.clone().unwrap_or_default();
        if self.code_challenge_method.as_deref() != Some("S256") || !is_challenge(&challenge) {
            return back("invalid_request", "PKCE with S256 is required");
        }
        let Ok(scope) = Scope::parse(self.scope.as_deref().unwrap_or_default()) else {
            return back("invalid_scope", "the scope cannot be read");
        };
        if scope.permissions().is_empty() || !client.scope.contains(&scope) {
            return back(
                "invalid_scope",
                "the scope is empty, or more than the client may ask for",
            );
        }
        let max_age = self.max_age.as_deref().map(str::parse::<u32>);
        let Ok(max_age) = max_age.transpose() else {
            return back("invalid_request", "max_age is a number of seconds");
        };
        let prompts = self.prompt.as_deref().unwrap_or_default();
        let known = ["none", "login", "consent", "select_account"];
        let unknown = prompts.split_ascii_whitespace().any(|prompt| !known.contains(&prompt));
        if unknown || (self.prompts("none") && prompts.trim() != "none") {
            return back("invalid_request", "prompt is not one that there is");
        }
        Ok(Asked {
            client,
            redirect_uri: address,
            scope,
            challenge,
            max_age: max_age.map(i64::from),
            query: self.clone(),
        })
    }

    /// How well the person must have proven who they are: the least of those that the program names.
    /// Names that are not known mean nothing.
    pub(super) fn least(&self) -> Assurance {
        let named = self.acr_values.as_deref().unwrap_or_default().split_ascii_whitespace();
        named.filter_map(Assurance::parse).min().unwrap_or_default()
    }

    pub(super) fn prompts(&self, name: &str) -> bool {
        self.prompt.as_deref().is_some_and(|text| text.split_ascii_whitespace().any(|p| p == name))
    }

    /// The same request when this prompt has been answered.
    pub(super) fn without_prompt(&self, names: &[&str]) -> Self {
        let left = self.prompt.as_deref().map(|text| {
            let left = text.split_ascii_whitespace().filter(|prompt| !names.contains(prompt));
            left.collect::<Vec<_>>().join(" ")
        });
        Self { prompt: left.filter(|left| !left.is_empty()), ..self.clone() }
    }
}

/// The address with more in its query, and who answers (RFC 9207).
pub(super) fn answer(
    address: &str,
    issuer: &str,
    state: Option<&str>,
    pairs: &[(&str, &str)],
) -> String {
    let mut pairs = pairs.to_vec();
    if let Some(state) = state {
        pairs.push(("state", state));
    }
    pairs.push(("iss", issuer));
    let query = serde_urlencoded::to_string(&pairs).unwrap_or_default();
    let mark = if address.contains('?') { '&' } else { '?' };
    format!("{address}{mark}{query}")
}

/// base64url of 32 bytes.
fn is_challenge(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}
