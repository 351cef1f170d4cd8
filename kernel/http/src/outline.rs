//! What a service's operations are, apart from how they are served.
//!
//! An [`Outline`] needs no store, no configuration and no running service: a gateway that serves none
//! of them routes by it, and the OpenAPI document is made from it.

use std::sync::Arc;

use http::Method;

use crate::access::Access;
use crate::operation::Draft;
use crate::reply::OperationDoc;
use crate::scope::Permission;

/// One operation, as the gateway and the documents know it.
pub struct Shape {
    /// Method.
    pub method: Method,
    /// Canonical path template, such as `/api/v1/thoughts/{id}`.
    pub path: String,
    /// `<verb>_<resource>`: the handler's name.
    pub id: &'static str,
    /// The service it belongs to.
    pub service: &'static str,
    /// Who may call it.
    pub access: Access,
    /// What a token with a limited scope must reach to call it.
    pub scope: Permission,
    /// One line.
    pub summary: &'static str,
    /// More, in Markdown.
    pub description: &'static str,
    /// Largest body in bytes.
    pub body_limit: usize,
    /// The standard that describes it, when the OpenAPI document does not.
    pub standard: Option<&'static str>,
    /// May its answers be a little behind?
    pub lags: bool,
    pub(crate) describe: fn(&mut OperationDoc),
}

impl Shape {
    /// True for operations that change nothing, so that a repetition is harmless.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.method == Method::GET
    }
}

/// The shapes of one service's operations.
#[derive(Clone)]
pub struct Outline {
    service: &'static str,
    shapes: Vec<Arc<Shape>>,
}

impl Outline {
    /// The outline of these operations.
    #[must_use]
    pub fn new<S>(service: &'static str, drafts: impl IntoIterator<Item = Draft<S>>) -> Self {
        let shapes = drafts.into_iter().map(|draft| Arc::new(draft.shape(service))).collect();
        Self { service, shapes }
    }

    pub(crate) fn of(service: &'static str, shapes: Vec<Arc<Shape>>) -> Self {
        Self { service, shapes }
    }

    /// The service.
    #[must_use]
    pub fn service(&self) -> &'static str {
        self.service
    }

    /// All operations.
    #[must_use]
    pub fn shapes(&self) -> &[Arc<Shape>] {
        &self.shapes
    }
}
