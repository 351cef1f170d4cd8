//! An issuer elsewhere: where its doors are, what its keys are, and what it answers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hanse_outbound::{Outbound, OutboundError};
use hanse_runtime::BoxError;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::JwkSet;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::config::{IssuerConfig, IssuerKind};
use super::id_token::{Expected, InvalidIdToken, Person, verify};
use super::journey::Journey;
use crate::session::after;

/// How long what an issuer says of itself is used.
const FRESH: SignedDuration = SignedDuration::from_mins(10);
/// Longest secret, in bytes.
const LONGEST_SECRET: usize = 1024;

/// Why an issuer was of no use. What it said itself goes to the log only.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IssuerError {
    #[error("the issuer could not be reached")]
    Unreachable(#[from] OutboundError),
    #[error("a request to the issuer could not be made")]
    Request(#[from] http::Error),
    #[error("the issuer answered {0}")]
    Status(u16),
    #[error("the issuer's answer cannot be read")]
    Answer(#[from] serde_json::Error),
    #[error("the issuer calls itself something else")]
    Name,
    #[error(transparent)]
    IdToken(#[from] InvalidIdToken),
}

/// The issuers of the configuration.
pub(crate) struct Issuers(BTreeMap<String, Arc<Issuer>>);

/// One of them.
pub(crate) struct Issuer {
    pub(super) config: IssuerConfig,
    secret: String,
    found: Mutex<Option<(Arc<Provider>, Timestamp)>>,
}

/// What an issuer says of itself.
struct Provider {
    authorization_endpoint: String,
    token_endpoint: String,
    keys: JwkSet,
}

#[derive(Deserialize)]
struct Discovered {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Exchanged {
    #[serde(default)]
    access_token: String,
    #[serde(default)]
    id_token: String,
}

#[derive(Deserialize)]
struct GithubUser {
    id: u64,
    login: String,
    name: Option<String>,
}

#[derive(Deserialize)]
struct GithubEmail {
    email: String,
    primary: bool,
    verified: bool,
}

impl Issuers {
    /// Reads the secrets of the configured issuers.
    pub(crate) fn new(configured: &[IssuerConfig]) -> Result<Self, BoxError> {
        let read = |config: &IssuerConfig| -> Result<_, BoxError> {
            let path = &config.client_secret_file;
            let secret = std::fs::read_to_string(path)
                .map_err(|error| format!("the secret of issuer {}: {error}", config.id))?;
            let secret = secret.trim_end().to_owned();
            if secret.is_empty() || secret.len() > LONGEST_SECRET {
                return Err(
                    format!("the secret of issuer {} is empty or too long", config.id).into()
                );
            }
            let issuer = Issuer { config: config.clone(), secret, found: Mutex::default() };
            Ok((config.id.clone(), Arc::new(issuer)))
        };
        Ok(Self(configured.iter().map(read).collect::<Result<_, _>>()?))
    }

    pub(super) fn get(&self, id: &str) -> Option<Arc<Issuer>> {
        self.0.get(id).cloned()
    }

    /// Names for the page, each with its address.
    pub(crate) fn shown(&self, next: &str) -> Vec<BTreeMap<&'static str, String>> {
        let query = serde_urlencoded::to_string([("next", next)]).unwrap_or_default();
        let show = |issuer: &Arc<Issuer>| {
            let address = format!("/oauth/external/{}?{query}", issuer.config.id);
            BTreeMap::from([("name", issuer.config.name.clone()), ("address", address)])
        };
        self.0.values().map(show).collect()
    }
}

impl Issuer {
    /// Where the browser goes.
    pub(super) async fn door(
        &self,
        outbound: &Outbound,
        journey: &Journey,
        redirect: &str,
        now: Timestamp,
    ) -> Result<String, IssuerError> {
        let challenge = journey.challenge();
        let (address, scope) = match self.config.kind {
            IssuerKind::Openid => {
                let provider = self.provider(outbound, now).await?;
                (provider.authorization_endpoint.clone(), "openid email profile")
            }
            IssuerKind::Github => (self.github("/login/oauth/authorize"), "read:user user:email"),
        };
        let query = [
            ("response_type", "code"),
            ("client_id", &self.config.client_id),
            ("redirect_uri", redirect),
            ("scope", scope),
            ("state", &journey.state),
            ("nonce", &journey.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let mark = if address.contains('?') { '&' } else { '?' };
        Ok(format!("{address}{mark}{}", serde_urlencoded::to_string(query).unwrap_or_default()))
    }

    /// Who came back with this code.
    pub(super) async fn person(
        &self,
        outbound: &Outbound,
        journey: &Journey,
        code: &str,
        redirect: &str,
        now: Timestamp,
    ) -> Result<Person, IssuerError> {
        match self.config.kind {
            IssuerKind::Openid => {
                let provider = self.provider(outbound, now).await?;
                let got =
                    self.exchange(outbound, &provider.token_endpoint, journey, code, redirect);
                let token = got.await?.id_token;
                let expected = Expected {
                    issuer: &self.config.issuer,
                    client_id: &self.config.client_id,
                    nonce: &journey.nonce,
                    now,
                };
                Ok(verify(&token, &provider.keys, expected)?)
            }
            IssuerKind::Github => {
                let door = self.github("/login/oauth/access_token");
                let got = self.exchange(outbound, &door, journey, code, redirect).await?;
                self.github_person(outbound, &got.access_token).await
            }
        }
    }

    async fn exchange(
        &self,
        outbound: &Outbound,
        door: &str,
        journey: &Journey,
        code: &str,
        redirect: &str,
    ) -> Result<Exchanged, IssuerError> {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect),
            ("client_id", &self.config.client_id),
            ("client_secret", &self.secret),
            ("code_verifier", &journey.verifier),
        ];
        let body = serde_urlencoded::to_string(fields).unwrap_or_default();
        let request = http::Request::post(door)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .header("user-agent", "hanse")
            .body(Bytes::from(body))?;
        send(outbound, request).await
    }

    /// What the issuer says of itself, asked for when that was some time ago.
    async fn provider(
        &self,
        outbound: &Outbound,
        now: Timestamp,
    ) -> Result<Arc<Provider>, IssuerError> {
        let known = self.found.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((provider, since)) = known
            && now < after(since, FRESH)
        {
            return Ok(provider);
        }
        let address = format!("{}/.well-known/openid-configuration", self.config.issuer);
        let said: Discovered = send(outbound, get(&address, None)?).await?;
        if said.issuer != self.config.issuer {
            return Err(IssuerError::Name);
        }
        let keys = send(outbound, get(&said.jwks_uri, None)?).await?;
        let provider = Arc::new(Provider {
            authorization_endpoint: said.authorization_endpoint,
            token_endpoint: said.token_endpoint,
            keys,
        });
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        *found = Some((Arc::clone(&provider), now));
        Ok(provider)
    }

    async fn github_person(&self, outbound: &Outbound, token: &str) -> Result<Person, IssuerError> {
        let at = |path: &str| format!("{}{path}", self.config.issuer);
        let user: GithubUser = send(outbound, get(&at("/user"), Some(token))?).await?;
        let emails: Vec<GithubEmail> =
            send(outbound, get(&at("/user/emails"), Some(token))?).await?;
        let email = emails.into_iter().find(|email| email.primary && email.verified);
        Ok(Person {
            subject: user.id.to_string(),
            verified_email: email.map(|email| email.email),
            name: user.name.or(Some(user.login)),
        })
    }

    /// A page of GitHub beside its API.
    fn github(&self, path: &str) -> String {
        let api = self.config.issuer.as_str();
        let site = match api {
            "https://api.github.com" => "https://github.com",
            api => api.strip_suffix("/api/v3").unwrap_or(api),
        };
        format!("{site}{path}")
    }
}

fn get(address: &str, token: Option<&str>) -> Result<http::Request<Bytes>, IssuerError> {
    let mut request = http::Request::get(address)
        .header("accept", "application/json")
        .header("user-agent", "hanse");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    Ok(request.body(Bytes::new())?)
}

async fn send<T: DeserializeOwned>(
    outbound: &Outbound,
    request: http::Request<Bytes>,
) -> Result<T, IssuerError> {
    let answer = outbound.send(request).await?;
    match answer.status().as_u16() {
        200 => Ok(serde_json::from_slice(answer.body())?),
        other => Err(IssuerError::Status(other)),
    }
}
