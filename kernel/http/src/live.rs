//! Answers that go on: server-sent events, and WebSockets of a service of this process.
//!
//! Both carry the same thing, [`LiveEvent`]s, from one stream that the handler gives. A client that asked
//! for a WebSocket gets each as a text message, any other gets `text/event-stream`. What a client sends
//! on a WebSocket is bounded and thrown away; it says what it wants by requests.

use std::ops::Range;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use http::header::{CONNECTION, CONTENT_TYPE, HeaderValue, UPGRADE};
use http::{HeaderMap, HeaderName, Response, StatusCode};
use http_body::Frame;
use http_body_util::StreamBody;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::Error as SocketError;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role, WebSocketConfig};
use uuid::Uuid;

use crate::dispatch::{Context, Exchange, ResponseBody, full, stream};
use crate::error::{KernelError, Problem};
use crate::input::Input;
use crate::reply::{Answer, OperationDoc, Reply};
use crate::tunnels::Tunnels;

/// Largest message of a client, in bytes, and largest frame.
const LARGEST_MESSAGE: usize = 4 * 1024;
/// Messages that a client may send between two of ours; pongs count.
const MOST_MESSAGES: u32 = 60;
/// Milliseconds until a client that loses its stream comes back: all lose theirs together when a process
/// ends, and are not to come back at one moment.
const COME_BACK: Range<u128> = 1_000..5_000;
/// Time to send one message to a client.
const SEND_TIME: Duration = Duration::from_secs(30);
/// Time for a client to leave HTTP once it was told that it may.
const UPGRADE_TIME: Duration = Duration::from_secs(10);
/// The subprotocol by which a page gives its access token: a browser lets it set nothing else.
pub(crate) const TOKEN_PROTOCOL: &str = "bearer.";
/// The subprotocol that is spoken.
const PROTOCOL: &str = "hanse";

const KEY: HeaderName = HeaderName::from_static("sec-websocket-key");
const ACCEPT: HeaderName = HeaderName::from_static("sec-websocket-accept");
const VERSION: HeaderName = HeaderName::from_static("sec-websocket-version");
/// Where subprotocols are named.
pub(crate) const PROTOCOLS: HeaderName = HeaderName::from_static("sec-websocket-protocol");

/// One thing that a client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LiveEvent {
    /// Something happened. A client that comes back sends the last id it has seen.
    Told {
        /// Where the client can go on, if there is such a place.
        id: Option<i64>,
        /// What kind of thing: a fixed word.
        kind: &'static str,
        /// What, as JSON text in one line.
        data: Bytes,
    },
    /// Nothing happened, and the connection lives.
    Beat,
}

/// The events of one client, until they end.
pub type LiveEvents = Pin<Box<dyn Stream<Item = LiveEvent> + Send>>;

/// What the client can take: an [`Input`].
#[derive(Debug)]
pub struct Listener {
    /// `Last-Event-ID`: where the client has been.
    pub last: Option<i64>,
    handshake: Option<Handshake>,
}

/// A client that wants to leave HTTP for a WebSocket.
#[derive(Debug)]
struct Handshake {
    accept: HeaderValue,
    named: bool,
    upgrade: OnUpgrade,
    tunnels: Tunnels,
}

/// Does a request ask for a WebSocket?
pub(crate) fn wants_socket(headers: &HeaderMap) -> bool {
    headers.get(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// The subprotocols that a request names.
pub(crate) fn protocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(PROTOCOLS).into_iter();
    values.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(',')).map(str::trim)
}

impl Input for Listener {
    fn describe(doc: &mut OperationDoc) {
        doc.parameters.push(json!({
            "name": "Last-Event-ID", "in": "header", "required": false,
            "description": "The last id that was seen; everything after it comes first",
            "schema": { "type": "string", "pattern": "^[0-9]{1,18}$" },
        }));
    }

