//! The two doors of a process, the public one and that of operations, and what they lead to.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hanse_gateway::{Documents, Gateway, LimitsConfig, Router, Systems};
use hanse_http::{Edge, KeyedFront, Outline};
use hanse_kafka::Kafka;
use hanse_redis::Redis;
use hanse_runtime::{OpsFront, Platform, Supervisor};
use hanse_upstream::Upstream;

use crate::compose::{self, Shared};
use crate::config::Config;
use crate::encryption::Encryption;
use crate::registry::Peers;
use crate::trust::Follower;

include!(concat!(env!("OUT_DIR"), "/error_pages.rs"));

/// What a process serves, and whom it reaches.
pub struct Doors {
    edge: Edge,
    platform: Arc<Platform>,
    draining: Arc<AtomicBool>,
    peers: Vec<(Outline, Upstream)>,
    systems: Arc<Systems>,
    encryption: Arc<Encryption>,
    follower: Option<Arc<Follower>>,
    redis: Option<Redis>,
    registry: Option<Peers>,
    /// Where letters are kept that nobody sends, when that is here.
    letters: Option<PathBuf>,
}

impl Doors {
    /// Finds the peers that this process needs.
    pub fn new(
        config: &Config,
        shared: &Shared,
        platform: &Arc<Platform>,
        draining: &Arc<AtomicBool>,
        encryption: &Arc<Encryption>,
    ) -> anyhow::Result<Self> {
        let redis = compose::redis(config, shared)?;
        let registry = (!config.peers.address.is_empty())
            .then(|| redis.as_ref().map(|redis| Peers::new(redis, shared)))
            .flatten();
        let peers = compose::elsewhere(config, platform, shared, encryption, registry.as_ref());
        compose::complete(config, platform, &peers)?;
        let systems = Systems::new(&config.gateway, &shared.metrics)?;
        let identity = peers.iter().find(|(outline, _)| outline.service() == "identity");
        let follower = identity.map(|(_, identity)| {
            let (verifier, key) = (shared.verifier.clone(), shared.peer_key());
            let clock = shared.ids.clock().clone();
            Arc::new(Follower::new(identity.clone(), verifier, key, clock))
        });
        Ok(Self {
            edge: shared.edge(config),
            platform: Arc::clone(platform),
            draining: Arc::clone(draining),
            systems: Arc::new(systems.remembering_together(redis.as_ref())),
            encryption: Arc::clone(encryption),
            peers,
            follower,
            redis,
            registry,
            letters: letters(config, platform),
        })
    }

    /// The public door. A process without the gateway is behind one: it serves what is here, by no
    /// budgets of its own.
    pub fn public(
        &self,
        config: &Config,
        shared: &Shared,
    ) -> anyhow::Result<(KeyedFront<Gateway>, Router)> {
        let is_gateway = config.serves("gateway");
        let served = self.platform.cells().iter().map(|cell| &cell.routes);
        let mut outlines = compose::outlines();
        let mut limits = config.limits.clone();
        let router = if is_gateway {
            let router = Router::new(served, self.peers.iter().cloned())?;
            router.replace_rules(self.systems.rules(&config.gateway));
            router
        } else {
            outlines.retain(|outline| self.platform.cell(outline.service()).is_some());
            limits = LimitsConfig { enabled: false, ..limits };
            Router::new(served, [])?
        };
        let names: Vec<&'static str> = outlines.iter().map(Outline::service).collect();
        let served_here = names.clone();
        let document = move |wanted: Option<&str>| {
            let mut outlines = compose::outlines();
            outlines.retain(|outline| {
                let name = outline.service();
                served_here.contains(&name) && wanted.is_none_or(|wanted| wanted == name)
            });
            compose::openapi(&outlines)
        };
        let documents = Documents::new(document, names, ERROR_PAGES);
        let edge = self.edge.clone();
        let ready = self.readiness();
        let mut gateway =
            Gateway::new(edge, router.clone(), &config.gateway, &limits, documents, ready);
        if self.encryption.scheme() == "https" {
            gateway = gateway.encrypted();
        }
        if let Some(redis) = &self.redis {
            gateway = gateway.counting_together(&limits, &compose::together(redis, shared));
        }
        // Whoever comes with an API key comes with an access token from here on.
        let clock = shared.ids.clock().clone();
        Ok((KeyedFront::new(gateway, shared.peer_key(), clock), router))
    }

