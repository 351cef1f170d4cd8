//! What a device calls itself.

use hanse_http::{Exchange, Input, OperationDoc, Problem};

/// The `User-Agent` header, or nothing.
#[derive(Debug)]
pub struct UserAgent(pub String);

impl Input for UserAgent {
    fn describe(_: &mut OperationDoc) {}

    fn take(exchange: &Exchange) -> Result<Self, Problem> {
        let value = exchange.parts.headers.get("user-agent");
        Ok(Self(value.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()))
    }
}
