//! Who publishes a log, and how far it has been published: one row in the service's own database.

use std::time::Duration;

use hanse_store::{Db, Result, StoreError, Tx, params};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use uuid::Uuid;

/// A lease that is not renewed ends after this.
const LASTS: SignedDuration = SignedDuration::from_secs(9);
/// It is renewed well before.
const RENEWED: Duration = Duration::from_secs(3);

const START: &str = "INSERT INTO kafka_relay (source, seq, epoch, holder, expires_at)
    VALUES ($1, 0, 0, NULL, $2) ON CONFLICT (source) DO NOTHING";
const HELD: &str = "SELECT seq FROM kafka_relay
    WHERE source = $1 AND holder IS NOT NULL AND expires_at > $2";
const TAKE: &str = "UPDATE kafka_relay SET epoch = epoch + 1, holder = $2, expires_at = $3
    WHERE source = $1 AND (holder IS NULL OR expires_at <= $4) RETURNING epoch, seq";
const RENEW: &str = "UPDATE kafka_relay SET expires_at = $4
    WHERE source = $1 AND holder = $2 AND epoch = $3";
const MOVE: &str = "UPDATE kafka_relay SET seq = $4, expires_at = $5
    WHERE source = $1 AND holder = $2 AND epoch = $3 AND seq = $6";
const RELEASE: &str = "UPDATE kafka_relay SET holder = NULL
    WHERE source = $1 AND holder = $2 AND epoch = $3";
const BACK: &str = "UPDATE kafka_relay SET epoch = epoch + 1, holder = NULL,
    seq = CASE WHEN seq > $2 THEN $2 ELSE seq END WHERE source = $1 RETURNING seq";

/// The right to publish, as far as its holder knows.
#[derive(Clone, Debug)]
pub(crate) struct Lease {
    source: String,
    holder: Uuid,
    epoch: i64,
    /// Everything up to here is published.
    pub(crate) seq: i64,
    /// When to renew it.
    pub(crate) renew_at: Instant,
}

impl Lease {
    /// Takes the lease unless somebody else holds it.
    pub(crate) async fn take(db: &Db, holder: Uuid) -> Result<Option<Self>> {
        let source = db.service().to_owned();
        let (now, key) = (db.clock().now(), source.clone());
        // Mostly another replica holds it: finding that out writes nothing.
        let held = async move |tx: &mut Tx| tx.optional(HELD, params![key, now]).await;
        if db.read::<_, StoreError, _>(held).await?.is_some() {
            return Ok(None);
        }
        let key = source.clone();
        let taken = db
            .write::<_, StoreError, _>(async move |tx: &mut Tx| {
                let now = tx.now();
                tx.execute(START, params![&key, now]).await?;
                tx.optional(TAKE, params![key, holder, later(now), now]).await
            })
            .await?;
        let renew_at = Instant::now() + RENEWED;
        taken
            .map(|row| Ok(Self { source, holder, epoch: row.at(0)?, seq: row.at(1)?, renew_at }))
            .transpose()
    }

    /// Makes it last longer. False when somebody else has it.
    pub(crate) async fn renew(&mut self, db: &Db) -> Result<bool> {
        let Self { source, holder, epoch, .. } = self.clone();
        let renewed = db
            .write::<_, StoreError, _>(async move |tx: &mut Tx| {
                let until = later(tx.now());
                tx.execute(RENEW, params![source, holder, epoch, until]).await
            })
            .await?;
        self.renew_at = Instant::now() + RENEWED;
        Ok(renewed == 1)
    }

    /// Says that everything up to `to` is published; renews by the way. False when somebody else has
    /// the lease, or the position was set back.
    pub(crate) async fn advance(&mut self, db: &Db, to: i64) -> Result<bool> {
        let Self { source, holder, epoch, seq, .. } = self.clone();
        let moved = db
            .write::<_, StoreError, _>(async move |tx: &mut Tx| {
                let until = later(tx.now());
                tx.execute(MOVE, params![source, holder, epoch, to, until, seq]).await
            })
            .await?;
        self.renew_at = Instant::now() + RENEWED;
        self.seq = to;
        Ok(moved == 1)
    }

    /// Lets another replica go on at once.
    pub(crate) async fn release(self, db: &Db) -> Result<()> {
        let Self { source, holder, epoch, .. } = self;
        db.write::<_, StoreError, _>(async move |tx: &mut Tx| {
            tx.execute(RELEASE, params![source, holder, epoch]).await.map(drop)
        })
        .await
    }
}

/// Publishes the log of the service that owns `db` again, from `from_seq` on: for consumers that were
/// away for longer than the broker keeps records, or after a topic was lost. Those that have applied
/// an event already skip it. The relay at work notices at its next step. Returns the position from
/// which it goes on, which is never beyond the present one.
///
/// # Errors
/// Whatever the store says.
pub async fn republish(db: &Db, from_seq: i64) -> Result<i64> {
    let source = db.service().to_owned();
    db.write::<_, StoreError, _>(async move |tx: &mut Tx| {
        let now = tx.now();
        tx.execute(START, params![&source, now]).await?;
        tx.one(BACK, params![source, (from_seq - 1).max(0)]).await?.at(0)
    })
    .await
}

/// Up to where the log of the service that owns `db` has been published.
///
/// # Errors
/// Whatever the store says.
pub async fn published(tx: &mut Tx, service: &str) -> Result<i64> {
    let sql = "SELECT seq FROM kafka_relay WHERE source = $1";
    tx.optional(sql, params![service]).await?.map_or(Ok(0), |row| row.at(0))
}

fn later(now: Timestamp) -> Timestamp {
    now.saturating_add(LASTS).unwrap_or(now)
}
