//! For which site passkeys are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Passkeys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PasskeyConfig {
    /// The domain that passkeys are for: the host of `server.public_url`, or one above it, such as
    /// `example.com` for `id.example.com`. Empty is the host. Passkeys are lost when it changes.
    pub domain: String,
    /// Origins of pages that may ask for a passkey, beside that of `server.public_url`:
    /// `https://app.example.com`, or `android:apk-key-hash:…` for an application.
    pub origins: Vec<String>,
}

impl PasskeyConfig {
    /// Mistakes that types cannot express, as (key, what is wrong).
    #[must_use]
    pub fn mistakes(&self) -> Vec<(String, String)> {
        let wrong = |key: &str, what: &str| (format!("passkeys.{key}"), what.to_owned());
        let mut found = Vec::new();
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
        if !self.domain.chars().all(letters) || self.domain.starts_with('.') {
            found.push(wrong("domain", "must be a domain in lower case"));
        }
        if !self.origins.iter().all(|origin| is_origin(origin)) {
            found.push(wrong("origins", "must be like https://app.example.com"));
        }
        found
    }
}

fn is_origin(text: &str) -> bool {
    let host = ["https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    let plain = |host: &str| {
        let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.:[]".contains(&b);
        !host.is_empty() && host.bytes().all(letters)
    };
    host.map_or_else(|| text.starts_with("android:apk-key-hash:"), plain)
}

#[cfg(test)]
mod tests {
    use super::PasskeyConfig;

    #[test]
    fn origins_are_written_as_browsers_write_them() {
        let of = |origin: &str| {
            let config = PasskeyConfig { origins: vec![origin.into()], ..Default::default() };
            config.mistakes().is_empty()
        };
        for origin in ["https://app.example.com", "http://localhost:5173", "android:apk-key-hash:x"]
        {
            assert!(of(origin), "{origin}");
        }
        for origin in
            ["https://app.example.com/", "https://APP.example.com", "app.example.com", "*"]
        {
            assert!(!of(origin), "{origin}");
        }
    }
}
