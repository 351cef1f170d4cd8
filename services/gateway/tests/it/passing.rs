//! Requests to services elsewhere pass the same steps as those to services here.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::support::{Gate, System, Wire, echo, rule, system};

async fn things() -> (System, Gate) {
    let things = echo("things").await;
    let gate = Gate::before(&[], &[], Some(&things)).await;
    (things, gate)
}

#[tokio::test]
async fn a_service_elsewhere_is_reached_by_its_addresses() {
    let (things, gate) = things().await;
    for path in ["/things?a=1", "/api/things?a=1", "/api/v1/things?a=1"] {
        let answer = gate.ask(&format!("GET {path}"), "authorization: Bearer x.y.z\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("things\nGET /api/v1/things?a=1 HTTP/1.1\r\n"), "{answer}");
        assert!(answer.contains("authorization: Bearer x.y.z\r\n"), "it verifies by itself");
        assert!(answer.contains("x-content-type-options: nosniff\r\n"), "{answer}");
        assert!(answer.contains("ratelimit: "), "{answer}");
    }
    assert_eq!(things.count(), 3);
    let text = gate.metrics.render();
    assert!(text.contains(r#"operation="list_things",method="GET",status="200"} 3"#), "{text}");
    assert!(text.contains(r#"upstream_requests_total{upstream="things"} 3"#), "{text}");
}

#[tokio::test]
async fn the_gateway_names_the_request_and_says_where_it_came_from() {
    let (_things, gate) = things().await;
    let claims = "x-forwarded-for: 1.2.3.4\r\nforwarded: for=1.2.3.4\r\nx-user-id: root\r\n\
                  hanse-roles: admin\r\nx-request-id: mine\r\nconnection: keep-alive, x-hop\r\n\
                  x-hop: 1\r\ntransfer-encoding: chunked\r\nte: gzip\r\n";
    let answer = gate.ask("GET /things", &format!("{claims}\r\n0\r\n")).await;
    let (head, passed) = answer.split_once("things\n").unwrap();
    let id = head.lines().find_map(|line| line.strip_prefix("x-request-id: ")).unwrap();
    assert!(passed.contains(&format!("x-request-id: {id}\r\n")), "{passed}");
    assert!(passed.contains("x-forwarded-for: 127.0.0.1\r\n"), "{passed}");
    assert!(passed.contains("x-forwarded-host: gate.test\r\n"), "{passed}");
    assert!(passed.contains("traceparent: 00-"), "{passed}");
    for gone in ["1.2.3.4", "root", "hanse-roles", "mine", "x-hop", "te: ", "keep-alive"] {
        assert!(!passed.contains(gone), "{gone}: {passed}");
    }
}

/// RFC 9112, section 3.2.2, and RFC 9113, section 8.3.1: the host that stands in the address counts, under
/// whichever name of the operation it is asked for.
#[tokio::test]
async fn the_host_in_the_address_is_the_one_that_is_passed_on() {
    let (_things, gate) = things().await;
    let answer = gate.ask("GET http://anna@front.test:81/things", "").await;
    assert!(answer.contains("x-forwarded-host: front.test:81\r\n"), "{answer}");
    let stream = TokioIo::new(TcpStream::connect(gate.address).await.unwrap());
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), stream).await.expect("a connection of HTTP/2");
    let connection = tokio::spawn(connection);
    for path in ["things", "api/v1/things"] {
        let request = Request::get(format!("http://front.test/{path}"));
        let request = request.body(Empty::<Bytes>::new()).unwrap();
        let body = sender.send_request(request).await.unwrap().into_body();
        let answer = body.collect().await.unwrap().to_bytes();
        let answer = std::str::from_utf8(&answer).unwrap();
        assert!(answer.contains("x-forwarded-host: front.test\r\n"), "{answer}");
    }
    connection.abort();
}

/// RFC 9112, section 3.2.
#[tokio::test]
async fn a_request_that_names_no_host_is_refused() {
    let (things, gate) = things().await;
    for (version, host) in [
        ("1.1", ""),
        ("1.1", "host:\r\n"),
        ("1.1", "host: a b\r\n"),
        ("1.1", "host: a/b\r\n"),
        ("1.1", "host: anna@a\r\n"),
        ("1.0", "host: a/b\r\n"),
        ("1.1", "host: a\r\nhost: a\r\n"),
    ] {
        for path in ["/things", "/health", "/docs"] {
            let mut wire = Wire::to(gate.address).await;
            wire.say(&format!("GET {path} HTTP/{version}\r\n{host}\r\n")).await;
            let answer = wire.message().await.expect("an answer");
            assert!(answer.contains(" 400 Bad Request\r\n"), "{path} {host:?}: {answer}");
        }
    }
    assert_eq!(things.count(), 0);
    for (version, host) in
        [("1.0", ""), ("1.1", "host: [::1]:3000\r\n"), ("1.1", "host: xn--mnchen-3ya.test\r\n")]
    {
        let mut wire = Wire::to(gate.address).await;
        wire.say(&format!("GET /things HTTP/{version}\r\n{host}\r\n")).await;
        assert!(wire.message().await.expect("an answer").contains(" 200 OK\r\n"), "{host}");
    }
}

#[tokio::test]
async fn tunnels_and_traces_are_for_nobody() {
    let old = echo("old").await;
    let gate = Gate::before(&[rule("/old", "old")], &[("old", &old)], None).await;
    let answer = gate.ask("TRACE /old/a", "").await;
    assert!(answer.starts_with("HTTP/1.1 405 ") && answer.contains("\r\nallow: GET, "), "{answer}");
    assert!(gate.ask("CONNECT old.test:80", "").await.starts_with("HTTP/1.1 40"));
    assert_eq!(old.count(), 0);
}

#[tokio::test]
async fn what_the_gateway_knows_it_answers_itself() {
    let (things, gate) = things().await;
    let answer = gate.ask("DELETE /things", "").await;
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
    assert!(answer.contains("allow: GET, POST, HEAD\r\n"), "{answer}");
    assert!(gate.ask("GET /nothing", "").await.starts_with("HTTP/1.1 404 "));
    let preflight = "origin: https://app.test\r\naccess-control-request-method: POST\r\n";
    let answer = gate.ask("OPTIONS /things", preflight).await;
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    assert!(answer.contains("access-control-allow-methods: GET, POST\r\n"), "{answer}");
    assert_eq!(things.count(), 0);
    // An operation that is newer than this gateway is the service's to judge.
    assert!(gate.ask("GET /things/new", "").await.contains("things\nGET /api/v1/things/new "));
}

#[tokio::test]
async fn a_service_that_is_away_is_a_problem_with_a_code() {
    let (things, gate) = things().await;
    drop(things);
    let answer = gate.ask("GET /things", "").await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    assert!(answer.contains("application/problem+json") && answer.contains("\"UPS-002\""));
    assert!(answer.contains("x-request-id: ") && answer.contains("ratelimit: "), "{answer}");
}

/// HTTP-07: an address that two programs could read differently goes nowhere.
#[tokio::test]
async fn confusing_addresses_reach_nobody() {
    let (things, gate) = things().await;
    for path in [
        "/things/../admin",
        "/things/./x",
        "//things",
        "/things//x",
        "/things%2f..%2fadmin",
        "/things/%2e%2e/admin",
        "/things;a=b",
        "/things\\..\\admin",
        "/%74hings",
        "/things/",
    ] {
        let answer = gate.ask(&format!("GET {path}"), "").await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
    }
    assert_eq!(things.count(), 0);
}

/// HTTP-03: two lengths, two hosts, a length and a coding: refused or read in one way only.
#[tokio::test]
async fn a_request_is_never_two_requests_behind_the_gateway() {
    let (things, gate) = things().await;
    let hidden = "GET /api/v1/things/hidden HTTP/1.1\r\nhost: x\r\n\r\n";
    let length = hidden.len();
    for head in [
        format!("content-length: {length}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("content-length: 0\r\ncontent-length: {length}\r\n\r\n{hidden}"),
        format!("transfer-encoding: xchunked\r\ncontent-length: {length}\r\n\r\n{hidden}"),
        format!(
            "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n{hidden}"
        ),
        format!("content-length: {length}\r\nhost: other\r\n\r\n{hidden}"),
        format!("content-length: {length}\r\nauthorization: a\r\nauthorization: b\r\n\r\n{hidden}"),
    ] {
        let before = things.count();
        let mut wire = Wire::to(gate.address).await;
        wire.say(&format!("POST /things HTTP/1.1\r\nhost: gate.test\r\n{head}")).await;
        let first = wire.message().await.unwrap_or_default();
        let refused = first.starts_with("HTTP/1.1 400 ");
        // The server may close so fast that its answer is lost.
        let ends = first.is_empty() || first.contains("connection: close\r\n");
        assert!(refused || ends, "{head}: {first}");
        if !refused {
            assert!(wire.closed().await, "{head}: a second answer");
        }
        assert!(things.count() - before <= usize::from(!refused), "{head}");
    }
}

/// HTTP-04: what a client still sends after an early answer is never taken for a request.
#[tokio::test]
async fn an_early_answer_ends_the_conversation() {
    let things = system(|mut wire| async move {
        while wire.until("\r\n\r\n").await.is_some() {
            wire.say("HTTP/1.1 401 No\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno").await;
            // It never reads the body.
            std::future::pending::<()>().await;
        }
    })
    .await;
    let gate = Gate::before(&[], &[], Some(&things)).await;
    let mut wire = Wire::to(gate.address).await;
    let start = "POST /things HTTP/1.1\r\nhost: g\r\ncontent-length: 10000000\r\n\r\nGET ";
    wire.say(start).await;
    assert!(wire.message().await.unwrap().starts_with("HTTP/1.1 401 "));
    wire.say("/things HTTP/1.1\r\nhost: g\r\n\r\n").await;
    let answered = tokio::time::timeout(std::time::Duration::from_millis(500), wire.message());
    assert!(!matches!(answered.await, Ok(Some(_))), "the body was taken for a request");
}
