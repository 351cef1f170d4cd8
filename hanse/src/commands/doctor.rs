//! `hanse doctor`: everything that can be checked without changing anything (OPS-19).

use std::os::unix::fs::PermissionsExt as _;
use std::process::ExitCode;

use clap::Args;
use hanse_events::admin;
use hanse_store::{Db, StoreError, Tx, sqlite};
use serde::Serialize;

use crate::compose;
use crate::config::Loaded;

/// Options of `doctor`.
#[derive(Args)]
pub struct DoctorArgs {
    /// For a machine
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Finding {
    what: String,
    good: bool,
    detail: String,
}

/// Says what is well and what is not; exit code 3 when something is not.
pub async fn doctor(loaded: &Loaded, args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let mut findings = vec![finding("configuration", Ok("it can be used".into()))];
    findings.push(finding("data folder", folder(loaded)));
    findings.push(finding("SQLite", Ok(sqlite::version())));
    for service in compose::NAMES.iter().filter(|name| **name != "gateway") {
        findings.extend(service_findings(loaded, service).await);
    }
    let good = findings.iter().all(|finding| finding.good);
    if args.json {
        super::print_json(&findings)?;
    } else {
        for finding in &findings {
            let mark = if finding.good { "good" } else { "BAD " };
            println!("{mark}  {:<24} {}", finding.what, finding.detail);
        }
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

fn finding(what: &str, result: Result<String, String>) -> Finding {
    let good = result.is_ok();
    Finding { what: what.to_owned(), good, detail: result.unwrap_or_else(|detail| detail) }
}

fn folder(loaded: &Loaded) -> Result<String, String> {
    let config = &loaded.config;
    let folder = &config.server.data;
    let metadata =
        std::fs::metadata(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(format!(
            "{} can be read by others (mode {mode:o}); run: chmod 700",
            folder.display()
        ));
    }
    if let Some(key) = compose::master_key(config)
        && config.secrets.master_key_file.is_empty()
    {
        let mode = std::fs::metadata(&key)
            .map_err(|error| format!("{}: {error}", key.display()))?
            .permissions();
        if mode.mode() & 0o077 != 0 {
            return Err(format!("{} can be read by others; run: chmod 600", key.display()));
        }
    }
    Ok(format!("{} and its key are private", folder.display()))
}

async fn service_findings(loaded: &Loaded, service: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if loaded.config.store.url.is_empty() {
        let path = loaded.config.server.data.join(format!("{service}.db"));
        if !path.exists() {
            return vec![finding(
                service,
                Err("there is no data yet; start the platform once".into()),
            )];
        }
        let intact = sqlite::verify(&path).map(|()| "every page is intact".to_owned());
        findings.push(finding(&format!("{service}: file"), intact.map_err(|error| chain(&error))));
    }
    let db = match compose::look_at_db(loaded, service).await {
        Ok(db) => db,
        Err(error) => {
            findings.push(finding(service, Err(format!("{error:#}"))));
            return findings;
        }
    };
    findings.push(finding(&format!("{service}: events"), events(loaded, &db).await));
    findings
}

/// Positions must not be ahead of the logs they stand for, and nothing may be a dead letter.
async fn events(loaded: &Loaded, db: &Db) -> Result<String, String> {
    let dead_jobs = dead_jobs(db).await.map_err(|error| chain(&error))?;
    if dead_jobs > 0 {
        return Err(format!(
            "{dead_jobs} job(s) gave up; see: hanse jobs dead --service {}",
            db.service()
        ));
    }
    let (positions, held) = db
        .read::<_, StoreError, _>(async |tx: &mut Tx| {
            Ok((admin::positions(tx).await?, admin::held(tx, 1000).await?))
        })
        .await
        .map_err(|error| chain(&error))?;
    let mut behind = 0;
    for position in &positions {
        // Between processes a log comes in parts, `thoughts/2`, which all count as the log does.
        let source = position.source.split('/').next().unwrap_or_default();
        let end = match compose::look_at_db(loaded, source).await {
            Ok(source) => last_event(&source).await.map_err(|error| chain(&error))?,
            Err(error) => return Err(format!("{error:#}")),
        };
        if position.seq > end {
            return Err(format!(
                "{} has applied event {} of {}, which has only {end}",
                position.subscription, position.seq, position.source
            ));
        }
        behind += end - position.seq;
    }
    let dead = held.iter().filter(|event| event.dead).count();
    if dead > 0 {
        return Err(format!(
            "{dead} dead letter(s); see: hanse events dead-letters --service {}",
            db.service()
        ));
    }
    Ok(format!("{} position(s), {behind} event(s) behind, {} waiting", positions.len(), held.len()))
}

async fn dead_jobs(db: &Db) -> Result<i64, StoreError> {
    let sql = "SELECT count(*) AS dead FROM jobs WHERE dead";
    db.read(async |tx: &mut Tx| tx.one(sql, &[]).await?.at(0)).await
}

async fn last_event(db: &Db) -> Result<i64, StoreError> {
    let sql = "SELECT coalesce(max(seq), 0) AS seq FROM events";
    db.read(async |tx: &mut Tx| tx.one(sql, &[]).await?.at(0)).await
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}
