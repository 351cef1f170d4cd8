//! A peer's state, shared by everybody who sends to it, and the work that keeps it current.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use hanse_http::RequestBody;
use hanse_telemetry::metrics::{Counter, Gauge, Metrics};
use hanse_tls::Connector;
use http::{Request, StatusCode};
use http_body_util::{Either, Full};
use tokio::time::{Instant, MissedTickBehavior};

use crate::breaker::Breaker;
use crate::budget::Budget;
use crate::config::{UpstreamConfig, ms};
use crate::discovery::{Discovery, Endpoint};
use crate::place::{Place, Want};

/// How often idle connections are looked through and gauges are set.
const SWEEP: Duration = Duration::from_secs(1);
/// Different names that metrics may have; what comes after is counted together.
const LABELS: usize = 64;

pub(crate) struct Peer {
    pub(crate) name: String,
    pub(crate) label: &'static str,
    pub(crate) config: UpstreamConfig,
    pub(crate) breaker: Breaker,
    pub(crate) budget: Budget,
    pub(crate) counts: Counts,
    pub(crate) turn: std::sync::atomic::AtomicU64,
    places: ArcSwap<Vec<Arc<Place>>>,
    discovery: Arc<dyn Discovery>,
    tls: Option<Connector>,
    born: Instant,
}

/// What the peer's metrics are.
pub(crate) struct Counts {
    pub(crate) requests: Counter,
    pub(crate) attempts: Counter,
    pub(crate) failures: Counter,
    pub(crate) retries: Counter,
    pub(crate) ejections: Counter,
    pub(crate) opened: Counter,
    in_flight: Gauge,
    available: Gauge,
}

impl Counts {
    fn new(metrics: &Metrics, label: &'static str) -> Self {
        let counter = |name, help| metrics.family_counter(name, help, "upstream").with(label);
        let gauge = |name, help| metrics.family_gauge(name, help, "upstream").with(label);
        Self {
            requests: counter("upstream_requests", "Requests to a peer"),
            attempts: counter("upstream_attempts", "Tries of those requests"),
            failures: counter("upstream_failures", "Tries that failed"),
            retries: counter("upstream_retries", "Tries after the first"),
            ejections: counter("upstream_ejections", "Endpoints that were ejected for a while"),
            opened: counter("upstream_breaker_opened", "Times the breaker opened"),
            in_flight: gauge("upstream_in_flight", "Requests to a peer under way"),
            available: gauge("upstream_available", "Endpoints that take requests"),
        }
    }
}

/// A peer's name as a label. Names come from the operator's configuration, never from a request, and
/// only so many are kept.
fn label(name: &str) -> &'static str {
    static KNOWN: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_with(HashSet::new);
    if let Some(label) = known.get(name) {
        return label;
    }
    if known.len() >= LABELS {
        return "other";
    }
    let label: &'static str = Box::leak(name.to_owned().into_boxed_str());
    known.insert(label);
    label
}

impl Peer {
    pub(crate) fn new(
        name: &str,
        config: UpstreamConfig,
        discovery: Arc<dyn Discovery>,
        tls: Option<Connector>,
        metrics: &Metrics,
    ) -> Self {
        let peer = Self {
            name: name.to_owned(),
            label: label(name),
            breaker: Breaker::new(&config),
            budget: Budget::new(config.retry_percent, config.retry_floor),
            counts: Counts::new(metrics, label(name)),
            turn: std::sync::atomic::AtomicU64::new(0),
            places: ArcSwap::default(),
            discovery,
            tls,
            born: Instant::now(),
            config,
        };
        let endpoints = peer.discovery.watch().borrow().clone();
        peer.follow(&endpoints);
        peer
    }

    /// Milliseconds since this value was made; never 0.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }

    pub(crate) fn places(&self) -> arc_swap::Guard<Arc<Vec<Arc<Place>>>> {
        self.places.load()
    }

