//! What clients ask for: a filter, an order, a page, and which attributes (RFC 7644, section 3.4.2).

use hanse_http::{Exchange, Input, OperationDoc, Problem};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::attributes::Resource;
use super::body::ScimBody;
use super::filter::Filter;
use super::place::{Among, Place};
use super::reply::{ScimError, tag};

/// Resources on a page when the client does not say.
const PAGE: i64 = 100;
/// The most on a page.
pub(super) const LARGEST_PAGE: i64 = 200;
/// Most attributes of a selection.
const MOST: usize = 50;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Asked {
    filter: Option<String>,
    sort_by: Option<String>,
    sort_order: Option<String>,
    start_index: Option<i64>,
    count: Option<i64>,
    attributes: Option<String>,
    excluded_attributes: Option<String>,
}

impl Asked {
    fn read(mut members: Map<String, Value>) -> Result<Self, ScimError> {
        let wrong = ScimError::value("a search holds texts, numbers and lists of names");
        for name in ["attributes", "excludedAttributes"] {
            let Some(Value::Array(names)) = members.get_mut(name) else { continue };
            let names: Option<Vec<&str>> = names.iter().map(Value::as_str).collect();
            let names = names.ok_or(wrong.clone())?.join(",");
            members.insert(name.to_owned(), Value::String(names));
        }
        serde_json::from_value(Value::Object(members)).map_err(|_| wrong)
    }
}

/// The query of a request, and the version that the client has.
#[derive(Debug)]
pub struct ScimQuery {
    asked: Result<Asked, ScimError>,
    none_match: Option<String>,
}

impl Input for ScimQuery {
    fn describe(_: &mut OperationDoc) {}

    fn take(exchange: &Exchange) -> Result<Self, Problem> {
        let query = exchange.parts.uri.query().unwrap_or_default();
        let asked = serde_urlencoded::from_str::<Asked>(query);
        let none_match = exchange.parts.headers.get("if-none-match");
        Ok(Self {
            asked: asked.map_err(|_| ScimError::value("the query cannot be read")),
            none_match: none_match.and_then(|value| value.to_str().ok()).map(str::to_owned),
        })
    }
}

/// Which of a list.
#[derive(Debug)]
pub(super) struct Listing {
    /// The condition.
    pub(super) filter: Option<Filter>,
    /// By what they are ordered, and whether downwards.
    pub(super) order: Option<(Place, bool)>,
    /// How many are left out at the beginning.
    pub(super) skip: i64,
    /// How many are wanted.
    pub(super) count: i64,
    /// What of each.
    pub(super) selection: Selection,
}

impl ScimQuery {
    /// The same as a search says it in its body (section 3.4.3).
    pub(super) fn of(body: ScimBody) -> Self {
        Self { asked: body.object().and_then(Asked::read), none_match: None }
    }

    /// Has the client this version?
    pub(super) fn has(&self, version: i64) -> bool {
        let tags = self.none_match.as_deref().unwrap_or_default();
        tags.split(',').any(|other| other.trim().trim_start_matches("W/") == tag(version))
    }

    /// Does it ask for a filter?
    pub(super) fn is_filtered(&self) -> bool {
        self.asked.as_ref().is_ok_and(|asked| asked.filter.is_some())
    }

    /// What of a resource.
    ///
    /// # Errors
    /// `invalidValue`.
    pub(super) fn selection(&self, resource: &'static Resource) -> Result<Selection, ScimError> {
        let asked = self.asked.clone()?;
        let places = |text: Option<String>| text.map(|text| places(&text, resource)).transpose();
        let only = places(asked.attributes)?;
        let without = places(asked.excluded_attributes)?.unwrap_or_default();
        if only.is_some() && !without.is_empty() {
            return Err(ScimError::value("attributes and excludedAttributes exclude each other"));
        }
        Ok(Selection { only, without })
    }

    /// Which of a list.
    ///
    /// # Errors
    /// `invalidFilter`, `invalidPath` or `invalidValue`.
    pub(super) fn listing(&self, resource: &'static Resource) -> Result<Listing, ScimError> {
        let asked = self.asked.clone()?;
        let place = |name: String| {
            let found = Among::Resource(resource).find(&name);
            found.ok_or(ScimError::path("there is no such attribute to sort by"))
        };
        let order = asked.sort_by.map(place).transpose()?;
        let downwards = match asked.sort_order.as_deref() {
            None | Some("ascending") => false,
            Some("descending") => true,
            Some(_) => return Err(ScimError::value("an order is ascending or descending")),
        };
        let filter = asked.filter.map(|text| Filter::parse(&text, resource)).transpose()?;
        Ok(Listing {
            filter,
            order: order.map(|place| (place, downwards)),
            skip: asked.start_index.unwrap_or(1).max(1) - 1,
            count: asked.count.unwrap_or(PAGE).clamp(0, LARGEST_PAGE),
            selection: self.selection(resource)?,
        })
    }
}

/// Names that we do not know choose nothing.
fn places(text: &str, resource: &'static Resource) -> Result<Vec<Place>, ScimError> {
    let names: Vec<&str> = text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if names.len() > MOST {
        return Err(ScimError::value("at most 50 attributes are named"));
    }
    Ok(names.into_iter().filter_map(|name| Among::Resource(resource).find(name)).collect())
}

/// Which attributes of a resource are shown. `schemas` and `id` always are.
#[derive(Debug, Default)]
pub(super) struct Selection {
    only: Option<Vec<Place>>,
    without: Vec<Place>,
}

impl Selection {
    /// Is anything of this attribute shown?
    pub(super) fn shows(&self, name: &str) -> bool {
        let whole = |place: &Place| place.part.is_none() && place.attribute.name == name;
        match &self.only {
            Some(places) => places.iter().any(|place| place.attribute.name == name),
            None => !self.without.iter().any(whole),
        }
    }

    /// The resource without what is not shown.
    pub(super) fn of(&self, resource: Value) -> Value {
        let Value::Object(members) = resource else { return resource };
        let always = |name: &str| matches!(name, "schemas" | "id");
        let shown = members.into_iter().filter_map(|(name, value)| {
            if always(&name) {
                return Some((name, value));
            }
            let value = self.shows(&name).then_some(value)?;
            let value = self.parts(&name, value);
            Some((name, value))
        });
        Value::Object(shown.collect())
    }

    /// The value of an attribute without the parts that are not shown.
    fn parts(&self, name: &str, value: Value) -> Value {
        let of = |places: &[Place]| -> Vec<&'static str> {
            let mine = places.iter().filter(|place| place.attribute.name == name);
            mine.filter_map(|place| place.part.map(|part| part.name)).collect()
        };
        let whole = |place: &Place| place.attribute.name == name && place.part.is_none();
        match &self.only {
            Some(places) if places.iter().any(whole) => value,
            Some(places) => {
                let wanted = of(places);
                keep(value, &|part| wanted.contains(&part))
            }
            None => {
                let hidden = of(&self.without);
                keep(value, &|part| !hidden.contains(&part))
            }
        }
    }
}

fn keep(value: Value, wanted: &impl Fn(&str) -> bool) -> Value {
    match value {
        Value::Array(values) => values.into_iter().map(|value| keep(value, wanted)).collect(),
        Value::Object(members) => {
            let members: Map<_, _> = members.into_iter().filter(|(part, _)| wanted(part)).collect();
            Value::Object(members)
        }
        value => value,
    }
}
