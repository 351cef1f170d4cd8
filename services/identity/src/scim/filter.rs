//! Filters (RFC 7644, section 3.4.2.2): read within bounds, and decided on one resource at a time.
//!
//! A filter is decided here and not by the store, so it means the same on either engine, and nothing
//! of it comes near a statement. What can be found by an index is ([`Filter::wanted`]); the rest is
//! looked at.

use std::fmt::{Display, Formatter};

use jiff::Timestamp;
use serde_json::Value;

use super::attributes::{Kind, Resource};
use super::place::{Among, Place};
use super::reply::ScimError;
use super::words::{Word, Words};

/// How deep brackets go.
const DEEPEST: usize = 12;
/// Most comparisons.
const MOST: usize = 50;

/// A condition on a resource.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Filter {
    /// One of these holds.
    Any(Vec<Self>),
    /// All of these hold.
    All(Vec<Self>),
    /// This does not hold.
    Not(Box<Self>),
    /// There is a value.
    Present(Place),
    /// A value compares so.
    Compare(Place, Operator, Wanted),
    /// One value of a list meets the condition on its parts.
    Within(Place, Box<Self>),
}

/// How values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Contains,
    StartsWith,
    EndsWith,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

const OPERATORS: [(&str, Operator); 9] = [
    ("eq", Operator::Equal),
    ("ne", Operator::NotEqual),
    ("co", Operator::Contains),
    ("sw", Operator::StartsWith),
    ("ew", Operator::EndsWith),
    ("gt", Operator::Greater),
    ("ge", Operator::GreaterOrEqual),
    ("lt", Operator::Less),
    ("le", Operator::LessOrEqual),
];

/// What values are compared with.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Wanted {
    Nothing,
    Truth(bool),
    Text(String),
    Time(Timestamp),
}

impl Filter {
    /// Reads a filter on a resource.
    ///
    /// # Errors
    /// `invalidFilter`.
    pub(super) fn parse(text: &str, resource: &'static Resource) -> Result<Self, ScimError> {
        let mut words = Words::of(text)?;
        let filter = Self::read(&mut words, Among::Resource(resource))?;
        if words.is_over() {
            return Ok(filter);
        }
        Err(ScimError::filter("there is more after the filter"))
    }

    /// Reads a filter up to the first word that does not belong to it.
    pub(super) fn read(words: &mut Words, among: Among) -> Result<Self, ScimError> {
        Reader { words, left: MOST }.any(among, 0)
    }

    /// Does it hold?
    pub(super) fn holds(&self, resource: &Value) -> bool {
        match self {
            Self::Any(filters) => filters.iter().any(|filter| filter.holds(resource)),
            Self::All(filters) => filters.iter().all(|filter| filter.holds(resource)),
            Self::Not(filter) => !filter.holds(resource),
            Self::Present(place) => place.values(resource).into_iter().any(is_there),
            Self::Compare(place, operator, wanted) => {
                compare(&place.values(resource), *place, *operator, wanted)
            }
            Self::Within(place, filter) => match resource.get(place.attribute.name) {
                Some(Value::Array(values)) => values.iter().any(|value| filter.holds(value)),
                Some(value) => filter.holds(value),
                None => false,
            },
        }
    }

    /// The text that this attribute must equal for the filter to hold, if it says one: what an index
    /// can find.
    pub(super) fn wanted(&self, name: &str) -> Option<&str> {
        match self {
            Self::Compare(place, Operator::Equal, Wanted::Text(text))
                if place.attribute.name == name
                    && place.part.is_none_or(|part| part.name == "value") =>
            {
                Some(text)
            }
            Self::All(filters) => filters.iter().find_map(|filter| filter.wanted(name)),
            _ => None,
        }
    }

    /// Does it look at this attribute?
    pub(super) fn mentions(&self, name: &str) -> bool {
        match self {
            Self::Any(filters) | Self::All(filters) => {
                filters.iter().any(|filter| filter.mentions(name))
            }
            Self::Not(filter) => filter.mentions(name),
            Self::Present(place) | Self::Compare(place, ..) | Self::Within(place, _) => {
                place.attribute.name == name
            }
        }
    }
}

struct Reader<'a> {
    words: &'a mut Words,
    left: usize,
}

