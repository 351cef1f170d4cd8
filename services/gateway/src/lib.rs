//! The gateway: the one public door.
//!
//! Every request passes the same steps in the same order (architecture, section 9): it gets a name
//! and a trace; its address is brought into the one canonical form and aliases are resolved; it is
//! routed; its caller is known by now, its budget is checked; the upstream answers; security headers,
//! CORS and budget headers are added; the end is logged and counted.
//!
//! The gateway has no rules of its own about things and people: those are the services', which check
//! every request again. It never trusts an identity header, never decodes an address twice, and never
//! retries a request that is not declared repeatable.

mod cors;
mod docs;
mod limits;
mod path;

use std::net::SocketAddr;
use std::sync::Arc;

use hanse_http::{
    Edge, Front, KernelError, Operation, RequestBody, ResponseBody, Table, UNROUTED, full,
    problem_response,
};
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};

pub use docs::Documents;
pub use limits::{LimitsConfig, Together};

use crate::cors::Cors;
use crate::limits::Limits;

/// Where a request goes on. Services of this process are called directly; those of other processes
/// will be reached through the same type.
pub enum Upstream {
    /// The operations of this process.
    Local(Table),
}

/// How the gateway behaves.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, schemars::JsonSchema, Default)]
#[serde(deny_unknown_fields, default)]
pub struct GatewayConfig {
    /// Origins whose pages may call the API with credentials, such as `https://app.example.com`.
    /// None by default.
    pub cors_origins: Vec<String>,
    /// Addresses of proxies whose X-Forwarded-For is believed. None by default.
    pub trusted_proxies: Vec<std::net::IpAddr>,
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
        self.cors_origins.iter().filter(wrong).map(what).collect()
    }
}

/// The public door.
pub struct Gateway {
    edge: Edge,
    upstream: Upstream,
    limits: Limits,
    cors: Cors,
    documents: Documents,
    ready: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl Gateway {
    /// A gateway before this upstream. `ready` is asked by `/ready`; why not, only the operations
    /// listener says.
    #[must_use]
    pub fn new(
        edge: Edge,
        upstream: Upstream,
        config: &GatewayConfig,
        limits: &LimitsConfig,
        documents: Documents,
        ready: Arc<dyn Fn() -> bool + Send + Sync>,
    ) -> Self {
        let cors = Cors::new(&config.cors_origins);
        Self { edge, upstream, limits: Limits::new(limits, None), cors, documents, ready }
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
    async fn handle(
        &self,
        mut request: Request<RequestBody>,
        peer: SocketAddr,
    ) -> Response<ResponseBody> {
        let method = request.method().clone();
        let (entered, verdict) = self.edge.enter(&method, request.headers(), peer);
        let origin = self.cors.allowed(request.headers());
        let mut name = UNROUTED;
        let mut budget = None;
        let response = 'answer: {
            let refuse = |error: &KernelError| problem_response(error, &entered.context);
            let path = match path::canonical(request.uri().path()) {
                Ok(path) => path.into_owned(),
                Err(error) => break 'answer refuse(&error),
            };
            // Documents need no valid token, but an ambiguous request is refused everywhere.
            if let Err(error @ KernelError::MalformedHeader(_)) = &verdict {
                break 'answer refuse(error);
            }
            if let Some(response) = self.own(&method, &path) {
                name = "gateway";
                break 'answer response;
            }
            let Upstream::Local(table) = &self.upstream;
            if method == Method::OPTIONS && !self.owns(&path) {
                break 'answer self.cors.preflight(
                    origin.as_ref(),
                    &table.methods(&path),
                    &entered.context,
                );
            }
            if let Err(error) = verdict {
                break 'answer refuse(&error);
            }
            let decision = self.limits.check(&path, &entered.context).await;
            if let Some(seconds) = decision.as_ref().and_then(limits::Spent::retry_after) {
                budget = decision;
                break 'answer refuse(&KernelError::TooManyRequests(seconds));
            }
            budget = decision;
            match table.find(&method, &path) {
                Ok((operation, params)) => {
                    name = operation.id;
                    if let Err(error) = path::rewrite(&mut request, &path) {
                        break 'answer refuse(&error);
                    }
                    Operation::serve(operation, request, params, entered.context.clone()).await
                }
                Err(KernelError::UnknownAddress) if self.owns(&path) => {
                    let mut response = refuse(&KernelError::MethodNotAllowed);
                    allow(&mut response, &[Method::GET]);
                    response
                }
                Err(error) => {
                    let mut response = refuse(&error);
                    allow(&mut response, &table.methods(&path));
                    response
                }
            }
        };
        let mut response = self.edge.leave(&entered, name, response);
        if let Some(budget) = budget {
            budget.write(response.headers_mut());
        }
        self.cors.write(origin, response.headers_mut());
        response
    }
}

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
