//! What people and groups have in common: a kind of resource, which clients list, make, read, change and
//! remove. What the protocol asks of an operation stands once, in [`super::reading`] and
//! [`super::writing`]; what a kind is stands beside its tables.

use hanse_http::IfMatch;
use hanse_store::{Result, Tx};
use serde_json::Value;
use uuid::Uuid;

use super::attributes::Resource;
use super::query::Listing;
use super::reply::Refusal;
use crate::service::Identity;

/// Where a kind is served, and what its operations are called.
pub(super) struct Served {
    /// The address of all of them.
    pub(super) many: &'static str,
    /// The address of one.
    pub(super) one: &'static str,
    /// The address of a search by a body.
    pub(super) search: &'static str,
    /// Ids of the operations: list, search, get, create, replace, modify, delete.
    pub(super) ids: [&'static str; 7],
    /// Largest body in bytes.
    pub(super) body_limit: usize,
}

/// A kind of resource. `base` is the address of the protocol, as clients know it.
pub(super) trait ResourceKind: Send + Sync + 'static {
    /// Where it is served.
    const SERVED: Served;
    /// What it is made of.
    const SCHEMA: &'static Resource;
    /// One that is held for a change.
    type Held: Send;

    /// A page of those that are asked for.
    fn list(
        tx: &mut Tx,
        base: &str,
        listing: &Listing,
    ) -> impl Future<Output = Result<Value>> + Send;

    /// One as clients see it, and its version.
    fn shown(
        tx: &mut Tx,
        base: &str,
        id: Uuid,
    ) -> impl Future<Output = Result<(Value, i64), Refusal>> + Send;

    /// Makes one of what a client says: its id.
    fn create(tx: &mut Tx, wanted: &Value) -> impl Future<Output = Result<Uuid, Refusal>> + Send;

    /// One that clients may change, in the version that the client has seen, held.
    fn hold(
        tx: &mut Tx,
        id: Uuid,
        seen: &IfMatch,
    ) -> impl Future<Output = Result<Self::Held, Refusal>> + Send;

    /// Makes of it what a client says: the accounts and sessions that have ended by it.
    fn change(
        tx: &mut Tx,
        held: Self::Held,
        wanted: &Value,
    ) -> impl Future<Output = Result<Vec<Uuid>, Refusal>> + Send;

    /// Removes it: the accounts and sessions that have ended by it.
    fn remove(
        tx: &mut Tx,
        app: &Identity,
        held: Self::Held,
    ) -> impl Future<Output = Result<Vec<Uuid>, Refusal>> + Send;

    /// Forgets in this process what was known of permissions by it.
    fn forget(app: &Identity, id: Option<Uuid>);
}
