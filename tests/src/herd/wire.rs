//! What a device says and hears.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};

/// How a device listens.
#[derive(Clone, Copy)]
pub(super) enum Way {
    /// By server-sent events.
    Events,
    /// By WebSocket.
    Socket,
}

/// An answer to a request.
pub(super) struct Said {
    pub(super) status: u16,
    pub(super) later: Option<Duration>,
    pub(super) body: Value,
}

/// Why there is no stream.
pub(super) enum Ended {
    /// The server says when to come back.
    Later(Duration),
    /// Nobody listens, or the connection broke.
    Away,
    /// Anything else.
    Refused(String),
}

impl Ended {
    fn by(status: u16, later: Option<Duration>, text: &str) -> Self {
        match (status, later) {
            (429 | 503, Some(later)) => Self::Later(later),
            _ => Self::Refused(format!("{status} {text}")),
        }
    }
}

/// A list as it changes.
pub(super) enum Stream {
    Events(BufReader<TcpStream>),
    Socket(Box<WebSocketStream<TcpStream>>),
}

async fn connect(address: SocketAddr, from: IpAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from, 0))?;
    socket.connect(address).await
}

/// The status of an answer and when to come back; its headers are read.
async fn head(reader: &mut BufReader<TcpStream>) -> io::Result<(u16, Option<Duration>)> {
    let mut line = String::new();
    reader.read_line(&mut line).await?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or(io::ErrorKind::UnexpectedEof)?;
    let mut later = None;
    loop {
        line.clear();
        if reader.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end().split_once(": ") {
            Some(("retry-after", seconds)) => {
                later = seconds.parse().ok().map(Duration::from_secs);
            }
            Some(_) => {}
            None => return Ok((status, later)),
        }
    }
}

/// Sends a request with a body over a connection of its own.
pub(super) async fn post(
    address: SocketAddr,
    from: IpAddr,
    path: &str,
    body: Value,
) -> io::Result<Said> {
    let mut stream = connect(address, from).await?;
    let body = body.to_string();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: herd\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut reader = BufReader::new(stream);
    let (status, later) = head(&mut reader).await?;
    let mut text = Vec::new();
    reader.read_to_end(&mut text).await?;
    Ok(Said { status, later, body: serde_json::from_slice(&text).unwrap_or_default() })
}

impl Stream {
    /// Begins to listen after the change of this number.
    pub(super) async fn open(
        address: SocketAddr,
        from: IpAddr,
        way: Way,
        token: &str,
        last: Option<i64>,
    ) -> Result<Self, Ended> {
        let stream = connect(address, from).await.map_err(|_| Ended::Away)?;
        match way {
            Way::Events => Self::events(stream, token, last).await,
            Way::Socket => Self::socket(stream, token, last).await,
        }
    }

    async fn events(mut stream: TcpStream, token: &str, last: Option<i64>) -> Result<Self, Ended> {
        let last = last.map_or(String::new(), |last| format!("last-event-id: {last}\r\n"));
        let request = format!(
            "GET /api/v1/notifications/stream HTTP/1.1\r\nhost: herd\r\n\
             authorization: Bearer {token}\r\n{last}\r\n"
        );
        stream.write_all(request.as_bytes()).await.map_err(|_| Ended::Away)?;
        let mut reader = BufReader::with_capacity(1024, stream);
        let (status, later) = head(&mut reader).await.map_err(|_| Ended::Away)?;
        if status != 200 {
            return Err(Ended::by(status, later, "by server-sent events"));
        }
        Ok(Self::Events(reader))
    }

    /// As a page does: with its token as a subprotocol, and the number in the address.
    async fn socket(stream: TcpStream, token: &str, last: Option<i64>) -> Result<Self, Ended> {
        let after = last.map_or(String::new(), |last| format!("?after={last}"));
        let url = format!("ws://herd/api/v1/notifications/stream{after}");
        let mut request = url.into_client_request().map_err(|_| Ended::Away)?;
        let protocols = format!("hanse, bearer.{token}").parse().map_err(|_| Ended::Away)?;
        request.headers_mut().insert("sec-websocket-protocol", protocols);
        match tokio_tungstenite::client_async(request, stream).await {
            Ok((socket, _)) => Ok(Self::Socket(Box::new(socket))),
            Err(Error::Http(response)) => {
                let later = response.headers().get("retry-after");
                let later = later.and_then(|text| text.to_str().ok()?.parse().ok());
                let later = later.map(Duration::from_secs);
                Err(Ended::by(response.status().as_u16(), later, "by WebSocket"))
            }
            Err(_) => Err(Ended::Away),
        }
    }

    /// The number and the title of the next change; nothing when the stream has ended.
    pub(super) async fn next(&mut self) -> Option<(i64, String)> {
        match self {
            Self::Events(reader) => event(reader).await,
            Self::Socket(socket) => loop {
                let Message::Text(text) = socket.next().await?.ok()? else { continue };
                let told: Value = serde_json::from_str(&text).ok()?;
                return Some((told["id"].as_i64()?, title(&told["data"])));
            },
        }
    }
}

async fn event(reader: &mut BufReader<TcpStream>) -> Option<(i64, String)> {
    let (mut line, mut id) = (String::new(), None);
    loop {
        line.clear();
        if reader.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if let Some(number) = line.strip_prefix("id: ") {
            id = number.trim_end().parse().ok();
        }
        if let Some(data) = line.strip_prefix("data: ") {
            let data: Value = serde_json::from_str(data).ok()?;
            return Some((id?, title(&data)));
        }
    }
}

fn title(data: &Value) -> String {
    data["title"].as_str().unwrap_or_default().to_owned()
}
