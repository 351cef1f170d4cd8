//! Lists as they change, on connected devices (HTTP-14).

use futures_util::{SinkExt as _, StreamExt as _};
use hanse_telemetry::metrics::Metrics;
use hanse_testkit::{Actor, Stage, Value, json, stage_test};
use jiff::SignedDuration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use super::services;
use super::support::{knows, news, serve, served, tell};

/// A device that follows by server-sent events.
struct Device {
    lines: Lines<BufReader<OwnedReadHalf>>,
    _writer: OwnedWriteHalf,
}

impl Device {
    async fn connect(address: std::net::SocketAddr, who: &Actor, last: Option<&str>) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let (reader, mut writer) = stream.into_split();
        let last = last.map_or(String::new(), |last| format!("last-event-id: {last}\r\n"));
        let request = format!(
            "GET /api/v1/notifications/stream HTTP/1.1\r\nhost: stage.test\r\nauthorization: Bearer {}\r\n{last}\r\n",
            who.token()
        );
        writer.write_all(request.as_bytes()).await.unwrap();
        let mut lines = BufReader::new(reader).lines();
        assert_eq!(lines.next_line().await.unwrap().unwrap(), "HTTP/1.1 200 OK");
        let mut device = Self { lines, _writer: writer };
        while device.line().await.unwrap() != ": welcome" {}
        device
    }

    async fn line(&mut self) -> Option<String> {
        let line = tokio::time::timeout(std::time::Duration::from_secs(20), self.lines.next_line());
        line.await.unwrap().ok().flatten()
    }

    /// The next event: its id and its data.
    async fn next(&mut self) -> (String, Value) {
        let mut id = String::new();
        loop {
            let line = self.line().await.unwrap();
            if let Some(text) = line.strip_prefix("id: ") {
                id = text.to_owned();
            }
            if let Some(text) = line.strip_prefix("data: ") {
                return (id, serde_json::from_str(text).unwrap());
            }
        }
    }

    async fn ends(&mut self) {
        while let Some(line) = self.line().await {
            assert!(!line.starts_with("data: "), "{line}");
        }
    }
}

/// Read on one device is read on the other, and who was away misses nothing.
#[stage_test(split)]
async fn devices_agree_and_miss_nothing(t: Stage) {
    let (anna, ben) = t.users();
    knows(&t, &anna, "Anna").await;
    tell(&t, &anna, news(&t, "before")).await;
    let address = serve(&t).await;
    let mut phone = Device::connect(address, &anna, None).await;
    let mut desk = Device::connect(address, &anna, None).await;
    let mut other = Device::connect(address, &ben, None).await;
    t.advance(SignedDuration::from_secs(1));
    tell(&t, &anna, news(&t, "hello")).await;
    let (seen, event) = phone.next().await;
    assert_eq!((&event["title"], &event["state"]), (&json!("hello"), &json!("sent")));
    assert_eq!(desk.next().await, (seen.clone(), event.clone()));
    drop(phone);
    let path = format!("/api/v1/notifications/{}", event["id"].as_str().unwrap());
    anna.put(format!("{path}/read"), json!({})).await;
    assert_eq!(desk.next().await.1["state"], "read");
    anna.delete(&path).await;
    let (_, gone) = desk.next().await;
    assert_eq!((&gone["state"], &gone["title"]), (&json!("dismissed"), &json!("")));
    anna.post("/api/v1/notifications/read-all", json!({})).await;
    assert_eq!(desk.next().await.1["state"], "read");
    // The phone comes back: one event a notification, each as it is now.
    let mut phone = Device::connect(address, &anna, Some(&seen)).await;
    assert_eq!(phone.next().await.1["state"], "dismissed");
    assert_eq!(phone.next().await.1["title"], "before");
    let mut fresh = Device::connect(address, &anna, Some("0")).await;
    assert_eq!(fresh.next().await.1["state"], "dismissed");
    knows(&t, &ben, "Ben").await;
    tell(&t, &ben, news(&t, "for Ben")).await;
    assert_eq!(other.next().await.1["title"], "for Ben", "nothing of Anna's");
}

