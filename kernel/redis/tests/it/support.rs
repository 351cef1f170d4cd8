//! A server, processes that use it, and waiting for what must come true.

use std::future::Future;
use std::net::{Ipv4Addr, TcpListener};
use std::pin::pin;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use hanse_cache::rate::Quota;
use hanse_redis::{Redis, RedisConfig};
use hanse_telemetry::metrics::Metrics;
use redis::aio::MultiplexedConnection;
use rustix::process::{Pid, Signal, kill_process};

/// Long enough on any machine; passing it is a failure, not a measurement.
const PATIENCE: Duration = Duration::from_secs(60);

/// Five at once and then, for as long as a test runs, none.
pub const FIVE: Quota = Quota { burst: 5, per_second: 1.0 / 86_400.0 };

/// The server that the test runner started, and a prefix of one's own on it.
pub struct World {
    pub url: String,
    pub prefix: String,
    deadline_ms: u32,
}

impl World {
    pub fn new() -> Self {
        let url = std::env::var("HANSE_TEST_REDIS").expect(
            "HANSE_TEST_REDIS is not set: run the tests with `cargo xtask test`, or set it to \
             the url of a server like redis://127.0.0.1:6379",
        );
        Self::on(&url)
    }

    pub fn on(url: &str) -> Self {
        static WORLDS: AtomicUsize = AtomicUsize::new(0);
        let number = WORLDS.fetch_add(1, Ordering::Relaxed);
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
        let prefix = format!("test-{now}-{number}");
        // A busy machine is no reason to go on without Redis where a scene counts on it.
        Self { url: url.to_owned(), prefix, deadline_ms: 5000 }
    }

    /// A world that is soon tired of waiting, for scenes of a frozen server.
    pub fn impatient(url: &str) -> Self {
        Self { deadline_ms: 200, ..Self::on(url) }
    }

    /// A process that uses Redis, connected.
    pub async fn process(&self) -> Process {
        let process = self.unconnected();
        within("a connection", process.redis.until(true)).await;
        process
    }

    pub fn unconnected(&self) -> Process {
        let config = RedisConfig {
            url: self.url.clone(),
            prefix: self.prefix.clone(),
            deadline_ms: self.deadline_ms,
            ..RedisConfig::default()
        };
        let metrics = Metrics::default();
        Process { redis: Redis::start(&config, &metrics).unwrap(), metrics }
    }

    /// Somebody who says anything to Redis.
    pub async fn stranger(&self) -> MultiplexedConnection {
        let client = redis::Client::open(self.url.as_str()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }
}

pub struct Process {
    pub redis: Redis,
    pub metrics: Metrics,
}

impl Process {
    /// How many questions to Redis ended so.
    pub fn calls(&self, outcome: &'static str) -> u64 {
        self.metrics
            .family_counter("redis_calls", "Questions to Redis", "outcome")
            .with(outcome)
            .get()
    }
}

/// A server of the scene's own, to be treated badly.
pub struct Server {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Server {
    pub async fn start() -> Self {
        let port =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let server = Self { child: spawn(port, &folder), port, _folder: folder };
        server.answers().await;
        server
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// As if it lost its power.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Again on the same port, with nothing in it.
    pub async fn start_again(&mut self) {
        self.child = spawn(self.port, &self._folder);
        self.answers().await;
    }

    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    async fn answers(&self) {
        let client = redis::Client::open(self.url()).unwrap();
        eventually("the server answers", async || {
            client.get_multiplexed_async_connection().await.is_ok()
        })
        .await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn spawn(port: u16, folder: &tempfile::TempDir) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"])
        .arg(folder.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("these tests need the program redis-server: `apt-get install redis-server`")
}

/// Waits for the end of something that must end.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("waited for {what}"))
}

/// Looks again and again until it is true.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "waited until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The answer of something that does not wait for anything.
pub fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("it waits"),
    }
}

/// A lapse that does not come to its end in a scene, with heartbeats that still come often.
pub const LONG_LAPSE: Duration = Duration::from_secs(30);
