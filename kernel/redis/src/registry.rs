//! Which instances serve what.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

use crate::instance::{Instance, Known, Seen};
use crate::keeper::REGISTERED;
use crate::link::{Redis, Trouble};
use crate::script::Lua;

/// Instances of one service at most; more is not believed.
const MOST: usize = 1024;
/// Bytes in which an instance describes itself.
const LARGEST: usize = 4096;
/// How long Redis knows those that are gone, in lapses.
const GONE_KNOWN: u32 = 10;

static ANNOUNCE: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("lua/announce.lua")));
static WITHDRAW: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("lua/withdraw.lua")));
static LIST: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("lua/instances.lua")));

/// The registry of services: who announces itself is seen by those who watch, until it withdraws or
/// its heartbeats end. Clones share it.
///
/// Watchers hear of a new or leaving instance at once, of a dead one after a lapse. While Redis is
/// away, and after it came back with less than it knew, they keep what they know: see `Known`. An
/// address in a list is a hint that somebody served there; whether he still does, only asking tells.
#[derive(Clone)]
pub struct Registry {
    shared: Arc<Shared>,
    _beating: Arc<Beating>,
}

struct Shared {
    redis: Redis,
    lapse: Duration,
    announced: Mutex<BTreeMap<String, Instance>>,
    watched: Mutex<BTreeMap<String, Watched>>,
    wake: Notify,
}

/// A service whose instances somebody wants to know.
#[derive(Default)]
struct Watched {
    known: Known,
    list: watch::Sender<Vec<Instance>>,
}

/// Ends the background task with the last clone.
struct Beating(AbortHandle);

impl Drop for Beating {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// An instance that is announced. Dropped without [`Announcement::withdraw`], it lapses.
#[must_use = "the instance lapses when this is dropped"]
pub struct Announcement {
    shared: Arc<Shared>,
    instance: Instance,
}

impl Registry {
    /// A registry in this Redis. An instance without a heartbeat for `lapse` (15 s is a good one)
    /// counts as gone; hearts beat five times as often.
    #[must_use]
    pub fn start(redis: Redis, lapse: Duration) -> Self {
        let shared = Arc::new(Shared {
            redis,
            lapse,
            announced: Mutex::default(),
            watched: Mutex::default(),
            wake: Notify::new(),
        });
        #[expect(clippy::disallowed_methods, reason = "the kernel's own task; it ends with this")]
        let beating = tokio::spawn(beat(Arc::clone(&shared)));
        Self { shared, _beating: Arc::new(Beating(beating.abort_handle())) }
    }

    /// Announces an instance, now and by heartbeats, for as long as the announcement is kept.
    pub fn announce(&self, instance: Instance) -> Announcement {
        lock(&self.shared.announced).insert(instance.id.clone(), instance.clone());
        self.shared.wake.notify_one();
        Announcement { shared: Arc::clone(&self.shared), instance }
    }

    /// The instances of a service, by address; empty until the first answer.
    #[must_use]
    pub fn watch(&self, service: &str) -> watch::Receiver<Vec<Instance>> {
        let mut watched = lock(&self.shared.watched);
        let watched = watched.entry(service.to_owned()).or_default();
        self.shared.wake.notify_one();
        watched.list.subscribe()
    }
}

impl Announcement {
    /// Says goodbye: watchers hear of it at once. Without Redis the instance lapses instead.
    pub async fn withdraw(self) {
        lock(&self.shared.announced).remove(&self.instance.id);
        if let Err(trouble) = self.shared.withdraw(&self.instance).await {
            tracing::debug!(?trouble, "the instance will lapse");
        }
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        lock(&self.shared.announced).remove(&self.instance.id);
    }
}

/// Announces and looks, at every beat, at every change that is heard of, and when Redis is back.
async fn beat(shared: Arc<Shared>) {
    let mut link = shared.redis.inner.link.subscribe();
    loop {
        let connected = link.borrow_and_update().is_some();
        if connected {
            shared.announce_all().await;
            shared.look_all().await;
        }
        tokio::select! {
            () = tokio::time::sleep(shared.lapse / 5) => {}
            () = shared.wake.notified() => {}
            () = shared.redis.inner.registered.notified() => {}
            _ = link.changed() => {}
        }
    }
}

impl Shared {
    async fn announce_all(&self) {
        let announced: Vec<Instance> = lock(&self.announced).values().cloned().collect();
        for instance in announced {
            if let Err(trouble) = self.announce(&instance).await {
                tracing::debug!(service = instance.service, ?trouble, "a heartbeat was missed");
            }
        }
    }

