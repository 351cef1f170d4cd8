//! Build, bind, start, drain.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use hanse_gateway::{Documents, Gateway, Router, Rules};
use hanse_http::server;
use hanse_runtime::{OpsFront, Supervisor};
use hanse_upstream::Upstream;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::compose::{self, DataFolder, Shared};
use crate::config::{Config, Loaded, toml_text};

include!(concat!(env!("OUT_DIR"), "/error_pages.rs"));

/// How often identity is asked for its keys, where it is another process.
const KEYS_EVERY: Duration = Duration::from_secs(30);

/// Options of `serve`.
#[derive(Args, Clone, Default)]
#[command(
    after_help = "Stops on SIGTERM or Ctrl-C: it says \"not ready\", finishes what is under way, and exits 0.\n\nExamples:\n  hanse serve\n  hanse serve --listen 0.0.0.0:8080 --data /srv/hanse\n  hanse serve --set log.format=json --set server.public_url=https://hanse.example.com"
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
    let listener = bind(config.server.listen, "server.listen", "--listen").await?;
    let ops_listener = bind(config.server.ops, "server.ops", "--ops").await?;
    let shared = Shared::new(&loaded)?;
    let platform = Arc::new(compose::platform(config, &shared).await?);
    if let Some(error) = platform.missing_peers().into_iter().next() {
        return Err(error.into());
    }
    let draining = Arc::new(AtomicBool::new(false));
    let (router, upstreams) = routing(config, &platform, &shared)?;
    let openapi = compose::openapi(&compose::outlines());
    let edge = shared.edge(config);
    let gateway = Arc::new(Gateway::new(
        edge.clone(),
        router,
        &config.gateway,
        &config.limits,
        Documents::new(&openapi, ERROR_PAGES),
        readiness(&platform, &draining),
    ));
    let ops = OpsFront::new(edge, Arc::clone(&platform), Arc::clone(&draining));
    let ops = Arc::new(ops.show("/upstreams", view(&upstreams)));
    let background = hanse_runtime::background_runtime()?;
    let mut supervisor = platform.start(background.handle().clone());
    keep_current(&mut supervisor, upstreams, &platform, &shared);
    let (stop, stopped) = watch::channel(false);
    let limits = server::Limits {
        connections: config.server.connections,
        drain_time: Duration::from_secs(config.server.drain_seconds.into()),
        ..server::Limits::default()
    };
    let ops_limits = server::Limits { connections: 256, ..limits };
    let public_address = listener.local_addr()?;
    let ops_address = ops_listener.local_addr()?;
    let public = server::serve(
        listener,
        gateway,
        limits,
        shared.metrics.clone(),
        stop_signal(stopped.clone()),
    );
    let operations =
        server::serve(ops_listener, ops, ops_limits, shared.metrics.clone(), stop_signal(stopped));
    // Whoever reads that it is ready may ask it to stop at once.
    let asked_to_stop = stop_request()?;
    announce(config, &platform, public_address, ops_address, started).await;
    let drain = async {
        asked_to_stop.await;
        tracing::info!("stopping: not ready any more, finishing what is under way");
        draining.store(true, Ordering::Release);
        tokio::time::sleep(Duration::from_secs(config.server.drain_delay_seconds.into())).await;
        stop.send_replace(true);
    };
    tokio::join!(public, operations, drain);
    supervisor.stop().await;
    background.shutdown_background();
    // The stores fold their logs in when the last reference goes.
    drop(platform);
    tracing::info!("stopped");
    drop((folder, guard));
    Ok(ExitCode::SUCCESS)
}

/// The way of requests, and the pools that reach what is not here.
fn routing(
    config: &Config,
    platform: &hanse_runtime::Platform,
    shared: &Shared,
) -> anyhow::Result<(Router, Vec<Upstream>)> {
    let peers = compose::elsewhere(config, platform, shared);
    let named = hanse_gateway::upstreams(&config.gateway.upstreams, &shared.metrics);
    let pools = peers.iter().map(|(_, upstream)| upstream).chain(named.values()).cloned().collect();
    let router = Router::new(platform.cells().iter().map(|cell| &cell.routes), peers)?;
    router.replace_rules(Rules::new(&config.gateway.routes, &named));
    Ok((router, pools))
}

/// What operators see of the pools.
fn view(upstreams: &[Upstream]) -> impl Fn() -> serde_json::Value + Send + Sync + use<> {
    let shown = upstreams.to_vec();
    move || {
        let items: Vec<_> = shown.iter().map(Upstream::view).collect();
        serde_json::json!({ "items": items })
    }
}

/// Runs the upkeep of the pools and, where identity is elsewhere, follows its keys.
fn keep_current(
    supervisor: &mut Supervisor,
    upstreams: Vec<Upstream>,
    platform: &hanse_runtime::Platform,
    shared: &Shared,
) {
    let identity = upstreams.iter().find(|upstream| upstream.name() == "identity").cloned();
    if let Some(identity) = identity.filter(|_| platform.cell("identity").is_none()) {
        let verifier = shared.verifier.clone();
        supervisor.run("keys", move || {
            let (identity, verifier) = (identity.clone(), verifier.clone());
            async move { hanse_upstream::follow_keys(&identity, &verifier, KEYS_EVERY).await }
        });
    }
    for upstream in upstreams {
        supervisor.run("upstream", move || {
            let upstream = upstream.clone();
            async move { upstream.run().await }
        });
    }
}

/// Can requests be served? Asked often and without a token, so it only looks at flags.
fn readiness(
    platform: &Arc<hanse_runtime::Platform>,
    draining: &Arc<AtomicBool>,
) -> Arc<dyn Fn() -> bool + Send + Sync> {
    let draining = Arc::clone(draining);
    let stores: Vec<_> = platform.cells().iter().map(|cell| cell.db.clone()).collect();
    Arc::new(move || {
        !draining.load(Ordering::Acquire) && !stores.iter().any(hanse_store::Db::stopped)
    })
}

async fn bind(address: SocketAddr, key: &str, flag: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
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
    public: SocketAddr,
    ops: SocketAddr,
    started: Instant,
) {
    let names: Vec<&str> = platform.cells().iter().map(|cell| cell.name).collect();
    let mut text = format!(
        "hanse {version} is ready after {ms} ms\n  public      http://{public}   (documents at /docs)\n  \
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
                "  or, once and within {hours} hours, with\n    curl http://{public}/auth/setup -H \
                 'content-type: application/json' \\\n      -d '{{\"token\":\"{token}\",\"email\":\"you@example.com\",\
                 \"password\":\"…\",\"name\":\"You\"}}'\n"
            ));
        }
    }
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).ok();
    tracing::info!(%public, %ops, services = names.join(","), "ready");
}
