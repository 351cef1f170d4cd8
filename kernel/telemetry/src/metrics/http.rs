//! The metrics of requests, on the path of every one of them.
//!
//! The families of the library lock and hash their label texts for each metric. Here the three
//! metrics of an (operation, method, status) are found together, without a lock, by the addresses of
//! the two static texts. Two copies of the same text cost a second entry, never a
//! second series: entries are resolved through the families.

use super::latencies::Latencies;
use super::{Book, Counter};
use arc_swap::ArcSwap;
use prometheus_client::metrics::family::Family;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

type Text = &'static str;
type Route = [(Text, Text); 2];
type Labelled<T> = ([(Text, Text); 2], [(Text, T); 1]);

/// Address and length of the operation and the method, and the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key([usize; 5]);

impl std::hash::Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for part in self.0 {
            state.write_usize(part);
        }
    }
}

type Known = HashMap<Key, Series, BuildHasherDefault<Mix>>;

/// The metrics of one key.
#[derive(Clone)]
struct Series {
    duration: Latencies,
    total: Counter,
    errors: Option<Counter>,
}

pub struct HttpMetrics {
    durations: Family<Route, Latencies>,
    totals: Family<Labelled<u16>, Counter>,
    errors: Family<Labelled<Text>, Counter>,
    series: ArcSwap<Known>,
}

impl HttpMetrics {
    pub fn register(book: &mut Book) -> Self {
        Self {
            durations: book.get(
                "http_request_duration_seconds",
                "Time to answer a request",
                Family::default,
            ),
            totals: book.get("http_requests", "Answered requests", Family::default),
            errors: book.get(
                "http_errors",
                "Requests answered with an error, by class",
                Family::default,
            ),
            series: ArcSwap::default(),
        }
    }

    pub fn record(&self, operation: Text, method: Text, status: u16, seconds: f64) {
        let key = Key([
            operation.as_ptr().addr(),
            operation.len(),
            method.as_ptr().addr(),
            method.len(),
            usize::from(status),
        ]);
        if let Some(series) = self.series.load().get(&key) {
            return series.record(seconds);
        }
        let series = self.resolve(operation, method, status);
        series.record(seconds);
        self.series.rcu(|known| {
            let mut known = Known::clone(known);
            known.insert(key, series.clone());
            known
        });
    }

    fn resolve(&self, operation: Text, method: Text, status: u16) -> Series {
        let route = [("operation", operation), ("method", method)];
        let class = match status {
            400..=499 => Some("4xx"),
            500..=599 => Some("5xx"),
            _ => None,
        };
        Series {
            duration: self.durations.get_or_create_owned(&route),
            total: self.totals.get_or_create_owned(&(route, [("status", status)])),
            errors: class
                .map(|class| self.errors.get_or_create_owned(&(route, [("class", class)]))),
        }
    }
}

impl Series {
    fn record(&self, seconds: f64) {
        self.duration.observe(seconds);
        self.total.inc();
        if let Some(errors) = &self.errors {
            errors.inc();
        }
    }
}

/// Multiply and rotate: enough for addresses that no caller chooses.
#[derive(Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_usize(usize::from(byte));
        }
    }

    fn write_usize(&mut self, part: usize) {
        self.0 = (self.0.rotate_left(5) ^ part as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}
