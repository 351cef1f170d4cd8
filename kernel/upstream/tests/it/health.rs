//! Endpoints come, go, fall ill and recover.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hanse_telemetry::metrics::Metrics;
use hanse_upstream::{Discovery, Endpoint, Names, Upstream, UpstreamConfig, Written};
use tokio::sync::watch;

use crate::support::{OK, Server, answering, brisk, get, peer, scripted, until};

/// A server that answers 500 while the flag is set.
async fn moody(ill: &Arc<AtomicBool>) -> Server {
    let ill = Arc::clone(ill);
    scripted(move |mut peer| {
        let ill = Arc::clone(&ill);
        async move {
            while peer.request().await.is_some() {
                let broken = "HTTP/1.1 500 Broken\r\ncontent-length: 0\r\n\r\n";
                peer.say(if ill.load(Ordering::SeqCst) { broken } else { OK }).await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn five_errors_eject_and_time_brings_back() {
    let ill = Arc::new(AtomicBool::new(true));
    let (bad, good) = (moody(&ill).await, answering(OK).await);
    let config = UpstreamConfig { eject_ms: 400, ..brisk() };
    let upstream = peer(config, &[bad.address, good.address]);
    let mut failed = 0;
    for _ in 0..40 {
        failed += u32::from(get(&upstream).await.unwrap().0 == 500);
    }
    assert_eq!((failed, bad.count()), (5, 5));
    assert!(upstream.view().endpoints[0].ejected);
    ill.store(false, Ordering::SeqCst);
    until("it is asked again", async || {
        assert_eq!(get(&upstream).await.unwrap().0, 200);
        bad.count() > 5
    })
    .await;
}

#[tokio::test]
async fn the_last_one_is_never_ejected() {
    let ill = Arc::new(AtomicBool::new(true));
    let (one, two) = (moody(&ill).await, moody(&ill).await);
    let upstream = peer(brisk(), &[one.address, two.address]);
    for _ in 0..40 {
        assert_eq!(get(&upstream).await.unwrap().0, 500);
    }
    let ejected = upstream.view().endpoints.iter().filter(|endpoint| endpoint.ejected).count();
    assert_eq!(ejected, 1);
    assert_eq!(one.count() + two.count(), 40);
}

#[tokio::test]
async fn active_checks_find_the_ill_and_the_recovered() {
    let ill = Arc::new(AtomicBool::new(false));
    let (moody, good) = (moody(&ill).await, answering(OK).await);
    let config =
        UpstreamConfig { health_path: "/health".into(), health_interval_ms: 10, ..brisk() };
    let upstream = peer(config, &[moody.address, good.address]);
    let run = tokio::spawn({
        let upstream = upstream.clone();
        async move { upstream.run().await }
    });
    ill.store(true, Ordering::SeqCst);
    let healthy = async || upstream.view().endpoints[0].healthy;
    until("it is found ill", async || !healthy().await).await;
    for _ in 0..10 {
        assert_eq!(get(&upstream).await.unwrap().0, 200);
    }
    ill.store(false, Ordering::SeqCst);
    until("it is found well", healthy).await;
    run.abort();
}

#[tokio::test]
async fn names_are_looked_up() {
    let server = answering(OK).await;
    let written = Written::parse(&format!("localhost:{}", server.address.port())).unwrap();
    let names = Arc::new(Names::new(vec![written], Duration::from_millis(20)));
    let upstream = Upstream::new("named", brisk(), names, &Metrics::default());
    assert!(get(&upstream).await.is_err(), "nothing is known yet");
    let run = tokio::spawn({
        let upstream = upstream.clone();
        async move { upstream.run().await }
    });
    until("the name is looked up", async || get(&upstream).await.is_ok()).await;
    run.abort();
}

/// A registry that a test writes.
struct Registry(watch::Sender<Vec<Endpoint>>);

impl Discovery for Registry {
    fn watch(&self) -> watch::Receiver<Vec<Endpoint>> {
        self.0.subscribe()
    }
    fn run(&self) -> futures_util::future::BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn endpoints_are_followed_and_lost_ones_let_go() {
    let (one, two) = (answering(OK).await, answering(OK).await);
    let registry = Arc::new(Registry(watch::Sender::new(vec![Endpoint::new(one.address)])));
    let discovery: Arc<dyn Discovery> = Arc::<Registry>::clone(&registry);
    let upstream = Upstream::new("registered", brisk(), discovery, &Metrics::default());
    let run = tokio::spawn({
        let upstream = upstream.clone();
        async move { upstream.run().await }
    });
    assert!(get(&upstream).await.is_ok());
    registry.0.send_replace(vec![Endpoint::new(two.address)]);
    until("the new one is known", async || upstream.view().endpoints[0].address == two.address)
        .await;
    let before = one.count();
    for _ in 0..10 {
        assert!(get(&upstream).await.is_ok());
    }
    assert_eq!((one.count(), two.count()), (before, 10));
    run.abort();
}
