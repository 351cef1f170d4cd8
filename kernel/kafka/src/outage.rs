//! Whether the broker can be used: said once when it changes, not at every try.

use std::sync::{Mutex, PoisonError};

use hanse_telemetry::metrics::{Gauge, Metrics};

/// Shared by everything that speaks to the broker.
pub(crate) struct Outage {
    /// Why it cannot be used, when it cannot.
    cause: Mutex<Option<String>>,
    what: &'static str,
    gauge: Gauge,
}

impl Outage {
    /// For `publishing` or for `following`.
    pub(crate) fn new(metrics: &Metrics, what: &'static str) -> Self {
        let help = "1 while the broker cannot be used for publishing or following";
        let gauge = metrics.family_gauge("kafka_unavailable", help, "for").with(what);
        gauge.set(0);
        Self { cause: Mutex::new(None), what, gauge }
    }

    /// It cannot be used.
    pub(crate) fn begin(&self, cause: &(dyn std::error::Error + 'static)) {
        let mut known = self.cause.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_none() {
            tracing::warn!(
                r#for = self.what,
                error = cause,
                "kafka cannot be used: events wait, everything else goes on"
            );
            *known = Some(cause.to_string());
            self.gauge.set(1);
        } else {
            tracing::debug!(error = cause, "kafka still cannot be used");
        }
    }

    /// It has answered.
    pub(crate) fn end(&self) {
        let mut known = self.cause.lock().unwrap_or_else(PoisonError::into_inner);
        if known.take().is_some() {
            tracing::info!(r#for = self.what, "kafka can be used again: events flow");
            self.gauge.set(0);
        }
    }

    /// Why it cannot be used, when it cannot.
    pub(crate) fn cause(&self) -> Option<String> {
        self.cause.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
