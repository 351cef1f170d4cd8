//! What this issuer can do (OpenID Connect Discovery; RFC 8414).

use hanse_http::{Cx, Json};
use hanse_store::StoreError;
use schemars::JsonSchema;
use serde::Serialize;

use super::client::Grant;
use crate::service::Identity;

/// The provider's description of itself.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Provider {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: String,
    jwks_uri: String,
    introspection_endpoint: String,
    revocation_endpoint: String,
    end_session_endpoint: String,
    device_authorization_endpoint: String,
    scopes_supported: Vec<&'static str>,
    response_types_supported: Vec<&'static str>,
    response_modes_supported: Vec<&'static str>,
    grant_types_supported: Vec<&'static str>,
    subject_types_supported: Vec<&'static str>,
    id_token_signing_alg_values_supported: Vec<&'static str>,
    token_endpoint_auth_methods_supported: Vec<&'static str>,
    introspection_endpoint_auth_methods_supported: Vec<&'static str>,
    revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    code_challenge_methods_supported: Vec<&'static str>,
    claims_supported: Vec<&'static str>,
    acr_values_supported: Vec<&'static str>,
    prompt_values_supported: Vec<&'static str>,
    authorization_response_iss_parameter_supported: bool,
    backchannel_logout_supported: bool,
    backchannel_logout_session_supported: bool,
    claims_parameter_supported: bool,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
}

/// The description, under OpenID's address.
pub async fn get_provider(cx: Cx<Identity>) -> Result<Json<Provider>, StoreError> {
    let (issuer, _) = cx.app.verifier.names();
    let base = issuer.trim_end_matches('/');
    let at = |path: &str| format!("{base}{path}");
    let auth = vec!["client_secret_basic", "client_secret_post", "none"];
    let secret = vec!["client_secret_basic", "client_secret_post"];
    Ok(Json(Provider {
        issuer: issuer.to_owned(),
        authorization_endpoint: at("/oauth/authorize"),
        token_endpoint: at("/oauth/token"),
        userinfo_endpoint: at("/oauth/userinfo"),
        jwks_uri: at("/.well-known/jwks.json"),
        introspection_endpoint: at("/oauth/introspect"),
        revocation_endpoint: at("/oauth/revoke"),
        end_session_endpoint: at("/oauth/logout"),
        device_authorization_endpoint: at("/oauth/device-authorization"),
        scopes_supported: vec!["openid", "profile", "email", "roles", "offline_access"],
        response_types_supported: vec!["code"],
        response_modes_supported: vec!["query"],
        grant_types_supported: Grant::ALL.iter().map(|grant| grant.name()).collect(),
        subject_types_supported: vec!["public"],
        id_token_signing_alg_values_supported: vec!["EdDSA", "RS256"],
        token_endpoint_auth_methods_supported: auth.clone(),
        introspection_endpoint_auth_methods_supported: secret,
        revocation_endpoint_auth_methods_supported: auth,
        code_challenge_methods_supported: vec!["S256"],
        claims_supported: vec![
            "sub",
            "iss",
            "aud",
            "exp",
            "iat",
            "auth_time",
            "nonce",
            "acr",
            "amr",
            "azp",
            "sid",
            "name",
            "updated_at",
            "email",
            "email_verified",
            "roles",
        ],
        acr_values_supported: vec!["aal1", "aal2", "phr"],
        prompt_values_supported: vec!["none", "login", "consent", "select_account"],
        authorization_response_iss_parameter_supported: true,
        backchannel_logout_supported: true,
        backchannel_logout_session_supported: true,
        claims_parameter_supported: false,
        request_parameter_supported: false,
        request_uri_parameter_supported: false,
    }))
}

/// The same under OAuth's address.
pub async fn get_authorization_server(cx: Cx<Identity>) -> Result<Json<Provider>, StoreError> {
    get_provider(cx).await
}
