//! A bare hyper proxy: what the libraries cost without us, as `hello` says it for answers.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context;
use http_body_util::{Either, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::http::uri::{Authority, Parts, Scheme};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

type Passed = Either<Incoming, Empty<Bytes>>;

/// Passes everything on to `upstream` by kept connections, and checks, limits, counts and logs nothing.
pub fn serve(port: u16, upstream: SocketAddr) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
        let listener = listener.with_context(|| format!("port {port} cannot be used"))?;
        let authority = Authority::try_from(upstream.to_string())?;
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let (client, authority) = (client.clone(), authority.clone());
            tokio::spawn(async move {
                let service = service_fn(|request| pass(&client, &authority, request));
                // A broken connection is the client's business.
                drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
            });
        }
    })
}

async fn pass(
    client: &Client<HttpConnector, Incoming>,
    authority: &Authority,
    mut request: Request<Incoming>,
) -> Result<Response<Passed>, Infallible> {
    let mut address = Parts::default();
    address.scheme = Some(Scheme::HTTP);
    address.authority = Some(authority.clone());
    address.path_and_query = request.uri().path_and_query().cloned();
    let Ok(address) = Uri::from_parts(address) else {
        return Ok(failed(StatusCode::BAD_REQUEST));
    };
    *request.uri_mut() = address;
    Ok(match client.request(request).await {
        Ok(response) => response.map(Either::Left),
        Err(_) => failed(StatusCode::BAD_GATEWAY),
    })
}

fn failed(status: StatusCode) -> Response<Passed> {
    let mut response = Response::new(Either::Right(Empty::new()));
    *response.status_mut() = status;
    response
}