    async fn look_all(&self) {
        let watched: Vec<String> = lock(&self.watched).keys().cloned().collect();
        for service in watched {
            let answering = self.redis.inner.link.borrow().as_ref().map(|link| link.since);
            let (seen, Some(answering)) = (self.look(&service).await, answering) else { continue };
            match seen {
                Ok(seen) => self.tell(&service, seen, answering),
                Err(trouble) => tracing::debug!(service, ?trouble, "the known instances stay"),
            }
        }
    }

    fn tell(&self, service: &str, seen: Vec<Seen>, answering: Instant) {
        let mut watched = lock(&self.watched);
        let Some(Watched { known, list }) = watched.get_mut(service) else { return };
        let now = known.learn(seen, Instant::now(), answering, self.lapse);
        list.send_if_modified(|told| {
            let changed = *told != now;
            *told = now;
            changed
        });
    }

    fn keys(&self, service: &str) -> [String; 2] {
        ["instances", "heartbeats"].map(|kind| self.redis.key(kind, service))
    }

    async fn announce(&self, instance: &Instance) -> Result<(), Trouble> {
        let json = serde_json::to_string(instance).map_err(|_| Trouble::Unusable)?;
        let [instances, heartbeats] = self.keys(&instance.service);
        let call = ANNOUNCE.on([&instances, &heartbeats]).arg(&instance.id).arg(json);
        let call = call.arg(millis(self.lapse)).arg(millis(self.lapse * GONE_KNOWN));
        let call = call.arg(self.channel());
        self.redis.ask(async |connection| call.ask::<i64>(connection).await).await.map(drop)
    }

    async fn withdraw(&self, instance: &Instance) -> Result<(), Trouble> {
        let [instances, heartbeats] = self.keys(&instance.service);
        let call = WITHDRAW.on([&instances, &heartbeats]).arg(&instance.id);
        let call = call.arg(millis(self.lapse * GONE_KNOWN)).arg(self.channel());
        self.redis.ask(async |connection| call.ask::<i64>(connection).await).await.map(drop)
    }

    async fn look(&self, service: &str) -> Result<Vec<Seen>, Trouble> {
        let [instances, heartbeats] = self.keys(service);
        let call = LIST.on([&instances, &heartbeats]).arg(MOST).arg(LARGEST);
        let found: Vec<(Vec<u8>, i64, Vec<u8>)> =
            self.redis.ask(async |c| call.ask(c).await).await?;
        Ok(found.iter().filter_map(|(id, state, json)| seen(service, id, *state, json)).collect())
    }

    fn channel(&self) -> String {
        format!("{}:{REGISTERED}", self.redis.inner.prefix)
    }
}

/// What one entry means; `None` when it cannot be one of ours.
fn seen(service: &str, id: &[u8], state: i64, json: &[u8]) -> Option<Seen> {
    let id = str::from_utf8(id).ok()?;
    match state {
        1 => {
            let instance: Instance = serde_json::from_slice(json).ok()?;
            let its_own = instance.id == id && instance.service == service;
            its_own.then_some(Seen::Alive(instance))
        }
        0 => Some(Seen::Lapsed(id.to_owned())),
        _ => Some(Seen::Left(id.to_owned())),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("lapse", &self.shared.lapse).finish_non_exhaustive()
    }
}
