//! `cargo xtask tour`: the README's tour, done and printed against a running server.

mod fortunes;
mod guide;
mod http;
mod remains;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use self::guide::Guide;

/// Walk through a running server as a new user would, printing every step as curl.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask tour                                   against a server started with defaults
  cargo xtask tour --fortunes 500                    import a few texts only
  cargo xtask tour --data ./data                     and see that nothing of the user is left")]
pub struct Args {
    /// Where the server listens.
    #[arg(long, default_value = "http://127.0.0.1:3000")]
    url: String,
    /// Where its operations listen; asked whether the server is ready before the tour begins.
    #[arg(long, default_value = "http://127.0.0.1:3099")]
    ops: String,
    /// How many fortunes to import at most; 0 skips the import.
    #[arg(long, value_name = "N")]
    fortunes: Option<usize>,
    /// The server's data folder, searched at the end for anything the deleted user wrote.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// The figure of the design: nothing of a deleted account is left after this long.
const GONE_WITHIN: Duration = Duration::from_secs(60);
const FOUND_WITHIN: Duration = Duration::from_secs(10);
const CHUNK: usize = 500;

pub fn run(args: &Args) -> anyhow::Result<()> {
    guide::ready(&args.ops)?;
    let mark = mark()?;
    let mut guide = Guide::new(&args.url)?;
    let account = account(&mut guide, &mark)?;
    thoughts(&mut guide, &mark)?;
    guide.title("A session is renewed");
    let refreshed = json!({ "refresh_token": guide.refresh_token() });
    let session = guide.post("/auth/refresh", &refreshed, &[200])?;
    guide.sign_in(&session)?;
    if args.fortunes != Some(0) {
        import(&mut guide, args.fortunes.unwrap_or(usize::MAX))?;
    }
    leave(&mut guide, &account)?;
    if let Some(folder) = &args.data {
        nothing_is_left(folder, &mark)?;
    }
    println!("\nThe tour is over: everything answered as it should.");
    Ok(())
}

/// A word nobody has written before, in letters that every tokenizer keeps whole.
fn mark() -> anyhow::Result<String> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let mut rest = now.as_micros() as u64 ^ (u64::from(std::process::id()) << 40);
    let mut word = String::from("quay");
    while rest > 0 {
        word.push(char::from(b'a' + (rest % 26) as u8));
        rest /= 26;
    }
    Ok(word)
}

/// Registers and logs in; returns the credentials.
fn account(guide: &mut Guide, mark: &str) -> anyhow::Result<Value> {
    let email = format!("{mark}@example.org");
    let password = format!("{mark} has a long password");
    guide.title("An account, and a session");
    let name = format!("Ada {mark}");
    let new = json!({ "email": email, "password": password, "name": name });
    guide.post("/auth/register", &new, &[201])?;
    let credentials = json!({ "email": email, "password": password });
    let session = guide.post("/auth/login", &credentials, &[200])?;
    guide.sign_in(&session)?;
    Ok(credentials)
}

