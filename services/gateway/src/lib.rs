//! The gateway: the one public door.
//!
//! Every request passes the same steps in the same order (architecture, section 9): it gets a name
//! and a trace; its address is brought into the one canonical form and aliases are resolved; it is
//! routed; its caller is known by now, its budget is checked; the upstream answers; security headers,
//! CORS and budget headers are added; the end is logged and counted.
//!
//! The gateway has no rules of its own about things and people: those are the services', which check
//! every request again. Services of this process are called directly, those of other processes are
//! reached through `hanse-upstream`, and both get the same steps. It never trusts an identity header, never decodes an address twice, and never
//! retries a request that is not declared repeatable.

mod cors;
mod docs;
mod kept;
mod limits;
mod memory;
mod path;
mod router;
mod rules;
mod systems;

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use hanse_http::{
    Caller, Context, Edge, Entered, Front, KernelError, Network, Operation, Problem, RequestBody,
    ResponseBody, UNROUTED, full, problem_response,
};
use hanse_upstream::{Affinity, Passage, Upstream};
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, ALLOW, CONTENT_TYPE, HOST};
use http::uri::Authority;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body_util::Full;

pub use docs::Documents;
pub use limits::{LimitsConfig, Together};
pub use router::Router;
pub use rules::{Address, NamedUpstream, RuleAccess, RuleConfig, Rules};
pub use systems::Systems;

use crate::cors::Cors;
use crate::limits::Limits;
use crate::memory::Kind;
use crate::router::Way;
use crate::rules::Rule;

/// How the gateway behaves.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, schemars::JsonSchema, Default)]
#[serde(deny_unknown_fields, default)]
pub struct GatewayConfig {
    /// Origins whose pages may call the API with credentials, such as `https://app.example.com`.
    /// None by default.
    pub cors_origins: Vec<String>,
    /// Proxies whose X-Forwarded-For is believed, as addresses or networks (`10.0.0.0/8`). None by
    /// default.
    pub trusted_proxies: Vec<Network>,
    /// Systems that routes can name, each with a name and its endpoints.
    pub upstreams: Vec<NamedUpstream>,
    /// Prefixes that go to them, tried in order before the services: wholly, by share or by header.
    pub routes: Vec<RuleConfig>,
}

impl GatewayConfig {
    /// Mistakes, as (key, what is wrong).
    #[must_use]
    pub fn mistakes(&self) -> Vec<(String, String)> {
        let wrong = |origin: &&String| {
            let scheme = origin.starts_with("https://") || origin.starts_with("http://");
            !scheme || origin.ends_with('/') || origin.contains('*')
        };
        let what = |origin: &String| {
            let what = format!("{origin} is not an origin; write it like https://app.example.com");
            ("gateway.cors_origins".to_owned(), what)
        };
        let mut found: Vec<_> = self.cors_origins.iter().filter(wrong).map(what).collect();
        found.extend(rules::mistakes(&self.upstreams, &self.routes));
        found
    }
}

/// The public door.
pub struct Gateway {
    edge: Edge,
    router: Router,
    limits: Limits,
    cors: Cors,
    documents: Documents,
    ready: Arc<dyn Fn() -> bool + Send + Sync>,
    scheme: &'static str,
}

impl Gateway {
    /// A gateway before this router. `ready` is asked by `/ready`; why not, only the operations
    /// listener says.
    #[must_use]
    pub fn new(
        edge: Edge,
        router: Router,
        config: &GatewayConfig,
        limits: &LimitsConfig,
        documents: Documents,
        ready: Arc<dyn Fn() -> bool + Send + Sync>,
    ) -> Self {
        let cors = Cors::new(&config.cors_origins);
        Self {
            edge,
            router,
            limits: Limits::new(limits, None),
            cors,
            documents,
            ready,
            scheme: "http",
        }
    }

    /// The same gateway, behind a door that speaks TLS.
    #[must_use]
    pub fn encrypted(mut self) -> Self {
        self.scheme = "https";
        self
    }

    /// The same gateway, counting its budgets together with the other gateways of a cluster.
    #[must_use]
    pub fn counting_together(mut self, limits: &LimitsConfig, together: &Together) -> Self {
        self.limits = Limits::new(limits, Some(together));
        self
    }

    /// Answers what the gateway answers itself.
    fn own(&self, method: &Method, path: &str) -> Option<Response<ResponseBody>> {
        if *method != Method::GET && *method != Method::HEAD {
            return None;
        }
        match path {
            "/health" => Some(json(StatusCode::OK, &hanse_runtime::health())),
            "/ready" => {
                let ready = (self.ready)();
                let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
                Some(json(status, &serde_json::json!({ "ready": ready })))
            }
            _ => self.documents.answer(path),
        }
    }

