//! HTTP/1.1 as bytes: requests prepared beforehand, answers read by `Content-Length`.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request with room for a number, so that no two bodies are the same and none is built.
#[derive(Debug, Clone)]
pub struct Template {
    bytes: Vec<u8>,
    /// Where the sixteen digits of the number go.
    slot: Option<usize>,
}

/// Stands for the number in a body.
pub const SLOT: &str = "################";

impl Template {
    pub fn new(method: &str, path: &str, token: Option<&str>, body: Option<&str>) -> Self {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: bench\r\n");
        if let Some(token) = token {
            head.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        if let Some(body) = body {
            head.push_str("Content-Type: application/json\r\n");
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        } else if method != "GET" {
            head.push_str("Content-Length: 0\r\n");
        }
        let message = format!("{head}\r\n{}", body.unwrap_or_default());
        Self { slot: message.find(SLOT), bytes: message.into_bytes() }
    }

    pub fn get(path: &str, token: Option<&str>) -> Self {
        Self::new("GET", path, token, None)
    }

    /// The bytes to send; `scratch` is only written where there is a number to fill in.
    pub fn fill<'a>(&'a self, number: u64, scratch: &'a mut Vec<u8>) -> &'a [u8] {
        let Some(slot) = self.slot else { return &self.bytes };
        scratch.clear();
        scratch.extend_from_slice(&self.bytes);
        for (place, byte) in scratch.iter_mut().skip(slot).take(SLOT.len()).enumerate() {
            *byte = b"0123456789abcdef"
                .get((number >> (60 - 4 * place) & 15) as usize)
                .copied()
                .unwrap_or(b'0');
        }
        scratch
    }
}

/// One connection that is kept open, one request at a time.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
    /// Where the body of the last answer lies in the buffer.
    body: std::ops::Range<usize>,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await;
        let stream = stream.with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; 16 * 1024], filled: 0, body: 0..0 })
    }

    /// Sends a request and returns the status of the answer once all of it has arrived.
    pub async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<u16> {
        self.stream.write_all(request).await?;
        self.filled = 0;
        loop {
            if self.filled == self.buffer.len() {
                self.buffer.resize(2 * self.filled, 0);
            }
            let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
            let read = self.stream.read(room).await?;
            if read == 0 {
                bail!("the server closed the connection");
            }
            self.filled += read;
            let Some(head) = head_of(self.buffer.get(..self.filled).unwrap_or_default())? else {
                continue;
            };
            if self.filled >= head.end + head.length {
                self.body = head.end..head.end + head.length;
                return Ok(head.status);
            }
            self.buffer.resize(self.buffer.len().max(head.end + head.length), 0);
        }
    }

    pub fn body(&self) -> &[u8] {
        self.buffer.get(self.body.clone()).unwrap_or_default()
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    end: usize,
    length: usize,
}

/// The head of an answer, `None` while it is incomplete.
fn head_of(bytes: &[u8]) -> anyhow::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(end) = response.parse(bytes)? else { return Ok(None) };
    let status = response.code.unwrap_or_default();
    let mut length = None;
    for header in response.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            length = Some(std::str::from_utf8(header.value)?.parse()?);
        } else if header.name.eq_ignore_ascii_case("connection")
            && header.value.eq_ignore_ascii_case(b"close")
        {
            bail!("the server answered {status} and closes the connection");
        }
    }
    // Without a length only an answer that has no body can be read here.
    match length {
        Some(length) => Ok(Some(Head { status, end, length })),
        None if status == 204 => Ok(Some(Head { status, end, length: 0 })),
        None => bail!("an answer {status} without Content-Length"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_filled_in_without_changing_the_length() {
        let body = format!("{{\"text\":\"note {SLOT}\"}}");
        let template = Template::new("POST", "/api/thoughts", Some("t"), Some(&body));
        let mut scratch = Vec::new();
        let filled = String::from_utf8_lossy(template.fill(0xbeef, &mut scratch)).into_owned();
        assert_eq!(
            filled,
            "POST /api/thoughts HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer t\r\n\
             Content-Type: application/json\r\nContent-Length: 32\r\n\r\n\
             {\"text\":\"note 000000000000beef\"}"
        );
    }

    #[test]
    fn heads_are_read_when_they_are_complete() -> anyhow::Result<()> {
        let whole = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(head_of(whole)?, Some(Head { status: 201, end: 43, length: 2 }));
        assert_eq!(head_of(&whole[..30])?, None);
        assert_eq!(
            head_of(b"HTTP/1.1 204 No Content\r\n\r\n")?,
            Some(Head { status: 204, end: 27, length: 0 })
        );
        assert!(head_of(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
        Ok(())
    }
}
