//! What comes back, and what is refused of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hanse_outbound::{Outbound, OutboundError};
use http::{Request, StatusCode};
use tokio::io::AsyncWriteExt as _;

use crate::support::{Changing, client, config, get, sends, server};

#[tokio::test]
async fn an_answer_comes_back_whole_whatever_its_status() {
    let address =
        sends("127.0.0.1", "HTTP/1.1 418 x\r\nx-a: b\r\ncontent-length: 5\r\n\r\nhello").await;
    let answer =
        get(&client(&["127.0.0.1"]), &format!("http://{address}/tea?hot=1")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::IM_A_TEAPOT);
    assert_eq!(
        (answer.headers()["x-a"].as_bytes(), &answer.body()[..]),
        (&b"b"[..], &b"hello"[..])
    );
}

/// The request says its own host and nothing about us, whatever the caller had set.
#[tokio::test]
async fn the_head_is_ours() {
    let address = server("127.0.0.1", |head, mut stream| async move {
        let body = head.replace("\r\n", "|");
        let answer = format!("HTTP/1.1 200 x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.ok();
    })
    .await;
    let request = Request::post(format!("http://{address}/a"))
        .header("host", "evil.example")
        .header("transfer-encoding", "chunked")
        .body(Bytes::from("xy"))
        .unwrap();
    let answer = client(&["127.0.0.1"]).send(request).await.unwrap();
    let head = String::from_utf8(answer.body().to_vec()).unwrap();
    assert!(head.starts_with("POST /a HTTP/1.1|"), "{head}");
    assert!(
        head.contains(&format!("host: {address}|")) && head.contains("content-length: 2|"),
        "{head}"
    );
    assert!(!head.contains("evil") && !head.contains("chunked"), "{head}");
}

/// SSRF-01: what a name says when it is asked again does not matter, because it is asked once.
#[tokio::test]
async fn a_name_is_resolved_once_and_the_judged_address_is_used() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let inner = server("127.0.0.2", move |_, _| {
        count.fetch_add(1, Ordering::Relaxed);
        std::future::ready(())
    })
    .await;
    let outer = sends("127.0.0.1", "HTTP/1.1 200 x\r\ncontent-length: 0\r\n\r\n").await;
    let names = Changing::default();
    let ip = |text: &str| text.parse().unwrap();
    names.0.lock().unwrap().extend([vec![ip("127.0.0.1")], vec![ip("127.0.0.2")]]);
    let client = Outbound::with_names(&config(&["127.0.0.1"]), Arc::new(names.clone())).unwrap();
    let url = format!("http://rebind.example:{}/", outer.port());
    assert_eq!(get(&client, &url).await.unwrap().status(), 200);
    assert_eq!(names.0.lock().unwrap().len(), 1, "asked once");
    let url = format!("http://rebind.example:{}/", inner.port());
    assert!(matches!(get(&client, &url).await, Err(OutboundError::Refused(_))));
    // One inner address among allowed ones refuses them all, in any order.
    for mixed in [["127.0.0.1", "127.0.0.2"], ["127.0.0.2", "127.0.0.1"]] {
        names.0.lock().unwrap().push_back(mixed.map(ip).to_vec());
        assert!(matches!(get(&client, &url).await, Err(OutboundError::Refused(_))));
    }
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

/// SSRF-01: a redirect is an answer.
#[tokio::test]
async fn redirects_are_not_followed() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let inner = server("127.0.0.1", move |_, _| {
        count.fetch_add(1, Ordering::Relaxed);
        std::future::ready(())
    })
    .await;
    let outer = server("127.0.0.1", move |_, mut stream| async move {
        let answer =
            format!("HTTP/1.1 302 x\r\nlocation: http://{inner}/\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.ok();
    })
    .await;
    let answer = get(&client(&["127.0.0.1"]), &format!("http://{outer}/")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::FOUND);
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

/// SSRF-03: size, with and without a stated length, head, compression, time.
#[tokio::test]
async fn an_answer_is_bounded_in_every_direction() {
    let client = client(&["127.0.0.1"]);
    let endless = |head: &'static str| {
        server("127.0.0.1", move |_, mut stream| async move {
            stream.write_all(head.as_bytes()).await.ok();
            while stream.write_all(&[b'x'; 65_536]).await.is_ok() {}
        })
    };
    let stated = endless("HTTP/1.1 200 x\r\ncontent-length: 10000000000\r\n\r\n").await;
    let open = endless("HTTP/1.1 200 x\r\n\r\n").await;
    for address in [stated, open] {
        let answer = get(&client, &format!("http://{address}/")).await;
        assert!(matches!(answer, Err(OutboundError::TooLarge(10_000))), "{answer:?}");
    }
    let head = endless("HTTP/1.1 200 x\r\nx: ").await;
    assert!(matches!(
        get(&client, &format!("http://{head}/")).await,
        Err(OutboundError::Broken(_))
    ));
    let bomb = sends("127.0.0.1", "HTTP/1.1 200 x\r\ncontent-encoding: gzip\r\n\r\nxx").await;
    assert!(matches!(
        get(&client, &format!("http://{bomb}/")).await,
        Err(OutboundError::Compressed)
    ));
    let drip = server("127.0.0.1", |_, mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 x\r\ncontent-length: 9000\r\n\r\n").await.ok();
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    assert!(matches!(get(&client, &format!("http://{drip}/")).await, Err(OutboundError::TooSlow)));
    let garbled = sends("127.0.0.1", "SSH-2.0-x\r\n\r\n").await;
    assert!(matches!(
        get(&client, &format!("http://{garbled}/")).await,
        Err(OutboundError::Broken(_))
    ));
}

#[tokio::test]
async fn whoever_cannot_prove_who_it_is_gets_nothing() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let plain = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 200 x\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        stream
    });
    let answer = get(&client(&["127.0.0.1"]), &format!("https://{address}/")).await;
    drop(plain.await);
    assert!(matches!(answer, Err(OutboundError::Tls(_))), "{answer:?}");
}
