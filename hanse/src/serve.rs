//! Build, bind, start, drain.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use hanse_http::server;
use hanse_kafka::Kafka;
use hanse_runtime::Lanes;
use tokio::net::TcpSocket;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::compose::{self, DataFolder, Shared};
use crate::config::{Config, Loaded, toml_text};
use crate::doors::Doors;
use crate::encryption::Encryption;
use crate::files;
use crate::reload::Reload;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 4096;

/// Options of `serve`.
#[derive(Args, Clone, Default)]
#[command(
    after_help = "Stops on SIGTERM or Ctrl-C: it says \"not ready\", finishes what is under way, and exits 0.\nSIGHUP reads certificates and the gateway's rules again; rules with mistakes leave the old ones in force.\n\nExamples:\n  hanse serve\n  hanse serve --listen 0.0.0.0:8080 --data /srv/hanse\n  hanse serve --set log.format=json --set server.public_url=https://hanse.example.com"
)]
pub struct ServeArgs {
    /// Services of this process, separated by commas [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Public address [default: 127.0.0.1:3000]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Operations address [default: 127.0.0.1:3099]
    #[arg(long, value_name = "ADDR")]
    pub ops: Option<SocketAddr>,
}

impl ServeArgs {
    /// The same as configuration keys.
    pub fn sets(&self) -> Vec<String> {
        let mut sets = Vec::new();
        if !self.only.is_empty() {
            let names: Vec<String> = self.only.iter().map(|name| toml_text(name)).collect();
            sets.push(format!("server.only=[{}]", names.join(",")));
        }
        if let Some(address) = self.listen {
            sets.push(format!("server.listen=\"{address}\""));
        }
        if let Some(address) = self.ops {
            sets.push(format!("server.ops=\"{address}\""));
        }
        sets
    }
}

/// Serves until a signal.
pub async fn serve(loaded: Loaded) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let config = &loaded.config;
    let guard = hanse_telemetry::init(&config.log)?;
    let folder = DataFolder::take(config)?;
    let public_socket = bind(config.server.listen, "server.listen", "--listen")?;
    let ops_socket = bind(config.server.ops, "server.ops", "--ops")?;
    let shared = Shared { spans: guard.spans(), ..Shared::new(&loaded)? };
    let lanes = Lanes::start().context("the system gives no threads")?;
    let background = Background(Some(hanse_runtime::background_runtime()?));
    let kafka = compose::kafka(config, &shared, background.handle()?);
    let platform = Arc::new(compose::platform(config, &shared, kafka.as_ref()).await?);
    let draining = Arc::new(AtomicBool::new(false));
    let encryption = Arc::new(Encryption::new(config)?);
    let doors = Doors::new(config, &shared, &platform, &draining, &encryption)?;
    let (gateway, router) = doors.public(config, &shared)?;
    let ops = doors.operations(kafka.clone());
    let mut supervisor = platform.start(background.handle()?);
    doors.keep_in_touch(&mut supervisor);
    let (stop, stopped) = watch::channel(false);
    let limits = limits(config);
    let ops_limits = server::Limits { connections: 256, ..limits };
    let addresses = [public_socket.local_addr()?, ops_socket.local_addr()?];
    let operations = server::serve(
        ops_socket.listen(BACKLOG)?,
        Arc::new(ops),
        ops_limits,
        shared.metrics.clone(),
        stop_signal(stopped.clone()),
    );
    // Whoever reads that it is ready may ask it to stop at once.
    let asked_to_stop = stop_request()?;
    let reload = Reload::new(&loaded, &doors, &encryption, router)?;
    let public = async {
        tokio::select! {
            () = doors.until_ready() => {}
            () = stop_signal(stopped.clone()) => return Ok(()),
        }
        let listener = public_socket.listen(BACKLOG).inspect_err(|_| {
            stop.send_replace(true);
        })?;
        doors.announce(config);
        announce(config, &platform, encryption.scheme(), addresses, started).await;
        let door = encryption.door(listener).on(lanes.handles());
        let (gateway, metrics) = (Arc::new(gateway), shared.metrics.clone());
        server::serve(door, gateway, limits, metrics, stop_signal(stopped.clone())).await;
        anyhow::Ok(())
    };
    let drain = async {
        tokio::select! {
            () = asked_to_stop => {}
            () = stop_signal(stopped.clone()) => return,
        }
        say_goodbye(config, &draining, &doors).await;
        stop.send_replace(true);
    };
    let reload = reload.run(stop_signal(stopped.clone()));
    let (served, (), (), ()) = tokio::join!(public, operations, drain, reload);
    served?;
    if let Some(kafka) = kafka {
        let_go(&kafka, limits.drain_time).await;
    }
    supervisor.stop().await;
    drop((doors, background, lanes));
    // The stores fold their logs in when the last reference goes.
    drop(platform);
    tracing::info!("stopped");
    drop((folder, guard));
    Ok(ExitCode::SUCCESS)
}

