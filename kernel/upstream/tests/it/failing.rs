//! Peers that fail, and what their callers learn.

use hanse_http::ApiError as _;
use hanse_upstream::{Affinity, UpstreamConfig, UpstreamError};

use crate::support::{brisk, get, nobody, peer, request, scripted, send, text, until};

fn code(error: &UpstreamError) -> (u16, &'static str) {
    error.code().map(|code| (code.status, code.code)).unwrap()
}

#[tokio::test]
async fn nobody_listens() {
    let upstream = peer(brisk(), &[nobody().await]);
    let error = get(&upstream).await.unwrap_err();
    assert_eq!((code(&error), error.maybe_executed()), ((502, "UPS-002"), false));
    let error = get(&peer(brisk(), &[])).await.unwrap_err();
    assert_eq!((code(&error), error.retry_after()), ((503, "UPS-001"), Some(5)));
}

#[tokio::test]
async fn no_answer_in_time() {
    let server = scripted(|mut peer| async move { while peer.request().await.is_some() {} }).await;
    let upstream = peer(UpstreamConfig { timeout_ms: 400, ..brisk() }, &[server.address]);
    let error = get(&upstream).await.unwrap_err();
    assert_eq!((code(&error), error.maybe_executed()), ((504, "UPS-003"), true));
    assert_eq!(server.count(), 3, "a read is tried three times");
    let error = send(&upstream, request("POST", &[], "x")).await.unwrap_err();
    assert_eq!(code(&error), (504, "UPS-003"));
    assert_eq!(server.count(), 4, "anything else once");
}

#[tokio::test]
async fn an_answer_that_has_begun_is_never_tried_again() {
    let server = scripted(|mut peer| async move {
        peer.request().await;
        peer.say("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbeginning").await;
        peer.reset();
    })
    .await;
    let upstream = peer(brisk(), &[server.address]);
    let response = upstream.send(request("GET", &[], ""), Affinity::of(1)).await.unwrap();
    assert_eq!(response.status(), 200);
    text(response).await.unwrap_err();
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_body_that_stops_is_given_up() {
    let server = scripted(|mut peer| async move {
        peer.request().await;
        peer.say("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbeginning").await;
        std::future::pending::<()>().await;
    })
    .await;
    let upstream = peer(brisk(), &[server.address]);
    let response = upstream.send(request("GET", &[], ""), Affinity::of(1)).await.unwrap();
    let error = text(response).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    assert_eq!(upstream.view().endpoints[0].in_flight, 0);
}

#[tokio::test]
async fn the_breaker_opens_and_closes_again() {
    let broken = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let state = std::sync::Arc::clone(&broken);
    let server = scripted(move |mut peer| {
        let state = std::sync::Arc::clone(&state);
        async move {
            while peer.request().await.is_some() {
                if state.load(std::sync::atomic::Ordering::SeqCst) {
                    return;
                }
                peer.say(crate::support::OK).await;
            }
        }
    })
    .await;
    let config = UpstreamConfig { breaker_open_ms: 300, breaker_requests: 10, ..brisk() };
    let upstream = peer(config, &[server.address]);
    let mut refused = None;
    for _ in 0..20 {
        match send(&upstream, request("POST", &[], "x")).await.unwrap_err() {
            error @ UpstreamError::BreakerOpen { .. } => refused = Some(error),
            error => assert_eq!(code(&error), (502, "UPS-002")),
        }
    }
    let refused = refused.expect("the breaker is open");
    assert_eq!((code(&refused), refused.retry_after()), ((503, "UPS-004"), Some(1)));
    assert_eq!(server.count(), 10, "nothing was sent while it was open");
    assert_eq!(upstream.view().breaker, hanse_upstream::BreakerState::Open);
    broken.store(false, std::sync::atomic::Ordering::SeqCst);
    until("the breaker closes", async || get(&upstream).await.is_ok()).await;
    assert_eq!(upstream.view().breaker, hanse_upstream::BreakerState::Closed);
}

#[tokio::test]
async fn no_more_requests_at_once_than_allowed() {
    let server = scripted(|mut peer| async move {
        peer.request().await;
        std::future::pending::<()>().await;
    })
    .await;
    let config = UpstreamConfig { connections: 2, try_timeout_ms: 1_900, ..brisk() };
    let upstream = peer(config, &[server.address]);
    let ask = || send(&upstream, request("POST", &[], "x"));
    let (one, two, three) = tokio::join!(ask(), ask(), ask());
    let mut codes = [one, two, three].map(|answer| code(&answer.unwrap_err()).1);
    codes.sort_unstable();
    assert_eq!(codes, ["UPS-003", "UPS-003", "UPS-006"]);
    assert_eq!(server.count(), 2);
}
