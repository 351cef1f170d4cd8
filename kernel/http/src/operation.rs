//! Operations, and the table that finds them.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
pub use http::Method;
use http::{HeaderValue, Request, Response};

use crate::access::Access;
use crate::cx::{Cx, Home, Service, wait_for};
use crate::dispatch::{
    Context, Exchange, RequestBody, ResponseBody, collect_body, problem_response,
};
use crate::error::{ApiError, KernelError, Problem};
use crate::idempotency::Guard;
use crate::input::Input;
use crate::reply::{OperationDoc, Reply};

/// Largest body when an operation does not say otherwise.
const BODY_LIMIT: usize = 256 * 1024;

type StatefulCall<S> =
    Arc<dyn Fn(Arc<S>, Exchange) -> BoxFuture<'static, Response<ResponseBody>> + Send + Sync>;
type Call = Arc<dyn Fn(Exchange) -> BoxFuture<'static, Response<ResponseBody>> + Send + Sync>;

/// One operation of a service: everything the kernel, the gateway and the documents know of it.
pub struct Operation {
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
    /// One line.
    pub summary: &'static str,
    /// More, in Markdown.
    pub description: &'static str,
    /// Largest body in bytes.
    pub body_limit: usize,
    reads_body: bool,
    home: Home,
    call: Call,
    pub(crate) describe: fn(&mut OperationDoc),
}

impl Operation {
    /// True for operations that change nothing, so that a repetition is harmless.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.method == Method::GET
    }

    /// Serves a request that was routed here. The caller is already known.
    pub async fn serve(
        self: Arc<Self>,
        request: Request<RequestBody>,
        params: Vec<String>,
        context: Context,
    ) -> Response<ResponseBody> {
        if let Err(error) = self.access.check(&context.caller) {
            return problem_response(&error, &context);
        }
        let (parts, body) = request.into_parts();
        let body = if self.reads_body {
            let declared = parts
                .headers
                .get(http::header::CONTENT_LENGTH)
                .and_then(|value| value.to_str().ok()?.parse().ok());
            match collect_body(body, declared, self.body_limit).await {
                Ok(bytes) => bytes,
                Err(error) => return problem_response(&error, &context),
            }
        } else {
            Bytes::new()
        };
        let operation = Arc::clone(&self);
        let mut exchange = Exchange { operation, params, parts, body, context, guard: None };
        exchange.guard = match Guard::from_exchange(&exchange, &self.home) {
            Ok(guard) => guard,
            Err(error) => return problem_response(&error, &exchange.context),
        };
        if let Some(guard) = exchange.guard.clone() {
            return self.serve_once(exchange, &guard).await;
        }
        if !self.is_read() {
            return (self.call)(exchange).await;
        }
        let fresh = match wait_for(&self.home, &exchange).await {
            Ok(fresh) => fresh,
            Err(error) => return problem_response(&error, &exchange.context),
        };
        let mut response = (self.call)(exchange).await;
        if !fresh {
            response.headers_mut().insert("hanse-stale", HeaderValue::from_static("true"));
        }
        response
    }

    /// Serves a request whose repetition gets the same answer.
    async fn serve_once(&self, exchange: Exchange, guard: &Guard) -> Response<ResponseBody> {
        let context = exchange.context.clone();
        if let Some(answer) = guard.repeated(&self.home, &context).await {
            return answer;
        }
        let response = (self.call)(exchange).await;
        if response.status().is_client_error()
            && let Some(answer) = guard.repeated(&self.home, &context).await
        {
            return answer;
        }
        response
    }
}

/// An operation that has not been given to a service yet.
pub struct Draft<S> {
    method: Method,
    path: &'static str,
    id: &'static str,
    access: Access,
    summary: &'static str,
    description: &'static str,
    body_limit: usize,
    reads_body: bool,
    call: StatefulCall<S>,
    describe: fn(&mut OperationDoc),
}

/// Describes an operation. `path` is relative to `/api/v1`; the handler's name is its operationId.
pub fn op<S: Service, A: 'static, H: Handler<S, A>>(
    method: Method,
    path: &'static str,
    access: Access,
    handler: H,
) -> Draft<S> {
    let id = std::any::type_name::<H>().rsplit("::").next().unwrap_or_default();
    Draft {
        method,
        path,
        id,
        access,
        summary: "",
        description: "",
        body_limit: BODY_LIMIT,
        reads_body: H::READS_BODY,
        call: Arc::new(move |app, exchange| handler.call(app, exchange)),
        describe: H::describe,
    }
}

impl<S> Draft<S> {
    /// One line for the documents.
    #[must_use]
    pub fn summary(mut self, text: &'static str) -> Self {
        self.summary = text;
        self
    }

    /// More for the documents, in Markdown.
    #[must_use]
    pub fn description(mut self, text: &'static str) -> Self {
        self.description = text;
        self
    }

    /// Takes larger (or only smaller) bodies than 256 KiB.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }
}

/// The operations of one service.
pub struct Routes {
    service: &'static str,
    operations: Vec<Arc<Operation>>,
}

impl Routes {
    /// No operations yet.
    #[must_use]
    pub fn new(service: &'static str) -> Self {
        Self { service, operations: Vec::new() }
    }

