//! Which web pages may call us (WEB-02). An exact list; nothing is reflected, `null` is nobody.

use hanse_http::{Context, KernelError, ResponseBody, full, problem_response};
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ORIGIN,
    VARY,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

const REQUEST_HEADERS: &str =
    "authorization, content-type, if-match, idempotency-key, hanse-after, traceparent";
const ANSWER_HEADERS: &str = "etag, location, hanse-position, hanse-stale, ratelimit, ratelimit-policy, \
                              retry-after, x-request-id";

pub(crate) struct Cors {
    origins: Vec<HeaderValue>,
}

impl Cors {
    pub(crate) fn new(origins: &[String]) -> Self {
        Self {
            origins: origins
                .iter()
                .filter_map(|origin| HeaderValue::try_from(origin).ok())
                .collect(),
        }
    }

    /// The request's origin, if it is one of the list.
    pub(crate) fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        self.origins.contains(origin).then(|| origin.clone())
    }

    pub(crate) fn preflight(
        &self,
        origin: Option<&HeaderValue>,
        methods: &[Method],
        context: &Context,
    ) -> Response<ResponseBody> {
        if methods.is_empty() {
            return problem_response(&KernelError::UnknownAddress, context);
        }
        if origin.is_none() {
            let mut response = problem_response(&KernelError::MethodNotAllowed, context);
            crate::allow(&mut response, methods);
            return response;
        }
        let mut response = Response::new(full(""));
        *response.status_mut() = StatusCode::NO_CONTENT;
        let names: Vec<&str> = methods.iter().map(Method::as_str).collect();
        let headers = response.headers_mut();
        if let Ok(names) = HeaderValue::try_from(names.join(", ")) {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, names);
        }
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(REQUEST_HEADERS));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        response
    }

    pub(crate) fn write(&self, origin: Option<HeaderValue>, headers: &mut HeaderMap) {
        if !self.origins.is_empty() {
            headers.append(VARY, HeaderValue::from_static("origin"));
        }
        if let Some(origin) = origin {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(ANSWER_HEADERS));
        }
    }
}
