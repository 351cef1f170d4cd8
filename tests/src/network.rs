//! A bad network between two processes: toxiproxy, told over its own API.

use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::client::Client;
use crate::ports::free_port;
use crate::split::engine;
use crate::waiting::until;

/// What a network does to what passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Everything takes 200 to 400 ms longer, both ways.
    Slow,
    /// A few kilobytes a second, in small pieces.
    Narrow,
    /// A third of all connections are reset after a moment.
    Lossy,
    /// Every connection is reset.
    Reset,
    /// Nothing arrives and nobody says so: half-open.
    Silent,
    /// Connections are closed and new ones refused.
    Cut,
}

impl Trouble {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Slow, Self::Narrow, Self::Lossy, Self::Reset, Self::Silent, Self::Cut];

    /// As toxiproxy's toxics, each for both directions.
    fn toxics(self) -> Vec<(&'static str, f64, Value)> {
        match self {
            Self::Slow => vec![("latency", 1.0, json!({ "latency": 300, "jitter": 100 }))],
            Self::Narrow => vec![
                ("bandwidth", 1.0, json!({ "rate": 16 })),
                ("slicer", 1.0, json!({ "average_size": 100, "size_variation": 50, "delay": 500 })),
            ],
            Self::Lossy => vec![("reset_peer", 0.3, json!({ "timeout": 100 }))],
            Self::Reset => vec![("reset_peer", 1.0, json!({ "timeout": 0 }))],
            Self::Silent => vec![("timeout", 1.0, json!({ "timeout": 0 }))],
            Self::Cut => Vec::new(),
        }
    }
}

/// A running toxiproxy. It is ended when the value goes.
pub struct Network {
    proxy: Child,
    api: Client,
}

/// One way between two processes, which can be spoiled.
pub struct Link {
    /// For messages.
    pub name: &'static str,
    /// Where to connect instead of the other end, `host:port`.
    pub address: String,
    api: Client,
}

impl Network {
    /// Starts one without links.
    ///
    /// # Panics
    /// When it is not installed or does not start.
    #[must_use]
    pub fn start() -> Self {
        let port = free_port().expect("a free port");
        let proxy = Command::new(engine("TOXIPROXY_BIN"))
            .args(["-host", "127.0.0.1", "-port", &port.to_string()])
            .env("LOG_LEVEL", "fatal")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("toxiproxy can be run");
        let api = Client::new(&format!("http://127.0.0.1:{port}"));
        until("toxiproxy answers", || {
            api.send("GET", "/version", &[], None).is_ok_and(|answer| answer.status == 200)
        });
        Self { proxy, api }
    }

    /// Opens a way to `upstream`, `host:port`.
    ///
    /// # Panics
    /// When the proxy refuses.
    #[must_use]
    pub fn link(&self, name: &'static str, upstream: &str) -> Link {
        let port = free_port().expect("a free port");
        self.link_at(name, port, upstream)
    }

    /// As [`Network::link`], at a port of the caller's choice.
    ///
    /// # Panics
    /// When the proxy refuses.
    #[must_use]
    pub fn link_at(&self, name: &'static str, port: u16, upstream: &str) -> Link {
        let address = format!("127.0.0.1:{port}");
        let made = self.api.post(
            "/proxies",
            &json!({ "name": name, "listen": address, "upstream": upstream, "enabled": true }),
        );
        assert_eq!(made.status, 201, "{}", made.text);
        Link { name, address, api: self.api.clone() }
    }
}

impl Link {
    /// Spoils it, for connections that stand and for new ones.
    ///
    /// # Panics
    /// When the proxy refuses.
    pub fn spoil(&self, trouble: Trouble) {
        if trouble == Trouble::Cut {
            return self.enable(false);
        }
        for (kind, toxicity, attributes) in trouble.toxics() {
            for stream in ["upstream", "downstream"] {
                let made = self.api.post(
                    &format!("/proxies/{}/toxics", self.name),
                    &json!({
                        "name": format!("{kind}-{stream}"), "type": kind, "stream": stream,
                        "toxicity": toxicity, "attributes": attributes,
                    }),
                );
                assert_eq!(made.status, 200, "{}", made.text);
            }
        }
    }

    /// Mends it.
    ///
    /// # Panics
    /// When the proxy refuses.
    pub fn heal(&self) {
        let toxics = self.api.get(&format!("/proxies/{}/toxics", self.name));
        for toxic in toxics.json().as_array().expect("a list") {
            let name = toxic["name"].as_str().expect("a name");
            self.api.delete(&format!("/proxies/{}/toxics/{name}", self.name));
        }
        self.enable(true);
    }

    fn enable(&self, enabled: bool) {
        let told = self.api.post(
            &format!("/proxies/{}", self.name),
            &json!({ "name": self.name, "enabled": enabled }),
        );
        assert_eq!(told.status, 200, "{}", told.text);
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.proxy.kill().ok();
        self.proxy.wait().ok();
    }
}
