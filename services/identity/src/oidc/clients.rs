//! Programs in the store.

use hanse_http::Scope;
use hanse_store::{Result, Row, StoreError, Tx, params};
use uuid::Uuid;

use super::client::{Client, Grant};
use crate::keys::Algorithm;

const COLUMNS_BY_ID: &str = "SELECT id, name, secret, grants, scope, redirect_uris, logout_uris,
    backchannel_uri, trusted, account_id, version, created_at, updated_at, id_token_alg FROM oauth_clients WHERE id = $1";
const PAGE: &str = "SELECT id, name, secret, grants, scope, redirect_uris, logout_uris,
    backchannel_uri, trusted, account_id, version, created_at, updated_at, id_token_alg FROM oauth_clients
    WHERE id < $1 ORDER BY id DESC LIMIT $2";
const INSERT: &str = "INSERT INTO oauth_clients (id, name, secret, grants, scope, redirect_uris,
    logout_uris, backchannel_uri, trusted, account_id, version, created_at, updated_at,
    id_token_alg) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
const SAVE: &str = "UPDATE oauth_clients SET name = $2, secret = $3, grants = $4, scope = $5,
    redirect_uris = $6, logout_uris = $7, backchannel_uri = $8, trusted = $9, version = $10,
    updated_at = $11, id_token_alg = $13 WHERE id = $1 AND version = $12";

/// The program of this id. What it is called is no secret: people are asked about it by name.
pub(super) async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Client>> {
    tx.optional(COLUMNS_BY_ID, params![id]).await?.map(read).transpose()
}

/// Programs before this one, newest first. For administrators.
pub(super) async fn page(tx: &mut Tx, before: Uuid, limit: i64) -> Result<Vec<Client>> {
    tx.all(PAGE, params![before, limit]).await?.into_iter().map(read).collect()
}

/// Adds a program.
pub(super) async fn insert(tx: &mut Tx, client: &Client) -> Result<()> {
    let params = params![
        client.id,
        &client.name,
        client.secret.clone(),
        grants(client),
        client.scope.to_string(),
        client.redirect_uris.join(" "),
        client.logout_uris.join(" "),
        client.backchannel_uri.clone(),
        client.trusted,
        client.account_id,
        client.version,
        client.created_at,
        client.updated_at,
        client.id_token_alg.name(),
    ];
    tx.execute(INSERT, params).await.map(drop)
}

/// Stores a changed program. False when somebody else changed it first.
pub(super) async fn save(tx: &mut Tx, client: &Client) -> Result<bool> {
    let params = params![
        client.id,
        &client.name,
        client.secret.clone(),
        grants(client),
        client.scope.to_string(),
        client.redirect_uris.join(" "),
        client.logout_uris.join(" "),
        client.backchannel_uri.clone(),
        client.trusted,
        client.version,
        client.updated_at,
        client.version - 1,
        client.id_token_alg.name(),
    ];
    Ok(tx.execute(SAVE, params).await? == 1)
}

/// Removes a program with everything that waits for it. False when there is none.
pub(super) async fn delete(tx: &mut Tx, id: Uuid) -> Result<bool> {
    for table in [
        "DELETE FROM oauth_codes WHERE client_id = $1",
        "DELETE FROM oauth_devices WHERE client_id = $1",
        "DELETE FROM oauth_consents WHERE client_id = $1",
        "DELETE FROM oauth_grants WHERE client_id = $1",
    ] {
        tx.execute(table, params![id]).await?;
    }
    Ok(tx.execute("DELETE FROM oauth_clients WHERE id = $1", params![id]).await? == 1)
}

fn grants(client: &Client) -> String {
    client.grants.iter().map(|grant| grant.name()).collect::<Vec<_>>().join(" ")
}

fn read(row: Row) -> Result<Client> {
    let words = |column: &str| -> Result<Vec<String>> {
        Ok(row.get::<String>(column)?.split_ascii_whitespace().map(str::to_owned).collect())
    };
    let scope = Scope::parse(&row.get::<String>("scope")?)
        .map_err(|_| StoreError::Refused("a program's scope cannot be read"))?;
    Ok(Client {
        // An algorithm of a newer release is none that this one signs with.
        id_token_alg: Algorithm::parse(&row.get::<String>("id_token_alg")?)
            .ok_or(StoreError::Refused("a program's algorithm is not known here"))?,
        id: row.get("id")?,
        name: row.get("name")?,
        secret: row.get("secret")?,
        grants: words("grants")?.iter().filter_map(|name| Grant::parse(name)).collect(),
        scope,
        redirect_uris: words("redirect_uris")?,
        logout_uris: words("logout_uris")?,
        backchannel_uri: row.get("backchannel_uri")?,
        trusted: row.get("trusted")?,
        account_id: row.get("account_id")?,
        version: row.get("version")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}
