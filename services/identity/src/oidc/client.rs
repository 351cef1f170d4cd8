//! A program that signs people in here, or acts by itself, and the rules about it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hanse_http::Scope;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use crate::keys::Algorithm;

/// Most addresses of a kind that a program has.
const ADDRESSES: usize = 20;
/// Longest address, in bytes.
const LONGEST_ADDRESS: usize = 512;

/// A way to get tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grant {
    /// A person signs in by their browser.
    AuthorizationCode,
    /// The next tokens for an old one.
    RefreshToken,
    /// The program itself.
    ClientCredentials,
    /// A person signs in for a device without a browser (RFC 8628).
    DeviceCode,
    /// Acting for somebody, by their token (RFC 8693).
    TokenExchange,
}

impl Grant {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::AuthorizationCode,
        Self::RefreshToken,
        Self::ClientCredentials,
        Self::DeviceCode,
        Self::TokenExchange,
    ];

    /// The name that the standards give it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
            Self::TokenExchange => "urn:ietf:params:oauth:grant-type:token-exchange",
        }
    }

    /// The grant of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.name() == name)
    }
}

/// A registered program.
#[derive(Clone, Debug)]
pub struct Client {
    /// Identity: the standards' `client_id`.
    pub id: Uuid,
    /// Name that people see when they are asked.
    pub name: String,
    /// SHA-256 of its secret; `None` when it cannot keep one.
    pub secret: Option<Vec<u8>>,
    /// How it may get tokens.
    pub grants: Vec<Grant>,
    /// The most that its tokens reach.
    pub scope: Scope,
    /// Where people may be sent back to, compared exactly.
    pub redirect_uris: Vec<String>,
    /// Where people may be sent after signing out, compared exactly.
    pub logout_uris: Vec<String>,
    /// Where it is told that somebody has signed out.
    pub backchannel_uri: Option<String>,
    /// It is ours: nobody is asked whether it may.
    pub trusted: bool,
    /// How its ID tokens and logout tokens are signed.
    pub id_token_alg: Algorithm,
    /// The account that it acts as when it acts by itself.
    pub account_id: Option<Uuid>,
    /// Counts changes.
    pub version: i64,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Why a program cannot be registered so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnfitClient {
    /// Not an address that people can be sent to.
    #[error(
        "a redirect address is an absolute https address without a fragment, http on loopback, or an application's own scheme with a dot"
    )]
    RedirectAddress,
    /// Not an address that can be called.
    #[error("a back-channel address is an absolute https address without a fragment, or http")]
    BackchannelAddress,
    /// Too many of them.
    #[error("there are more than 20 addresses of a kind")]
    TooManyAddresses,
    /// Signing in by browser needs a way back.
    #[error("authorization_code needs a redirect address")]
    NoRedirectAddress,
    /// Only who keeps a secret can act by itself.
    #[error("client_credentials and token exchange need a secret")]
    NeedsSecret,
    /// Not permissions.
    #[error("a scope is permissions between spaces, such as `openid thoughts:read`")]
    Scope,
    /// A grant that there is not.
    #[error("there is no grant of this name")]
    Grant,
    /// An algorithm that there is not.
    #[error("ID tokens are signed by EdDSA or RS256")]
    Algorithm,
    /// One whose key verifies and signs (docs/adr/0022-id-tokens-are-not-signed-by-a-shared-secret.md).
    #[error(
        "ID tokens are not signed by HS256: only a hash of the secret is kept, and whoever can verify by \
         it can sign; choose EdDSA or RS256"
    )]
    SharedSecret,
}

impl Client {
    /// May people be sent there? The whole text is compared; nothing is normalised (AUTN-15). The one
    /// exception is RFC 8252, section 7.3: a loopback address may have any port.
    #[must_use]
    pub fn may_redirect_to(&self, address: &str) -> bool {
        self.redirect_uris.iter().any(|uri| uri == address || same_but_port(uri, address))
    }

    /// Is this its secret?
    #[must_use]
    pub fn has_secret(&self, secret: &str) -> bool {
        let hash = hash(secret);
        self.secret.as_deref().is_some_and(|stored| bool::from(stored.ct_eq(&hash[..])))
    }

    /// May it get tokens in this way?
    #[must_use]
    pub fn may(&self, grant: Grant) -> bool {
        self.grants.contains(&grant)
    }

