//! Lists: a page of those that meet a condition, in an order (RFC 7644, section 3.4.2).
//!
//! Without a condition the store pages. With one, everything that an index cannot exclude is looked at
//! in portions; what meets it is kept by its place in the order, and only a page of it is shown.

use std::cmp::Ordering;

use hanse_http::PAGE_BYTES;
use hanse_store::{Result, Tx};
use serde_json::{Value, json};
use uuid::Uuid;

use super::people::{self, Person};
use super::place::Place;
use super::query::Listing;
use super::teams::{self, Team};

/// Resources that are looked at together.
const PORTION: i64 = 500;
/// Bytes that an attribute takes besides its value, about.
const FRAME: usize = 1024;

/// A list of people.
pub(super) async fn people(tx: &mut Tx, base: &str, listing: &Listing) -> Result<Value> {
    let (total, chosen) = match (&listing.filter, &listing.order) {
        (None, None) => {
            let page = people::page(tx, listing.skip, listing.count).await?;
            (people::count(tx).await?, page)
        }
        _ => {
            let found = matching_people(tx, base, listing).await?;
            let total = found.len() as i64;
            (total, page(found, listing))
        }
    };
    let mut shown = Vec::new();
    for person in chosen {
        let groups = match listing.selection.shows("groups") {
            true => people::groups(tx, person.id).await?,
            false => Vec::new(),
        };
        shown.push(listing.selection.of(person.show(base, &groups)));
    }
    Ok(answer(total, shown, listing))
}

async fn matching_people(
    tx: &mut Tx,
    base: &str,
    listing: &Listing,
) -> Result<Vec<(Value, Person)>> {
    let filter = listing.filter.as_ref();
    let grouped = filter.is_some_and(|filter| filter.mentions("groups"));
    let wanted = |name: &str| filter.and_then(|filter| filter.wanted(name));
    let indexed = if let Some(name) = wanted("userName") {
        Some(people::by_user_name(tx, name).await?)
    } else if let Some(email) = wanted("emails") {
        Some(people::by_email(tx, email).await?)
    } else if let Some(id) = wanted("externalId") {
        Some(people::by_external_id(tx, id).await?)
    } else {
        None
    };
    let (mut found, mut last) = (Vec::new(), Uuid::nil());
    let once = indexed.is_some();
    let mut portion = match indexed {
        Some(portion) => portion,
        None => people::after(tx, last, PORTION).await?,
    };
    while let Some(newest) = portion.last().map(|person| person.id) {
        for person in portion {
            let groups = match grouped {
                true => people::groups(tx, person.id).await?,
                false => Vec::new(),
            };
            let shown = person.show(base, &groups);
            if filter.is_none_or(|filter| filter.holds(&shown)) {
                found.push((key(&shown, listing), person));
            }
        }
        if once {
            break;
        }
        last = newest;
        portion = people::after(tx, last, PORTION).await?;
    }
    Ok(found)
}

/// A list of groups. A page ends before it is larger than a page of ours.
pub(super) async fn teams(tx: &mut Tx, base: &str, listing: &Listing) -> Result<Value> {
    let filter = listing.filter.as_ref();
    let inner = filter.is_some_and(|filter| filter.mentions("members"));
    let all = match filter.and_then(|filter| filter.wanted("displayName")) {
        Some(name) => teams::by_name(tx, name).await?,
        None => teams::all(tx).await?,
    };
    let mut found = Vec::new();
    for team in all {
        let members = match inner {
            true => teams::members(tx, team.id).await?,
            false => Vec::new(),
        };
        let shown = team.show(base, &members);
        if filter.is_none_or(|filter| filter.holds(&shown)) {
            found.push((key(&shown, listing), team));
        }
    }
    let total = found.len() as i64;
    let (mut shown, mut size) = (Vec::new(), 0);
    for team in page::<Team>(found, listing) {
        let members = match listing.selection.shows("members") {
            true => teams::members(tx, team.id).await?,
            false => Vec::new(),
        };
        size += FRAME + members.len() * (base.len() + 128);
        if size > PAGE_BYTES && !shown.is_empty() {
            break;
        }
        shown.push(listing.selection.of(team.show(base, &members)));
    }
    Ok(answer(total, shown, listing))
}

/// What a resource is ordered by.
fn key(resource: &Value, listing: &Listing) -> Value {
    let Some((place, _)) = &listing.order else { return Value::Null };
    match place.values(resource).first() {
        Some(Value::String(text)) if !place.leaf().exact => Value::String(text.to_lowercase()),
        Some(value) => (*value).clone(),
        None => Value::Null,
    }
}

/// The page of what was found, which is in the order of ids.
fn page<T>(mut found: Vec<(Value, T)>, listing: &Listing) -> Vec<T> {
    if let Some((place, downwards)) = &listing.order {
        found.sort_by(|(one, _), (other, _)| order(*place, one, other, *downwards));
    }
    let skip = usize::try_from(listing.skip).unwrap_or(usize::MAX);
    let count = usize::try_from(listing.count).unwrap_or_default();
    found.into_iter().skip(skip).take(count).map(|(_, resource)| resource).collect()
}

/// What has no value comes last upwards, and first downwards (section 3.4.2.3).
fn order(place: Place, one: &Value, other: &Value, downwards: bool) -> Ordering {
    use super::attributes::Kind;
    let time = |value: &Value| value.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let upwards = match (one, other) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Greater,
        (_, Value::Null) => Ordering::Less,
        (Value::Bool(one), Value::Bool(other)) => one.cmp(other),
        _ if place.leaf().kind == Kind::Time => time(one).cmp(&time(other)),
        _ => one.as_str().cmp(&other.as_str()),
    };
    if downwards { upwards.reverse() } else { upwards }
}

fn answer(total: i64, shown: Vec<Value>, listing: &Listing) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": total,
        "startIndex": listing.skip + 1,
        "itemsPerPage": shown.len(),
        "Resources": shown,
    })
}
