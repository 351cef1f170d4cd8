//! A named peer and how to reach it: discovery, balancing, health, breaker, retries, connections.
//!
//! The gateway passes requests on with [`Upstream::forward`], which keeps hop-by-hop and identity
//! headers on their side; services speak to each other with [`Upstream::send`]. Answers are
//! streamed: nothing larger than 64 KiB is held.
//!
//! What this crate never does: send a request twice that is neither safe nor keyed (law 5), try again
//! when an answer has begun, add more than a tenth of the load by retries, or believe what an answer
//! says of its own end in two ways.
//!
//! To add a source of endpoints, implement [`Discovery`].

mod balance;
mod body;
mod breaker;
mod budget;
mod config;
mod discovery;
mod error;
mod forward;
mod peer;
mod place;
mod sending;
mod view;
mod wire;

use std::sync::Arc;

use hanse_http::{RequestBody, ResponseBody};
use hanse_telemetry::metrics::Metrics;
use hanse_tls::Connector;
use http::header::{CONNECTION, HeaderValue, UPGRADE};
use http::{Request, Response, StatusCode, Version};

pub use balance::Affinity;
pub use breaker::BreakerState;
pub use config::{Balance, Protocol, UpstreamConfig};
pub use discovery::{Discovery, Endpoint, Fixed, Names, Written};
pub use error::UpstreamError;
pub use forward::Passage;
pub use view::{EndpointView, View};

use crate::peer::Peer;
use crate::sending::{Sending, Tunnel};

/// A peer. Clones share its connections and what is known of its health.
#[derive(Clone)]
pub struct Upstream {
    peer: Arc<Peer>,
}

impl Upstream {
    /// A peer of this name, which is also the label of its metrics: a service, or what the operator
    /// called it.
    #[must_use]
    pub fn new(
        name: &str,
        config: UpstreamConfig,
        discovery: Arc<dyn Discovery>,
        metrics: &Metrics,
    ) -> Self {
        Self { peer: Arc::new(Peer::new(name, config, discovery, None, metrics)) }
    }

    /// As [`Upstream::new`], spoken to by TLS.
    #[must_use]
    pub fn encrypted(
        name: &str,
        config: UpstreamConfig,
        discovery: Arc<dyn Discovery>,
        tls: Connector,
        metrics: &Metrics,
    ) -> Self {
        Self { peer: Arc::new(Peer::new(name, config, discovery, Some(tls), metrics)) }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.peer.name
    }

    /// Its name as a label of metrics.
    #[must_use]
    pub fn label(&self) -> &'static str {
        self.peer.label
    }

    /// Follows discovery, checks health and closes idle connections; to be run under supervision for
    /// as long as the peer is used.
    pub async fn run(&self) {
        self.peer.run().await;
    }

    /// Waits until an endpoint is known, which somebody polling [`Upstream::run`] finds.
    pub async fn found(&self) {
        self.peer.found().await;
    }

    /// How things stand, for operators.
    #[must_use]
    pub fn view(&self) -> View {
        View::of(&self.peer)
    }

    /// Passes a client's request on, which says in `Host` what was asked for: headers that are not the
    /// client's to send stay behind, headers of this hop are written, and a connection that leaves HTTP
    /// (WebSocket) becomes a tunnel.
    ///
    /// # Errors
    /// [`UpstreamError`].
    pub fn forward<'s>(
        &'s self,
        mut request: Request<RequestBody>,
        passage: &Passage<'_>,
    ) -> impl Future<Output = Result<Response<ResponseBody>, UpstreamError>> + Send + use<'s> {
        let asked = match request.version() {
            Version::HTTP_11 => forward::upgrade(request.headers()),
            _ => None,
        };
        forward::request(request.headers_mut(), passage);
        let tunnel = asked.map(|protocol| {
            let client = hyper::upgrade::on(&mut request);
            request.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
            request.headers_mut().insert(UPGRADE, protocol.clone());
            Tunnel { client, protocol }
        });
        self.go(request, passage.affinity, tunnel)
    }

    /// Sends a request of our own.
    ///
    /// # Errors
    /// [`UpstreamError`], which knows whether the request was perhaps carried out.
    pub async fn send(
        &self,
        request: Request<RequestBody>,
        affinity: Affinity,
    ) -> Result<Response<ResponseBody>, UpstreamError> {
        self.go(request, affinity, None).await
    }

    fn go(
        &self,
        request: Request<RequestBody>,
        affinity: Affinity,
        tunnel: Option<Tunnel>,
    ) -> impl Future<Output = Result<Response<ResponseBody>, UpstreamError>> + Send {
        let peer = &self.peer;
        let mut sending = Sending::new(peer, request, affinity, tunnel);
        async move {
            peer.counts.requests.inc();
            let pass = peer.breaker.enter(peer.now()).map_err(|wait| {
                let seconds = u32::try_from(wait.div_ceil(1_000)).unwrap_or(u32::MAX);
                UpstreamError::BreakerOpen { seconds }
            })?;
            let answered = sending.run().await;
            let failed = match &answered {
                Ok(response) => matches!(
                    response.status(),
                    StatusCode::BAD_GATEWAY
                        | StatusCode::SERVICE_UNAVAILABLE
                        | StatusCode::GATEWAY_TIMEOUT
                ),
                // These say nothing of the peer.
                Err(
                    UpstreamError::RequestBroken
                    | UpstreamError::NoEndpoint { .. }
                    | UpstreamError::TooBusy { .. },
                ) => return answered,
                Err(_) => true,
            };
            if pass.end(peer.now(), failed) {
                peer.counts.opened.inc();
                tracing::warn!(upstream = %peer.name, "the breaker opens");
            }
            answered
        }
    }
}
