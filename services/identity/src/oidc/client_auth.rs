//! Which program asks, and whether it is that one (RFC 6749, section 2.3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hanse_http::{Exchange, Input, OperationDoc, Problem};
use hanse_store::{Result, Tx};
use serde::Deserialize;

use super::client::Client;
use super::clients;
use super::reply::OAuthError;

/// `Authorization: Basic`, if it is there.
#[derive(Debug)]
pub struct BasicAuth(Option<(String, String)>);

impl Input for BasicAuth {
    fn describe(_: &mut OperationDoc) {}

    fn take(exchange: &Exchange) -> Result<Self, Problem> {
        let header = exchange.parts.headers.get("authorization");
        Ok(Self(header.and_then(|value| read(value.to_str().ok()?))))
    }
}

fn read(header: &str) -> Option<(String, String)> {
    let (scheme, rest) = header.split_once(' ')?;
    let bytes =
        STANDARD.decode(rest.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let text = String::from_utf8(bytes).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((form_decoded(id)?, form_decoded(secret)?))
}

/// Both halves are encoded as in a form.
fn form_decoded(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct One {
        value: String,
    }
    if text.contains(['&', '=']) {
        return None;
    }
    serde_urlencoded::from_str::<One>(&format!("value={text}")).ok().map(|one| one.value)
}

/// What a form says of its program.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shown<'a> {
    pub(super) client_id: Option<&'a str>,
    pub(super) client_secret: Option<&'a str>,
}

/// The program that asks. One that has a secret must show it, in one place only.
pub(super) async fn authenticate(
    tx: &mut Tx,
    basic: &BasicAuth,
    shown: Shown<'_>,
) -> Result<Result<Client, OAuthError>> {
    let (id, secret) = match (&basic.0, shown) {
        (Some(_), Shown { client_secret: Some(_), .. }) => {
            return Ok(Err(OAuthError::request("the client's secret is there twice")));
        }
        (Some((id, _)), Shown { client_id: Some(other), .. }) if id != other => {
            return Ok(Err(OAuthError::request("the request names two clients")));
        }
        (Some((id, secret)), _) => (id.as_str(), Some(secret.as_str())),
        (None, Shown { client_id, client_secret }) => {
            (client_id.unwrap_or_default(), client_secret)
        }
    };
    let client = match id.parse() {
        Ok(id) => clients::find(tx, id).await?,
        Err(_) => None,
    };
    let proven = |client: &Client| match secret {
        Some(secret) => client.has_secret(secret),
        None => client.secret.is_none(),
    };
    Ok(client.filter(proven).ok_or(OAuthError::INVALID_CLIENT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_halves_are_decoded() {
        let header = |text: &str| format!("Basic {}", STANDARD.encode(text));
        let read = |text: &str| super::read(&header(text));
        assert_eq!(read("a%2Db:c%2Bd+e"), Some(("a-b".into(), "c+d e".into())));
        assert_eq!(read("a:b:c"), Some(("a".into(), "b:c".into())));
        assert_eq!(read("a"), None);
        assert_eq!(read("a&x=1:b"), None);
        assert_eq!(super::read("Bearer abc"), None);
        assert_eq!(super::read("Basic !!"), None);
    }
}
