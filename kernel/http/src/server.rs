//! The server loop: connections in, each with its own bounds, and a drain that loses no request.
//!
//! Slow clients are bounded in every direction: headers must arrive within ten seconds (also the
//! first byte of the first request, and of the next one on a kept connection, which bounds idle
//! ones), a body within thirty (see `dispatch.rs`), and a client that does not read its answer is cut
//! off when a write has not moved for thirty. What only HTTP/2 makes possible is in `activity.rs`.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hanse_telemetry::metrics::Metrics;
use hanse_tls::{Acceptor, Stream};
use http::header::{CONNECTION, HeaderValue, TRANSFER_ENCODING};
use http_body_util::Either;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep};

use crate::activity::{Activity, Idleness, Taken};
use crate::aside::Aside;
use crate::front::Front;
use crate::live::{UntilStopped, wants_socket};
use crate::places::{Place, Places};
use crate::received::{Received, Rest};
use crate::tunnels::Tunnels;

/// Bounds of a listener.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at the same time; more wait in the kernel's queue.
    pub connections: usize,
    /// Connections of one client address at the same time; more are closed at once. Not counted for
    /// addresses that the front trusts.
    pub connections_per_address: usize,
    /// Time for a request's head, and for an idle connection.
    pub header_time: Duration,
    /// Time without progress while sending, and of an idle HTTP/2 connection.
    pub write_time: Duration,
    /// Time to finish what is under way when stopping.
    pub drain_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_address: 2_000,
            header_time: Duration::from_secs(10),
            write_time: Duration::from_secs(30),
            drain_time: Duration::from_secs(25),
        }
    }
}

/// Where connections come in, whether they are encrypted, and who serves them.
pub struct Door {
    listener: TcpListener,
    tls: Option<Acceptor>,
    lanes: Arc<[Handle]>,
}

impl Door {
    /// A listener behind which TLS is spoken.
    #[must_use]
    pub fn encrypted(listener: TcpListener, tls: Acceptor) -> Self {
        Self { tls: Some(tls), ..listener.into() }
    }

    /// Lets these runtimes serve the connections, each one its share, from the first byte to the last.
    #[must_use]
    pub fn on(self, lanes: Arc<[Handle]>) -> Self {
        Self { lanes, ..self }
    }
}

impl From<TcpListener> for Door {
    /// A plain listener, served where [`serve`] runs.
    fn from(listener: TcpListener) -> Self {
        Self { listener, tls: None, lanes: Arc::default() }
    }
}

/// Serves until `stop` ends, then finishes requests under way within the drain time.
pub async fn serve<F: Front>(
    door: impl Into<Door>,
    front: Arc<F>,
    limits: Limits,
    metrics: Metrics,
    stop: impl Future<Output = ()>,
) {
    let Door { listener, tls, lanes } = door.into();
    let here = [Handle::current()];
    let lanes: &[Handle] = if lanes.is_empty() { &here } else { &lanes };
    let mut turns = lanes.iter().cycle();
    let builder = Arc::new(builder(limits));
    let slots = Arc::new(Semaphore::new(limits.connections));
    let places = Places::new(limits.connections_per_address);
    let (stopping, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &slots) => accepted,
            () = &mut stop => break,
        };
        let Some((stream, peer, slot)) = accepted else { continue };
        let Some(place) = place(&places, &*front, peer) else { continue };
        let held = (metrics.connection(), slot, place);
        let connection = Connection {
            peer,
            front: Arc::clone(&front),
            tls: tls.clone(),
            builder: Arc::clone(&builder),
            limits,
            stopped: stopped.clone(),
        };
        let Some(lane) = turns.next() else { continue };
        let conversation = async move {
            connection.run(stream).await;
            drop(held);
        };
        connections.spawn_on(conversation, lane);
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    stopping.send_replace(true);
    end_all(connections, limits.drain_time).await;
}

/// A connection, and what it is served with.
struct Connection<F> {
    peer: SocketAddr,
    front: Arc<F>,
    tls: Option<Acceptor>,
    builder: Arc<Builder<TokioExecutor>>,
    limits: Limits,
    stopped: watch::Receiver<bool>,
}