    /// Takes over what discovery says; endpoints that stay keep their connections and health.
    fn follow(&self, endpoints: &[Endpoint]) {
        let before = self.places.load_full();
        let known = |address: SocketAddr| before.iter().find(|place| place.address == address);
        let places = endpoints.iter().map(|endpoint| match known(endpoint.address) {
            Some(place) => {
                place.set_weight(endpoint.weight);
                Arc::clone(place)
            }
            None => {
                let place = Place::new(endpoint.clone(), &self.config, self.tls.as_ref());
                Arc::new(place)
            }
        });
        self.places.store(Arc::new(places.collect()));
        for gone in before.iter() {
            if endpoints.iter().all(|endpoint| endpoint.address != gone.address) {
                gone.retire();
            }
        }
    }

    /// An endpoint failed. The last one that is left is not ejected.
    pub(crate) fn failed(&self, place: &Arc<Place>) {
        self.counts.failures.inc();
        let now = self.now();
        if !place.failed(&self.config) || place.ejected(now) {
            return;
        }
        let others = |other: &&Arc<Place>| !Arc::ptr_eq(other, place) && other.available(now);
        if self.places().iter().any(|other| others(&other)) {
            place.eject(now, &self.config);
            self.counts.ejections.inc();
            tracing::warn!(upstream = %self.name, endpoint = %place.address, "an endpoint is ejected");
        }
    }

    /// An endpoint ended an answer in the middle.
    pub(crate) fn broke_off(&self, place: &Arc<Place>) {
        tracing::warn!(upstream = %self.name, endpoint = %place.address, "an answer broke off");
        self.failed(place);
    }

    /// Follows discovery, checks health and sweeps connections for as long as it is polled.
    pub(crate) async fn run(&self) {
        let upkeep = async { tokio::join!(self.follow_discovery(), self.sweep(), self.check()) };
        tokio::select! {
            () = self.discovery.run() => {}
            _ = upkeep => {}
        }
    }

    pub(crate) async fn found(&self) {
        let mut endpoints = self.discovery.watch();
        if let Ok(found) = endpoints.wait_for(|found| !found.is_empty()).await
            && self.places().is_empty()
        {
            self.follow(&found);
        }
    }

    async fn follow_discovery(&self) {
        let mut endpoints = self.discovery.watch();
        loop {
            let now = endpoints.borrow_and_update().clone();
            self.follow(&now);
            if endpoints.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    async fn sweep(&self) {
        let mut tick = tokio::time::interval(SWEEP);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let (now, places) = (self.now(), self.places.load_full());
            let (mut in_flight, mut available) = (0, 0);
            for place in places.iter() {
                place.sweep(now);
                in_flight += i64::try_from(place.in_flight()).unwrap_or(i64::MAX);
                available += i64::from(place.available(now));
            }
            self.counts.in_flight.set(in_flight);
            self.counts.available.set(available);
        }
    }

    async fn check(&self) {
        if self.config.health_path.is_empty() {
            return std::future::pending().await;
        }
        let mut tick = tokio::time::interval(ms(self.config.health_interval_ms));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let places = self.places.load_full();
            let checks = places.iter().map(|place| async {
                let time = ms(self.config.try_timeout_ms);
                let good = tokio::time::timeout(time, self.healthy(place)).await.unwrap_or(false);
                let before = place.healthy();
                place.checked(good, &self.config);
                if before != place.healthy() {
                    tracing::warn!(
                        upstream = %self.name, endpoint = %place.address, healthy = !before,
                        "an endpoint's health has changed"
                    );
                }
            });
            futures_util::future::join_all(checks).await;
        }
    }

    async fn healthy(&self, place: &Arc<Place>) -> bool {
        let body: RequestBody = Either::Right(Full::default());
        let Ok(request) = Request::get(self.config.health_path.as_str()).body(body) else {
            return false;
        };
        let Ok(mut lease) = place.lease(&self.config, self.now(), Want::New).await else {
            return false;
        };
        let answer = lease.exchange(request).await;
        answer.is_ok_and(|answer| answer.status() == StatusCode::OK)
    }
}
