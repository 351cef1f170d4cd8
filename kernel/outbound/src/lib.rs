//! The one way out: every HTTP request to a system that is not ours goes through [`Outbound`] (law 7).
//!
//! An address that a person or a provider gave may lead anywhere, also back inside. So a name is
//! resolved once, every address it has is judged, and the connection goes to a judged address: what the
//! name says a moment later does not matter. Only public addresses pass, unless the operator has allowed
//! a network (`outbound.allow`). Redirects are not followed: they are answers like others. Everything is
//! bounded: time, the answer's head and body, and how many requests run at once.
//!
//! What this crate never does: use a proxy that the environment names, keep cookies, decompress, or
//! connect without TLS to a network that was not allowed.
//!
//! Mail has a crate of its own (`hanse-mail`), because its server is the operator's choice alone.

mod address;
mod config;
mod error;
mod exchange;
mod names;
mod target;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;

pub use address::{Network, Policy};
pub use config::OutboundConfig;
pub use error::OutboundError;
pub use names::{LookUp, Names, SystemNames};
pub use target::Target;

/// Requests that run at the same time; more wait, within their time.
const AT_ONCE: usize = 256;

/// Sends requests to systems that are not ours. Cheap to clone.
#[derive(Clone)]
pub struct Outbound {
    inner: Arc<Inner>,
}

struct Inner {
    policy: Policy,
    names: Arc<dyn Names>,
    tls: TlsConnector,
    slots: Semaphore,
    time: Duration,
    largest: usize,
}

impl Outbound {
    /// A client with these bounds, which asks the system for names.
    ///
    /// # Errors
    /// [`OutboundError::Configuration`] when a network or the file of roots cannot be read.
    pub fn new(config: &OutboundConfig) -> Result<Self, OutboundError> {
        Self::with_names(config, Arc::new(SystemNames))
    }

    /// As [`Outbound::new`], asking somebody else for names.
    ///
    /// # Errors
    /// As [`Outbound::new`].
    pub fn with_names(
        config: &OutboundConfig,
        names: Arc<dyn Names>,
    ) -> Result<Self, OutboundError> {
        let inner = Inner {
            policy: config.policy()?,
            names,
            tls: tls::connector(&config.roots_file)?,
            slots: Semaphore::new(AT_ONCE),
            time: Duration::from_millis(config.time_ms.into()),
            largest: config.largest_answer,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Sends a request with an absolute address and returns the whole answer, whatever its status.
    ///
    /// # Errors
    /// [`OutboundError`]; [`OutboundError::is_final`] says whether trying again can help.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, OutboundError> {
        let inner = &*self.inner;
        // Boxed: whoever may send something would carry the room for a connection and its encryption.
        tokio::time::timeout(inner.time, Box::pin(inner.send(request)))
            .await
            .unwrap_or(Err(OutboundError::TooSlow))
    }

    /// Judges an address before it is stored: its form, its scheme, and a host that is an address. What
    /// a name leads to is judged each time it is used.
    ///
    /// # Errors
    /// What [`Outbound::send`] would refuse.
    pub fn check(&self, address: &str) -> Result<(), OutboundError> {
        let target = Target::parse(address)?;
        match target.literal() {
            Some(ip) => self.inner.policy.judge(ip, target.encrypted()),
            None => self.inner.policy.judge_name(target.host()),
        }
    }
}

impl Inner {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, OutboundError> {
        let _slot = self.slots.acquire().await.map_err(|_| OutboundError::TooSlow)?;
        let target = Target::of(request.uri())?;
        let addresses = self.resolve(&target).await?;
        let stream = exchange::connect(&addresses, target.port()).await?;
        if target.encrypted() {
            let stream = tls::wrap(&self.tls, &target, stream).await?;
            exchange::exchange(stream, request, &target, self.largest).await
        } else {
            exchange::exchange(stream, request, &target, self.largest).await
        }
    }

    /// All addresses of the target, each of them judged. One that is refused refuses the name: whoever
    /// mixes an inner address among public ones means no good.
    async fn resolve(&self, target: &Target) -> Result<Vec<std::net::IpAddr>, OutboundError> {
        let addresses = match target.literal() {
            Some(ip) => vec![ip],
            None => {
                self.policy.judge_name(target.host())?;
                self.names.look_up(target.host()).await.map_err(OutboundError::Unresolved)?
            }
        };
        for ip in &addresses {
            self.policy.judge(*ip, target.encrypted())?;
        }
        if addresses.is_empty() {
            return Err(OutboundError::Unresolved(std::io::ErrorKind::NotFound.into()));
        }
        Ok(addresses)
    }
}
