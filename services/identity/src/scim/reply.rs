//! What the protocol answers: its media type, and its errors (RFC 7644, section 3.12).

use hanse_http::{Answer, Answered, Context, OperationDoc, PreconditionError, Reply, ResponseBody};
use hanse_store::StoreError;
use serde_json::{Value, json};

/// The media type.
pub(super) const MEDIA: &str = "application/scim+json";

/// A refusal in the words of the standard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScimError {
    status: u16,
    kind: Option<&'static str>,
    detail: &'static str,
}

impl ScimError {
    pub(super) const UNKNOWN: Self = Self::of(404, None, "there is no such resource");
    pub(super) const FORBIDDEN: Self = Self::of(
        403,
        None,
        "provisioning takes the token of a machine's account whose scope names scim:read or \
         scim:write",
    );
    pub(super) const PROTECTED: Self =
        Self::of(403, None, "this account or group is changed by administrators only");
    pub(super) const CHANGED: Self =
        Self::of(412, None, "it has changed since you read it; read it again");
    pub(super) const TAKEN: Self =
        Self::of(409, Some("uniqueness"), "another resource has this name or address");
    pub(super) const TOO_MANY: Self =
        Self::of(400, Some("tooMany"), "a group has at most 10,000 members here");
    pub(super) const NO_FILTER: Self =
        Self::of(403, None, "what the server is made of is not filtered");

    pub(super) const NOT_OFFERED: Self =
        Self::of(501, None, "search in Users or in Groups; both at once is not offered");

    pub(super) const fn syntax(detail: &'static str) -> Self {
        Self::of(400, Some("invalidSyntax"), detail)
    }

    pub(super) const fn filter(detail: &'static str) -> Self {
        Self::of(400, Some("invalidFilter"), detail)
    }

    pub(super) const fn path(detail: &'static str) -> Self {
        Self::of(400, Some("invalidPath"), detail)
    }

    pub(super) const fn value(detail: &'static str) -> Self {
        Self::of(400, Some("invalidValue"), detail)
    }

    pub(super) const fn target(detail: &'static str) -> Self {
        Self::of(400, Some("noTarget"), detail)
    }

    pub(super) const fn mutability(detail: &'static str) -> Self {
        Self::of(400, Some("mutability"), detail)
    }

    /// What went wrong, for machines.
    #[cfg(test)]
    pub(super) fn kind(&self) -> Option<&'static str> {
        self.kind
    }

    const fn of(status: u16, kind: Option<&'static str>, detail: &'static str) -> Self {
        Self { status, kind, detail }
    }
}

/// Why a transaction of the protocol was not done.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The client is told.
    Scim(ScimError),
    /// The store failed.
    Store(StoreError),
}

impl From<ScimError> for Refusal {
    fn from(error: ScimError) -> Self {
        Self::Scim(error)
    }
}

impl From<PreconditionError> for Refusal {
    fn from(_: PreconditionError) -> Self {
        Self::Scim(ScimError::CHANGED)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            // Two clients wanted one name at the same moment.
            StoreError::Unique(_) => Self::Scim(ScimError::TAKEN),
            error => Self::Store(error),
        }
    }
}

/// An answer: a resource, a list, nothing, or an error.
#[derive(Debug)]
pub struct Scim {
    status: u16,
    body: Option<Value>,
    location: Option<String>,
    version: Option<i64>,
}

impl Scim {
    /// 200 with this body.
    pub(super) fn of(body: Value) -> Self {
        Self { status: 200, body: Some(body), location: None, version: None }
    }

    /// 200 with a resource in a version.
    pub(super) fn resource(body: Value, version: i64) -> Self {
        Self { version: Some(version), ..Self::of(body) }
    }

    /// 201 with a new resource.
    pub(super) fn created(body: Value, version: i64, location: String) -> Self {
        Self { status: 201, location: Some(location), ..Self::resource(body, version) }
    }

    /// 304: the client has this version.
    pub(super) fn unchanged(version: i64) -> Self {
        Self { status: 304, body: None, location: None, version: Some(version) }
    }

    /// 204.
    pub(super) fn gone() -> Self {
        Self { status: 204, body: None, location: None, version: None }
    }
}

impl From<ScimError> for Scim {
    fn from(error: ScimError) -> Self {
        let mut body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "status": error.status.to_string(),
            "detail": error.detail,
        });
        if let (Some(kind), Some(members)) = (error.kind, body.as_object_mut()) {
            members.insert("scimType".into(), json!(kind));
        }
        Self { status: error.status, ..Self::of(body) }
    }
}

impl Reply for Scim {
    fn describe(doc: &mut OperationDoc) {
        let content = json!({ "application/scim+json": { "schema": { "type": "object" } } });
        doc.response(200, "Done", &[], Some(content));
    }

    fn answer(self) -> Answer {
        let mut answer = match self.body {
            Some(body) => Answer::text(self.status, MEDIA, body.to_string()),
            None => Answer::empty(self.status),
        };
        if let Some(version) = self.version {
            answer = answer.with("etag", tag(version));
        }
        match self.location {
            Some(location) => answer.with("location", location),
            None => answer,
        }
    }
}

/// The tag of a version.
pub(super) fn tag(version: i64) -> String {
    format!("\"{version}\"")
}

/// The answer of an operation that writes.
pub enum Told {
    /// It was done.
    Done(Box<Answered<Scim>>),
    /// It was refused.
    Refused(Scim),
}

impl Reply for Told {
    fn describe(doc: &mut OperationDoc) {
        Scim::describe(doc);
    }

    fn answer(self) -> Answer {
        match self {
            Self::Done(answered) => answered.answer(),
            Self::Refused(scim) => scim.answer(),
        }
    }

    fn respond(self, context: &Context) -> http::Response<ResponseBody> {
        match self {
            Self::Done(answered) => answered.respond(context),
            Self::Refused(scim) => scim.respond(context),
        }
    }
}

/// What a transaction that wrote came to.
pub(super) fn told(result: Result<Answered<Scim>, Refusal>) -> Result<Told, StoreError> {
    match result {
        Ok(answered) => Ok(Told::Done(Box::new(answered))),
        Err(Refusal::Scim(error)) => Ok(Told::Refused(error.into())),
        Err(Refusal::Store(error)) => Err(error),
    }
}

/// What a read came to.
pub(super) fn read(result: Result<Scim, Refusal>) -> Result<Scim, StoreError> {
    match result {
        Ok(scim) => Ok(scim),
        Err(Refusal::Scim(error)) => Ok(error.into()),
        Err(Refusal::Store(error)) => Err(error),
    }
}
