//! People as a provisioning client sees them, in the store. Machines are not among them.

use hanse_store::{Result, Row, Tx, params};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::attributes::USER;
use super::reply::{ScimError, tag};
use crate::account::{Account, display_name};
use crate::email::Email;

/// Longest name of a client for a person, in characters.
const LONGEST: usize = 254;

/// A person with what clients say of them.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) id: Uuid,
    pub(super) version: i64,
    email: String,
    name: String,
    active: bool,
    user_name: Option<String>,
    external_id: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
    email_type: Option<String>,
    email_primary: Option<bool>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// What a client wants a person to be.
#[derive(Clone, Debug)]
pub(super) struct WantedPerson {
    pub(super) email: Email,
    pub(super) name: String,
    pub(super) active: bool,
    user_name: String,
    external_id: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
    email_type: Option<String>,
    email_primary: Option<bool>,
}

macro_rules! person {
    ($rest:literal) => {
        concat!(
            "SELECT id, email, name, disabled_at, version, created_at, updated_at, user_name,
                external_id, given_name, family_name, email_type, email_primary
             FROM users WHERE kind = 'person' AND ",
            $rest
        )
    };
}
const BY_ID: &str = person!("id = $1");
const AFTER: &str = person!("id > $1 ORDER BY id LIMIT $2");
const PAGE: &str = person!("TRUE ORDER BY id LIMIT $1 OFFSET $2");
const BY_USER_NAME: &str = person!(
    "(lower(user_name) = lower($1) OR (user_name IS NULL AND email = lower($1))) ORDER BY id"
);
const BY_EMAIL: &str = person!("email = $1 ORDER BY id");
const BY_EXTERNAL_ID: &str = person!("external_id = $1 ORDER BY id LIMIT 1000");
const COUNT: &str = "SELECT count(*) AS people FROM users WHERE kind = 'person'";
const SAVE: &str = "UPDATE users SET user_name = $2, external_id = $3, given_name = $4,
        family_name = $5, name = $6, email = $7, updated_at = $8, version = $9, email_type = $10,
        email_primary = $11,
        email_verified_at = CASE WHEN email = $7 THEN email_verified_at ELSE NULL END
    WHERE id = $1";
const GROUPS: &str = "SELECT g.id, g.name FROM group_members m JOIN groups g ON g.id = m.group_id
    WHERE m.user_id = $1 AND g.provisioned = TRUE ORDER BY g.id LIMIT 1000";
// A role that may do everything is as good as being an administrator where services ask.
const RULES: &str = "SELECT count(*) AS found FROM role_permissions p WHERE p.permission = '*:*'
    AND (p.role IN (SELECT role FROM user_roles WHERE user_id = $1)
        OR p.role IN (SELECT gr.role FROM group_roles gr
            JOIN group_members m ON m.group_id = gr.group_id WHERE m.user_id = $1))";
const AWAITED: &str = "SELECT count(*) AS found FROM users WHERE id = $1 AND user_name IS NOT NULL
    AND password = '' AND signed_in_at IS NULL AND disabled_at IS NULL";

/// The person of this id.
pub(super) async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Person>> {
    tx.optional(BY_ID, params![id]).await?.map(read).transpose()
}

/// People by id, after `after`.
pub(super) async fn after(tx: &mut Tx, after: Uuid, limit: i64) -> Result<Vec<Person>> {
    several(tx.all(AFTER, params![after, limit]).await?)
}

/// People by id, without the first `skip`.
pub(super) async fn page(tx: &mut Tx, skip: i64, limit: i64) -> Result<Vec<Person>> {
    several(tx.all(PAGE, params![limit, skip]).await?)
}

/// Those that can have this name of a client.
pub(super) async fn by_user_name(tx: &mut Tx, name: &str) -> Result<Vec<Person>> {
    several(tx.all(BY_USER_NAME, params![name]).await?)
}

/// Those that can have this address.
pub(super) async fn by_email(tx: &mut Tx, email: &str) -> Result<Vec<Person>> {
    several(tx.all(BY_EMAIL, params![email.to_lowercase()]).await?)
}

/// Those that have this id of a client.
pub(super) async fn by_external_id(tx: &mut Tx, id: &str) -> Result<Vec<Person>> {
    several(tx.all(BY_EXTERNAL_ID, params![id]).await?)
}

/// How many there are.
pub(super) async fn count(tx: &mut Tx) -> Result<i64> {
    tx.one(COUNT, &[]).await?.at(0)
}

/// Stores what a client wants, as the next version of the account, which is held.
pub(super) async fn save(tx: &mut Tx, account: &Account, wanted: &WantedPerson) -> Result<()> {
    let now = tx.now();
    let params = params![
        account.id,
        &wanted.user_name,
        wanted.external_id.clone(),
        wanted.given_name.clone(),
        wanted.family_name.clone(),
        &wanted.name,
        wanted.email.as_str(),
        now,
        account.version,
        wanted.email_type.clone(),
        wanted.email_primary,
    ];
    tx.execute(SAVE, params).await.map(drop)
}

/// Has somebody else this name of a client, or the address in its place?
pub(super) async fn is_taken(tx: &mut Tx, wanted: &WantedPerson, me: Uuid) -> Result<bool> {
    let named = by_user_name(tx, &wanted.user_name).await?;
    let reached = by_email(tx, wanted.email.as_str()).await?;
    Ok(named.iter().chain(&reached).any(|other| other.id != me))
}

/// Has an administrator given this account more than clients may touch?
pub(super) async fn is_protected(tx: &mut Tx, account: &Account) -> Result<bool> {
    let built_in = account.roles.iter().any(|role| *role != hanse_http::Role::User);
    Ok(built_in || tx.one(RULES, params![account.id]).await?.at::<i64>(0)? > 0)
}

