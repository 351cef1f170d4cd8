//! API keys at the door: a key is exchanged for an access token where the request enters, and from there
//! on it is a request like any other.
//!
//! The door asks identity with a request of its own through the operations it leads to, so it does not
//! matter whether identity is in this process. What it hears is kept for some minutes, by the hash of
//! the key; a token that is refused is asked for again the next time. Whoever tries keys that are none
//! is answered 401 as for any token that is none.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use garde::Validate;
use hanse_cache::LocalCache;
use hanse_store::Clock;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::dispatch::{RequestBody, ResponseBody};
use crate::front::Front;
use crate::peer::PeerKey;

/// What every API key begins with.
const PREFIX: &str = "hk_";
/// Longer keys are not ours.
const LONGEST: usize = 128;
/// Keys that are remembered.
const CACHED: u64 = 10_000;
/// How long it is remembered that a key is none: long enough to slow down who guesses.
const REFUSED: Duration = Duration::from_secs(10);
/// A token is asked for again so long before it ends.
const MARGIN: Duration = Duration::from_secs(60);
/// The largest answer that is read.
const LARGEST: usize = 16 * 1024;
/// The operation that exchanges.
const PATH: &str = "/api/v1/auth/exchange-key";

/// A key to be exchanged.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = KeyToExchange { key: "hk_not-a-real-key".into() })]
pub struct KeyToExchange {
    /// The whole key.
    #[garde(length(min = 1, max = 128))]
    pub key: String,
}

/// What a key stands for.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(example = ExchangedKey { access_token: None, expires_in: 900 })]
pub struct ExchangedKey {
    /// The token; null when the key is none.
    pub access_token: Option<String>,
    /// Seconds that a token is valid at the most.
    pub expires_in: u32,
}

/// A door that takes API keys as well.
pub struct KeyedFront<F> {
    inner: F,
    peers: PeerKey,
    clock: Clock,
    known: LocalCache<[u8; 32], Option<Arc<str>>>,
}

impl<F: Front> KeyedFront<F> {
    /// The same door, which exchanges keys by asking behind itself as one of the installation.
    pub fn new(inner: F, peers: PeerKey, clock: Clock) -> Self {
        Self { inner, peers, clock, known: LocalCache::new(CACHED, |_, _| 1) }
    }

    /// Answers a request that shows this key. Boxed by its caller: other requests need no room for it.
    async fn exchanged(
        &self,
        key: String,
        mut request: Request<RequestBody>,
        peer: SocketAddr,
    ) -> Response<ResponseBody> {
        let hash: [u8; 32] = Sha256::digest(key.as_bytes()).into();
        let token = self.token(hash, &key, peer).await;
        let bearer = token.and_then(|token| HeaderValue::try_from(format!("Bearer {token}")).ok());
        let Some(mut bearer) = bearer else { return self.inner.handle(request, peer).await };
        bearer.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, bearer);
        let response = self.inner.handle(request, peer).await;
        if response.status() == StatusCode::UNAUTHORIZED {
            self.known.remove(&hash);
        }
        response
    }

    async fn token(&self, hash: [u8; 32], key: &str, peer: SocketAddr) -> Option<Arc<str>> {
        if let Some(known) = self.known.get(&hash) {
            return known;
        }
        let exchanged = self.ask(key, peer).await?;
        let token: Option<Arc<str>> = exchanged.access_token.map(Arc::from);
        let valid = Duration::from_secs(u64::from(exchanged.expires_in)).saturating_sub(MARGIN);
        let keep = if token.is_some() { valid } else { REFUSED };
        self.known.insert(hash, token.clone(), keep);
        token
    }

    async fn ask(&self, key: &str, peer: SocketAddr) -> Option<ExchangedKey> {
        let body = serde_json::to_vec(&KeyToExchange { key: key.to_owned() }).ok()?;
        let mut request = Request::post(PATH)
            .header(CONTENT_TYPE, "application/json")
            // A request names its host, also one that we ask of ourselves.
            .header(HOST, "localhost")
            .body(RequestBody::Right(Full::new(Bytes::from(body))))
            .ok()?;
        let credentials = self.peers.authorization(self.clock.now());
        request.headers_mut().insert(AUTHORIZATION, credentials);
        let response = self.inner.handle(request, peer).await;
        if response.status() != StatusCode::OK {
            return None;
        }
        let body = Limited::new(response.into_body(), LARGEST).collect().await.ok()?;
        serde_json::from_slice(&body.to_bytes()).ok()
    }
}

impl<F: Front> Front for KeyedFront<F> {
    fn trusts(&self, peer: IpAddr) -> bool {
        self.inner.trusts(peer)
    }

    fn handle(
        &self,
        request: Request<RequestBody>,
        peer: SocketAddr,
    ) -> impl Future<Output = Response<ResponseBody>> + Send {
        match key(&request) {
            None => self.inner.handle(request, peer).left_future(),
            Some(key) => Box::pin(self.exchanged(key, request, peer)).right_future(),
        }
    }
}

/// The API key of a request. One header, one key: anything else is left to those behind.
fn key(request: &Request<RequestBody>) -> Option<String> {
    let mut values = request.headers().get_all(AUTHORIZATION).iter();
    let (value, more) = (values.next()?, values.next());
    let (scheme, key) = value.to_str().ok()?.split_once(' ')?;
    let key = key.trim();
    let ours = scheme.eq_ignore_ascii_case("bearer") && key.starts_with(PREFIX);
    (more.is_none() && ours && key.len() <= LONGEST).then(|| key.to_owned())
}
