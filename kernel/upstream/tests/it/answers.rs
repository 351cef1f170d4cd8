//! What comes back is passed on as it is, or not at all.

use std::sync::atomic::Ordering;

use hanse_upstream::{Affinity, Protocol, UpstreamConfig, UpstreamError};
use http_body_util::BodyExt as _;

use crate::support::{OK, answering, brisk, get, peer, request, scripted, send, text, until};

#[tokio::test]
async fn a_connection_is_used_again() {
    let server = answering(OK).await;
    let upstream = peer(brisk(), &[server.address]);
    for _ in 0..50 {
        assert_eq!(get(&upstream).await.unwrap(), (200, "ok".into()));
    }
    assert_eq!((server.count(), server.connections.load(Ordering::SeqCst)), (50, 1));
}

#[tokio::test]
async fn the_request_arrives_as_it_was_sent() {
    let server = scripted(|mut peer| async move {
        while let Some(head) = peer.request().await {
            peer.say(&format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{head}", head.len()))
                .await;
        }
    })
    .await;
    let upstream = peer(brisk(), &[server.address]);
    let sent = request("POST", &[("x-mine", "7"), ("host", "elsewhere")], "body");
    let (_, head) = send(&upstream, sent).await.unwrap();
    assert!(head.starts_with("POST /thing?x=1 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("x-mine: 7\r\n") && head.contains("content-length: 4\r\n"), "{head}");
    assert!(head.contains(&format!("host: {}\r\n", server.address)), "{head}");
    let named = UpstreamConfig { host: "old.example".into(), ..brisk() };
    let (_, head) = get(&peer(named, &[server.address])).await.unwrap();
    assert!(head.contains("host: old.example\r\n"), "{head}");
}

#[tokio::test]
async fn answers_of_every_shape_are_read() {
    let long = "x".repeat(300_000);
    let chunked =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
    let sized = format!("HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n{long}");
    let cases = [
        (chunked.to_owned(), 200, "abcde".to_owned()),
        (sized, 200, long),
        ("HTTP/1.1 204 No Content\r\n\r\n".into(), 204, String::new()),
        ("HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n".into(), 304, String::new()),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 1\r\n\r\n1"
                .into(),
            201,
            "1".into(),
        ),
    ];
    for (answer, status, body) in cases {
        let server = answering(Box::leak(answer.into_boxed_str())).await;
        let upstream = peer(brisk(), &[server.address]);
        for _ in 0..3 {
            assert_eq!(get(&upstream).await.unwrap(), (status, body.clone()));
        }
        assert_eq!(server.connections.load(Ordering::SeqCst), 1, "{status}: kept open");
    }
}

#[tokio::test]
async fn an_old_server_ends_its_answer_by_closing() {
    let server = scripted(|mut peer| async move {
        peer.request().await;
        peer.say("HTTP/1.0 200 OK\r\n\r\nall of it").await;
    })
    .await;
    let upstream = peer(brisk(), &[server.address]);
    for _ in 0..3 {
        assert_eq!(get(&upstream).await.unwrap(), (200, "all of it".into()));
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn trailers_are_passed_on() {
    let server = answering(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n2\r\nok\r\n0\r\nx-sum: 9\r\n\r\n",
    )
    .await;
    let upstream = peer(brisk(), &[server.address]);
    for _ in 0..2 {
        let response = upstream.send(request("GET", &[], ""), Affinity::of(1)).await.unwrap();
        let collected = response.into_body().collect().await.unwrap();
        assert_eq!(collected.trailers().unwrap()["x-sum"], "9");
        assert_eq!(collected.to_bytes(), "ok");
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

/// HTTP-03, seen from the other side: an answer whose end two readers could see in different places.
#[tokio::test]
async fn ambiguous_and_oversized_answers_are_refused() {
    let huge = format!("HTTP/1.1 200 OK\r\nx-long: {}\r\n\r\n", "x".repeat(100_000));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x-a: 1\r\n".repeat(200));
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 5\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx-a: 1\r\n folded\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
        "not http at all\r\n\r\n",
        &huge,
        &many,
    ] {
        let server = answering(Box::leak(answer.to_owned().into_boxed_str())).await;
        let upstream = peer(brisk(), &[server.address]);
        let asked = upstream.send(request("GET", &[], ""), Affinity::of(1)).await;
        let refused = asked.map(|response| response.into_parts().0);
        let head = &answer[..answer.len().min(80)];
        let malformed = matches!(refused, Err(UpstreamError::MalformedAnswer { .. }));
        assert!(malformed, "{head}");
        assert_eq!(server.count(), 1, "{head}: not asked again");
    }
}

#[tokio::test]
async fn an_answer_may_come_before_the_request_was_read() {
    let server = scripted(|mut peer| async move {
        peer.head().await;
        peer.say("HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\nconnection: close\r\n\r\nbig")
            .await;
        // It stays open, but reads nothing.
        std::future::pending::<()>().await;
    })
    .await;
    let upstream = peer(brisk(), &[server.address]);
    let large = "x".repeat(32 * 1024 * 1024);
    for _ in 0..2 {
        let answer = send(&upstream, request("POST", &[], &large)).await.unwrap();
        assert_eq!(answer, (413, "big".into()));
    }
    // What was left unread can never be taken for the next request (HTTP-04).
    assert_eq!(server.connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_slow_body_arrives_piece_by_piece() {
    let server = scripted(|mut peer| async move {
        peer.request().await;
        peer.say("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n").await;
        for digit in 0..10 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            peer.say(&digit.to_string()).await;
        }
    })
    .await;
    // All of it takes longer than a try may, and than a pause may.
    let upstream = peer(brisk(), &[server.address]);
    let response = upstream.send(request("GET", &[], ""), Affinity::of(1)).await.unwrap();
    let mut body = response.into_body();
    let mut pieces = Vec::new();
    while let Some(frame) = body.frame().await {
        pieces.push(frame.unwrap().into_data().unwrap());
    }
    assert_eq!(pieces.concat(), b"0123456789");
    assert!(pieces.len() > 1, "it was not held back");
}

#[tokio::test]
async fn whoever_stops_listening_closes_the_connection() {
    let server = scripted(|mut peer| async move {
        while peer.request().await.is_some() {
            peer.say("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nbeginning").await;
        }
    })
    .await;
    let upstream = peer(brisk(), &[server.address]);
    let response = upstream.send(request("GET", &[], ""), Affinity::of(1)).await.unwrap();
    assert_eq!(upstream.view().endpoints[0].in_flight, 1);
    drop(response);
    let endpoint = upstream.view().endpoints.remove(0);
    assert_eq!((endpoint.in_flight, endpoint.idle), (0, 0));
    let asking = upstream.send(request("GET", &[], ""), Affinity::of(1));
    drop(asking);
    until("the slot is free", async || upstream.view().endpoints[0].in_flight == 0).await;
}

#[tokio::test]
async fn http2_shares_one_connection() {
    use hyper::service::service_fn;
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use std::convert::Infallible;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        drop(listener);
        let service = service_fn(async |request: http::Request<hyper::body::Incoming>| {
            let path = request.uri().to_string();
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let text = format!("{path} {}", String::from_utf8_lossy(&body));
            Ok::<_, Infallible>(http::Response::new(http_body_util::Full::<bytes::Bytes>::from(
                text,
            )))
        });
        let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        connection.serve_connection(TokioIo::new(stream), service).await.ok();
    });
    let config = UpstreamConfig { protocol: Protocol::Http2, ..brisk() };
    let upstream = peer(config, &[address]);
    let asked = (0..20).map(|_| upstream.send(request("POST", &[], "hi"), Affinity::of(1)));
    for answer in futures_util::future::join_all(asked).await {
        assert_eq!(text(answer.unwrap()).await.unwrap(), format!("http://{address}/thing?x=1 hi"));
    }
    serving.abort();
}