    /// Does the gateway answer this address itself?
    fn owns(&self, path: &str) -> bool {
        matches!(path, "/health" | "/ready") || self.documents.contains(path)
    }
}

impl Front for Gateway {
    fn trusts(&self, peer: std::net::IpAddr) -> bool {
        self.edge.trusted_proxies.contains(peer)
    }

    async fn handle(
        &self,
        mut request: Request<RequestBody>,
        peer: SocketAddr,
    ) -> Response<ResponseBody> {
        let method = request.method().clone();
        let (entered, verdict) = self.edge.enter(&method, request.headers(), peer);
        let verdict = verdict.and_then(|()| name_host(&mut request));
        let origin = self.cors.allowed(request.headers());
        let mut trip = Trip {
            gateway: self,
            entered: &entered,
            peer,
            method,
            request,
            name: UNROUTED,
            budget: None,
        };
        let response = trip.answer(verdict, origin.as_ref()).await;
        let (name, budget) = (trip.name, trip.budget.take());
        drop(trip);
        let mut response = self.edge.leave(&entered, name, response);
        let headers = response.headers_mut();
        self.cors.write(origin, headers);
        if let Some(budget) = budget {
            budget.write(headers);
        }
        response
    }
}

/// One request on its way through the gateway. It stays in one place until it goes on: an async function
/// that takes a request has room for it of its own.
struct Trip<'a> {
    gateway: &'a Gateway,
    entered: &'a Entered,
    peer: SocketAddr,
    method: Method,
    request: Request<RequestBody>,
    /// What it is counted as.
    name: &'static str,
    budget: Option<limits::Spent>,
}

/// An answer to come.
type Coming<'a> = BoxFuture<'a, Response<ResponseBody>>;

impl<'a> Trip<'a> {
    async fn answer(
        &mut self,
        verdict: Result<(), KernelError>,
        origin: Option<&HeaderValue>,
    ) -> Response<ResponseBody> {
        let gateway = self.gateway;
        let path = match path::canonical(self.request.uri().path()) {
            Ok(path) => path.into_owned(),
            Err(error) => return self.refuse(&error),
        };
        // Documents need no valid token, but an ambiguous request is refused everywhere.
        if let Err(error @ KernelError::MalformedHeader(_)) = &verdict {
            return self.refuse(error);
        }
        if let Some(response) = gateway.own(&self.method, &path) {
            self.name = "gateway";
            return response;
        }
        let affinity = self.affinity();
        let rules = gateway.router.rules();
        let rule = rules.find(&path, self.request.headers(), affinity);
        let asks = self.request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if self.method == Method::OPTIONS && !gateway.owns(&path) && (rule.is_none() || asks) {
            let methods = match rule {
                Some(_) => ANY_METHOD.to_vec(),
                None => gateway.router.methods(&path),
            };
            return gateway.cors.preflight(origin, &methods, self.context());
        }
        let open = rule.is_some_and(|rule| rule.access == RuleAccess::Public);
        if let (Err(error), false) = (&verdict, open) {
            return self.refuse(error);
        }
        self.budget = gateway.limits.check(&path, self.context()).await;
        if let Some(seconds) = self.budget.as_ref().and_then(limits::Spent::retry_after) {
            return self.refuse(&KernelError::TooManyRequests(seconds));
        }
        if let Some(rule) = rule {
            return self.by_rule(rule, &path, affinity).await;
        }
        // A thread can hold eight of these at a time; more count references that all processors share.
        drop(rules);
        self.by_service(&path, affinity).await
    }

