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
mod reply;
mod teams;
mod users;
mod words;

use hanse_http::{Access, Draft, Method, op};

use crate::service::Identity;

const SCIM: &str = "RFC 7644";

/// The operations of the protocol.
pub(crate) fn operations() -> Vec<Draft<Identity>> {
    let all = [discovery(), resources()].into_iter().flatten();
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
fn resources() -> Vec<Draft<Identity>> {
    let user = Access::User;
    let (many, one) = ("/scim/v2/Users", "/scim/v2/Users/{id}");
    let (groups, group) = ("/scim/v2/Groups", "/scim/v2/Groups/{id}");
    let large = 1024 * 1024;
    let (read, write) = ("scim:read", "scim:write");
    vec![
        op(Method::GET, many, user, users::list_scim_users).scope(read),
        op(Method::POST, many, user, users::create_scim_user).scope(write),
        op(Method::POST, "/scim/v2/Users/.search", user, users::search_scim_users).scope(read),
        op(Method::GET, one, user, users::get_scim_user).scope(read),
        op(Method::PUT, one, user, users::replace_scim_user).scope(write),
        op(Method::PATCH, one, user, users::modify_scim_user).scope(write),
        op(Method::DELETE, one, user, users::delete_scim_user).scope(write),
        op(Method::GET, groups, user, groups::list_scim_groups).scope(read),
        op(Method::POST, groups, user, groups::create_scim_group).scope(write).body_limit(large),
        op(Method::POST, "/scim/v2/Groups/.search", user, groups::search_scim_groups).scope(read),
        op(Method::GET, group, user, groups::get_scim_group).scope(read),
        op(Method::PUT, group, user, groups::replace_scim_group).scope(write).body_limit(large),
        op(Method::PATCH, group, user, groups::modify_scim_group).scope(write).body_limit(large),
        op(Method::DELETE, group, user, groups::delete_scim_group).scope(write),
    ]
}
