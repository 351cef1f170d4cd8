//! One request on its way: choose, try, judge, and try again where that is allowed.

use std::sync::Arc;

use bytes::Bytes;
use hanse_http::{RequestBody, ResponseBody, full};
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, UPGRADE,
};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, Uri, Version};
use http_body::Body;
use http_body_util::{BodyExt as _, Either, Full};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use tokio::io::AsyncWriteExt as _;
use tokio::time::Instant;

use crate::balance::{Affinity, choose};
use crate::body::AnswerBody;
use crate::config::ms;
use crate::error::{Failure, UpstreamError};
use crate::forward;
use crate::peer::Peer;
use crate::place::{Lease, Line, Place, Want};

/// Bodies up to this length are kept, so that they can be sent again.
const KEPT: u64 = 64 * 1024;

/// A connection that is to leave HTTP.
pub(crate) struct Tunnel {
    pub(crate) client: OnUpgrade,
    pub(crate) protocol: HeaderValue,
}

/// What is needed to send a request again.
struct Spare {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Full<Bytes>,
}

impl Spare {
    /// Nothing when the body is not in memory.
    fn of(request: &Request<RequestBody>) -> Option<Self> {
        let Either::Right(body) = request.body() else { return None };
        Some(Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
            body: body.clone(),
        })
    }

    fn request(&self) -> Request<RequestBody> {
        let mut request = Request::new(Either::Right(self.body.clone()));
        self.method.clone_into(request.method_mut());
        self.uri.clone_into(request.uri_mut());
        self.headers.clone_into(request.headers_mut());
        request
    }
}

/// What to do after a try.
enum Next {
    Again { avoid: bool, want: Want },
    End(UpstreamError),
}

/// Its methods are called in turn on one value that stays where it is: requests are large, and an async
/// function that takes one has room for it twice.
pub(crate) struct Sending<'a> {
    peer: &'a Arc<Peer>,
    affinity: Affinity,
    deadline: Instant,
    /// The request while it is not sent.
    request: Option<Request<RequestBody>>,
    repeatable: bool,
    spare: Option<Spare>,
    tunnel: Option<Tunnel>,
    tries: u32,
    renewed: bool,
}

impl<'a> Sending<'a> {
    pub(crate) fn new(
        peer: &'a Arc<Peer>,
        request: Request<RequestBody>,
        affinity: Affinity,
        tunnel: Option<Tunnel>,
    ) -> Self {
        let (mut parts, body) = request.into_parts();
        origin_form(&mut parts);
        Self {
            peer,
            affinity,
            deadline: Instant::now() + ms(peer.config.timeout_ms),
            repeatable: tunnel.is_none() && is_repeatable(&parts),
            request: Some(Request::from_parts(parts, body)),
            spare: None,
            tunnel,
            tries: 0,
            renewed: false,
        }
    }

