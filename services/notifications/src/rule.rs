//! A rule: which events become which messages to whom. Rules without a store.
//!
//! Conditions and values are expressions of a small language: what an event says, literals, comparisons,
//! `and`, `or`, `not`, `in`, arithmetic, and two filters. It has no loops and no calls, little fuel, and
//! reaches nothing but the event.
//!
//! What is personal in an event stays its owner's: a rule that tells anybody else sees only ids, times,
//! numbers and truth values of it, in conditions too, which would otherwise tell by firing.

use std::collections::{BTreeMap, BTreeSet};

use garde::Validate;
use hanse_contracts::messages::{self, Message};
use hanse_events::Recorded;
use hanse_events::schema::EventType;
use jiff::Timestamp;
use minijinja::value::Value as Jinja;
use minijinja::{Environment, ErrorKind, UndefinedBehavior};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::checks;
use crate::template::Values;

/// Steps of one expression.
const FUEL: u64 = 2_000;
/// Longest value, in bytes.
const LONGEST_VALUE: usize = 16_384;
/// What an event says besides its data.
const FACTS: [&str; 6] = ["data", "id", "type", "subject", "actor", "time"];

/// Which events become which messages to whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NotificationRule", example = example())]
pub struct Rule {
    /// Its name.
    #[garde(length(chars, min = 1, max = 100))]
    pub name: String,
    /// The type of the events, such as `thoughts.ThoughtCreated`.
    #[garde(length(max = 100), custom(checks::type_name))]
    pub event: String,
    /// Only events of which this is true, such as `'alarm' in data.tags`. An expression over `data`, `id`,
    /// `type`, `subject`, `actor` and `time`: literals, comparisons, `and`, `or`, `not`, `in`, arithmetic,
    /// the filters `length` and `lower`, the test `defined`.
    #[serde(default)]
    #[garde(inner(length(bytes, min = 1, max = 1_000)))]
    pub when: Option<String>,
    /// The type of the message: its template, and what preferences go by.
    #[serde(rename = "type")]
    #[garde(length(min = 3, max = 100), custom(checks::type_name))]
    pub kind: String,
    /// The template's values, each an expression.
    #[serde(default)]
    #[garde(length(max = 20), custom(expressions))]
    pub values: BTreeMap<String, String>,
    /// Who is told.
    #[garde(dive)]
    pub recipient: Recipient,
    /// The only ways it may go; as people prefer, when empty.
    #[serde(default)]
    #[garde(length(max = 4))]
    pub channels: Vec<messages::Channel>,
    /// People must know of it: preferences, quiet hours and digests do not hold it back.
    #[serde(default)]
    #[garde(skip)]
    pub essential: bool,
    /// How often one person is told at the most.
    #[serde(default)]
    #[garde(dive)]
    pub throttle: Throttle,
    /// Does it count?
    #[serde(default = "yes")]
    #[garde(skip)]
    pub enabled: bool,
}

fn yes() -> bool {
    true
}

