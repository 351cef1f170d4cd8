//! Settings of the analytics service.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Settings of the analytics service.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AnalyticsConfig {
    /// Days that the activity log of an account is kept (1 to 3650).
    pub log_days: u16,
}

impl Default for AnalyticsConfig {
    fn default() -> Self {
        Self { log_days: 90 }
    }
}

impl AnalyticsConfig {
    /// Mistakes that types cannot express, as (key, what is wrong).
    #[must_use]
    pub fn mistakes(&self) -> Vec<(String, String)> {
        let wrong = !(1..=3650).contains(&self.log_days);
        wrong
            .then(|| ("analytics.log_days".into(), "must be 1 to 3650".into()))
            .into_iter()
            .collect()
    }
}
