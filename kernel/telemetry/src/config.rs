//! How the process logs and where its spans go.

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

/// The shape of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One JSON object a line, for machines.
    Json,
    /// One line of text, for a person at a terminal. No colours.
    Pretty,
}

/// The `log` section of the configuration. Unknown keys are refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// `json` or `pretty` (the default).
    pub format: Format,
    /// What is logged, in the syntax of `EnvFilter`: `info`, `warn,hanse_store=debug`.
    pub level: String,
    /// The name every line and span carries as `service`.
    pub service: String,
    /// The version every line and span carries.
    pub version: String,
    /// Where the process runs: `development` (the default), `staging`, `production`.
    pub environment: String,
    /// The traces URL of an OpenTelemetry collector, such as `http://127.0.0.1:4318/v1/traces`.
    /// Without it no span is built for export. Plain HTTP only: the collector stands beside the
    /// process and speaks TLS onwards.
    pub otlp_endpoint: Option<String>,
    /// The share of new traces that are exported, 0 to 1. A caller's sampling decision wins.
    pub sample_ratio: f64,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: Format::Pretty,
            level: "info".to_owned(),
            service: "hanse".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            environment: "development".to_owned(),
            otlp_endpoint: None,
            sample_ratio: 0.1,
        }
    }
}

/// Why telemetry could not start. The text names the key to change.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// `level` is no filter.
    #[error("log.level is not a filter such as \"info\" or \"warn,hanse_store=debug\"")]
    Level(#[source] tracing_subscriber::filter::ParseError),
    /// `sample_ratio` is no share.
    #[error("log.sample_ratio is {0}, not between 0 and 1")]
    SampleRatio(f64),
    /// `otlp_endpoint` is no plain HTTP address.
    #[error("log.otlp_endpoint is not an http:// address: {0}")]
    Endpoint(String),
    /// The exporter could not be built.
    #[error("spans cannot be exported to log.otlp_endpoint")]
    Exporter(#[source] opentelemetry_otlp::ExporterBuildError),
    /// The system gave no thread.
    #[error("the telemetry threads could not start")]
    Thread(#[source] std::io::Error),
    /// Some other logger was installed before.
    #[error("logging is already set up in this process")]
    Installed(#[source] tracing_subscriber::util::TryInitError),
}

impl LogConfig {
    /// Every mistake of the section, each naming its key.
    pub fn validate(&self) -> Vec<InitError> {
        let mut mistakes: Vec<InitError> = self.filter().err().into_iter().collect();
        if !(0.0..=1.0).contains(&self.sample_ratio) {
            mistakes.push(InitError::SampleRatio(self.sample_ratio));
        }
        if let Some(endpoint) = &self.otlp_endpoint
            && endpoint.strip_prefix("http://").is_none_or(str::is_empty)
        {
            mistakes.push(InitError::Endpoint(endpoint.clone()));
        }
        mistakes
    }

    pub(crate) fn filter(&self) -> Result<EnvFilter, InitError> {
        EnvFilter::try_new(&self.level).map_err(InitError::Level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_mistakes_are_reported_and_name_their_key() {
        let config = LogConfig {
            level: "a=b=c".to_owned(),
            sample_ratio: f64::NAN,
            otlp_endpoint: Some("https://collector".to_owned()),
            ..LogConfig::default()
        };
        let mistakes: Vec<_> = config.validate().iter().map(ToString::to_string).collect();
        let keys = ["log.level", "log.sample_ratio", "log.otlp_endpoint"];
        assert_eq!(mistakes.len(), keys.len(), "{mistakes:?}");
        assert!(mistakes.iter().zip(keys).all(|(mistake, key)| mistake.starts_with(key)));
        assert!(LogConfig::default().validate().is_empty());
    }

    #[test]
    fn a_section_may_be_empty_but_not_misspelt() {
        assert_eq!(toml::from_str::<LogConfig>("").unwrap(), LogConfig::default());
        let json = toml::from_str::<LogConfig>("format = \"json\"\nlevel = \"debug\"").unwrap();
        assert_eq!((json.format, json.level.as_str()), (Format::Json, "debug"));
        assert!(toml::from_str::<LogConfig>("levels = \"debug\"").is_err());
    }
}
