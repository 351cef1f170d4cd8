//! An answer that is kept, in memory and as it lies in Redis.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use hanse_http::{ResponseBody, full};
use http::header::{AGE, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

/// What an answer takes besides its body, in bytes: an estimate.
const BESIDES: usize = 1024;

/// An answer. Clones share it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(into = "Written", try_from = "Written")]
pub(crate) struct Kept {
    status: StatusCode,
    headers: Arc<HeaderMap>,
    body: Bytes,
    since: Timestamp,
}

/// As text. Every character stands for one byte.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Written {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    /// Seconds since 1970.
    since: i64,
}

impl Kept {
    pub(crate) fn new(
        status: StatusCode,
        headers: HeaderMap,
        body: Bytes,
        since: Timestamp,
    ) -> Self {
        Self { status, headers: Arc::new(headers), body, since }
    }

    /// The answer, with the time that it has been kept and was on its way before (RFC 9111, section 5.1).
    pub(crate) fn aged(&self, now: Timestamp) -> Response<ResponseBody> {
        let mut response = self.response();
        let headers = response.headers_mut();
        let before = headers.get(AGE).and_then(|age| age.to_str().ok()?.parse::<u64>().ok());
        let kept = u64::try_from(now.as_second() - self.since.as_second()).unwrap_or(0);
        headers.insert(AGE, before.unwrap_or(0).saturating_add(kept).into());
        response
    }

    pub(crate) fn response(&self) -> Response<ResponseBody> {
        let mut response = Response::new(full(self.body.clone()));
        *response.status_mut() = self.status;
        HeaderMap::clone(&self.headers).clone_into(response.headers_mut());
        response
    }

    pub(crate) fn weigh(&self) -> u32 {
        u32::try_from(self.body.len() + BESIDES).unwrap_or(u32::MAX)
    }
}

/// Two releases that write it differently do not see each other's.
impl JsonSchema for Kept {
    fn schema_name() -> Cow<'static, str> {
        "Kept".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Written::json_schema(generator)
    }
}

impl From<Kept> for Written {
    fn from(kept: Kept) -> Self {
        let headers = kept.headers.iter();
        Self {
            status: kept.status.as_u16(),
            headers: headers
                .map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes())))
                .collect(),
            body: text(&kept.body),
            since: kept.since.as_second(),
        }
    }
}

/// Redis is believed no more than a stranger is: what is no answer is none.
impl TryFrom<Written> for Kept {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let status = StatusCode::from_u16(written.status).map_err(|_| "no status")?;
        let mut headers = HeaderMap::new();
        for (name, value) in written.headers {
            let name: HeaderName = name.parse().map_err(|_| "no name of a header")?;
            let value = bytes(&value).and_then(|value| HeaderValue::from_bytes(&value).ok());
            headers.append(name, value.ok_or("no value of a header")?);
        }
        let body = bytes(&written.body).ok_or("no body")?;
        let since = Timestamp::from_second(written.since).map_err(|_| "no time")?;
        Ok(Self::new(status, headers, body.into(), since))
    }
}

fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|letter| u8::try_from(letter).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_byte_by_byte() {
        let mut headers = HeaderMap::new();
        headers.append("x-a", HeaderValue::from_static("1"));
        headers.append("x-a", HeaderValue::from_bytes(b"\xFC\xFE").unwrap());
        let body: Vec<u8> = (0..=255).collect();
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let kept = Kept::new(StatusCode::NOT_FOUND, headers.clone(), body.clone().into(), now);
        let text = serde_json::to_string(&kept).unwrap();
        let read: Kept = serde_json::from_str(&text).unwrap();
        assert_eq!((read.status, &*read.headers), (StatusCode::NOT_FOUND, &headers));
        assert_eq!((read.body.as_ref(), read.since), (&*body, now));
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for wrong in [
            r#"{"status": 7, "headers": [], "body": "", "since": 0}"#,
            r#"{"status": 200, "headers": [["a b", "c"]], "body": "", "since": 0}"#,
            r#"{"status": 200, "headers": [["a", "\n"]], "body": "", "since": 0}"#,
            r#"{"status": 200, "headers": [], "body": "€", "since": 0}"#,
            r#"{"status": 200, "headers": [], "since": 0}"#,
            r#"{"status": 200, "headers": [], "body": ""}"#,
            r#"{"status": 200, "headers": [], "body": "", "since": 1e300}"#,
        ] {
            assert!(serde_json::from_str::<Kept>(wrong).is_err(), "{wrong}");
        }
    }
}
