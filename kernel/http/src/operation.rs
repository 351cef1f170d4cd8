//! Operations, and how a service describes them.

use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
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
use crate::outline::{Outline, Shape};
use crate::reply::{OperationDoc, Reply};
use crate::scope::Permission;

/// Largest body when an operation does not say otherwise.
const BODY_LIMIT: usize = 256 * 1024;

type StatefulCall<S> =
    Arc<dyn Fn(Arc<S>, Exchange) -> BoxFuture<'static, Response<ResponseBody>> + Send + Sync>;
type Call = Arc<dyn Fn(Exchange) -> BoxFuture<'static, Response<ResponseBody>> + Send + Sync>;

/// One operation of a service that is served by this process: its [`Shape`] and its handler.
pub struct Operation {
    shape: Arc<Shape>,
    reads_body: bool,
    home: Home,
    call: Call,
}

impl Deref for Operation {
    type Target = Shape;

    fn deref(&self) -> &Shape {
        &self.shape
    }
}

impl Operation {
    /// Serves a request that was routed here. The caller is already known.
    ///
    /// No async function: what a request of the usual kind does not need would be room in it for every
    /// request, to be moved about.
    pub fn serve(
        self: Arc<Self>,
        request: Request<RequestBody>,
        params: Vec<String>,
        context: Context,
    ) -> BoxFuture<'static, Response<ResponseBody>> {
        if let Err(error) = self.admit(&context) {
            return ready(problem_response(&error, &context)).boxed();
        }
        let (parts, body) = request.into_parts();
        let operation = Arc::clone(&self);
        let mut exchange =
            Exchange { operation, params, parts, body: Bytes::new(), context, guard: None };
        if self.reads_body {
            return Box::pin(async move {
                let declared = exchange
                    .parts
                    .headers
                    .get(http::header::CONTENT_LENGTH)
                    .and_then(|value| value.to_str().ok()?.parse().ok());
                match collect_body(body, declared, self.body_limit).await {
                    Ok(bytes) => exchange.body = bytes,
                    Err(error) => return problem_response(&error, &exchange.context),
                }
                self.perform(exchange).await
            });
        }
        self.perform(exchange)
    }

    /// Runs the handler, whose inputs are all there.
    fn perform(
        self: Arc<Self>,
        mut exchange: Exchange,
    ) -> BoxFuture<'static, Response<ResponseBody>> {
        match Guard::from_exchange(&exchange, &self.home) {
            Ok(None) => {}
            Ok(Some(guard)) => {
                exchange.guard = Some(guard.clone());
                return Box::pin(async move { self.serve_once(exchange, &guard).await });
            }
            Err(error) => return ready(problem_response(&error, &exchange.context)).boxed(),
        }
        if !self.is_read() || !exchange.parts.headers.contains_key("hanse-after") {
            return (self.call)(exchange);
        }
        Box::pin(async move {
            let fresh = match wait_for(&self.home, &exchange).await {
                Ok(fresh) => fresh,
                Err(error) => return problem_response(&error, &exchange.context),
            };
            let mut response = (self.call)(exchange).await;
            if !fresh {
                response.headers_mut().insert("hanse-stale", HeaderValue::from_static("true"));
            }
            response
        })
    }

    /// May the caller call it at all? What anybody may do, a limited token may do too.
    fn admit(&self, context: &Context) -> Result<(), KernelError> {
        self.access.check(&context.caller)?;
        if self.access == Access::Public || context.caller.reaches(&self.scope) {
            return Ok(());
        }
        Err(KernelError::OutOfScope(self.scope.to_string()))
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
    scope: Option<&'static str>,
    standard: Option<&'static str>,
    lags: bool,
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
        scope: None,
        standard: None,
        lags: false,
        reads_body: H::READS_BODY,
        call: Arc::new(move |app, exchange| handler.call(app, exchange)),
        describe: H::describe,
    }
}

impl<S> Draft<S> {
    /// The operation's shape as one of this service.
    pub(crate) fn shape(&self, service: &'static str) -> Shape {
        // Well-known documents have addresses of their own.
        let prefix = if self.path.starts_with("/.well-known") { "" } else { "/api/v1" };
        let action = if self.method == Method::GET { "read" } else { "write" };
        let scope = self.scope.map_or_else(|| format!("{service}:{action}"), str::to_owned);
        Shape {
            method: self.method.clone(),
            path: format!("{prefix}{}", self.path),
            id: self.id,
            service,
            access: self.access,
            scope: Permission::named(&scope),
            summary: self.summary,
            description: self.description,
            body_limit: self.body_limit,
            standard: self.standard,
            lags: self.lags,
            describe: self.describe,
        }
    }

    /// Its operationId, where one handler serves several operations.
    #[must_use]
    pub fn id(mut self, name: &'static str) -> Self {
        self.id = name;
        self
    }

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

    /// What a token with a limited scope must reach, when that is not `<service>:read` for a GET and
    /// `<service>:write` for anything else.
    #[must_use]
    pub fn scope(mut self, permission: &'static str) -> Self {
        self.scope = Some(permission);
        self
    }

    /// Its answers may be a little behind: a replica of the database gives them where there is one,
    /// unless the request says by `Hanse-After` what it wants to see.
    #[must_use]
    pub fn lags(mut self) -> Self {
        self.lags = true;
        self
    }

    /// It is described by this standard, and not again by the OpenAPI document.
    #[must_use]
    pub fn standard(mut self, name: &'static str) -> Self {
        self.standard = Some(name);
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
            let shape = Arc::new(draft.shape(self.service));
            let (app, call) = (Arc::clone(app), draft.call);
            self.operations.push(Arc::new(Operation {
                shape,
                reads_body: draft.reads_body,
                home: app.home().clone(),
                call: Arc::new(move |exchange| call(Arc::clone(&app), exchange)),
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

    /// Their shapes.
    #[must_use]
    pub fn outline(&self) -> Outline {
        let shapes = self.operations.iter().map(|operation| Arc::clone(&operation.shape));
        Outline::of(self.service, shapes.collect())
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
