//! The systems that the operator's rules name, and their change while requests are under way.

use std::time::Duration;

use hanse_redis::Redis;
use hanse_telemetry::metrics::Metrics;
use hanse_tls::TlsError;
use hanse_upstream::Upstream;
use tokio::sync::watch;

use crate::GatewayConfig;
use crate::router::Router;
use crate::rules::{NamedUpstream, Rules, upstream};

/// How long new rules wait for the names of new systems to be looked up.
const PATIENCE: Duration = Duration::from_secs(5);

/// The systems of a configuration, each with what it was made from.
pub struct Systems {
    metrics: Metrics,
    redis: Option<Redis>,
    current: watch::Sender<Vec<(NamedUpstream, Upstream)>>,
}

impl Systems {
    /// The systems of this configuration.
    ///
    /// # Errors
    /// [`TlsError`] when the authorities of one cannot be read.
    pub fn new(config: &GatewayConfig, metrics: &Metrics) -> Result<Self, TlsError> {
        let systems =
            Self { metrics: metrics.clone(), redis: None, current: watch::Sender::new(Vec::new()) };
        let next = systems.next(config)?;
        systems.current.send_replace(next);
        Ok(systems)
    }

    /// The same systems; what everybody may know of their answers is shared with other gateways here.
    #[must_use]
    pub fn remembering_together(mut self, redis: Option<&Redis>) -> Self {
        self.redis = redis.cloned();
        self
    }

    /// The rules of this configuration, which lead to the systems of now.
    #[must_use]
    pub fn rules(&self, config: &GatewayConfig) -> Rules {
        Rules::new(&config.routes, &self.all(), self.redis.as_ref())
    }

    /// Goes over to another configuration without mistakes. Systems that stay the same keep their
    /// connections and what is known of their health; requests under way end where they began.
    ///
    /// # Errors
    /// [`TlsError`] as [`Systems::new`]; then nothing has changed.
    pub async fn change(&self, config: &GatewayConfig, router: &Router) -> Result<(), TlsError> {
        let next = self.next(config)?;
        let found: Vec<Upstream> = next.iter().map(|(_, upstream)| upstream.clone()).collect();
        // From here on they are kept in touch with; requests come when the new ones are found.
        self.current.send_replace(next);
        let find = async {
            for upstream in &found {
                upstream.found().await;
            }
        };
        if tokio::time::timeout(PATIENCE, find).await.is_err() {
            tracing::warn!("new rules lead to a system of which no address is known yet");
        }
        router.replace_rules(self.rules(config));
        Ok(())
    }

    fn next(&self, config: &GatewayConfig) -> Result<Vec<(NamedUpstream, Upstream)>, TlsError> {
        let before = self.current.borrow().clone();
        let made = config.upstreams.iter().map(|named| {
            let same = before.iter().find(|(known, _)| known == named);
            let upstream = match same {
                Some((_, upstream)) => upstream.clone(),
                None => upstream(named, &self.metrics)?,
            };
            Ok((named.clone(), upstream))
        });
        made.collect()
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> Vec<Upstream> {
        self.current.borrow().iter().map(|(_, upstream)| upstream.clone()).collect()
    }

    /// Keeps in touch with all of them, whatever they are at the time, for as long as it is polled.
    pub async fn run(&self) {
        let mut current = self.current.subscribe();
        loop {
            let upstreams: Vec<Upstream> =
                current.borrow_and_update().iter().map(|(_, upstream)| upstream.clone()).collect();
            let touch = futures_util::future::join_all(upstreams.iter().map(Upstream::run));
            tokio::select! {
                _ = touch, if !upstreams.is_empty() => return,
                changed = current.changed() => if changed.is_err() { return },
            }
        }
    }
}
