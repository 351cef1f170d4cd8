//! Which values in memory are out of date.
//!
//! A value in memory is kept under its key *and the epoch in which its load began*. Dropping a key
//! moves the epoch of its slot on, so whatever was loaded before, or is being loaded, is never found
//! again: there is no moment between looking and storing in which an old value can slip in.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use crate::keeper::INVALIDATED;
use crate::link::{Inner, Link, Trouble};
use crate::script::Lua;

/// Slots of the epochs. Keys of one slot are dropped together, which costs a lookup now and then.
const SLOTS: usize = 1 << 14;
/// Drops that wait for Redis at most. What exceeds it is bounded by its time to live alone.
const MOST_PENDING: usize = 10_000;
/// Milliseconds for which Redis remembers that a key was dropped, and in which a value has to be
/// loaded to be kept there.
pub(crate) const REMEMBERED_MS: u64 = 30_000;

static DROP: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("lua/value_drop.lua")));

/// When a value in memory was true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Epoch {
    all: u64,
    slot: u64,
}

pub(crate) struct Invalidations {
    all: AtomicU64,
    slots: Box<[AtomicU64]>,
    /// Names of keys whose drop Redis has not confirmed.
    pending: Mutex<HashMap<String, Owed>>,
}

/// A drop that Redis has not confirmed.
#[derive(Clone, Copy)]
struct Owed {
    /// What processes know the key by.
    hash: u64,
    /// Which drop of the key: a confirmation counts for what was asked before it only.
    turn: u64,
}

impl Default for Invalidations {
    fn default() -> Self {
        let slots = std::iter::repeat_with(AtomicU64::default).take(SLOTS).collect();
        Self { all: AtomicU64::new(0), slots, pending: Mutex::default() }
    }
}

impl Invalidations {
    /// The present epoch of a key. Read it before the connection is looked at.
    pub(crate) fn epoch(&self, hash: u64) -> Epoch {
        let all = self.all.load(Ordering::SeqCst);
        Epoch { all, slot: self.slot(hash).map_or(0, |slot| slot.load(Ordering::SeqCst)) }
    }

    /// Drops a key of this process.
    pub(crate) fn forget(&self, hash: u64) {
        if let Some(slot) = self.slot(hash) {
            slot.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Drops every key of this process.
    pub(crate) fn forget_all(&self) {
        self.all.fetch_add(1, Ordering::SeqCst);
    }

    /// Another process has dropped a key. A message that is none may mean any key.
    pub(crate) fn hear(&self, message: &[u8]) {
        let hex = str::from_utf8(message).ok().filter(|hex| hex.len() == 16);
        let hash = hex.and_then(|hex| u64::from_str_radix(hex, 16).ok());
        match hash {
            Some(hash) => self.forget(hash),
            None => self.forget_all(),
        }
    }

    /// Drops a key here now, and notes that it has to be dropped everywhere.
    pub(crate) fn owe(&self, hash: u64, name: &str) {
        self.forget(hash);
        let mut pending = self.pending();
        if let Some(owed) = pending.get_mut(name) {
            owed.turn += 1;
        } else if pending.len() < MOST_PENDING {
            pending.insert(name.to_owned(), Owed { hash, turn: 0 });
        } else {
            tracing::warn!(
                "too many invalidations wait for redis; one is left to its time to live"
            );
        }
    }

    /// Drops one noted key everywhere.
    pub(crate) async fn settle(
        &self,
        inner: &Inner,
        link: &mut Link,
        name: &str,
    ) -> Result<(), Trouble> {
        let Some(Owed { hash, turn }) = self.pending().get(name).copied() else { return Ok(()) };
        let call = DROP.on([name, &dropped_key(name)]).arg(REMEMBERED_MS);
        let call = call.arg(format!("{}:{INVALIDATED}", inner.prefix)).arg(format!("{hash:016x}"));
        inner.ask(link, async |connection| call.ask::<i64>(connection).await).await?;
        let mut pending = self.pending();
        if pending.get(name).is_some_and(|owed| owed.turn == turn) {
            pending.remove(name);
        }
        Ok(())
    }

    /// Drops everywhere what was noted while Redis could not be told.
    pub(crate) async fn deliver(&self, inner: &Inner, link: &mut Link) -> Result<(), Trouble> {
        let names: Vec<String> = self.pending().keys().cloned().collect();
        for name in names {
            self.settle(inner, link, &name).await?;
        }
        Ok(())
    }

    fn slot(&self, hash: u64) -> Option<&AtomicU64> {
        self.slots.get(hash as usize % SLOTS)
    }

    fn pending(&self) -> MutexGuard<'_, HashMap<String, Owed>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where Redis remembers that a key was dropped.
pub(crate) fn dropped_key(key: &str) -> String {
    format!("{key}:dropped")
}

#[cfg(test)]
mod tests {
    use super::Invalidations;

    #[test]
    fn what_is_heard_moves_the_epoch_of_the_key_and_nonsense_moves_all() {
        let known = Invalidations::default();
        let (one, other) = (known.epoch(1), known.epoch(2));
        known.hear(b"0000000000000001");
        assert_ne!(known.epoch(1), one);
        assert_eq!(known.epoch(2), other);
        for nonsense in [&b""[..], b"zz", b"\xFF\xFE", b"00000000000000000000000001"] {
            let before = known.epoch(2);
            known.hear(nonsense);
            assert_ne!(known.epoch(2), before, "{nonsense:?}");
        }
    }
}
