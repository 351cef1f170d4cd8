//! Answers that are given again, for rules that say so: kept for some seconds, or shared by equal
//! reads that are under way together.
//!
//! An answer is only ever given to the caller it was made for: the key holds the account and every
//! header that says who asks or what is wanted. Answers that are large, streamed, say `no-store`, or
//! vary by anything else are never kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hanse_cache::LocalCache;
use hanse_http::{ResponseBody, full};
use http::header::{CACHE_CONTROL, HeaderMap, SET_COOKIE, VARY};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Either};
use tokio::sync::watch;
use uuid::Uuid;

/// Bytes of all answers of a rule.
const ROOM: u64 = 16 * 1024 * 1024;
/// Bytes of one answer.
const LARGEST: usize = 256 * 1024;
/// Equal reads under way that others may wait for; more are sent on.
const WAITED_FOR: usize = 1024;

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

/// A read, told apart from every other that may be answered differently.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    method: Method,
    address: String,
    account: Option<Uuid>,
    headers: Vec<(&'static str, Bytes)>,
}

#[derive(Clone)]
struct Kept {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Kept {
    fn response(&self) -> Response<ResponseBody> {
        let mut response = Response::new(full(self.body.clone()));
        *response.status_mut() = self.status;
        self.headers.clone_into(response.headers_mut());
        response
    }

    fn weigh(_: &Key, kept: &Arc<Self>) -> u32 {
        u32::try_from(kept.body.len() + 1024).unwrap_or(u32::MAX)
    }
}

type Waiting = watch::Receiver<Option<Option<Arc<Kept>>>>;

/// What a rule remembers.
pub(crate) struct Memory {
    answers: Option<(LocalCache<Key, Arc<Kept>>, Duration)>,
    under_way: Arc<Mutex<HashMap<Key, Waiting>>>,
}

/// Ends the waiting for an answer, also when there will be none.
struct Leading {
    key: Key,
    under_way: Arc<Mutex<HashMap<Key, Waiting>>>,
    answer: watch::Sender<Option<Option<Arc<Kept>>>>,
}

impl Drop for Leading {
    fn drop(&mut self) {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

impl Memory {
    /// Nothing when nothing is to be remembered.
    pub(crate) fn new(cache_seconds: u32, coalesce: bool) -> Option<Self> {
        if cache_seconds == 0 && !coalesce {
            return None;
        }
        let time = Duration::from_secs(cache_seconds.into());
        Some(Self {
            answers: (cache_seconds > 0).then(|| (LocalCache::new(ROOM, Kept::weigh), time)),
            // What may be given again for a while may be given to those who ask together: otherwise
            // all of them would ask at the moment it ends.
            under_way: Arc::default(),
        })
    }

    /// The key of a read; nothing for other requests.
    pub(crate) fn key<B>(request: &Request<B>, account: Option<Uuid>) -> Option<Key> {
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            return None;
        }
        let headers = TELLING.into_iter().flat_map(|name| {
            request.headers().get_all(name).iter().map(move |value| (name, value))
        });
        Some(Key {
            method: request.method().clone(),
            address: request.uri().to_string(),
            account,
            headers: headers
                .map(|(name, value)| (name, Bytes::copy_from_slice(value.as_bytes())))
                .collect(),
        })
    }

    /// The answer to this read: one that is kept, one that another request is just getting, or that
    /// of `ask`.
    pub(crate) async fn answer(
        &self,
        key: Key,
        ask: impl Future<Output = Response<ResponseBody>>,
    ) -> Response<ResponseBody> {
        let leading = match self.wait(&key).await {
            Found::Answer(kept) => return kept.response(),
            Found::Lead(leading) => Some(leading),
            Found::Nothing => None,
        };
        let (response, copy) = keep(ask.await).await;
        if let (Some((answers, time)), Some(kept)) = (&self.answers, &copy)
            && kept.status == StatusCode::OK
        {
            answers.insert(key, Arc::clone(kept), *time);
        }
        if let Some(leading) = leading {
            leading.answer.send_replace(Some(copy));
        }
        response
    }

    /// Waits until there is an answer, or it is this request's turn to ask.
    async fn wait(&self, key: &Key) -> Found {
        loop {
            if let Some(kept) = self.kept(key) {
                return Found::Answer(kept);
            }
            let mut waiting = match self.join(key) {
                Joined::Alone => return Found::Nothing,
                Joined::Waiting(waiting) => waiting,
                // Between the look and the lead another may have led and ended.
                Joined::Leading(leading) => {
                    return match self.kept(key) {
                        Some(kept) => Found::Answer(kept),
                        None => Found::Lead(leading),
                    };
                }
            };
            let answered = waiting.wait_for(Option::is_some).await;
            match answered.as_deref() {
                Ok(Some(Some(kept))) => return Found::Answer(Arc::clone(kept)),
                // It cannot be shared.
                Ok(_) => return Found::Nothing,
                // Whoever asked has gone away: one of those who waited asks, not all of them.
                Err(_) => {}
            }
        }
    }

    fn kept(&self, key: &Key) -> Option<Arc<Kept>> {
        self.answers.as_ref().and_then(|(answers, _)| answers.get(key))
    }

    fn join(&self, key: &Key) -> Joined {
        let mut table = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = table.get(key) {
            return Joined::Waiting(waiting.clone());
        }
        if table.len() >= WAITED_FOR {
            return Joined::Alone;
        }
        let (answer, waiting) = watch::channel(None);
        table.insert(key.clone(), waiting);
        let under_way = Arc::clone(&self.under_way);
        Joined::Leading(Leading { key: key.clone(), under_way, answer })
    }
}

enum Joined {
    Waiting(Waiting),
    Leading(Leading),
    Alone,
}

enum Found {
    Answer(Arc<Kept>),
    Lead(Leading),
    /// None that can be shared, or too many wait.
    Nothing,
}

/// The answer, and a copy of it if it may be given to others. That of a system in trouble may: if all
/// who waited asked it too, it would stay in trouble.
async fn keep(response: Response<ResponseBody>) -> (Response<ResponseBody>, Option<Arc<Kept>>) {
    let headers = response.headers();
    let says = |name, word: &str| {
        headers
            .get_all(name)
            .iter()
            .any(|value| value.to_str().is_ok_and(|text| text.to_ascii_lowercase().contains(word)))
    };
    let varies = headers.get_all(VARY).iter().any(|value| {
        value.to_str().map_or(true, |text| {
            text.split(',')
                .any(|name| !TELLING.contains(&name.trim().to_ascii_lowercase().as_str()))
        })
    });
    let own = says(CACHE_CONTROL, "no-store") || headers.contains_key(SET_COOKIE);
    if varies || own || response.status().is_informational() {
        return (response, None);
    }
    let (parts, body) = response.into_parts();
    let Either::Left(whole) = body else {
        return (Response::from_parts(parts, body), None);
    };
    // A body in memory has no way to fail.
    let body = whole.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let kept = (body.len() <= LARGEST).then(|| {
        Arc::new(Kept { status: parts.status, headers: parts.headers.clone(), body: body.clone() })
    });
    (Response::from_parts(parts, full(body)), kept)
}
