//! Somebody who sends requests, and what they get.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use hanse_http::{Front as _, ServiceFront};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Either, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use uuid::Uuid;

/// How requests reach the services.
#[derive(Clone)]
pub(crate) enum Way {
    Call(Arc<ServiceFront>),
    Http(SocketAddr),
}

/// Somebody who sends requests.
#[derive(Clone)]
pub struct Actor {
    /// Their account; nil for a guest.
    pub id: Uuid,
    way: Way,
    token: Option<String>,
    headers: Vec<(String, String)>,
}

impl Actor {
    pub(crate) fn new(way: Way, id: Uuid, token: Option<String>) -> Self {
        Self { id, way, token, headers: Vec::new() }
    }

    /// The same person, sending one more header.
    #[must_use]
    pub fn with(&self, name: &str, value: impl Into<String>) -> Self {
        let mut other = self.clone();
        other.headers.push((name.to_owned(), value.into()));
        other
    }

    /// Their access token; empty for a guest.
    #[must_use]
    pub fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }

    /// Sends GET.
    pub async fn get(&self, path: impl AsRef<str>) -> Answer {
        self.send(Method::GET, path.as_ref(), None).await
    }

    /// Sends POST with a JSON body.
    pub async fn post(&self, path: impl AsRef<str>, body: Value) -> Answer {
        self.send(Method::POST, path.as_ref(), Some(("application/json", body.to_string()))).await
    }

    /// Sends PUT with a JSON body.
    pub async fn put(&self, path: impl AsRef<str>, body: Value) -> Answer {
        self.send(Method::PUT, path.as_ref(), Some(("application/json", body.to_string()))).await
    }

    /// Sends PATCH with a JSON merge patch.
    pub async fn patch(&self, path: impl AsRef<str>, body: Value) -> Answer {
        let body = ("application/merge-patch+json", body.to_string());
        self.send(Method::PATCH, path.as_ref(), Some(body)).await
    }

    /// Sends DELETE.
    pub async fn delete(&self, path: impl AsRef<str>) -> Answer {
        self.send(Method::DELETE, path.as_ref(), None).await
    }

    /// Sends any request.
    pub async fn send(&self, method: Method, path: &str, body: Option<(&str, String)>) -> Answer {
        let keyed =
            self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("idempotency-key"));
        let repeatable = method == Method::GET || (method == Method::POST && keyed);
        match &self.way {
            Way::Call(front) => {
                let request = self.request(&method, path, body.as_ref()).map(Either::Right);
                let peer = SocketAddr::from(([127, 0, 0, 1], 1));
                Answer::collect(front.handle(request, peer).await).await
            }
            Way::Http(address) => {
                // The injected retry: what may be repeated is repeated, and only the second
                // answer counts.
                if repeatable {
                    over_http(*address, self.request(&method, path, body.as_ref())).await;
                }
                over_http(*address, self.request(&method, path, body.as_ref())).await
            }
        }
    }

    fn request(
        &self,
        method: &Method,
        path: &str,
        body: Option<&(&str, String)>,
    ) -> Request<Full<Bytes>> {
        let mut request = Request::builder().method(method).uri(path).header("host", "stage.test");
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some((kind, _)) = body {
            request = request.header("content-type", *kind);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let bytes = body.map(|(_, text)| Bytes::from(text.clone())).unwrap_or_default();
        request.body(Full::new(bytes)).expect("a request that can be built")
    }
}

async fn over_http(address: SocketAddr, request: Request<Full<Bytes>>) -> Answer {
    let stream = TcpStream::connect(address).await.expect("the server takes connections");
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("a connection");
    let driver = tokio::spawn(connection);
    let response = sender.send_request(request).await.expect("an answer");
    let answer = Answer::collect(response).await;
    drop(sender);
    driver.await.ok();
    answer
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub bytes: Bytes,
}

impl Answer {
    async fn collect<B>(response: http::Response<B>) -> Self
    where
        B: hyper::body::Body<Data = Bytes>,
        B::Error: std::fmt::Debug,
    {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a whole body").to_bytes();
        Self { status: parts.status, headers: parts.headers, bytes }
    }

    /// The body as JSON; null when it is not.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// A header, or nothing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Where the new thing is.
    #[must_use]
    pub fn location(&self) -> &str {
        self.header("location")
    }

    /// The status, and the code of a problem: `201`, `404 THT-001`.
    #[must_use]
    pub fn summary(&self) -> String {
        match self.json().get("code").and_then(Value::as_str) {
            Some(code) if self.status.as_u16() >= 400 => format!("{} {code}", self.status.as_u16()),
            _ => self.status.as_u16().to_string(),
        }
    }
}
