//! The documents that the gateway serves from the binary: OpenAPI, a page that shows it, and a page
//! per error code. No outside host is asked for anything.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use bytes::Bytes;
use hanse_http::{ResponseBody, full};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderValue, Response};
use serde_json::Value;

/// Makes the OpenAPI document of one service, or of all.
type Source = Box<dyn Fn(Option<&str>) -> Value + Send + Sync>;

/// What the gateway can show. Documents are made when they are first asked for: that takes megabytes
/// that most processes never need.
pub struct Documents {
    source: Source,
    openapi: OnceLock<Bytes>,
    page: OnceLock<Bytes>,
    services: BTreeMap<String, (String, OnceLock<Bytes>)>,
    errors: BTreeMap<&'static str, &'static str>,
}

/// The page has no script: only its own style is allowed.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; object-src 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

impl Documents {
    /// Shows the OpenAPI documents that `source` makes, that of each of these services at
    /// `/api/v1/<service>/openapi.json`, and these error pages (code to Markdown).
    #[must_use]
    pub fn new<'a>(
        source: impl Fn(Option<&str>) -> Value + Send + Sync + 'static,
        services: impl IntoIterator<Item = &'a str>,
        errors: &[(&'static str, &'static str)],
    ) -> Self {
        let place = |service: &str| {
            (format!("/api/v1/{service}/openapi.json"), (service.to_owned(), OnceLock::new()))
        };
        Self {
            source: Box::new(source),
            openapi: OnceLock::new(),
            page: OnceLock::new(),
            services: services.into_iter().map(place).collect(),
            errors: errors.iter().copied().collect(),
        }
    }

    fn document(&self, service: Option<&str>) -> Bytes {
        (self.source)(service).to_string().into()
    }

    pub(crate) fn contains(&self, path: &str) -> bool {
        match path {
            "/openapi.json" | "/docs" => true,
            _ => {
                self.services.contains_key(path)
                    || path
                        .strip_prefix("/docs/errors/")
                        .is_some_and(|code| self.errors.contains_key(code))
            }
        }
    }

    pub(crate) fn answer(&self, path: &str) -> Option<Response<ResponseBody>> {
        match path {
            "/openapi.json" => {
                let document = self.openapi.get_or_init(|| self.document(None));
                Some(respond("application/json", document.clone()))
            }
            "/docs" => {
                let page = self.page.get_or_init(|| page(&(self.source)(None)).into());
                Some(respond("text/html; charset=utf-8", page.clone()))
            }
            _ => {
                if let Some((service, document)) = self.services.get(path) {
                    let document = document.get_or_init(|| self.document(Some(service)));
                    return Some(respond("application/json", document.clone()));
                }
                let code = path.strip_prefix("/docs/errors/")?;
                let text = self.errors.get(code)?;
                Some(respond("text/markdown; charset=utf-8", Bytes::from_static(text.as_bytes())))
            }
        }
    }
}

fn respond(kind: &'static str, body: Bytes) -> Response<ResponseBody> {
    let mut response = Response::new(full(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;\
color:#1b2733}h2{margin-top:2.5rem;text-transform:capitalize}details{border:1px solid #d5dde5;border-radius:6px;\
margin:.4rem 0;padding:.4rem .8rem}summary{cursor:pointer}code,pre{font:14px/1.45 ui-monospace,monospace}\
pre{background:#f4f7fa;padding:.6rem;overflow:auto}.m{display:inline-block;width:4.5rem;font-weight:600}\
.a{float:right;color:#5b6b7a}@media(prefers-color-scheme:dark){body{background:#11181f;color:#dde5ec}\
pre{background:#1a242e}details{border-color:#2b3a48}}";

/// The document as a page that needs no script.
fn page(openapi: &Value) -> String {
    let text = |value: &Value, key: &str| {
        escape(value.get(key).and_then(Value::as_str).unwrap_or_default())
    };
    let info = openapi.get("info").cloned().unwrap_or_default();
    let mut by_tag: BTreeMap<String, String> = BTreeMap::new();
    for (path, methods) in openapi.get("paths").and_then(Value::as_object).into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let tag = operation.pointer("/tags/0").and_then(Value::as_str).unwrap_or("other");
            let details = serde_json::to_string_pretty(operation).unwrap_or_default();
            by_tag.entry(tag.to_owned()).or_default().push_str(&format!(
                "<details><summary><span class=m>{}</span><code>{}</code> <span class=a>{}</span><br>{}</summary>\
                 <p>{}</p><pre>{}</pre></details>",
                escape(&method.to_uppercase()),
                escape(path),
                text(operation, "x-access"),
                text(operation, "summary"),
                text(operation, "description"),
                escape(&details),
            ));
        }
    }
    let sections: String =
        by_tag.iter().map(|(tag, body)| format!("<h2>{}</h2>{body}", escape(tag))).collect();
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style><h1>{title}</h1><p>{description}</p>\
         <p>Release {version}. The same as <a href=\"/openapi.json\">OpenAPI 3.1</a>.</p>{sections}</html>",
        title = text(&info, "title"),
        description = text(&info, "description"),
        version = text(&info, "version"),
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
