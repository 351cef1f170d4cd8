//! Patches (RFC 7644, section 3.5.2): a resource as a client sees it, changed step by step. What comes
//! out is checked and stored like a replacement.

use serde_json::{Map, Value};

use super::attributes::{Attribute, Mutability, Resource};
use super::body::{fit, fit_one};
use super::filter::Filter;
use super::place::{Among, Place};
use super::reply::ScimError;
use super::words::{Word, Words};

/// Most operations of one patch.
const MOST: usize = 200;

/// What a client wants of a resource that is there.
#[derive(Debug)]
pub(super) enum Change {
    /// This in its place.
    Whole(Value),
    /// These steps.
    Steps(Vec<Step>),
}

/// One step.
#[derive(Debug)]
pub(super) struct Step {
    operation: Operation,
    target: Option<Target>,
    value: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Add,
    Replace,
    Remove,
}

/// What a step is about: a place, and of a list only the values that meet a condition.
#[derive(Debug)]
struct Target {
    place: Place,
    filter: Option<Filter>,
}

/// The steps of a patch.
///
/// # Errors
/// `invalidSyntax`, `invalidPath` or `invalidFilter`.
pub(super) fn steps(
    body: &Map<String, Value>,
    resource: &'static Resource,
) -> Result<Vec<Step>, ScimError> {
    let named = |wanted: &str| {
        let found = body.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value)
    };
    let Some(Value::Array(steps)) = named("Operations") else {
        return Err(ScimError::syntax("Operations is not a list"));
    };
    if steps.is_empty() || steps.len() > MOST {
        return Err(ScimError::syntax("a patch has from 1 to 200 operations"));
    }
    steps.iter().map(|step| read(step, resource)).collect()
}

fn read(step: &Value, resource: &'static Resource) -> Result<Step, ScimError> {
    let operation = step.get("op").and_then(Value::as_str).unwrap_or_default();
    let operation = match operation.to_ascii_lowercase().as_str() {
        "add" => Operation::Add,
        "replace" => Operation::Replace,
        "remove" => Operation::Remove,
        _ => return Err(ScimError::syntax("an operation is add, replace or remove")),
    };
    let target = match step.get("path") {
        None | Some(Value::Null) => None,
        Some(Value::String(path)) => Some(Target::parse(path, resource)?),
        Some(_) => return Err(ScimError::path("a path is a text")),
    };
    Ok(Step { operation, target, value: step.get("value").cloned() })
}

impl Target {
    fn parse(path: &str, resource: &'static Resource) -> Result<Self, ScimError> {
        let wrong = ScimError::path("there is no such attribute");
        let mut words = Words::of(path)?;
        let Some(Word::Plain(name)) = words.next() else { return Err(wrong) };
        let mut place = Among::Resource(resource).find(&name).ok_or(wrong.clone())?;
        let mut filter = None;
        if words.takes(&Word::Begin) {
            if !place.attribute.multi || place.part.is_some() {
                return Err(ScimError::path("only lists are filtered"));
            }
            filter = Some(Filter::read(&mut words, Among::Parts(place.attribute.parts))?);
            if !words.takes(&Word::End) {
                return Err(ScimError::path("a bracket is not closed"));
            }
            if let Some(part) = words.takes_part() {
                place.part = Some(place.attribute.part(&part).ok_or(wrong)?);
            }
        }
        if words.is_over() {
            Ok(Self { place, filter })
        } else {
            Err(ScimError::path("there is more after the path"))
        }
    }
}

/// Takes the steps one after another.
///
/// # Errors
/// `noTarget`, `mutability` or `invalidValue`.
pub(super) fn apply(
    resource: &'static Resource,
    mut value: Value,
    steps: &[Step],
) -> Result<Value, ScimError> {
    let Some(members) = value.as_object_mut() else { return Ok(value) };
    for step in steps {
        match (&step.target, step.operation) {
            (Some(target), Operation::Remove) => remove(members, target, step.value.as_ref())?,
            (Some(target), operation) => {
                let given = step.value.as_ref().ok_or(NO_VALUE)?;
                set(members, target, operation, given)?;
            }
            (None, Operation::Remove) => {
                return Err(ScimError::target("what is to be removed is not named"));
            }
            (None, operation) => {
                let given = step.value.as_ref().and_then(Value::as_object).ok_or(NO_VALUE)?;
                merge(resource, members, operation, given)?;
            }
        }
    }
    Ok(value)
}

const NO_VALUE: ScimError = ScimError::value("the value is missing, or is no object");

/// A step without a path: every member of its value is one. Members that we do not know are left out,
/// as in a replacement.
fn merge(
    resource: &'static Resource,
    members: &mut Map<String, Value>,
    operation: Operation,
    given: &Map<String, Value>,
) -> Result<(), ScimError> {
    for (name, value) in given {
        let Some(place) = Among::Resource(resource).find(name) else { continue };
        set(members, &Target { place, filter: None }, operation, value)?;
    }
    Ok(())
}

