//! The keys of access tokens, for processes that do not run identity.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hanse_http::{RequestBody, Verifier};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Either, Full, Limited};
use serde::Deserialize;

use crate::{Affinity, Upstream};

const ADDRESS: &str = "/.well-known/jwks.json";
/// Largest document that is read.
const LARGEST: usize = 64 * 1024;
/// Pause after a failure.
const SOON: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
struct Published {
    keys: Vec<Key>,
}

#[derive(Deserialize)]
struct Key {
    kid: String,
    crv: String,
    x: String,
}

/// Asks identity for its published keys (RFC 7517) at this interval and installs them when they have
/// changed. What cannot be read changes nothing.
pub async fn follow_keys(identity: &Upstream, verifier: &Verifier, every: Duration) {
    let mut known = BTreeMap::new();
    loop {
        match ask(identity).await {
            Some(keys) if keys == known => tokio::time::sleep(every).await,
            Some(keys) => {
                tracing::info!(keys = keys.len(), "the keys of access tokens have changed");
                verifier.install(keys.clone());
                known = keys;
                tokio::time::sleep(every).await;
            }
            None => {
                tracing::warn!("the keys of access tokens could not be read");
                tokio::time::sleep(SOON).await;
            }
        }
    }
}

/// The published keys; nothing when there are none, as a document without keys is a mistake.
async fn ask(identity: &Upstream) -> Option<BTreeMap<String, [u8; 32]>> {
    let body: RequestBody = Either::Right(Full::default());
    let request = Request::get(ADDRESS).body(body).ok()?;
    let response = identity.send(request, Affinity(0)).await.ok()?;
    if response.status() != StatusCode::OK {
        return None;
    }
    let bytes = Limited::new(response.into_body(), LARGEST).collect().await.ok()?.to_bytes();
    let published: Published = serde_json::from_slice(&bytes).ok()?;
    let keys: BTreeMap<_, _> = published
        .keys
        .into_iter()
        .filter(|key| key.crv == "Ed25519")
        .filter_map(|key| {
            let public = URL_SAFE_NO_PAD.decode(&key.x).ok()?;
            Some((key.kid, public.try_into().ok()?))
        })
        .collect();
    (!keys.is_empty()).then_some(keys)
}