impl<F: Front> Connection<F> {
    /// Serves it to its end, on the runtime of whoever asks: its input and output belong there.
    async fn run(self, stream: std::net::TcpStream) {
        let Self { peer, front, tls, builder, limits, mut stopped } = self;
        let Ok(stream) = TcpStream::from_std(stream) else { return };
        let activity = Arc::new(Activity::default());
        let requests = Arc::clone(&activity);
        let shared = Arc::new(Shared { front, peer, requests, stopped: stopped.clone() });
        let tunnels = Tunnels::new(stopped.clone());
        let entrance = tunnels.clone();
        let service = service_fn(move |mut request: http::Request<_>| {
            if wants_socket(request.headers()) {
                request.extensions_mut().insert(entrance.clone());
            }
            answer(Arc::clone(&shared), request)
        });
        let stream = enter(stream, tls.as_ref(), peer);
        let Some(Some(stream)) = unless(&mut stopped, stream).await else { return };
        let io = TokioIo::new(Watched::new(stream, limits, Arc::clone(&activity)));
        let connection = builder.serve_connection_with_upgrades(io, service);
        let mut connection = std::pin::pin!(connection);
        let ends = || activity.ends(limits.write_time, limits.write_time);
        let mut aside = Aside::new(async {
            tokio::select! {
                _ = stopped.wait_for(|stopped| *stopped) => None,
                idleness = ends() => Some(idleness),
            }
        });
        let mut over = tokio::select! {
            biased;
            // A broken connection is the client's business.
            _ = connection.as_mut() => Some(true),
            idleness = &mut aside => (idleness == Some(Idleness::Stalled)).then_some(false),
        };
        // One that went on waiting would be told first that the connection speaks HTTP/2.
        drop(aside);
        if over.is_none() {
            // Says that no more is taken, and finishes what is under way.
            connection.as_mut().graceful_shutdown();
            let patience = tokio::time::sleep(limits.header_time);
            over = tokio::select! {
                _ = connection.as_mut() => Some(true),
                _ = async { tokio::join!(patience, ends()) } => None,
            };
        }
        if over == Some(true) {
            tunnels.run().await;
        }
    }
}

/// What a future gives, unless the server is stopped first.
async fn unless<T>(
    stopped: &mut watch::Receiver<bool>,
    work: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        done = work => Some(done),
        _ = stopped.wait_for(|stopped| *stopped) => None,
    }
}

/// Waits for connections to end by themselves; those that have not within this time are cut.
async fn end_all(mut connections: JoinSet<()>, within: Duration) {
    tokio::select! {
        () = async { while connections.join_next().await.is_some() {} } => {}
        () = tokio::time::sleep(within) => {
            tracing::warn!(open = connections.len(), "some connections did not end in time");
        }
    }
}

/// How both versions of HTTP are spoken. A head of HTTP/1 has at most 100 headers, which is the library's
/// own limit: given by name, it would cost the filling of two tables for every head.
fn builder(limits: Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_time)
        .max_buf_size(64 * 1024)
        .half_close(false)
        .pipeline_flush(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(200)
        .max_header_list_size(64 * 1024)
        .max_pending_accept_reset_streams(20)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(limits.header_time);
    builder
}

/// A place among its client's connections; none is needed where many clients come from one address.
fn place<F: Front>(places: &Places, front: &F, peer: SocketAddr) -> Option<Option<Place>> {
    if front.trusts(peer.ip()) {
        return Some(None);
    }
    let place = places.take(peer.ip());
    if place.is_none() {
        tracing::debug!(client = %peer.ip(), "too many connections of one address");
    }
    place.map(Some)
}

/// What the requests of one connection share. They count references to this, and not each to what all
/// connections share: processors would pass that from one to the other all the time.
struct Shared<F> {
    front: Arc<F>,
    peer: SocketAddr,
    requests: Arc<Activity>,
    stopped: watch::Receiver<bool>,
}

