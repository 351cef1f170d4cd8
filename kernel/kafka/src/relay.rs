//! Publishes one service's log, in commit order, at least once.
//!
//! A step reads a stretch of the log, publishes it, waits for every acknowledgement, and only then
//! moves its position in the service's own database, fenced by the epoch of its lease. A relay that
//! dies in between publishes the stretch again; one that was paused and wakes as a zombie publishes
//! what others have published, and notices when it moves. Consumers drop both (see `sequencer.rs`).

use std::time::Duration;

use futures_util::FutureExt as _;
use hanse_events::{Batch, EmbeddedLog, Log as _, Progress};
use hanse_store::{Db, StoreError, Tx, params};
use hanse_telemetry::metrics::Gauge;
use tokio::sync::Mutex;
use tokio::time::Instant;
use uuid::Uuid;

use crate::error::KafkaError;
use crate::kafka::Kafka;
use crate::lease::Lease;
use crate::producer::{Acks, Producer};
use crate::topics;

/// Events of one step at most.
const BATCH: u32 = 2_000;
/// How often to look when nothing wakes us: another process may have written.
const IDLE: Duration = Duration::from_millis(100);
/// How often to publish at most while there is little: what comes meanwhile goes together. Every step
/// costs two transactions here, a request to the broker, and a transaction of each follower.
const PACE: Duration = Duration::from_millis(20);
/// How soon to look again at a part of the log that is still being written.
const UNSETTLED: Duration = Duration::from_millis(5);
/// Without an acknowledgement for this long the broker counts as away.
const SLOW: Duration = Duration::from_secs(5);
/// After this long the stretch is published again by a new client: one that has lost its way does not
/// keep the log waiting, and records that come twice are dropped by whoever reads.
const GIVEN_UP: Duration = Duration::from_secs(60);
/// A relay that is to stop waits this long for the acknowledgements of its last step.
const FAREWELL: Duration = Duration::from_secs(5);
/// How often the lag is measured.
const MEASURED: Duration = Duration::from_secs(5);

const LAG: &str = "SELECT (SELECT coalesce(max(seq), 0) FROM events)
    - coalesce((SELECT seq FROM kafka_relay WHERE source = $1), 0) AS lag";

/// The relay of one service. Every replica runs one; one of them holds the lease and works.
pub struct Relay {
    kafka: Kafka,
    service: &'static str,
    db: Db,
    log: EmbeddedLog,
    holder: Uuid,
    state: Mutex<State>,
    lag: Gauge,
}

#[derive(Default)]
struct State {
    lease: Option<Lease>,
    producer: Option<Producer>,
    /// What follows a position, read while acknowledgements were under way, when there is much.
    ahead: Option<(i64, Batch)>,
}

impl Relay {
    pub(crate) fn new(kafka: Kafka, service: &'static str, db: Db) -> Self {
        let lag = kafka
            .metrics()
            .family_gauge("relay_lag_events", "Events not published to Kafka yet", "service")
            .with(service);
        let holder = db.ids().new_id();
        let log = EmbeddedLog::new(db.clone());
        Self { kafka, service, db, log, holder, state: Mutex::default(), lag }
    }

    /// Runs until the future is dropped. After [`Kafka::stop`] it finishes its step, lets another
    /// replica go on, and rests.
    pub async fn run(&self) {
        let running = self.kafka.running();
        tokio::select! {
            () = self.work() => {}
            () = self.measure() => {}
        }
        self.release().await;
        drop(running);
        std::future::pending::<()>().await;
    }

