//! May somebody do something? What an account may do comes from its roles: those it was given itself,
//! and those of its groups. An account that is unknown or disabled may do nothing.
//!
//! What an account may do is known for two seconds ([`Checks`]). What is changed in this process is
//! forgotten at once; what another process changes counts here two seconds later at the latest, and so
//! does a change while a check is under way (AUTZ-07).

use std::sync::Arc;
use std::time::Duration;

use hanse_cache::LocalCache;
use hanse_http::{Permission, Role};
use hanse_store::{Db, Result, StoreError, Tx, params};
use uuid::Uuid;

use crate::roles;

/// A permission that an account has, and whence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// What it may do.
    pub permission: Permission,
    /// By this role.
    pub role: String,
    /// Which it has by this group; `None` when it was given to the account itself.
    pub group: Option<String>,
}

const ROLES: &str = "SELECT r.role, NULL AS source FROM user_roles r
        JOIN users u ON u.id = r.user_id WHERE u.id = $1 AND u.disabled_at IS NULL
    UNION SELECT gr.role, g.name FROM group_members m
        JOIN users u ON u.id = m.user_id
        JOIN groups g ON g.id = m.group_id
        JOIN group_roles gr ON gr.group_id = g.id
        WHERE u.id = $1 AND u.disabled_at IS NULL
    ORDER BY 1";
const PERMISSIONS: &str = "SELECT permission FROM role_permissions WHERE role = $1 ORDER BY 1";

/// How long it is known what an account may do.
const KNOWN: Duration = Duration::from_secs(2);
/// Accounts of which it is known.
const MOST: u64 = 100_000;

/// What accounts may do, as it is known in this process.
pub struct Checks {
    held: LocalCache<Uuid, Arc<[Held]>>,
}

impl Default for Checks {
    fn default() -> Self {
        Self { held: LocalCache::new(MOST, |_, _| 1) }
    }
}

impl Checks {
    /// Everything that an account may do, as it was at most two seconds ago.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn of_user(&self, db: &Db, user: Uuid) -> Result<Arc<[Held]>> {
        if let Some(held) = self.held.get(&user) {
            return Ok(held);
        }
        let held = async |tx: &mut Tx| of_user(tx, user).await;
        let held: Arc<[Held]> = db.read::<_, StoreError, _>(held).await?.into();
        self.held.insert(user, Arc::clone(&held), KNOWN);
        Ok(held)
    }

    /// By what an account may do this, as it was at most two seconds ago; by nothing when it may not.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn reasons(&self, db: &Db, user: Uuid, wanted: &Permission) -> Result<Vec<Held>> {
        let held = self.of_user(db, user).await?;
        Ok(held.iter().filter(|held| held.permission.covers(wanted)).cloned().collect())
    }

    /// Called after the commit that changed what an account may do.
    pub fn forget(&self, user: Uuid) {
        self.held.remove(&user);
    }

    /// Called after the commit that changed a role or a group.
    pub fn forget_all(&self) {
        self.held.clear();
    }
}

/// One permission, not a pattern of them. `None` when it cannot be one.
#[must_use]
pub fn exact(resource: &str, action: &str) -> Option<Permission> {
    let plain = resource != "*" && action != "*" && !resource.contains(':');
    Permission::parse(&format!("{resource}:{action}")).ok().filter(|_| plain)
}

/// Everything that an account may do.
pub async fn of_user(tx: &mut Tx, user: Uuid) -> Result<Vec<Held>> {
    let mut held = Vec::new();
    for row in tx.all(ROLES, params![user]).await? {
        let (role, group): (String, Option<String>) = (row.at(0)?, row.at(1)?);
        // Those that are built in come one by one, never by a group.
        if Role::parse(&role).is_some() && group.is_some() {
            continue;
        }
        for permission in of_role(tx, &role).await? {
            held.push(Held { permission, role: role.clone(), group: group.clone() });
        }
    }
    Ok(held)
}

async fn of_role(tx: &mut Tx, role: &str) -> Result<Vec<Permission>> {
    if let Some(built_in) = roles::built_in().into_iter().find(|known| known.name == role) {
        return Ok(built_in.permissions);
    }
    let rows = tx.all(PERMISSIONS, params![role]).await?;
    let mut permissions = Vec::new();
    for row in rows {
        // What cannot be read gives nothing.
        permissions.extend(Permission::parse(&row.at::<String>(0)?).ok());
    }
    Ok(permissions)
}