/// May clients set what is there?
fn writable(place: Place) -> Result<(), ScimError> {
    let fixed = place.part.is_some_and(|part| part.mutability != Mutability::ReadWrite);
    if fixed || place.attribute.is_read_only() {
        return Err(ScimError::mutability("this attribute is not set by clients"));
    }
    Ok(())
}

fn set(
    members: &mut Map<String, Value>,
    target: &Target,
    operation: Operation,
    given: &Value,
) -> Result<(), ScimError> {
    let Place { attribute, part } = target.place;
    writable(target.place)?;
    if given.is_null() {
        return remove(members, target, None);
    }
    if attribute.multi {
        return set_list(members, target, operation, given);
    }
    let fitted = match part {
        Some(part) => single(part, fit_one(part, given)?),
        None => fit(attribute, given)?,
    };
    match (members.get_mut(attribute.name), fitted) {
        // Of parts, those that are named are set.
        (Some(Value::Object(old)), Value::Object(new)) => old.extend(new),
        (_, fitted) => {
            members.insert(attribute.name.to_owned(), fitted);
        }
    }
    Ok(())
}

fn set_list(
    members: &mut Map<String, Value>,
    target: &Target,
    operation: Operation,
    given: &Value,
) -> Result<(), ScimError> {
    let Place { attribute, part } = target.place;
    let list = members.entry(attribute.name).or_insert_with(|| Value::Array(Vec::new()));
    let Value::Array(list) = list else { return Ok(()) };
    let fitted = match part {
        Some(part) => single(part, fit_one(part, given)?),
        None if target.filter.is_some() => fit_one(attribute, given)?,
        None => fit(attribute, given)?,
    };
    let Value::Array(new) = fitted else {
        return set_values(list, target, fitted);
    };
    if operation == Operation::Replace {
        list.clear();
    }
    let primary = |value: &Value| value.get("primary") == Some(&Value::Bool(true));
    if new.iter().any(primary) {
        for old in list.iter_mut().filter_map(Value::as_object_mut) {
            old.remove("primary");
        }
    }
    let known = |list: &[Value], value: &Value| list.iter().any(|old| same(old, value));
    for value in new {
        if !known(list, &value) {
            list.push(value);
        }
    }
    Ok(())
}

/// Sets parts of those values of a list that are meant.
fn set_values(list: &mut Vec<Value>, target: &Target, parts: Value) -> Result<(), ScimError> {
    let Value::Object(parts) = parts else { return Ok(()) };
    let fixed = |part: &&String| {
        let part = target.place.attribute.part(part);
        part.is_some_and(|part| part.mutability == Mutability::Immutable)
    };
    if parts.keys().any(|part| fixed(&part)) {
        return Err(ScimError::mutability("the values of this list are added and removed whole"));
    }
    if list.is_empty() && target.filter.is_none() {
        list.push(Value::Object(parts));
        return Ok(());
    }
    let mut found = false;
    for value in list.iter_mut().filter(|value| target.means(value)) {
        found = true;
        if let Value::Object(old) = value {
            old.extend(parts.clone());
        }
    }
    if found { Ok(()) } else { Err(ScimError::target("no value meets the condition")) }
}

impl Target {
    fn means(&self, value: &Value) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.holds(value))
    }
}

/// Removing what is not there is no mistake: it is as it was wanted.
fn remove(
    members: &mut Map<String, Value>,
    target: &Target,
    given: Option<&Value>,
) -> Result<(), ScimError> {
    let Place { attribute, part } = target.place;
    writable(target.place)?;
    let listed = given.filter(|given| attribute.multi && !given.is_null());
    let whole = target.filter.is_none() && listed.is_none();
    let needed = part.map_or(whole && attribute.required, |part| part.required);
    if needed {
        return Err(ScimError::mutability("this attribute cannot be missing"));
    }
    match (members.get_mut(attribute.name), part) {
        (Some(Value::Object(old)), Some(part)) => {
            old.remove(part.name);
        }
        (Some(Value::Array(list)), Some(part)) => {
            for value in list.iter_mut().filter(|value| target.means(value)) {
                value.as_object_mut().and_then(|value| value.remove(part.name));
            }
        }
        (Some(Value::Array(list)), None) if !whole => {
            let listed = listed.map(|given| fit(attribute, given)).transpose()?;
            let named = |value: &Value| match &listed {
                Some(Value::Array(listed)) => listed.iter().any(|other| same(other, value)),
                _ => true,
            };
            list.retain(|value| !(target.means(value) && named(value)));
        }
        _ => {
            members.remove(attribute.name);
        }
    }
    Ok(())
}

/// Two values of a list are the same when their `value` is.
fn same(one: &Value, other: &Value) -> bool {
    match (one.get("value"), other.get("value")) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

fn single(part: &Attribute, value: Value) -> Value {
    Value::Object(Map::from_iter([(part.name.to_owned(), value)]))
}

#[cfg(test)]
mod tests;
