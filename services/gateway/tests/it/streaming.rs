//! What is not over yet passes through while it happens.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::support::{Gate, Wire, rule, system};

/// Events arrive one by one: the next is not even sent before the last was seen.
#[tokio::test]
async fn events_arrive_one_by_one() {
    let seen = Arc::new(Notify::new());
    let signal = Arc::clone(&seen);
    let source = system(move |mut wire| {
        let seen = Arc::clone(&signal);
        async move {
            wire.message().await;
            wire.say("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
                .await;
            for number in 0..5 {
                let event = format!("data: {number}\n\n");
                wire.say(&format!("{:x}\r\n{event}\r\n", event.len())).await;
                seen.notified().await;
            }
            wire.say("0\r\n\r\n").await;
        }
    })
    .await;
    let gate = Gate::before(&[rule("/live", "live")], &[("live", &source)], None).await;
    let mut wire = Wire::to(gate.address).await;
    wire.say("GET /live HTTP/1.1\r\nhost: g\r\n\r\n").await;
    assert!(wire.until("\r\n\r\n").await.unwrap().contains("content-type: text/event-stream"));
    for number in 0..5 {
        assert!(wire.until("\n\n").await.unwrap().ends_with(&format!("data: {number}\n\n")));
        seen.notify_one();
    }
    assert!(wire.until("0\r\n\r\n").await.is_some());
}

#[tokio::test]
async fn an_upload_is_passed_on_while_it_arrives() {
    let half = Arc::new(Notify::new());
    let signal = Arc::clone(&half);
    let sink = system(move |mut wire| {
        let half = Arc::clone(&signal);
        async move {
            wire.until("first half").await;
            half.notify_one();
            wire.until("second half").await;
            wire.say("HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n").await;
        }
    })
    .await;
    let gate = Gate::before(&[rule("/upload", "sink")], &[("sink", &sink)], None).await;
    for (framing, first, second) in [
        ("content-length: 21", "first half", "second half"),
        ("transfer-encoding: chunked", "a\r\nfirst half\r\n", "b\r\nsecond half\r\n0\r\n\r\n"),
    ] {
        let mut wire = Wire::to(gate.address).await;
        wire.say(&format!("POST /upload HTTP/1.1\r\nhost: g\r\n{framing}\r\n\r\n{first}")).await;
        half.notified().await;
        wire.say(second).await;
        assert!(wire.message().await.unwrap().starts_with("HTTP/1.1 201 "));
    }
}

/// A WebSocket handshake (RFC 6455, section 1.3) and frames both ways; the server speaks at once.
#[tokio::test]
async fn a_websocket_is_a_tunnel() {
    let server = system(|mut wire| async move {
        let head = wire.until("\r\n\r\n").await.unwrap();
        assert!(
            head.contains("upgrade: websocket\r\n") && head.contains("connection: upgrade\r\n")
        );
        assert!(head.contains("sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"));
        wire.say(
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
             sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\u{1}\u{5}hello",
        )
        .await;
        while let Some(line) = wire.until("\n").await {
            wire.say(&line).await;
        }
    })
    .await;
    let gate = Gate::before(&[rule("/chat", "chat")], &[("chat", &server)], None).await;
    let mut wire = Wire::to(gate.address).await;
    wire.say(
        "GET /chat HTTP/1.1\r\nhost: g\r\nconnection: keep-alive, Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    )
    .await;
    let head = wire.until("\r\n\r\n").await.unwrap();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(head.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{head}");
    assert!(head.contains("upgrade: websocket\r\n"), "{head}");
    assert!(wire.until("hello").await.is_some(), "what came with the handshake is not lost");
    for number in 0..100 {
        let line = format!("\u{1}frame {number}\n");
        wire.say(&line).await;
        assert_eq!(wire.until("\n").await.as_deref(), Some(line.as_str()));
    }
    drop(server);
    assert!(wire.closed().await, "one side's end is the other's");
}

#[tokio::test]
async fn a_refused_upgrade_is_an_answer() {
    let server = system(|mut wire| async move {
        while wire.message().await.is_some() {
            wire.say("HTTP/1.1 403 No\r\ncontent-length: 2\r\n\r\nno").await;
        }
    })
    .await;
    let gate = Gate::before(&[rule("/chat", "chat")], &[("chat", &server)], None).await;
    let answer = gate.ask("GET /chat", "connection: upgrade\r\nupgrade: websocket\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.ends_with("\r\n\r\nno"), "{answer}");
}

#[tokio::test]
async fn trailers_reach_who_asked_for_them() {
    let server = system(|mut wire| async move {
        while wire.message().await.is_some() {
            wire.say(
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n2\r\nok\r\n0\r\nx-sum: 9\r\n\r\n",
            )
            .await;
        }
    })
    .await;
    let gate = Gate::before(&[rule("/sum", "sum")], &[("sum", &server)], None).await;
    let mut wire = Wire::to(gate.address).await;
    wire.say("GET /sum HTTP/1.1\r\nhost: g\r\nte: trailers\r\nconnection: te\r\n\r\n").await;
    wire.until("\r\n\r\n").await.unwrap();
    assert_eq!(wire.until("\r\n\r\n").await.unwrap(), "2\r\nok\r\n0\r\nx-sum: 9\r\n\r\n");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_not_taken_for_whole() {
    let seen = Arc::new(Notify::new());
    let signal = Arc::clone(&seen);
    let server = system(move |mut wire| {
        let seen = Arc::clone(&signal);
        async move {
            wire.until("\r\n\r\n").await;
            wire.say("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbeginning").await;
            seen.notified().await;
        }
    })
    .await;
    let gate = Gate::before(&[rule("/file", "file")], &[("file", &server)], None).await;
    let mut wire = Wire::to(gate.address).await;
    wire.say("GET /file HTTP/1.1\r\nhost: g\r\n\r\n").await;
    let head = wire.until("\r\n\r\n").await.unwrap();
    assert!(head.contains("content-length: 100\r\n"), "{head}");
    assert!(wire.until("beginning").await.is_some());
    seen.notify_one();
    assert_eq!(wire.until("never").await, None, "the connection is closed");
}
