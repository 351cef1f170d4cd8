//! Servers that follow a script to the byte, and a peer to send to them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hanse_http::{RequestBody, ResponseBody};
use hanse_telemetry::metrics::Metrics;
use hanse_upstream::{Affinity, Endpoint, Fixed, Upstream, UpstreamConfig, UpstreamError};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Either, Full};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A server on a free port. It ends with this value.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// Requests whose head has arrived.
    pub(crate) requests: Arc<AtomicUsize>,
    /// Connections that were opened.
    pub(crate) connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A connection of a scripted server.
pub(crate) struct Peer {
    stream: TcpStream,
    requests: Arc<AtomicUsize>,
    rest: Vec<u8>,
}

impl Peer {
    /// The next request's head, and as much of its body as `Content-Length` says.
    pub(crate) async fn request(&mut self) -> Option<String> {
        let head = self.head().await?;
        let length: usize = head
            .lines()
            .find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok()
            })
            .unwrap_or(0);
        while self.rest.len() < length {
            self.more().await?;
        }
        self.rest.drain(..length);
        Some(head)
    }

    /// The next request's head alone.
    pub(crate) async fn head(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.rest.windows(4).position(|four| four == b"\r\n\r\n") {
                self.requests.fetch_add(1, Ordering::SeqCst);
                let head: Vec<u8> = self.rest.drain(..end + 4).collect();
                return String::from_utf8(head).ok();
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> Option<()> {
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer).await {
            Ok(read @ 1..) => self.rest.extend_from_slice(&buffer[..read]),
            _ => return None,
        }
        Some(())
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.ok();
        self.stream.flush().await.ok();
    }

    /// Ends the connection with a reset.
    pub(crate) fn reset(self) {
        #[expect(deprecated, reason = "the test wants the reset that lingering for no time gives")]
        self.stream.set_linger(Some(Duration::ZERO)).ok();
    }
}

/// A server that treats each connection like this.
pub(crate) async fn scripted<F, Fut>(script: F) -> Server
where
    F: Fn(Peer) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (requests, connections) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let (counted, opened) = (Arc::clone(&requests), Arc::clone(&connections));
    let task = tokio::spawn(async move {
        let mut tasks = tokio::task::JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            opened.fetch_add(1, Ordering::SeqCst);
            stream.set_nodelay(true).unwrap();
            tasks.spawn(script(Peer { stream, requests: Arc::clone(&counted), rest: Vec::new() }));
        }
    });
    Server { address, requests, connections, task }
}

/// A server that gives every request this answer, to the byte.
pub(crate) async fn answering(answer: &'static str) -> Server {
    scripted(move |mut peer| async move {
        while peer.request().await.is_some() {
            peer.say(answer).await;
        }
    })
    .await
}

pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

impl Server {
    pub(crate) fn count(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// Short times, and no active checks.
pub(crate) fn brisk() -> UpstreamConfig {
    UpstreamConfig {
        timeout_ms: 2_000,
        try_timeout_ms: 150,
        body_timeout_ms: 200,
        health_path: String::new(),
        ..UpstreamConfig::default()
    }
}

pub(crate) fn peer(config: UpstreamConfig, endpoints: &[SocketAddr]) -> Upstream {
    let endpoints = endpoints.iter().copied().map(Endpoint::new).collect();
    Upstream::new("test", config, Arc::new(Fixed::new(endpoints)), &Metrics::default())
}

/// An address where nobody listens.
pub(crate) async fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

pub(crate) fn request(method: &str, headers: &[(&str, &str)], body: &str) -> Request<RequestBody> {
    let mut request = Request::builder().method(method).uri("/thing?x=1");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Either::Right(Full::from(body.to_owned()))).unwrap()
}

pub(crate) async fn get(upstream: &Upstream) -> Result<(u16, String), UpstreamError> {
    send(upstream, request("GET", &[], "")).await
}

pub(crate) async fn send(
    upstream: &Upstream,
    request: Request<RequestBody>,
) -> Result<(u16, String), UpstreamError> {
    let response = upstream.send(request, Affinity::of(1)).await?;
    Ok((response.status().as_u16(), text(response).await.unwrap()))
}

pub(crate) async fn text(response: Response<ResponseBody>) -> Result<String, std::io::Error> {
    let collected = response.into_body().collect().await;
    let bytes = collected.map_err(|error| *error.downcast::<std::io::Error>().unwrap())?.to_bytes();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Waits until something is true.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while !holds().await {
        assert!(tokio::time::Instant::now() < deadline, "it never happened: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