impl Reader<'_> {
    fn any(&mut self, among: Among, depth: usize) -> Result<Filter, ScimError> {
        let mut filters = vec![self.all(among, depth)?];
        while self.words.takes_keyword("or") {
            filters.push(self.all(among, depth)?);
        }
        Ok(alone(filters, Filter::Any))
    }

    fn all(&mut self, among: Among, depth: usize) -> Result<Filter, ScimError> {
        let mut filters = vec![self.one(among, depth)?];
        while self.words.takes_keyword("and") {
            filters.push(self.one(among, depth)?);
        }
        Ok(alone(filters, Filter::All))
    }

    fn one(&mut self, among: Among, depth: usize) -> Result<Filter, ScimError> {
        if depth > DEEPEST {
            return Err(ScimError::filter("brackets go at most 12 deep"));
        }
        self.left = self.left.checked_sub(1).ok_or(ScimError::filter("at most 50 comparisons"))?;
        let name = match self.words.next() {
            Some(Word::Open) => return self.inside(among, depth),
            Some(Word::Plain(name)) => name,
            _ => return Err(ScimError::filter("the name of an attribute is missing")),
        };
        if name.eq_ignore_ascii_case("not") && self.words.takes(&Word::Open) {
            return Ok(Filter::Not(Box::new(self.inside(among, depth)?)));
        }
        let place = among.find(&name).ok_or(ScimError::filter("there is no such attribute"))?;
        if self.words.takes(&Word::Begin) {
            let parts = place.attribute.parts;
            if parts.is_empty() || place.part.is_some() {
                return Err(ScimError::filter("this attribute has no parts"));
            }
            let filter = self.any(Among::Parts(parts), depth + 1)?;
            return match self.words.takes(&Word::End) {
                true => Ok(Filter::Within(place, Box::new(filter))),
                false => Err(ScimError::filter("a bracket is not closed")),
            };
        }
        self.comparison(place)
    }

    fn inside(&mut self, among: Among, depth: usize) -> Result<Filter, ScimError> {
        let filter = self.any(among, depth + 1)?;
        match self.words.takes(&Word::Close) {
            true => Ok(filter),
            false => Err(ScimError::filter("a bracket is not closed")),
        }
    }

    fn comparison(&mut self, place: Place) -> Result<Filter, ScimError> {
        if self.words.takes_keyword("pr") {
            return Ok(Filter::Present(place));
        }
        let operator = match self.words.next() {
            Some(Word::Plain(word)) => {
                OPERATORS.iter().find(|(name, _)| name.eq_ignore_ascii_case(&word))
            }
            _ => None,
        };
        let (_, operator) = operator.ok_or(ScimError::filter("there is no such operator"))?;
        let value = self.words.next().ok_or(ScimError::filter("the value is missing"))?;
        let wanted = wanted(place, *operator, value);
        wanted
            .map(|wanted| Filter::Compare(place, *operator, wanted))
            .ok_or(ScimError::filter("the attribute cannot be compared so with this value"))
    }
}

fn alone(mut filters: Vec<Filter>, several: impl Fn(Vec<Filter>) -> Filter) -> Filter {
    match (filters.pop(), filters.is_empty()) {
        (Some(filter), true) => filter,
        (last, _) => several(filters.into_iter().chain(last).collect()),
    }
}

/// The value, if what is at this place can be compared with it in this way.
fn wanted(place: Place, operator: Operator, value: Word) -> Option<Wanted> {
    let equality = matches!(operator, Operator::Equal | Operator::NotEqual);
    match (place.leaf().kind, value) {
        (_, Word::Plain(word)) if word == "null" => equality.then_some(Wanted::Nothing),
        (Kind::Truth, Word::Plain(word)) if equality => {
            // Clients of a well-known kind write them with capitals.
            word.to_ascii_lowercase().parse().ok().map(Wanted::Truth)
        }
        (Kind::Text | Kind::Reference, Word::Text(text)) => Some(Wanted::Text(text)),
        (Kind::Time, Word::Text(text)) => {
            let order =
                !matches!(operator, Operator::Contains | Operator::StartsWith | Operator::EndsWith);
            text.parse().ok().filter(|_| order).map(Wanted::Time)
        }
        _ => None,
    }
}

fn is_there(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Object(parts) => parts.values().any(is_there),
        _ => true,
    }
}

fn compare(values: &[&Value], place: Place, operator: Operator, wanted: &Wanted) -> bool {
    if operator == Operator::NotEqual {
        return !compare(values, place, Operator::Equal, wanted);
    }
    if *wanted == Wanted::Nothing {
        return !values.iter().copied().any(is_there);
    }
    let exact = place.leaf().exact;
    values.iter().any(|value| match (wanted, value) {
        (Wanted::Truth(wanted), Value::Bool(value)) => wanted == value,
        (Wanted::Time(wanted), Value::String(value)) => {
            value.parse::<Timestamp>().is_ok_and(|value| ordered(&value, operator, wanted))
        }
        (Wanted::Text(wanted), Value::String(value)) if exact => texts(value, operator, wanted),
        (Wanted::Text(wanted), Value::String(value)) => {
            texts(&value.to_lowercase(), operator, &wanted.to_lowercase())
        }
        _ => false,
    })
}

fn texts(value: &str, operator: Operator, wanted: &str) -> bool {
    match operator {
        Operator::Contains => value.contains(wanted),
        Operator::StartsWith => value.starts_with(wanted),
        Operator::EndsWith => value.ends_with(wanted),
        _ => ordered(value, operator, wanted),
    }
}

fn ordered<T: Ord + ?Sized>(value: &T, operator: Operator, wanted: &T) -> bool {
    let order = value.cmp(wanted);
    match operator {
        Operator::Equal => order.is_eq(),
        Operator::Greater => order.is_gt(),
        Operator::GreaterOrEqual => order.is_ge(),
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
        _ => false,
    }
}

impl Display for Filter {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        let list = |out: &mut Formatter<'_>, filters: &[Self], word: &str| {
            for (at, filter) in filters.iter().enumerate() {
                let lead = if at > 0 { word } else { "" };
                write!(out, "{lead}({filter})")?;
            }
            Ok(())
        };
        match self {
            Self::Any(filters) => list(out, filters, " or "),
            Self::All(filters) => list(out, filters, " and "),
            Self::Not(filter) => write!(out, "not ({filter})"),
            Self::Present(place) => write!(out, "{place} pr"),
            Self::Compare(place, operator, wanted) => write!(out, "{place} {operator} {wanted}"),
            Self::Within(place, filter) => write!(out, "{place}[{filter}]"),
        }
    }
}

impl Display for Operator {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        let name = OPERATORS.iter().find(|(_, operator)| operator == self);
        out.write_str(name.map_or("", |(name, _)| name))
    }
}

impl Display for Wanted {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nothing => out.write_str("null"),
            Self::Truth(truth) => write!(out, "{truth}"),
            Self::Text(text) => write!(out, "{}", Value::from(text.as_str())),
            Self::Time(time) => write!(out, "\"{time}\""),
        }
    }
}

#[cfg(test)]
mod tests;
