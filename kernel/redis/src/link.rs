//! The connection: shared by everybody, or not there.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hanse_telemetry::metrics::{Counter, Family, Metrics};
use redis::aio::MultiplexedConnection;
use redis::{Client, RedisError};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

use crate::config::RedisConfig;
use crate::invalidation::Invalidations;
use crate::keeper;

/// Redis did not answer, or not in a way that can be used. The caller goes on without it.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// There is no connection; nobody was asked and no time was lost.
    #[error("redis is not connected")]
    Lost,
    /// No answer within the deadline. Whether the question took effect is not known.
    #[error("redis did not answer in time")]
    Late,
    /// Redis or the connection to it failed.
    #[error("redis failed")]
    Failed(#[source] RedisError),
    /// An answer of another shape than the question asks for.
    #[error("redis gave an answer that cannot be used")]
    Unusable,
}

/// How things stand with Redis, for an operator. Losing it makes a process degraded, not unready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Is there a connection that answers?
    pub connected: bool,
    /// Why not, in words for an operator.
    pub cause: Option<String>,
}

/// One connection to Redis, shared by all clones, made and made again in the background.
///
/// The connection is the circuit: while it is there, questions go over it, each with the deadline;
/// when it breaks, or when nothing was answered for two deadlines, it is thrown away, and from then
/// on nobody asks and nobody waits. A task of its own connects again, at once and then at growing
/// intervals, and hands the connection out only when Redis has answered on it. The same task asks
/// once a second, so that a silent Redis is noticed without requests too.
#[derive(Clone)]
pub struct Redis {
    pub(crate) inner: Arc<Inner>,
    _keeper: Arc<Keeper>,
}

pub(crate) struct Inner {
    pub(crate) client: Client,
    pub(crate) prefix: Box<str>,
    pub(crate) deadline: Duration,
    pub(crate) link: watch::Sender<Option<Link>>,
    pub(crate) cause: watch::Sender<Option<String>>,
    pub(crate) invalidations: Invalidations,
    /// Somebody announced or withdrew an instance.
    pub(crate) registered: Notify,
    /// When Redis last answered, in milliseconds since `start`.
    answered: AtomicU64,
    start: Instant,
    outcomes: Outcomes,
}

/// A connection that has answered.
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) connection: MultiplexedConnection,
    pub(crate) since: Instant,
    pub(crate) number: u64,
}

struct Outcomes {
    answered: Counter,
    late: Counter,
    failed: Counter,
    skipped: Counter,
}

impl Outcomes {
    fn of(calls: &Family<Counter>) -> Self {
        let [answered, late, failed, skipped] =
            ["answered", "late", "failed", "skipped"].map(|outcome| calls.with(outcome));
        Self { answered, late, failed, skipped }
    }
}

/// Ends the background task with the last clone.
struct Keeper(AbortHandle);

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Redis {
    /// Starts connecting, on the runtime of the caller, which should be the one that serves
    /// requests. It does not wait: a process starts whether Redis is there or not.
    ///
    /// # Errors
    /// [`Trouble::Failed`] when the url is none or its authorities cannot be read; see [`RedisConfig::mistakes`].
    pub fn start(config: &RedisConfig, metrics: &Metrics) -> Result<Self, Trouble> {
        let calls = metrics.family_counter("redis_calls", "Questions to Redis", "outcome");
        let inner = Arc::new(Inner {
            client: keeper::client(config).map_err(Trouble::Failed)?,
            prefix: config.prefix.as_str().into(),
            deadline: config.deadline(),
            link: watch::Sender::new(None),
            cause: watch::Sender::new(Some("not connected yet".to_owned())),
            invalidations: Invalidations::default(),
            registered: Notify::new(),
            answered: AtomicU64::new(0),
            start: Instant::now(),
            outcomes: Outcomes::of(&calls),
        });
        #[expect(clippy::disallowed_methods, reason = "the kernel's own task; it ends with Redis")]
        let keeper = tokio::spawn(keeper::keep(
            Arc::clone(&inner),
            metrics.gauge("redis_connected", "1 while Redis answers"),
            metrics.counter("redis_losses", "Connections to Redis that were given up"),
        ));
        Ok(Self { inner, _keeper: Arc::new(Keeper(keeper.abort_handle())) })
    }

    /// How things stand, without asking.
    #[must_use]
    pub fn health(&self) -> Health {
        let connected = self.inner.link.borrow().is_some();
        let cause = if connected { None } else { self.inner.cause.borrow().clone() };
        Health { connected, cause }
    }

    /// Waits until there is a connection (`true`) or none (`false`).
    pub async fn until(&self, connected: bool) {
        let mut link = self.inner.link.subscribe();
        link.wait_for(|link| link.is_some() == connected).await.ok();
    }

    /// The full name of a key.
    pub(crate) fn key(&self, kind: &str, name: &str) -> String {
        format!("{}:{kind}:{name}", self.inner.prefix)
    }

    /// Asks over the shared connection, within the deadline.
    pub(crate) async fn ask<T, F>(&self, question: F) -> Result<T, Trouble>
    where
        F: AsyncFnOnce(&mut MultiplexedConnection) -> Result<T, RedisError>,
    {
        let link = self.inner.link.borrow().clone();
        let Some(mut link) = link else {
            self.inner.outcomes.skipped.inc();
            return Err(Trouble::Lost);
        };
        self.inner.ask(&mut link, question).await
    }
}

impl Inner {
    pub(crate) async fn ask<T, F>(&self, link: &mut Link, question: F) -> Result<T, Trouble>
    where
        F: AsyncFnOnce(&mut MultiplexedConnection) -> Result<T, RedisError>,
    {
        match tokio::time::timeout(self.deadline, question(&mut link.connection)).await {
            Ok(Ok(answer)) => {
                self.note_answer();
                self.outcomes.answered.inc();
                Ok(answer)
            }
            Ok(Err(error)) => {
                self.outcomes.failed.inc();
                if error.is_io_error() || error.is_unrecoverable_error() {
                    self.lose(link.number, &error.to_string());
                }
                Err(Trouble::Failed(error))
            }
            Err(_) => {
                self.outcomes.late.inc();
                if self.silence() >= self.deadline * 2 {
                    self.lose(link.number, "it does not answer");
                }
                Err(Trouble::Late)
            }
        }
    }

    pub(crate) fn note_answer(&self) {
        self.answered.fetch_max(self.elapsed(), Ordering::Relaxed);
    }

    fn silence(&self) -> Duration {
        let answered = self.answered.load(Ordering::Relaxed);
        Duration::from_millis(self.elapsed().saturating_sub(answered))
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Gives up the connection of this number; a newer one stays.
    pub(crate) fn lose(&self, number: u64, cause: &str) {
        self.link.send_if_modified(|link| {
            let lost = link.as_ref().is_some_and(|link| link.number == number);
            if lost {
                self.cause.send_replace(Some(cause.to_owned()));
                *link = None;
                // What others drop from now on is not heard here. Nobody may see the one without
                // the other, so it is done before anybody sees that the connection is gone.
                self.invalidations.forget_all();
            }
            lost
        });
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("prefix", &self.inner.prefix).finish_non_exhaustive()
    }
}