/// Who is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "NotificationRecipient")]
pub enum Recipient {
    /// Whom the event is about: its owner.
    Owner,
    /// The account that this field of the event's data names.
    Field(#[garde(length(min = 1, max = 100))] String),
    /// Everybody who was given this role.
    Role(#[garde(length(min = 1, max = 100))] String),
    /// Everybody in this group.
    Group(#[garde(skip)] Uuid),
    /// These accounts.
    Users(#[garde(length(min = 1, max = 100))] Vec<Uuid>),
}

/// How often one person is told by a rule at the most; what is more is counted and not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "NotificationThrottle")]
pub struct Throttle {
    /// So often.
    #[garde(range(min = 1, max = 1_000))]
    pub most: u32,
    /// Within so many seconds.
    #[garde(range(min = 1, max = 604_800))]
    pub seconds: u32,
}

impl Default for Throttle {
    fn default() -> Self {
        Self { most: 60, seconds: 3_600 }
    }
}

/// What a rule makes of an event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Made {
    /// The account that the event names, when the rule asks for that.
    pub(crate) named: Option<Uuid>,
    pub(crate) values: Values,
}

/// Why a rule cannot be used, or what went wrong with an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct RuleError(pub(crate) String);

impl Rule {
    /// What it makes of an event; nothing when its condition is not met.
    pub(crate) fn apply(&self, record: &Recorded) -> Result<Option<Made>, RuleError> {
        let facts = self.facts(record);
        let environment = environment();
        if let Some(when) = &self.when
            && !holds(&environment, when, &facts)?
        {
            return Ok(None);
        }
        let mut values = Values::new();
        for (name, source) in &self.values {
            let value = evaluate(&environment, name, source, &facts)?.to_string();
            if value.len() > LONGEST_VALUE {
                return Err(RuleError(format!("the value {name} is too long")));
            }
            values.insert(name.clone(), value);
        }
        let named = match &self.recipient {
            Recipient::Field(field) => {
                let named = evaluate(&environment, "recipient", &format!("data.{field}"), &facts)?;
                named.as_str().and_then(|text| text.parse().ok())
            }
            _ => None,
        };
        Ok(Some(Made { named, values }))
    }

    /// Refuses a rule that cannot work with any event of its type.
    pub(crate) fn check(&self, types: &[EventType]) -> Result<(), RuleError> {
        let wrong = |what: String| Err(RuleError(what));
        let Some(event) = types.iter().find(|known| known.name == self.event) else {
            let names: Vec<&str> = types.iter().map(|known| known.name).collect();
            return wrong(format!(
                "no rule can follow {}; there are {}",
                self.event,
                names.join(", ")
            ));
        };
        let schema = (event.schema)();
        let environment = environment();
        let expressions = self.values.iter().map(|(name, source)| (name.as_str(), source));
        for (name, source) in expressions.chain(self.when.as_ref().map(|when| ("when", when))) {
            let expression = environment.compile_expression(source);
            let expression = expression.map_err(|error| trouble(name, &error))?;
            for variable in expression.undeclared_variables(true) {
                self.check_variable(name, &variable, &schema)?;
            }
            if let Err(error) = expression.eval(facts(json!({ "data": {} })))
                && is_unknown(error.kind())
            {
                return Err(trouble(name, &error));
            }
        }
        if let Recipient::Field(field) = &self.recipient
            && property(&schema, field).is_none_or(|it| it.get("format") != Some(&json!("uuid")))
        {
            return wrong(format!("{} has no field {field} with an account", self.event));
        }
        Ok(())
    }

    fn check_variable(&self, name: &str, variable: &str, schema: &Value) -> Result<(), RuleError> {
        let mut steps = variable.split('.');
        let fact = steps.next().unwrap_or_default();
        if !FACTS.contains(&fact) {
            return Err(RuleError(format!("{name}: an event says nothing of {fact}")));
        }
        let ("data", Some(field)) = (fact, steps.next()) else { return Ok(()) };
        let Some(property) = property(schema, field) else {
            return Err(RuleError(format!("{name}: {} has no field {field}", self.event)));
        };
        if self.sees_all() || is_impersonal(property) {
            return Ok(());
        }
        Err(RuleError(format!("{name}: {field} is shown to nobody but the owner of the event")))
    }

    /// Only whom an event is about sees what is personal in it.
    fn sees_all(&self) -> bool {
        self.recipient == Recipient::Owner
    }

    fn facts(&self, record: &Recorded) -> Jinja {
        let data = record.data.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let mut data: Value = data.unwrap_or_default();
        if record.owner.is_some() && !self.sees_all() {
            data = impersonal(data).unwrap_or_default();
        }
        facts(json!({
            "data": data, "id": record.id, "type": record.kind, "subject": record.subject,
            "actor": record.actor, "time": record.time,
        }))
    }

    /// The message of this rule and event. Its id is theirs: whoever makes it again makes the same.
    pub(crate) fn message(&self, rule: Uuid, event: Uuid, values: Values) -> Message {
        Message {
            id: derived(rule, event),
            template: self.kind.clone(),
            channels: self.channels.clone(),
            essential: self.essential,
            email: None,
            phone: None,
            values,
            sealed: None,
            expires_at: None,
        }
    }
}

/// What an expression knows.
fn facts(facts: Value) -> Jinja {
    // Whatever JSON is, is a value of the language too.
    serde_json::from_value(facts).unwrap_or_default()
}

/// An id that belongs to both of these (RFC 9562, version 8).
pub(crate) fn derived(rule: Uuid, event: Uuid) -> Uuid {
    let digest = Sha256::new().chain_update(rule).chain_update(event).finalize();
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest).for_each(|(place, byte)| *place = byte);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// Comparisons and two filters, nothing else.
fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(20);
    environment.add_filter("length", minijinja::filters::length);
    environment.add_filter("lower", minijinja::filters::lower);
    environment.add_test("defined", minijinja::tests::is_defined);
    environment
}

/// Is this true? Not of an event that does not say what it asks for, such as one of an older release.
fn holds(environment: &Environment<'_>, source: &str, facts: &Jinja) -> Result<bool, RuleError> {
    let expression = environment.compile_expression(source);
    let expression = expression.map_err(|error| trouble("when", &error))?;
    match expression.eval(facts.clone()) {
        Ok(value) => Ok(value.is_true()),
        Err(error) if error.kind() == ErrorKind::UndefinedError => Ok(false),
        Err(error) => Err(trouble("when", &error)),
    }
}

fn evaluate(
    environment: &Environment<'_>,
    name: &str,
    source: &str,
    facts: &Jinja,
) -> Result<Jinja, RuleError> {
    let expression = environment.compile_expression(source);
    let expression = expression.map_err(|error| trouble(name, &error))?;
    let value = expression.eval(facts.clone()).map_err(|error| trouble(name, &error))?;
    if value.is_undefined() {
        return Err(RuleError(format!("{name}: the event does not say this")));
    }
    Ok(value)
}

/// Is something named that this language does not have?
fn is_unknown(kind: ErrorKind) -> bool {
    use ErrorKind::{UnknownFilter, UnknownFunction, UnknownMethod, UnknownTest};
    matches!(kind, UnknownFilter | UnknownFunction | UnknownMethod | UnknownTest)
}

/// What is wrong, without what the event says.
fn trouble(name: &str, error: &minijinja::Error) -> RuleError {
    RuleError(format!("{name}: {}", error.kind()))
}

fn expressions(values: &BTreeMap<String, String>, context: &()) -> garde::Result {
    checks::values(values, context)?;
    if values.values().all(|source| (1..=1_000).contains(&source.len())) {
        return Ok(());
    }
    Err(garde::Error::new("an expression has 1 to 1000 bytes"))
}

/// The schema of a field of an event's data.
fn property<'a>(schema: &'a Value, field: &str) -> Option<&'a Map<String, Value>> {
    schema.get("properties")?.get(field)?.as_object()
}

