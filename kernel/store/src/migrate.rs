//! Migrations: numbered SQL files per schema, applied once, checked for ever.

use sha2::{Digest, Sha256};

use crate::{Db, Result, StoreError, Tx, params};

/// One numbered schema file, in PostgreSQL type names.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// File name without its ending, such as `0001_thoughts`.
    pub name: &'static str,
    /// Its text.
    pub sql: &'static str,
}

/// The ordered migrations of a service or of a kernel part.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// Whose they are.
    pub owner: &'static str,
    /// In order. Never change one that was released: add another.
    pub migrations: &'static [Migration],
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    owner TEXT NOT NULL, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (owner, name))";
const APPLIED: &str = "SELECT name, checksum FROM schema_migrations WHERE owner = $1 ORDER BY name";
const RECORD: &str =
    "INSERT INTO schema_migrations (owner, name, checksum, applied_at) VALUES ($1, $2, $3, $4)";

pub(crate) async fn apply(db: &Db, schemas: &[Schema]) -> Result<Vec<String>> {
    let schemas = schemas.to_vec();
    let service = db.service().to_owned();
    db.write(async move |tx: &mut Tx| {
        // PostgreSQL: replicas that start together take turns. SQLite has one writer anyway.
        tx.all(tx.pick(("SELECT 1", "SELECT pg_advisory_xact_lock(5134)::text")), &[]).await?;
        Db::ddl(tx, TABLE).await?;
        let mut applied = Vec::new();
        for schema in &schemas {
            applied.extend(apply_schema(tx, &service, schema).await?);
        }
        Ok(applied)
    })
    .await
}

/// Finds the table of migrations, on SQLite and on PostgreSQL.
const TABLE_EXISTS: (&str, &str) = (
    "SELECT count(*) AS found FROM sqlite_master WHERE name = 'schema_migrations'",
    "SELECT count(*) AS found FROM pg_tables
     WHERE schemaname = current_schema() AND tablename = 'schema_migrations'",
);

/// Compares the data with these schemas and changes nothing.
pub(crate) async fn check(db: &Db, schemas: &[Schema]) -> Result<()> {
    db.read(async |tx: &mut Tx| {
        let exists = tx.one(tx.pick(TABLE_EXISTS), &[]).await?.at::<i64>(0)? == 1;
        for schema in schemas {
            let applied = if exists { applied(tx, db.service(), schema).await? } else { 0 };
            if let Some(missing) = schema.migrations.get(applied) {
                return Err(StoreError::OlderSchema {
                    service: db.service().to_owned(),
                    missing: format!("{}/{}", schema.owner, missing.name),
                });
            }
        }
        Ok(())
    })
    .await
}

async fn apply_schema(tx: &mut Tx, service: &str, schema: &Schema) -> Result<Vec<String>> {
    let known = applied(tx, service, schema).await?;
    let mut applied = Vec::new();
    for migration in schema.migrations.get(known..).unwrap_or_default() {
        Db::ddl(tx, migration.sql).await?;
        let now = tx.now();
        tx.execute(RECORD, params![schema.owner, migration.name, checksum(migration), now]).await?;
        applied.push(format!("{}/{}", schema.owner, migration.name));
    }
    Ok(applied)
}

/// How many of the schema's migrations the data has; none of them may be unknown or changed.
async fn applied(tx: &mut Tx, service: &str, schema: &Schema) -> Result<usize> {
    let rows = tx.all(APPLIED, params![schema.owner]).await?;
    for row in &rows {
        let name: String = row.get("name")?;
        let Some(known) = schema.migrations.iter().find(|m| m.name == name) else {
            let newest = schema.migrations.last().map_or("none", |m| m.name);
            return Err(StoreError::NewerSchema {
                service: service.to_owned(),
                found: name,
                known: newest.to_owned(),
            });
        };
        if row.get::<String>("checksum")? != checksum(known) {
            return Err(StoreError::ChangedMigration { service: service.to_owned(), name });
        }
    }
    Ok(rows.len())
}

fn checksum(migration: &Migration) -> String {
    Sha256::digest(migration.sql.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
