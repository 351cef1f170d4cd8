//! Encryption on the wire: who may open a door with which certificate, and whom we speak to.
//!
//! A door shows a certificate ([`Acceptor::public`]); between the processes of an installation both
//! sides show one that the installation's own authority has signed ([`Acceptor::mutual`],
//! [`Connector::mutual`]; M-141). TLS 1.2 and 1.3 only, by rustls with ring: no C library parses what
//! strangers send. Files are read again when they change, so a renewed certificate needs no restart,
//! and files that do not fit together leave the old ones in force.
//!
//! What this crate never does: accept a certificate without checking its signer, its time and its
//! name; offer a way to turn that off; keep a handshake waiting without a bound; or write a key into
//! a log or an error.
//!
//! To add a place that speaks TLS, give it an [`Acceptor`] or a [`Connector`], and let
//! [`Renewable::keep_current`] run for it.

mod acceptor;
mod complaints;
mod config;
mod connector;
mod error;
mod files;
mod renewed;
mod stream;

use std::sync::{Arc, OnceLock};

use rustls::crypto::CryptoProvider;

pub use acceptor::Acceptor;
pub use config::{DoorTls, PeerTls};
pub use connector::{Connector, Speaks, Wrapped};
pub use error::TlsError;
pub use renewed::{Renewable, keep_current};
pub use stream::Stream;

/// The one provider of cryptography, also for libraries that look for the process's own.
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    let make = || {
        let provider = rustls::crypto::ring::default_provider();
        // Whoever came first has installed the same.
        provider.clone().install_default().ok();
        Arc::new(provider)
    };
    Arc::clone(PROVIDER.get_or_init(make))
}