fn answer<F: Front>(
    shared: Arc<Shared<F>>,
    request: http::Request<hyper::body::Incoming>,
) -> impl Future<Output = Result<http::Response<Taken>, Infallible>> {
    let http2 = request.version() == http::Version::HTTP_2;
    let under = http2.then(|| shared.requests.begin());
    // A request may have had a length as well, which the library has dropped: whoever stands between
    // may have seen another end of it (RFC 9112, section 6.1).
    let ambiguous = request.headers().contains_key(TRANSFER_ENCODING);
    let (head, body) = request.into_parts();
    let (body, rest) = Received::new(body, &head.headers);
    let request = http::Request::from_parts(head, Either::Left(body));
    async move {
        let mut response = shared.front.handle(request, shared.peer).await;
        // HTTP/2 ends a stream by itself.
        let unread = rest.filter(|_| under.is_none()).and_then(Rest::unread);
        let more = match unread {
            // Boxed: most requests are read to their end.
            Some(unread) => !Box::pin(unread.throw_away()).await,
            None => false,
        };
        if ambiguous || more {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let response = UntilStopped::watch(response, || {
            let mut stopped = shared.stopped.clone();
            async move { drop(stopped.wait_for(|stopped| *stopped).await) }
        });
        Ok(response.map(|body| match under {
            Some(under) => Taken::watched(body, under),
            None => Taken::freely(body),
        }))
    }
}

/// What a connection is read from, once it has shaken hands where that is asked for.
async fn enter(stream: TcpStream, tls: Option<&Acceptor>, peer: SocketAddr) -> Option<Stream> {
    match tls {
        Some(tls) => tls.accept(stream, peer.ip()).await,
        None => Some(Stream::Plain(stream)),
    }
}

type Accepted = (std::net::TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> Option<Accepted> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    let accepted = listener.accept().await;
    match accepted.and_then(|(stream, peer)| Ok((stream.into_std()?, peer))) {
        Ok((stream, peer)) => {
            stream.set_nodelay(true).ok();
            Some((stream, peer, slot))
        }
        Err(error) => {
            // Out of file descriptors, most likely: let some connections end.
            tracing::warn!(error = %error, "a connection could not be accepted");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

/// How HTTP/2 begins. Until a client has sent something else, or all of it, the library does not know
/// which HTTP it speaks, and none of its own time limits run.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A stream that must begin in time and whose writes must make progress.
struct Watched {
    stream: Stream,
    opening: Option<Opening>,
    activity: Arc<Activity>,
    write_time: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

/// A connection of which no more is known than a beginning of [`PREFACE`], possibly empty.
struct Opening {
    seen: usize,
    deadline: Pin<Box<Sleep>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Http1,
    Http2,
}

impl Opening {
    /// The kind of HTTP after these bytes, unless it is still open.
    fn decide(&mut self, bytes: &[u8]) -> Option<Kind> {
        let rest = PREFACE.get(self.seen..).unwrap_or_default();
        self.seen += bytes.len();
        if bytes.starts_with(rest) {
            return Some(Kind::Http2);
        }
        (!rest.starts_with(bytes)).then_some(Kind::Http1)
    }
}

impl Watched {
    fn new(stream: Stream, limits: Limits, activity: Arc<Activity>) -> Self {
        let deadline = Box::pin(tokio::time::sleep(limits.header_time));
        let opening = Some(Opening { seen: 0, deadline });
        Self { stream, opening, activity, write_time: limits.write_time, stalled: None }
    }

    fn watch<T>(&mut self, cx: &mut Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.stalled = None;
            return poll;
        }
        let limit = self.write_time;
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + limit)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let poll = Pin::new(&mut self.stream).poll_read(cx, buf);
        let Some(opening) = &mut self.opening else { return poll };
        if poll.is_pending() {
            ready!(opening.deadline.as_mut().poll(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if let Some(kind) = opening.decide(buf.filled().get(before..).unwrap_or_default()) {
            if kind == Kind::Http2 {
                self.activity.speaks_http2();
            }
            self.opening = None;
        }
        poll
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.watch(cx, poll)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.watch(cx, poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
