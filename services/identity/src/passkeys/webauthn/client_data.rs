//! What the browser says of a ceremony (WebAuthn, section 5.8.1): the authenticator signs its hash.

use serde::Deserialize;

use super::{Invalid, Site};

/// Which ceremony it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ceremony {
    Registration,
    SignIn,
}

impl Ceremony {
    fn name(self) -> &'static str {
        match self {
            Self::Registration => "webauthn.create",
            Self::SignIn => "webauthn.get",
        }
    }
}

/// Other members are allowed by the standard, and mean nothing here.
#[derive(Debug, Deserialize)]
struct ClientData {
    #[serde(rename = "type")]
    ceremony: String,
    challenge: String,
    origin: String,
    #[serde(default, rename = "crossOrigin")]
    cross_origin: bool,
    #[serde(default, rename = "topOrigin")]
    top_origin: Option<String>,
}

fn read(json: &[u8]) -> Result<ClientData, Invalid> {
    serde_json::from_slice(json).map_err(|_| Invalid)
}

/// The challenge that it answers, as it was given: base64url.
///
/// # Errors
/// [`Invalid`] when there is none to read.
pub(crate) fn challenge(json: &[u8]) -> Result<String, Invalid> {
    Ok(read(json)?.challenge)
}

/// Was it this ceremony, in answer to this challenge, on a page of ours that no other site had framed?
pub(super) fn check(
    json: &[u8],
    ceremony: Ceremony,
    challenge: &str,
    site: &Site,
) -> Result<(), Invalid> {
    let said = read(json)?;
    let ours = said.ceremony == ceremony.name()
        && said.challenge == challenge
        && site.origins.contains(&said.origin)
        && !said.cross_origin
        && said.top_origin.is_none();
    ours.then_some(()).ok_or(Invalid)
}