    fn by_service(&mut self, path: &str, affinity: Affinity) -> Coming<'a> {
        let gateway = self.gateway;
        let way = match gateway.router.find(&self.method, path) {
            Ok(way) => way,
            Err(KernelError::UnknownAddress) if gateway.owns(path) => {
                let mut response = self.refuse(&KernelError::MethodNotAllowed);
                allow(&mut response, &[Method::GET]);
                return ready(response).boxed();
            }
            Err(error) => {
                let mut response = self.refuse(&error);
                allow(&mut response, &gateway.router.methods(path));
                return ready(response).boxed();
            }
        };
        if let Err(error) = path::rewrite(&mut self.request, path) {
            return ready(self.refuse(&error)).boxed();
        }
        match way {
            Way::Here(operation, params) => {
                self.name = operation.id;
                let request = self.take_request();
                Operation::serve(operation, request, params, self.context().clone())
            }
            Way::Elsewhere(name, upstream) => {
                self.name = name;
                self.forward(upstream, affinity)
            }
        }
    }

    fn by_rule<'r>(&mut self, rule: &'r Rule, path: &str, affinity: Affinity) -> Coming<'r>
    where
        'a: 'r,
    {
        self.name = rule.upstream.label();
        // A tunnel to anywhere, and a request that comes back with what proxies have added to it: services
        // know their own methods, but another system may take these.
        if [Method::CONNECT, Method::TRACE].contains(&self.method) {
            let mut response = self.refuse(&KernelError::MethodNotAllowed);
            allow(&mut response, &ANY_METHOD);
            return ready(response).boxed();
        }
        if rule.access == RuleAccess::User {
            let error = match self.context().caller {
                Caller::User(_) => None,
                Caller::Anonymous | Caller::Peer => Some(KernelError::Unauthenticated),
                Caller::Expired => Some(KernelError::InvalidToken),
            };
            if let Some(error) = error {
                return ready(self.refuse(&error)).boxed();
            }
        }
        if !rule.readdress(&mut self.request, path) {
            return ready(self.refuse(&KernelError::MalformedAddress)).boxed();
        }
        let Some(memory) = &rule.memory else { return self.forward(&rule.upstream, affinity) };
        let context = self.context();
        let kind = Kind::of(&self.request, rule.upstream.name(), context.caller.user_id());
        let id = context.request_id;
        let forward = self.forward(&rule.upstream, affinity);
        match kind {
            Kind::Read(read) => {
                let now = self.gateway.edge.ids.clock().now();
                Box::pin(memory.answer(read, id, now, forward))
            }
            Kind::Change(address) => Box::pin(async move {
                let response = forward.await;
                memory.changed(&address, response.status()).await;
                response
            }),
            Kind::Other => forward,
        }
    }

    /// Passes the request on, when somebody waits for that.
    fn forward<'u>(&mut self, upstream: &'u Upstream, affinity: Affinity) -> Coming<'u>
    where
        'a: 'u,
    {
        let (gateway, context, peer) = (self.gateway, &self.entered.context, self.peer.ip());
        let request = self.take_request();
        Box::pin(async move {
            let passage = Passage {
                client: context.client,
                peer,
                trusted: gateway.edge.trusted_proxies.contains(peer),
                scheme: gateway.scheme,
                request_id: context.request_id,
                trace: &context.trace,
                affinity,
            };
            match upstream.forward(request, &passage).await {
                Ok(response) => response,
                Err(error) => Problem::of(&error).respond(context),
            }
        })
    }

    fn take_request(&mut self) -> Request<RequestBody> {
        std::mem::replace(&mut self.request, Request::new(RequestBody::Right(Full::default())))
    }

    /// The same account, or the same guest's address, wherever endpoints or shares are chosen.
    fn affinity(&self) -> Affinity {
        match self.context().caller.user_id() {
            Some(account) => Affinity::of(account),
            None => Affinity::of(self.context().client),
        }
    }

    fn context(&self) -> &'a Context {
        &self.entered.context
    }

    fn refuse(&self, error: &KernelError) -> Response<ResponseBody> {
        problem_response(error, self.context())
    }
}

/// Says in `Host` what was asked for, where that stands in the address: always in HTTP/2 (RFC 9113, section
/// 8.3.1), and by the absolute form in HTTP/1.1, which has the last word (RFC 9112, section 3.2.2).
///
/// # Errors
/// [`KernelError::MalformedHeader`] when it is no host, or when HTTP/1.1 names none (RFC 9112, section 3.2).
fn name_host(request: &mut Request<RequestBody>) -> Result<(), KernelError> {
    let malformed = || KernelError::MalformedHeader("host".into());
    if let Some(authority) = request.uri().authority() {
        let (_, host) = authority.as_str().rsplit_once('@').unwrap_or(("", authority.as_str()));
        let host = HeaderValue::from_str(host).map_err(|_| malformed())?;
        request.headers_mut().insert(HOST, host);
    }
    let named = match request.headers().get(HOST) {
        Some(host) => {
            Authority::try_from(host.as_bytes()).is_ok_and(|host| !host.as_str().contains('@'))
        }
        None => request.version() < Version::HTTP_11,
    };
    if named { Ok(()) } else { Err(malformed()) }
}

/// What a page may ask of a system whose methods we do not know.
const ANY_METHOD: [Method; 5] =
    [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// Says which methods an address takes (RFC 9110, section 15.5.6).
fn allow(response: &mut Response<ResponseBody>, methods: &[Method]) {
    let mut names: Vec<&str> = methods.iter().map(Method::as_str).collect();
    if methods.contains(&Method::GET) {
        names.push("HEAD");
    }
    if let (false, Ok(value)) = (names.is_empty(), HeaderValue::try_from(names.join(", "))) {
        response.headers_mut().insert(ALLOW, value);
    }
}

fn json(status: StatusCode, body: &serde_json::Value) -> Response<ResponseBody> {
    let mut response = Response::new(full(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
