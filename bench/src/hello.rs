//! A bare axum server: what the machine, the network stack and hyper cost without us.

use std::net::Ipv4Addr;

use anyhow::Context;
use axum::Router;
use axum::routing::get;
use axum::serve::ListenerExt;

/// Serves `GET /` on loopback until the process is ended.
pub fn serve(port: u16) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
        let listener = listener.with_context(|| format!("port {port} cannot be used"))?;
        // The platform's server does the same; without it the comparison would flatter us. An
        // error here means the peer has gone, which the first read will find out.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let router = Router::new().route("/", get(async || "Hello"));
        axum::serve(listener, router).await.context("serving")
    })
}
