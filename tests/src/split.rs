//! The platform split: the gateway and every service in a process of its own, on real engines.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;

use crate::client::Client;
use crate::ports::free_port;
use crate::server::{Server, binary};
use crate::waiting::until;

/// Every process of a split platform, with the port it has by default, in the order of starting.
pub const SERVICES: [(&str, u16); 6] = [
    ("identity", 3001),
    ("thoughts", 3012),
    ("search", 3014),
    ("analytics", 3015),
    ("notifications", 3004),
    ("gateway", 3000),
];

/// Which ports the processes listen at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    /// Those of the documents; operations a hundred further.
    Documented,
    /// Any free ones.
    Free,
}

/// A split platform. Every process is ended when it goes.
pub struct Split {
    /// Configuration file and data.
    pub folder: PathBuf,
    name: String,
    places: BTreeMap<&'static str, Place>,
    processes: BTreeMap<&'static str, Server>,
    _temporary: Option<tempfile::TempDir>,
}

/// A process that may run: which service it serves, where, and what is special about it.
struct Place {
    service: &'static str,
    public: String,
    ops: String,
    settings: Vec<String>,
    binary: Option<PathBuf>,
}

/// What a split platform runs on.
#[derive(Clone, Debug)]
pub struct Engines {
    /// The URL of a PostgreSQL server.
    pub postgres: String,
    /// A Kafka broker, `host:port`.
    pub kafka: String,
}

impl Engines {
    /// Those that every test shares: nobody treats them badly.
    ///
    /// # Panics
    /// When they were not started.
    #[must_use]
    pub fn shared() -> Self {
        Self { postgres: engine("HANSE_TEST_POSTGRES"), kafka: engine("HANSE_TEST_KAFKA") }
    }
}

/// How many of its last complaints a process is quoted with.
const COMPLAINTS: usize = 25;

static STARTED: AtomicU32 = AtomicU32::new(0);

/// What the test runner has started or built, by the name of its variable.
///
/// # Panics
/// When it has not.
#[must_use]
pub fn engine(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: run the tests with `cargo xtask test`"))
}

impl Split {
    /// Starts every process and waits until all are ready. `more` is added to the configuration.
    ///
    /// # Panics
    /// When one does not start.
    #[must_use]
    pub fn start(more: &str) -> Self {
        Self::start_with(more, &[])
    }

    /// As [`Split::start`], with more processes of some services, as (process, service).
    ///
    /// # Panics
    /// When one does not start.
    #[must_use]
    pub fn start_with(more: &str, replicas: &[(&'static str, &'static str)]) -> Self {
        let mut split = Self::plan(&Engines::shared(), more, replicas);
        split.run_all();
        split
    }

    /// As [`Split::start_with`], on engines of the caller's choice, and starts nothing yet.
    ///
    /// # Panics
    /// When the folder cannot be written.
    #[must_use]
    pub fn plan(engines: &Engines, more: &str, replicas: &[(&'static str, &'static str)]) -> Self {
        let folder = tempfile::TempDir::with_prefix("hanse-split-").expect("a folder");
        let mut split = Self::prepare(folder.path(), Ports::Free, engines, more, replicas);
        split._temporary = Some(folder);
        split
    }

    /// Gives one process a setting of its own, `KEY=VALUE`, from its next start on.
    ///
    /// # Panics
    /// When there is no such process.
    pub fn set(&mut self, name: &str, setting: String) {
        self.places.get_mut(name).expect("a process").settings.push(setting);
    }

    /// Runs one process from another binary, from its next start on.
    ///
    /// # Panics
    /// When there is no such process.
    pub fn run_from(&mut self, name: &str, binary: PathBuf) {
        self.places.get_mut(name).expect("a process").binary = Some(binary);
    }

