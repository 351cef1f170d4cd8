//! How a peer is spoken to.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How one of several endpoints is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// Each in turn.
    #[default]
    RoundRobin,
    /// The less busy of two.
    LeastConnections,
    /// In proportion to the weights that discovery gives.
    Weighted,
    /// The same caller always reaches the same endpoint while it is there.
    Sticky,
}

/// Which HTTP an upstream speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// HTTP/1.1, many connections.
    #[default]
    Http1,
    /// HTTP/2, one connection for many requests.
    Http2,
}

/// How a peer is spoken to. Times are milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UpstreamConfig {
    /// How an endpoint is chosen.
    pub balance: Balance,
    /// Which HTTP it speaks.
    pub protocol: Protocol,
    /// The `Host` it is asked for; its address when empty, or its name where TLS is spoken.
    pub host: String,
    /// PEM file of the authorities whose certificates are believed where TLS is spoken; those that
    /// the system knows when empty.
    pub ca_file: String,
    /// From a request to the head of its answer, all tries together.
    pub timeout_ms: u32,
    /// The same for one try of a request that may be repeated.
    pub try_timeout_ms: u32,
    /// To open a connection.
    pub connect_timeout_ms: u32,
    /// Without progress while an answer's body is sent. Event streams and tunnels have no such bound.
    pub body_timeout_ms: u32,
    /// Tries of a request that is safe or carries an idempotency key; others have one.
    pub tries: u32,
    /// Retries in percent of requests.
    pub retry_percent: u32,
    /// Retries that are allowed before there were any requests.
    pub retry_floor: u32,
    /// Requests at the same time per endpoint.
    pub connections: u32,
    /// Idle connections kept per endpoint.
    pub idle_connections: u32,
    /// How long a connection stays idle; shorter than the ten seconds after which our servers close one.
    pub idle_ms: u32,
    /// Address that tells whether an endpoint is healthy; empty for no active checks.
    pub health_path: String,
    /// Between two such checks.
    pub health_interval_ms: u32,
    /// Failed checks in a row that make an endpoint unhealthy.
    pub health_failures: u32,
    /// Errors in a row that eject an endpoint.
    pub eject_after: u32,
    /// For how long, the first time; each further time in a row that much longer.
    pub eject_ms: u32,
    /// For how long at most.
    pub eject_longest_ms: u32,
    /// Requests within ten seconds before the breaker judges.
    pub breaker_requests: u32,
    /// Failed ones, in percent, that open it.
    pub breaker_percent: u32,
    /// How long it stays open before one request tries again.
    pub breaker_open_ms: u32,
}

impl Default for UpstreamConfig {
    fn default() -> Self {
        Self {
            balance: Balance::default(),
            protocol: Protocol::default(),
            host: String::new(),
            ca_file: String::new(),
            timeout_ms: 30_000,
            try_timeout_ms: 10_000,
            connect_timeout_ms: 2_000,
            body_timeout_ms: 60_000,
            tries: 3,
            retry_percent: 10,
            retry_floor: 5,
            connections: 2_048,
            idle_connections: 512,
            idle_ms: 8_000,
            health_path: "/health".into(),
            health_interval_ms: 30_000,
            health_failures: 3,
            eject_after: 5,
            eject_ms: 30_000,
            eject_longest_ms: 300_000,
            breaker_requests: 20,
            breaker_percent: 50,
            breaker_open_ms: 5_000,
        }
    }
}

impl UpstreamConfig {
    /// Mistakes, as (key, what is wrong); keys begin with `section`.
    #[must_use]
    pub fn mistakes(&self, section: &str) -> Vec<(String, String)> {
        let at_least_one = [
            ("timeout_ms", self.timeout_ms),
            ("try_timeout_ms", self.try_timeout_ms),
            ("connect_timeout_ms", self.connect_timeout_ms),
            ("body_timeout_ms", self.body_timeout_ms),
            ("tries", self.tries),
            ("connections", self.connections),
            ("health_interval_ms", self.health_interval_ms),
            ("health_failures", self.health_failures),
            ("eject_after", self.eject_after),
            ("breaker_requests", self.breaker_requests),
        ];
        let mut found: Vec<_> = at_least_one
            .into_iter()
            .filter(|(_, value)| *value == 0)
            .map(|(key, _)| (format!("{section}.{key}"), "must be at least 1".to_owned()))
            .collect();
        if !(1..=100).contains(&self.breaker_percent) {
            found.push((format!("{section}.breaker_percent"), "must be 1 to 100".into()));
        }
        if self.retry_percent > 100 {
            found.push((format!("{section}.retry_percent"), "must be at most 100".into()));
        }
        if http::HeaderValue::from_str(&self.host).is_err() {
            found.push((format!("{section}.host"), "must be a host name".into()));
        }
        if !self.health_path.is_empty() && !self.health_path.starts_with('/') {
            found.push((format!("{section}.health_path"), "must begin with a slash".into()));
        }
        found
    }
}

/// Milliseconds as a duration.
pub(crate) fn ms(value: u32) -> Duration {
    Duration::from_millis(value.into())
}
