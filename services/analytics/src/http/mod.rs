//! The operations of the analytics service.

mod activity;
mod export;
mod overview;
mod platform;
mod productivity;
mod thoughts;

use hanse_http::{Access, Draft, Method, Role, op};

use crate::App;

const EXPORT: &str = "A CSV file (RFC 4180) of one measure. Text that a spreadsheet would take for a \
    formula begins with an apostrophe.";

pub(crate) fn operations() -> Vec<Draft<App>> {
    let user = Access::User;
    vec![
        op(Method::GET, "/analytics/overview", user, overview::get_overview)
            .summary("Your numbers at a glance")
            .lags(),
        op(Method::GET, "/analytics/thoughts/stats", user, thoughts::get_thought_stats)
            .summary("Your thoughts over time, and your tags")
            .lags(),
        op(Method::GET, "/analytics/productivity", user, productivity::get_productivity)
            .summary("Your streaks and habits")
            .lags(),
        op(Method::GET, "/analytics/activity", user, activity::list_activity)
            .summary("What you did, newest first")
            .lags(),
        op(Method::GET, "/analytics/export", user, export::export_analytics)
            .summary("Your numbers as a file")
            .description(EXPORT),
        op(
            Method::GET,
            "/analytics/platform",
            Access::Role(Role::Operator),
            platform::get_platform_stats,
        )
        .summary("The whole platform's numbers, without names"),
    ]
}