    /// Waits until requests can be served.
    pub async fn until_ready(&self) {
        if let Some(follower) = &self.follower {
            follower.until_ready().await;
        }
    }

    /// The door of operations.
    pub fn operations(&self, kafka: Option<Kafka>) -> OpsFront {
        let peers: Vec<Upstream> = self.peers().cloned().collect();
        let systems = Arc::clone(&self.systems);
        let view = move || {
            let shown = peers.iter().cloned().chain(systems.all());
            let items: Vec<_> = shown.map(|upstream| upstream.view()).collect();
            serde_json::json!({ "items": items })
        };
        let (platform, draining) = (Arc::clone(&self.platform), Arc::clone(&self.draining));
        let mut ops = OpsFront::new(self.edge.clone(), platform, draining).show("/upstreams", view);
        if let Some(folder) = self.letters.clone() {
            ops = ops.page("/mail", move || hanse_mail::page(&folder));
        }
        if let Some(follower) = self.follower.clone() {
            ops = ops.need("identity's word on tokens", true, move || {
                (!follower.ready()).then(|| "identity has not answered yet".to_owned())
            });
        }
        if let Some(kafka) = kafka {
            ops = ops.need("kafka", false, move || kafka.unavailable());
        }
        if let Some(redis) = self.redis.clone() {
            ops = ops.need("redis", false, move || {
                let health = redis.health();
                (!health.connected).then(|| health.cause.unwrap_or_default())
            });
        }
        ops
    }

    /// Keeps in touch with everybody who is reached.
    pub fn keep_in_touch(&self, supervisor: &mut Supervisor) {
        self.encryption.keep_current(supervisor);
        let systems = Arc::clone(&self.systems);
        supervisor.run("systems", move || {
            let systems = Arc::clone(&systems);
            async move { systems.run().await }
        });
        let peers: Vec<Upstream> = self.peers().cloned().collect();
        for upstream in peers {
            supervisor.run("upstream", move || {
                let upstream = upstream.clone();
                async move { upstream.run().await }
            });
        }
        if let Some(follower) = self.follower.clone() {
            supervisor.run("trust", move || {
                let follower = Arc::clone(&follower);
                async move { follower.run().await }
            });
        }
    }

    /// Lets the other processes know that this one serves, where they find each other by Redis.
    pub fn announce(&self, config: &Config) {
        if let Some(peers) = &self.registry {
            let names = self.platform.cells().iter().map(|cell| cell.name);
            peers.announce(names, &config.peers.address);
        }
    }

    /// Lets them know that it is about to stop.
    pub async fn withdraw(&self) {
        if let Some(peers) = &self.registry {
            peers.withdraw().await;
        }
    }

    fn peers(&self) -> impl Iterator<Item = &Upstream> {
        self.peers.iter().map(|(_, upstream)| upstream)
    }

    /// The systems that the operator's rules name.
    pub fn systems(&self) -> &Systems {
        &self.systems
    }

    /// Can requests be served? Asked often and without a token, so it only looks at flags.
    fn readiness(&self) -> Arc<dyn Fn() -> bool + Send + Sync> {
        let (draining, follower) = (Arc::clone(&self.draining), self.follower.clone());
        let stores: Vec<_> = self.platform.cells().iter().map(|cell| cell.db.clone()).collect();
        Arc::new(move || {
            !draining.load(Ordering::Acquire)
                && follower.as_ref().is_none_or(|follower| follower.ready())
                && !stores.iter().any(hanse_store::Db::stopped)
        })
    }
}

/// The folder of letters that nobody sends, when notifications are served here without a mail server.
fn letters(config: &Config, platform: &Platform) -> Option<PathBuf> {
    let kept = config.mail.server.is_empty() && platform.cell("notifications").is_some();
    kept.then(|| config.server.data.join("cache/notifications/mail"))
}
