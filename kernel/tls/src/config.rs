//! The `tls` sections of the configuration.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Certificate of the public door. Without one it speaks plain HTTP, for a proxy before it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DoorTls {
    /// PEM file of the certificate, followed by those between it and its authority's.
    pub certificate_file: String,
    /// PEM file of its private key.
    pub key_file: String,
}

/// What a process shows to the others of its installation, and by which authority it knows them.
/// With it, services and gateway speak mutual TLS to each other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PeerTls {
    /// PEM file of this process's certificate. It must be good for servers and clients, and name
    /// what other processes reach this one by.
    pub certificate_file: String,
    /// PEM file of its private key.
    pub key_file: String,
    /// PEM file of the authority that signs the certificates of all processes. It should sign
    /// nothing else: whatever it has signed may connect.
    pub ca_file: String,
}

impl DoorTls {
    /// Is the door to speak TLS?
    #[must_use]
    pub fn enabled(&self) -> bool {
        !(self.certificate_file.is_empty() && self.key_file.is_empty())
    }

    /// Mistakes, as (key, what is wrong); keys begin with `section`.
    #[must_use]
    pub fn mistakes(&self, section: &str) -> Vec<(String, String)> {
        let files = [("certificate_file", &self.certificate_file), ("key_file", &self.key_file)];
        if self.enabled() { missing(section, &files) } else { Vec::new() }
    }
}

impl PeerTls {
    /// Are the processes to speak mutual TLS?
    #[must_use]
    pub fn enabled(&self) -> bool {
        *self != Self::default()
    }

    /// Mistakes, as (key, what is wrong); keys begin with `section`.
    #[must_use]
    pub fn mistakes(&self, section: &str) -> Vec<(String, String)> {
        let files = [
            ("certificate_file", &self.certificate_file),
            ("key_file", &self.key_file),
            ("ca_file", &self.ca_file),
        ];
        if self.enabled() { missing(section, &files) } else { Vec::new() }
    }
}

fn missing(section: &str, files: &[(&str, &String)]) -> Vec<(String, String)> {
    let missing = files.iter().filter(|(_, path)| path.is_empty());
    missing
        .map(|(key, _)| (format!("{section}.{key}"), "is needed with the other files".to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_or_none() {
        let keys = |mistakes: Vec<(String, String)>| -> Vec<String> {
            mistakes.into_iter().map(|(key, _)| key).collect()
        };
        assert!(DoorTls::default().mistakes("server.tls").is_empty());
        let door = DoorTls { key_file: "key.pem".into(), ..DoorTls::default() };
        assert_eq!(keys(door.mistakes("server.tls")), ["server.tls.certificate_file"]);
        let peer = PeerTls { ca_file: "ca.pem".into(), ..PeerTls::default() };
        assert_eq!(
            keys(peer.mistakes("peers.tls")),
            ["peers.tls.certificate_file", "peers.tls.key_file"]
        );
    }
}
