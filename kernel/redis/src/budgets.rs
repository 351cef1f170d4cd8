//! Budgets that all processes count together: one script, one key each.

use std::sync::Arc;
use std::time::Duration;

use crate::link::{Redis, Trouble};
use crate::script::Lua;
use hanse_cache::rate::{Decision, Quota, RateKey, SharedBudgets, Taken};

const SCRIPT: &str = include_str!("lua/budget.lua");

/// Budgets counted in Redis, by the algorithm of [`hanse_cache::rate`] (GCRA) in one atomic script
/// and on the server's clock, so that neither the order of processes nor their clocks matter.
///
/// A request costs one question. Times are whole microseconds there: an interval is rounded up, so
/// that together is never laxer than alone, and no budget is faster than one a microsecond.
///
/// Behind [`hanse_cache::rate::Limiter`], which says what happens without an answer.
#[derive(Debug, Clone)]
pub struct Budgets {
    redis: Redis,
    script: Arc<Lua>,
}

impl Budgets {
    /// Budgets in this Redis.
    #[must_use]
    pub fn new(redis: Redis) -> Self {
        Self { redis, script: Arc::new(Lua::new(SCRIPT)) }
    }

    /// Counts one request of `key` if it is allowed.
    ///
    /// # Errors
    /// [`Trouble`]: nothing is known, and the request may have been counted.
    pub async fn try_take(
        &self,
        budget: &str,
        key: RateKey,
        quota: Quota,
    ) -> Result<Decision, Trouble> {
        let name = self.redis.key("budget", &format!("{budget}:{:032x}", key.number()));
        let interval = quota.interval().as_nanos().div_ceil(1000);
        let interval = u64::try_from(interval).unwrap_or(u64::MAX);
        let call = self.script.on([&name]).arg(interval).arg(quota.capacity());
        let answer: (i64, i64, i64) = self.redis.ask(async |c| call.ask(c).await).await?;
        match answer {
            (1, remaining, _) => {
                let remaining = u32::try_from(remaining).map_err(|_| Trouble::Unusable)?;
                Ok(Decision::allowed(quota, remaining))
            }
            (0, _, wait) => {
                let wait = u64::try_from(wait).map_err(|_| Trouble::Unusable)?;
                Ok(Decision::refused(quota, Duration::from_micros(wait)))
            }
            _ => Err(Trouble::Unusable),
        }
    }
}

impl SharedBudgets for Budgets {
    fn take(&self, budget: &'static str, key: RateKey, quota: Quota) -> Taken<'_> {
        Box::pin(async move {
            self.try_take(budget, key, quota)
                .await
                .inspect_err(|trouble| tracing::debug!(budget, ?trouble, "counting alone"))
                .ok()
        })
    }

    fn patience(&self) -> Duration {
        self.redis.inner.deadline
    }
}
