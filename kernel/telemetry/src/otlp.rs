//! Spans on their way to an OpenTelemetry collector, over OTLP with protobuf on HTTP.
//!
//! A span is made when its work has ended, from what is known of it then: work that nobody records
//! costs nothing. The SDK's batch processor has a thread of its own and knows no runtime, while the
//! HTTP client needs one. Export therefore runs on a small runtime that exists only while a collector
//! is configured and that no request shares.

use crate::config::{InitError, LogConfig};
use crate::trace::TraceContext;
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{
    BatchSpanProcessor, SpanData, SpanEvents, SpanLinks, SpanProcessor as _,
};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::runtime::{Builder, Handle, Runtime};
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

/// How long one export may take.
const EXPORT: Duration = Duration::from_secs(5);
/// How long the last export may hold up the end of the process.
const SHUTDOWN: Duration = Duration::from_secs(3);

/// Where finished spans go: to a collector, or nowhere. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Spans {
    exporting: Option<Arc<Exporting>>,
}

/// A request that was answered, as a span tells of it.
#[derive(Debug, Clone, Copy)]
pub struct Served {
    /// The trace and the request's own span.
    pub trace: TraceContext,
    /// The caller's span, if there was one.
    pub parent: Option<[u8; 8]>,
    /// The operationId, which is the span's name.
    pub operation: &'static str,
    /// The HTTP method.
    pub method: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// When it was answered, in microseconds since the Unix epoch.
    pub ended_us: i64,
    /// How long it took, in microseconds.
    pub duration_us: u64,
}

#[derive(Debug)]
struct Exporting {
    processor: BatchSpanProcessor,
    scope: InstrumentationScope,
    sample_ratio: f64,
    runtime: Option<Runtime>,
}

impl Spans {
    /// Starts the export, if a collector is configured.
    pub(crate) fn start(config: &LogConfig) -> Result<Self, InitError> {
        let Some(endpoint) = &config.otlp_endpoint else { return Ok(Self::default()) };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_endpoint(endpoint.as_str())
            .with_timeout(EXPORT)
            .build()
            .map_err(InitError::Exporter)?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("hanse-otlp")
            .enable_all()
            .build()
            .map_err(InitError::Thread)?;
        let exporter =
            OnRuntime { exporter: Arc::new(exporter), runtime: runtime.handle().clone() };
        let mut processor = BatchSpanProcessor::builder(exporter).build();
        processor.set_resource(&resource(config));
        let exporting = Exporting {
            processor,
            scope: InstrumentationScope::builder("hanse").build(),
            sample_ratio: config.sample_ratio,
            runtime: Some(runtime),
        };
        Ok(Self { exporting: Some(Arc::new(exporting)) })
    }

    /// Is a trace that begins here to be recorded? Decided by its id, so that every process decides
    /// alike.
    #[must_use]
    pub fn samples(&self, trace_id: [u8; 16]) -> bool {
        self.exporting.as_ref().is_some_and(|exporting| {
            // Its last bits are random also where it is a UUID, and 53 of them are exact in a float.
            let whole = 1_u64 << 53;
            let chance = u128::from_be_bytes(trace_id) as u64 % whole;
            (chance as f64) < exporting.sample_ratio * whole as f64
        })
    }

    /// Tells of a request, if its trace is recorded.
    pub fn served(&self, served: &Served) {
        let Some(exporting) = self.exporting.as_ref().filter(|_| served.trace.sampled) else {
            return;
        };
        let context = SpanContext::new(
            TraceId::from_bytes(served.trace.trace_id),
            SpanId::from_bytes(served.trace.span_id),
            TraceFlags::SAMPLED,
            false,
            TraceState::default(),
        );
        let ended_us = u64::try_from(served.ended_us).unwrap_or_default();
        let at = |us: u64| SystemTime::UNIX_EPOCH + Duration::from_micros(us);
        let status = if served.status >= 500 { Status::error("") } else { Status::Unset };
        exporting.processor.on_end(SpanData {
            span_context: context,
            parent_span_id: served.parent.map_or(SpanId::INVALID, SpanId::from_bytes),
            parent_span_is_remote: served.parent.is_some(),
            span_kind: SpanKind::Server,
            name: served.operation.into(),
            start_time: at(ended_us.saturating_sub(served.duration_us)),
            end_time: at(ended_us),
            attributes: vec![
                KeyValue::new("http.request.method", served.method),
                KeyValue::new("http.response.status_code", i64::from(served.status)),
            ],
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status,
            instrumentation_scope: exporting.scope.clone(),
        });
    }

    /// Sends what is left; what ends later is not told of.
    pub(crate) fn close(&self) {
        let Some(exporting) = &self.exporting else { return };
        if let Err(error) = exporting.processor.shutdown_with_timeout(SHUTDOWN) {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the last spans were not exported"
            );
        }
    }
}

impl Drop for Exporting {
    fn drop(&mut self) {
        // Not a plain drop, which would panic inside another runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Names and versions come from our configuration, never from detectors.
fn resource(config: &LogConfig) -> Resource {
    Resource::builder_empty()
        .with_service_name(config.service.clone())
        .with_attribute(KeyValue::new("service.version", config.version.clone()))
        .with_attribute(KeyValue::new("deployment.environment.name", config.environment.clone()))
        .build()
}

/// The exporter, polled where its client finds timers and sockets.
#[derive(Debug)]
struct OnRuntime {
    exporter: Arc<SpanExporter>,
    runtime: Handle,
}

impl opentelemetry_sdk::trace::SpanExporter for OnRuntime {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let exporter = Arc::clone(&self.exporter);
        // Without a subscriber: what the client has to say of an export is no event of ours.
        let export =
            async move { exporter.export(batch).await }.with_subscriber(NoSubscriber::new());
        match self.runtime.spawn(export).await {
            Ok(result) => result,
            Err(error) => Err(OTelSdkError::InternalFailure(error.to_string())),
        }
    }

    fn set_resource(&mut self, resource: &Resource) {
        if let Some(exporter) = Arc::get_mut(&mut self.exporter) {
            exporter.set_resource(resource);
        }
    }
}

#[cfg(test)]
mod tests;