    fn take(exchange: &Exchange) -> Result<Self, Problem> {
        let headers = &exchange.parts.headers;
        let malformed = |name: &str| Problem::of(&KernelError::MalformedHeader(name.into()));
        let last = match headers.get("last-event-id") {
            None => None,
            Some(value) => {
                let digits = value.to_str().ok().filter(|text| text.len() <= 18);
                let number = digits.and_then(|text| text.parse::<u64>().ok());
                let number = number.and_then(|number| i64::try_from(number).ok());
                Some(number.ok_or_else(|| malformed("Last-Event-ID"))?)
            }
        };
        if !wants_socket(headers) {
            return Ok(Self { last, handshake: None });
        }
        let version = headers.get(VERSION).is_some_and(|value| value == "13");
        let key = headers.get(KEY).map(HeaderValue::as_bytes).filter(|key| key.len() == 24);
        let (Some(key), true) = (key, version) else {
            return Err(malformed("Sec-WebSocket-Key or Sec-WebSocket-Version"));
        };
        // A request that came by HTTP/2, or from memory, cannot leave it.
        let upgrade = exchange.parts.extensions.get::<OnUpgrade>().cloned();
        let upgrade = upgrade.ok_or_else(|| malformed("Upgrade"))?;
        let tunnels = exchange.parts.extensions.get::<Tunnels>().cloned();
        let tunnels = tunnels.ok_or_else(|| malformed("Upgrade"))?;
        let accept =
            HeaderValue::try_from(derive_accept_key(key)).map_err(|_| malformed("Upgrade"))?;
        let named = protocols(headers).any(|name| name == PROTOCOL);
        Ok(Self { last, handshake: Some(Handshake { accept, named, upgrade, tunnels }) })
    }
}

impl Listener {
    /// Tells the client these events, in the way it asked for.
    #[must_use]
    pub fn tell(self, events: LiveEvents) -> Live {
        Live { handshake: self.handshake, events }
    }
}

/// The answer that goes on.
pub struct Live {
    handshake: Option<Handshake>,
    events: LiveEvents,
}

impl Reply for Live {
    fn describe(doc: &mut OperationDoc) {
        let content = json!({ "text/event-stream": { "schema": { "type": "string" } } });
        doc.response(200, "Events, until either side ends", &[], Some(content));
        doc.response(101, "A WebSocket, when the request asked for one", &[], None);
    }

    fn answer(self) -> Answer {
        Answer::empty(200)
    }

    fn respond(self, context: &Context) -> Response<ResponseBody> {
        match self.handshake {
            Some(handshake) => switch(handshake, self.events),
            None => event_stream(context.request_id, self.events),
        }
    }
}

fn event_stream(request: Uuid, events: LiveEvents) -> Response<ResponseBody> {
    // The head leaves with the first bytes: a client knows at once that it is heard.
    let opening = futures_util::stream::iter([opening(request)]);
    let frames = opening.chain(events.map(|event| written(&event)));
    let mut response =
        Response::new(stream(StreamBody::new(frames.map(|text| Ok(Frame::data(text))))));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    // A proxy that collects answers would hold these back for ever.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// What a stream begins with: how long the client is to wait before it comes back, should it lose the
/// stream. The id of the request makes that differ.
fn opening(request: Uuid) -> Bytes {
    let spread = COME_BACK.end - COME_BACK.start;
    let pause = COME_BACK.start + request.as_u128() % spread;
    Bytes::from(format!("retry: {pause}\n: welcome\n\n"))
}

/// An event as server-sent events are written. Its data has no line ends.
fn written(event: &LiveEvent) -> Bytes {
    let LiveEvent::Told { id, kind, data } = event else { return Bytes::from_static(b":\n\n") };
    let id = id.map_or(String::new(), |id| format!("id: {id}\n"));
    let head = format!("{id}event: {kind}\ndata: ");
    Bytes::from([head.as_bytes(), data, b"\n\n"].concat())
}

/// An event as a WebSocket message.
fn message(event: LiveEvent) -> Message {
    match event {
        LiveEvent::Beat => Message::Ping(Bytes::new()),
        LiveEvent::Told { id, kind, data } => {
            let data = String::from_utf8_lossy(&data);
            let id = id.map_or("null".to_owned(), |id| id.to_string());
            Message::text(format!("{{\"id\":{id},\"event\":\"{kind}\",\"data\":{data}}}"))
        }
    }
}

fn switch(handshake: Handshake, events: LiveEvents) -> Response<ResponseBody> {
    let Handshake { accept, named, upgrade, tunnels } = handshake;
    let door = tunnels.clone();
    let tunnel = async move {
        let Ok(Ok(upgraded)) = tokio::time::timeout(UPGRADE_TIME, upgrade).await else { return };
        let mut config = WebSocketConfig::default();
        config.read_buffer_size = LARGEST_MESSAGE;
        config.write_buffer_size = 0;
        config.max_message_size = Some(LARGEST_MESSAGE);
        config.max_frame_size = Some(LARGEST_MESSAGE);
        let io = TokioIo::new(upgraded);
        let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
        // Whoever hears that we go away comes back by itself, to another process.
        let events = Box::pin(events.take_until(async move { tunnels.stopped().await }));
        converse(socket, events).await;
    };
    door.enter(Box::pin(tunnel));
    let mut response = Response::new(full(Bytes::new()));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(ACCEPT, accept);
    if named {
        headers.insert(PROTOCOLS, HeaderValue::from_static(PROTOCOL));
    }
    response
}

/// Tells the events until they end, or the client does, or says too much, or does not listen: whoever
/// does not answer a ping before the next one is gone.
async fn converse<S>(mut socket: S, mut events: LiveEvents)
where
    S: Stream<Item = Result<Message, SocketError>> + Sink<Message, Error = SocketError> + Unpin,
{
    let (mut heard, mut unanswered) = (0, false);
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            said = socket.next() => match said {
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(message)) => {
                    unanswered &= !matches!(message, Message::Pong(_));
                    heard += 1;
                    if heard > MOST_MESSAGES {
                        return close(socket, CloseCode::Policy, "too many messages").await;
                    }
                    continue;
                }
            },
        };
        let Some(event) = event else {
            return close(socket, CloseCode::Away, "come back").await;
        };
        if event == LiveEvent::Beat && std::mem::replace(&mut unanswered, true) {
            return close(socket, CloseCode::Policy, "no answer to a ping").await;
        }
        heard = 0;
        let sent = tokio::time::timeout(SEND_TIME, socket.send(message(event))).await;
        if !matches!(sent, Ok(Ok(()))) {
            break;
        }
    }
}

