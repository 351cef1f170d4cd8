//! TLS to PostgreSQL: what the driver needs around the kernel's connector.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use hanse_tls::Connector;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres::{Config, Socket};

use crate::{Result, StoreError};

/// Reads an operator's url. TLS is spoken when it asks for that, and then the certificate is always
/// checked: the modes that libpq has between, which encrypt towards anybody, do not exist here.
pub(super) fn configure(url: &str) -> Result<Config> {
    let strict = ["verify-full", "verify-ca"].iter().fold(url.to_owned(), |url, mode| {
        url.replace(&format!("sslmode={mode}"), "sslmode=require")
    });
    let mut config: Config = strict.parse().map_err(StoreError::engine)?;
    if config.get_ssl_mode() != SslMode::Require {
        config.ssl_mode(SslMode::Disable);
    }
    Ok(config)
}

/// Encrypts connections to the server of this configuration, when it asks for that.
#[derive(Clone)]
pub(super) enum Encryption {
    None,
    Tls(Connector),
}

impl Encryption {
    pub(super) fn of(config: &Config, ca_file: &str) -> Result<Self> {
        if config.get_ssl_mode() != SslMode::Require {
            return Ok(Self::None);
        }
        Ok(Self::Tls(Connector::trusting(ca_file).map_err(StoreError::engine)?))
    }
}

impl MakeTlsConnect<Socket> for Encryption {
    type Stream = Encrypted;
    type TlsConnect = Handshake;
    type Error = io::Error;

    fn make_tls_connect(&mut self, host: &str) -> io::Result<Handshake> {
        match self {
            Self::Tls(connector) => {
                Ok(Handshake { to: Some((connector.clone(), host.to_owned())) })
            }
            Self::None => Ok(Handshake { to: None }),
        }
    }
}

/// A handshake with a server of this name.
pub(super) struct Handshake {
    to: Option<(Connector, String)>,
}

impl TlsConnect<Socket> for Handshake {
    type Stream = Encrypted;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Encrypted>>;

    fn connect(self, stream: Socket) -> Self::Future {
        Box::pin(async move {
            let none = || io::Error::other("TLS was not asked for");
            let (connector, host) = self.to.ok_or_else(none)?;
            Ok(Encrypted(Box::new(connector.wrap(stream, &host).await?)))
        })
    }
}

/// An encrypted connection.
pub(super) struct Encrypted(Box<hanse_tls::Wrapped<Socket>>);

impl TlsStream for Encrypted {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_is_checked_or_not_spoken() {
        let mode = |query: &str| {
            configure(&format!("postgres://db:5432/postgres{query}")).unwrap().get_ssl_mode()
        };
        for plain in ["", "?sslmode=prefer", "?sslmode=disable"] {
            assert_eq!(mode(plain), SslMode::Disable, "{plain}");
        }
        for strict in ["?sslmode=require", "?sslmode=verify-ca", "?sslmode=verify-full"] {
            assert_eq!(mode(strict), SslMode::Require, "{strict}");
        }
        assert!(configure("postgres://db/postgres?sslmode=allow").is_err());
    }
}