    pub(crate) async fn run(&mut self) -> Result<Response<ResponseBody>, UpstreamError> {
        if let (true, Some(request)) = (self.repeatable, self.request.as_mut()) {
            if request.body().is_end_stream() {
                *request.body_mut() = Either::Right(Full::default());
            } else if is_small(request.body(), request.headers()) {
                // Boxed, like everything that most requests do not need: its room would be every
                // request's.
                Box::pin(keep(request.body_mut(), self.deadline)).await?;
            }
            self.spare = Spare::of(request);
        }
        let peer = self.peer;
        let mut want = if self.tunnel.is_some() { Want::Tunnel } else { Want::Any };
        let mut avoid: Option<Arc<Place>> = None;
        peer.budget.pay_in();
        loop {
            let now = peer.now();
            let place = {
                let (balance, places) = (peer.config.balance, peer.places());
                choose(balance, &places, &peer.turn, self.affinity, avoid.as_ref(), now).cloned()
            };
            let none = || UpstreamError::NoEndpoint { name: peer.name.clone(), seconds: 5 };
            let place = place.ok_or_else(none)?;
            self.tries += 1;
            peer.counts.attempts.inc();
            let mut stale = false;
            match self.attempt(&place, now, want, &mut stale).await {
                Ok((response, lease)) => {
                    let status = response.status();
                    if status.is_server_error() {
                        peer.failed(&place);
                    } else {
                        place.succeeded(peer.now(), &peer.config);
                    }
                    if !self.wants_another(&response) {
                        return self.pass_on(response, lease).await;
                    }
                    let body = response.into_body();
                    // Whether it can be read to its end decides only about its connection.
                    let body = AnswerBody::new(body, lease, Arc::clone(peer), None);
                    Box::pin(body.pass_on()).await.ok();
                    (avoid, want) = (Some(place), Want::Any);
                }
                Err(failure) => {
                    if failure.counts() && !stale {
                        peer.failed(&place);
                    }
                    match self.after(failure, stale, want) {
                        Next::End(error) => return Err(error),
                        Next::Again { avoid: false, want: new } => want = new,
                        Next::Again { avoid: true, want: new } => {
                            (avoid, want) = (Some(place), new);
                        }
                    }
                }
            }
        }
    }

    /// One try. `stale` is set when the connection had been used before.
    async fn attempt(
        &mut self,
        place: &Arc<Place>,
        now: u64,
        want: Want,
        stale: &mut bool,
    ) -> Result<(Response<Incoming>, Lease), Failure> {
        let config = &self.peer.config;
        let until = match self.spare {
            Some(_) => self.deadline.min(Instant::now() + ms(config.try_timeout_ms)),
            None => self.deadline,
        };
        let mut lease = match place.idle_lease(now, want) {
            Some(lease) => lease,
            None => Box::pin(place.lease(config, now, want)).await?,
        };
        let request = match self.request.take() {
            Some(request) => request,
            None => self.spare.as_ref().map(Spare::request).ok_or(Failure::Broken(None))?,
        };
        let answered = tokio::time::timeout_at(until, lease.exchange(request)).await;
        let response = match answered {
            Err(_) => return Err(Failure::Late),
            Ok(Err(failure)) => {
                *stale = lease.used() && matches!(failure, Failure::Broken(_) | Failure::Unsent(_));
                return Err(failure);
            }
            Ok(Ok(response)) => response,
        };
        if let Some(what) = forward::ambiguous(response.headers()) {
            return Err(Failure::Malformed(what, None));
        }
        if response.status() == StatusCode::SWITCHING_PROTOCOLS && want != Want::Tunnel {
            return Err(Failure::Malformed("it leaves HTTP unasked", None));
        }
        Ok((response, lease))
    }

    /// Is this an answer that another endpoint may better, and may it be asked?
    fn wants_another(&self, response: &Response<Incoming>) -> bool {
        let weak = matches!(
            response.status(),
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
        );
        // Who says when to come back does not want to be asked at once.
        weak && !response.headers().contains_key(RETRY_AFTER) && self.may_retry()
    }

    /// May the request be sent again? Takes the retry from the budget.
    fn may_retry(&self) -> bool {
        let may = self.spare.is_some()
            && self.tries < self.peer.config.tries
            && Instant::now() < self.deadline
            && self.peer.budget.take();
        if may {
            self.peer.counts.retries.inc();
        }
        may
    }

    fn after(&mut self, failure: Failure, stale: bool, want: Want) -> Next {
        let renew = if want == Want::Any { Want::New } else { want };
        match failure {
            // Nothing was written: this is no repetition.
            Failure::Unsent(request) if !self.renewed => {
                (self.request, self.renewed) = (Some(*request), true);
                self.tries -= 1;
                Next::Again { avoid: false, want: renew }
            }
            // The other side closed an idle connection while we took it up.
            Failure::Broken(_) if stale && self.spare.is_some() && !self.renewed => {
                self.renewed = true;
                self.tries -= 1;
                Next::Again { avoid: false, want: renew }
            }
            // Nothing was sent: any other endpoint will do.
            Failure::Refused(_) | Failure::Busy
                if self.tries < self.peer.config.tries
                    && Instant::now() < self.deadline
                    && self.peer.places().len() > 1 =>
            {
                Next::Again { avoid: true, want }
            }
            Failure::Broken(_) | Failure::Late if self.may_retry() => {
                Next::Again { avoid: true, want }
            }
            failure => Next::End(failure.error()),
        }
    }

