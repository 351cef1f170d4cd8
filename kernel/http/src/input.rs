//! What operations take: bodies, path parameters, queries. Each is checked before the handler runs.

use std::str::FromStr;

use bytes::Bytes;
use garde::Validate;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::dispatch::Exchange;
use crate::error::{KernelError, Problem};
use crate::reply::OperationDoc;

/// A handler's argument.
pub trait Input: Sized + Send + 'static {
    /// True when it reads the body.
    const READS_BODY: bool = false;
    /// Adds its OpenAPI text.
    fn describe(doc: &mut OperationDoc);
    /// Takes it from the request.
    ///
    /// # Errors
    /// The problem to answer with.
    fn take(exchange: &Exchange) -> Result<Self, Problem>;
}

/// A JSON body that has passed its checks.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T> Input for Body<T>
where
    T: DeserializeOwned + Validate<Context = ()> + JsonSchema + Send + 'static,
{
    const READS_BODY: bool = true;

    fn describe(doc: &mut OperationDoc) {
        let schema = doc.schemas.subschema_for::<T>();
        doc.request_body = Some(
            json!({ "required": true, "content": { "application/json": { "schema": schema } } }),
        );
    }

    fn take(exchange: &Exchange) -> Result<Self, Problem> {
        expect_content(
            exchange,
            "application/json",
            &["application/json", "application/merge-patch+json"],
        )?;
        if has_nul(&exchange.body) {
            return Err(Problem::of(&KernelError::MalformedBody(
                "it holds a NUL character".into(),
            )));
        }
        // The parser would take a list for a struct; clients must not get used to that.
        if exchange.body.trim_ascii_start().first() != Some(&b'{') {
            return Err(Problem::of(&KernelError::MalformedBody("it is not a JSON object".into())));
        }
        let value: T = serde_json::from_slice(&exchange.body)
            .map_err(|error| Problem::of(&KernelError::MalformedBody(plain(&error.to_string()))))?;
        check(&value)?;
        Ok(Self(value))
    }
}

/// A body of another kind, as bytes with its media type.
#[derive(Debug)]
pub struct Upload {
    /// The media type, one of those that the operation accepts.
    pub content_type: String,
    /// The content.
    pub bytes: Bytes,
}

/// Media types that an upload may have, each with what such a file looks like.
const UPLOADS: [(&str, &str); 2] = [
    (
        "application/x-ndjson",
        "{\"text\":\"The harbour freezes in January\",\"tags\":[\"trade/winter\"]}\n",
    ),
    (
        "text/markdown",
        "<!-- thought {\"tags\":[\"trade/winter\"]} -->\nThe harbour freezes in January\n",
    ),
];

impl Input for Upload {
    const READS_BODY: bool = true;

    fn describe(doc: &mut OperationDoc) {
        let content: Map<_, _> = UPLOADS
            .iter()
            .map(|(kind, example)| {
                ((*kind).to_owned(), json!({ "schema": { "type": "string" }, "example": example }))
            })
            .collect();
        doc.request_body = Some(json!({ "required": true, "content": content }));
    }

    fn take(exchange: &Exchange) -> Result<Self, Problem> {
        let allowed = UPLOADS.map(|(kind, _)| kind);
        let content_type =
            expect_content(exchange, "application/x-ndjson or text/markdown", &allowed)?;
        Ok(Self { content_type, bytes: exchange.body.clone() })
    }
}

/// The first parameter of the path. One that cannot be an id of ours names nothing: 404.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: FromStr + JsonSchema + Send + 'static> Input for Path<T> {
    fn describe(doc: &mut OperationDoc) {
        let mut schema = doc.schemas.subschema_for::<T>();
        // Addresses need no encoding: other characters name nothing (see the gateway's `path`).
        if schema.get("type").is_some_and(|kind| kind == "string")
            && schema.get("format").is_none()
            && schema.get("pattern").is_none()
        {
            schema.insert("pattern".to_owned(), json!("^[A-Za-z0-9_-][A-Za-z0-9._~-]*$"));
        }
        let name = doc.path_names.first().cloned().unwrap_or_default();
        doc.parameters
            .push(json!({ "name": name, "in": "path", "required": true, "schema": schema }));
    }

    fn take(exchange: &Exchange) -> Result<Self, Problem> {
        exchange
            .params
            .first()
            .and_then(|text| text.parse().ok())
            .map(Self)
            .ok_or_else(|| Problem::of(&KernelError::UnknownAddress))
    }
}

