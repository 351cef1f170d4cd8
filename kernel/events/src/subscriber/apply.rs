//! Applying stretches of logs: positions and effects in one transaction.

use std::collections::BTreeSet;
use std::sync::Arc;

use hanse_store::{Result, StoreError, Tx, Value, params};

use super::Subscriber;
use super::held::{Held, cause, held_subjects, hold, later};
use crate::erase::erased_among;
use crate::event::Recorded;
use crate::subscription::{BoxError, Subscription};

/// Events of one log after `from`, the last of which is `to`.
#[derive(Clone)]
pub(super) struct Stretch {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) events: Arc<[Recorded]>,
}

/// What a transaction needs to know of a stretch.
struct Piece {
    source: String,
    stretch: Stretch,
}

/// Takes in what readers of one subscription have found, and moves their positions; `told` hears what
/// became of each, by its place in `found`.
pub(super) async fn take_in(
    found: &[(&Subscriber, Stretch)],
    mut told: impl FnMut(usize, Result<()>),
) {
    match (apply(found).await, found) {
        (Ok(()), _) => (0..found.len()).for_each(|place| told(place, Ok(()))),
        (Err(failure), [(reader, stretch)]) => told(0, reader.settle(stretch, failure).await),
        // One of them is to blame, or the store, which then says so to each.
        (Err(_), _) => {
            for (place, one) in found.iter().enumerate() {
                let (reader, stretch) = one;
                let taken = match apply(std::slice::from_ref(one)).await {
                    Ok(()) => Ok(()),
                    Err(failure) => reader.settle(stretch, failure).await,
                };
                told(place, taken);
            }
        }
    }
}

/// Applies stretches and moves the positions, in one transaction.
async fn apply(found: &[(&Subscriber, Stretch)]) -> Result<(), Failure> {
    let Some((first, _)) = found.first() else { return Ok(()) };
    let subscription = first.subscription.clone();
    let piece = |(reader, stretch): &(&Subscriber, Stretch)| Piece {
        source: reader.source().to_owned(),
        stretch: stretch.clone(),
    };
    let pieces: Arc<[Piece]> = found.iter().map(piece).collect();
    let waiting = first
        .db
        .write::<_, Failure, _>(async move |tx: &mut Tx| {
            let waiting = move_on(tx, subscription.name(), &pieces).await?;
            handle(tx, &subscription, &pieces, &waiting).await?;
            Ok(waiting)
        })
        .await?;
    for (reader, stretch) in found {
        reader.reached(stretch.to, waiting.contains(reader.source()));
    }
    Ok(())
}

/// Moves the positions from where they are known to be, and says which sources have events that were
/// set aside.
async fn move_on(
    tx: &mut Tx,
    subscription: &'static str,
    pieces: &[Piece],
) -> Result<BTreeSet<String>> {
    let now = tx.now();
    let rows: Vec<[Value; 3]> = pieces
        .iter()
        .map(|Piece { source, stretch }| {
            [source.as_str().into(), stretch.from.into(), stretch.to.into()]
        })
        .collect();
    // A row that comes twice moves its position once.
    let count = rows.len().next_power_of_two();
    let mut values = params![subscription, now].to_vec();
    values.extend(rows.iter().cycle().take(count).flatten().cloned());
    let marks: Vec<String> = (0..count)
        .map(|row| {
            let [source, from, to] = [3, 4, 5].map(|first| first + 3 * row);
            format!("(CAST(${source} AS TEXT), CAST(${from} AS BIGINT), CAST(${to} AS BIGINT))")
        })
        .collect();
    let sql = format!(
        "UPDATE positions SET seq = piece.column3, updated_at = $2
         FROM (VALUES {marks}) AS piece
         WHERE positions.subscription = $1 AND positions.source = piece.column1
           AND positions.seq = piece.column2
         RETURNING positions.source, EXISTS (SELECT 1 FROM held_events AS held
             WHERE held.subscription = positions.subscription
               AND held.source = positions.source) AS waits",
        marks = marks.join(",")
    );
    let moved = tx.all(sql, &values).await?;
    if moved.len() != pieces.len() {
        // Another replica took one of them; start over from where it is.
        return Err(StoreError::Contention("the position has moved".into()));
    }
    let mut waiting = BTreeSet::new();
    for row in moved {
        if row.at::<bool>(1)? {
            waiting.insert(row.at::<String>(0)?);
        }
    }
    Ok(waiting)
}