/// Can a field of this schema hold nothing that somebody wrote?
fn is_impersonal(property: &Map<String, Value>) -> bool {
    let kinds: BTreeSet<&str> = match property.get("type") {
        Some(Value::String(kind)) => BTreeSet::from([kind.as_str()]),
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => return false,
    };
    let plain = ["integer", "number", "boolean", "null"];
    let formatted = ["uuid", "date-time"].map(|format| Some(json!(format)));
    let format = property.get("format").cloned();
    kinds
        .iter()
        .all(|kind| plain.contains(kind) || (*kind == "string" && formatted.contains(&format)))
}

/// What of this nobody wrote: ids, times, numbers, truth values.
fn impersonal(value: Value) -> Option<Value> {
    match value {
        Value::String(text) => {
            let id = Uuid::try_parse(&text).is_ok_and(|id| id.to_string() == text);
            (id || text.parse::<Timestamp>().is_ok()).then_some(Value::String(text))
        }
        Value::Object(fields) => {
            let fields = fields.into_iter();
            Some(fields.filter_map(|(name, value)| Some((name, impersonal(value)?))).collect())
        }
        Value::Array(items) => Some(items.into_iter().filter_map(impersonal).collect()),
        plain => Some(plain),
    }
}

fn example() -> Value {
    json!({
        "name": "Alarms", "event": "thoughts.ThoughtCreated", "when": "'alarm' in data.tags",
        "type": "notifications.announcement",
        "values": { "title": "'You wrote of an alarm'", "text": "data.text" },
        "recipient": "owner", "channels": ["email"], "throttle": { "most": 3, "seconds": 3600 },
    })
}

#[cfg(test)]
#[path = "rule/tests.rs"]
mod tests;
