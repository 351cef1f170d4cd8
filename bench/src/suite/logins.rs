//! Passwords are slow on purpose; others must not feel it (OVL-04).

use super::report::Figure;
use super::{Bench, milliseconds};
use crate::client;
use crate::load::{Target, closed_loop, open_loop};
use crate::process::Server;

const CONCURRENT: usize = 8;
const READS: u32 = 200;
const READ_CONNECTIONS: usize = 16;

pub async fn measure(bench: &Bench<'_>) -> anyhow::Result<Vec<Figure>> {
    let server = Server::start(&bench.setup("logins")).await?;
    let users = client::register(server.address, "logins", CONCURRENT).await?;
    let reads = client::thoughts(server.address, &users, 20).await?;
    server.quiet().await?;
    let logins = Target::new(server.address, users.iter().map(client::login).collect());
    let reads = Target::new(server.address, reads);
    let (logins, reads) = tokio::try_join!(
        closed_loop(logins, CONCURRENT, bench.time),
        open_loop(reads, READ_CONNECTIONS, READS, bench.time)
    )?;
    let (logins, reads) = (logins.without_failures()?, reads.without_failures()?);
    server.stop().await?;
    let p99 = milliseconds(reads.latency.quantile(0.99));
    Ok(vec![
        Figure::at_least("password logins", logins.rate(), 30.0, "/s", logins.to_string()),
        Figure::at_most("reads beside them, p99 at 200/s", p99, 100.0, "ms", reads.to_string()),
    ])
}