    /// Checks what cannot be said by types.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), UnfitClient> {
        let lists = [&self.redirect_uris, &self.logout_uris];
        if lists.iter().any(|list| list.len() > ADDRESSES) {
            return Err(UnfitClient::TooManyAddresses);
        }
        if !lists.iter().all(|list| list.iter().all(|address| is_redirect(address))) {
            return Err(UnfitClient::RedirectAddress);
        }
        if !self.backchannel_uri.as_deref().is_none_or(is_web) {
            return Err(UnfitClient::BackchannelAddress);
        }
        if self.may(Grant::AuthorizationCode) && self.redirect_uris.is_empty() {
            return Err(UnfitClient::NoRedirectAddress);
        }
        let alone = self.may(Grant::ClientCredentials) || self.may(Grant::TokenExchange);
        if alone && self.secret.is_none() {
            return Err(UnfitClient::NeedsSecret);
        }
        Ok(())
    }
}

/// A new secret, and what is stored of it.
#[must_use]
pub fn new_secret(random: [u8; 32]) -> (String, Vec<u8>) {
    let secret = URL_SAFE_NO_PAD.encode(random);
    let stored = hash(&secret).to_vec();
    (secret, stored)
}

/// What is stored of a secret with so much chance in it that nobody guesses it.
#[must_use]
pub fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// The origin that a page's policy names: `https://app.example.com`, or the scheme of an application.
#[must_use]
pub fn origin(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once(':')?;
    match rest.strip_prefix("//") {
        Some(rest) if scheme == "https" || scheme == "http" => {
            let authority = rest.split(['/', '?']).next()?;
            Some(format!("{scheme}://{authority}"))
        }
        _ => Some(format!("{scheme}:")),
    }
}

/// Plain characters only, so that no program reads it differently.
fn is_plain(address: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"'<>\\^`{|}#*".contains(&byte);
    address.len() <= LONGEST_ADDRESS && address.bytes().all(plain)
}

fn is_redirect(address: &str) -> bool {
    if !is_plain(address) {
        return false;
    }
    match address.split_once(':') {
        Some(("https", _)) => is_web(address),
        Some(("http", _)) => is_web(address) && loopback_port(address).is_some(),
        // An application's own scheme is a domain turned round (RFC 8252, section 7.1), which keeps out
        // javascript:, data: and their like.
        Some((scheme, rest)) => {
            let letters = |byte: u8| byte.is_ascii_alphanumeric() || b".-+".contains(&byte);
            let begins = scheme.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
            begins && scheme.contains('.') && scheme.bytes().all(letters) && rest.starts_with('/')
        }
        None => false,
    }
}

fn is_web(address: &str) -> bool {
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
    let Some(authority) = rest.and_then(|rest| rest.split(['/', '?']).next()) else { return false };
    is_plain(address) && !authority.is_empty() && !authority.contains('@')
}