/// Was this account made for somebody who has not come yet? Nobody but a provisioning client knows of
/// it, and nobody was ever in it.
pub(crate) async fn is_awaited(tx: &mut Tx, account: &Account) -> Result<bool> {
    let found: i64 = tx.one(AWAITED, params![account.id]).await?.at(0)?;
    Ok(found > 0 && !is_protected(tx, account).await?)
}

/// The groups of a person that are open to provisioning: ids and names.
pub(super) async fn groups(tx: &mut Tx, id: Uuid) -> Result<Vec<(Uuid, String)>> {
    let rows = tx.all(GROUPS, params![id]).await?;
    rows.iter().map(|row| Ok((row.at(0)?, row.at(1)?))).collect()
}

fn several(rows: Vec<Row>) -> Result<Vec<Person>> {
    rows.into_iter().map(read).collect()
}

fn read(row: Row) -> Result<Person> {
    Ok(Person {
        id: row.get("id")?,
        version: row.get("version")?,
        email: row.get("email")?,
        name: row.get("name")?,
        active: row.get::<Option<Timestamp>>("disabled_at")?.is_none(),
        user_name: row.get("user_name")?,
        external_id: row.get("external_id")?,
        given_name: row.get("given_name")?,
        family_name: row.get("family_name")?,
        email_type: row.get("email_type")?,
        email_primary: row.get("email_primary")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

impl Person {
    /// The resource.
    pub(super) fn show(&self, base: &str, groups: &[(Uuid, String)]) -> Value {
        let location = format!("{base}/Users/{}", self.id);
        let groups: Vec<Value> = groups
            .iter()
            .map(|(id, name)| {
                let there = format!("{base}/Groups/{id}");
                json!({ "value": id, "$ref": there, "display": name, "type": "direct" })
            })
            .collect();
        let mut shown = json!({
            "schemas": [USER.urn],
            "id": self.id,
            "userName": self.user_name.as_ref().unwrap_or(&self.email),
            "displayName": self.name,
            "active": self.active,
            "emails": [self.address()],
            "groups": groups,
            "meta": {
                "resourceType": USER.name,
                "created": self.created_at,
                "lastModified": self.updated_at,
                "location": location,
                "version": tag(self.version),
            },
        });
        let Some(members) = shown.as_object_mut() else { return shown };
        if let Some(id) = &self.external_id {
            members.insert("externalId".into(), json!(id));
        }
        let mut name = serde_json::Map::new();
        for (part, text) in [("familyName", &self.family_name), ("givenName", &self.given_name)] {
            if let Some(text) = text {
                name.insert(part.into(), json!(text));
            }
        }
        if !name.is_empty() {
            members.insert("name".into(), Value::Object(name));
        }
        shown
    }
}

impl Person {
    /// The address, as the client gave it; that of an account that no client has written is for work.
    fn address(&self) -> Value {
        let mut address = json!({ "value": self.email });
        let Some(members) = address.as_object_mut() else { return address };
        let own = self.user_name.is_none();
        if let Some(kind) = self.email_type.as_deref().or(own.then_some("work")) {
            members.insert("type".into(), json!(kind));
        }
        if let Some(primary) = self.email_primary.or(own.then_some(true)) {
            members.insert("primary".into(), json!(primary));
        }
        address
    }
}

impl WantedPerson {
    /// What a resource says.
    ///
    /// # Errors
    /// `invalidValue`.
    pub(super) fn read(resource: &Value) -> std::result::Result<Self, ScimError> {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let user_name =
            line(text(resource.get("userName")))?.ok_or(ScimError::value("userName is missing"))?;
        let part = |name: &str| line(text(resource.get("name").and_then(|all| all.get(name))));
        let (given_name, family_name) = (part("givenName")?, part("familyName")?);
        let name = match text(resource.get("displayName")) {
            Some(name) => display_name(&name),
            None => made_up(given_name.as_deref(), family_name.as_deref(), &user_name),
        };
        let address = address(resource.get("emails"));
        let value = address.and_then(|address| address.get("value")?.as_str());
        Ok(Self {
            email: Email::parse(value.unwrap_or(&user_name)).map_err(|_| {
                ScimError::value("neither emails nor userName has an e-mail address")
            })?,
            name: name.ok_or(ScimError::value("displayName is one line of 1 to 100 characters"))?,
            active: resource.get("active").and_then(Value::as_bool).unwrap_or(true),
            external_id: line(text(resource.get("externalId")))?,
            email_type: line(text(address.and_then(|address| address.get("type"))))?,
            email_primary: address.and_then(|address| address.get("primary")?.as_bool()),
            user_name,
            given_name,
            family_name,
        })
    }
}

/// The primary address, or the first.
fn address(emails: Option<&Value>) -> Option<&Value> {
    let emails = emails?.as_array()?;
    let primary = |email: &&Value| email.get("primary").and_then(Value::as_bool) == Some(true);
    emails.iter().find(primary).or_else(|| emails.first())
}

fn made_up(given: Option<&str>, family: Option<&str>, user_name: &str) -> Option<String> {
    let parts: Vec<&str> = given.into_iter().chain(family).collect();
    let name = if parts.is_empty() { user_name.to_owned() } else { parts.join(" ") };
    display_name(&name.chars().take(100).collect::<String>())
}

/// A text that can be shown on one line. One that is empty is none.
pub(super) fn line(text: Option<String>) -> std::result::Result<Option<String>, ScimError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    if text.chars().count() > LONGEST || text.chars().any(char::is_control) {
        return Err(ScimError::value("a name or id is one line of at most 254 characters"));
    }
    Ok(Some(text))
}
