//! A request's body from the network, and what becomes of the rest of it when a request is refused.
//!
//! Most refusals come before a body is read: nobody is signed in, nothing is there. What the client is
//! still sending must go somewhere. A connection that is closed while its client sends may take the
//! answer with it, and one that is closed without having said so fails the client's next request. So
//! the rest is thrown away, within bounds, and if there is more the answer says that the connection
//! ends.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::EXPECT;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

/// Bytes of a refused body that are thrown away.
const THROWN_AWAY: usize = 8 * 1024 * 1024;
/// Time for that.
const PATIENCE: Duration = Duration::from_secs(2);

/// A body that goes back to the server when it is dropped before its end.
pub struct Received {
    /// Nothing only while it is dropped.
    body: Option<Incoming>,
    rest: Option<Rest>,
}

/// Where a body that nobody has read to its end is found.
#[derive(Clone)]
pub(crate) struct Rest {
    unread: Arc<Mutex<Option<Incoming>>>,
    /// Its client waits to be asked for it (`Expect: 100-continue`).
    withheld: bool,
}

impl Received {
    /// A body, and where its rest will be found if it is not empty.
    pub(crate) fn new(body: Incoming, headers: &HeaderMap) -> (Self, Option<Rest>) {
        let withheld = headers.contains_key(EXPECT);
        let rest = || Rest { unread: Arc::default(), withheld };
        let rest = (!body.is_end_stream()).then(rest);
        (Self { body: Some(body), rest: rest.clone() }, rest)
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        let unread = self.body.take().filter(|body| !body.is_end_stream());
        if let (Some(rest), Some(unread)) = (&self.rest, unread) {
            *rest.unread.lock().unwrap_or_else(PoisonError::into_inner) = Some(unread);
        }
    }
}

impl Body for Received {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Rest {
    /// What was left unread, if anything was.
    pub(crate) fn unread(self) -> Option<Unread> {
        let body = self.unread.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some(Unread { body, withheld: self.withheld })
    }
}

/// A body that nobody has read to its end.
pub(crate) struct Unread {
    body: Incoming,
    withheld: bool,
}

impl Unread {
    /// Throws it away; false when the connection cannot be used after it, because there is more than is
    /// worth it.
    pub(crate) async fn throw_away(mut self) -> bool {
        if self.withheld {
            return false;
        }
        let read = async {
            let mut left = THROWN_AWAY;
            while let Some(frame) = self.body.frame().await {
                let Ok(frame) = frame else { return false };
                let length = frame.data_ref().map_or(0, Bytes::len);
                let Some(less) = left.checked_sub(length) else { return false };
                left = less;
            }
            true
        };
        tokio::time::timeout(PATIENCE, read).await.unwrap_or(false)
    }
}
