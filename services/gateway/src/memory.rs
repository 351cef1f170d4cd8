//! Answers that are given again, for rules that say so: kept for some seconds, or shared by equal
//! reads that are under way together.
//!
//! An answer is only ever given to the caller it was made for: the key holds the account and every
//! header that says who asks or what is wanted. Answers that are large, streamed, say `no-store`, or
//! vary by anything else are never given again, and those that say `no-cache`, or that they are good for
//! less time than the rule keeps them, are not kept. A read that has a body is passed on: what is in it
//! is no part of the key, and must not choose what others get.
//!
//! Whoever shows nothing of themselves is answered like all who do so. Such an answer lies in Redis, too,
//! where there is one: all gateways together ask for it once.
//!
//! A change that succeeds ends what is kept of its address, in every gateway (RFC 9111, section 4.4).
//! There may be many answers of an address, so their keys hold a mark of it, and the mark is dropped.

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use hanse_http::{RequestBody, ResponseBody, full};
use hanse_redis::{CacheSpec, Redis, TieredCache};
use http::header::{AGE, AUTHORIZATION, CACHE_CONTROL, COOKIE, HOST, HeaderMap, SET_COOKIE, VARY};
use http::uri::PathAndQuery;
use http::{Method, Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Either};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::kept::Kept;

/// Bytes of all answers of a rule, for one caller each and for everybody.
const ROOM: u64 = 16 * 1024 * 1024;
/// Bytes of one answer.
const LARGEST: usize = 256 * 1024;
/// Addresses of a rule that have a mark.
const MARKS: u64 = 100_000;
/// How long a mark lasts; what was kept under it is forgotten with it.
const MARKED: Duration = Duration::from_secs(3_600);

/// Headers that say who asks and what is wanted.
const TELLING: [&str; 14] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "authorization",
    "cookie",
    "hanse-after",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "origin",
    "range",
];

/// What a request is to the answers of its address.
pub(crate) enum Kind {
    /// It may be given one of them.
    Read(Read),
    /// It may end them.
    Change(String),
    /// Neither.
    Other,
}

/// A read, told apart from every other that may be answered differently.
pub(crate) struct Read {
    address: String,
    key: Sha256,
    /// Nothing shows who asks.
    common: bool,
}

impl Kind {
    /// What this request for something of `place` is, a place being where a rule leads.
    pub(crate) fn of(request: &Request<RequestBody>, place: &str, account: Option<Uuid>) -> Self {
        let (method, headers) = (request.method(), request.headers());
        let mut address = Sha256::new();
        let host = headers.get(HOST).map(http::HeaderValue::as_bytes).unwrap_or_default();
        let target = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
        for part in [place.as_bytes(), host, target.as_bytes()] {
            add(&mut address, part);
        }
        let address = hex(address);
        if ![Method::GET, Method::HEAD].contains(method) {
            return if method.is_safe() { Self::Other } else { Self::Change(address) };
        }
        if !request.body().is_end_stream() {
            return Self::Other;
        }
        let mut key = Sha256::new();
        add(&mut key, method.as_str().as_bytes());
        add(&mut key, account.map(Uuid::into_bytes).as_ref().map_or(&[], |id| id.as_slice()));
        for name in TELLING {
            for value in headers.get_all(name) {
                add(&mut key, name.as_bytes());
                add(&mut key, value.as_bytes());
            }
        }
        let shown = [AUTHORIZATION, COOKIE].iter().any(|name| headers.contains_key(name));
        Self::Read(Read { address, key, common: account.is_none() && !shown })
    }
}