    async fn work(&self) {
        let stop = self.kafka.stopping();
        let mut changes = self.log.changes();
        let mut failures = 0u32;
        while !stop.is_cancelled() {
            changes.mark_unchanged();
            let began = Instant::now();
            let wait = match self.step().await {
                Ok(Progress::Moved) => {
                    failures = 0;
                    if self.state.lock().await.ahead.is_none() {
                        tokio::time::sleep_until(began + PACE).await;
                    }
                    continue;
                }
                Ok(Progress::Idle) => IDLE,
                Ok(Progress::Unsettled) => UNSETTLED,
                Err(error) => {
                    failures += 1;
                    self.failed(&error, failures);
                    // Commits do not make the broker come back sooner.
                    tokio::select! {
                        () = tokio::time::sleep(IDLE * 2u32.pow(failures.min(7))) => {}
                        () = stop.cancelled() => {}
                    }
                    continue;
                }
            };
            tokio::select! {
                Ok(()) = changes.changed() => {}
                () = tokio::time::sleep(wait) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Publishes one stretch of the log, if this replica holds the lease or can take it.
    ///
    /// # Errors
    /// The broker's or the store's; the stretch is published again by the next step.
    pub async fn step(&self) -> Result<Progress, KafkaError> {
        let mut state = self.state.lock().await;
        let result = self.advance(&mut state).await;
        if result.is_err() {
            state.ahead = None;
            end(state.producer.take());
        }
        result
    }

    /// Lets another replica go on at once.
    pub async fn release(&self) {
        let mut state = self.state.lock().await;
        state.ahead = None;
        end(state.producer.take());
        if let Some(lease) = state.lease.take()
            && let Err(error) = lease.release(&self.db).await
        {
            let error = &error as &dyn std::error::Error;
            tracing::debug!(service = self.service, error, "the lease could not be released");
        }
    }

    async fn advance(&self, state: &mut State) -> Result<Progress, KafkaError> {
        if !self.hold(state).await? {
            return Ok(Progress::Idle);
        }
        let State { lease: Some(lease), producer, ahead } = state else {
            return Ok(Progress::Idle);
        };
        let from = lease.seq;
        let batch = match ahead.take() {
            Some((after, batch)) if after == from && !batch.events.is_empty() => batch,
            _ => self.log.read(from, BATCH).await?,
        };
        let Some(end) = batch.events.last().map(|event| event.seq) else {
            return Ok(if batch.unsettled { Progress::Unsettled } else { Progress::Idle });
        };
        let producer = match producer {
            Some(producer) => producer,
            None => {
                let topic = topics::ensure(self.kafka.config(), self.service).await?;
                producer.insert(Producer::new(self.kafka.config(), self.service, topic)?)
            }
        };
        let acks = producer.publish(from, &batch.events, self.db.clock().now())?;
        let much = batch.events.len() >= BATCH as usize;
        drop(batch);
        let next = async { if much { self.log.read(end, BATCH).await.ok() } else { None } };
        let (kept, next) = futures_util::join!(self.acknowledged(lease, &acks), next);
        let kept = kept? && lease.advance(&self.db, end).await?;
        if !kept {
            self.lost(state);
            return Ok(Progress::Idle);
        }
        self.kafka.publishing().end();
        *ahead = next.map(|batch| (end, batch));
        Ok(Progress::Moved)
    }

    /// Takes the lease, or renews it when it is time. False when another replica has it.
    async fn hold(&self, state: &mut State) -> Result<bool, KafkaError> {
        if let Some(lease) = &mut state.lease {
            if Instant::now() < lease.renew_at || lease.renew(&self.db).await? {
                return Ok(true);
            }
            self.lost(state);
        }
        state.lease = Lease::take(&self.db, self.holder).await?;
        if let Some(lease) = &state.lease {
            tracing::info!(service = self.service, from = lease.seq, "this replica publishes now");
        }
        Ok(state.lease.is_some())
    }

    /// Waits for the broker, keeping the lease. False when the lease was lost.
    async fn acknowledged(&self, lease: &mut Lease, acks: &Acks) -> Result<bool, KafkaError> {
        let stop = self.kafka.stopping();
        let farewell = async {
            stop.cancelled().await;
            tokio::time::sleep(FAREWELL).await;
        };
        let slow = async {
            tokio::time::sleep(SLOW).await;
            let error = std::io::Error::other("no acknowledgement for 5 s");
            self.kafka.publishing().begin(&KafkaError::broker("publishing", error));
            std::future::pending::<()>().await;
        };
        let given_up = tokio::time::sleep(GIVEN_UP);
        let mut given_up = std::pin::pin!(given_up);
        let mut farewell = std::pin::pin!(farewell);
        let mut slow = std::pin::pin!(slow.fuse());
        loop {
            tokio::select! {
                acked = acks.wait() => return acked.map(|()| true),
                () = &mut slow => {}
                () = tokio::time::sleep_until(lease.renew_at) => {
                    if !lease.renew(&self.db).await? {
                        return Ok(false);
                    }
                }
                () = &mut given_up => {
                    let error = std::io::Error::other("no acknowledgement for a minute");
                    return Err(KafkaError::broker("publishing", error));
                }
                () = &mut farewell => {
                    let error = std::io::Error::other("stopped while waiting");
                    return Err(KafkaError::broker("publishing", error));
                }
            }
        }
    }

    fn lost(&self, state: &mut State) {
        tracing::info!(service = self.service, "another replica publishes now");
        state.lease = None;
        state.ahead = None;
        end(state.producer.take());
    }

    fn failed(&self, error: &KafkaError, failures: u32) {
        if error.is_outage() {
            self.kafka.publishing().begin(error);
        } else if failures == 1 {
            let error = error as &dyn std::error::Error;
            tracing::error!(service = self.service, error, "events cannot be published");
        }
    }

    /// Shows the lag for ever, also while the broker is away.
    async fn measure(&self) {
        let service = self.service;
        loop {
            let read = async move |tx: &mut Tx| tx.one(LAG, params![service]).await?.at::<i64>(0);
            if let Ok(lag) = self.db.read::<_, StoreError, _>(read).await {
                self.lag.set(lag);
            }
            tokio::time::sleep(MEASURED).await;
        }
    }
}

/// Ending a producer waits for its thread.
fn end(producer: Option<Producer>) {
    if let Some(producer) = producer {
        drop(tokio::task::spawn_blocking(move || drop(producer)));
    }
}
