//! Where in a resource: an attribute, or a part of one.

use std::fmt::{Display, Formatter};

use serde_json::Value;

use super::attributes::{Attribute, Resource, named};

/// An attribute or a part of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The attribute.
    pub(super) attribute: &'static Attribute,
    /// The part of it.
    pub(super) part: Option<&'static Attribute>,
}

/// Among which attributes names are looked for.
#[derive(Clone, Copy)]
pub(super) enum Among {
    /// Those of a resource.
    Resource(&'static Resource),
    /// The parts of an attribute.
    Parts(&'static [Attribute]),
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        let name = |part: Option<&Attribute>| part.map(|part| part.name);
        self.attribute.name == other.attribute.name && name(self.part) == name(other.part)
    }
}

impl Among {
    /// The place of this name (RFC 7644, section 3.10): `userName`, `name.familyName`, either with the
    /// schema's name and a colon before it. `None` when there is none.
    pub(super) fn find(self, text: &str) -> Option<Place> {
        let (attribute, part) = match self {
            Self::Resource(resource) => {
                let local = local(resource, text);
                let (name, part) = split(local);
                (resource.attribute(name)?, part)
            }
            Self::Parts(parts) => (named(parts, text)?, None),
        };
        let part = match part {
            Some(part) => Some(attribute.part(part)?),
            None => None,
        };
        Some(Place { attribute, part })
    }
}

/// The name without the schema's before it.
fn local<'a>(resource: &Resource, text: &'a str) -> &'a str {
    let head = text.get(..resource.urn.len());
    match head {
        Some(head) if head.eq_ignore_ascii_case(resource.urn) => {
            text.get(head.len()..).and_then(|rest| rest.strip_prefix(':')).unwrap_or(text)
        }
        _ => text,
    }
}

fn split(text: &str) -> (&str, Option<&str>) {
    text.split_once('.').map_or((text, None), |(name, part)| (name, Some(part)))
}

impl Place {
    /// What is compared there: the part, or the attribute, whose `value` stands for it when it is of
    /// parts.
    pub(super) fn leaf(self) -> &'static Attribute {
        self.part.or_else(|| self.attribute.part("value")).unwrap_or(self.attribute)
    }

    /// The values at this place.
    pub(super) fn values(self, resource: &Value) -> Vec<&Value> {
        let Some(value) = resource.get(self.attribute.name) else { return Vec::new() };
        let whole = match value {
            Value::Array(values) => values.iter().collect(),
            value => vec![value],
        };
        let leaf = self.leaf();
        if std::ptr::eq(leaf, self.attribute) {
            return whole;
        }
        whole.into_iter().filter_map(|value| value.get(leaf.name)).collect()
    }
}

impl Display for Place {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.attribute.name)?;
        match self.part {
            Some(part) => write!(formatter, ".{}", part.name),
            None => Ok(()),
        }
    }
}
