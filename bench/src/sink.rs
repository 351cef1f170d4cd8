//! A mail server that takes everything at once and counts: what letters are sent to in measurements.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a sink has taken.
#[derive(Default)]
pub struct Taken {
    /// How often each letter came, by its Message-ID.
    pub letters: HashMap<String, u32>,
    pub first: Option<Instant>,
    pub last: Option<Instant>,
}

/// A running sink. Its connections end with the process.
#[derive(Clone)]
pub struct Sink {
    pub address: SocketAddr,
    taken: Arc<Mutex<Taken>>,
}

impl Sink {
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let sink = Self { address: listener.local_addr()?, taken: Arc::default() };
        let serving = sink.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sink = serving.clone();
                tokio::spawn(async move { drop(Box::pin(sink.converse(stream)).await) });
            }
        });
        Ok(sink)
    }

    pub fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn converse(&self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        stream.write_all(b"220 sink ESMTP\r\n").await?;
        let (mut buffer, mut piece, mut in_letter) = (Vec::new(), [0; 16 * 1024], false);
        loop {
            let read = stream.read(&mut piece).await?;
            let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else {
                return Ok(());
            };
            buffer.extend_from_slice(bytes);
            let mut answers = Vec::new();
            let mut done = 0;
            loop {
                let rest = buffer.get(done..).unwrap_or_default();
                let end: &[u8] = if in_letter { b"\r\n.\r\n" } else { b"\r\n" };
                let Some(place) = find(rest, end) else { break };
                let part = rest.get(..place).unwrap_or_default();
                if in_letter {
                    self.take(part);
                    in_letter = false;
                    answers.extend_from_slice(b"250 taken\r\n");
                } else {
                    in_letter = answer(part, &mut answers);
                }
                done += place + end.len();
            }
            buffer.drain(..done);
            stream.write_all(&answers).await?;
        }
    }

    fn take(&self, letter: &[u8]) {
        const NAME: &[u8] = b"Message-ID: ";
        let begin = find(letter, NAME).map_or(0, |place| place + NAME.len());
        let rest = letter.get(begin..).unwrap_or_default();
        let id = rest.get(..find(rest, b"\r\n").unwrap_or(0)).unwrap_or_default();
        let id = String::from_utf8_lossy(id).into_owned();
        let (now, mut taken) = (Instant::now(), self.taken());
        *taken.letters.entry(id).or_default() += 1;
        taken.first.get_or_insert(now);
        taken.last = Some(now);
    }
}

/// Answers a command; true when a letter follows.
fn answer(command: &[u8], answers: &mut Vec<u8>) -> bool {
    let name = command.get(..4).unwrap_or_default().to_ascii_uppercase();
    let text: &[u8] = match name.as_slice() {
        b"EHLO" => b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
        b"DATA" => b"354 go on\r\n",
        b"QUIT" => b"221 bye\r\n",
        _ => b"250 OK\r\n",
    };
    answers.extend_from_slice(text);
    name == b"DATA"
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn letters_are_counted_by_their_message_id() -> anyhow::Result<()> {
        let sink = Sink::start().await?;
        let mut stream = TcpStream::connect(sink.address).await?;
        let letter = "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nSubject: x\r\nMessage-ID: <1@b>\r\n\r\ny\r\n.\r\n";
        stream.write_all(format!("EHLO x\r\n{letter}{letter}QUIT\r\n").as_bytes()).await?;
        let mut said = String::new();
        while !said.contains("221 bye") {
            let mut piece = [0; 1024];
            let read = stream.read(&mut piece).await?;
            said.push_str(&String::from_utf8_lossy(piece.get(..read).unwrap_or_default()));
        }
        assert_eq!(said.matches("250 taken").count(), 2);
        assert_eq!(sink.taken().letters.get("<1@b>"), Some(&2));
        Ok(())
    }
}
