//! How a peer is doing, for `GET /upstreams` of the operations listener.

use serde::Serialize;

use crate::breaker::BreakerState;
use crate::peer::Peer;

/// A peer at this moment.
#[derive(Clone, Debug, Serialize)]
pub struct View {
    /// Its name.
    pub name: String,
    /// What its breaker does.
    pub breaker: BreakerState,
    /// Requests since the start.
    pub requests: u64,
    /// Their tries.
    pub attempts: u64,
    /// Tries that failed.
    pub failures: u64,
    /// Its endpoints.
    pub endpoints: Vec<EndpointView>,
}

/// An endpoint at this moment.
#[derive(Clone, Debug, Serialize)]
pub struct EndpointView {
    /// Where it listens.
    pub address: std::net::SocketAddr,
    /// Its weight.
    pub weight: u16,
    /// Do the active checks find it well?
    pub healthy: bool,
    /// Is it left out because of its errors?
    pub ejected: bool,
    /// Errors in a row.
    pub errors: u32,
    /// Requests under way.
    pub in_flight: usize,
    /// Idle connections.
    pub idle: usize,
}

impl View {
    pub(crate) fn of(peer: &Peer) -> Self {
        let now = peer.now();
        let places = peer.places();
        let endpoints = places.iter().map(|place| EndpointView {
            address: place.address,
            weight: place.weight(),
            healthy: place.healthy(),
            ejected: place.ejected(now),
            errors: place.errors(),
            in_flight: place.in_flight(),
            idle: place.idle_count(),
        });
        Self {
            name: peer.name.clone(),
            breaker: peer.breaker.state(now),
            requests: peer.counts.requests.get(),
            attempts: peer.counts.attempts.get(),
            failures: peer.counts.failures.get(),
            endpoints: endpoints.collect(),
        }
    }
}
