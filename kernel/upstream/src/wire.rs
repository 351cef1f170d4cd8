//! One HTTP/1.1 connection, driven by whoever uses it.
//!
//! The usual way gives each connection a task of its own, and every message goes from task to task:
//! two wake-ups and often two threads for each request. Here the task that sends a request also
//! polls the connection, and nobody polls it while it is idle. That an idle one was closed shows when
//! it is looked at before its next use; the sweeper closes those that nobody looks at.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use hanse_http::RequestBody;
use hanse_tls::{Connector, Speaks, Stream};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::{Handle, Id};

use crate::error::Failure;

/// Longest head of an answer.
const LONGEST_HEAD: usize = 64 * 1024;

pub(crate) struct Wire {
    sender: http1::SendRequest<RequestBody>,
    connection: http1::Connection<TokioIo<Stream>, RequestBody>,
    ended: bool,
    /// Whose input and output it is: another runtime may be slower, or end sooner.
    runtime: Id,
    /// It has answered before, so it may have been closed meanwhile.
    pub(crate) used: bool,
}

/// A new connection to a server, which must show a certificate of this name where TLS is spoken.
pub(crate) async fn dial(
    address: SocketAddr,
    tls: Option<(&Connector, &str)>,
    speaks: Speaks,
) -> io::Result<Stream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    match tls {
        Some((connector, name)) => connector.connect(stream, name, speaks).await,
        None => Ok(Stream::Plain(stream)),
    }
}

impl Wire {
    pub(crate) async fn connect(stream: Stream) -> io::Result<Box<Self>> {
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(LONGEST_HEAD)
            .max_header_size(LONGEST_HEAD)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        let runtime = Handle::current().id();
        Ok(Box::new(Self { sender, connection, ended: false, runtime, used: false }))
    }

    /// Lets the connection read and write. The channels between it and its user are only ever filled
    /// by this call, so whoever waits for one must call this first and needs no wake-up from it.
    pub(crate) fn drive(&mut self, cx: &mut Context<'_>) {
        // Its failures reach the user through the channels.
        if !self.ended && Pin::new(&mut self.connection).poll(cx).is_ready() {
            self.ended = true;
        }
    }

    /// The runtime that it belongs to.
    pub(crate) fn runtime(&self) -> Id {
        self.runtime
    }

    /// Can it take another request?
    pub(crate) fn fit(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop()));
        !self.ended && self.sender.is_ready()
    }

    /// Sends a request and waits for the head of its answer.
    pub(crate) async fn exchange(
        &mut self,
        request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, Failure> {
        let mut answer = std::pin::pin!(self.sender.try_send_request(request));
        let (connection, ended) = (&mut self.connection, &mut self.ended);
        let answered = std::future::poll_fn(|cx| {
            if !*ended && Pin::new(&mut *connection).poll(cx).is_ready() {
                *ended = true;
            }
            match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(answer) => Poll::Ready(Some(answer)),
                Poll::Pending if *ended => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        })
        .await;
        match answered {
            Some(Ok(response)) => Ok(response),
            Some(Err(mut error)) => Err(match error.take_message() {
                Some(request) => Failure::Unsent(Box::new(request)),
                None => Failure::of(error.into_error()),
            }),
            None => Err(Failure::Broken(None)),
        }
    }

    /// The naked stream and what was read already, after an answer 101.
    pub(crate) async fn into_stream(mut self: Box<Self>) -> (Stream, Bytes) {
        std::future::poll_fn(|cx| {
            self.drive(cx);
            if self.ended { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        let parts = self.connection.into_parts();
        (parts.io.into_inner(), parts.read_buf)
    }
}
