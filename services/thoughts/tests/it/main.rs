//! Scenes of the thoughts service.

mod access;
mod portable;
mod writing;

use hanse_runtime::Service;
use hanse_testkit::TestEvent;

pub fn services() -> Vec<Service> {
    vec![hanse_thoughts::service(), TestEvent::source("identity")]
}
