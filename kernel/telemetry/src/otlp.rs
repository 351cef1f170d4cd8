//! Spans on their way to an OpenTelemetry collector, over OTLP with protobuf on HTTP.
//!
//! The SDK's batch processor has a thread of its own and knows no runtime, while the HTTP client
//! needs one. Export therefore runs on a small runtime that exists only while a collector is
//! configured and that no request shares.

use crate::config::{InitError, LogConfig};
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider, SpanData};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Handle, Runtime};
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::Registry;

/// How long one export may take.
const EXPORT: Duration = Duration::from_secs(5);
/// How long the last export may hold up the end of the process.
const SHUTDOWN: Duration = Duration::from_secs(3);

/// A running export; dropping it sends what is left.
#[derive(Debug)]
pub struct Exporting {
    provider: SdkTracerProvider,
    runtime: Option<Runtime>,
}

impl Exporting {
    /// Starts the export, or nothing at all when no collector is configured.
    pub fn start(config: &LogConfig) -> Result<Option<Self>, InitError> {
        let Some(endpoint) = &config.otlp_endpoint else { return Ok(None) };
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
        // Names and versions come from our configuration, never from detectors.
        let resource = Resource::builder_empty()
            .with_service_name(config.service.clone())
            .with_attribute(KeyValue::new("service.version", config.version.clone()))
            .with_attribute(KeyValue::new(
                "deployment.environment.name",
                config.environment.clone(),
            ))
            .build();
        let sampler =
            Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(config.sample_ratio)));
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(sampler)
            .with_resource(resource)
            .build();
        Ok(Some(Self { provider, runtime: Some(runtime) }))
    }

    /// The layer that turns spans of `tracing` into exported ones.
    pub fn layer(&self) -> OpenTelemetryLayer<Registry, SdkTracer> {
        tracing_opentelemetry::layer().with_tracer(self.provider.tracer("hanse"))
    }
}

impl Drop for Exporting {
    fn drop(&mut self) {
        if let Err(error) = self.provider.shutdown_with_timeout(SHUTDOWN) {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the last spans were not exported"
            );
        }
        // Not a plain drop, which would panic if the guard is dropped inside another runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
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
        // Without a subscriber, or the export of spans would make spans to export.
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
