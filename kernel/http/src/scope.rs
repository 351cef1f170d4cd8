//! What a token, an API key or a role reaches: patterns of `resource:action`.
//!
//! `thoughts:read` is one permission, `thoughts:*` every one on thoughts, `*:read` reading anything,
//! `*:*` everything. A word without a colon (`openid`) is a permission that only itself covers. Nothing
//! else is a wildcard: `thoughts*:read` names a resource that nobody has.

use std::fmt::{Display, Formatter};

/// Longest resource or action, in characters.
const LONGEST: usize = 64;

/// `resource:action`, or one word of a standard. Either part may be `*`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission {
    resource: String,
    action: Option<String>,
}

/// Not a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a permission is resource:action, each of letters, digits, '.', '_', '-', or *")]
pub struct PermissionError;

impl Permission {
    /// Reads a permission or a pattern of permissions.
    ///
    /// # Errors
    /// [`PermissionError`].
    pub fn parse(text: &str) -> Result<Self, PermissionError> {
        let (resource, action) = match text.split_once(':') {
            Some((resource, action)) => (resource, Some(action)),
            None => (text, None),
        };
        // A lone star would be everything or nothing, depending on who reads it.
        let alone = action.is_none() && resource == "*";
        if alone || !is_part(resource) || action.is_some_and(|action| !is_part(action)) {
            return Err(PermissionError);
        }
        Ok(Self { resource: resource.to_owned(), action: action.map(str::to_owned) })
    }

    /// A permission of our own code. What is none becomes one that nothing covers.
    pub(crate) fn named(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|_| Self { resource: String::new(), action: None })
    }

    /// Does whoever has this one have `wanted`? A pattern covers a narrower pattern.
    #[must_use]
    pub fn covers(&self, wanted: &Self) -> bool {
        let part = |mine: &str, wanted: &str| mine == "*" || mine == wanted;
        match (&self.action, &wanted.action) {
            (Some(mine), Some(action)) => {
                part(&self.resource, &wanted.resource) && part(mine, action)
            }
            (None, None) => self.resource == wanted.resource,
            _ => false,
        }
    }
}

impl Display for Permission {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        match &self.action {
            Some(action) => write!(formatter, "{}:{action}", self.resource),
            None => formatter.write_str(&self.resource),
        }
    }
}

fn is_part(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    text == "*" || (!text.is_empty() && text.len() <= LONGEST && text.chars().all(allowed))
}

/// The permissions that a token is limited to (RFC 6749, section 3.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope(Vec<Permission>);

impl Scope {
    /// Reads permissions between spaces.
    ///
    /// # Errors
    /// [`PermissionError`] when one of them is none.
    pub fn parse(text: &str) -> Result<Self, PermissionError> {
        let mut permissions =
            text.split_ascii_whitespace().map(Permission::parse).collect::<Result<Vec<_>, _>>()?;
        permissions.sort_unstable();
        permissions.dedup();
        Ok(Self(permissions))
    }

    /// Does it reach `wanted`?
    #[must_use]
    pub fn covers(&self, wanted: &Permission) -> bool {
        self.0.iter().any(|permission| permission.covers(wanted))
    }

    /// Does it reach all that `narrower` reaches?
    #[must_use]
    pub fn contains(&self, narrower: &Self) -> bool {
        narrower.0.iter().all(|wanted| self.covers(wanted))
    }

    /// Its permissions, in order.
    #[must_use]
    pub fn permissions(&self) -> &[Permission] {
        &self.0
    }
}

impl Display for Scope {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        for (place, permission) in self.0.iter().enumerate() {
            if place > 0 {
                formatter.write_str(" ")?;
            }
            permission.fmt(formatter)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(mine: &str, wanted: &str) -> bool {
        Permission::parse(mine).unwrap().covers(&Permission::parse(wanted).unwrap())
    }

    /// AUTZ-04: the table of what covers what; reading is never writing.
    #[test]
    fn only_whole_parts_are_wild() {
        for (mine, wanted, expected) in [
            ("thoughts:read", "thoughts:read", true),
            ("thoughts:*", "thoughts:write", true),
            ("*:read", "search:read", true),
            ("*:*", "a:b", true),
            ("*:*", "*:*", true),
            ("openid", "openid", true),
            ("thoughts:read", "thoughts:write", false),
            ("thoughts:read", "thoughts:*", false),
            ("*:read", "thoughts:execute", false),
            ("thought:read", "thoughts:read", false),
            ("*:*", "openid", false),
            ("openid", "openid:read", false),
            ("thoughts:read", "Thoughts:read", false),
        ] {
            assert_eq!(covers(mine, wanted), expected, "{mine} {wanted}");
        }
    }

    /// AUTZ-07: no delimiter hides in a part.
    #[test]
    fn anything_else_is_no_permission() {
        for text in ["", "*", ":", "a:", ":b", "a:b:c", "a b:c", "a*:b", "a:b\n", "a/b:c", "a,b:c"]
        {
            assert!(Permission::parse(text).is_err(), "{text:?}");
        }
        assert!(Permission::parse(&format!("{}:read", "a".repeat(65))).is_err());
    }

    #[test]
    fn a_scope_contains_what_is_narrower() {
        let scope = |text| Scope::parse(text).unwrap();
        let wide = scope("thoughts:* *:read openid");
        assert!(wide.contains(&scope("thoughts:write search:read openid")));
        assert!(!wide.contains(&scope("thoughts:write search:write")));
        assert!(!wide.contains(&scope("profile")));
        assert_eq!(wide.to_string(), "*:read openid thoughts:*");
        assert!(scope("").permissions().is_empty());
    }
}
