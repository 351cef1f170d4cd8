//! A gateway on a socket, systems behind it that follow a script, and clients that write bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hanse_gateway::{
    Documents, Gateway, GatewayConfig, LimitsConfig, NamedUpstream, Router, RuleAccess, RuleConfig,
    Rules, Systems,
};
use hanse_http::{
    Access, Claims, Cx, Edge, Home, KernelError, Method, NoContent, Outline, Service, Signer,
    Verifier, op, server,
};
use hanse_store::{Clock, Ids};
use hanse_telemetry::metrics::Metrics;
use hanse_upstream::{Endpoint, Fixed, Upstream, UpstreamConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use uuid::Uuid;

/// A system behind the gateway. It ends with this value.
pub(crate) struct System {
    pub(crate) address: SocketAddr,
    requests: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl System {
    pub(crate) fn count(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for System {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One end of a connection.
pub(crate) struct Wire {
    stream: TcpStream,
    rest: Vec<u8>,
    requests: Arc<AtomicUsize>,
}

impl Wire {
    pub(crate) async fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, rest: Vec::new(), requests: Arc::default() }
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.ok();
    }

    /// Everything up to and with this text; nothing when the other side closes before.
    pub(crate) async fn until(&mut self, end: &str) -> Option<String> {
        let end = end.as_bytes();
        loop {
            if let Some(at) = self.rest.windows(end.len()).position(|part| part == end) {
                let found: Vec<u8> = self.rest.drain(..at + end.len()).collect();
                return String::from_utf8(found).ok();
            }
            let mut buffer = [0; 4096];
            let read = self.stream.read(&mut buffer);
            match tokio::time::timeout(Duration::from_secs(10), read).await.expect("bytes in time")
            {
                Ok(read @ 1..) => self.rest.extend_from_slice(&buffer[..read]),
                _ => return None,
            }
        }
    }

    /// A message whose body has a length, or none.
    pub(crate) async fn message(&mut self) -> Option<String> {
        let mut text = self.until("\r\n\r\n").await?;
        self.requests.fetch_add(1, Ordering::SeqCst);
        if text.to_ascii_lowercase().contains("transfer-encoding: chunked") {
            text.push_str(&self.until("0\r\n\r\n").await?);
        }
        let length = text.lines().find_map(|line| {
            line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok()
        });
        while self.rest.len() < length.unwrap_or(0) {
            let mut buffer = [0; 4096];
            let read = self.stream.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
            self.rest.extend_from_slice(&buffer[..read]);
        }
        let body: Vec<u8> = self.rest.drain(..length.unwrap_or(0)).collect();
        text.push_str(&String::from_utf8_lossy(&body));
        Some(text)
    }

    /// Has the other side closed, without another byte?
    pub(crate) async fn closed(&mut self) -> bool {
        self.rest.is_empty() && matches!(self.stream.read(&mut [0; 1]).await, Ok(0) | Err(_))
    }
}

/// A system that treats each connection like this.
pub(crate) async fn system<F, Fut>(script: F) -> System
where
    F: Fn(Wire) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let requests = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&requests);
    let task = tokio::spawn(async move {
        let mut tasks = tokio::task::JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            let requests = Arc::clone(&counted);
            tasks.spawn(script(Wire { stream, rest: Vec::new(), requests }));
        }
    });
    System { address, requests, task }
}

