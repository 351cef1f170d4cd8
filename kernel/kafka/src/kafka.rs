//! The transport as the platform holds it: relays out, followed partitions in, one stop for all.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hanse_events::{Group, Log, Transport};
use hanse_store::{Db, Schema};
use hanse_telemetry::metrics::Metrics;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::config::KafkaConfig;
use crate::membership::Membership;
use crate::outage::Outage;
use crate::probe::Probe;
use crate::relay::Relay;

/// Kafka as a transport of event logs. Cheap to clone.
#[derive(Clone)]
pub struct Kafka {
    inner: Arc<Inner>,
}

struct Inner {
    config: KafkaConfig,
    metrics: Metrics,
    background: Handle,
    publishing: Outage,
    following: Arc<Outage>,
    probe: Arc<Probe>,
    stop: CancellationToken,
    running: watch::Sender<usize>,
}

/// Something that [`Kafka::stop`] waits for.
pub(crate) struct Running(Kafka);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.inner.running.send_modify(|count| *count = count.saturating_sub(1));
    }
}

impl Kafka {
    /// A transport by this configuration, whose work runs on `background`. Nothing is connected
    /// before it is used, and a broker that is away keeps nothing from starting.
    #[must_use]
    pub fn new(config: KafkaConfig, metrics: Metrics, background: Handle) -> Self {
        let following = Arc::new(Outage::new(&metrics, "following"));
        let inner = Inner {
            publishing: Outage::new(&metrics, "publishing"),
            probe: Arc::new(Probe::new(config.clone(), Arc::clone(&following))),
            following,
            config,
            metrics,
            background,
            stop: CancellationToken::new(),
            running: watch::Sender::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The relay of `service`, which owns `db`; the caller runs it.
    #[must_use]
    pub fn relay(&self, service: &'static str, db: Db) -> Relay {
        Relay::new(self.clone(), service, db)
    }

    /// Why the broker cannot be used at the moment, when it cannot.
    #[must_use]
    pub fn unavailable(&self) -> Option<String> {
        self.inner.publishing.cause().or_else(|| self.inner.following.cause())
    }

    /// Ends everything in good order: relays finish their step and let others go on, followed
    /// partitions are given back and their groups left. Relays are to be running still.
    pub async fn stop(&self) {
        self.inner.stop.cancel();
        let mut running = self.inner.running.subscribe();
        // The sender lives in `self`.
        running.wait_for(|count| *count == 0).await.ok();
    }

    pub(crate) fn config(&self) -> &KafkaConfig {
        &self.inner.config
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    pub(crate) fn publishing(&self) -> &Outage {
        &self.inner.publishing
    }

    pub(crate) fn following(&self) -> &Arc<Outage> {
        &self.inner.following
    }

    pub(crate) fn probe(&self) -> &Arc<Probe> {
        &self.inner.probe
    }

    pub(crate) fn stopping(&self) -> &CancellationToken {
        &self.inner.stop
    }

    pub(crate) fn running(&self) -> Running {
        self.inner.running.send_modify(|count| *count += 1);
        Running(self.clone())
    }
}

impl Transport for Kafka {
    fn schema(&self) -> Schema {
        crate::SCHEMA
    }

    fn publish(&self, service: &'static str, db: Db) -> BoxFuture<'static, ()> {
        let relay = self.relay(service, db);
        async move {
            relay.run().await;
            // It ends when the transport is stopped; whoever supervises it need not begin again.
            std::future::pending::<()>().await;
        }
        .boxed()
    }

    fn follow(&self, source: &'static str, group: Group) -> watch::Receiver<Vec<Arc<dyn Log>>> {
        let (sender, receiver) = watch::channel(Vec::new());
        let membership = Membership::new(self.clone(), source, group, sender);
        let running = self.running();
        self.inner.background.spawn(async move {
            membership.run().await;
            drop(running);
        });
        receiver
    }

    fn parts(&self, source: &str) -> u32 {
        self.inner.config.topic(source).partitions
    }
}
