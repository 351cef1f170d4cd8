//! A Redis of a scene's own, to be treated badly, and somebody who says anything to it.

use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::certificates::Certificate;
use crate::ports::free_port;
use crate::waiting::until;

/// A Redis server that keeps nothing on disk. It is ended when this goes.
pub struct Redis {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
    more: Vec<String>,
}

impl Redis {
    /// Starts one and waits until it answers.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start() -> Self {
        let port = free_port().expect("a free port");
        Self::serve(port, Vec::new())
    }

    /// As [`Redis::start`], and it speaks TLS at another port, by this certificate; returns the URL for
    /// that.
    ///
    /// # Panics
    /// As [`Redis::start`].
    #[must_use]
    pub fn start_encrypted(certificate: &Certificate) -> (Self, String) {
        let [port, encrypted] = [(), ()].map(|()| free_port().expect("a free port"));
        let file = |path: &Path| path.display().to_string();
        let more = [
            "--tls-port",
            &encrypted.to_string(),
            "--tls-cert-file",
            &file(&certificate.certificate),
            "--tls-key-file",
            &file(&certificate.key),
            "--tls-auth-clients",
            "no",
        ];
        let redis = Self::serve(port, more.map(str::to_owned).to_vec());
        (redis, format!("rediss://127.0.0.1:{encrypted}"))
    }

    fn serve(port: u16, more: Vec<String>) -> Self {
        let folder = tempfile::TempDir::with_prefix("hanse-redis-").expect("a folder");
        let redis = Self { child: spawn(port, &folder, &more), port, folder, more };
        redis.answers();
        redis
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it at once, and all that it knew with it.
    ///
    /// # Panics
    /// When it cannot be ended.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ended");
    }

    /// Starts it again on the same port, with nothing in it.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_again(&mut self) {
        self.child = spawn(self.port, &self.folder, &self.more);
        self.answers();
    }

    /// Asks for something and returns the texts of the answer; numbers and errors are texts too.
    ///
    /// # Panics
    /// When it cannot be asked.
    #[must_use]
    pub fn ask(&self, words: &[&str]) -> Vec<String> {
        self.try_ask(words).expect("an answer")
    }

    fn try_ask(&self, words: &[&str]) -> std::io::Result<Vec<String>> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        stream.write_all(request.as_bytes())?;
        let mut texts = Vec::new();
        read(&mut BufReader::new(stream), &mut texts)?;
        Ok(texts)
    }

    fn answers(&self) {
        until("redis answers", || self.try_ask(&["PING"]).is_ok_and(|texts| texts == ["PONG"]));
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn spawn(port: u16, folder: &tempfile::TempDir, more: &[String]) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly"])
        .args(["no", "--dir", &folder.path().display().to_string()])
        .args(more)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("redis-server can be started")
}

/// Reads one answer of the protocol (RESP2): a line, a text by its length, or a list of answers.
fn read(stream: &mut impl BufRead, texts: &mut Vec<String>) -> std::io::Result<()> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let line = line.trim_end();
    let Some((kind, rest)) = line.split_at_checked(1) else { return Ok(()) };
    match (kind, rest.parse::<usize>()) {
        ("$", Ok(length)) => {
            let mut text = vec![0; length + 2];
            stream.read_exact(&mut text)?;
            text.truncate(length);
            texts.push(String::from_utf8_lossy(&text).into_owned());
        }
        ("*", Ok(count)) => {
            for _ in 0..count {
                read(stream, texts)?;
            }
        }
        _ => texts.push(rest.to_owned()),
    }
    Ok(())
}
