//! What administrators do: accounts, roles, groups, and acting for somebody. Also the question that
//! any program may ask: may this account do that?
//!
//! A module beside identity's own operations: everything in it needs the role `admin`, except asking
//! about oneself.

mod acting;
mod checking;
mod error;
mod groups;
mod roles;
mod users;

use hanse_http::{Access, Draft, Method, Role, op};
use hanse_store::Tx;

pub(crate) use error::AdministrationError;

use crate::service::Identity;

/// Its operations.
pub(crate) fn operations() -> Vec<Draft<Identity>> {
    let admin = Access::Role(Role::Admin);
    let user = Access::User;
    vec![
        op(Method::GET, "/users", admin, users::list_users).summary("Search accounts"),
        op(Method::POST, "/users", admin, users::create_user).summary("Make an account"),
        op(Method::GET, "/users/{id}", admin, users::get_user).summary("An account"),
        op(Method::PUT, "/users/{id}", admin, users::replace_user)
            .summary("Change an account: name, roles, whether it may sign in"),
        op(Method::DELETE, "/users/{id}", admin, users::delete_user)
            .summary("Delete an account and everything that belongs to it"),
        op(Method::POST, "/users/{id}/impersonate", admin, acting::impersonate_user)
            .summary("Act for an account for some minutes"),
        op(Method::POST, "/auth/keys/replace", admin, acting::replace_keys)
            .summary("Withdraw every signing key: all access tokens end within seconds"),
        op(Method::GET, "/roles", admin, roles::list_roles).summary("Roles and what they may do"),
        op(Method::PUT, "/roles/{name}", admin, roles::replace_role)
            .summary("Make or change a role"),
        op(Method::DELETE, "/roles/{name}", admin, roles::delete_role)
            .summary("Remove a role from everybody"),
        op(Method::GET, "/groups", admin, groups::list_groups).summary("Groups"),
        op(Method::POST, "/groups", admin, groups::create_group).summary("Make a group"),
        op(Method::PUT, "/groups/{id}", admin, groups::replace_group)
            .summary("Change a group and its roles"),
        op(Method::DELETE, "/groups/{id}", admin, groups::delete_group).summary("Remove a group"),
        op(Method::GET, "/groups/{id}/members", admin, groups::list_members)
            .summary("Members of a group"),
        op(Method::POST, "/groups/{id}/members", admin, groups::change_members)
            .summary("Add and remove members of a group"),
        op(Method::POST, "/permissions/check", user, checking::check_permission)
            .summary("May an account do this, and why?"),
        op(Method::POST, "/access/v1/evaluation", user, checking::evaluate_access)
            .standard("AuthZEN")
            .summary("AuthZEN: may this subject do that with this resource?"),
        op(
            Method::GET,
            "/.well-known/authzen-configuration",
            Access::Public,
            checking::get_authzen,
        )
        .summary("AuthZEN: where decisions are made"),
    ]
}

/// Are there all of these roles?
async fn known_roles(tx: &mut Tx, names: &[String]) -> Result<(), AdministrationError> {
    for name in names {
        if crate::roles::find(tx, name).await?.is_none() {
            return Err(AdministrationError::UnknownRole(name.clone()));
        }
    }
    Ok(())
}

/// Those of these roles that are built in.
fn built_in(names: &[String]) -> Vec<Role> {
    names.iter().filter_map(|name| Role::parse(name)).collect()
}
