//! What scopes mean to a person.

use hanse_http::{Permission, Scope};

/// Lines for the page that asks for consent.
pub(super) fn texts(scope: &Scope) -> Vec<String> {
    scope.permissions().iter().map(text).collect()
}

fn text(permission: &Permission) -> String {
    let name = permission.to_string();
    match name.as_str() {
        "openid" => "know who you are".to_owned(),
        "profile" => "see your name".to_owned(),
        "email" => "see your e-mail address".to_owned(),
        "roles" => "see your roles".to_owned(),
        "offline_access" => "stay connected while you are away".to_owned(),
        "*:*" => "do everything that you can do".to_owned(),
        _ => match name.split_once(':') {
            Some((what, "read")) => format!("read your {}", all(what)),
            Some((what, "write")) => format!("change your {}", all(what)),
            Some((what, "*")) => format!("read and change your {}", all(what)),
            _ => format!("use {name}"),
        },
    }
}

fn all(what: &str) -> &str {
    if what == "*" { "things of every kind" } else { what }
}
