//! Why certificates and keys cannot be used.

use std::path::PathBuf;

/// Files from which no TLS can be spoken. Never holds what is in them.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("{} holds no {wanted} in PEM form", path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
    },
    /// A certificate and a key that do not belong together, or an authority that is none.
    #[error("{} cannot be used", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::Error,
    },
    /// The system knows no authority.
    #[error("the system has no certificates of authorities; name a file of them")]
    NoAuthorities,
}
