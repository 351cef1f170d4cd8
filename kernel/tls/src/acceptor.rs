//! The side that is connected to.

use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::server::{NoClientAuth, WebPkiClientVerifier};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::{TlsAcceptor, TlsStream};

use crate::complaints::Complaints;
use crate::config::{DoorTls, PeerTls};
use crate::error::TlsError;
use crate::renewed::{Renewable, Renewed, causes};
use crate::stream::Stream;
use crate::{files, provider};

/// Handshakes at the same time; more wait, which counts as their own time.
const HANDSHAKES: usize = 256;
/// Time for a handshake.
const TIME: Duration = Duration::from_secs(5);
/// First what we like best.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Makes connections encrypted ones. Clones share certificates and bounds.
#[derive(Clone)]
pub struct Acceptor {
    config: Arc<Renewed<ServerConfig>>,
    handshakes: Arc<Semaphore>,
    complaints: Arc<Complaints>,
    time: Duration,
}

impl Acceptor {
    /// A door that shows a certificate and lets everybody in.
    ///
    /// # Errors
    /// [`TlsError`] when the files cannot be used.
    pub fn public(tls: &DoorTls) -> Result<Self, TlsError> {
        let (certificate, key) = (tls.certificate_file.clone(), tls.key_file.clone());
        let make = move || server(&certificate, &key, None);
        let sources = [tls.certificate_file.as_str(), tls.key_file.as_str()];
        Ok(Self::of(Renewed::new("server.tls", &sources, make)?))
    }

    /// A door that only lets in who shows a certificate of the installation's authority.
    ///
    /// # Errors
    /// [`TlsError`] when the files cannot be used.
    pub fn mutual(tls: &PeerTls) -> Result<Self, TlsError> {
        let PeerTls { certificate_file, key_file, ca_file } = tls.clone();
        let sources = [tls.certificate_file.as_str(), tls.key_file.as_str(), tls.ca_file.as_str()];
        let make = move || server(&certificate_file, &key_file, Some(&ca_file));
        Ok(Self::of(Renewed::new("peers.tls", &sources, make)?))
    }

    fn of(config: Renewed<ServerConfig>) -> Self {
        Self {
            config: Arc::new(config),
            handshakes: Arc::new(Semaphore::new(HANDSHAKES)),
            complaints: Arc::default(),
            time: TIME,
        }
    }

    /// What reads its files again.
    #[must_use]
    pub fn renewable(&self) -> Arc<dyn Renewable> {
        Arc::clone(&self.config) as Arc<dyn Renewable>
    }

    /// Shakes hands. Nothing when that fails or takes too long, which is logged.
    pub async fn accept(&self, stream: TcpStream, client: IpAddr) -> Option<Stream> {
        let shake = async {
            // Never closed.
            let _turn = self.handshakes.acquire().await;
            TlsAcceptor::from(self.config.load()).accept(stream).await
        };
        let shaken = tokio::time::timeout(self.time, shake).await;
        match shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(stream) => Some(Stream::Tls(Box::new(TlsStream::Server(stream)))),
            Err(error) => {
                self.complain(client, &error);
                None
            }
        }
    }

    fn complain(&self, client: IpAddr, error: &io::Error) {
        // Probes of load balancers open connections and close them.
        if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) {
            return tracing::debug!(%client, "a client left during its TLS handshake");
        }
        let Some(more) = self.complaints.due() else { return };
        let cause = match error.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType)) => {
                "it does not speak TLS".to_owned()
            }
            _ if error.kind() == io::ErrorKind::TimedOut => "it took too long".to_owned(),
            _ => causes(error),
        };
        tracing::warn!(%client, cause, more, "a TLS handshake was refused");
    }
}

fn server(certificate: &str, key: &str, ca: Option<&str>) -> Result<ServerConfig, TlsError> {
    let certificate = Path::new(certificate);
    let unusable = |path: &Path, source| TlsError::Unusable { path: path.to_owned(), source };
    let clients = match ca {
        None => Arc::new(NoClientAuth),
        Some(ca) => {
            let authorities = files::authorities(Path::new(ca))?;
            WebPkiClientVerifier::builder_with_provider(authorities, provider()).build().map_err(
                |error| unusable(Path::new(ca), rustls::Error::General(error.to_string())),
            )?
        }
    };
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(certificate, error))?
        .with_client_cert_verifier(clients)
        .with_single_cert(files::chain(certificate)?, files::key(Path::new(key))?)
        .map_err(|error| unusable(certificate, error))?;
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
    Ok(config)
}
