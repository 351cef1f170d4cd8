//! Configuration: a TOML file, then `HANSE_…` variables, then `--set`; each overrides the one before.
//!
//! Every key has a default, so an empty configuration is a valid one. Unknown keys are refused, and
//! all mistakes are reported at once, each with its key and where it came from. Secrets may also be
//! given as `<key>_file`. The JSON Schema and the commented sample come from the same structs.

use std::fmt;
use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use toml::{Table, Value};

/// A whole configuration.
pub trait Config: Serialize + DeserializeOwned + JsonSchema + Default {
    /// Keys whose values are never repeated in a message.
    const SECRETS: &[&str] = &[];

    /// Mistakes that types cannot express, as (key, what is wrong).
    fn mistakes(&self) -> Vec<(String, String)>;
}

/// Something is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The key, such as `server.listen`.
    pub key: String,
    /// Where it was given.
    pub whence: String,
    /// What is wrong.
    pub what: String,
}

/// All mistakes.
#[derive(Debug, thiserror::Error)]
pub struct ConfigError(pub Vec<Mistake>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration has {} mistake(s):", self.0.len())?;
        for Mistake { key, whence, what } in &self.0 {
            write!(f, "\n  {key} ({whence}): {what}")?;
        }
        Ok(())
    }
}

/// Where values may come from, besides the defaults.
#[derive(Debug, Default)]
pub struct Sources<'a> {
    /// A TOML file.
    pub file: Option<&'a Path>,
    /// Environment variables; only `HANSE_…` ones are looked at.
    pub environment: Vec<(String, String)>,
    /// `key=value` pairs from the command line.
    pub sets: &'a [String],
}

/// Variables that are not configuration.
const NOT_OURS: [&str; 3] = ["HANSE_CONFIG", "HANSE_BIN", "HANSE_TEST_"];

struct Given {
    key: String,
    whence: String,
    value: Value,
}

/// Reads a configuration.
///
/// # Errors
/// [`ConfigError`] with every mistake.
pub fn load<C: Config>(sources: &Sources<'_>) -> Result<C, ConfigError> {
    let mut mistakes = Vec::new();
    let mut given = Vec::new();
    if let Some(path) = sources.file {
        match std::fs::read_to_string(path)
            .map_err(|e| e.to_string())
            .and_then(|text| text.parse::<Table>().map_err(|error| error.message().to_owned()))
        {
            Ok(table) => flatten("", &table, &path.display().to_string(), &mut given),
            Err(what) => mistakes.push(mistake("the file", &path.display().to_string(), &what)),
        }
    }
    let known = keys::<C>();
    for (name, text) in &sources.environment {
        if !name.starts_with("HANSE_") || NOT_OURS.iter().any(|other| name.starts_with(other)) {
            continue;
        }
        match known.iter().find(|key| variable(key) == *name) {
            Some(key) => {
                given.push(Given { key: key.clone(), whence: name.clone(), value: parse(text) });
            }
            None => mistakes.push(mistake(name, "environment", "there is no such key")),
        }
    }
    for set in sources.sets {
        match set.split_once('=') {
            Some((key, text)) => {
                given.push(Given { key: key.into(), whence: "--set".into(), value: parse(text) });
            }
            None => mistakes.push(mistake(set, "--set", "write it as key=value")),
        }
    }
    let mut whole = Table::new();
    for Given { key, whence, value } in given {
        // Each value is tried alone, so that one mistake does not hide the next.
        match alone::<C>(&key, &value) {
            Ok(()) => insert(&mut whole, &key, value),
            // The library's words quote the value.
            Err(_) if C::SECRETS.contains(&key.as_str()) => {
                mistakes.push(mistake(
                    &key,
                    &whence,
                    "it is taken for a number or a list; write it in quotes",
                ));
            }
            Err(what) => mistakes.push(mistake(&key, &whence, &what)),
        }
    }
    let config = C::deserialize(Value::Table(whole)).unwrap_or_default();
    for (key, what) in config.mistakes() {
        mistakes.push(mistake(&key, "value", &what));
    }
    if mistakes.is_empty() { Ok(config) } else { Err(ConfigError(mistakes)) }
}

/// All keys, such as `server.listen`, sorted.
#[must_use]
pub fn keys<C: Config>() -> Vec<String> {
    let schema = schema::<C>();
    let mut keys = Vec::new();
    collect_keys(&schema, "", &mut keys);
    keys.sort();
    keys
}

/// The JSON Schema of a configuration.
#[must_use]
pub fn schema<C: Config>() -> Json {
    schemars::generate::SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator()
        .into_root_schema_for::<C>()
        .to_value()
}

/// A commented TOML file with every key at its default.
#[must_use]
pub fn sample<C: Config>() -> String {
    let schema = schema::<C>();
    let defaults = Value::try_from(C::default()).unwrap_or(Value::Table(Table::new()));
    let mut text = String::from(
        "# Every key of Hanse with its default. All are optional.\n\
         # Each can also be given as a variable (HANSE_SERVER_LISTEN) or a flag (--set server.listen=…).\n",
    );
    let sections = schema.get("properties").and_then(Json::as_object);
    for (section, part) in sections.into_iter().flatten() {
        text.push('\n');
        comment(&mut text, part);
        text.push_str(&format!("[{section}]\n"));
        for (key, part) in part.get("properties").and_then(Json::as_object).into_iter().flatten() {
            comment(&mut text, part);
            match defaults.get(section).and_then(|table| table.get(key)) {
                Some(value) => text.push_str(&format!("{key} = {value}\n")),
                None => text.push_str(&format!("# {key} =\n")),
            }
        }
    }
    text
}

fn comment(text: &mut String, part: &Json) {
    for line in part.get("description").and_then(Json::as_str).unwrap_or_default().lines() {
        text.push_str(&format!("# {line}\n"));
    }
}

fn collect_keys(part: &Json, prefix: &str, keys: &mut Vec<String>) {
    match part.get("properties").and_then(Json::as_object) {
        Some(properties) => {
            for (name, part) in properties {
                let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                collect_keys(part, &key, keys);
            }
        }
        None => keys.push(prefix.to_owned()),
    }
}

fn variable(key: &str) -> String {
    format!("HANSE_{}", key.replace('.', "_").to_ascii_uppercase())
}

/// A number, boolean or list when it reads as one, else text.
fn parse(text: &str) -> Value {
    format!("value = {text}")
        .parse::<Table>()
        .ok()
        .and_then(|mut table| table.remove("value"))
        .filter(|value| !matches!(value, Value::Datetime(_)))
        .unwrap_or_else(|| Value::String(text.to_owned()))
}

fn flatten(prefix: &str, table: &Table, whence: &str, given: &mut Vec<Given>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Table(table) => flatten(&key, table, whence, given),
            value => given.push(Given { key, whence: whence.to_owned(), value: value.clone() }),
        }
    }
}

fn alone<C: Config>(key: &str, value: &Value) -> Result<(), String> {
    let mut table = Table::new();
    insert(&mut table, key, value.clone());
    C::deserialize(Value::Table(table)).map(drop).map_err(|error| error.message().trim().to_owned())
}

fn insert(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        Some((section, rest)) => {
            let entry = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(table) = entry {
                insert(table, rest, value);
            }
        }
        None => {
            table.insert(key.to_owned(), value);
        }
    }
}

fn mistake(key: &str, whence: &str, what: &str) -> Mistake {
    Mistake { key: key.to_owned(), whence: whence.to_owned(), what: what.to_owned() }
}
