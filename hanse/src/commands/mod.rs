//! The commands besides `serve`, `backup` and `restore`.

pub mod config;
pub mod dev;
pub mod doctor;
pub mod events;
pub mod health;
pub mod import;
pub mod jobs;
pub mod keys;
pub mod migrate;
pub mod openapi;
pub mod user;
pub mod version;

use serde::Serialize;

/// Prints a value for a machine.
pub fn print_json<T: Serialize>(value: &T) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Says what was done, for a machine or for a person.
pub fn say(json: bool, value: &serde_json::Value, text: &str) -> anyhow::Result<()> {
    if json {
        return print_json(value);
    }
    println!("{text}");
    Ok(())
}