/// Writes three thoughts, tags one, finds one, and sees the overview change.
fn thoughts(guide: &mut Guide, mark: &str) -> anyhow::Result<()> {
    guide.title("Thoughts");
    let before = guide.get("/api/analytics/overview", &[200])?;
    let texts = [
        ("A cog carries what a league of cities needs", "trade/ships"),
        ("Own your records, publish your prices", "trade/rules"),
        ("The lighthouse answers to nobody and serves all", "ideas"),
    ];
    let mut ids = Vec::new();
    for (number, (text, tag)) in texts.iter().enumerate() {
        let text = format!("{text}, {mark}{}", ["one", "two", "three"].get(number).unwrap_or(&""));
        let thought =
            guide.post("/api/thoughts", &json!({ "text": text, "tags": [tag] }), &[201])?;
        ids.push(text_of(&thought, "id")?);
    }
    found(guide, &format!("{mark}three"))?;
    let first = ids.first().context("a thought")?;
    let tags = json!({ "tags": ["reading/again"] });
    guide.post(&format!("/api/thoughts/{first}/tags"), &tags, &[200, 201, 204])?;
    guide.get(&format!("/api/thoughts/{first}"), &[200])?;

    guide.title("The overview counts them");
    let goal = total(&before)? + ids.len() as u64;
    let deadline = Instant::now() + FOUND_WITHIN;
    while total(&guide.quiet_get("/api/analytics/overview")?)? != goal {
        if Instant::now() > deadline {
            bail!("the overview does not count {goal} thoughts after {FOUND_WITHIN:?}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    guide.get("/api/analytics/overview", &[200]).map(drop)
}

/// Asks the search until the word is found; prints how long that took.
fn found(guide: &mut Guide, word: &str) -> anyhow::Result<()> {
    let target = format!("/api/search?q={}", http::query_value(word));
    let begin = Instant::now();
    loop {
        let hits = guide.quiet_get(&target)?;
        let items = hits.get("items").and_then(Value::as_array).map_or(0, Vec::len);
        if items > 0 {
            let took = begin.elapsed();
            guide.get(&target, &[200])?;
            println!("  found {:.1} ms after the answer to the write", took.as_secs_f64() * 1e3);
            return Ok(());
        }
        if begin.elapsed() > FOUND_WITHIN {
            bail!("`{word}` is not found {FOUND_WITHIN:?} after it was written");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn import(guide: &mut Guide, most: usize) -> anyhow::Result<()> {
    guide.title("Debian's fortunes are imported");
    let mut fortunes = fortunes::load()?;
    fortunes.truncate(most);
    let bar = ProgressBar::new(fortunes.len() as u64).with_style(ProgressStyle::with_template(
        "  {bar:40} {pos}/{len} fortunes, {per_sec}, {eta} left",
    )?);
    let begin = Instant::now();
    for chunk in fortunes.chunks(CHUNK) {
        let lines: String = chunk.iter().map(fortunes::Fortune::line).collect();
        guide.import("/api/v1/thoughts/import", &lines)?;
        bar.inc(chunk.len() as u64);
    }
    bar.finish_and_clear();
    let seconds = begin.elapsed().as_secs_f64();
    let rate = fortunes.len() as f64 / seconds;
    println!("  {} fortunes in {seconds:.1} s, {rate:.0} a second\n", fortunes.len());
    let word = fortunes.iter().rev().flat_map(|fortune| fortune.text.split_whitespace());
    let word = word.filter(|word| word.chars().all(|c| c.is_ascii_lowercase()));
    let word = word.max_by_key(|word| word.len().min(12)).unwrap_or("computer").to_owned();
    found(guide, &word)
}

/// Logs out, sees the old token refused, comes back and deletes the account.
fn leave(guide: &mut Guide, credentials: &Value) -> anyhow::Result<()> {
    guide.title("Logging out ends the session");
    guide.ask("POST", "/auth/logout", &[204])?;
    guide.get("/users/me", &[401])?;

    guide.title("Deleting the account");
    guide.forget_session();
    let session = guide.post("/auth/login", credentials, &[200])?;
    guide.sign_in(&session)?;
    guide.ask("DELETE", "/users/me", &[204])?;
    guide.get("/users/me", &[401]).map(drop)
}

fn nothing_is_left(folder: &std::path::Path, mark: &str) -> anyhow::Result<()> {
    println!("\n# Nothing of it is left in {}", folder.display());
    let begin = Instant::now();
    loop {
        let files = remains::files_with(folder, mark.as_bytes())
            .with_context(|| format!("searching {}", folder.display()))?;
        let seconds = begin.elapsed().as_secs_f64();
        if files.is_empty() {
            println!("  no file holds `{mark}`, {seconds:.1} s after the deletion");
            return Ok(());
        }
        if begin.elapsed() > GONE_WITHIN {
            bail!("`{mark}` is still in these files after {GONE_WITHIN:?}: {files:?}");
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}

fn total(overview: &Value) -> anyhow::Result<u64> {
    let total = overview.pointer("/thoughts/total").and_then(Value::as_u64);
    total.context("the overview has no thoughts.total")
}

fn text_of(value: &Value, name: &str) -> anyhow::Result<String> {
    let text = value.get(name).and_then(Value::as_str).map(str::to_owned);
    text.with_context(|| format!("the answer has no `{name}`"))
}
