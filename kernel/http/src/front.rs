//! What happens to every request at the door of a process: it gets a name, its caller is made known,
//! and its end is recorded. The gateway builds its longer pipeline from the same parts.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use hanse_store::Ids;
use hanse_telemetry::metrics::Metrics;
use hanse_telemetry::recent::{FinishedRequest, RecentTraces};
use hanse_telemetry::trace::TraceContext;
use hanse_telemetry::{Served, Spans};
use http::header::{AUTHORIZATION, ORIGIN};
use http::{HeaderMap, Request, Response};

use crate::caller::Caller;
use crate::dispatch::{Context, RequestBody, ResponseBody, problem_response};
use crate::error::KernelError;
use crate::headers;
use crate::live::{self, TOKEN_PROTOCOL};
use crate::network::Networks;
use crate::operation::Operation;
use crate::peer::{PeerKey, SCHEME};
use crate::table::Table;
use crate::token::Verifier;

/// Something that answers requests.
pub trait Front: Send + Sync + 'static {
    /// Answers one request from this peer.
    fn handle(
        &self,
        request: Request<RequestBody>,
        peer: SocketAddr,
    ) -> impl Future<Output = Response<ResponseBody>> + Send;

    /// Is this the address of a proxy of ours, from which many clients come?
    fn trusts(&self, _peer: IpAddr) -> bool {
        false
    }
}

/// What a door needs.
#[derive(Clone)]
pub struct Edge {
    /// Names requests.
    pub ids: Ids,
    /// Knows callers.
    pub verifier: Verifier,
    /// Counts requests.
    pub metrics: Metrics,
    /// Remembers the latest requests for `/tracing`.
    pub recent: Arc<RecentTraces>,
    /// Tells a collector of requests.
    pub spans: Spans,
    /// Knows other processes of this installation.
    pub peers: PeerKey,
    /// Peers whose `X-Forwarded-For` is believed. Nobody's by default.
    pub trusted_proxies: Networks,
    /// Origins whose pages may open WebSockets.
    pub origins: Arc<[String]>,
}

/// A request that has entered and not yet left.
pub struct Entered {
    /// What is known of it.
    pub context: Context,
    parent: Option<[u8; 8]>,
    started: Instant,
    method: &'static str,
}

impl Edge {
    /// Names the request and makes its caller known. A token that counts no more makes the caller
    /// [`Caller::Expired`]: they may still sign in, and learn elsewhere that they must.
    ///
    /// # Errors
    /// What to answer instead of going on.
    pub fn enter(
        &self,
        method: &http::Method,
        request: &HeaderMap,
        peer: SocketAddr,
    ) -> (Entered, Result<(), KernelError>) {
        // A gateway before us has named the request already.
        let named =
            request.get(headers::REQUEST_ID).filter(|_| self.trusted_proxies.contains(peer.ip()));
        let request_id = named
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .unwrap_or_else(|| self.ids.new_id());
        let parent = request
            .get(headers::TRACEPARENT)
            .and_then(|value| TraceContext::parse(value.to_str().ok()?));
        let span_id = self.ids.random();
        let trace = parent.map_or_else(
            || {
                let trace_id = uuid::Uuid::into_bytes(request_id);
                TraceContext { trace_id, span_id, sampled: self.spans.samples(trace_id) }
            },
            |parent| parent.child(span_id),
        );
        let client = self.client(request, peer.ip());
        let mut context = Context { request_id, trace, caller: Caller::Anonymous, client };
        let verdict = headers::check(request).and_then(|()| {
            context.caller = self.caller(request)?;
            self.check_origin(request)?;
            Ok(())
        });
        let parent = parent.map(|parent| parent.span_id);
        let (started, method) = (Instant::now(), method_label(method));
        (Entered { context, parent, started, method }, verdict)
    }

    fn caller(&self, request: &HeaderMap) -> Result<Caller, KernelError> {
        let Some(value) = request.get(AUTHORIZATION) else { return Ok(self.page(request)) };
        let (scheme, token) = value
            .to_str()
            .ok()
            .and_then(|text| text.split_once(' '))
            .map(|(scheme, token)| (scheme, token.trim()))
            .ok_or(KernelError::InvalidToken)?;
        if scheme == SCHEME && self.peers.proves(token, self.ids.clock().now()) {
            return Ok(Caller::Peer);
        }
        // A program of somebody else's shows its own credentials where it gets tokens (RFC 6749, section
        // 2.3.1). Nobody is known by them here; the operation reads them itself.
        if scheme.eq_ignore_ascii_case("basic") {
            return Ok(Caller::Expired);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(KernelError::InvalidToken);
        }
        Ok(self.verifier.verify(token).map_or(Caller::Expired, Caller::User))
    }

