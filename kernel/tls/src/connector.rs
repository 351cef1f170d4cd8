//! The side that connects.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, TlsStream};

use crate::config::PeerTls;
use crate::error::TlsError;
use crate::renewed::{Renewable, Renewed};
use crate::stream::Stream;
use crate::{files, provider};

/// A stream inside TLS.
pub type Wrapped<S> = tokio_rustls::client::TlsStream<S>;

/// What is to be spoken inside TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2, and nothing else will do.
    Http2,
}

/// Opens encrypted connections. Clones share certificates.
#[derive(Clone)]
pub struct Connector {
    config: Arc<Renewed<ClientConfig>>,
}

impl Connector {
    /// Shows the process's certificate and believes the installation's authority alone.
    ///
    /// # Errors
    /// [`TlsError`] when the files cannot be used.
    pub fn mutual(tls: &PeerTls) -> Result<Self, TlsError> {
        let sources = [tls.certificate_file.as_str(), tls.key_file.as_str(), tls.ca_file.as_str()];
        let files = tls.clone();
        Ok(Self { config: Arc::new(Renewed::new("peers.tls", &sources, move || mutual(&files))?) })
    }

    /// Shows nothing and believes the authorities of a PEM file, or those that the system knows when
    /// it is empty.
    ///
    /// # Errors
    /// [`TlsError`] when there are none.
    pub fn trusting(ca_file: &str) -> Result<Self, TlsError> {
        let path = ca_file.to_owned();
        let make = move || {
            let authorities = files::authorities(Path::new(&path))?;
            Ok(builder(Path::new(&path))?.with_root_certificates(authorities).with_no_client_auth())
        };
        Ok(Self { config: Arc::new(Renewed::new("ca_file", &[ca_file], make)?) })
    }

    /// What reads its files again.
    #[must_use]
    pub fn renewable(&self) -> Arc<dyn Renewable> {
        Arc::clone(&self.config) as Arc<dyn Renewable>
    }

    /// Shakes hands with a server that must be `host`, a name or an address.
    ///
    /// # Errors
    /// When it is somebody else, or does not speak what is asked for.
    pub async fn connect(
        &self,
        stream: TcpStream,
        host: &str,
        speaks: Speaks,
    ) -> io::Result<Stream> {
        let protocol: &[u8] = match speaks {
            Speaks::Http1 => b"http/1.1",
            Speaks::Http2 => b"h2",
        };
        let connector = TlsConnector::from(self.config.load());
        let connecting = connector.with_alpn(vec![protocol.to_vec()]).connect(name(host)?, stream);
        let stream = Stream::Tls(Box::new(TlsStream::Client(connecting.await?)));
        if speaks == Speaks::Http2 && !stream.speaks_http2() {
            return Err(io::Error::other("the server does not speak HTTP/2"));
        }
        Ok(stream)
    }

    /// As [`Connector::connect`], over any stream, for protocols that agree on nothing inside TLS.
    ///
    /// # Errors
    /// When it is somebody else.
    pub async fn wrap<S>(&self, stream: S, host: &str) -> io::Result<Wrapped<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        TlsConnector::from(self.config.load()).connect(name(host)?, stream).await
    }
}

fn name(host: &str) -> io::Result<ServerName<'static>> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let wrong = || io::Error::other("a certificate cannot be checked against this name");
    ServerName::try_from(bare.to_owned()).map_err(|_| wrong())
}

type Builder = rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>;

fn builder(path: &Path) -> Result<Builder, TlsError> {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|source| TlsError::Unusable { path: path.to_owned(), source })
}

fn mutual(tls: &PeerTls) -> Result<ClientConfig, TlsError> {
    let certificate = Path::new(&tls.certificate_file);
    builder(certificate)?
        .with_root_certificates(files::authorities(Path::new(&tls.ca_file))?)
        .with_client_auth_cert(files::chain(certificate)?, files::key(Path::new(&tls.key_file))?)
        .map_err(|source| TlsError::Unusable { path: certificate.to_owned(), source })
}
