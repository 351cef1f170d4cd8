//! Build, bind, start, drain.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use hanse_gateway::{Documents, Gateway, LimitsConfig, Router, Rules};
use hanse_http::server;
use hanse_runtime::OpsFront;
use hanse_upstream::Upstream;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::compose::{self, DataFolder, Shared};
use crate::config::{Config, Loaded, toml_text};
use crate::trust::Follower;

include!(concat!(env!("OUT_DIR"), "/error_pages.rs"));

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
    let background = Background(Some(hanse_runtime::background_runtime()?));
    let kafka = compose::kafka(config, &shared, background.handle()?);
    let platform = Arc::new(compose::platform(config, &shared, kafka.as_ref()).await?);
    let is_gateway = config.serves("gateway");
    let peers = compose::elsewhere(config, &platform, &shared);
    compose::complete(config, &platform, &peers)?;
    let draining = Arc::new(AtomicBool::new(false));
    let follower =
        peers.iter().find(|(outline, _)| outline.service() == "identity").map(|(_, identity)| {
            let (verifier, key) = (shared.verifier.clone(), shared.peer_key());
            let clock = shared.ids.clock().clone();
            Arc::new(Follower::new(identity.clone(), verifier, key, clock))
        });
    let named = hanse_gateway::upstreams(&config.gateway.upstreams, &shared.metrics);
    let upstreams: Vec<Upstream> =
        peers.iter().map(|(_, upstream)| upstream).chain(named.values()).cloned().collect();
    let served = platform.cells().iter().map(|cell| &cell.routes);
    // A process without the gateway is behind one: it serves what is here, by no budgets of its own.
    let mut outlines = compose::outlines();
    if !is_gateway {
        outlines.retain(|outline| platform.cell(outline.service()).is_some());
    }
    let openapi = compose::openapi(&outlines);
    let (router, limits) = if is_gateway {
        let router = Router::new(served, peers)?;
        router.replace_rules(Rules::new(&config.gateway.routes, &named));
        (router, config.limits.clone())
    } else {
        let limits = LimitsConfig { enabled: false, ..config.limits.clone() };
        (Router::new(served, [])?, limits)
    };
    let edge = shared.edge(config);
    let mut gateway = Gateway::new(
        edge.clone(),
        router,
        &config.gateway,
        &limits,
        Documents::new(&openapi, ERROR_PAGES)
            .with_services(outlines.iter().map(|it| (it.service(), compose::openapi([it])))),
        readiness(&platform, &draining, follower.clone()),
    );
    let redis = compose::redis(config, &shared)?;
    if let Some(redis) = &redis {
        gateway = gateway.counting_together(&limits, &compose::together(redis, &shared));
    }
    let shown = upstreams.clone();
    let view = move || {
        let items: Vec<_> = shown.iter().map(Upstream::view).collect();
        serde_json::json!({ "items": items })
    };
    let ops = OpsFront::new(edge, Arc::clone(&platform), Arc::clone(&draining));
    let mut ops = ops.show("/upstreams", view);
    if let Some(follower) = follower.clone() {
        ops = ops.need("identity's word on tokens", true, move || {
            (!follower.ready()).then(|| "identity has not answered yet".to_owned())
        });
    }
    if let Some(kafka) = kafka.clone() {
        ops = ops.need("kafka", false, move || kafka.unavailable());
    }
    if let Some(redis) = redis {
        ops = ops.need("redis", false, move || {
            let health = redis.health();
            (!health.connected).then(|| health.cause.unwrap_or_default())
        });
    }
    let mut supervisor = platform.start(background.handle()?);
    for upstream in upstreams {
        supervisor.run("upstream", move || {
            let upstream = upstream.clone();
            async move { upstream.run().await }
        });
    }
    if let Some(follower) = follower {
        supervisor.run("trust", move || {
            let follower = Arc::clone(&follower);
            async move { follower.run().await }
        });
    }
    let (stop, stopped) = watch::channel(false);
    let limits = server::Limits {
        connections: config.server.connections,
        connections_per_address: config.server.connections_per_address,
        drain_time: Duration::from_secs(config.server.drain_seconds.into()),
        ..server::Limits::default()
    };
    let ops_limits = server::Limits { connections: 256, ..limits };
    let public_address = listener.local_addr()?;
    let ops_address = ops_listener.local_addr()?;
    let public = server::serve(
        listener,
        Arc::new(gateway),
        limits,
        shared.metrics.clone(),
        stop_signal(stopped.clone()),
    );
    let operations = server::serve(
        ops_listener,
        Arc::new(ops),
        ops_limits,
        shared.metrics.clone(),
        stop_signal(stopped),
    );
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
    if let Some(kafka) = kafka {
        let patience = Duration::from_secs(config.server.drain_seconds.into());
        if tokio::time::timeout(patience, kafka.stop()).await.is_err() {
            tracing::warn!("the broker did not let go in time; another replica takes over later");
        }
    }
    supervisor.stop().await;
    drop(background);
    // The stores fold their logs in when the last reference goes.
    drop(platform);
    tracing::info!("stopped");
    drop((folder, guard));
    Ok(ExitCode::SUCCESS)
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

/// Can requests be served? Asked often and without a token, so it only looks at flags.
fn readiness(
    platform: &Arc<hanse_runtime::Platform>,
    draining: &Arc<AtomicBool>,
    follower: Option<Arc<Follower>>,
) -> Arc<dyn Fn() -> bool + Send + Sync> {
    let draining = Arc::clone(draining);
    let stores: Vec<_> = platform.cells().iter().map(|cell| cell.db.clone()).collect();
    Arc::new(move || {
        !draining.load(Ordering::Acquire)
            && follower.as_ref().is_none_or(|follower| follower.ready())
            && !stores.iter().any(hanse_store::Db::stopped)
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
