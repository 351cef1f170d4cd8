//! What goes on on an HTTP/2 connection, so that one on which nothing does is let go.
//!
//! An HTTP/1 connection is bounded by the time of its next request's head and of its writes. An HTTP/2
//! one can hold a place for ever by answering pings, and answers in memory by never granting them a
//! window: there both are looked for from outside.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::dispatch::{BodyError, ResponseBody};

/// How often a connection is looked at.
const LOOK: Duration = Duration::from_secs(2);
/// Bytes that are handed over at a time: the library keeps what a window has no room for, and that no
/// longer counts as waiting.
const PIECE: usize = 16 * 1024;

/// Why a connection is let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Idleness {
    /// Nobody asks for anything.
    Idle,
    /// An answer is not taken.
    Stalled,
}

/// See the module. Shared by a connection, its requests and whoever looks.
#[derive(Default)]
pub(crate) struct Activity {
    /// It speaks HTTP/2.
    http2: Notify,
    requests: Mutex<Requests>,
}

struct Requests {
    next: u64,
    /// Requests under way, with the time since when their answers wait to be taken.
    open: BTreeMap<u64, Option<Instant>>,
    /// When the last one ended.
    ended: Instant,
}

impl Default for Requests {
    fn default() -> Self {
        Self { next: 0, open: BTreeMap::new(), ended: Instant::now() }
    }
}

impl Activity {
    pub(crate) fn speaks_http2(&self) {
        self.http2.notify_one();
    }

    /// A request that is under way until this is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> Under {
        let mut requests = self.lock();
        let id = requests.next;
        requests.next += 1;
        requests.open.insert(id, None);
        Under { activity: Arc::clone(self), id }
    }

    /// Waits until an HTTP/2 connection has been idle, or an answer not taken, for too long. Never ends
    /// for HTTP/1.
    pub(crate) async fn ends(&self, idle: Duration, stalled: Duration) -> Idleness {
        self.http2.notified().await;
        // Whoever asks again, after an end was found, is told at once what holds.
        self.http2.notify_one();
        loop {
            if let Some(idleness) = self.idleness(idle, stalled) {
                return idleness;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn idleness(&self, idle: Duration, stalled: Duration) -> Option<Idleness> {
        let requests = self.lock();
        if requests.open.values().flatten().any(|since| since.elapsed() >= stalled) {
            return Some(Idleness::Stalled);
        }
        let nothing = requests.open.is_empty() && requests.ended.elapsed() >= idle;
        nothing.then_some(Idleness::Idle)
    }

    fn lock(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request under way.
pub(crate) struct Under {
    activity: Arc<Activity>,
    id: u64,
}

impl Under {
    /// From now on its answer waits to be taken, or, with `None`, for more to say.
    fn waits(&self, since: Option<Instant>) {
        self.activity.lock().open.insert(self.id, since);
    }
}

impl Drop for Under {
    fn drop(&mut self) {
        let mut requests = self.activity.lock();
        requests.open.remove(&self.id);
        requests.ended = Instant::now();
    }
}

/// An answer's body that knows whether it is being taken.
pub(crate) struct Taken {
    body: ResponseBody,
    rest: Bytes,
    under: Option<Under>,
}

impl Taken {
    /// The body of an answer over HTTP/1, which needs no watching.
    pub(crate) fn freely(body: ResponseBody) -> Self {
        Self { body, rest: Bytes::new(), under: None }
    }

    /// The body of an answer over HTTP/2.
    pub(crate) fn watched(body: ResponseBody, under: Under) -> Self {
        under.waits(Some(Instant::now()));
        Self { body, rest: Bytes::new(), under: Some(under) }
    }
}

impl Body for Taken {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let Some(under) = &this.under else { return poll_inner(&mut this.body, cx) };
        if this.rest.is_empty() {
            under.waits(None);
            let frame = match ready!(poll_inner(&mut this.body, cx)) {
                Some(Ok(frame)) => frame,
                end => return Poll::Ready(end),
            };
            match frame.into_data() {
                Ok(data) => this.rest = data,
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
        under.waits(Some(Instant::now()));
        let piece = this.rest.split_to(this.rest.len().min(PIECE));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        let hint = self.body.size_hint();
        let mut sum = SizeHint::new();
        sum.set_lower(hint.lower() + rest);
        if let Some(upper) = hint.upper() {
            sum.set_upper(upper + rest);
        }
        sum
    }
}

fn poll_inner(
    body: &mut ResponseBody,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
    Pin::new(body).poll_frame(cx).map_err(BodyError::other)
}
