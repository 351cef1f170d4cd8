//! Counts and times, rendered as OpenMetrics text for `/metrics`.
//!
//! | requirement | name in the source system | metric here |
//! |---|---|---|
//! | M-130 | `httpRequestDuration` histogram | `http_request_duration_seconds{operation,method}` |
//! | M-131 | `httpRequestTotal` counter | `http_requests_total{operation,method,status}` |
//! | M-132 | `activeConnections` gauge | `active_connections` |
//! | M-133 | `errorRate` counter | `http_errors_total{operation,method,class}` |
//! | M-134 | `businessMetrics` map | `business_events_total{event}` |
//!
//! A label value is `&'static str` by type (or a status), so nothing that a user sends can become a
//! label and the number of series is bounded by the program text (OPS-15). Do not defeat this with
//! `String::leak`.

mod http;
mod latencies;

use crate::metrics::http::HttpMetrics;
use prometheus_client::encoding::text;
use prometheus_client::metrics::family;
use prometheus_client::registry::{Metric, Registry};
use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use prometheus_client::metrics::gauge::Gauge;
pub use prometheus_client::metrics::histogram::Histogram;

/// A number that only grows.
pub type Counter = prometheus_client::metrics::counter::Counter<u64, crate::parts::Sum>;

/// Bucket bounds for durations, in seconds: half a millisecond to thirty seconds.
pub const LATENCY: [f64; 15] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// All metrics of the process. Clones share them.
#[derive(Clone)]
pub struct Metrics {
    shared: Arc<Shared>,
}

struct Shared {
    book: Mutex<Book>,
    http: HttpMetrics,
    active_connections: Gauge,
    business: Family<Counter>,
}

/// What is registered, by name: asking twice gives the same metric instead of a second series.
#[derive(Default)]
struct Book {
    registry: Registry,
    handles: HashMap<&'static str, Box<dyn Any + Send>>,
}

impl Book {
    fn get<M: Metric + Clone>(
        &mut self,
        name: &'static str,
        help: &str,
        new: impl FnOnce() -> M,
    ) -> M {
        // OpenMetrics appends `_total` to the name of a counter itself.
        let name = name.strip_suffix("_total").unwrap_or(name);
        match self.handles.get(name).map(|handle| handle.downcast_ref::<M>()) {
            Some(Some(known)) => known.clone(),
            Some(None) => {
                tracing::error!(
                    metric = name,
                    "the metric exists with another type; this one is not shown"
                );
                new()
            }
            None => {
                let metric = new();
                self.registry.register(name, help.trim_end_matches('.'), metric.clone());
                self.handles.insert(name, Box::new(metric.clone()));
                metric
            }
        }
    }
}

/// Metrics of one name, told apart by one label whose values are part of the program.
#[derive(Debug)]
pub struct Family<M> {
    key: &'static str,
    inner: family::Family<[(&'static str, &'static str); 1], M>,
}

impl<M: Clone> Family<M> {
    /// The metric for this label value, made at first use. Keep it where the path is hot.
    pub fn with(&self, value: &'static str) -> M {
        self.inner.get_or_create_owned(&[(self.key, value)])
    }
}

impl<M> Clone for Family<M> {
    fn clone(&self) -> Self {
        Self { key: self.key, inner: self.inner.clone() }
    }
}

/// Metrics of one name, told apart by two labels whose values are part of the program.
#[derive(Debug)]
pub struct Pairs<M> {
    keys: [&'static str; 2],
    inner: family::Family<[(&'static str, &'static str); 2], M>,
}

impl<M: Clone> Pairs<M> {
    /// The metric for these label values, made at first use. Keep it where the path is hot.
    pub fn with(&self, values: [&'static str; 2]) -> M {
        let [first, second] = self.keys;
        let [one, two] = values;
        self.inner.get_or_create_owned(&[(first, one), (second, two)])
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut book = Book::default();
        let http = HttpMetrics::register(&mut book);
        let active_connections =
            book.get("active_connections", "Open client connections", Gauge::default);
        let events =
            book.get("business_events", "Things that happened to the business", Default::default);
        let business = Family { key: "event", inner: events };
        Self {
            shared: Arc::new(Shared { book: Mutex::new(book), http, active_connections, business }),
        }
    }
}

impl Metrics {
    /// Counts and times a finished request (M-130, M-131, M-133). `operation` is the operationId.
    pub fn http(&self, operation: &'static str, method: &'static str, status: u16, seconds: f64) {
        self.shared.http.record(operation, method, status, seconds);
    }

    /// Counts an open connection until the returned value is dropped (M-132).
    #[must_use = "the connection counts as closed when this is dropped"]
    pub fn connection(&self) -> OpenConnection {
        self.shared.active_connections.inc();
        OpenConnection(self.shared.active_connections.clone())
    }

    /// The counter of a business event (M-134), such as `thought_created`.
    pub fn business(&self, event: &'static str) -> Counter {
        self.shared.business.with(event)
    }

    /// A counter; a name ending in `_total` is the same as without it. Asking again gives the same.
    pub fn counter(&self, name: &'static str, help: &str) -> Counter {
        self.book().get(name, help, Counter::default)
    }

    /// A gauge. Asking again gives the same.
    pub fn gauge(&self, name: &'static str, help: &str) -> Gauge {
        self.book().get(name, help, Gauge::default)
    }

    /// A histogram with these upper bounds ([`LATENCY`] for seconds); the bounds of the first call
    /// stand.
    pub fn histogram(&self, name: &'static str, help: &str, bounds: &[f64]) -> Histogram {
        self.book().get(name, help, || Histogram::new(bounds.iter().copied()))
    }

    /// Counters told apart by one label.
    pub fn family_counter(
        &self,
        name: &'static str,
        help: &str,
        key: &'static str,
    ) -> Family<Counter> {
        Family { key, inner: self.book().get(name, help, Default::default) }
    }

    /// Gauges told apart by one label.
    pub fn family_gauge(&self, name: &'static str, help: &str, key: &'static str) -> Family<Gauge> {
        Family { key, inner: self.book().get(name, help, Default::default) }
    }

    /// Gauges told apart by two labels.
    pub fn pair_gauge(
        &self,
        name: &'static str,
        help: &str,
        keys: [&'static str; 2],
    ) -> Pairs<Gauge> {
        Pairs { keys, inner: self.book().get(name, help, Default::default) }
    }

    /// Histograms of seconds ([`LATENCY`]) told apart by one label.
    pub fn family_histogram(
        &self,
        name: &'static str,
        help: &str,
        key: &'static str,
    ) -> Family<Histogram> {
        Family {
            key,
            inner: self.book().get(name, help, || {
                family::Family::new_with_constructor(latency as fn() -> Histogram)
            }),
        }
    }

    /// Everything as OpenMetrics text, content type
    /// `application/openmetrics-text; version=1.0.0; charset=utf-8`.
    pub fn render(&self) -> String {
        let mut out = String::with_capacity(16 * 1024);
        if let Err(error) = text::encode(&mut out, &self.book().registry) {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "metrics could not be rendered"
            );
        }
        out
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.shared.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// One open connection, counted until it is dropped.
#[derive(Debug)]
pub struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn latency() -> Histogram {
    Histogram::new(LATENCY)
}

#[cfg(test)]
mod tests;
