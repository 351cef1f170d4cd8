//! One partition of a topic as a log.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hanse_events::{Batch, Log, Recorded};
use hanse_store::{Result, StoreError};
use rdkafka::error::KafkaError as Cause;
use rdkafka::message::Message as _;
use tokio::sync::{Mutex, watch};

use crate::error::KafkaError;
use crate::outage::Outage;
use crate::probe::{Partition, Place, Probe};
use crate::reader::{Lodging, Reader};
use crate::sequencer::{Missing, Sequencer};
use crate::wire;

/// Messages that one read takes from the broker at most, so that a long search gives way to others.
const TAKEN: usize = 5_000;
/// When nothing is heard of the broker for this long, it is asked whether there is anything.
const SILENT: Duration = Duration::from_secs(10);
/// Reads at the end of a partition before a gap counts as one: about a second. A relay that has to
/// publish a stretch again closes it.
const PATIENT: u32 = 200;

/// One partition of a service's log. Its source is `<service>/<partition>`, and its positions are the
/// producer's sequence numbers.
pub struct KafkaLog {
    service: String,
    source: String,
    partition: Partition,
    reader: Arc<Reader>,
    probe: Arc<Probe>,
    outage: Arc<Outage>,
    hint: Arc<Hint>,
    state: Mutex<State>,
    changes: watch::Sender<i64>,
    /// Records that were read and whose effects are not durable yet.
    held: AtomicI64,
    /// Something is missing that the broker does not hold.
    stuck: AtomicBool,
}

/// Up to which offset the effects are durable: what is committed to Kafka, for tools that show lag
/// and for a quick start.
#[derive(Debug)]
pub(crate) struct Hint(AtomicI64);

impl Hint {
    pub(crate) fn new(offset: Option<i64>) -> Self {
        Self(AtomicI64::new(offset.unwrap_or(-1)))
    }

    pub(crate) fn get(&self) -> Option<i64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|offset| *offset >= 0)
    }
}

/// What a log shares with the others of its group.
pub(crate) struct Shared {
    pub(crate) service: &'static str,
    pub(crate) topic: String,
    pub(crate) reader: Arc<Reader>,
    pub(crate) probe: Arc<Probe>,
    pub(crate) outage: Arc<Outage>,
}

#[derive(Default)]
struct State {
    lodging: Option<Lodging>,
    /// Something came since reading was begun.
    flowed: bool,
    /// The offset after the last message that was taken.
    next: i64,
    /// When the broker was heard of last.
    heard: Option<Instant>,
    sequencer: Sequencer,
    /// The broker has nothing more at the moment.
    at_end: bool,
    /// Everything that the broker holds was read since the position moved last.
    from_first: bool,
    /// Reads at the end with something missing.
    waited: u32,
}

impl KafkaLog {
    pub(crate) fn new(shared: &Shared, number: i32, hint: Arc<Hint>) -> Self {
        Self {
            service: shared.service.to_owned(),
            source: format!("{}/{number}", shared.service),
            partition: Partition { topic: shared.topic.clone(), number },
            reader: Arc::clone(&shared.reader),
            probe: Arc::clone(&shared.probe),
            outage: Arc::clone(&shared.outage),
            hint,
            state: Mutex::default(),
            changes: watch::Sender::new(0),
            held: AtomicI64::new(0),
            stuck: AtomicBool::new(false),
        }
    }

    /// Records that were read and whose effects are not durable yet.
    pub(crate) fn held(&self) -> i64 {
        self.held.load(Ordering::Relaxed)
    }

    /// Does it wait for something that the broker does not hold?
    pub(crate) fn stuck(&self) -> bool {
        self.stuck.load(Ordering::Relaxed)
    }

    async fn take(&self, after: i64, limit: u32) -> Result<Batch, KafkaError> {
        let mut state = self.state.lock().await;
        let state = &mut *state;
        if state.lodging.is_none() || !state.sequencer.serves(after) {
            self.locate(state, after).await?;
        }
        if let Some(next) = state.sequencer.confirm(after) {
            self.hint.0.store(next, Ordering::Relaxed);
        }
        let more = self.fill(state, limit as usize);
        self.held.store(state.sequencer.len() as i64, Ordering::Relaxed);
        let ready = state.sequencer.ready();
        if !ready.is_empty() {
            state.waited = 0;
            self.stuck.store(false, Ordering::Relaxed);
            let events = ready.iter().take(limit as usize).map(|claimed| claimed.record.clone());
            return Ok(Batch { events: events.collect(), unsettled: false });
        }
        if !more && state.heard.is_none_or(|heard| heard.elapsed() >= SILENT) {
            self.check(state, after).await?;
        }
        let missing = state.sequencer.missing().filter(|_| state.at_end);
        match missing {
            Some(missing) => self.wait_for(state, after, missing).await,
            None => Ok(Batch { events: Vec::new(), unsettled: more }),
        }
    }

