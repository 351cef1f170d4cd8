//! A request on its way through an operation.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hanse_telemetry::trace::TraceContext;
use http::request::Parts;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Either, Full};
use uuid::Uuid;

use crate::caller::Caller;
use crate::error::{KernelError, Problem};
use crate::idempotency::Guard;
use crate::operation::Operation;
use crate::received::Received;

/// A request's body: from the network, or already in memory.
pub type RequestBody = Either<Received, Full<Bytes>>;
/// Any failure while a body is streamed.
pub type BodyError = std::io::Error;
/// A response's body: in memory, or streamed.
pub type ResponseBody = Either<Full<Bytes>, UnsyncBoxBody<Bytes, BodyError>>;

/// A body arrives within this time or the request is given up.
const BODY_TIME: Duration = Duration::from_secs(30);

/// A body from memory.
pub fn full(bytes: impl Into<Bytes>) -> ResponseBody {
    Either::Left(Full::new(bytes.into()))
}

/// A body that is made while it is sent.
pub fn stream<B>(body: B) -> ResponseBody
where
    B: http_body::Body<Data = Bytes, Error = BodyError> + Send + 'static,
{
    Either::Right(body.boxed_unsync())
}

/// What is known of a request besides its content.
#[derive(Clone, Debug)]
pub struct Context {
    /// Names this request in logs and answers.
    pub request_id: Uuid,
    /// Where it stands in a distributed trace.
    pub trace: TraceContext,
    /// Who is asking.
    pub caller: Caller,
    /// The network address it came from, as far as it can be trusted.
    pub client: IpAddr,
}

/// A request as an operation's inputs see it.
pub struct Exchange {
    /// The operation it was routed to.
    pub operation: Arc<Operation>,
    /// Values of the path's parameters, in order.
    pub params: Vec<String>,
    /// Method, address, headers.
    pub parts: Parts,
    /// The whole body; empty when the operation takes none.
    pub body: Bytes,
    /// Who and whence.
    pub context: Context,
    /// Of a request with an `Idempotency-Key`.
    pub(crate) guard: Option<Guard>,
}

/// Sends an error that happened outside any operation.
#[must_use]
pub fn problem_response(error: &KernelError, context: &Context) -> http::Response<ResponseBody> {
    let mut problem = Problem::of(error);
    if let KernelError::TooManyRequests(seconds) = error {
        problem = problem.after(*seconds);
    }
    problem.respond(context)
}

/// Reads a body up to `limit` bytes: never more is kept in memory, whatever its sender claims.
///
/// # Errors
/// [`KernelError::BodyTooLarge`], [`KernelError::BodyTimeout`], or [`KernelError::MalformedBody`] when
/// the connection breaks.
pub async fn collect_body(
    body: RequestBody,
    declared: Option<u64>,
    limit: usize,
) -> Result<Bytes, KernelError> {
    if declared.is_some_and(|length| length > limit as u64) {
        return Err(KernelError::BodyTooLarge(limit));
    }
    let mut body = match body {
        Either::Right(mut memory) => {
            let bytes =
                memory.frame().await.and_then(Result::ok).and_then(|frame| frame.into_data().ok());
            let bytes = bytes.unwrap_or_default();
            return if bytes.len() > limit {
                Err(KernelError::BodyTooLarge(limit))
            } else {
                Ok(bytes)
            };
        }
        Either::Left(incoming) => incoming,
    };
    let read = async {
        // Most bodies are one frame; those are not copied.
        let mut first = Bytes::new();
        let mut rest = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| KernelError::MalformedBody("it ended early".into()))?;
            let Ok(data) = frame.into_data() else { continue };
            if first.len() + rest.len() + data.len() > limit {
                return Err(KernelError::BodyTooLarge(limit));
            }
            if first.is_empty() { first = data } else { rest.extend_from_slice(&data) }
        }
        if rest.is_empty() { Ok(first) } else { Ok([first, rest.freeze()].concat().into()) }
    };
    tokio::time::timeout(BODY_TIME, read).await.unwrap_or(Err(KernelError::BodyTimeout))
}
