//! One endpoint with everything known of it: its connections, its health, its load.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use hanse_http::RequestBody;
use hanse_tls::{Connector, Speaks, Stream};
use http::header::HOST;
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Request, Response, Uri, Version};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::runtime::{Handle, Id};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::{Protocol, UpstreamConfig, ms};
use crate::discovery::Endpoint;
use crate::error::Failure;
use crate::wire::{Wire, dial};

/// Longest wait for a free connection.
const QUEUE_TIME: Duration = Duration::from_secs(1);

/// Which connection a request wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// An idle one, if there is one.
    Any,
    /// A new one: the last idle one was not open any more.
    New,
    /// A new one of HTTP/1.1 that it keeps for itself.
    Tunnel,
}

/// A sender of a connection that several requests share.
pub(crate) type Shared = http2::SendRequest<RequestBody>;

/// A connection that nobody uses.
struct Idle {
    wire: Box<Wire>,
    /// Whose it is, so that others' are passed over without a look at them.
    runtime: Id,
    since: u64,
}

pub(crate) struct Place {
    pub(crate) address: SocketAddr,
    /// Its address as a `Host`.
    pub(crate) host: HeaderValue,
    /// How it is spoken to by TLS, and whose certificate it must show.
    tls: Option<(Connector, Box<str>)>,
    weight: AtomicU16,
    limit: usize,
    slots: Arc<Semaphore>,
    /// Idle connections, the latest used last.
    idle: Mutex<Vec<Idle>>,
    /// The shared connection of each runtime that uses this endpoint.
    shared: tokio::sync::Mutex<Vec<(Id, Shared)>>,
    most_idle: usize,
    idle_ms: u64,
    gone: AtomicBool,
    healthy: AtomicBool,
    failed_checks: AtomicU32,
    errors: AtomicU32,
    ejections: AtomicU32,
    ejected_until: AtomicU64,
}

/// A connection while a request uses it. Dropped without [`Lease::give_back`], it is closed.
pub(crate) struct Lease {
    pub(crate) place: Arc<Place>,
    pub(crate) line: Line,
    pub(crate) slot: OwnedSemaphorePermit,
}

pub(crate) enum Line {
    Own(Box<Wire>),
    Shared(Shared),
}

impl Place {
    pub(crate) fn new(
        endpoint: Endpoint,
        config: &UpstreamConfig,
        tls: Option<&Connector>,
    ) -> Self {
        let limit = config.connections as usize;
        let host = match (config.host.as_str(), &endpoint.name) {
            // Whoever has a certificate for a name serves by that name.
            ("", Some(name)) if tls.is_some() && endpoint.address.port() == 443 => {
                HeaderValue::from_str(name)
            }
            ("", Some(name)) if tls.is_some() => {
                HeaderValue::try_from(format!("{name}:{}", endpoint.address.port()))
            }
            ("", _) => HeaderValue::try_from(endpoint.address.to_string()),
            (host, _) => HeaderValue::from_str(host),
        };
        let name = || match &endpoint.name {
            Some(name) => name.as_ref().into(),
            None => endpoint.address.ip().to_string().into(),
        };
        let tls = tls.map(|connector| (connector.clone(), name()));
        Self {
            address: endpoint.address,
            host: host.unwrap_or(HeaderValue::from_static("upstream")),
            tls,
            weight: AtomicU16::new(endpoint.weight),
            limit,
            slots: Arc::new(Semaphore::new(limit)),
            idle: Mutex::default(),
            shared: tokio::sync::Mutex::default(),
            most_idle: config.idle_connections as usize,
            idle_ms: config.idle_ms.into(),
            gone: AtomicBool::new(false),
            healthy: AtomicBool::new(true),
            failed_checks: AtomicU32::new(0),
            errors: AtomicU32::new(0),
            ejections: AtomicU32::new(0),
            ejected_until: AtomicU64::new(0),
        }
    }

