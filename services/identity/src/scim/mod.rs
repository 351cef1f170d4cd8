//! Provisioning by SCIM 2.0 (RFC 7643, RFC 7644): a directory elsewhere makes, changes, bars and removes
//! people here, and says who is in which group.
//!
//! A client is the account of a machine with a key whose scope names `scim:read` and `scim:write`
//! ([`client`]). What users and groups are made of stands in one table ([`attributes`]), by which
//! filters ([`filter`]), patches ([`patch`]) and selections ([`query`]) go. A patch is taken on the
//! resource as the client sees it, and what comes out is checked and stored like a replacement.
//!
//! What it never does: touch an account that has a built-in role or may do everything, or a group whose
//! members may; show or fill a group that no client made and no administrator opened; give a role; take
//! a password; put anything of a filter into a statement.

mod attributes;
mod body;
mod client;
mod discovery;
mod filter;
mod groups;
mod list;
mod patch;
pub(crate) mod people;
mod place;
mod query;
mod reading;
mod reply;
mod resource;
mod teams;
mod users;
mod words;
mod writing;

use hanse_http::{Access, Draft, Method, op};

use crate::service::Identity;
use groups::Groups;
use resource::{ResourceKind, Served};
use users::Users;

const SCIM: &str = "RFC 7644";

/// The operations of the protocol.
pub(crate) fn operations() -> Vec<Draft<Identity>> {
    let all = [discovery(), resources::<Users>(), resources::<Groups>()].into_iter().flatten();
    all.map(|operation| operation.standard(SCIM)).collect()
}

fn discovery() -> Vec<Draft<Identity>> {
    let public = Access::Public;
    let get = Method::GET;
    vec![
        op(get.clone(), "/scim/v2/ServiceProviderConfig", public, discovery::get_scim_config),
        op(get.clone(), "/scim/v2/ResourceTypes", public, discovery::list_scim_resource_types),
        op(get.clone(), "/scim/v2/ResourceTypes/{name}", public, discovery::get_scim_resource_type),
        op(get.clone(), "/scim/v2/Schemas", public, discovery::list_scim_schemas),
        op(get.clone(), "/scim/v2/Schemas/{urn}", public, discovery::get_scim_schema),
        op(Method::POST, "/scim/v2/.search", public, discovery::search_scim),
        op(get, "/scim/v2/{unknown}", public, discovery::get_unknown_scim),
    ]
}

/// Every one of them looks itself whether a provisioning client asks.
fn resources<K: ResourceKind>() -> Vec<Draft<Identity>> {
    let Served { many, one, search, ids, body_limit } = K::SERVED;
    let user = Access::User;
    let (read, write) = ("scim:read", "scim:write");
    let all = [
        op(Method::GET, many, user, reading::list::<K>).scope(read),
        op(Method::POST, search, user, reading::search::<K>).scope(read),
        op(Method::GET, one, user, reading::get::<K>).scope(read),
        op(Method::POST, many, user, writing::create::<K>).scope(write).body_limit(body_limit),
        op(Method::PUT, one, user, writing::replace::<K>).scope(write).body_limit(body_limit),
        op(Method::PATCH, one, user, writing::modify::<K>).scope(write).body_limit(body_limit),
        op(Method::DELETE, one, user, writing::delete::<K>).scope(write),
    ];
    all.into_iter().zip(ids).map(|(operation, id)| operation.id(id)).collect()
}
