//! Peers by the registry in Redis: processes announce what they serve, and whoever reaches them
//! follows.
//!
//! Whoever can write to Redis could send our requests, with their tokens, to a place of his own. So an
//! announcement is sealed with the key that only the processes of the installation have, and one
//! without the seal is not there. A seal says nothing of when: who can write to Redis can bring back
//! an address that was ours once. Where that matters, `peers.tls` asks whoever answers there to prove
//! who he is. What Redis forgets stays known: see `hanse_redis::Registry`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::{BoxFuture, join_all};
use hanse_http::PeerKey;
use hanse_redis::{Announcement, Instance, Redis, Registry};
use hanse_store::Ids;
use hanse_upstream::{Discovery, Endpoint, Written};
use tokio::sync::watch;

use crate::compose::Shared;

/// Without a heartbeat for so long, an instance counts as gone.
const LAPSE: Duration = Duration::from_secs(15);
/// How often names in announcements are looked up again.
const LOOK_UP: Duration = Duration::from_secs(5);

/// Who serves where.
pub struct Peers {
    registry: Registry,
    key: PeerKey,
    ids: Ids,
    announced: Mutex<Vec<Announcement>>,
}

impl Peers {
    /// The registry in this Redis.
    pub fn new(redis: &Redis, shared: &Shared) -> Self {
        let registry = Registry::start(redis.clone(), LAPSE);
        Self {
            registry,
            key: shared.peer_key(),
            ids: shared.ids.clone(),
            announced: Mutex::default(),
        }
    }

    /// Says that these services are served at this address, from now until [`Peers::withdraw`].
    pub fn announce<'a>(&self, services: impl IntoIterator<Item = &'a str>, address: &str) {
        let started_at = self.ids.clock().now();
        let announce = |service: &str| {
            let instance = Instance {
                service: service.to_owned(),
                address: address.to_owned(),
                id: self.ids.new_id().simple().to_string(),
                weight: 1,
                version: env!("CARGO_PKG_VERSION").to_owned(),
                started_at,
            };
            self.registry.announce(sealed(&self.key, instance))
        };
        self.announced().extend(services.into_iter().map(announce));
    }

    /// Says that nothing is served here any more.
    pub async fn withdraw(&self) {
        let announced = std::mem::take(&mut *self.announced());
        join_all(announced.into_iter().map(Announcement::withdraw)).await;
    }

    fn announced(&self) -> MutexGuard<'_, Vec<Announcement>> {
        self.announced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The endpoints of a service.
    pub fn discovery(&self, service: &'static str) -> Arc<dyn Discovery> {
        let found = watch::Sender::default();
        let (registry, key) = (self.registry.clone(), self.key.clone());
        Arc::new(Followed { registry, service, key, found })
    }
}

/// The endpoints of one service.
struct Followed {
    registry: Registry,
    service: &'static str,
    key: PeerKey,
    found: watch::Sender<Vec<Endpoint>>,
}

impl Followed {
    async fn follow(&self) {
        let mut instances = self.registry.watch(self.service);
        loop {
            let known = instances.borrow_and_update().clone();
            if let Some(endpoints) = self.endpoints(&known).await {
                self.found.send_if_modified(|before| {
                    let changed = *before != endpoints;
                    *before = endpoints;
                    changed
                });
            }
            // A name may lead elsewhere later.
            tokio::time::timeout(LOOK_UP, instances.changed()).await.ok();
        }
    }

    /// Nothing when a name could not be looked up: that takes nobody's endpoints away.
    async fn endpoints(&self, instances: &[Instance]) -> Option<Vec<Endpoint>> {
        let mut endpoints: Vec<Endpoint> = Vec::new();
        for instance in instances.iter().filter(|instance| is_sealed(&self.key, instance)) {
            let Ok(written) = Written::parse(&instance.address) else { continue };
            let weight = u16::try_from(instance.weight).unwrap_or(u16::MAX);
            let found = written.endpoints().await.ok()?;
            endpoints.extend(found.into_iter().map(|endpoint| Endpoint { weight, ..endpoint }));
        }
        endpoints.sort_by_key(|endpoint| endpoint.address);
        endpoints.dedup_by_key(|endpoint| endpoint.address);
        Some(endpoints)
    }
}

impl Discovery for Followed {
    fn watch(&self) -> watch::Receiver<Vec<Endpoint>> {
        self.found.subscribe()
    }

    fn run(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.follow())
    }
}

/// The same instance with the seal behind its id.
fn sealed(key: &PeerKey, mut instance: Instance) -> Instance {
    let seal = key.seal(&message(&instance));
    instance.id = format!("{}.{}", instance.id, URL_SAFE_NO_PAD.encode(seal));
    instance
}

/// Was it announced by a process of the installation?
fn is_sealed(key: &PeerKey, instance: &Instance) -> bool {
    let Some((id, seal)) = instance.id.split_once('.') else { return false };
    let unsealed = Instance { id: id.to_owned(), ..instance.clone() };
    URL_SAFE_NO_PAD.decode(seal).is_ok_and(|seal| key.sealed(&message(&unsealed), &seal))
}

/// Everything that an instance says of itself.
fn message(instance: &Instance) -> Vec<u8> {
    // Text and numbers only: this cannot fail, and an empty message would be nobody's announcement.
    serde_json::to_vec(instance).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_installation_has_sealed_counts() {
        let instance = Instance {
            service: "thoughts".into(),
            address: "10.0.0.7:3012".into(),
            id: "one".into(),
            weight: 1,
            version: "1".into(),
            started_at: "2026-03-02T09:00:00Z".parse().unwrap(),
        };
        let (ours, other) = (PeerKey::new(&[1; 32]), PeerKey::new(&[2; 32]));
        assert!(!is_sealed(&ours, &instance));
        let instance = sealed(&ours, instance);
        assert!(instance.id.len() <= 64 && is_sealed(&ours, &instance));
        assert!(!is_sealed(&other, &instance), "another installation's");
        let changes: [fn(&mut Instance); 6] = [
            |instance| instance.address = "203.0.113.9:3012".into(),
            |instance| instance.service = "identity".into(),
            |instance| instance.weight = 100,
            |instance| instance.version = "2".into(),
            |instance| instance.id = instance.id.replace("one", "two"),
            |instance| instance.id = "one.".into(),
        ];
        for change in changes {
            let mut forged = instance.clone();
            change(&mut forged);
            assert!(!is_sealed(&ours, &forged), "{forged:?}");
        }
    }
}