    /// A connection that lies idle, if one is wanted and there is one.
    pub(crate) fn idle_lease(self: &Arc<Self>, now: u64, want: Want) -> Option<Lease> {
        if want != Want::Any {
            return None;
        }
        let slot = Arc::clone(&self.slots).try_acquire_owned().ok()?;
        let line = Line::Own(self.take_idle(now)?);
        Some(Lease { place: Arc::clone(self), line, slot })
    }

    /// A connection.
    pub(crate) async fn lease(
        self: &Arc<Self>,
        config: &UpstreamConfig,
        now: u64,
        want: Want,
    ) -> Result<Lease, Failure> {
        let slot = match Arc::clone(&self.slots).try_acquire_owned() {
            Ok(slot) => slot,
            Err(_) => tokio::time::timeout(QUEUE_TIME, Arc::clone(&self.slots).acquire_owned())
                .await
                .map_err(|_| Failure::Busy)?
                .map_err(|_| Failure::Busy)?,
        };
        let line = match config.protocol {
            Protocol::Http2 if want != Want::Tunnel => Line::Shared(self.shared(config).await?),
            _ => {
                let idle = if want == Want::Any { self.take_idle(now) } else { None };
                Line::Own(match idle {
                    Some(wire) => wire,
                    None => {
                        let stream = self.dial(config, Speaks::Http1).await;
                        let connecting = Wire::connect(stream.map_err(Failure::Refused)?);
                        connecting.await.map_err(Failure::Refused)?
                    }
                })
            }
        };
        Ok(Lease { place: Arc::clone(self), line, slot })
    }

    fn take_idle(&self, now: u64) -> Option<Box<Wire>> {
        let here = Handle::current().id();
        loop {
            let Idle { mut wire, since, .. } = {
                let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
                let latest = idle.iter().rposition(|idle| idle.runtime == here)?;
                idle.remove(latest)
            };
            if now.saturating_sub(since) < self.idle_ms && wire.fit() {
                return Some(wire);
            }
        }
    }

    async fn shared(&self, config: &UpstreamConfig) -> Result<Shared, Failure> {
        let here = Handle::current().id();
        let mut shared = self.shared.lock().await;
        shared.retain(|(_, sender)| !sender.is_closed());
        if let Some((_, sender)) = shared.iter().find(|(runtime, _)| *runtime == here) {
            return Ok(sender.clone());
        }
        let stream = self.dial(config, Speaks::Http2).await;
        let stream = TokioIo::new(stream.map_err(Failure::Refused)?);
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .adaptive_window(true)
            .keep_alive_interval(Duration::from_secs(5))
            .keep_alive_timeout(Duration::from_secs(5))
            .handshake(stream)
            .await
            .map_err(|error| Failure::Refused(std::io::Error::other(error)))?;
        // It ends when the last sender is dropped or the peer closes it.
        #[expect(clippy::disallowed_methods, reason = "a shared connection has a task of its own")]
        drop(tokio::spawn(connection));
        shared.push((here, sender.clone()));
        Ok(sender)
    }

    async fn dial(&self, config: &UpstreamConfig, speaks: Speaks) -> io::Result<Stream> {
        let tls = self.tls.as_ref().map(|(connector, name)| (connector, name.as_ref()));
        let dialling = dial(self.address, tls, speaks);
        tokio::time::timeout(ms(config.connect_timeout_ms), dialling)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Closes connections that were idle for too long; all of them when the endpoint is gone.
    pub(crate) fn sweep(&self, now: u64) {
        let gone = self.gone.load(Relaxed);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|idle| !gone && now.saturating_sub(idle.since) < self.idle_ms);
    }

    /// Discovery does not name it any more.
    pub(crate) fn retire(&self) {
        self.gone.store(true, Relaxed);
        self.sweep(0);
    }

    pub(crate) fn weight(&self) -> u16 {
        self.weight.load(Relaxed)
    }

    pub(crate) fn set_weight(&self, weight: u16) {
        self.weight.store(weight, Relaxed);
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.limit.saturating_sub(self.slots.available_permits())
    }

