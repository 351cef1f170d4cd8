//! What may be sent again, and how often (law 5, NET-05).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hanse_upstream::{UpstreamConfig, UpstreamError};

use crate::support::{OK, answering, brisk, get, nobody, peer, request, scripted, send};

/// A server that reads each connection's second request and closes without a word.
async fn closes_when_used_again() -> crate::support::Server {
    scripted(|mut peer| async move {
        peer.request().await;
        peer.say(OK).await;
        peer.request().await;
    })
    .await
}

#[tokio::test]
async fn a_connection_that_closes_when_used_again_is_renewed_once() {
    let server = closes_when_used_again().await;
    // No retries beside the renewal.
    let config = UpstreamConfig { tries: 1, retry_floor: 0, retry_percent: 0, ..brisk() };
    let upstream = peer(config, &[server.address]);
    assert!(get(&upstream).await.is_ok());
    assert_eq!(get(&upstream).await.unwrap(), (200, "ok".into()), "a read is sent again");
    let keyed = request("POST", &[("idempotency-key", "k"), ("content-length", "1")], "x");
    assert!(send(&upstream, keyed).await.is_ok(), "so is a request with a key");
    let error = send(&upstream, request("POST", &[], "x")).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Unreachable { maybe_executed: true, .. }), "{error:?}");
    assert_eq!(upstream.view().endpoints[0].errors, 0, "nobody is to blame");
}

#[tokio::test]
async fn a_closed_idle_connection_is_noticed_before_its_use() {
    let server = scripted(|mut peer| async move {
        peer.request().await;
        peer.say(OK).await;
    })
    .await;
    let upstream = peer(UpstreamConfig { tries: 1, ..brisk() }, &[server.address]);
    for _ in 0..20 {
        assert!(get(&upstream).await.is_ok());
        // The close arrives meanwhile, or else the request is renewed: both must work.
        tokio::task::yield_now().await;
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 20);
}

/// NET-05: retries add a tenth to the load, and the floor.
#[tokio::test]
async fn retries_stay_within_their_budget() {
    for answer in ["HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n", "", "broken\r\n\r\n"] {
        let server = scripted(move |mut peer| async move {
            while peer.request().await.is_some() {
                if answer.is_empty() {
                    return;
                }
                peer.say(answer).await;
            }
        })
        .await;
        let config = UpstreamConfig { breaker_requests: 1_000_000, retry_floor: 3, ..brisk() };
        let upstream = peer(config, &[server.address]);
        for _ in 0..500 {
            get(&upstream).await.ok();
        }
        let attempts = server.count();
        let malformed = answer.starts_with("broken");
        let most = if malformed { 500 } else { 553 };
        assert!((500..=most).contains(&attempts), "{answer:?}: {attempts} attempts");
        assert!(malformed || attempts > 540, "{answer:?}: the budget is used, {attempts}");
    }
}

#[tokio::test]
async fn who_says_when_to_come_back_is_not_asked_at_once() {
    let server =
        answering("HTTP/1.1 503 Busy\r\nretry-after: 2\r\ncontent-length: 0\r\n\r\n").await;
    let upstream = peer(brisk(), &[server.address]);
    assert_eq!(get(&upstream).await.unwrap().0, 503);
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_read_is_tried_at_another_endpoint() {
    let (good, bad) = (
        answering(OK).await,
        scripted(|mut peer| async move {
            peer.request().await;
        })
        .await,
    );
    let upstream = peer(brisk(), &[bad.address, good.address]);
    for _ in 0..4 {
        assert_eq!(get(&upstream).await.unwrap().0, 200);
    }
    assert!(bad.count() > 0);
}

#[tokio::test]
async fn what_was_never_sent_may_go_anywhere() {
    let good = answering(OK).await;
    let upstream = peer(brisk(), &[nobody().await, good.address]);
    for _ in 0..10 {
        assert_eq!(send(&upstream, request("POST", &[], "x")).await.unwrap().0, 200);
    }
    assert_eq!(good.count(), 10, "each once");
}

#[tokio::test]
async fn a_body_is_sent_again_whole() {
    let turns = Arc::new(AtomicUsize::new(0));
    let state = Arc::clone(&turns);
    let server = scripted(move |mut peer| {
        let turn = state.fetch_add(1, Ordering::SeqCst);
        async move {
            // `request` waits for the whole body.
            while peer.request().await.is_some() {
                if turn == 0 {
                    return;
                }
                peer.say(OK).await;
            }
        }
    })
    .await;
    let upstream = peer(brisk(), &[server.address]);
    let keyed = request("PUT", &[("idempotency-key", "k")], &"x".repeat(50_000));
    assert_eq!(send(&upstream, keyed).await.unwrap().0, 200);
    assert_eq!(server.count(), 2);
}