    /// Takes what has arrived. True when there is more.
    fn fill(&self, state: &mut State, limit: usize) -> bool {
        let State { lodging: Some(lodging), sequencer, .. } = state else { return false };
        let tenancy = lodging.tenancy.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody else reads the partition now.
        let Some(queue) = &*tenancy else { return false };
        for _ in 0..TAKEN {
            if sequencer.ready().len() >= limit {
                return true;
            }
            match queue.poll(Duration::ZERO) {
                Some(Ok(message)) => {
                    state.flowed = true;
                    state.at_end = false;
                    state.next = message.offset() + 1;
                    state.heard = Some(Instant::now());
                    match wire::read(&message) {
                        Ok(claimed) => {
                            if sequencer.push(claimed) {
                                state.from_first = false;
                            }
                        }
                        Err(error) => {
                            let error = &error as &dyn std::error::Error;
                            tracing::error!(source = self.source, error, "a record was skipped");
                        }
                    }
                }
                Some(Err(Cause::PartitionEOF(_))) => {
                    state.flowed = true;
                    state.at_end = true;
                    state.heard = Some(Instant::now());
                }
                Some(Err(error)) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::debug!(source = self.source, error, "a partition stumbled");
                }
                None => return false,
            }
        }
        true
    }

    /// Finds the place of a position and reads from there.
    async fn locate(&self, state: &mut State, after: i64) -> Result<(), KafkaError> {
        let hint = self.hint.get();
        let place = self.ask(move |probe, partition| probe.locate(partition, after, hint)).await?;
        self.begin(state, after, place)
    }

    /// Nothing was heard for a while: mostly there is nothing. If there is, reading has got stuck and
    /// is begun anew; nothing that was not applied is lost by that.
    async fn check(&self, state: &mut State, after: i64) -> Result<(), KafkaError> {
        let end = self.ask(Probe::end).await?;
        state.heard = Some(Instant::now());
        if state.next >= end {
            state.at_end = true;
            return Ok(());
        }
        tracing::debug!(source = self.source, next = state.next, end, "reading is begun anew");
        if let Some(lodging) = state.lodging.as_ref().filter(|_| !state.flowed) {
            // That was done before, and nothing came.
            tracing::info!(source = self.source, "nothing comes; the reading client is replaced");
            self.reader.renew(lodging.generation)?;
        }
        self.locate(state, after).await
    }

    /// Something is missing, and the broker has nothing more. First a relay may close the gap; then
    /// everything that the broker holds is read, once; then it is said.
    async fn wait_for(
        &self,
        state: &mut State,
        after: i64,
        missing: Missing,
    ) -> Result<Batch, KafkaError> {
        state.waited += 1;
        if state.waited <= PATIENT {
            return Ok(Batch { events: Vec::new(), unsettled: true });
        }
        let first = self.ask(Probe::first).await?;
        if !state.from_first {
            self.begin(state, after, first)?;
            return Ok(Batch { events: Vec::new(), unsettled: true });
        }
        self.stuck.store(true, Ordering::Relaxed);
        let (log, service) = (self.source.clone(), self.service.clone());
        Err(if first.offset > 0 && after == missing.after {
            KafkaError::Expired { log, service, after }
        } else {
            KafkaError::Gap { log, service, after: missing.after, next: missing.upto }
        })
    }

    /// Reads on from a place, for the position `after`.
    fn begin(&self, state: &mut State, after: i64, place: Place) -> Result<(), KafkaError> {
        let changes = self.changes.clone();
        let woken = move || changes.send_modify(|count| *count += 1);
        state.lodging = None;
        state.lodging = Some(self.reader.begin(self.partition.number, place.offset, woken)?);
        state.flowed = false;
        state.next = place.offset;
        state.heard = Some(Instant::now());
        state.sequencer = Sequencer::at(after);
        state.at_end = false;
        state.from_first = place.first;
        state.waited = 0;
        Ok(())
    }

    /// Asks the probe on a thread that may block.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Probe, &Partition) -> Result<T, KafkaError> + Send + 'static,
    ) -> Result<T, KafkaError> {
        let (probe, partition) = (Arc::clone(&self.probe), self.partition.clone());
        tokio::task::spawn_blocking(move || question(&probe, &partition))
            .await
            .unwrap_or_else(|error| Err(KafkaError::broker("looking a record up", error)))
    }
}

impl Log for KafkaLog {
    fn source(&self) -> &str {
        &self.source
    }

    fn read(&self, after: i64, limit: u32) -> BoxFuture<'_, Result<Batch>> {
        async move {
            match self.take(after, limit).await {
                Ok(batch) => Ok(batch),
                // An outage stops delivery and nothing else; it was said once, and the reader goes
                // on by itself.
                Err(error) if error.is_outage() => {
                    self.outage.begin(&error);
                    Ok(Batch::default())
                }
                Err(error) => Err(StoreError::from(error)),
            }
        }
        .boxed()
    }

    fn get(&self, seq: i64) -> BoxFuture<'_, Result<Option<Recorded>>> {
        let found = self.ask(move |probe, partition| probe.get(partition, seq));
        async move { found.await.map_err(StoreError::from) }.boxed()
    }

    fn changes(&self) -> watch::Receiver<i64> {
        self.changes.subscribe()
    }
}

impl Drop for KafkaLog {
    fn drop(&mut self) {
        if let Some(lodging) = self.state.get_mut().lodging.take() {
            self.reader.end(self.partition.number, &lodging.tenancy);
        }
    }
}
