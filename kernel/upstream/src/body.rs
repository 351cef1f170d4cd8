//! An answer's body on its way through, and the connection it comes from.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use hanse_http::{ResponseBody, full, stream};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Sleep;

use crate::peer::Peer;
use crate::place::{Lease, Line};

/// Bodies up to this length are passed on in one piece if they are there already.
const SMALL: u64 = 64 * 1024;

type Item = Option<Result<Frame<Bytes>, hyper::Error>>;

/// Gives the connection back when the body has ended, and closes it when the body is dropped before.
pub(crate) struct AnswerBody {
    body: Incoming,
    lease: Option<Lease>,
    peer: Arc<Peer>,
    /// What was read before anybody asked.
    first: Option<Frame<Bytes>>,
    patience: Option<Duration>,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl AnswerBody {
    pub(crate) fn new(
        body: Incoming,
        lease: Lease,
        peer: Arc<Peer>,
        patience: Option<Duration>,
    ) -> Self {
        Self { body, lease: Some(lease), peer, first: None, patience, stalled: None }
    }

    /// The body to pass on. A small one that has arrived with its head leaves its connection at once.
    ///
    /// # Errors
    /// When the connection is found broken right behind the head.
    pub(crate) async fn pass_on(mut self) -> Result<ResponseBody, Option<hyper::Error>> {
        if self.body.is_end_stream() {
            self.finish();
            return Ok(full(Bytes::new()));
        }
        if self.body.size_hint().exact().is_some_and(|length| length <= SMALL) {
            let there = std::future::poll_fn(|cx| Poll::Ready(self.look(cx))).await;
            if let Poll::Ready(Some(Ok(frame))) = there {
                if self.body.is_end_stream() && frame.is_data() {
                    self.finish();
                    return Ok(full(frame.into_data().unwrap_or_default()));
                }
                self.first = Some(frame);
            } else if let Poll::Ready(item) = there {
                return Err(item.and_then(Result::err));
            }
        }
        Ok(stream(self))
    }

    fn look(&mut self, cx: &mut Context<'_>) -> Poll<Item> {
        let Some(Line::Own(wire)) = self.lease.as_mut().map(|lease| &mut lease.line) else {
            return Pin::new(&mut self.body).poll_frame(cx);
        };
        // Asking tells the connection that there is room; then it may read.
        let mut quiet = Context::from_waker(Waker::noop());
        if let ready @ Poll::Ready(_) = Pin::new(&mut self.body).poll_frame(&mut quiet) {
            return ready;
        }
        wire.drive(cx);
        Pin::new(&mut self.body).poll_frame(&mut quiet)
    }

    fn finish(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.give_back(self.peer.now());
        }
    }

    fn give_up(&mut self, error: io::Error) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(lease) = self.lease.take() {
            self.peer.broke_off(&lease.place);
        }
        Poll::Ready(Some(Err(error)))
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        let item = match this.first.take() {
            Some(frame) => Poll::Ready(Some(Ok(frame))),
            None => this.look(cx),
        };
        match item {
            Poll::Ready(Some(Ok(frame))) => {
                this.stalled = None;
                if this.body.is_end_stream() {
                    this.finish();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => this.give_up(io::Error::other(error)),
            Poll::Ready(None) => {
                this.finish();
                Poll::Ready(None)
            }
            Poll::Pending => {
                let Some(patience) = this.patience else { return Poll::Pending };
                let stalled =
                    this.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
                if stalled.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                this.give_up(io::ErrorKind::TimedOut.into())
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.body.size_hint();
        let first = self.first.as_ref().and_then(Frame::data_ref).map_or(0, Bytes::len) as u64;
        if let Some(rest) = hint.exact() {
            hint.set_exact(rest + first);
        }
        hint
    }
}
