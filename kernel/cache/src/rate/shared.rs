//! Budgets that several processes count together, and what remains of them when they cannot.

use super::clock::DefaultClock;
use super::{Decision, Quota, RateKey, RateLimiter};
use crate::LocalCache;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Where budgets are counted for all processes together.
pub trait SharedBudgets: Send + Sync + 'static {
    /// Counts one request of `key` against `budget` if it is allowed, and says how things stand;
    /// `None` when nobody can be asked now. It must answer within a short time of its own.
    fn take(&self, budget: &'static str, key: RateKey, quota: Quota) -> Taken<'_>;

    /// The longest that an answer of [`SharedBudgets::take`] may be under way.
    fn patience(&self) -> Duration;
}

/// An answer that is under way.
pub type Taken<'a> = Pin<Box<dyn Future<Output = Option<Decision>> + Send + 'a>>;

/// A budget: counted by this process alone, or together with others.
///
/// **Alone**, it is a [`RateLimiter`].
///
/// **Together**, every request that may pass is counted where all processes count, so all of them
/// give a key its quota once. A refusal is remembered until the moment at which the key can be
/// allowed again (nothing that others do makes that moment earlier), so a client that hammers costs
/// one question a refill and no more. What passes is counted here too: when nobody can be asked,
/// this process goes on alone from what it has seen itself, and when the common count is lost and
/// starts anew, a key still gets from each process no more than its quota. So without the common
/// count a key gets at most its quota times the number of processes.
#[derive(Debug)]
pub struct Limiter {
    local: RateLimiter,
    shared: Option<Shared>,
}

struct Shared {
    budgets: Arc<dyn SharedBudgets>,
    name: &'static str,
    quota: Quota,
    refused: LocalCache<RateKey, Instant>,
}

impl Limiter {
    /// A budget of this process, for at most about `max_keys` keys at once.
    pub fn local(quota: Quota, max_keys: usize) -> Self {
        Self { local: RateLimiter::new(quota, max_keys, DefaultClock::default()), shared: None }
    }

    /// The budget `name` of all processes that count in `budgets`; two budgets need two names.
    pub fn shared(
        name: &'static str,
        quota: Quota,
        max_keys: usize,
        budgets: Arc<dyn SharedBudgets>,
    ) -> Self {
        let local = RateLimiter::new(quota.slack(budgets.patience()), max_keys, <_>::default());
        let refused = LocalCache::new(max_keys as u64, |_, _| 1);
        Self { local, shared: Some(Shared { budgets, name, quota, refused }) }
    }

    /// Counts one request of `key` if it is allowed, and says how things stand. Alone it never
    /// waits.
    pub async fn check(&self, key: RateKey) -> Decision {
        match &self.shared {
            None => self.local.check(key),
            Some(shared) => self.check_shared(shared, key).await,
        }
    }

    async fn check_shared(&self, shared: &Shared, key: RateKey) -> Decision {
        let until = shared.refused.get(&key);
        let wait = until.map(|until| until.saturating_duration_since(Instant::now()));
        if let Some(wait) = wait.filter(|wait| !wait.is_zero()) {
            return Decision::refused(shared.quota, wait);
        }
        let decision = shared.budgets.take(shared.name, key, shared.quota).await;
        if let Some((refusal, wait)) = decision.and_then(|d| d.retry_after.map(|wait| (d, wait))) {
            if let Some(until) = Instant::now().checked_add(wait) {
                shared.refused.insert(key, until, wait);
            }
            return refusal;
        }
        let local = self.local.check(key);
        match decision {
            Some(allowed) if local.allowed => allowed,
            _ => local.within(shared.quota),
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("name", &self.name).finish_non_exhaustive()
    }
}
