//! A door of one's own: to come from any address, and to come back after a restart.

use std::sync::Arc;

use hanse_events::RetryPolicy;
use hanse_http::{Edge, Front as _, RequestBody, ServiceFront, Table, Verifier};
use hanse_runtime::{Platform, PlatformConfig, Secrets, Service};
use hanse_telemetry::metrics::Metrics;
use hanse_testkit::{Stage, Value, json};
use http_body_util::{BodyExt as _, Either, Full};

pub(crate) struct Door {
    front: ServiceFront,
    _platform: Arc<Platform>,
}

impl Door {
    /// The stage's own services.
    pub(crate) fn of(t: &Stage) -> Self {
        Self::to(t, Arc::clone(&t.platform), t.verifier.clone())
    }

    /// Other services on the stage's data, as after a restart.
    pub(crate) async fn reopened(t: &Stage, services: Vec<Service>) -> Self {
        let verifier = Verifier::new("https://stage.test", "hanse", t.clock.clock());
        let config = PlatformConfig {
            store: t.store.clone(),
            cache_folder: t.folder.join("cache"),
            ids: t.ids.clone(),
            secrets: Secrets::new(&[9; 32]),
            verifier: verifier.clone(),
            metrics: Metrics::default(),
            outbound: hanse_testkit::outbound(),
            retry: RetryPolicy::default(),
            transport: None,
        };
        let platform = Platform::build(config, services).await.unwrap();
        Self::to(t, Arc::new(platform), verifier)
    }

    fn to(t: &Stage, platform: Arc<Platform>, verifier: Verifier) -> Self {
        let edge = Edge {
            ids: t.ids.clone(),
            verifier,
            metrics: Metrics::default(),
            recent: Arc::default(),
            spans: hanse_telemetry::Spans::default(),
            peers: hanse_http::PeerKey::new(&[11; 32]),
            trusted_proxies: hanse_http::Networks::default(),
            origins: Arc::new(["https://stage.test".to_owned()]),
        };
        let table = Table::new(platform.cells().iter().map(|cell| &cell.routes)).unwrap();
        let front = ServiceFront::new(edge, table);
        Self { front, _platform: platform }
    }

    /// Status, code and body of what comes back to somebody at this address.
    pub(crate) async fn post(&self, from: &str, path: &str, body: Value) -> (String, Value) {
        let request = http::Request::post(path).header("content-type", "application/json");
        self.send(from, request.body(body.to_string())).await
    }

    /// The same for a GET with an access token.
    pub(crate) async fn get(&self, path: &str, token: &str) -> (String, Value) {
        let request = http::Request::get(path).header("authorization", format!("Bearer {token}"));
        self.send("127.0.0.1", request.body(String::new())).await
    }

    pub(crate) async fn login(&self, from: &str, email: &str, password: &str) -> String {
        let body = json!({ "email": email, "password": password });
        self.post(from, "/api/v1/auth/login", body).await.0
    }

    async fn send(
        &self,
        from: &str,
        request: http::Result<http::Request<String>>,
    ) -> (String, Value) {
        let request =
            request.unwrap().map(|text| -> RequestBody { Either::Right(Full::from(text)) });
        let peer = std::net::SocketAddr::new(from.parse().unwrap(), 1);
        let response = self.front.handle(request, peer).await;
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let code = body.get("code").and_then(Value::as_str);
        (code.map_or(status.to_string(), |code| format!("{status} {code}")), body)
    }
}