/// Says to everybody that no more requests are wanted, and gives them time to hear it.
async fn say_goodbye(config: &Config, draining: &AtomicBool, doors: &Doors) {
    tracing::info!("stopping: not ready any more, finishing what is under way");
    draining.store(true, Ordering::Release);
    doors.withdraw().await;
    tokio::time::sleep(Duration::from_secs(config.server.drain_delay_seconds.into())).await;
}

/// Leaves the event log between processes.
async fn let_go(kafka: &Kafka, within: Duration) {
    if tokio::time::timeout(within, kafka.stop()).await.is_err() {
        tracing::warn!("the broker did not let go in time; another replica takes over later");
    }
}

/// The bounds of the public listener.
fn limits(config: &Config) -> server::Limits {
    // Behind a gateway there may be another connection for each.
    let alone = config.server.only.is_empty() && config.gateway.upstreams.is_empty();
    let connections = files::enough_for(config.server.connections, if alone { 1 } else { 2 });
    server::Limits {
        connections,
        connections_per_address: config.server.connections_per_address,
        drain_time: Duration::from_secs(config.server.drain_seconds.into()),
        ..server::Limits::default()
    }
}

/// The runtime of background work. Ends without waiting, also when a start fails: waiting is not
/// allowed where other requests are served.
struct Background(Option<tokio::runtime::Runtime>);

impl Background {
    fn handle(&self) -> anyhow::Result<tokio::runtime::Handle> {
        Ok(self.0.as_ref().context("the background has ended")?.handle().clone())
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Takes an address without listening yet: until then connections are refused, not kept waiting.
fn bind(address: SocketAddr, key: &str, flag: &str) -> anyhow::Result<TcpSocket> {
    let take = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        std::io::Result::Ok(socket)
    };
    take().with_context(|| {
        format!("cannot listen on {address}; choose another address with {flag} or {key}")
    })
}

async fn stop_signal(mut stopped: watch::Receiver<bool>) {
    stopped.wait_for(|stopped| *stopped).await.ok();
}

/// Takes over SIGTERM and Ctrl-C now; the future ends when one of them comes.
fn stop_request() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Says where it listens, and how to make the first administrator while there is none.
async fn announce(
    config: &Config,
    platform: &hanse_runtime::Platform,
    scheme: &str,
    [public, ops]: [SocketAddr; 2],
    started: Instant,
) {
    let names: Vec<&str> = platform.cells().iter().map(|cell| cell.name).collect();
    let mut text = format!(
        "hanse {version} is ready after {ms} ms\n  public      {scheme}://{public}   (documents at /docs)\n  \
         operations  http://{ops}   (/health /ready /metrics /tracing)\n  services    {names}\n  data        {data}\n",
        version = env!("CARGO_PKG_VERSION"),
        ms = started.elapsed().as_millis(),
        names = names.join(", "),
        data = config.server.data.display(),
    );
    if let Some(identity) = platform.cell("identity")
        && let Ok(false) = hanse_identity::admin::has_admin(&identity.db).await
    {
        text.push_str(
            "  There is no administrator yet. Make one with\n    \
             hanse user create --admin --email you@example.com\n",
        );
        if let Ok(Some(token)) =
            hanse_identity::admin::issue_setup_token(&identity.db, &config.identity).await
        {
            let hours = config.identity.setup_hours;
            text.push_str(&format!(
                "  or, once and within {hours} hours, with\n    curl {scheme}://{public}/auth/setup -H \
                 'content-type: application/json' \\\n      -d '{{\"token\":\"{token}\",\"email\":\"you@example.com\",\
                 \"password\":\"…\",\"name\":\"You\"}}'\n"
            ));
        }
    }
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).ok();
    tracing::info!(%public, %ops, services = names.join(","), "ready");
}
