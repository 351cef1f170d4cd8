//! Two ways to load a server: as fast as it answers, and at a rate it does not choose.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::task::JoinSet;

use crate::histogram::Histogram;
use crate::wire::{Connection, Template};

/// Connections are opened and caches filled before anything is counted.
const WARM_UP: Duration = Duration::from_secs(1);

/// What is loaded: the requests are sent in turn.
#[derive(Clone)]
pub struct Target {
    address: SocketAddr,
    requests: Arc<Vec<Template>>,
}

/// The result of one run.
pub struct Measured {
    pub elapsed: Duration,
    pub latency: Histogram,
    /// Answers other than 2xx, and connections that broke.
    pub failed: u64,
    pub first_failure: Option<String>,
}

struct Run {
    target: Target,
    number: AtomicU64,
    latency: Histogram,
    failed: AtomicU64,
    first_failure: Mutex<Option<String>>,
    /// What is sent before this moment is not counted.
    start: Instant,
    end: Instant,
}

impl Target {
    pub fn new(address: SocketAddr, requests: Vec<Template>) -> Self {
        Self { address, requests: Arc::new(requests) }
    }
}

impl Measured {
    pub fn rate(&self) -> f64 {
        self.latency.count() as f64 / self.elapsed.as_secs_f64()
    }

    /// An error when any request failed: a fast refusal must not pass for a fast answer.
    pub fn without_failures(self) -> anyhow::Result<Self> {
        match &self.first_failure {
            Some(first) => bail!("{} of the requests failed, the first: {first}", self.failed),
            None => Ok(self),
        }
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quantile = |share| self.latency.quantile(share).as_secs_f64() * 1e3;
        write!(
            f,
            "{:.0}/s, p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms, {} failed",
            self.rate(),
            quantile(0.5),
            quantile(0.99),
            self.latency.max().as_secs_f64() * 1e3,
            self.failed
        )
    }
}

/// Every connection sends its next request when the answer to the last one has arrived.
pub async fn closed_loop(
    target: Target,
    connections: usize,
    time: Duration,
) -> anyhow::Result<Measured> {
    let opened = open(&target, connections).await?;
    let run = Run::new(target, time);
    let mut tasks = JoinSet::new();
    for connection in opened {
        let run = Arc::clone(&run);
        tasks.spawn(async move { run.until_the_end(connection).await });
    }
    finish(run, tasks, time).await
}

/// Requests leave at a fixed rate; latency counts from when a request was due, so a server that
/// stalls pays for everything it kept waiting.
pub async fn open_loop(
    target: Target,
    connections: usize,
    rate: u32,
    time: Duration,
) -> anyhow::Result<Measured> {
    let opened = open(&target, connections).await?;
    let run = Run::new(target, time);
    let interval = Duration::from_secs(1).checked_div(rate).context("a rate of zero")?;
    let mut tasks = JoinSet::new();
    for connection in opened {
        let run = Arc::clone(&run);
        tasks.spawn(async move { run.on_schedule(connection, interval).await });
    }
    finish(run, tasks, time).await
}

async fn open(target: &Target, connections: usize) -> anyhow::Result<Vec<Connection>> {
    let mut opened = Vec::with_capacity(connections);
    for _ in 0..connections {
        opened.push(Connection::open(target.address).await?);
    }
    Ok(opened)
}

async fn finish(
    run: Arc<Run>,
    mut tasks: JoinSet<anyhow::Result<()>>,
    time: Duration,
) -> anyhow::Result<Measured> {
    while let Some(task) = tasks.join_next().await {
        task.context("a connection's task")??;
    }
    let run = Arc::into_inner(run).context("a connection is still open")?;
    Ok(Measured {
        elapsed: time,
        latency: run.latency,
        failed: run.failed.into_inner(),
        first_failure: run.first_failure.into_inner().unwrap_or_else(PoisonError::into_inner),
    })
}

impl Run {
    fn new(target: Target, time: Duration) -> Arc<Self> {
        let start = Instant::now() + WARM_UP;
        Arc::new(Self {
            target,
            number: AtomicU64::new(0),
            latency: Histogram::new(),
            failed: AtomicU64::new(0),
            first_failure: Mutex::new(None),
            start,
            end: start + time,
        })
    }

    async fn until_the_end(&self, mut connection: Connection) -> anyhow::Result<()> {
        let mut scratch = Vec::new();
        let mut begun = Instant::now();
        while begun < self.end {
            let number = self.number.fetch_add(1, Relaxed);
            let succeeded = self.ask(&mut connection, number, &mut scratch).await?;
            let now = Instant::now();
            // An answer counts when it arrives within the time measured.
            if succeeded && now >= self.start && now < self.end {
                self.latency.record(now - begun);
            }
            begun = now;
        }
        Ok(())
    }

    async fn on_schedule(
        &self,
        mut connection: Connection,
        interval: Duration,
    ) -> anyhow::Result<()> {
        let mut scratch = Vec::new();
        loop {
            let number = self.number.fetch_add(1, Relaxed);
            let due = self.start - WARM_UP + interval.mul_f64(number as f64);
            if due >= self.end {
                return Ok(());
            }
            tokio::time::sleep_until(due.into()).await;
            let succeeded = self.ask(&mut connection, number, &mut scratch).await?;
            if succeeded && due >= self.start {
                self.latency.record(due.elapsed());
            }
        }
    }

    /// Sends one request; a failure is noted and the connection replaced.
    async fn ask(
        &self,
        connection: &mut Connection,
        number: u64,
        scratch: &mut Vec<u8>,
    ) -> anyhow::Result<bool> {
        let requests = &self.target.requests;
        let place = number as usize % requests.len().max(1);
        let template = requests.get(place).context("nothing to send")?;
        let failure = match connection.exchange(template.fill(number, scratch)).await {
            Ok(status) if (200..300).contains(&status) => return Ok(true),
            Ok(status) => format!("{status} {}", String::from_utf8_lossy(connection.body())),
            Err(error) => {
                *connection = Connection::open(self.target.address).await?;
                format!("{error:#}")
            }
        };
        self.failed.fetch_add(1, Relaxed);
        let mut first = self.first_failure.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(failure);
        Ok(false)
    }
}
