//! A small HTTP/1.1 client on a plain socket: one connection, kept open, one request at a time.
//!
//! The tour talks to the server as any stranger would, so it borrows nothing from the kernel.
//! It reads bodies by `Content-Length` and `chunked`; it knows no TLS and follows no redirect.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, bail};

const PATIENCE: Duration = Duration::from_secs(60);
/// More than any answer of the tour, so a broken server cannot fill the memory.
const LARGEST_BODY: u64 = 64 * 1024 * 1024;

pub struct Client {
    authority: String,
    connection: Option<BufReader<TcpStream>>,
}

pub struct Request<'a> {
    pub method: &'a str,
    /// Path and query, already encoded.
    pub target: &'a str,
    pub token: Option<&'a str>,
    /// Media type and bytes.
    pub body: Option<(&'a str, &'a [u8])>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub reason: String,
    pub body: Vec<u8>,
    keep_alive: bool,
}

impl Client {
    /// `url` is `http://host:port`, with or without a final slash.
    pub fn new(url: &str) -> anyhow::Result<Self> {
        let authority =
            url.strip_prefix("http://").context("the address must begin with http://")?;
        let authority = authority.trim_end_matches('/');
        if authority.is_empty() || authority.contains('/') {
            bail!("`{url}` is not of the form http://host:port");
        }
        let port = if authority.contains(':') { "" } else { ":80" };
        Ok(Self { authority: format!("{authority}{port}"), connection: None })
    }

    pub fn send(&mut self, request: &Request<'_>) -> anyhow::Result<Answer> {
        let reused = self.connection.is_some();
        let result = self.try_send(request);
        if result.is_err() {
            self.connection = None;
        }
        // An idle connection may have been closed in between. Only a read is asked again: for
        // anything else nobody knows whether it was done.
        match result {
            Err(_) if reused && request.method == "GET" => self.try_send(request),
            result => result,
        }
    }

    fn try_send(&mut self, request: &Request<'_>) -> anyhow::Result<Answer> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(&self.authority)?,
        };
        let connection = self.connection.insert(connection);
        connection.get_mut().write_all(&encode(request, &self.authority))?;
        let answer = read_answer(connection)
            .with_context(|| format!("{} {}", request.method, request.target))?;
        if !answer.keep_alive {
            self.connection = None;
        }
        Ok(answer)
    }
}

impl Answer {
    pub fn json(&self) -> anyhow::Result<serde_json::Value> {
        serde_json::from_slice(&self.body).context("the answer is not JSON")
    }
}

fn connect(authority: &str) -> anyhow::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(authority).with_context(|| {
        format!("nothing answers at {authority}; start a server with `cargo run --release`")
    })?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(BufReader::new(stream))
}

fn encode(request: &Request<'_>, authority: &str) -> Vec<u8> {
    let Request { method, target, token, body } = request;
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {authority}\r\n");
    if let Some(token) = token {
        head.push_str(&format!("Authorization: Bearer {token}\r\n"));
    }
    let (kind, bytes) = body.unwrap_or(("", b""));
    if body.is_some() {
        head.push_str(&format!("Content-Type: {kind}\r\n"));
    }
    if *method != "GET" {
        head.push_str(&format!("Content-Length: {}\r\n", bytes.len()));
    }
    head.push_str("Accept: application/json\r\n\r\n");
    let mut message = head.into_bytes();
    message.extend_from_slice(bytes);
    message
}

fn read_answer(reader: &mut impl BufRead) -> anyhow::Result<Answer> {
    let line = read_line(reader)?;
    let mut words = line.splitn(3, ' ');
    let version = words.next().unwrap_or_default();
    if !version.starts_with("HTTP/1.") {
        bail!("not an HTTP/1.1 answer: {line:?}");
    }
    let status = words.next().unwrap_or_default().parse().context("no status code")?;
    let reason = words.next().unwrap_or_default().to_owned();

    let (mut length, mut chunked, mut keep_alive) = (None, false, version != "HTTP/1.0");
    loop {
        let line = read_line(reader)?;
        let Some((name, value)) = line.split_once(':') else {
            if line.is_empty() {
                break;
            }
            bail!("malformed header line: {line:?}");
        };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = Some(value.parse::<u64>().context("Content-Length")?),
            "transfer-encoding" => chunked = value.eq_ignore_ascii_case("chunked"),
            "connection" if value.eq_ignore_ascii_case("close") => keep_alive = false,
            _ => {}
        }
    }
    let mut body = Vec::new();
    if status == 204 || status == 304 {
        // Never a body, whatever the headers say (RFC 9110 §6.4.1).
    } else if chunked {
        read_chunks(reader, &mut body)?;
    } else if let Some(length) = length {
        read_exactly(reader, length, &mut body)?;
    } else {
        reader.take(LARGEST_BODY).read_to_end(&mut body)?;
        keep_alive = false;
    }
    Ok(Answer { status, reason, body, keep_alive })
}

fn read_chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> anyhow::Result<()> {
    loop {
        let line = read_line(reader)?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).context("chunk size")?;
        if size == 0 {
            // Trailers, then an empty line.
            while !read_line(reader)?.is_empty() {}
            return Ok(());
        }
        read_exactly(reader, size, body)?;
        if !read_line(reader)?.is_empty() {
            bail!("a chunk is longer than its size");
        }
    }
}

fn read_exactly(reader: &mut impl BufRead, size: u64, body: &mut Vec<u8>) -> anyhow::Result<()> {
    if size + body.len() as u64 > LARGEST_BODY {
        bail!("an answer of more than {LARGEST_BODY} bytes");
    }
    let read = reader.take(size).read_to_end(body)?;
    if read as u64 != size {
        bail!("the connection was closed in the middle of an answer");
    }
    Ok(())
}

fn read_line(reader: &mut impl BufRead) -> anyhow::Result<String> {
    let mut line = Vec::new();
    reader.take(64 * 1024).read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        bail!("the connection was closed before the end of an answer");
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    String::from_utf8(line).context("a header that is not text")
}

/// Percent-encodes a value for a query string.
pub fn query_value(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encoded = text.bytes().map(|byte| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    encoded.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> anyhow::Result<Answer> {
        read_answer(&mut text.as_bytes())
    }

    #[test]
    fn bodies_come_by_length_by_chunks_or_not_at_all() -> anyhow::Result<()> {
        let plain = read("HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}rest")?;
        assert_eq!((plain.status, plain.reason.as_str()), (201, "Created"));
        assert_eq!(plain.body, b"{}");
        assert!(plain.keep_alive);

        let chunked = read(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n\
             3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\n",
        )?;
        assert_eq!(chunked.body, b"abc0123456789");
        assert!(!chunked.keep_alive);

        assert!(read("HTTP/1.1 204 No Content\r\n\r\n")?.body.is_empty());
        Ok(())
    }

    #[test]
    fn a_cut_off_answer_is_an_error() {
        for cut in [
            "",
            "HTTP/1.1 200 OK",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
            "SSH-2.0-OpenSSH\r\n\r\n",
        ] {
            assert!(read(cut).is_err(), "{cut:?}");
        }
    }

    #[test]
    fn addresses_are_http_and_host() {
        assert!(Client::new("http://127.0.0.1:3000/").is_ok());
        for wrong in ["https://127.0.0.1", "127.0.0.1:3000", "http://", "http://h/path"] {
            assert!(Client::new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn query_values_are_encoded() {
        assert_eq!(query_value("a b&c/é"), "a%20b%26c%2F%C3%A9");
    }
}
