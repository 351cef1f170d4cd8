//! Issuers that people may sign in by.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How an issuer speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IssuerKind {
    /// OpenID Connect, by discovery.
    #[default]
    Openid,
    /// GitHub, which has no ID tokens.
    Github,
}

/// An issuer that people may sign in by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct IssuerConfig {
    /// Its name in addresses here, such as `google`. What is linked is linked to this name.
    pub id: String,
    /// Its name on the page.
    pub name: String,
    /// How it speaks.
    pub kind: IssuerKind,
    /// Its address, exactly as it calls itself: `https://accounts.google.com`. For GitHub, the address
    /// of the API, `https://api.github.com`, or that of an own installation.
    pub issuer: String,
    /// What it knows us by.
    pub client_id: String,
    /// File of the secret that goes with it.
    pub client_secret_file: String,
}

impl IssuerConfig {
    /// Mistakes that types cannot express, as (key, what is wrong).
    #[must_use]
    pub fn mistakes(issuers: &[Self]) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let mut wrong = |key: &str, what: &str| found.push((key.to_owned(), what.to_owned()));
        for (place, issuer) in issuers.iter().enumerate() {
            let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if issuer.id.is_empty() || issuer.id.len() > 32 || !issuer.id.chars().all(letters) {
                wrong("issuers.id", "must be 1 to 32 lower-case letters, digits and dashes");
            }
            if issuers.iter().take(place).any(|other| other.id == issuer.id) {
                wrong("issuers.id", "is there twice");
            }
            if issuer.name.is_empty() {
                wrong("issuers.name", "is missing");
            }
            let web = issuer.issuer.starts_with("https://") || issuer.issuer.starts_with("http://");
            if !web || issuer.issuer.ends_with('/') {
                wrong("issuers.issuer", "must be an address without a slash at its end");
            }
            if issuer.client_id.is_empty() || issuer.client_secret_file.is_empty() {
                wrong("issuers.client_id", "and client_secret_file are needed");
            }
        }
        found
    }
}
