//! The macros against a stand-in of the two crates they name: this crate plays both
//! `hanse_http` and `hanse_testkit`, which also proves that a crate may derive for itself.

extern crate self as hanse_http;
extern crate self as hanse_testkit;

pub use serde_json;

mod api_error;
mod stage_test;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode {
    pub status: u16,
    pub code: &'static str,
    pub title: &'static str,
}

pub trait ApiError: std::error::Error + Send + Sync + 'static {
    fn codes() -> Vec<ErrorCode>
    where
        Self: Sized;
    fn code(&self) -> Option<ErrorCode>;
    fn retry_after(&self) -> Option<u32> {
        None
    }
    fn details(&self) -> Option<serde_json::Value> {
        None
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topology {
    Local,
    Loopback,
}

/// What a scene is told about where it plays.
pub struct Stage {
    pub engine: Engine,
    pub topology: Topology,
    pub name: &'static str,
    pub services: Vec<&'static str>,
}

/// Polls the scene once: the stand-in scenes never wait.
pub fn run<F: Future<Output = ()>>(
    engine: Engine,
    topology: Topology,
    name: &'static str,
    services: Vec<&'static str>,
    scene: impl FnOnce(Stage) -> F,
) {
    let scene = std::pin::pin!(scene(Stage { engine, topology, name, services }));
    let polled = scene.poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
    assert!(polled.is_ready());
}
