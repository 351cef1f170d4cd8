//! How Redis is reached.

use std::fmt;
use std::time::Duration;

use redis::{ConnectionAddr, IntoConnectionInfo};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How Redis is reached. Redis 6 or newer, or Valkey; one server or a sentinel's master behind one
/// name, not Redis Cluster.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RedisConfig {
    /// Redis server, as `redis://user:password@host:port/0`, or `rediss://` for TLS; empty for a
    /// process that counts and caches alone.
    pub url: String,
    /// File that holds the url instead.
    pub url_file: String,
    /// PEM file of the authorities whose certificates are believed with `rediss://`; those that the
    /// system knows when empty.
    pub ca_file: String,
    /// Prefix of all keys, so that several systems can use one server.
    pub prefix: String,
    /// Milliseconds that a request waits for Redis at most; then it goes on without.
    pub deadline_ms: u32,
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self {
            url: String::new(),
            url_file: String::new(),
            ca_file: String::new(),
            prefix: "hanse".into(),
            deadline_ms: 50,
        }
    }
}

impl RedisConfig {
    /// Is there a Redis to use?
    #[must_use]
    pub fn enabled(&self) -> bool {
        !self.url.is_empty()
    }

    /// Mistakes, as (key, what is wrong). The url is not repeated: it holds a password.
    #[must_use]
    pub fn mistakes(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        if self.enabled() {
            let what = match self.url.as_str().into_connection_info() {
                Ok(info) => match info.addr() {
                    ConnectionAddr::TcpTls { insecure: true, .. } => {
                        Some("certificates are always checked; leave #insecure out")
                    }
                    _ => None,
                },
                Err(_) => Some("write it like redis://user:password@host:6379/0"),
            };
            found.extend(what.map(|what| ("redis.url".to_owned(), what.to_owned())));
        }
        let spelled = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if self.prefix.is_empty() || self.prefix.len() > 64 || !self.prefix.chars().all(spelled) {
            let what = "use 1 to 64 letters, digits, and . - _";
            found.push(("redis.prefix".to_owned(), what.to_owned()));
        }
        if !(1..=5000).contains(&self.deadline_ms) {
            found.push(("redis.deadline_ms".to_owned(), "must be 1 to 5000".to_owned()));
        }
        found
    }

    pub(crate) fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms.clamp(1, 5000).into())
    }
}

/// Without the url.
impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConfig")
            .field("prefix", &self.prefix)
            .field("deadline_ms", &self.deadline_ms)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::RedisConfig;

    fn mistakes(change: impl FnOnce(&mut RedisConfig)) -> Vec<String> {
        let mut config = RedisConfig::default();
        change(&mut config);
        config.mistakes().into_iter().map(|(key, what)| format!("{key}: {what}")).collect()
    }

    #[test]
    fn mistakes_are_named_without_the_password() {
        assert!(mistakes(|_| ()).is_empty());
        assert!(mistakes(|c| c.url = "redis://:secret@cache:6379/2".into()).is_empty());
        assert!(mistakes(|c| c.url = "rediss://:secret@cache:6379".into()).is_empty());
        for wrong in
            ["secret@nowhere", "http://:secret@cache", "rediss://:secret@cache:6379/#insecure"]
        {
            let found = mistakes(|c| c.url = wrong.into());
            assert_eq!(found.len(), 1, "{wrong}");
            assert!(found[0].starts_with("redis.url: ") && !found[0].contains("secret"), "{wrong}");
        }
        assert_eq!(mistakes(|c| c.prefix = "a b".into()).len(), 1);
        assert_eq!(mistakes(|c| c.prefix = String::new()).len(), 1);
        assert_eq!(mistakes(|c| c.deadline_ms = 0).len(), 1);
        let config = RedisConfig { url: "redis://:secret@cache".into(), ..<_>::default() };
        assert!(!format!("{config:?}").contains("secret"));
    }
}
