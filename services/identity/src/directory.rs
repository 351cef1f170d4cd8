//! The list of accounts, for administrators and provisioning clients only: the one place where
//! accounts are found without naming one.

use hanse_store::{Result, Tx, params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::account::{Account, Kind};
use crate::accounts;

/// Whether an account may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It may.
    Active,
    /// It may not.
    Disabled,
}

/// Which accounts.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// In lower case: begin of the address or of a word of the name.
    pub text: Option<String>,
    /// Given this role.
    pub role: Option<String>,
    /// Whether they may sign in.
    pub status: Option<Status>,
    /// People or machines.
    pub kind: Option<Kind>,
}

// An empty parameter matches everything: one statement for all filters.
const PAGE: &str = "SELECT id FROM users WHERE email > $1
    AND ($2 = '' OR email LIKE $3 ESCAPE '!' OR lower(name) LIKE $3 ESCAPE '!'
        OR lower(name) LIKE $4 ESCAPE '!')
    AND ($5 = '' OR EXISTS (SELECT 1 FROM user_roles r WHERE r.user_id = users.id AND r.role = $5))
    AND ($6 = '' OR ($6 = 'active' AND disabled_at IS NULL)
        OR ($6 = 'disabled' AND disabled_at IS NOT NULL))
    AND ($7 = '' OR kind = $7)
    ORDER BY email LIMIT $8";

/// Accounts by address, after `after`.
pub async fn page(tx: &mut Tx, filter: &Filter, after: &str, limit: i64) -> Result<Vec<Account>> {
    let text = filter.text.clone().unwrap_or_default();
    let literal = literal(&text);
    let status = match filter.status {
        None => "",
        Some(Status::Active) => "active",
        Some(Status::Disabled) => "disabled",
    };
    let params = params![
        after,
        &text,
        format!("{literal}%"),
        format!("% {literal}%"),
        filter.role.clone().unwrap_or_default(),
        status,
        filter.kind.map_or("", Kind::name),
        limit,
    ];
    let mut found = Vec::new();
    for row in tx.all(PAGE, params).await? {
        found.extend(accounts::find(tx, row.at::<Uuid>(0)?).await?);
    }
    Ok(found)
}

/// Text in which no character is a wildcard.
fn literal(text: &str) -> String {
    let mut literal = String::new();
    for c in text.chars() {
        if "!%_".contains(c) {
            literal.push('!');
        }
        literal.push(c);
    }
    literal
}