    /// Whoever is behind a page that opens a WebSocket. A browser lets it set no header but the
    /// subprotocols, so its token is one of them.
    fn page(&self, request: &HeaderMap) -> Caller {
        if !live::wants_socket(request) {
            return Caller::Anonymous;
        }
        let token = live::protocols(request).find_map(|name| name.strip_prefix(TOKEN_PROTOCOL));
        let Some(token) = token else { return Caller::Anonymous };
        self.verifier.verify(token).map_or(Caller::Expired, Caller::User)
    }

    /// A browser lets any page open a WebSocket to anywhere, and only says in `Origin` whose it is.
    fn check_origin(&self, request: &HeaderMap) -> Result<(), KernelError> {
        let Some(origin) = request.get(ORIGIN).filter(|_| live::wants_socket(request)) else {
            return Ok(());
        };
        let ours = self.origins.iter().any(|known| known.as_bytes() == origin.as_bytes());
        if ours { Ok(()) } else { Err(KernelError::ForeignOrigin) }
    }

    /// The client's address: the peer's own, unless the peer is a proxy that we were told to trust.
    fn client(&self, request: &HeaderMap, peer: IpAddr) -> IpAddr {
        if !self.trusted_proxies.contains(peer) {
            return peer;
        }
        request
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|text| text.split(','))
            .filter_map(|text| text.trim().parse().ok())
            .rfind(|address| !self.trusted_proxies.contains(*address))
            .unwrap_or(peer)
    }

    /// Adds what every answer carries and records how the request ended.
    pub fn leave(
        &self,
        entered: &Entered,
        operation: &'static str,
        mut response: Response<ResponseBody>,
    ) -> Response<ResponseBody> {
        let Entered { context, parent, started, method } = entered;
        headers::finish(response.headers_mut(), context);
        let elapsed = started.elapsed();
        let status = response.status().as_u16();
        self.metrics.http(operation, method, status, elapsed.as_secs_f64());
        let duration_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        let at = self.ids.clock().now().as_microsecond();
        let (trace, parent) = (context.trace, *parent);
        self.spans.served(&Served {
            trace,
            parent,
            operation,
            method,
            status,
            ended_us: at,
            duration_us,
        });
        let trace_id = trace.trace_id;
        self.recent.record(FinishedRequest {
            trace_id,
            operation,
            method,
            status,
            duration_us,
            at,
        });
        let mut id = uuid::Uuid::encode_buffer();
        let request_id = &*context.request_id.hyphenated().encode_lower(&mut id);
        tracing::info!(
            target: "access",
            operation, method, status, duration_us, request_id, client = %context.client,
            "request"
        );
        response
    }
}

/// The plainest door: operations and nothing else. Scenes play behind it; a process has the gateway's,
/// also when it serves only some services.
pub struct ServiceFront {
    edge: Edge,
    table: Table,
}

impl ServiceFront {
    /// A door for these operations.
    #[must_use]
    pub fn new(edge: Edge, table: Table) -> Self {
        Self { edge, table }
    }
}

impl Front for ServiceFront {
    fn trusts(&self, peer: IpAddr) -> bool {
        self.edge.trusted_proxies.contains(peer)
    }

    async fn handle(
        &self,
        request: Request<RequestBody>,
        peer: SocketAddr,
    ) -> Response<ResponseBody> {
        let (entered, verdict) = self.edge.enter(request.method(), request.headers(), peer);
        let mut name = UNROUTED;
        let response =
            match verdict.and_then(|()| self.table.find(request.method(), request.uri().path())) {
                Ok((operation, params)) => {
                    name = operation.id;
                    Operation::serve(operation, request, params, entered.context.clone()).await
                }
                Err(error) => problem_response(&error, &entered.context),
            };
        self.edge.leave(&entered, name, response)
    }
}

/// The operation's name for requests that reached none.
pub const UNROUTED: &str = "none";

/// Methods as a bounded set of labels.
fn method_label(method: &http::Method) -> &'static str {
    match *method {
        http::Method::GET => "GET",
        http::Method::HEAD => "HEAD",
        http::Method::POST => "POST",
        http::Method::PUT => "PUT",
        http::Method::PATCH => "PATCH",
        http::Method::DELETE => "DELETE",
        http::Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