/// HTTP-14: a stream ends when its account may not listen any more, and a person has so many.
#[stage_test(split)]
async fn a_stream_ends_with_its_session(t: Stage) {
    let anna = t.user("anna");
    knows(&t, &anna, "Anna").await;
    let address = serve(&t).await;
    let mut devices = Vec::new();
    for _ in 0..3 {
        devices.push(Device::connect(address, &anna, None).await);
    }
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /api/v1/notifications/stream HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {}\r\n\r\n",
        anna.token()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 429 ") && answer.contains("NTF-010"), "{answer}");
    let now = t.clock.clock().now();
    let until = now.saturating_add(SignedDuration::from_hours(1)).unwrap();
    t.verifier.revocations().revoke(anna.id, until, now);
    tell(&t, &anna, news(&t, "secret")).await;
    for device in &mut devices {
        device.ends().await;
    }
}

type Socket = WebSocketStream<TcpStream>;

async fn socket(
    address: std::net::SocketAddr,
    headers: &[(&'static str, String)],
) -> Result<Socket, u16> {
    let mut request =
        format!("ws://{address}/api/v1/notifications/stream").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let stream = TcpStream::connect(address).await.unwrap();
    match tokio_tungstenite::client_async(request, stream).await {
        Ok((socket, _)) => Ok(socket),
        Err(tokio_tungstenite::tungstenite::Error::Http(response)) => {
            Err(response.status().as_u16())
        }
        Err(error) => panic!("{error}"),
    }
}

/// HTTP-14: a page of ours follows by WebSocket, with its token as a subprotocol; no other page does.
#[stage_test(split)]
async fn a_page_follows_by_websocket(t: Stage) {
    let anna = t.user("anna");
    knows(&t, &anna, "Anna").await;
    let address = serve(&t).await;
    let protocols = |token: &str| ("sec-websocket-protocol", format!("hanse, bearer.{token}"));
    let origin = |origin: &str| ("origin", origin.to_owned());
    assert_eq!(socket(address, &[]).await.unwrap_err(), 401);
    assert_eq!(socket(address, &[protocols("x.y.z")]).await.unwrap_err(), 401);
    for foreign in
        ["https://evil.example", "null", "https://stage.test.evil.example", "http://stage.test"]
    {
        let refused = socket(address, &[protocols(anna.token()), origin(foreign)]).await;
        assert_eq!(refused.unwrap_err(), 403, "{foreign}");
    }
    let headers = [protocols(anna.token()), origin("https://stage.test")];
    let mut page = socket(address, &headers).await.unwrap();
    tell(&t, &anna, news(&t, "hello")).await;
    let Some(Ok(Message::Text(text))) = page.next().await else { panic!("no message") };
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&told["event"], &told["data"]["title"]), (&json!("notification"), &json!("hello")));

    // Frames that are too large end it, and so do too many.
    page.send(Message::text("x".repeat(10_000))).await.ok();
    while let Some(Ok(message)) = page.next().await {
        assert!(message.is_close(), "{message}");
    }
    let mut page = socket(address, &headers).await.unwrap();
    for _ in 0..100 {
        if page.send(Message::text("x")).await.is_err() {
            break;
        }
    }
    let mut closed = false;
    while let Some(Ok(message)) = page.next().await {
        closed |= message.is_close();
    }
    assert!(closed, "it says goodbye");
}

/// OPS-01, M-132: a WebSocket is a connection for as long as it is open, and is told to go elsewhere and
/// waited for when the process stops.
#[stage_test(split)]
async fn a_socket_counts_as_a_connection_and_is_waited_for(t: Stage) {
    let anna = t.user("anna");
    knows(&t, &anna, "Anna").await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let metrics = Metrics::default();
    let stopping = async move { drop(stopped.await) };
    let (address, serving) = served(&t, metrics.clone(), stopping).await;
    let serving = tokio::spawn(serving);
    let headers = [("authorization", format!("Bearer {}", anna.token()))];
    let mut page = socket(address, &headers).await.unwrap();
    tell(&t, &anna, news(&t, "hello")).await;
    assert!(matches!(page.next().await, Some(Ok(Message::Text(_)))));
    let open = || metrics.render().lines().any(|line| line == "active_connections 1");
    assert!(open(), "{}", metrics.render());
    stop.send(()).unwrap();
    let Some(Ok(Message::Close(Some(frame)))) = page.next().await else { panic!("not closed") };
    assert_eq!(u16::from(frame.code), 1001);
    // Nobody is let go before the client has said goodbye too, or has had time to.
    drop(page);
    serving.await.unwrap();
    assert!(metrics.render().lines().any(|line| line == "active_connections 0"));
}
