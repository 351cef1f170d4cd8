//! SIGHUP: certificates and the gateway's rules are read again, and no connection is dropped.

use hanse_gateway::Router;
use serde_json::Value;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::{Config, Loaded};
use crate::doors::Doors;
use crate::encryption::Encryption;

/// What a reload changes.
pub struct Reload<'a> {
    loaded: &'a Loaded,
    doors: &'a Doors,
    encryption: &'a Encryption,
    router: Router,
    asked: Signal,
}

impl<'a> Reload<'a> {
    /// From now on SIGHUP does not end the process any more.
    pub fn new(
        loaded: &'a Loaded,
        doors: &'a Doors,
        encryption: &'a Encryption,
        router: Router,
    ) -> std::io::Result<Self> {
        let asked = signal(SignalKind::hangup())?;
        Ok(Self { loaded, doors, encryption, router, asked })
    }

    /// Reloads whenever it is asked to, until `stop` ends.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                asked = self.asked.recv() => if asked.is_none() { return },
                () = &mut stop => return,
            }
            self.encryption.renew();
            match self.loaded.again() {
                Ok(again) => self.take(&again.config).await,
                Err(mistakes) => {
                    tracing::warn!(%mistakes, "the configuration has mistakes; the old one stays");
                }
            }
        }
    }

    async fn take(&self, config: &Config) {
        let only_later = unreloaded(&self.loaded.config, config);
        if !only_later.is_empty() {
            let sections = only_later.join(", ");
            tracing::warn!(sections, "these settings have changed and need a restart");
        }
        if !config.serves("gateway") {
            return;
        }
        match self.doors.systems().change(&config.gateway, &self.router).await {
            Ok(()) => {
                let rules = config.gateway.routes.len();
                tracing::info!(rules, "the gateway's rules were read again");
            }
            Err(error) => {
                let error: &(dyn std::error::Error + 'static) = &error;
                tracing::warn!(error, "the new rules cannot be used; the old ones stay");
            }
        }
    }
}

/// What differs besides the gateway's rules and their systems. Names of settings only: values may be
/// secrets.
fn unreloaded(before: &Config, after: &Config) -> Vec<String> {
    let plain = |config: &Config| {
        let mut config = config.clone();
        config.gateway.routes.clear();
        config.gateway.upstreams.clear();
        serde_json::to_value(config).unwrap_or_default()
    };
    let mut found = Vec::new();
    differing("", &plain(before), &plain(after), &mut found);
    found
}

fn differing(name: &str, before: &Value, after: &Value, found: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(fields), Value::Object(others)) if fields.keys().eq(others.keys()) => {
            for (key, value) in fields {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                differing(&name, value, others.get(key).unwrap_or(&Value::Null), found);
            }
        }
        _ if before != after => found.push(name.to_owned()),
        _ => {}
    }
}
