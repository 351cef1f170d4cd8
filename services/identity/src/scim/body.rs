//! What clients send: read into the names of our own table, with nothing in it that is not there.

use bytes::Bytes;
use hanse_http::{Exchange, Input, OperationDoc, Problem};
use serde_json::{Map, Value};

use super::attributes::{Attribute, Kind, Resource};
use super::reply::{MEDIA, ScimError};

/// A body, not read yet: what is wrong with it is told in the protocol's own words.
#[derive(Debug)]
pub struct ScimBody(Result<Bytes, ScimError>);

impl Input for ScimBody {
    const READS_BODY: bool = true;

    fn describe(_: &mut OperationDoc) {}

    fn take(exchange: &Exchange) -> Result<Self, Problem> {
        let header = |name: &str| exchange.parts.headers.get(name)?.to_str().ok();
        let kind = header("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
        let kind = kind.trim().to_ascii_lowercase();
        let plain = header("content-encoding").is_none_or(|encoding| encoding == "identity");
        if plain && (kind == MEDIA || kind == "application/json") {
            return Ok(Self(Ok(exchange.body.clone())));
        }
        Ok(Self(Err(ScimError::syntax("the body must be application/scim+json, not compressed"))))
    }
}

impl ScimBody {
    /// The JSON object in it.
    ///
    /// # Errors
    /// `invalidSyntax`.
    pub(super) fn object(self) -> Result<Map<String, Value>, ScimError> {
        let value = serde_json::from_slice(&self.0?);
        match value {
            Ok(Value::Object(members)) => Ok(members),
            _ => Err(ScimError::syntax("the body is not a JSON object")),
        }
    }

    /// The resource in it, as far as clients may set it. What we do not know is left out, and so is
    /// what nobody sets (RFC 7644, section 3.3).
    ///
    /// # Errors
    /// `invalidSyntax`, or `invalidValue` for values of another kind.
    pub(super) fn resource(self, resource: &'static Resource) -> Result<Value, ScimError> {
        let members = self.object()?;
        if let Some(schemas) = members.get("schemas") {
            let named = |value: &Value| {
                value.as_str().is_some_and(|urn| urn.eq_ignore_ascii_case(resource.urn))
            };
            if !schemas.as_array().is_some_and(|schemas| schemas.iter().any(named)) {
                return Err(ScimError::value("schemas does not name the schema of the resource"));
            }
        }
        let given = |name: &str| resource.attribute(name).filter(|one| !one.is_read_only());
        clean(&members, given)
    }
}

/// The members that we know, under our names. Parts of a value that nobody sets may stand in it: which of
/// two addresses is the primary one is the client's to say.
fn clean(
    members: &Map<String, Value>,
    find: impl Fn(&str) -> Option<&'static Attribute>,
) -> Result<Value, ScimError> {
    let mut known = Map::new();
    for (name, value) in members {
        let Some(attribute) = find(name).filter(|_| !value.is_null()) else { continue };
        if known.insert(attribute.name.to_owned(), fit(attribute, value)?).is_some() {
            return Err(ScimError::syntax("an attribute is there twice"));
        }
    }
    Ok(Value::Object(known))
}

/// The value as the attribute takes it.
///
/// # Errors
/// `invalidValue`.
pub(super) fn fit(attribute: &'static Attribute, value: &Value) -> Result<Value, ScimError> {
    match (attribute.multi, value) {
        (true, Value::Array(values)) => {
            let fitted: Result<Vec<_>, _> =
                values.iter().map(|value| fit_one(attribute, value)).collect();
            fitted.map(Value::Array)
        }
        // One value of a list may come alone.
        (true, value) => Ok(Value::Array(vec![fit_one(attribute, value)?])),
        (false, value) => fit_one(attribute, value),
    }
}

/// One value as the attribute takes it.
pub(super) fn fit_one(attribute: &'static Attribute, value: &Value) -> Result<Value, ScimError> {
    match (attribute.kind, value) {
        (Kind::Parts, Value::Object(members)) => clean(members, |name| attribute.part(name)),
        (Kind::Text | Kind::Reference, Value::String(text)) if !text.contains('\0') => {
            Ok(value.clone())
        }
        (Kind::Truth, Value::Bool(_)) => Ok(value.clone()),
        // Clients of a well-known kind send them as texts.
        (Kind::Truth, Value::String(text)) => {
            let truth = text.to_ascii_lowercase().parse::<bool>();
            truth.map(Value::Bool).map_err(|_| WRONG)
        }
        _ => Err(WRONG),
    }
}

const WRONG: ScimError = ScimError::value("a value is not of the kind that its attribute has");
