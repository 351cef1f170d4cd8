//! Settings of requests to systems that are not ours.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::address::{Network, Policy};
use crate::error::OutboundError;

/// Settings of requests to systems that are not ours.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OutboundConfig {
    /// Networks that may be reached although they are not public, such as `10.1.0.0/16`; without TLS,
    /// too. None by default.
    pub allow: Vec<String>,
    /// Networks that may not be reached although they are public, such as that of our own listeners.
    pub deny: Vec<String>,
    /// The only host names that may be reached; a leading `*.` stands for any one below. Empty: any.
    pub hosts: Vec<String>,
    /// Public addresses may be reached without TLS.
    pub plain_http: bool,
    /// Milliseconds for a whole exchange.
    pub time_ms: u32,
    /// Largest answer in bytes.
    pub largest_answer: usize,
    /// File of further certificate authorities (PEM), beside those of the web.
    pub roots_file: String,
}

impl Default for OutboundConfig {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            deny: Vec::new(),
            hosts: Vec::new(),
            plain_http: false,
            time_ms: 10_000,
            largest_answer: 1 << 20,
            roots_file: String::new(),
        }
    }
}

impl OutboundConfig {
    /// Mistakes that types cannot express, as (key, what is wrong).
    #[must_use]
    pub fn mistakes(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for (key, networks) in [("outbound.allow", &self.allow), ("outbound.deny", &self.deny)] {
            for text in networks.iter().filter(|text| Network::parse(text).is_none()) {
                found
                    .push((key.into(), format!("{text} is no network; write it like 10.1.0.0/16")));
            }
        }
        if !(100..=120_000).contains(&self.time_ms) {
            found.push(("outbound.time_ms".into(), "must be 100 to 120000".into()));
        }
        if !(1024..=64 << 20).contains(&self.largest_answer) {
            found.push(("outbound.largest_answer".into(), "must be 1 KiB to 64 MiB".into()));
        }
        found
    }

    pub(crate) fn policy(&self) -> Result<Policy, OutboundError> {
        let networks = |texts: &[String]| {
            let parse = |text: &String| {
                let what = || OutboundError::Configuration(format!("{text} is no network"));
                Network::parse(text).ok_or_else(what)
            };
            texts.iter().map(parse).collect::<Result<Vec<_>, _>>()
        };
        Ok(Policy {
            allow: networks(&self.allow)?,
            deny: networks(&self.deny)?,
            hosts: self.hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
            plain_http: self.plain_http,
        })
    }
}
