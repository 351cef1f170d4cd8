//! `hanse import users`

use std::io::{BufWriter, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use hanse_identity::import::{Format, Progress, Refusal, import_users, refusals, try_import};
use hanse_store::Db;
use serde_json::json;

use crate::compose;
use crate::config::Loaded;

/// Refusals that are shown when no report is written.
const SHOWN: usize = 20;

/// What to take over. Works beside a running platform.
#[derive(Subcommand)]
#[command(
    after_help = "Examples:\n  hanse import users people.csv --dry-run\n  hanse import users auth.sql --report refused.jsonl"
)]
pub enum ImportCommand {
    /// Accounts with their password hashes, from CSV, JSON Lines or a dump of Supabase
    #[command(
        after_help = "CSV has a first line of column names; JSON Lines has an object a line. Known names: id, email,\nname, password_hash, roles, verified, disabled, created_at; only email is needed. A dump is what\npg_dump writes as text of the table auth.users.\n\nHashes may be bcrypt, argon2i, argon2id, PBKDF2 or scrypt, as PHC, passlib, Django or Werkzeug write\nthem. They are checked when people first sign in, and replaced then.\n\nAn import that was interrupted goes on where it stopped when it is started again with the same file."
    )]
    Users(UsersArgs),
}

/// Options of `import users`.
#[derive(Args)]
pub struct UsersArgs {
    /// The file
    file: PathBuf,
    /// Its format [default: by its name]
    #[arg(long, value_enum)]
    format: Option<FormatName>,
    /// Say what would happen and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Write every refused record with its line and the reason to this file, as JSON Lines
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// For a machine
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum FormatName {
    Csv,
    Jsonl,
    Supabase,
}

/// Runs the command.
pub async fn run(loaded: &Loaded, command: ImportCommand) -> anyhow::Result<ExitCode> {
    let ImportCommand::Users(args) = command;
    let format = match args.format {
        Some(FormatName::Csv) => Format::Csv,
        Some(FormatName::Jsonl) => Format::JsonLines,
        Some(FormatName::Supabase) => Format::Supabase,
        None => Format::of(&args.file)
            .context("the file's name does not say what it is; say it with --format")?,
    };
    let db = compose::open_db(loaded, "identity").await?;
    let mut report = Report::new(&args)?;
    let done = if args.dry_run {
        try_import(&db, &args.file, format, |refusal| report.add(refusal)).await?
    } else {
        let mut said = 0;
        let done = import_users(&db, &args.file, format, |progress: Progress| {
            if progress.records >= said + 10_000 {
                said = progress.records;
                eprintln!("{said} records done, {} refused", progress.refused);
            }
        })
        .await?;
        report_stored(&db, &args, &mut report).await?;
        done
    };
    report.finish()?;
    let did = if args.dry_run { "would be made" } else { "were made" };
    let Progress { records, made, refused } = done;
    let text = format!("{records} records: {made} accounts {did}, {refused} were refused");
    let value =
        json!({ "dry_run": args.dry_run, "records": records, "made": made, "refused": refused });
    super::say(args.json, &value, &text)?;
    Ok(ExitCode::SUCCESS)
}

/// What earlier runs refused of the same file is in the store, too.
async fn report_stored(db: &Db, args: &UsersArgs, report: &mut Report) -> anyhow::Result<()> {
    let mut after = 0;
    loop {
        let page = refusals(db, &args.file, after).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.record;
        page.into_iter().for_each(|refusal| report.add(refusal));
    }
}

/// Where refusals go: to a file, or the first of them to the console.
struct Report {
    file: Option<BufWriter<std::fs::File>>,
    failed: Option<std::io::Error>,
    shown: usize,
    quiet: bool,
}

impl Report {
    fn new(args: &UsersArgs) -> anyhow::Result<Self> {
        let create = |path: &PathBuf| {
            std::fs::File::create(path)
                .with_context(|| format!("{} cannot be written", path.display()))
        };
        let file = args.report.as_ref().map(create).transpose()?.map(BufWriter::new);
        Ok(Self { file, failed: None, shown: 0, quiet: args.json })
    }

    fn add(&mut self, refusal: Refusal) {
        if let Some(file) = &mut self.file {
            let written = writeln!(file, "{}", json!(refusal));
            self.failed = self.failed.take().or(written.err());
            return;
        }
        self.shown += 1;
        if !self.quiet && self.shown <= SHOWN {
            eprintln!("line {}: {}", refusal.line, refusal.reason);
        } else if !self.quiet && self.shown == SHOWN + 1 {
            eprintln!("… more were refused; --report FILE lists all of them");
        }
    }

    fn finish(mut self) -> anyhow::Result<()> {
        if let Some(file) = &mut self.file {
            let flushed = file.flush();
            self.failed = self.failed.take().or(flushed.err());
        }
        self.failed.map_or(Ok(()), |error| Err(error).context("the report cannot be written"))
    }
}
