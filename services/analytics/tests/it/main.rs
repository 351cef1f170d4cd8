//! Scenes of the analytics service. The other services are stand-ins that have a log and nothing else.

mod access;
mod counting;
mod erasing;
mod export;
mod replaying;
mod support;
