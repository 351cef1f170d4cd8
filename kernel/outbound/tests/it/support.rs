//! A server that says what it is told to, and names that change their mind.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::Mutex;

use bytes::Bytes;
use hanse_outbound::{LookUp, Names, Outbound, OutboundConfig, OutboundError};
use http::{Request, Response};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A listener on this loopback address that hands each connection, with the request's head read, to `serve`.
pub async fn server<F, Fut>(ip: &str, serve: F) -> SocketAddr
where
    F: Fn(String, TcpStream) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind((ip, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                match stream.read_u8().await {
                    Ok(byte) => head.push(byte),
                    Err(_) => break,
                }
            }
            tokio::spawn(serve(String::from_utf8(head).unwrap(), stream));
        }
    });
    address
}

/// A server that always sends these bytes and closes.
pub async fn sends(ip: &str, answer: &'static str) -> SocketAddr {
    server(ip, move |_, mut stream| async move {
        stream.write_all(answer.as_bytes()).await.ok();
    })
    .await
}

/// A client that may reach this network.
pub fn client(allow: &[&str]) -> Outbound {
    Outbound::new(&config(allow)).unwrap()
}

pub fn config(allow: &[&str]) -> OutboundConfig {
    let allow = allow.iter().map(|text| (*text).to_owned()).collect();
    OutboundConfig { allow, time_ms: 2_000, largest_answer: 10_000, ..OutboundConfig::default() }
}

pub async fn get(client: &Outbound, url: &str) -> Result<Response<Bytes>, OutboundError> {
    client.send(Request::get(url).body(Bytes::new()).unwrap()).await
}

/// A name that leads somewhere else each time it is asked for.
#[derive(Clone, Default)]
pub struct Changing(pub Arc<Mutex<VecDeque<Vec<IpAddr>>>>);

impl Names for Changing {
    fn look_up<'a>(&'a self, _: &'a str) -> LookUp<'a> {
        let next = self.0.lock().unwrap().pop_front();
        Box::pin(async move { next.ok_or_else(|| io::ErrorKind::NotFound.into()) })
    }
}