/// A system that answers with its name and the request's head.
pub(crate) async fn echo(name: &'static str) -> System {
    system(move |mut wire| async move {
        while let Some(message) = wire.message().await {
            let body = format!("{name}\n{message}");
            wire.say(&format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
                .await;
        }
    })
    .await
}

/// A service of which only the outline is here.
struct Elsewhere;

impl Service for Elsewhere {
    fn home(&self) -> &Home {
        unreachable!("it is served elsewhere")
    }
}

async fn list_things(_: Cx<Elsewhere>) -> Result<NoContent, KernelError> {
    Ok(NoContent)
}

async fn create_thing(_: Cx<Elsewhere>) -> Result<NoContent, KernelError> {
    Ok(NoContent)
}

pub(crate) struct Gate {
    pub(crate) address: SocketAddr,
    pub(crate) router: Router,
    pub(crate) metrics: Metrics,
    signer: Signer,
    task: JoinHandle<()>,
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A rule for everybody.
pub(crate) fn rule(prefix: &str, upstream: &str) -> RuleConfig {
    RuleConfig {
        prefix: prefix.into(),
        upstream: upstream.into(),
        access: RuleAccess::Public,
        ..RuleConfig::default()
    }
}

fn settings() -> UpstreamConfig {
    UpstreamConfig { health_path: String::new(), ..UpstreamConfig::default() }
}

pub(crate) fn rules(config: &[RuleConfig], systems: &[(&str, &System)]) -> Rules {
    let named: Vec<NamedUpstream> = systems
        .iter()
        .map(|(name, system)| NamedUpstream {
            name: (*name).into(),
            endpoints: vec![system.address.to_string()],
            settings: settings(),
        })
        .collect();
    let config =
        GatewayConfig { upstreams: named, routes: config.to_vec(), ..GatewayConfig::default() };
    Systems::new(&config, &Metrics::default()).unwrap().rules(&config)
}

impl Gate {
    /// A gateway before these systems by these rules, and the service `things` at `things`.
    pub(crate) async fn before(
        config: &[RuleConfig],
        systems: &[(&str, &System)],
        things: Option<&System>,
    ) -> Self {
        let ids = Ids::system(Clock::system());
        let signer = Signer::from_seed(&[7; 32]).unwrap();
        let verifier = Verifier::new("https://gate.test", "hanse", ids.clock().clone());
        verifier.install([(signer.id().to_owned(), signer.public())]);
        let metrics = Metrics::default();
        let edge = Edge {
            ids,
            verifier,
            metrics: metrics.clone(),
            recent: Arc::default(),
            spans: hanse_telemetry::Spans::default(),
            peers: hanse_http::PeerKey::new(&[11; 32]),
            trusted_proxies: hanse_http::Networks::default(),
            origins: Arc::new(["https://stage.test".to_owned()]),
        };
        let outline = Outline::new(
            "things",
            [
                op(Method::GET, "/things", Access::User, list_things),
                op(Method::POST, "/things", Access::User, create_thing),
            ],
        );
        let elsewhere = things.map(|system| {
            let fixed = Arc::new(Fixed::new(vec![Endpoint::new(system.address)]));
            (outline, Upstream::new("things", settings(), fixed, &metrics))
        });
        let router = Router::new([], elsewhere).unwrap();
        router.replace_rules(rules(config, systems));
        let gateway = Gateway::new(
            edge,
            router.clone(),
            &GatewayConfig {
                cors_origins: vec!["https://app.test".into()],
                ..GatewayConfig::default()
            },
            &LimitsConfig {
                guest_burst: 1_000_000,
                user_burst: 1_000_000,
                ..LimitsConfig::default()
            },
            Documents::new(|_| serde_json::Value::Null, [], &[]),
            Arc::new(|| true),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (limits, never) = (server::Limits::default(), std::future::pending());
        let serving = server::serve(listener, Arc::new(gateway), limits, metrics.clone(), never);
        Self { address, router, metrics, signer, task: tokio::spawn(serving) }
    }

    /// An access token of the account of this number.
    pub(crate) fn token(&self, number: u128) -> String {
        let claims = Claims {
            iss: "https://gate.test".into(),
            aud: "hanse".into(),
            sub: Uuid::from_u128(number),
            sid: Uuid::from_u128(number + 1),
            jti: Uuid::from_u128(number + 2),
            roles: vec!["user".into()],
            iat: 0,
            exp: 4_000_000_000,
            ..Claims::default()
        };
        self.signer.sign(&claims).unwrap()
    }

    /// The answer to a request with these header lines, on a connection of its own.
    pub(crate) async fn ask(&self, line: &str, headers: &str) -> String {
        let mut wire = Wire::to(self.address).await;
        wire.say(&format!("{line} HTTP/1.1\r\nhost: gate.test\r\n{headers}\r\n")).await;
        wire.message().await.expect("an answer")
    }
}
