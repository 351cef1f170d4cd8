//! What a browser sends when a form is submitted, and what OAuth clients send.

use garde::Validate;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::dispatch::Exchange;
use crate::error::{KernelError, Problem};
use crate::input::{Input, check, expect_content, plain};
use crate::reply::OperationDoc;

const KIND: &str = "application/x-www-form-urlencoded";

/// A URL-encoded body that has passed its checks. A field that is sent twice is refused.
#[derive(Debug)]
pub struct Form<T>(pub T);

impl<T> Input for Form<T>
where
    T: DeserializeOwned + Validate<Context = ()> + JsonSchema + Send + 'static,
{
    const READS_BODY: bool = true;

    fn describe(doc: &mut OperationDoc) {
        let schema = doc.schemas.subschema_for::<T>();
        doc.request_body =
            Some(json!({ "required": true, "content": { KIND: { "schema": schema } } }));
    }

    fn take(exchange: &Exchange) -> Result<Self, Problem> {
        expect_content(exchange, KIND, &[KIND])?;
        let refuse = |why: &str| Problem::of(&KernelError::MalformedBody(plain(why)));
        let nul = exchange.body.windows(3).any(|part| part == b"%00") || exchange.body.contains(&0);
        if nul {
            return Err(refuse("it holds a NUL character"));
        }
        let value: T = serde_urlencoded::from_bytes(&exchange.body)
            .map_err(|error| refuse(&error.to_string()))?;
        check(&value)?;
        Ok(Self(value))
    }
}
