//! HTTP as every service speaks it: operations, callers, problems, pages, and the server loop.
//!
//! A service describes each operation once, with a handler whose *signature* is its contract:
//!
//! ```text
//! async fn create_thought(cx: Cx<App>, body: Body<NewThought>) -> Result<Answered<Created<Thought>>, ThoughtError>
//! ```
//! From that come the route, the checks of the input, the access policy ([`Access`], which has no
//! default, so an operation without one does not compile), the answer, its problems, and the OpenAPI
//! text. Nothing is written twice, so nothing can differ.
//!
//! What this crate never does: read more of a body than the operation allows, trust an identity that
//! is not a verified token, send an internal cause to a client, or let a request run without an
//! access policy.
//!
//! To add an input, implement [`Input`]; to add a kind of answer, implement [`Reply`].

extern crate self as hanse_http;
pub use serde_json;

mod access;
mod activity;
mod aside;
mod caller;
mod committed;
mod cursor;
mod cx;
mod dispatch;
mod error;
mod etag;
mod front;
pub mod headers;
mod idempotency;
mod input;
mod keyed;
mod live;
mod network;
mod openapi;
mod operation;
mod outline;
mod pages;
mod peer;
mod places;
mod received;
mod reply;
mod scope;
pub mod server;
mod signer;
mod table;
mod token;
mod tunnels;

pub use access::Access;
pub use caller::{Caller, Principal, Role};
pub use committed::Committed;
pub use cursor::{CursorError, Sealer};
pub use cx::{Cx, Home, Service};
pub use dispatch::{
    BodyError, Context, Exchange, RequestBody, ResponseBody, collect_body, full, problem_response,
    stream,
};
pub use error::{ApiError, ErrorCode, KernelError, Problem, kernel_codes};
pub use etag::{IfMatch, PreconditionError};
pub use front::{Edge, Entered, Front, ServiceFront, UNROUTED};
pub use hanse_macros::ApiError;
pub use idempotency::{Answered, SCHEMA, forget_idempotency, purge_idempotency};
pub use input::{
    Body, Input, PAGE_BYTES, Page, PageQuery, Path, Query, Upload, default_limit, json_size,
};
pub use keyed::{ExchangedKey, KeyToExchange, KeyedFront};
pub use live::{Listener, Live, LiveEvent, LiveEvents};
pub use network::{Network, Networks};
pub use openapi::{Info, document};
pub use operation::{Draft, Handler, Method, Operation, Routes, op};
pub use outline::{Outline, Shape};
pub use pages::{Form, Html, Script, SetCookie, Style, Visit};
pub use peer::PeerKey;
pub use reply::{Answer, Created, Download, Json, NoContent, OperationDoc, Reply, Tagged};
pub use scope::{Permission, PermissionError, Scope};
pub use signer::Signer;
pub use table::{Found, MountError, Placed, Table};
pub use token::{Actor, Claims, Revocations, TokenError, Verifier};
