//! HTTP/2 by hand (RFC 9113).

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use hanse_e2e::Server;

use crate::support::connect;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const WINDOW_UPDATE: u8 = 8;
pub const RST_STREAM: u8 = 3;
pub const CONTINUATION: u8 = 9;
const ACK: u8 = 1;
/// Flags of HEADERS: the head is whole; and nothing follows it.
pub const END_HEADERS: u8 = 4;
pub const END_STREAM: u8 = 1;

/// One frame, as it is sent.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Methods by their place in the static table (RFC 7541).
pub const GET: u8 = 0x82;
pub const POST: u8 = 0x83;

/// The head of a request: indexed method and http; path and authority as literals.
pub fn head(method: u8, path: &str) -> Vec<u8> {
    let mut block = vec![method, 0x86, 0x04, u8::try_from(path.len()).expect("short")];
    block.extend(path.as_bytes());
    block.extend([0x01, 1, b'x']);
    block
}

/// Somebody who speaks HTTP/2 by hand and is always polite.
pub struct Peer {
    stream: TcpStream,
    received: Vec<u8>,
    /// Bytes of bodies that came.
    pub data: usize,
    /// Answers that began.
    pub answers: usize,
}

impl Peer {
    /// With this window for each answer.
    pub fn new(server: &Server, window: u32) -> Self {
        let mut stream = connect(&server.url);
        let setting = [&[0, 4][..], &window.to_be_bytes()].concat();
        let opening = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &frame(SETTINGS, 0, 0, &setting)[..]];
        stream.write_all(&opening.concat()).expect("the opening is taken");
        stream.set_write_timeout(Some(Duration::from_secs(5))).expect("a bound");
        Self { stream, received: Vec::new(), data: 0, answers: 0 }
    }

    /// False when the other side takes nothing more.
    pub fn send(&mut self, frame: &[u8]) -> bool {
        self.stream.write_all(frame).is_ok()
    }

    /// Asks for a path.
    pub fn get(&mut self, stream: u32, path: &str) -> bool {
        self.send(&frame(HEADERS, END_HEADERS | END_STREAM, stream, &head(GET, path)))
    }

    /// Reads for a moment and answers what is asked; false when the other side has ended it.
    pub fn listen(&mut self) -> bool {
        let mut buffer = [0; 64 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => return false,
            Ok(read) => self.received.extend_from_slice(&buffer[..read]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return false,
        }
        while let Some(head) = self.received.first_chunk::<9>().copied() {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            if self.received.len() < 9 + length {
                break;
            }
            let payload: Vec<u8> = self.received.drain(..9 + length).skip(9).collect();
            let mine = match head[3] {
                DATA => {
                    self.data += length;
                    None
                }
                HEADERS => {
                    self.answers += 1;
                    None
                }
                SETTINGS if head[4] & ACK == 0 => Some(frame(SETTINGS, ACK, 0, &[])),
                PING if head[4] & ACK == 0 => Some(frame(PING, ACK, 0, &payload)),
                _ => None,
            };
            if mine.is_some_and(|mine| !self.send(&mine)) {
                return false;
            }
        }
        true
    }
}
