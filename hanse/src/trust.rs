//! Keeps a process without identity able to verify access tokens by itself.
//!
//! It asks identity every two seconds for the keys and for what has ended. So a revoked session is
//! refused everywhere within seconds, and when identity is away, tokens are verified as before. Until
//! the first answer no token can be verified: the process says that it is not ready, and does not
//! listen yet, so that whoever has another endpoint uses that.

use std::time::Duration;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use hanse_contracts::identity::{Trust, TrustedKey};
use hanse_http::{PeerKey, RequestBody, Verifier};
use hanse_store::Clock;
use hanse_upstream::{Affinity, Upstream};
use http::header::AUTHORIZATION;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

/// How often identity is asked.
const EVERY: Duration = Duration::from_secs(2);
/// How often before the first answer.
const FIRST: Duration = Duration::from_millis(100);
/// What ended while an answer was made may be missing in it: so much is asked for again.
const OVERLAP: SignedDuration = SignedDuration::from_secs(60);
/// The largest answer that is read.
const LARGEST: usize = 64 * 1024 * 1024;

/// The follower of identity's word.
pub struct Follower {
    identity: Upstream,
    verifier: Verifier,
    peer_key: PeerKey,
    clock: Clock,
    ready: watch::Sender<bool>,
}

impl Follower {
    /// Feeds `verifier` with what `identity` says.
    pub fn new(identity: Upstream, verifier: Verifier, peer_key: PeerKey, clock: Clock) -> Self {
        Self { identity, verifier, peer_key, clock, ready: watch::Sender::new(false) }
    }

    /// Can tokens be verified?
    pub fn ready(&self) -> bool {
        *self.ready.borrow()
    }

    /// Waits until tokens can be verified.
    pub async fn until_ready(&self) {
        // The sender lives in `self`.
        self.ready.subscribe().wait_for(|ready| *ready).await.ok();
    }

    /// Follows until the future is dropped.
    pub async fn run(&self) {
        let mut since = None;
        let mut keys = Vec::new();
        let mut away = false;
        loop {
            match self.ask(since).await {
                Ok(trust) => {
                    if std::mem::take(&mut away) {
                        tracing::info!("identity answers again");
                    }
                    since = trust.as_of.checked_sub(OVERLAP).ok();
                    self.take(trust, &mut keys);
                    self.ready.send_replace(true);
                }
                Err(error) => {
                    if !std::mem::replace(&mut away, true) {
                        let error: &(dyn std::error::Error + 'static) = error.as_ref();
                        tracing::warn!(
                            error,
                            "identity does not say whose tokens count; going by what it said last"
                        );
                    }
                }
            }
            tokio::time::sleep(if self.ready() { EVERY } else { FIRST }).await;
        }
    }

    async fn ask(&self, since: Option<Timestamp>) -> anyhow::Result<Trust> {
        let query = since.map_or(String::new(), |since| format!("?since={since}"));
        let body: RequestBody = RequestBody::Right(Full::new(Bytes::new()));
        let mut request = Request::get(format!("/api/v1/auth/trust{query}")).body(body)?;
        let credentials = self.peer_key.authorization(self.clock.now());
        request.headers_mut().insert(AUTHORIZATION, credentials);
        let response = self.identity.send(request, Affinity::of(0)).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LARGEST)
            .collect()
            .await
            .map_err(|error| anyhow::anyhow!("the answer broke off: {error}"))?
            .to_bytes();
        if status != StatusCode::OK {
            bail!("identity answered {status}; do both processes have the same master key?");
        }
        serde_json::from_slice(&body).context("the answer cannot be read")
    }

    fn take(&self, trust: Trust, known: &mut Vec<TrustedKey>) {
        if *known != trust.keys {
            self.verifier.install(trust.keys.iter().filter_map(|key| {
                let public = URL_SAFE_NO_PAD.decode(&key.public).ok()?;
                Some((key.id.clone(), public.try_into().ok()?))
            }));
            *known = trust.keys;
        }
        let now = self.clock.now();
        for ended in trust.ended {
            self.verifier.revocations().revoke(ended.id, ended.until, now);
        }
    }
}