/// The query, which has passed its checks. Unknown parameters are refused.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T> Input for Query<T>
where
    T: DeserializeOwned + Validate<Context = ()> + JsonSchema + Send + 'static,
{
    fn describe(doc: &mut OperationDoc) {
        let schema = T::json_schema(doc.schemas).to_value();
        let required =
            schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        for (name, schema) in
            schema.get("properties").and_then(Value::as_object).into_iter().flatten()
        {
            let mut schema = schema.clone();
            let text = schema.as_object_mut().and_then(|schema| schema.remove("description"));
            let needed = required.iter().any(|other| other.as_str() == Some(name));
            doc.parameters.push(json!({
                "name": name, "in": "query", "required": needed,
                "description": text.unwrap_or_default(), "schema": schema,
            }));
        }
    }

    fn take(exchange: &Exchange) -> Result<Self, Problem> {
        let query = exchange.parts.uri.query().unwrap_or_default();
        if query.contains("%00") {
            return Err(Problem::of(&KernelError::MalformedQuery(
                "it holds a NUL character".into(),
            )));
        }
        let value: T = serde_urlencoded::from_str(query).map_err(|error| {
            Problem::of(&KernelError::MalformedQuery(plain(&error.to_string())))
        })?;
        check(&value)?;
        Ok(Self(value))
    }
}

/// The query of a list.
#[derive(Clone, Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// How many items to return, at most 200.
    #[serde(default = "default_limit")]
    #[garde(range(min = 1, max = 200))]
    pub limit: u32,
    /// Where to go on: the `next` of the page before.
    #[garde(length(max = 2048))]
    pub cursor: Option<String>,
}

/// Items on a page when the client does not say.
#[must_use]
pub fn default_limit() -> u32 {
    50
}

/// Bytes that the items of a page may have: it ends before it has more, whatever the client asked for.
/// One item alone may be larger.
pub const PAGE_BYTES: usize = 1 << 20;

/// Bytes of a text in JSON, without its quotes.
#[must_use]
pub fn json_size(text: &str) -> usize {
    let size = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 8 | 12 => 2,
        0..32 => 6,
        _ => 1,
    };
    text.bytes().map(size).sum()
}

/// One page of a list.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Send it as `cursor` to get the next page; null on the last one. A page with long items may have
    /// fewer than were asked for.
    pub next: Option<String>,
}

pub(crate) fn check<T: Validate<Context = ()>>(value: &T) -> Result<(), Problem> {
    value.validate().map_err(|report| {
        let errors: Map<String, Value> =
            report.iter().map(|(path, error)| (path.to_string(), json!(error.message()))).collect();
        let error = KernelError::InvalidValues(Value::Object(errors.clone()));
        Problem::of(&error).with_details(Value::Object(errors))
    })
}

pub(crate) fn expect_content(
    exchange: &Exchange,
    wanted: &'static str,
    allowed: &[&str],
) -> Result<String, Problem> {
    let refuse = || Problem::of(&KernelError::UnsupportedContent(wanted));
    if let Some(encoding) = exchange.parts.headers.get(CONTENT_ENCODING)
        && encoding != "identity"
    {
        return Err(refuse());
    }
    let kind = exchange.parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind =
        kind.ok_or_else(refuse)?.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if allowed.contains(&kind.as_str()) { Ok(kind) } else { Err(refuse()) }
}

/// Is there an escaped NUL in this JSON? PostgreSQL cannot store one, so nobody may.
fn has_nul(json: &[u8]) -> bool {
    let mut escaped = false;
    json.iter().enumerate().any(|(at, byte)| {
        let nul = escaped && json.get(at..at + 5) == Some(b"u0000");
        escaped = *byte == b'\\' && !escaped;
        nul
    })
}

/// A parser's message without control characters, and short.
pub(crate) fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
