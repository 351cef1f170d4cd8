//! `hanse jobs list|dead|redrive|discard`

use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};
use hanse_jobs::admin::{self, Waiting, Which};
use hanse_store::{StoreError, Tx};
use serde_json::json;
use uuid::Uuid;

use crate::compose;
use crate::config::Loaded;

/// What to do with jobs. Works beside a running platform.
#[derive(Subcommand)]
#[command(
    after_help = "Examples:\n  hanse jobs list --service notifications --kind email\n  hanse jobs dead --service notifications\n  hanse jobs redrive --service notifications --kind webhook\n  hanse jobs discard --service notifications --id 019a6c1e-5d2a-7c3e-9b1a-0f4f6f7c2a11"
)]
pub enum JobsCommand {
    /// Print jobs that are waiting or under way
    List(LookArgs),
    /// Print jobs that gave up, and why
    Dead(LookArgs),
    /// Try jobs again that gave up
    Redrive(RedriveArgs),
    /// Drop one job for good that gave up
    Discard(DiscardArgs),
}

/// Which jobs to print.
#[derive(Args)]
pub struct LookArgs {
    /// Whose jobs
    #[arg(long)]
    service: String,
    /// Only jobs of this kind
    #[arg(long)]
    kind: Option<String>,
    /// At most this many, up to 1000
    #[arg(long, default_value_t = 100)]
    limit: u32,
    /// For a machine: one array
    #[arg(long)]
    json: bool,
}

/// Options of `jobs redrive`.
#[derive(Args)]
pub struct RedriveArgs {
    /// Whose jobs
    #[arg(long)]
    service: String,
    /// Only jobs of this kind
    #[arg(long)]
    kind: Option<String>,
    /// Only this one
    #[arg(long)]
    id: Option<Uuid>,
    /// For a machine
    #[arg(long)]
    json: bool,
}

/// Options of `jobs discard`.
#[derive(Args)]
pub struct DiscardArgs {
    /// Whose job
    #[arg(long)]
    service: String,
    /// Which one
    #[arg(long)]
    id: Uuid,
    /// For a machine
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(loaded: &Loaded, command: JobsCommand) -> anyhow::Result<ExitCode> {
    match command {
        JobsCommand::List(args) => look(loaded, args, false).await?,
        JobsCommand::Dead(args) => look(loaded, args, true).await?,
        JobsCommand::Redrive(args) => redrive(loaded, args).await?,
        JobsCommand::Discard(args) => discard(loaded, args).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn look(loaded: &Loaded, args: LookArgs, dead: bool) -> anyhow::Result<()> {
    let db = compose::look_at_db(loaded, &args.service).await?;
    let (which, limit) = (Which { kind: args.kind, id: None }, args.limit);
    let found = db
        .read::<_, StoreError, _>(async |tx: &mut Tx| admin::list(tx, dead, &which, limit).await)
        .await?;
    if args.json {
        return super::print_json(&found);
    }
    for job in &found {
        println!("{}", line(job));
    }
    Ok(())
}

/// A job in one line. Causes are the service's own words and have no line ends.
fn line(job: &Waiting) -> String {
    let Waiting { id, kind, attempts, run_at, cause, .. } = job;
    let tried = if *attempts > 0 { format!(", tried {attempts} times") } else { String::new() };
    let cause = cause.as_ref().map_or(String::new(), |cause| format!(": {cause}"));
    let when = if job.dead { "gave up" } else { "due" };
    format!("{id} {kind} {when} {run_at}{tried}{cause}")
}

async fn redrive(loaded: &Loaded, args: RedriveArgs) -> anyhow::Result<()> {
    let db = compose::open_db(loaded, &args.service).await?;
    let one = args.id.is_some();
    let which = Which { kind: args.kind, id: args.id };
    let count = db
        .write::<_, StoreError, _>(async move |tx: &mut Tx| admin::redrive(tx, &which).await)
        .await?;
    if count == 0 && one {
        bail!("there is no such dead job");
    }
    super::say(
        args.json,
        &json!({ "redriven": count }),
        &format!("{count} job(s) will be tried again"),
    )
}

async fn discard(loaded: &Loaded, args: DiscardArgs) -> anyhow::Result<()> {
    let db = compose::open_db(loaded, &args.service).await?;
    let count = db
        .write::<_, StoreError, _>(async move |tx: &mut Tx| admin::discard(tx, args.id).await)
        .await?;
    if count == 0 {
        bail!("there is no such dead job");
    }
    super::say(args.json, &json!({ "discarded": count }), "dropped")
}
