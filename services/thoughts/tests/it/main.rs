//! Scenes of the thoughts service.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a scene fails by panicking where it does not find what it expects"
)]

mod access;
mod portable;
mod writing;

use hanse_runtime::Service;
use hanse_testkit::TestEvent;

pub fn services() -> Vec<Service> {
    vec![hanse_thoughts::service(), TestEvent::source("identity")]
}