async fn close<S>(mut socket: S, code: CloseCode, reason: &'static str)
where
    S: Sink<Message, Error = SocketError> + Unpin,
{
    let frame = CloseFrame { code, reason: reason.into() };
    let goodbye = async {
        socket.send(Message::Close(Some(frame))).await.ok();
        socket.close().await.ok();
    };
    tokio::time::timeout(SEND_TIME, goodbye).await.ok();
}

/// A body that also ends when the process stops taking requests: who listens for ever would otherwise
/// hold up every stop for as long as it may last. Clients of live events come back by themselves.
pub(crate) struct UntilStopped {
    body: ResponseBody,
    stopped: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl UntilStopped {
    /// The response with its body ending at `stopped`, if it is one of live events.
    pub(crate) fn watch<F: Future<Output = ()> + Send + 'static>(
        response: Response<ResponseBody>,
        stopped: impl FnOnce() -> F,
    ) -> Response<ResponseBody> {
        let kind = response.headers().get(CONTENT_TYPE);
        if !kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream")) {
            return response;
        }
        response.map(|body| stream(Self { body, stopped: Box::pin(stopped()) }))
    }
}

impl http_body::Body for UntilStopped {
    type Data = Bytes;
    type Error = crate::dispatch::BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.stopped.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        Pin::new(&mut self.body).poll_frame(cx).map_err(std::io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OVL-02: clients that lose their streams together come back one after another.
    #[test]
    fn streams_that_end_together_do_not_come_back_together() {
        let pause = |number: u128| -> u128 {
            let text = opening(Uuid::from_u128((number << 64) | (number * 0x9E37_79B9)));
            let text = String::from_utf8(text.to_vec()).unwrap();
            let pause = text.strip_prefix("retry: ").unwrap().strip_suffix("\n: welcome\n\n");
            pause.unwrap().parse().unwrap()
        };
        let pauses: Vec<u128> = (0..1_000).map(pause).collect();
        assert!(pauses.iter().all(|pause| COME_BACK.contains(pause)));
        let soon = pauses.iter().filter(|pause| **pause < 2_000).count();
        assert!((200..300).contains(&soon), "a quarter in the first of four seconds: {soon}");
    }

    #[test]
    fn an_event_is_a_few_lines() {
        let data = Bytes::from_static(b"{\"a\":1}");
        let told = LiveEvent::Told { id: Some(7), kind: "notification", data: data.clone() };
        assert_eq!(written(&told), "id: 7\nevent: notification\ndata: {\"a\":1}\n\n");
        assert_eq!(
            message(told),
            Message::text("{\"id\":7,\"event\":\"notification\",\"data\":{\"a\":1}}")
        );
        let told = LiveEvent::Told { id: None, kind: "x", data };
        assert_eq!(written(&told), "event: x\ndata: {\"a\":1}\n\n");
        assert_eq!(written(&LiveEvent::Beat), ":\n\n");
    }
}
