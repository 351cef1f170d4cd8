//! JSON Schemas of events, and what may change in them (law 8).

mod reading;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::event::{Compatibility, DomainEvent};
use reading::Reading;

/// An event type as the catalogue lists it.
pub struct EventType {
    /// [`DomainEvent::TYPE`].
    pub name: &'static str,
    /// [`DomainEvent::VERSION`].
    pub version: u32,
    /// [`DomainEvent::COMPATIBILITY`].
    pub compatibility: Compatibility,
    /// Makes its JSON Schema.
    pub schema: fn() -> Value,
    /// Reads data as this release does, and writes it again.
    pub reserialize: fn(Value) -> serde_json::Result<Value>,
}

impl EventType {
    /// The catalogue's line for `T`.
    #[must_use]
    pub fn of<T: DomainEvent>() -> Self {
        Self {
            name: T::TYPE,
            version: T::VERSION,
            compatibility: T::COMPATIBILITY,
            schema: || schemars::schema_for!(T).to_value(),
            reserialize: |data| serde_json::to_value(serde_json::from_value::<T>(data)?),
        }
    }
}

/// Lists how `new` breaks the promise made for `old`. Empty means compatible.
#[must_use]
pub fn incompatibilities(old: &Value, new: &Value, promise: Compatibility) -> Vec<String> {
    let mut found = Vec::new();
    if matches!(promise, Compatibility::Backward | Compatibility::Full) {
        // New code must read what old code wrote.
        found.extend(Reading::of(new, old));
    }
    if matches!(promise, Compatibility::Forward | Compatibility::Full) {
        // Old code must read what new code writes.
        found.extend(Reading::of(old, new));
    }
    found.dedup();
    found
}