/// The text before and after the port of a plain address on loopback.
fn loopback_port(address: &str) -> Option<(&str, &str)> {
    for host in ["http://127.0.0.1", "http://[::1]", "http://localhost"] {
        let Some(rest) = address.strip_prefix(host) else { continue };
        let after = rest
            .strip_prefix(':')
            .map_or(rest, |rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
        if after.is_empty() || after.starts_with(['/', '?']) {
            return Some((host, after));
        }
    }
    None
}

/// Loopback addresses that differ in nothing but their port. `localhost` is a name, and may lead
/// anywhere: it is compared exactly.
fn same_but_port(registered: &str, asked: &str) -> bool {
    let numbers = |address| loopback_port(address).filter(|(host, _)| *host != "http://localhost");
    is_plain(asked) && numbers(registered).is_some_and(|parts| numbers(asked) == Some(parts))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn client() -> Client {
        Client {
            id: Uuid::from_u128(7),
            name: "App".into(),
            secret: None,
            grants: vec![Grant::AuthorizationCode],
            scope: Scope::parse("openid").unwrap(),
            redirect_uris: vec!["https://app.example.com/cb?x=1".into()],
            logout_uris: Vec::new(),
            backchannel_uri: None,
            trusted: false,
            id_token_alg: Algorithm::EdDSA,
            account_id: None,
            version: 1,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    /// AUTN-15: more than sixty spellings that another program could take for the registered address.
    #[test]
    fn only_the_registered_address_is_gone_to() {
        let client = client();
        let registered = "https://app.example.com/cb?x=1";
        assert!(client.may_redirect_to(registered));
        let mut wrong: Vec<String> = [
            "",
            "/",
            "https:",
            "https://",
            "//app.example.com/cb?x=1",
            "app.example.com/cb?x=1",
            "http://app.example.com/cb?x=1",
            "HTTPS://app.example.com/cb?x=1",
            "https://APP.example.com/cb?x=1",
            "https://app.example.com/CB?x=1",
            "https://app.example.com./cb?x=1",
            "https://app.example.com:443/cb?x=1",
            "https://app.example.com:/cb?x=1",
            "https://app.example.com:444/cb?x=1",
            "https://user@app.example.com/cb?x=1",
            "https://app.example.com@evil.example/cb?x=1",
            "https://evil.example/https://app.example.com/cb?x=1",
            "https://app.example.com.evil.example/cb?x=1",
            "https://evilapp.example.com/cb?x=1",
            "https://app.example.com%2eevil.example/cb?x=1",
            "https://app.example.com\\@evil.example",
            "https://app.example.com/cb",
            "https://app.example.com/cb?",
            "https://app.example.com/cb?x=2",
            "https://app.example.com/cb?x=1&y=2",
            "https://app.example.com/cb?x=1#",
            "https://app.example.com/cb?x=1#f",
            "https://app.example.com/cb/?x=1",
            "https://app.example.com//cb?x=1",
            "https://app.example.com/./cb?x=1",
            "https://app.example.com/a/../cb?x=1",
            "https://app.example.com/%63b?x=1",
            "https://app.example.com/cb%3Fx=1",
            "https://app.example.com/cb;?x=1",
            "https://app.example.com/cb?x=%31",
            "https://app.example.com/cb?X=1",
            "https:/app.example.com/cb?x=1",
            "https:///app.example.com/cb?x=1",
            "https:app.example.com/cb?x=1",
            "https:\\\\app.example.com/cb?x=1",
            "https://app.example.com\\/cb?x=1",
            "javascript:alert(1)//https://app.example.com/cb?x=1",
            "data:text/html,x",
            "blob:https://app.example.com/cb?x=1",
            "file:///etc/passwd",
            "https://xn--app-example.com/cb?x=1",
            "https://аpp.example.com/cb?x=1",
            "https://app.example.com/cb?x=1,https://evil.example",
            "*",
            "https://*.example.com/cb?x=1",
            "http://127.0.0.1:1/cb?x=1",
            "http://localhost/cb?x=1",
            "https://[::1]/cb?x=1",
            "null",
        ]
        .map(str::to_owned)
        .into();
        for noise in [" ", "\t", "\n", "\r\n", "\0", "%00", "%20", "\u{a0}", "\u{feff}", "."] {
            wrong.push(format!("{noise}{registered}"));
            wrong.push(format!("{registered}{noise}"));
        }
        assert!(wrong.len() >= 60, "{}", wrong.len());
        for address in wrong {
            assert!(!client.may_redirect_to(&address), "{address:?}");
        }
    }

    #[test]
    fn a_loopback_address_may_have_any_port() {
        let mut client = client();
        client.redirect_uris = vec!["http://127.0.0.1/cb".into(), "http://localhost:1/cb".into()];
        assert!(client.may_redirect_to("http://127.0.0.1:49152/cb"));
        assert!(client.may_redirect_to("http://127.0.0.1/cb"));
        for wrong in [
            "http://127.0.0.1:1/cb2",
            "http://127.0.0.1:1@evil.example/cb",
            "http://127.0.0.2:1/cb",
            "http://localhost:2/cb",
            "https://127.0.0.1:1/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://127.0.0.1:1x/cb",
            "http://[::1]:1/cb",
        ] {
            assert!(!client.may_redirect_to(wrong), "{wrong}");
        }
    }

    #[test]
    fn addresses_are_checked_when_they_are_registered() {
        let with = |address: &str| {
            let client = Client { redirect_uris: vec![address.into()], ..client() };
            client.check().is_ok()
        };
        for good in [
            "https://app.example.com/cb",
            "http://127.0.0.1/cb",
            "http://localhost:3000/cb?a=b",
            "http://[::1]:8080/",
            "com.example.app:/oauth2redirect",
            "com.example.app://cb",
        ] {
            assert!(with(good), "{good}");
        }
        for bad in [
            "http://app.example.com/cb",
            "https://app.example.com/cb#f",
            "https://*.example.com/",
            "javascript:alert(1)",
            "data:text/html,x",
            "app:/cb",
            "https://",
            "https://a@b/",
            "/cb",
            "https://a b/",
            "http://localhost.evil.example/",
            "http://127.0.0.1:80@evil.example/",
            "vbscript.x",
            "1a.b:/cb",
        ] {
            assert!(!with(bad), "{bad}");
        }
        let alone = Client { grants: vec![Grant::ClientCredentials], ..client() };
        assert_eq!(alone.check(), Err(UnfitClient::NeedsSecret));
    }

    #[test]
    fn origins_are_what_policies_name() {
        assert_eq!(origin("https://a.b:8/c?d").as_deref(), Some("https://a.b:8"));
        assert_eq!(origin("com.example.app:/cb").as_deref(), Some("com.example.app:"));
    }
}
