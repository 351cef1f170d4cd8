//! Does a step, prints it as the curl line a reader can repeat, and refuses surprises.

use std::time::{Duration, Instant};

use anyhow::bail;
use serde_json::Value;

use super::http::{Answer, Client, Request};
use super::text_of;

/// Answers are cut after this many characters: the tour is to be read.
const SHOWN: usize = 400;
const READY_WITHIN: Duration = Duration::from_secs(10);

pub struct Guide {
    client: Client,
    url: String,
    access_token: Option<String>,
    refresh_token: String,
}

/// Waits until the operations port says that every service is ready.
pub fn ready(ops: &str) -> anyhow::Result<()> {
    let mut client = Client::new(ops)?;
    let request = Request { method: "GET", target: "/ready", token: None, body: None };
    let deadline = Instant::now() + READY_WITHIN;
    loop {
        let last = match client.send(&request) {
            Ok(answer) if answer.status == 200 => return Ok(()),
            Ok(answer) => format!("it answers {}", answer.status),
            Err(error) => format!("{error:#}"),
        };
        if Instant::now() > deadline {
            bail!("{ops}/ready is not ready: {last}");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

impl Guide {
    pub fn new(url: &str) -> anyhow::Result<Self> {
        let url = url.trim_end_matches('/').to_owned();
        let client = Client::new(&url)?;
        println!("URL={url}");
        Ok(Self { client, url, access_token: None, refresh_token: String::new() })
    }

    pub fn title(&self, title: &str) {
        println!("\n# {title}");
    }

    /// Uses the tokens of an answer to a login or a refresh from now on.
    pub fn sign_in(&mut self, session: &Value) -> anyhow::Result<()> {
        self.access_token = Some(text_of(session, "access_token")?);
        self.refresh_token = text_of(session, "refresh_token")?;
        Ok(())
    }

    /// Asks as a stranger from now on: a login must not carry a token that is over.
    pub fn forget_session(&mut self) {
        self.access_token = None;
        self.refresh_token.clear();
    }

    pub fn refresh_token(&self) -> &str {
        &self.refresh_token
    }

    pub fn get(&mut self, target: &str, expected: &[u16]) -> anyhow::Result<Value> {
        self.step("GET", target, None, expected)
    }

    pub fn post(&mut self, target: &str, body: &Value, expected: &[u16]) -> anyhow::Result<Value> {
        self.step("POST", target, Some(body), expected)
    }

    /// A request without a body.
    pub fn ask(&mut self, method: &str, target: &str, expected: &[u16]) -> anyhow::Result<Value> {
        self.step(method, target, None, expected)
    }

    /// Asks without printing, for steps that are repeated until something has happened.
    pub fn quiet_get(&mut self, target: &str) -> anyhow::Result<Value> {
        let answer = self.send("GET", target, None)?;
        self.expect(&answer, &format!("GET {target}"), &[200])?;
        answer.json()
    }

    /// Sends a chunk of JSON Lines without printing it.
    pub fn import(&mut self, target: &str, lines: &str) -> anyhow::Result<()> {
        let body = Some(("application/x-ndjson", lines.as_bytes()));
        let answer = self.send("POST", target, body)?;
        self.expect(&answer, &format!("POST {target}"), &[200, 201, 202, 204])
    }

    fn step(
        &mut self,
        method: &str,
        target: &str,
        body: Option<&Value>,
        expected: &[u16],
    ) -> anyhow::Result<Value> {
        let signed_in = self.access_token.is_some();
        println!("$ {}", curl(method, target, body, signed_in, &self.refresh_token));
        let bytes = body.map(ToString::to_string);
        let body = bytes.as_deref().map(|bytes| ("application/json", bytes.as_bytes()));
        let begin = Instant::now();
        let answer = self.send(method, target, body)?;
        let took = begin.elapsed().as_secs_f64() * 1e3;
        println!("{} {} ({took:.1} ms)", answer.status, answer.reason);
        if !answer.body.is_empty() {
            println!("{}", shortened(&String::from_utf8_lossy(&answer.body)));
        }
        self.expect(&answer, &format!("{method} {target}"), expected)?;
        if answer.body.is_empty() { Ok(Value::Null) } else { answer.json() }
    }

    fn send(
        &mut self,
        method: &str,
        target: &str,
        body: Option<(&str, &[u8])>,
    ) -> anyhow::Result<Answer> {
        let token = self.access_token.as_deref();
        self.client.send(&Request { method, target, token, body })
    }

    fn expect(&self, answer: &Answer, what: &str, expected: &[u16]) -> anyhow::Result<()> {
        if !expected.contains(&answer.status) {
            let text = String::from_utf8_lossy(&answer.body);
            let (status, url) = (answer.status, &self.url);
            bail!("{what} at {url} answered {status}, not {expected:?}: {}", shortened(&text));
        }
        Ok(())
    }
}

/// The step as a reader would type it, tokens as variables.
fn curl(method: &str, target: &str, body: Option<&Value>, token: bool, refresh: &str) -> String {
    let mut line = String::from("curl");
    // curl says GET by itself, and POST when it is given a body.
    if method != "GET" && !(method == "POST" && body.is_some()) {
        line.push_str(&format!(" -X {method}"));
    }
    line.push_str(&format!(" \"$URL{target}\""));
    if token {
        line.push_str(" -H \"Authorization: Bearer $TOKEN\"");
    }
    if let Some(body) = body {
        let mut text = body.to_string();
        if !refresh.is_empty() {
            text = text.replace(refresh, "'\"$REFRESH\"'");
        }
        line.push_str(&format!(" --json '{text}'"));
    }
    line
}

fn shortened(text: &str) -> String {
    let text = text.trim_end();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn steps_are_printed_as_curl() {
        let body = json!({ "refresh_token": "secret" });
        assert_eq!(
            curl("POST", "/auth/refresh", Some(&body), false, "secret"),
            "curl \"$URL/auth/refresh\" --json '{\"refresh_token\":\"'\"$REFRESH\"'\"}'"
        );
        assert_eq!(
            curl("DELETE", "/users/me", None, true, ""),
            "curl -X DELETE \"$URL/users/me\" -H \"Authorization: Bearer $TOKEN\""
        );
    }

    #[test]
    fn long_answers_are_cut_between_characters() {
        let long = "é".repeat(SHOWN + 1);
        assert_eq!(shortened(&long), format!("{}…", "é".repeat(SHOWN)));
        assert_eq!(shortened("short\n"), "short");
    }
}