/// Applies the handlers to what concerns the subscription, and sets aside what has to wait.
async fn handle(
    tx: &mut Tx,
    subscription: &Subscription,
    pieces: &[Piece],
    waiting: &BTreeSet<String>,
) -> Result<(), Failure> {
    let (name, now) = (subscription.name(), tx.now());
    let all = pieces.iter().flat_map(|piece| piece.stretch.events.iter());
    let erased = erased_among(tx, all.filter_map(|event| event.owner)).await?;
    let mut ready = Vec::new();
    for Piece { source, stretch } in pieces {
        let held = if waiting.contains(source) {
            held_subjects(tx, name, source, &stretch.events).await?
        } else {
            BTreeSet::new()
        };
        for event in &*stretch.events {
            if event.owner.is_some_and(|owner| erased.contains(&owner))
                || !subscription.wants(event)
            {
                continue;
            }
            if held.contains(&event.subject) {
                let cause = "waits behind an earlier event of the same subject";
                let behind = Held { attempts: 0, next_at: now, dead: false, cause };
                hold(tx, name, source, event, behind).await?;
            } else {
                ready.push(event);
            }
        }
    }
    // As the producer has written them: neighbours of one type come in one run again.
    ready.sort_by_key(|event| event.seq);
    subscription.handle(tx, &ready).await.map_err(Failure::of)
}

impl Subscriber {
    /// What is left to do when a stretch of this log alone has failed.
    async fn settle(&self, stretch: &Stretch, failure: Failure) -> Result<()> {
        match failure {
            Failure::Handler(_) => self.apply_singly(stretch).await,
            Failure::Store(error) => {
                self.forget();
                Err(error)
            }
        }
    }

    /// Applies events one transaction each; a failing one is set aside.
    async fn apply_singly(&self, stretch: &Stretch) -> Result<()> {
        let mut from = stretch.from;
        for event in &*stretch.events {
            let to = event.seq;
            let single = Stretch { from, to, events: Arc::new([event.clone()]) };
            match apply(&[(self, single)]).await {
                Ok(()) => {}
                Err(Failure::Store(error)) => {
                    self.forget();
                    return Err(error);
                }
                Err(Failure::Handler(error)) => self.set_aside(from, event, &error).await?,
            }
            from = to;
        }
        Ok(())
    }

    async fn set_aside(&self, from: i64, event: &Recorded, error: &BoxError) -> Result<()> {
        let (name, source) = self.key();
        let (retry, cause, to) = (self.retry, cause(error), event.seq);
        tracing::warn!(
            subscription = name,
            source,
            seq = to,
            kind = event.kind,
            cause,
            "an event failed and was set aside"
        );
        let stretch = Stretch { from, to, events: Arc::new([event.clone()]) };
        let pieces = [Piece { source, stretch }];
        self.db
            .write::<_, StoreError, _>(async move |tx: &mut Tx| {
                let now = tx.now();
                move_on(tx, name, &pieces).await?;
                let held = Held {
                    attempts: 1,
                    next_at: later(now, retry.delay(1)),
                    dead: retry.attempts <= 1,
                    cause: &cause,
                };
                let [Piece { source, stretch }] = &pieces;
                for event in &*stretch.events {
                    hold(tx, name, source, event, held).await?;
                }
                Ok(())
            })
            .await?;
        self.reached(to, true);
        Ok(())
    }
}

/// Why a batch failed: the store, or a handler.
pub(super) enum Failure {
    Store(StoreError),
    Handler(BoxError),
}

impl Failure {
    /// A handler that failed because the store did is not to blame.
    pub(super) fn of(error: BoxError) -> Self {
        match error.downcast::<StoreError>() {
            Ok(error) if error.is_temporary() => Self::Store(*error),
            Ok(error) => Self::Handler(error),
            Err(error) => Self::Handler(error),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            // Only a handler can panic or await something foreign.
            StoreError::Panicked | StoreError::AwaitedInTransaction => Self::Handler(error.into()),
            error => Self::Store(error),
        }
    }
}
