//! TLS by rustls, with the roots of the web and the operator's own.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::error::OutboundError;
use crate::target::Target;

/// A connector that trusts the authorities of the web and those in `roots_file` (PEM), if there is one.
pub(crate) fn connector(roots_file: &str) -> Result<TlsConnector, OutboundError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if !roots_file.is_empty() {
        let wrong = |what: &dyn std::fmt::Display| {
            OutboundError::Configuration(format!("roots_file {roots_file}: {what}"))
        };
        let certificates =
            CertificateDer::pem_file_iter(Path::new(roots_file)).map_err(|error| wrong(&error))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| wrong(&error))?;
            roots.add(certificate).map_err(|error| wrong(&error))?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| OutboundError::Configuration(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

pub(crate) async fn wrap(
    connector: &TlsConnector,
    target: &Target,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, OutboundError> {
    let name = ServerName::try_from(target.host().to_owned())
        .map_err(|error| OutboundError::Tls(io::Error::other(error)))?;
    connector.connect(name, stream).await.map_err(OutboundError::Tls)
}
