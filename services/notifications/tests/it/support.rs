//! People, messages, letters, and a server that devices can connect to.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hanse_contracts::identity::{MessageRequested, UserRegistered};
use hanse_contracts::messages::{Channel, Message, SEAL};
use hanse_http::{Edge, PeerKey, Sealer, ServiceFront, Table, server};
use hanse_mail::MailConfig;
use hanse_notifications::NotificationsConfig;
use hanse_runtime::{Secrets, Service};
use hanse_telemetry::metrics::Metrics;
use hanse_testkit::{Actor, Stage, TestEvent, Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use uuid::Uuid;

/// What providers sign with in these scenes.
pub const FEEDBACK: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

pub fn services() -> Vec<Service> {
    let config = NotificationsConfig {
        streams_per_person: 3,
        per_hour: 3,
        feedback_secret: FEEDBACK.into(),
        ..NotificationsConfig::default()
    };
    vec![
        hanse_notifications::service(config, MailConfig::default()),
        TestEvent::source("identity"),
        TestEvent::source("thoughts"),
    ]
}

/// Makes somebody known.
pub async fn knows(t: &Stage, who: &Actor, name: &str) {
    let email = format!("{}@example.com", name.to_lowercase());
    t.emit(UserRegistered { user_id: who.id, email, name: name.into() }).await;
    t.drain_events().await;
}

/// A message with these values.
pub fn message(t: &Stage, template: &str, values: &[(&str, &str)]) -> Message {
    let text = |text: &&str| (*text).to_owned();
    Message {
        id: t.ids.new_id(),
        template: template.into(),
        channels: Vec::new(),
        essential: false,
        email: None,
        phone: None,
        values: values.iter().map(|(key, value)| (text(key), text(value))).collect(),
        sealed: None,
        expires_at: None,
    }
}

/// An announcement.
pub fn news(t: &Stage, title: &str) -> Message {
    message(t, "notifications.announcement", &[("title", title), ("text", "Hear, hear")])
}

/// Seals values as identity does.
pub fn sealed(t: &Stage, values: &[(&str, &str)]) -> String {
    let sealer = Sealer::new(Secrets::new(&[9; 32]).derive(SEAL), t.ids.clone());
    sealer.seal(SEAL, &values.iter().copied().collect::<BTreeMap<_, _>>())
}

/// Has identity ask for a message, and takes it in.
pub async fn tell(t: &Stage, who: &Actor, message: Message) {
    t.emit(MessageRequested { user_id: who.id, message }).await;
    t.drain_events().await;
}

/// As [`tell`], by e-mail alone.
pub async fn write_to(t: &Stage, who: &Actor, mut message: Message) {
    message.channels = vec![Channel::Email];
    tell(t, who, message).await;
}

/// The letters that were written, oldest first, with quoted-printable undone.
pub fn letters(t: &Stage) -> Vec<String> {
    let folder = t.folder.join("cache/notifications/mail");
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.metadata().unwrap().modified().unwrap(), entry.path()))
        .collect();
    found.sort();
    found
        .into_iter()
        .map(|(_, path)| {
            std::fs::read_to_string(path).unwrap().replace("=\r\n", "").replace("=3D", "=")
        })
        .collect()
}

/// The titles of somebody's list.
pub async fn titles(who: &Actor) -> Vec<String> {
    let page = who.get("/api/v1/notifications").await.json();
    let items = page["items"].as_array().unwrap();
    items.iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect()
}

/// How deliveries of the newest notification of somebody's list stand.
pub async fn deliveries(who: &Actor) -> Value {
    let page = who.get("/api/v1/notifications").await.json();
    let id = page["items"][0]["id"].as_str().unwrap().to_owned();
    let story = who.get(format!("/api/v1/notifications/{id}")).await.json();
    let deliveries = story["deliveries"].as_array().unwrap().iter();
    deliveries.map(|it| json!([it["channel"], it["state"], it["attempts"]])).collect()
}

/// The scene's services behind a door that keeps connections.
pub async fn serve(t: &Stage) -> SocketAddr {
    let (address, serving) = served(t, Metrics::default(), std::future::pending()).await;
    tokio::spawn(serving);
    address
}

/// As [`serve`], until `stop` ends; the future ends when the last connection has.
pub async fn served<F: Future<Output = ()> + Send + 'static>(
    t: &Stage,
    metrics: Metrics,
    stop: F,
) -> (SocketAddr, impl Future<Output = ()> + Send + use<F>) {
    let edge = Edge {
        ids: t.ids.clone(),
        verifier: t.verifier.clone(),
        metrics: Metrics::default(),
        recent: Arc::default(),
        spans: hanse_telemetry::Spans::default(),
        peers: PeerKey::new(&[11; 32]),
        trusted_proxies: hanse_http::Networks::default(),
        origins: Arc::new(["https://stage.test".to_owned()]),
    };
    let table = Table::new(t.platform.cells().iter().map(|cell| &cell.routes)).unwrap();
    let front = Arc::new(ServiceFront::new(edge, table));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (address, server::serve(listener, front, server::Limits::default(), metrics, stop))
}

/// A request that a receiver got.
#[derive(Clone, Debug)]
pub struct Got {
    pub head: String,
    pub body: Vec<u8>,
}

impl Got {
    pub fn header(&self, name: &str) -> &str {
        let line = |line: &&str| line.to_lowercase().starts_with(&format!("{name}: "));
        let line = self.head.split("\r\n").find(line).unwrap_or_default();
        line.split_once(": ").map_or("", |(_, value)| value)
    }
}

/// A receiver outside, at 127.0.0.1, that keeps what it gets and answers with these statuses in turn,
/// the last one for ever.
#[derive(Clone)]
pub struct Receiver {
    pub address: SocketAddr,
    pub got: Arc<Mutex<Vec<Got>>>,
}

impl Receiver {
    pub async fn answering(statuses: &'static [u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self { address: listener.local_addr().unwrap(), got: Arc::default() };
        let got = Arc::clone(&receiver.got);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let request = read(&mut stream).await;
                let count = {
                    let mut got = got.lock().unwrap();
                    got.push(request);
                    got.len()
                };
                let status = statuses[(count - 1).min(statuses.len() - 1)];
                let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 2\r\n\r\n{{}}");
                stream.write_all(answer.as_bytes()).await.ok();
            }
        });
        receiver
    }

    pub fn all(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }
}

async fn read(stream: &mut tokio::net::TcpStream) -> Got {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let mut got = Got { head: String::from_utf8(head).unwrap(), body: Vec::new() };
    got.body.resize(got.header("content-length").parse().unwrap_or(0), 0);
    stream.read_exact(&mut got.body).await.unwrap();
    got
}

/// An id of nobody.
pub fn stranger() -> Uuid {
    Uuid::from_u128(0x0195_5d3a_7c00_7000_8000_0000_0000_0999)
}
