//! The operations listener: health, metrics, traces. On loopback by default, and never public
//! (AUTZ-12): it answers without authentication.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hanse_http::{Edge, Front, KernelError, RequestBody, ResponseBody, full, problem_response};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use crate::platform::{Dependency, Platform};

/// Answers on the operations port.
pub struct OpsFront {
    edge: Edge,
    platform: Arc<Platform>,
    draining: Arc<AtomicBool>,
    shown: Vec<(&'static str, View)>,
    pages: Vec<(&'static str, Page)>,
    needs: Vec<Need>,
}

/// Something besides the stores that the process depends on.
struct Need {
    name: &'static str,
    /// Is the process unready without it? Otherwise it is only told.
    required: bool,
    missing: Box<dyn Fn() -> Option<String> + Send + Sync>,
}

/// Makes what a page shows.
type View = Box<dyn Fn() -> Value + Send + Sync>;

/// Makes a page in HTML.
type Page = Box<dyn Fn() -> String + Send + Sync>;

impl OpsFront {
    /// A front for this platform. When `draining` is set, the process says that it is not ready.
    #[must_use]
    pub fn new(edge: Edge, platform: Arc<Platform>, draining: Arc<AtomicBool>) -> Self {
        Self { edge, platform, draining, shown: Vec::new(), pages: Vec::new(), needs: Vec::new() }
    }

    /// Also answers at `path` with what `view` makes.
    #[must_use]
    pub fn show(
        mut self,
        path: &'static str,
        view: impl Fn() -> Value + Send + Sync + 'static,
    ) -> Self {
        self.shown.push((path, Box::new(view)));
        self
    }

    /// Also answers at `path` with the page that `make` writes.
    #[must_use]
    pub fn page(
        mut self,
        path: &'static str,
        make: impl Fn() -> String + Send + Sync + 'static,
    ) -> Self {
        self.pages.push((path, Box::new(make)));
        self
    }

    /// Also asks `missing` why something cannot be used at the moment. Without something required the
    /// process is not ready; anything else only shows as degraded.
    #[must_use]
    pub fn need(
        mut self,
        name: &'static str,
        required: bool,
        missing: impl Fn() -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.needs.push(Need { name, required, missing: Box::new(missing) });
        self
    }

    async fn ready(&self) -> Response<ResponseBody> {
        let mut dependencies = self.platform.dependencies().await;
        for need in &self.needs {
            let cause = (need.missing)();
            let name = need.name.to_owned();
            let found = cause.is_none();
            dependencies.push(Dependency { name, ready: found, required: need.required, cause });
        }
        let draining = self.draining.load(Ordering::Acquire);
        let ready = !draining && dependencies.iter().all(|found| found.ready || !found.required);
        let degraded = dependencies.iter().any(|dependency| !dependency.ready);
        let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        answer(
            status,
            &json!({
                "ready": ready, "degraded": degraded, "draining": draining,
                "dependencies": dependencies,
            }),
        )
    }

    fn traces(&self) -> Response<ResponseBody> {
        let requests: Vec<Value> = self
            .edge
            .recent
            .snapshot()
            .into_iter()
            .map(|request| {
                let trace: String = request.trace_id.iter().map(|byte| format!("{byte:02x}")).collect();
                json!({
                    "trace_id": trace, "operation": request.operation, "method": request.method,
                    "status": request.status, "duration_us": request.duration_us, "at_us": request.at,
                })
            })
            .collect();
        answer(StatusCode::OK, &json!({ "items": requests }))
    }
}

impl Front for OpsFront {
    async fn handle(
        &self,
        request: Request<RequestBody>,
        peer: SocketAddr,
    ) -> Response<ResponseBody> {
        let (entered, _) = self.edge.enter(request.method(), &http::HeaderMap::new(), peer);
        let path = request.uri().path();
        let shown = self.shown.iter().find(|(shown, _)| *shown == path);
        let page = self.pages.iter().find(|(page, _)| *page == path);
        let known = shown.is_some()
            || page.is_some()
            || ["/health", "/ready", "/metrics", "/tracing"].contains(&path);
        let mut response = match (request.method(), path) {
            (&Method::GET | &Method::HEAD, "/health") => answer(StatusCode::OK, &health()),
            (&Method::GET | &Method::HEAD, "/ready") => self.ready().await,
            (&Method::GET | &Method::HEAD, "/tracing") => self.traces(),
            (&Method::GET | &Method::HEAD, "/metrics") => {
                let mut response = Response::new(full(self.edge.metrics.render()));
                let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                response
                    .headers_mut()
                    .insert(http::header::CONTENT_TYPE, HeaderValue::from_static(kind));
                response
            }
            (&Method::GET | &Method::HEAD, _) if let Some((_, view)) = shown => {
                answer(StatusCode::OK, &view())
            }
            (&Method::GET | &Method::HEAD, _) if let Some((_, make)) = page => {
                let mut response = Response::new(full(make()));
                let kind = HeaderValue::from_static("text/html; charset=utf-8");
                response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
                response
            }
            _ if known => problem_response(&KernelError::MethodNotAllowed, &entered.context),
            _ => problem_response(&KernelError::UnknownAddress, &entered.context),
        };
        hanse_http::headers::finish(response.headers_mut(), &entered.context);
        response
    }
}

/// The shallow answer: the process runs and can answer. Dependencies are the business of `/ready`.
#[must_use]
pub fn health() -> Value {
    json!({ "status": "ok", "message": "Service is healthy" })
}

fn answer(status: StatusCode, body: &Value) -> Response<ResponseBody> {
    let mut response = Response::new(full(body.to_string()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