    /// Starts every process, the services first, and waits until all are ready.
    ///
    /// # Panics
    /// When one does not start.
    pub fn run_all(&mut self) {
        let order = |service: &str| SERVICES.iter().position(|(name, _)| *name == service);
        let mut names: Vec<_> =
            self.places.iter().map(|(name, place)| (order(place.service), *name)).collect();
        names.sort_unstable();
        for (_, name) in names {
            self.run(name);
        }
        self.ready();
    }

    /// Starts one process that serves everything, where the gateway would listen, with the same
    /// configuration and data.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn run_together(&self) -> Server {
        let Place { public, ops, .. } = &self.places["gateway"];
        let config = self.folder.join("hanse.toml").display().to_string();
        let (data, more) = (self.folder.join("together"), ["--config", &config]);
        Server::spawn_at(Command::new(binary()), [public, ops], &data, &more)
            .unwrap_or_else(|log| panic!("the platform did not start:\n{log}"))
    }

    /// Writes the configuration into `folder` and starts nothing yet.
    ///
    /// # Panics
    /// When an engine is missing or the folder cannot be written.
    #[must_use]
    pub fn prepare(
        folder: &Path,
        ports: Ports,
        engines: &Engines,
        more: &str,
        replicas: &[(&'static str, &'static str)],
    ) -> Self {
        let place = |service, [public, ops]: [u16; 2]| Place {
            service,
            public: at(public),
            ops: at(ops),
            settings: Vec::new(),
            binary: None,
        };
        let mut places: BTreeMap<_, _> = SERVICES
            .into_iter()
            .map(|(name, port)| match ports {
                Ports::Documented => (name, place(name, [port, port + 100])),
                Ports::Free => (name, place(name, free_ports())),
            })
            .collect();
        for (process, service) in replicas {
            places.insert(*process, place(*service, free_ports()));
        }
        let name = match ports {
            Ports::Documented => "hanse".to_owned(),
            Ports::Free => {
                let count = STARTED.fetch_add(1, Ordering::Relaxed);
                format!("split{}x{count}", std::process::id())
            }
        };
        let mut text = format!(
            "[server]\npublic_url = \"http://{gateway}\"\n\
             [store]\nurl = \"{postgres}\"\nprefix = \"{name}_\"\n\
             [secrets]\nmaster_key_file = \"{key}\"\n\
             [kafka]\nbrokers = [\"{kafka}\"]\n\
             topic_prefix = \"{name}\"\n[peers.endpoints]\n",
            gateway = places["gateway"].public,
            postgres = engines.postgres,
            key = folder.join("master.key").display(),
            kafka = engines.kafka,
        );
        for (name, _) in SERVICES.into_iter().filter(|(name, _)| *name != "gateway") {
            let here = places.values().filter(|place| place.service == name);
            let endpoints: Vec<&str> = here.map(|place| place.public.as_str()).collect();
            writeln!(text, "{name} = {endpoints:?}").expect("a string takes all");
        }
        text.push_str(more);
        std::fs::write(folder.join("hanse.toml"), text).expect("a configuration");
        let folder = folder.to_owned();
        Self { folder, name, places, processes: BTreeMap::new(), _temporary: None }
    }

    /// Starts one process, as after it was killed.
    ///
    /// # Panics
    /// When it does not start.
    pub fn run(&mut self, name: &'static str) {
        let Place { service, public, ops, settings, binary: own } = &self.places[name];
        let config = self.folder.join("hanse.toml").display().to_string();
        let mut more = vec!["--config", &config, "--only", service];
        if *service != "gateway" {
            // The gateway says who the client is.
            more.extend(["--set", "gateway.trusted_proxies=[\"127.0.0.1\"]"]);
        }
        more.extend(settings.iter().flat_map(|setting| ["--set", setting]));
        let data = self.folder.join(name);
        let program = Command::new(own.clone().unwrap_or_else(binary));
        let server = Server::spawn_at(program, [public, ops], &data, &more)
            .unwrap_or_else(|log| panic!("{name} did not start:\n{log}"));
        self.processes.insert(name, server);
    }

    /// Waits until every process says that it is ready.
    ///
    /// # Panics
    /// When one does not.
    pub fn ready(&self) {
        for (name, server) in &self.processes {
            let ops = Client::new(&server.ops);
            until(&format!("{name} is ready"), || {
                ops.send("GET", "/ready", &[], None).is_ok_and(|answer| answer.status == 200)
            });
        }
    }

    /// Waits until the followers have joined their groups, which a broker lets take some seconds:
    /// until then projections are behind.
    pub fn joined(&self) {
        let client = self.register("pilot");
        let body = json!({ "text": "sounding", "tags": [] });
        let position = client.post("/api/thoughts", &body).header("hanse-position").to_owned();
        for path in ["/api/search?q=sounding", "/api/analytics/overview"] {
            until(&format!("{path} has caught up"), || {
                let after = [("hanse-after", position.as_str())];
                let answer = client.send("GET", path, &after, None).expect("an answer");
                answer.status == 200 && answer.header("hanse-stale").is_empty()
            });
        }
    }

    /// The public address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.places["gateway"].public)
    }

    /// The address of one process, past the gateway.
    #[must_use]
    pub fn url_of(&self, name: &str) -> String {
        format!("http://{}", self.places[name].public)
    }

    /// What the names of its databases begin with.
    #[must_use]
    pub fn store_prefix(&self) -> String {
        format!("{}_", self.name)
    }

    /// Where one process listens, `host:port`.
    #[must_use]
    pub fn address_of(&self, name: &str) -> &str {
        &self.places[name].public
    }

    /// Where one process listens for operations, `host:port`.
    #[must_use]
    pub fn operations_of(&self, name: &str) -> &str {
        &self.places[name].ops
    }

    /// Every process that runs.
    pub fn running(&self) -> impl Iterator<Item = (&'static str, &Server)> {
        self.processes.iter().map(|(name, server)| (*name, server))
    }

    /// One process.
    #[must_use]
    pub fn process(&self, name: &str) -> &Server {
        &self.processes[name]
    }

    /// Ends one process at once, as a crash would.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&mut self, name: &str) {
        self.processes.remove(name).expect("it runs").kill();
    }

    /// Asks one process to stop and waits for its end.
    ///
    /// # Panics
    /// When it does not run, or does not end well.
    pub fn stop(&mut self, name: &str) {
        let status = self.processes.remove(name).expect("it runs").stop();
        assert!(status.success(), "{name} ended with {status}");
    }

    /// Asks all processes to stop, the gateway first.
    pub fn stop_all(&mut self) {
        let order = |name: &&str| {
            let service = self.places[name].service;
            SERVICES.iter().position(|(other, _)| *other == service)
        };
        let mut names: Vec<&str> = self.processes.keys().copied().collect();
        names.sort_by_key(|name| std::cmp::Reverse(order(name)));
        for name in names {
            self.stop(name);
        }
    }

    /// Somebody new, with an account, who comes through the gateway.
    #[must_use]
    pub fn register(&self, name: &str) -> Client {
        Client::register(&self.url(), name)
    }
}

/// Whoever reads of a failure wants to know what the processes said.
impl Drop for Split {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for (name, server) in &self.processes {
            let log = server.log();
            let worth = |line: &&str| line.contains("WARN") || line.contains("ERROR");
            let lines: Vec<&str> = log.lines().filter(worth).collect();
            let last = lines.len().saturating_sub(COMPLAINTS);
            for line in &lines[last..] {
                eprintln!("{name}: {line}");
            }
            let operations = Client::new(&server.ops);
            for page in ["/ready", "/metrics"] {
                let said = operations.send("GET", page, &[], None).map(|answer| answer.text);
                let said = said.unwrap_or_else(|error| format!("{page}: {error}"));
                let worth = |line: &&str| page == "/ready" || line.contains("lag");
                for line in said.lines().filter(worth) {
                    eprintln!("{name}: {line}");
                }
            }
        }
    }
}

fn at(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

fn free_ports() -> [u16; 2] {
    [(), ()].map(|()| free_port().expect("a free port"))
}