    pub(crate) fn idle_count(&self) -> usize {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub(crate) fn healthy(&self) -> bool {
        self.healthy.load(Relaxed)
    }

    pub(crate) fn ejected(&self, now: u64) -> bool {
        self.ejected_until.load(Relaxed) > now
    }

    pub(crate) fn errors(&self) -> u32 {
        self.errors.load(Relaxed)
    }

    /// Should new requests go here?
    pub(crate) fn available(&self, now: u64) -> bool {
        self.healthy() && !self.ejected(now)
    }

    /// It answered.
    pub(crate) fn succeeded(&self, now: u64, config: &UpstreamConfig) {
        if self.errors.load(Relaxed) != 0 {
            self.errors.store(0, Relaxed);
        }
        if !self.healthy() {
            self.checked(true, config);
        }
        let until = self.ejected_until.load(Relaxed);
        if until != 0 && now >= until + u64::from(config.eject_ms) {
            // It has been well for as long as it was away.
            self.ejected_until.store(0, Relaxed);
            self.ejections.store(0, Relaxed);
        }
    }

    /// It failed; true when that is once too often.
    pub(crate) fn failed(&self, config: &UpstreamConfig) -> bool {
        self.errors.fetch_add(1, Relaxed).saturating_add(1) >= config.eject_after
    }

    /// Sends nothing here for a while; longer each time in a row.
    pub(crate) fn eject(&self, now: u64, config: &UpstreamConfig) {
        let times = u64::from(self.ejections.fetch_add(1, Relaxed).saturating_add(1));
        let time = (times * u64::from(config.eject_ms)).min(config.eject_longest_ms.into());
        self.ejected_until.store(now + time, Relaxed);
        self.errors.store(0, Relaxed);
    }

    /// An active check ended. One good one is enough to come back.
    pub(crate) fn checked(&self, good: bool, config: &UpstreamConfig) {
        if good {
            self.failed_checks.store(0, Relaxed);
            self.healthy.store(true, Relaxed);
        } else if self.failed_checks.fetch_add(1, Relaxed).saturating_add(1)
            >= config.health_failures
        {
            self.healthy.store(false, Relaxed);
        }
    }

    fn keep(&self, wire: Box<Wire>, now: u64) {
        if self.gone.load(Relaxed) {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.most_idle {
            idle.push(Idle { runtime: wire.runtime(), wire, since: now });
        }
    }
}

impl Lease {
    /// Sends a request and waits for the head of its answer.
    pub(crate) fn exchange(
        &mut self,
        mut request: Request<RequestBody>,
    ) -> impl Future<Output = Result<Response<Incoming>, Failure>> + Send {
        request.headers_mut().insert(HOST, self.place.host.clone());
        match &mut self.line {
            Line::Own(wire) => wire.exchange(request).left_future(),
            Line::Shared(sender) => {
                Box::pin(exchange_shared(&self.place, sender, request)).right_future()
            }
        }
    }

    /// The answer was read to its end: the connection may be used again.
    pub(crate) fn give_back(self, now: u64) {
        if let Line::Own(mut wire) = self.line
            && wire.fit()
        {
            wire.used = true;
            self.place.keep(wire, now);
        }
    }

    /// May the other side have closed it before it saw the request?
    pub(crate) fn used(&self) -> bool {
        matches!(&self.line, Line::Own(wire) if wire.used)
    }
}

/// As [`Lease::exchange`], on a connection of HTTP/2.
async fn exchange_shared(
    place: &Place,
    sender: &mut Shared,
    mut request: Request<RequestBody>,
) -> Result<Response<Incoming>, Failure> {
    // HTTP/2 has the host in the address.
    request.headers_mut().remove(HOST);
    let mut address = std::mem::take(request.uri_mut()).into_parts();
    let plain = place.tls.is_none();
    address.scheme = Some(if plain { Scheme::HTTP } else { Scheme::HTTPS });
    address.authority = Authority::try_from(place.host.as_bytes()).ok();
    let malformed = |_| Failure::Malformed("its address cannot be written", None);
    *request.uri_mut() = Uri::from_parts(address).map_err(malformed)?;
    *request.version_mut() = Version::HTTP_2;
    sender.ready().await.map_err(|error| Failure::Broken(Some(error)))?;
    sender.send_request(request).await.map_err(Failure::of)
}