    async fn pass_on(
        &mut self,
        response: Response<Incoming>,
        lease: Lease,
    ) -> Result<Response<ResponseBody>, UpstreamError> {
        let (mut parts, body) = response.into_parts();
        let protocol = parts.headers.get(UPGRADE).cloned();
        forward::answer(&mut parts.headers);
        parts.version = Version::HTTP_11;
        parts.extensions.clear();
        if parts.status == StatusCode::SWITCHING_PROTOCOLS
            && let Some(tunnel) = self.tunnel.take()
        {
            parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            parts.headers.insert(UPGRADE, protocol.unwrap_or(tunnel.protocol));
            Box::pin(dig(lease, tunnel.client)).await;
            return Ok(Response::from_parts(parts, full(Bytes::new())));
        }
        // Events may be far apart.
        let events = parts
            .headers
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        let patience = (!events).then(|| ms(self.peer.config.body_timeout_ms));
        let body = AnswerBody::new(body, lease, Arc::clone(self.peer), patience);
        match body.pass_on().await {
            Ok(body) => Ok(Response::from_parts(parts, body)),
            Err(error) => Err(Failure::Broken(error).error()),
        }
    }
}

/// Connects both sides and leaves them alone; the connection counts until both are done.
async fn dig(lease: Lease, client: OnUpgrade) {
    let Lease { line: Line::Own(wire), slot, .. } = lease else { return };
    let (mut stream, first) = wire.into_stream().await;
    let tunnel = async move {
        let Ok(client) = client.await else { return };
        let mut client = hyper_util::rt::TokioIo::new(client);
        if client.write_all(&first).await.is_ok() {
            // Either side may go at any time, and that ends the other.
            tokio::io::copy_bidirectional(&mut client, &mut stream).await.ok();
        }
        drop(slot);
    };
    #[expect(clippy::disallowed_methods, reason = "a tunnel outlives the request that opened it")]
    drop(tokio::spawn(tunnel));
}

/// Requests that may be sent twice (law 5): safe ones (RFC 9110, section 9.2.1) and keyed ones.
fn is_repeatable(parts: &Parts) -> bool {
    parts.method.is_safe() || parts.headers.contains_key("idempotency-key")
}

/// The address without the host, which has its own header.
fn origin_form(parts: &mut Parts) {
    parts.version = Version::HTTP_11;
    parts.extensions.clear();
    if parts.uri.scheme().is_some() || parts.uri.authority().is_some() {
        let path = parts.uri.path_and_query().cloned();
        parts.uri = path.map_or_else(Uri::default, Uri::from);
    }
}

/// Does this body come from the network, and say that it is small? Any other that is not in memory cannot
/// be sent again.
fn is_small(body: &RequestBody, headers: &HeaderMap) -> bool {
    let Either::Left(body) = body else { return false };
    let small = body.size_hint().exact().is_some_and(|length| length <= KEPT);
    small && headers.contains_key(CONTENT_LENGTH)
}

/// Reads a small body into memory.
async fn keep(body: &mut RequestBody, deadline: Instant) -> Result<(), UpstreamError> {
    let read = tokio::time::timeout_at(deadline, (&mut *body).collect()).await;
    let read = read.ok().and_then(Result::ok).ok_or(UpstreamError::RequestBroken)?;
    *body = Either::Right(Full::new(read.to_bytes()));
    Ok(())
}