/// Each part with its length, so that no two lists of parts are alike.
fn add(hash: &mut Sha256, part: &[u8]) {
    hash.update((part.len() as u64).to_be_bytes());
    hash.update(part);
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Why an answer is not kept; those who waited may have it nevertheless.
struct Unkept(Option<Kept>);

/// What a rule remembers.
pub(crate) struct Memory {
    /// Answers for one caller.
    own: TieredCache<Kept>,
    /// Answers for everybody of whom nothing is known.
    common: TieredCache<Kept>,
    /// By address.
    marks: TieredCache<Uuid>,
    /// How long answers are kept; not at all when it is nothing.
    keeps: Duration,
}

impl Memory {
    /// Nothing when nothing is to be remembered.
    pub(crate) fn new(cache_seconds: u32, coalesce: bool, redis: Option<&Redis>) -> Option<Self> {
        if cache_seconds == 0 && !coalesce {
            return None;
        }
        let ttl = Duration::from_secs(cache_seconds.into());
        let spec = |name, ttl, max_weight| CacheSpec { name, ttl, max_weight };
        Some(Self {
            own: TieredCache::new(spec("own answers", ttl, ROOM), Kept::weigh, None),
            common: TieredCache::new(spec("answers", ttl, ROOM), Kept::weigh, redis.cloned()),
            marks: TieredCache::new(spec("addresses", MARKED, MARKS), |_| 1, redis.cloned()),
            keeps: ttl,
        })
    }

    /// The answer to this read: one that is kept, one that another request is just getting, or that
    /// of `ask`. `id` is that of the request, which came at `now`.
    pub(crate) async fn answer(
        &self,
        read: Read,
        id: Uuid,
        now: Timestamp,
        ask: impl Future<Output = Response<ResponseBody>>,
    ) -> Response<ResponseBody> {
        let mark = self.marks.get_or_load(&read.address, async { Ok::<_, Infallible>(id) }).await;
        let mut key = read.key;
        add(&mut key, read.address.as_bytes());
        add(&mut key, mark.unwrap_or(id).as_bytes());
        let answers = if read.common { &self.common } else { &self.own };
        let (mut ask, mut asked) = (pin!(ask), None);
        let load = async {
            let response = ask.as_mut().await;
            let keep = response.status() == StatusCode::OK && self.keeps(response.headers());
            let (response, copy) = copy(response, read.common, now).await;
            match copy {
                Some(copy) if keep => Ok(copy),
                copy => {
                    asked = Some(response);
                    Err(Unkept(copy))
                }
            }
        };
        match answers.get_or_load(&hex(key), load).await {
            Ok(kept) => kept.aged(now),
            Err(unkept) => match (asked, &unkept.0) {
                (Some(response), _) => response,
                (None, Some(copy)) => copy.response(),
                // It cannot be shared: everybody asks.
                (None, None) => ask.await,
            },
        }
    }

    /// May an answer that says this of itself be kept for as long as this rule keeps them (RFC 9111,
    /// sections 4.2 and 5.2.2)? The rule stands where it says nothing.
    fn keeps(&self, headers: &HeaderMap) -> bool {
        let seconds = |value: &str| value.trim_matches('"').parse::<u64>().ok();
        let limit = |name| directive(headers, name).map(|value| seconds(&value).unwrap_or(0));
        let good = limit("s-maxage").or_else(|| limit("max-age")).map(|good| {
            let age = headers.get(AGE).and_then(|age| seconds(age.to_str().ok()?));
            Duration::from_secs(good.saturating_sub(age.unwrap_or(0)))
        });
        !self.keeps.is_zero()
            && directive(headers, "no-cache").is_none()
            && good.is_none_or(|good| good >= self.keeps)
    }

    /// Ends what is kept of an address, here and in every gateway, when a change was answered by this
    /// status and so may have been made.
    pub(crate) async fn changed(&self, address: &str, status: StatusCode) {
        if status.is_success() || status.is_redirection() {
            self.marks.invalidate(address).await;
        }
    }
}

/// The answer, and a copy of it if it may be given to others. That of a system in trouble may: if all
/// who waited asked it too, it would stay in trouble.
async fn copy(
    response: Response<ResponseBody>,
    common: bool,
    now: Timestamp,
) -> (Response<ResponseBody>, Option<Kept>) {
    if !repeatable(&response, common) {
        return (response, None);
    }
    let (parts, body) = response.into_parts();
    let Either::Left(whole) = body else {
        return (Response::from_parts(parts, body), None);
    };
    // A body in memory has no way to fail.
    let body = whole.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let small = body.len() <= LARGEST;
    let copy = small.then(|| Kept::new(parts.status, parts.headers.clone(), body.clone(), now));
    (Response::from_parts(parts, full(body)), copy)
}

fn repeatable(response: &Response<ResponseBody>, common: bool) -> bool {
    let headers = response.headers();
    let says = |name| directive(headers, name).is_some();
    let own = says("no-store") || (common && says("private")) || headers.contains_key(SET_COOKIE);
    !own && !varies(headers) && !response.status().is_informational()
}

/// What `Cache-Control` says by this name: its value, which most have none of.
fn directive(headers: &HeaderMap, name: &str) -> Option<String> {
    let said = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    said.flat_map(|text| text.split(',')).find_map(|said| {
        let (known, value) = said.split_once('=').unwrap_or((said, ""));
        known.trim().eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}

/// By anything that is not part of the key?
fn varies(headers: &HeaderMap) -> bool {
    let known = |name: &str| TELLING.contains(&name.trim().to_ascii_lowercase().as_str());
    headers
        .get_all(VARY)
        .iter()
        .any(|value| value.to_str().map_or(true, |text| !text.split(',').all(known)))
}