    /// Adds operations that share a state.
    #[must_use]
    pub fn with<S: Service>(
        mut self,
        app: &Arc<S>,
        drafts: impl IntoIterator<Item = Draft<S>>,
    ) -> Self {
        for draft in drafts {
            let (app, call) = (Arc::clone(app), draft.call);
            let home = app.home().clone();
            // Well-known documents have addresses of their own.
            let prefix = if draft.path.starts_with("/.well-known") { "" } else { "/api/v1" };
            self.operations.push(Arc::new(Operation {
                method: draft.method,
                path: format!("{prefix}{}", draft.path),
                id: draft.id,
                service: self.service,
                access: draft.access,
                summary: draft.summary,
                description: draft.description,
                body_limit: draft.body_limit,
                reads_body: draft.reads_body,
                home,
                call: Arc::new(move |exchange| call(Arc::clone(&app), exchange)),
                describe: draft.describe,
            }));
        }
        self
    }

    /// The service.
    #[must_use]
    pub fn service(&self) -> &'static str {
        self.service
    }

    /// All operations.
    #[must_use]
    pub fn operations(&self) -> &[Arc<Operation>] {
        &self.operations
    }
}

/// Two operations want the same method and path, or a path is malformed.
#[derive(Debug, thiserror::Error)]
#[error("operation {id} cannot be mounted at {path}: {reason}")]
pub struct MountError {
    id: &'static str,
    path: String,
    reason: String,
}

/// Finds the operation for a method and a canonical path. Fixed segments win over parameters.
#[derive(Default)]
pub struct Table {
    paths: matchit::Router<usize>,
    entries: Vec<Vec<Arc<Operation>>>,
}

impl Table {
    /// A table of all operations of these services.
    ///
    /// # Errors
    /// [`MountError`] when two of them collide.
    pub fn new<'a>(services: impl IntoIterator<Item = &'a Routes>) -> Result<Self, MountError> {
        let mut by_path: BTreeMap<String, Vec<Arc<Operation>>> = BTreeMap::new();
        for operation in services.into_iter().flat_map(Routes::operations) {
            let entry = by_path.entry(operation.path.clone()).or_default();
            if entry.iter().any(|other| other.method == operation.method) {
                return Err(MountError {
                    id: operation.id,
                    path: operation.path.clone(),
                    reason: "taken".into(),
                });
            }
            entry.push(Arc::clone(operation));
        }
        let mut table = Self::default();
        for (path, operations) in by_path {
            let id = operations.first().map_or("", |operation| operation.id);
            table.paths.insert(path.clone(), table.entries.len()).map_err(|error| MountError {
                id,
                path,
                reason: error.to_string(),
            })?;
            table.entries.push(operations);
        }
        Ok(table)
    }

    /// The operation and the values of its path parameters. `HEAD` finds what `GET` would.
    ///
    /// # Errors
    /// [`KernelError::UnknownAddress`] or [`KernelError::MethodNotAllowed`].
    pub fn find(
        &self,
        method: &Method,
        path: &str,
    ) -> Result<(Arc<Operation>, Vec<String>), KernelError> {
        let found = self.paths.at(path).map_err(|_| KernelError::UnknownAddress)?;
        let operations = self.entries.get(*found.value).ok_or(KernelError::UnknownAddress)?;
        let wanted = if *method == Method::HEAD { &Method::GET } else { method };
        let operation = operations
            .iter()
            .find(|operation| operation.method == *wanted)
            .ok_or(KernelError::MethodNotAllowed)?;
        Ok((
            Arc::clone(operation),
            found.params.iter().map(|(_, value)| value.to_owned()).collect(),
        ))
    }

    /// The methods that a path takes, for `Allow` and CORS.
    #[must_use]
    pub fn methods(&self, path: &str) -> Vec<Method> {
        let entry = self.paths.at(path).ok().and_then(|found| self.entries.get(*found.value));
        entry.into_iter().flatten().map(|operation| operation.method.clone()).collect()
    }
}

/// An async function of a [`Cx`] and up to three inputs.
pub trait Handler<S, A>: Clone + Send + Sync + 'static {
    /// True when one of its inputs reads the body.
    const READS_BODY: bool;
    /// Adds the OpenAPI text of inputs, answer and problems.
    fn describe(doc: &mut OperationDoc);
    /// Takes the inputs and runs.
    fn call(&self, app: Arc<S>, exchange: Exchange) -> BoxFuture<'static, Response<ResponseBody>>;
}

macro_rules! handler {
    ($($input:ident $value:ident),*) => {
        impl<S, F, Fut, R, E, $($input),*> Handler<S, ($($input,)*)> for F
        where
            S: Service,
            F: Fn(Cx<S>, $($input),*) -> Fut + Clone + Send + Sync + 'static,
            Fut: Future<Output = Result<R, E>> + Send + 'static,
            R: Reply,
            E: ApiError,
            $($input: Input,)*
        {
            const READS_BODY: bool = false $(|| $input::READS_BODY)*;

            fn describe(doc: &mut OperationDoc) {
                $($input::describe(doc);)*
                R::describe(doc);
                doc.problems.extend(E::codes());
            }

            fn call(&self, app: Arc<S>, exchange: Exchange) -> BoxFuture<'static, Response<ResponseBody>> {
                let handler = self.clone();
                Box::pin(async move {
                    $(let $value = match $input::take(&exchange) {
                        Ok(input) => input,
                        Err(problem) => return problem.respond(&exchange.context),
                    };)*
                    let cx = Cx::new(app, &exchange);
                    let context = exchange.context;
                    match handler(cx, $($value),*).await {
                        Ok(reply) => reply.respond(&context),
                        Err(error) => Problem::of(&error).respond(&context),
                    }
                })
            }
        }
    };
}
handler!();
handler!(A a);
handler!(A a, B b);
handler!(A a, B b, C c);
