//! Which TLS this process speaks, to whom, and the files it comes from.

use std::sync::Arc;

use anyhow::Context as _;
use hanse_http::server::Door;
use hanse_runtime::Supervisor;
use hanse_tls::{Acceptor, Connector, Renewable, keep_current};
use tokio::net::TcpListener;

use crate::config::Config;

/// The certificates of a process.
pub struct Encryption {
    door: Option<Acceptor>,
    peers: Option<Connector>,
    renewable: Arc<[Arc<dyn Renewable>]>,
}

impl Encryption {
    /// Reads the files that the configuration names. The gateway's door is the public's; a service
    /// without the gateway stands behind one, and with `peers.tls` it only lets other processes of
    /// the installation in.
    pub fn new(config: &Config) -> anyhow::Result<Self> {
        let own = config.peers.tls.enabled();
        let door = if config.serves("gateway") {
            let public = || Acceptor::public(&config.server.tls);
            let door = config.server.tls.enabled().then(public).transpose();
            door.context("server.tls cannot be used")?
        } else {
            let mutual = || Acceptor::mutual(&config.peers.tls);
            own.then(mutual).transpose().context("peers.tls cannot be used")?
        };
        let peers = own.then(|| Connector::mutual(&config.peers.tls)).transpose();
        let peers = peers.context("peers.tls cannot be used")?;
        let renewable = door.iter().map(Acceptor::renewable);
        let renewable = renewable.chain(peers.iter().map(Connector::renewable)).collect();
        Ok(Self { door, peers, renewable })
    }

    /// The public door of this listener.
    pub fn door(&self, listener: TcpListener) -> Door {
        match &self.door {
            Some(tls) => Door::encrypted(listener, tls.clone()),
            None => listener.into(),
        }
    }

    /// How clients write the door's address.
    pub fn scheme(&self) -> &'static str {
        if self.door.is_some() { "https" } else { "http" }
    }

    /// How other processes are spoken to.
    pub fn peers(&self) -> Option<&Connector> {
        self.peers.as_ref()
    }

    /// Reads all files again.
    pub fn renew(&self) {
        for one in self.renewable.iter() {
            one.renew();
        }
    }

    /// Reads files again when they change, for as long as the supervisor lives.
    pub fn keep_current(&self, supervisor: &mut Supervisor) {
        if self.renewable.is_empty() {
            return;
        }
        let renewable = Arc::clone(&self.renewable);
        supervisor.run("certificates", move || {
            let renewable = Arc::clone(&renewable);
            async move { keep_current(&renewable).await }
        });
    }
}
