//! What goes on on a connection after HTTP: a tunnel is run by the task that has served the connection.
//! So it keeps the connection's place, counts as one, and is waited for when the process stops.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use tokio::sync::watch;

/// Where a request that leaves HTTP hands in what goes on then. A request that asks to leave has one among
/// its extensions.
#[derive(Clone)]
pub(crate) struct Tunnels {
    entered: Arc<Mutex<Option<BoxFuture<'static, ()>>>>,
    stopped: watch::Receiver<bool>,
}

impl std::fmt::Debug for Tunnels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tunnels").finish_non_exhaustive()
    }
}

impl Tunnels {
    /// Those of a connection whose process may stop.
    pub(crate) fn new(stopped: watch::Receiver<bool>) -> Self {
        Self { entered: Arc::default(), stopped }
    }

    /// Hands in what goes on once the connection has left HTTP.
    pub(crate) fn enter(&self, tunnel: BoxFuture<'static, ()>) {
        *self.entered.lock().unwrap_or_else(PoisonError::into_inner) = Some(tunnel);
    }

    /// Ends when the process stops taking requests.
    pub(crate) async fn stopped(&self) {
        let mut stopped = self.stopped.clone();
        drop(stopped.wait_for(|stopped| *stopped).await);
    }

    /// Runs what was handed in, to its end. Nothing more comes once HTTP is over.
    pub(crate) async fn run(&self) {
        let entered = self.entered.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(tunnel) = entered {
            tunnel.await;
        }
    }
}
