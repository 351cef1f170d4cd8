//! Request budgets (D-008, E-017, M-078, M-080). An account has its own wherever it calls from;
//! guests have one per address. They are kept in the process, or counted together with the other
//! gateways where there is a place to do so; what must survive a restart (guessing passwords) is
//! counted durably by identity.

use std::sync::Arc;
use std::time::Duration;

use hanse_cache::rate::{Decision, Limiter, Quota, RateKey, RateKeys, SharedBudgets};
use hanse_http::Context;
use http::{HeaderMap, HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Callers that are remembered; more share one budget.
const CALLERS: usize = 100_000;

/// Request budgets.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Turn the budgets off, for a benchmark.
    pub enabled: bool,
    /// Requests per second that an account may keep up.
    pub user_per_second: u32,
    /// Requests that an account may send at once.
    pub user_burst: u32,
    /// Requests per second that an address may keep up without signing in.
    pub guest_per_second: u32,
    /// Requests that an address may send at once without signing in.
    pub guest_burst: u32,
    /// Requests per hour and caller under /api/users.
    pub users_per_hour: u32,
    /// Requests per hour and caller under /api/agents.
    pub agents_per_hour: u32,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            user_per_second: 100,
            user_burst: 300,
            guest_per_second: 20,
            guest_burst: 100,
            users_per_hour: 500,
            agents_per_hour: 1000,
        }
    }
}

impl LimitsConfig {
    /// Mistakes, as (key, what is wrong).
    #[must_use]
    pub fn mistakes(&self) -> Vec<(String, String)> {
        [
            ("limits.user_per_second", self.user_per_second),
            ("limits.user_burst", self.user_burst),
            ("limits.guest_per_second", self.guest_per_second),
            ("limits.guest_burst", self.guest_burst),
            ("limits.users_per_hour", self.users_per_hour),
            ("limits.agents_per_hour", self.agents_per_hour),
        ]
        .into_iter()
        .filter(|(_, value)| *value == 0)
        .map(|(key, _)| {
            (
                key.to_owned(),
                "must be at least 1; to have no limits set limits.enabled=false".into(),
            )
        })
        .collect()
    }
}

const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// One kind of budget.
struct Budget {
    name: &'static str,
    policy: HeaderValue,
    limiter: Limiter,
}

/// Where the gateways of a cluster count together, and what makes their keys the same.
pub struct Together {
    /// Where.
    pub budgets: Arc<dyn SharedBudgets>,
    /// Under the same secret.
    pub keys: RateKeys,
}

impl Budget {
    fn new(name: &'static str, quota: Quota, together: Option<&Together>) -> Self {
        // For ever: counting who refers to it would be passed between the processors with every answer.
        let policy = HeaderValue::from_static(quota.policy_header(name).leak());
        let limiter = match together {
            None => Limiter::local(quota, CALLERS),
            Some(Together { budgets, .. }) => {
                Limiter::shared(name, quota, CALLERS, Arc::clone(budgets))
            }
        };
        Self { name, policy, limiter }
    }

    async fn spend(&self, key: RateKey) -> Spent {
        let decision = self.limiter.check(key).await;
        Spent { name: self.name, policy: self.policy.clone(), decision }
    }
}

pub(crate) struct Limits {
    budgets: Option<Budgets>,
    keys: RateKeys,
}

struct Budgets {
    user: Budget,
    guest: Budget,
    users: Budget,
    agents: Budget,
}

/// What a request has taken from its budget.
pub(crate) struct Spent {
    name: &'static str,
    policy: HeaderValue,
    decision: Decision,
}

impl Spent {
    /// Seconds to wait when the budget is used up.
    pub(crate) fn retry_after(&self) -> Option<u32> {
        self.decision.retry_after_seconds()
    }

    /// Says how things stand (draft-ietf-httpapi-ratelimit-headers).
    pub(crate) fn write(self, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::try_from(self.decision.header(self.name)) {
            headers.insert(RATELIMIT, value);
        }
        headers.insert(RATELIMIT_POLICY, self.policy);
    }
}

impl Limits {
    pub(crate) fn new(config: &LimitsConfig, together: Option<&Together>) -> Self {
        let budget = |name, quota| Budget::new(name, quota, together);
        let steady = |burst, per_second: u32| Quota { burst, per_second: per_second.into() };
        let hourly = |count| Quota::per_window(count, Duration::from_secs(3600));
        let budgets = config.enabled.then(|| Budgets {
            user: budget("user", steady(config.user_burst, config.user_per_second)),
            guest: budget("guest", steady(config.guest_burst, config.guest_per_second)),
            users: budget("users", hourly(config.users_per_hour)),
            agents: budget("agents", hourly(config.agents_per_hour)),
        });
        Self { budgets, keys: together.map_or_else(RateKeys::random, |t| t.keys.clone()) }
    }

    /// Takes one request from the caller's budget; from the resource's own first, where it has one.
    pub(crate) async fn check(&self, path: &str, context: &Context) -> Option<Spent> {
        let budgets = self.budgets.as_ref()?;
        let (key, general) = match context.caller.user_id() {
            Some(id) => (self.keys.principal(id.as_u128()), &budgets.user),
            None => (self.keys.address(context.client), &budgets.guest),
        };
        let own = match path.split('/').nth(3) {
            Some("users") => Some(&budgets.users),
            Some("agents") => Some(&budgets.agents),
            _ => None,
        };
        let own = match own {
            Some(budget) => Some(budget.spend(key).await),
            None => None,
        };
        Some(match own {
            Some(spent) if spent.retry_after().is_some() => spent,
            own => {
                let general = general.spend(key).await;
                if general.retry_after().is_some() { general } else { own.unwrap_or(general) }
            }
        })
    }
}
