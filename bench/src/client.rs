//! What a scenario needs before it can be measured: users, sessions, thoughts.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::wire::{Connection, Template};

pub const PASSWORD: &str = "a password for benchmarks only";

/// A registered user with fresh tokens.
#[derive(Clone)]
pub struct User {
    pub email: String,
    pub token: String,
    pub refresh: String,
}

/// Registers users; `group` keeps those of several scenarios apart.
pub async fn register(address: SocketAddr, group: &str, count: usize) -> anyhow::Result<Vec<User>> {
    let mut connection = Connection::open(address).await?;
    let mut users = Vec::with_capacity(count);
    for number in 0..count {
        let email = format!("{group}-{number}@bench.example.org");
        let body = json!({ "email": email, "password": PASSWORD, "name": "Bench" });
        let request = Template::new("POST", "/auth/register", None, Some(&body.to_string()));
        let session = ask(&mut connection, &request, 201).await?;
        let [token, refresh] = ["access_token", "refresh_token"].map(|name| string(&session, name));
        users.push(User { email, token: token?, refresh: refresh? });
    }
    Ok(users)
}

/// The request of a login.
pub fn login(user: &User) -> Template {
    let body = json!({ "email": user.email, "password": PASSWORD }).to_string();
    Template::new("POST", "/auth/login", None, Some(&body))
}

/// Refreshes a session: its next refresh token.
pub async fn refresh(connection: &mut Connection, token: &str) -> anyhow::Result<String> {
    let body = json!({ "refresh_token": token }).to_string();
    let request = Template::new("POST", "/auth/refresh", None, Some(&body));
    let session = ask(connection, &request, 200).await?;
    string(&session, "refresh_token")
}

/// The request that creates a thought; `text` may hold the slot for a number.
pub fn creation(user: &User, text: &str) -> Template {
    let body = json!({ "text": text, "tags": ["bench"] }).to_string();
    Template::new("POST", "/api/thoughts", Some(&user.token), Some(&body))
}

/// Writes `each` thoughts for every user and returns the requests that read them.
pub async fn thoughts(
    address: SocketAddr,
    users: &[User],
    each: u64,
) -> anyhow::Result<Vec<Template>> {
    let mut tasks = JoinSet::new();
    for user in users.iter().cloned() {
        tasks.spawn(async move {
            let mut connection = Connection::open(address).await?;
            let mut reads = Vec::new();
            for number in 0..each {
                let request = creation(&user, &format!("Thought {number} of {}", user.email));
                let thought = ask(&mut connection, &request, 201).await?;
                let path = format!("/api/thoughts/{}", string(&thought, "id")?);
                reads.push(Template::get(&path, Some(&user.token)));
            }
            anyhow::Ok(reads)
        });
    }
    let mut reads = Vec::new();
    while let Some(done) = tasks.join_next().await {
        reads.extend(done??);
    }
    Ok(reads)
}

/// One request whose answer must have this status and be JSON.
pub async fn ask(
    connection: &mut Connection,
    request: &Template,
    expected: u16,
) -> anyhow::Result<Value> {
    let status = connection.exchange(request.fill(0, &mut Vec::new())).await?;
    if status != expected {
        let body = String::from_utf8_lossy(connection.body());
        bail!("an answer {status} instead of {expected}: {body}");
    }
    serde_json::from_slice(connection.body()).context("an answer that is not JSON")
}

fn string(value: &Value, name: &str) -> anyhow::Result<String> {
    let text = value.get(name).and_then(Value::as_str).map(str::to_owned);
    text.with_context(|| format!("the answer has no `{name}`"))
}
