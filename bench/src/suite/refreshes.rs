//! Sessions move on: every refresh takes the token of the one before, and is stored durably.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::report::Figure;
use super::{Bench, milliseconds};
use crate::client;
use crate::histogram::Histogram;
use crate::process::Server;
use crate::wire::Connection;

const SESSIONS: usize = 64;
const WARM_UP: Duration = Duration::from_secs(1);

pub async fn measure(bench: &Bench<'_>) -> anyhow::Result<Vec<Figure>> {
    let mut setup = bench.setup("refreshes");
    // More people than one address may register in an hour.
    setup.settings.push("identity.limit_sign_ins=false".to_owned());
    let server = Server::start(&setup).await?;
    let users = client::register(server.address, "refreshes", SESSIONS).await?;
    server.quiet().await?;
    let latency = Arc::new(Histogram::new());
    let start = Instant::now() + WARM_UP;
    let end = start + bench.time;
    let mut sessions = JoinSet::new();
    for user in users {
        let (address, latency) = (server.address, Arc::clone(&latency));
        sessions.spawn(async move {
            let mut connection = Connection::open(address).await?;
            let mut token = user.refresh;
            loop {
                let sent = Instant::now();
                if sent >= end {
                    return anyhow::Ok(());
                }
                token = client::refresh(&mut connection, &token).await?;
                if sent >= start {
                    latency.record(sent.elapsed());
                }
            }
        });
    }
    while let Some(session) = sessions.join_next().await {
        session??;
    }
    server.stop().await?;
    let rate = latency.count() as f64 / bench.time.as_secs_f64();
    let [p50, p99] = [0.5, 0.99].map(|share| milliseconds(latency.quantile(share)));
    let detail = format!("{SESSIONS} sessions, p50 {p50:.2} ms, p99 {p99:.2} ms, none failed");
    Ok(vec![Figure::at_least("refreshes of sessions", rate, 2500.0, "/s", detail)])
}
