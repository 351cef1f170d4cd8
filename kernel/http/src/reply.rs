//! What operations answer with.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName, HeaderValue};
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::dispatch::{Context, ResponseBody, full};
use crate::error::ErrorCode;
use crate::etag::etag;

/// A complete answer, as it is sent and as it is stored for repetitions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    status: u16,
    headers: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    body: String,
}

impl Answer {
    /// An answer without a body.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new() }
    }

    /// A JSON answer.
    #[must_use]
    pub fn json<T: Serialize>(status: u16, value: &T) -> Self {
        // Our own types serialise; a failure shows as an empty body in the first test.
        let body = serde_json::to_string(value).unwrap_or_default();
        Self { status, headers: vec![("content-type".into(), "application/json".into())], body }
    }

    /// An answer of any other kind.
    #[must_use]
    pub fn text(status: u16, kind: &'static str, body: String) -> Self {
        Self { status, headers: vec![("content-type".into(), kind.into())], body }
    }

    /// Adds a header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), Cow::Owned(value.into())));
        self
    }

    /// The response to send.
    #[must_use]
    pub fn into_response(self) -> http::Response<ResponseBody> {
        let mut response = http::Response::new(full(Bytes::from(self.body)));
        if let Ok(status) = http::StatusCode::from_u16(self.status) {
            *response.status_mut() = status;
        }
        for (name, value) in self.headers {
            let value = match value {
                Cow::Borrowed(text) => Ok(HeaderValue::from_static(text)),
                Cow::Owned(text) => HeaderValue::try_from(text),
            };
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_ref()), value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

/// Collects what an operation's inputs and answers say of themselves, for its OpenAPI text.
pub struct OperationDoc<'a> {
    /// Makes and shares schemas.
    pub schemas: &'a mut SchemaGenerator,
    /// Names in the path template, in order.
    pub path_names: Vec<String>,
    pub(crate) parameters: Vec<Value>,
    pub(crate) request_body: Option<Value>,
    pub(crate) responses: Map<String, Value>,
    pub(crate) problems: Vec<ErrorCode>,
}

impl OperationDoc<'_> {
    /// Notes a JSON answer of type `T`.
    pub fn answers<T: JsonSchema>(
        &mut self,
        status: u16,
        description: &str,
        headers: &[(&str, &str)],
    ) {
        let schema = self.schemas.subschema_for::<T>();
        let content = json!({ "application/json": { "schema": schema } });
        self.response(status, description, headers, Some(content));
    }

    /// Notes an answer of any other kind.
    pub fn response(
        &mut self,
        status: u16,
        description: &str,
        headers: &[(&str, &str)],
        content: Option<Value>,
    ) {
        let mut response = Map::new();
        response.insert("description".into(), json!(description));
        let headers: Map<_, _> = headers
            .iter()
            .map(|(name, text)| {
                ((*name).to_owned(), json!({ "description": text, "schema": { "type": "string" } }))
            })
            .collect();
        if !headers.is_empty() {
            response.insert("headers".into(), Value::Object(headers));
        }
        if let Some(content) = content {
            response.insert("content".into(), content);
        }
        self.responses.insert(status.to_string(), Value::Object(response));
    }
}

/// What a handler may return.
pub trait Reply: Send + Sized + 'static {
    /// Adds its OpenAPI text.
    fn describe(doc: &mut OperationDoc);
    /// The answer, in a form that can be stored.
    fn answer(self) -> Answer;
    /// The response to send.
    fn respond(self, _context: &Context) -> http::Response<ResponseBody> {
        self.answer().into_response()
    }
}

/// 200 with a JSON body.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: Serialize + JsonSchema + Send + 'static> Reply for Json<T> {
    fn describe(doc: &mut OperationDoc) {
        doc.answers::<T>(200, "Done", &[]);
    }
    fn answer(self) -> Answer {
        Answer::json(200, &self.0)
    }
}

/// 200 with a JSON body and its version as `ETag`.
#[derive(Debug)]
pub struct Tagged<T> {
    /// The version, which becomes the tag.
    pub version: i64,
    /// The body.
    pub value: T,
}

impl<T: Serialize + JsonSchema + Send + 'static> Reply for Tagged<T> {
    fn describe(doc: &mut OperationDoc) {
        doc.answers::<T>(200, "Done", &[("ETag", "Version, for If-Match")]);
    }
    fn answer(self) -> Answer {
        Answer::json(200, &self.value).with("etag", etag(self.version))
    }
}

/// 201 with `Location`, `ETag` and the new thing.
#[derive(Debug)]
pub struct Created<T> {
    /// Where the new thing is.
    pub location: String,
    /// Its version, which becomes the tag.
    pub version: i64,
    /// The new thing.
    pub value: T,
}

impl<T: Serialize + JsonSchema + Send + 'static> Reply for Created<T> {
    fn describe(doc: &mut OperationDoc) {
        doc.answers::<T>(
            201,
            "Created",
            &[
                ("Location", "Where it is"),
                ("ETag", "Version, for If-Match"),
                ("Hanse-Position", "Send it back as Hanse-After to read what you wrote"),
            ],
        );
    }
    fn answer(self) -> Answer {
        Answer::json(201, &self.value)
            .with("location", self.location)
            .with("etag", etag(self.version))
    }
}

/// 204 without a body.
#[derive(Debug)]
pub struct NoContent;

impl Reply for NoContent {
    fn describe(doc: &mut OperationDoc) {
        doc.response(204, "Done; there is nothing to say", &[], None);
    }
    fn answer(self) -> Answer {
        Answer::empty(204)
    }
}

/// 200 with a file to save, possibly made while it is sent.
pub struct Download {
    /// Media type.
    pub content_type: &'static str,
    /// Name to save it under: plain ASCII letters, digits, dots and dashes.
    pub file_name: &'static str,
    /// The content.
    pub body: ResponseBody,
}

impl Reply for Download {
    fn describe(doc: &mut OperationDoc) {
        let content = json!({ "*/*": { "schema": { "type": "string" } } });
        doc.response(200, "The file", &[("Content-Disposition", "Its name")], Some(content));
    }
    fn answer(self) -> Answer {
        Answer::empty(200)
    }
    fn respond(self, _context: &Context) -> http::Response<ResponseBody> {
        let mut response = http::Response::new(self.body);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        let name = format!("attachment; filename=\"{}\"", self.file_name);
        if let Ok(name) = HeaderValue::try_from(name) {
            headers.insert(CONTENT_DISPOSITION, name);
        }
        response
    }
}
