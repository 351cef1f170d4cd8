//! The task that makes the connection, listens on it, and makes it again.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use hanse_telemetry::metrics::{Counter, Gauge};
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo, ProtocolVersion, PushInfo,
    PushKind, RedisError, TlsCertificates, Value,
};

use crate::config::RedisConfig;
use crate::link::{Inner, Link, Trouble};

/// How long a connection may take to be made; nobody waits for it.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// How often Redis is asked whether it is still there.
const EVERY: Duration = Duration::from_secs(1);
/// The pauses between attempts double from this …
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// … to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// The channel on which processes tell each other which values are out of date.
pub(crate) const INVALIDATED: &str = "invalidated";
/// The channel on which they tell each other that an instance came or left.
pub(crate) const REGISTERED: &str = "registered";

/// A client that speaks RESP3, in which messages arrive on the connection that answers questions:
/// what was said first is heard first.
pub(crate) fn client(config: &RedisConfig) -> Result<Client, RedisError> {
    let info = config.url.as_str().into_connection_info()?;
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    let encrypted = matches!(info.addr(), ConnectionAddr::TcpTls { .. });
    let info = info.set_redis_settings(settings);
    if !encrypted {
        return Client::open(info);
    }
    // The library takes the process's own.
    hanse_tls::provider();
    let read = |path: &str| std::fs::read(path).map_err(RedisError::from);
    let root_cert = Some(&config.ca_file).filter(|path| !path.is_empty());
    let root_cert = root_cert.map(|path| read(path)).transpose()?;
    Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert })
}

/// Keeps a connection for as long as it is not aborted.
pub(crate) async fn keep(inner: Arc<Inner>, connected: Gauge, losses: Counter) {
    let spread = RandomState::new();
    let (mut number, mut pause) = (0, FIRST_PAUSE);
    loop {
        number += 1;
        let attempt = tokio::time::timeout(CONNECT_WITHIN, link(&inner, number)).await;
        let cause = match attempt {
            Ok(Ok(link)) => {
                pause = FIRST_PAUSE;
                tracing::info!("redis is connected");
                connected.set(1);
                watch(&inner, link).await;
                connected.set(0);
                losses.inc();
                let cause = inner.cause.borrow().clone().unwrap_or_default();
                tracing::warn!(cause, "redis is lost; going on without it");
                continue;
            }
            Ok(Err(Trouble::Failed(error))) => error.to_string(),
            Ok(Err(trouble)) => trouble.to_string(),
            Err(_) => "it does not answer".to_owned(),
        };
        tracing::debug!(cause, "redis cannot be reached");
        inner.cause.send_replace(Some(cause));
        // Processes that lost it together do not come back together.
        let jitter = spread.hash_one(number) % 128;
        tokio::time::sleep(pause + pause.mul_f64(jitter as f64 / 256.0)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// A connection over which nobody is told what was dropped here in the meantime.
async fn link(inner: &Arc<Inner>, number: u64) -> Result<Link, Trouble> {
    let connection = connect(inner, number).await.map_err(Trouble::Failed)?;
    let mut link = Link { connection, since: Instant::now(), number };
    inner.note_answer();
    inner.invalidations.deliver(inner, &mut link).await?;
    Ok(link)
}

/// A connection that answers and on which nothing that others say is missed.
async fn connect(inner: &Arc<Inner>, number: u64) -> Result<MultiplexedConnection, RedisError> {
    let listener = Arc::downgrade(inner);
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        // The deadline of each question is kept in `Inner::ask`.
        .set_response_timeout(None)
        .set_push_sender(move |push: PushInfo| {
            hear(&listener, number, push);
            Ok::<(), ()>(())
        });
    let mut connection = inner.client.get_multiplexed_async_connection_with_config(&config).await?;
    for channel in [INVALIDATED, REGISTERED] {
        connection.subscribe(format!("{}:{channel}", inner.prefix)).await?;
    }
    // What was dropped while nobody listened is not known: nothing from before counts.
    inner.invalidations.forget_all();
    Ok(connection)
}

/// Hands the connection out and asks from time to time, until it is given up.
async fn watch(inner: &Arc<Inner>, mut link: Link) {
    let number = link.number;
    let mut current = inner.link.subscribe();
    inner.link.send_replace(Some(link.clone()));
    inner.cause.send_replace(None);
    let lost = async {
        let other = |now: &Option<Link>| now.as_ref().is_none_or(|now| now.number != number);
        current.wait_for(other).await.map(drop).ok();
    };
    let ask = async {
        loop {
            tokio::time::sleep(EVERY).await;
            let ping = async |connection: &mut MultiplexedConnection| {
                redis::cmd("PING").query_async::<Value>(connection).await
            };
            inner.ask(&mut link, ping).await.ok();
            inner.invalidations.deliver(inner, &mut link).await.ok();
        }
    };
    tokio::select! {
        () = lost => {}
        () = ask => {}
    }
}

/// Runs where the connection is read, in the order of what Redis sent.
fn hear(inner: &Weak<Inner>, number: u64, push: PushInfo) {
    let Some(inner) = inner.upgrade() else { return };
    match push.kind {
        PushKind::Disconnection => inner.lose(number, "it closed the connection"),
        PushKind::Message => {
            let Some([Value::BulkString(channel), Value::BulkString(message)]) =
                push.data.first_chunk()
            else {
                return;
            };
            if channel.ends_with(INVALIDATED.as_bytes()) {
                inner.invalidations.hear(message);
            } else {
                inner.registered.notify_one();
            }
        }
        _ => {}
    }
}
