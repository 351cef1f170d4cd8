//! One request and one answer on a connection of their own.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_ENCODING, HOST, HeaderValue, TRANSFER_ENCODING};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::error::OutboundError;
use crate::target::Target;

/// Addresses of a name that are tried.
const TRIED: usize = 3;
/// Time for each.
const CONNECT: Duration = Duration::from_secs(3);
/// Largest head of an answer, in bytes.
const LARGEST_HEAD: usize = 64 * 1024;

/// Connects to the first of these judged addresses that answers.
pub(crate) async fn connect(addresses: &[IpAddr], port: u16) -> Result<TcpStream, OutboundError> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for ip in addresses.iter().take(TRIED) {
        let address = SocketAddr::new(*ip, port);
        match tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(OutboundError::Connect(last))
}

/// Sends the request and reads the answer. The connection ends with it.
pub(crate) async fn exchange<S>(
    stream: S,
    request: Request<Bytes>,
    target: &Target,
    largest: usize,
) -> Result<Response<Bytes>, OutboundError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_buf_size(LARGEST_HEAD)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(OutboundError::Broken)?;
    let request = prepared(request, target)?;
    let mut connection = std::pin::pin!(connection);
    let answer = async {
        let response = sender.send_request(request).await.map_err(OutboundError::Broken)?;
        read(response, largest).await
    };
    let mut answer = std::pin::pin!(answer);
    tokio::select! {
        answer = answer.as_mut() => return answer,
        _ = connection.as_mut() => {}
    }
    // The connection has ended, perhaps just after it brought the answer.
    answer.await
}

fn prepared(
    request: Request<Bytes>,
    target: &Target,
) -> Result<Request<Full<Bytes>>, OutboundError> {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let wrong = || OutboundError::Address("it cannot be read");
    parts.uri = path.parse::<Uri>().map_err(|_| wrong())?;
    parts.headers.remove(TRANSFER_ENCODING);
    parts.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    let host = HeaderValue::try_from(target.authority()).map_err(|_| wrong())?;
    parts.headers.insert(HOST, host);
    Ok(Request::from_parts(parts, Full::new(body)))
}

async fn read(
    response: Response<hyper::body::Incoming>,
    largest: usize,
) -> Result<Response<Bytes>, OutboundError> {
    let (parts, body) = response.into_parts();
    if parts.headers.get(CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(OutboundError::Compressed);
    }
    let body = Limited::new(body, largest).collect().await.map_err(|error| {
        match error.downcast::<hyper::Error>() {
            Ok(error) => OutboundError::Broken(*error),
            Err(_) => OutboundError::TooLarge(largest),
        }
    })?;
    Ok(Response::from_parts(parts, body.to_bytes()))
}
