//! The times of requests, by [`LATENCY`], in parts (see [`parts`](crate::parts)).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};

use super::LATENCY;
use crate::parts::{Apart, PARTS, mine};

/// Buckets, with one for what is above all bounds.
const BUCKETS: usize = LATENCY.len() + 1;

/// A histogram of seconds. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Latencies(Arc<[Apart<Part>; PARTS]>);

#[derive(Debug, Default)]
struct Part {
    counts: [AtomicU64; BUCKETS],
    nanoseconds: AtomicU64,
}

impl Latencies {
    pub fn observe(&self, seconds: f64) {
        let Apart(part) = mine(&self.0);
        let bucket = LATENCY.partition_point(|bound| *bound < seconds);
        if let Some(count) = part.counts.get(bucket) {
            count.fetch_add(1, Relaxed);
        }
        part.nanoseconds.fetch_add((seconds * 1e9) as u64, Relaxed);
    }
}

impl EncodeMetric for Latencies {
    fn encode(&self, mut encoder: MetricEncoder) -> Result<(), std::fmt::Error> {
        let bounds = LATENCY.iter().copied().chain([f64::INFINITY]);
        let mut buckets: Vec<(f64, u64)> = bounds.map(|bound| (bound, 0)).collect();
        let mut nanoseconds = 0;
        for Apart(part) in &*self.0 {
            for ((_, sum), count) in buckets.iter_mut().zip(&part.counts) {
                *sum += count.load(Relaxed);
            }
            nanoseconds += part.nanoseconds.load(Relaxed);
        }
        let count = buckets.iter().map(|(_, count)| count).sum();
        let seconds = nanoseconds as f64 / 1e9;
        encoder.encode_histogram::<NoLabelSet>(seconds, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

impl TypedMetric for Latencies {
    const TYPE: MetricType = MetricType::Histogram;
}
