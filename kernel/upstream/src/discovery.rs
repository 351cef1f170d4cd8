//! Where a peer's endpoints are.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::watch;

/// One place that answers for a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its share where shares count; 0 takes nothing new.
    pub weight: u16,
    /// The name it was found by, without the port: where TLS is spoken, its certificate must be for
    /// it. For its address when there is none.
    pub name: Option<Arc<str>>,
}

impl Endpoint {
    /// An endpoint of weight 1.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self { address, weight: 1, name: None }
    }
}

/// Knows a peer's endpoints. To add a source (a registry), implement this.
pub trait Discovery: Send + Sync + 'static {
    /// The endpoints now, and whenever they change.
    fn watch(&self) -> watch::Receiver<Vec<Endpoint>>;

    /// Keeps them current for as long as it is polled; it may be started again after it was dropped.
    fn run(&self) -> BoxFuture<'_, ()>;
}

/// Endpoints that never change.
pub struct Fixed(watch::Sender<Vec<Endpoint>>);

impl Fixed {
    /// These endpoints.
    #[must_use]
    pub fn new(endpoints: Vec<Endpoint>) -> Self {
        Self(watch::Sender::new(endpoints))
    }
}

impl Discovery for Fixed {
    fn watch(&self) -> watch::Receiver<Vec<Endpoint>> {
        self.0.subscribe()
    }

    fn run(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }
}

/// An address as an operator writes it: `10.0.0.5:8080`, `thoughts.default.svc:3012`,
/// `[::1]:80`, each with or without `http://` before and `*3` (a weight) behind. With `https://` before
/// it is spoken to by TLS, and the port is 443 unless another is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    host: String,
    weight: u16,
    secure: bool,
}

impl Written {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it, for the operator.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (place, weight) = match text.split_once('*') {
            Some((place, weight)) => {
                let weight = weight.parse().map_err(|_| format!("{weight} is no weight"))?;
                (place, weight)
            }
            None => (text, 1),
        };
        let place = place.trim_end_matches('/');
        let secure = place.strip_prefix("https://");
        let host = secure.or(place.strip_prefix("http://")).unwrap_or(place);
        let bare = !host.rsplit(']').next().is_some_and(|rest| rest.contains(':'));
        let host = match secure {
            Some(_) if bare && !host.is_empty() => format!("{host}:443"),
            _ => host.to_owned(),
        };
        let port = host.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
        if host.contains("://") || host.contains('/') || !matches!(port, Some(Ok(_))) {
            return Err(format!("{text} is not an address; write it like 10.0.0.5:8080"));
        }
        Ok(Self { host, weight, secure: secure.is_some() })
    }

    /// Is it to be spoken to by TLS?
    #[must_use]
    pub fn secure(&self) -> bool {
        self.secure
    }

    /// The endpoints behind it now: one for an address, as many as a name has.
    ///
    /// # Errors
    /// A name that could not be looked up.
    pub async fn endpoints(&self) -> std::io::Result<Vec<Endpoint>> {
        let addresses = tokio::net::lookup_host(self.host.as_str()).await;
        let addresses = addresses.inspect_err(|error| {
            tracing::warn!(name = %self.host, error = %error, "a name could not be looked up");
        })?;
        let endpoint = |address| Endpoint { address, weight: self.weight, name: self.name() };
        Ok(addresses.map(endpoint).collect())
    }

    /// The name without the port, where it is one.
    fn name(&self) -> Option<Arc<str>> {
        let (name, _) = self.host.rsplit_once(':')?;
        self.host.parse::<SocketAddr>().is_err().then(|| name.into())
    }
}

/// Endpoints given as addresses or names. Names are looked up again and again, so that the addresses
/// behind one (a Kubernetes headless service, say) are followed.
pub struct Names {
    written: Arc<[Written]>,
    every: Duration,
    found: watch::Sender<Vec<Endpoint>>,
}

impl Names {
    /// These addresses and names, looked up anew at this interval.
    #[must_use]
    pub fn new(written: Vec<Written>, every: Duration) -> Self {
        let fixed = written.iter().filter_map(|one| {
            Some(Endpoint { weight: one.weight, ..Endpoint::new(one.host.parse().ok()?) })
        });
        let found = watch::Sender::new(fixed.collect());
        Self { written: written.into(), every, found }
    }

    async fn look_up(&self) {
        let mut endpoints: Vec<Endpoint> = Vec::new();
        for one in self.written.iter() {
            // A name service that is down takes nobody's endpoints away.
            let Ok(found) = one.endpoints().await else { return };
            for endpoint in found {
                if endpoints.iter().all(|known| known.address != endpoint.address) {
                    endpoints.push(endpoint);
                }
            }
        }
        endpoints.sort_by_key(|endpoint| endpoint.address);
        self.found.send_if_modified(|known| {
            let changed = *known != endpoints;
            *known = endpoints;
            changed
        });
    }
}

impl Discovery for Names {
    fn watch(&self) -> watch::Receiver<Vec<Endpoint>> {
        self.found.subscribe()
    }

    fn run(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if self.written.iter().all(|one| one.host.parse::<SocketAddr>().is_ok()) {
                return std::future::pending().await;
            }
            loop {
                self.look_up().await;
                tokio::time::sleep(self.every).await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_operators_write_them() {
        let read = |text| Written::parse(text).map(|one| (one.host, one.weight));
        assert_eq!(read("10.0.0.5:8080"), Ok(("10.0.0.5:8080".into(), 1)));
        assert_eq!(read("http://old.example:80/*3"), Ok(("old.example:80".into(), 3)));
        assert_eq!(read("[::1]:80"), Ok(("[::1]:80".into(), 1)));
        assert_eq!(read("https://old.example*2"), Ok(("old.example:443".into(), 2)));
        assert_eq!(read("https://[::1]"), Ok(("[::1]:443".into(), 1)));
        assert_eq!(read("https://a:8443"), Ok(("a:8443".into(), 1)));
        let secure = |text| Written::parse(text).map(|one| (one.secure(), one.name()));
        assert_eq!(secure("https://a:8443"), Ok((true, Some("a".into()))));
        assert_eq!(secure("10.0.0.5:80"), Ok((false, None)));
        for wrong in
            ["old.example", "https://", "ftp://old.example:21", "a:80/x", "a:99999", "a:80*x"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
