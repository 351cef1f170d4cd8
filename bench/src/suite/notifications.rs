//! Telling many people at once: devices that listen, letters, and what others feel of it.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::report::Figure;
use super::{Bench, median, milliseconds};
use crate::client::ask;
use crate::histogram::Histogram;
use crate::process::{Server, Setup};
use crate::sink::Sink;
use crate::wire::{Connection, Template};

/// What `hanse dev seed` gives its accounts.
const PASSWORD: &str = "seeded for a benchmark";
/// Devices of a person, as many as one may have by default.
const DEVICES: usize = 10;
const KILOBYTE: f64 = 1024.0;
/// How often somebody else is told something while all are written to.
const PROBE_EVERY: Duration = Duration::from_millis(100);
const WITHIN: Duration = Duration::from_secs(600);

pub async fn measure(bench: &Bench<'_>) -> anyhow::Result<Vec<Figure>> {
    let mut figures = streams(bench).await?;
    figures.extend(letters(bench).await?);
    Ok(figures)
}

/// One sending to everybody, and everybody listens.
async fn streams(bench: &Bench<'_>) -> anyhow::Result<Vec<Figure>> {
    let mut setup = bench.setup("streams");
    for setting in [
        "server.connections=20000",
        "server.connections_per_address=20000",
        "identity.limit_sign_ins=false",
    ] {
        setup.settings.push(setting.to_owned());
    }
    let count = bench.args.streams;
    let people = count.div_ceil(DEVICES);
    let admin = seed(&setup, people)?;
    let server = Server::start(&setup).await?;
    let address = server.address;
    let admin = sign_in(address, "root@example.com", &admin).await?;
    known(address, &admin, people).await?;
    let tokens = sign_in_all(address, people).await?;
    server.quiet().await?;
    let before = server.resident()?;
    let mut devices = Vec::with_capacity(count);
    for token in tokens.iter().cycle().take(count) {
        devices.push(Device::connect(address, token).await?);
    }
    server.quiet().await?;
    let each = server.resident()?.saturating_sub(before) as f64 / count as f64 / KILOBYTE;
    let (mut tails, mut worst) = (Vec::new(), Duration::ZERO);
    for round in 0..bench.args.rounds.max(1) {
        let (heard, back) = told(address, &admin, devices, round).await?;
        devices = back;
        tails.push(milliseconds(heard.quantile(0.99)));
        worst = worst.max(heard.max());
        server.quiet().await?;
    }
    server.stop().await?;
    let detail = format!(
        "a sending to {people} people with {DEVICES} devices each, from the request; worst {:.0} ms",
        milliseconds(worst)
    );
    let memory = format!("resident memory that {count} idle streams add, connections included");
    Ok(vec![
        Figure::at_most(
            &format!("one sending → {count} streams, p99"),
            median(tails),
            500.0,
            "ms",
            detail,
        ),
        Figure::at_most("memory of an idle stream", each, 50.0, "KB", memory),
    ])
}

/// Sends one message to everybody and waits until every device has it.
async fn told(
    address: SocketAddr,
    admin: &str,
    devices: Vec<Device>,
    round: usize,
) -> anyhow::Result<(Histogram, Vec<Device>)> {
    let heard = Arc::new(Histogram::new());
    let mut tasks = JoinSet::new();
    let begin = Instant::now();
    let title = format!("round {round} of the bench");
    for mut device in devices {
        let (heard, title) = (Arc::clone(&heard), title.clone());
        tasks.spawn(async move {
            device.wait_for(&title).await?;
            heard.record(begin.elapsed());
            anyhow::Ok(device)
        });
    }
    // The tasks are all waiting when it begins to count.
    tokio::task::yield_now().await;
    let late = begin.elapsed();
    let body = json!({ "everybody": true, "title": title, "text": "x", "channels": ["in_app"] });
    let mut connection = Connection::open(address).await?;
    send(&mut connection, admin, &body).await?;
    let mut back = Vec::new();
    while let Some(device) = tokio::time::timeout(WITHIN, tasks.join_next()).await? {
        back.push(device??);
    }
    if late > Duration::from_millis(50) {
        eprintln!("  starting to listen took {late:?}, which is counted");
    }
    Ok((Arc::into_inner(heard).context("a device is still listening")?, back))
}

/// A device that follows a list.
struct Device {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Device {
    async fn connect(address: SocketAddr, token: &str) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!(
            "GET /api/v1/notifications/stream HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut device = Self { stream, buffer: Vec::new() };
        device.wait_for(": welcome").await?;
        Ok(device)
    }

    async fn wait_for(&mut self, words: &str) -> anyhow::Result<()> {
        let mut piece = [0; 2048];
        loop {
            if self.buffer.windows(words.len()).any(|window| window == words.as_bytes()) {
                self.buffer = Vec::new();
                return Ok(());
            }
            let read = self.stream.read(&mut piece).await?;
            if read == 0 {
                bail!("a stream ended: {}", String::from_utf8_lossy(&self.buffer));
            }
            self.buffer.extend_from_slice(piece.get(..read).unwrap_or_default());
        }
    }
}

/// One sending to very many by letter, while somebody else is told something now and then.
async fn letters(bench: &Bench<'_>) -> anyhow::Result<Vec<Figure>> {
    let sink = Sink::start().await?;
    let mut setup = bench.setup("letters");
    for setting in [
        "mail.server=127.0.0.1".to_owned(),
        format!("mail.port={}", sink.address.port()),
        "mail.encryption=none".to_owned(),
    ] {
        setup.settings.push(setting);
    }
    let letters = bench.args.letters;
    let admin = seed(&setup, letters)?;
    let server = Server::start(&setup).await?;
    let address = server.address;
    let admin = sign_in(address, "root@example.com", &admin).await?;
    known(address, &admin, letters).await?;
    server.quiet().await?;
    let begin = Instant::now();
    let mut connection = Connection::open(address).await?;
    let body = json!({ "everybody": true, "title": "bench", "text": "x", "channels": ["email"] });
    let sending = send(&mut connection, &admin, &body).await?;
    let sending = format!("/notifications/sendings/{}", text(&sending, "id")?);
    let others = Histogram::new();
    let user = seeded(address, &admin).await?;
    let alone = json!({ "users": [user], "title": "x", "text": "x", "channels": ["in_app"] });
    let (mut queued, mut halfway) = (None, String::new());
    loop {
        let asked = Instant::now();
        send(&mut connection, &admin, &alone).await?;
        others.record(asked.elapsed());
        let seen = ask(&mut connection, &Template::get(&sending, Some(&admin)), 200).await?;
        let count = sink.taken().letters.len();
        if halfway.is_empty() && count > letters / 2 {
            let email = seen.pointer("/deliveries/email").map(Value::to_string);
            halfway = email.unwrap_or_default().replace('"', "");
        }
        if queued.is_none() && seen.pointer("/state").is_some_and(|state| state == "done") {
            queued = Some(begin.elapsed());
        }
        // The administrator is one more.
        let sent = seen.pointer("/deliveries/email/sent").and_then(Value::as_u64);
        if sent == Some(letters as u64 + 1) {
            break;
        }
        if begin.elapsed() > WITHIN {
            bail!("{count} letters after {WITHIN:?}: {seen}");
        }
        tokio::time::sleep(PROBE_EVERY).await;
    }
    server.stop().await?;
    of_letters(&sink, letters, queued.unwrap_or_default(), &halfway, &others)
}

/// What was measured of them.
fn of_letters(
    sink: &Sink,
    letters: usize,
    queued: Duration,
    halfway: &str,
    others: &Histogram,
) -> anyhow::Result<Vec<Figure>> {
    let (spent, twice, count) = {
        let taken = sink.taken();
        let span = taken.first.zip(taken.last).map(|(first, last)| last - first);
        let twice = taken.letters.values().filter(|count| **count > 1).count();
        (span.context("letters")?, twice, taken.letters.len())
    };
    let rate = count as f64 / spent.as_secs_f64();
    let queued = queued.as_secs_f64();
    let detail = format!(
        "{count} letters of one sending in {:.0} s, queueing included (done after {queued:.0} s); the API at half time: {halfway}",
        spent.as_secs_f64()
    );
    let p99 = milliseconds(others.quantile(0.99));
    let beside = format!(
        "{} sendings to one person meanwhile, answered after they are in the list; p50 {:.1} ms",
        others.count(),
        milliseconds(others.quantile(0.5))
    );
    Ok(vec![
        Figure::at_least("letters to a local sink", rate, 2_000.0, "/s", detail),
        Figure::at_most("letters that came twice", twice as f64, 0.0, "", "by Message-ID".into()),
        Figure::at_most(
            &format!("a sending to one beside {letters} letters, p99"),
            p99,
            250.0,
            "ms",
            beside,
        ),
    ])
}

/// Fills a data folder with accounts and an administrator, whose password this is.
fn seed(setup: &Setup, people: usize) -> anyhow::Result<String> {
    std::fs::create_dir_all(&setup.data)?;
    let mut seed = Command::new(&setup.hanse);
    seed.args(["dev", "seed", "--thoughts", "0", "--users", &people.to_string(), "--data"]);
    if !seed.arg(&setup.data).stdout(Stdio::null()).status()?.success() {
        bail!("no accounts could be made");
    }
    let mut create = Command::new(&setup.hanse);
    create.args(["user", "create", "--admin", "--email", "root@example.com", "--json", "--data"]);
    let said = create.arg(&setup.data).output()?;
    let made: Value = serde_json::from_slice(&said.stdout).context("an administrator")?;
    text(&made, "password")
}

async fn sign_in(address: SocketAddr, email: &str, password: &str) -> anyhow::Result<String> {
    let body = json!({ "email": email, "password": password }).to_string();
    let request = Template::new("POST", "/auth/login", None, Some(&body));
    let session = ask(&mut Connection::open(address).await?, &request, 200).await?;
    text(&session, "access_token")
}

async fn sign_in_all(address: SocketAddr, people: usize) -> anyhow::Result<Vec<String>> {
    let mut tokens = Vec::with_capacity(people);
    let people: Vec<usize> = (0..people).collect();
    for some in people.chunks(4) {
        let mut tasks = JoinSet::new();
        for number in some {
            let email = format!("seed-{number}@example.com");
            tasks.spawn(async move { sign_in(address, &email, PASSWORD).await });
        }
        while let Some(token) = tasks.join_next().await {
            tokens.push(token??);
        }
    }
    Ok(tokens)
}

/// Waits until so many people can be told, and the administrator.
async fn known(address: SocketAddr, admin: &str, people: usize) -> anyhow::Result<()> {
    let mut connection = Connection::open(address).await?;
    // One that is never sent says how many it would be for.
    let body = json!({
        "everybody": true, "title": "x", "text": "x", "channels": ["in_app"],
        "at": (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(9_000)).to_string(),
    });
    let sending = send(&mut connection, admin, &body).await?;
    let path = format!("/notifications/sendings/{}", text(&sending, "id")?);
    let begin = Instant::now();
    loop {
        let seen = ask(&mut connection, &Template::get(&path, Some(admin)), 200).await?;
        let known = seen.pointer("/people").and_then(Value::as_u64);
        if known > Some(people as u64) {
            let cancel = Template::new("DELETE", &path, Some(admin), None);
            return ask(&mut connection, &cancel, 200).await.map(drop);
        }
        if begin.elapsed() > WITHIN {
            bail!("only {known:?} people are known");
        }
        tokio::time::sleep(PROBE_EVERY).await;
    }
}

/// Somebody's account.
async fn seeded(address: SocketAddr, admin: &str) -> anyhow::Result<String> {
    let find = Template::get("/api/v1/users?q=seed-1@example.com&limit=1", Some(admin));
    let found = ask(&mut Connection::open(address).await?, &find, 200).await?;
    text(found.pointer("/items/0").context("an account")?, "id")
}

async fn send(connection: &mut Connection, admin: &str, body: &Value) -> anyhow::Result<Value> {
    let body = body.to_string();
    let request = Template::new("POST", "/notifications", Some(admin), Some(&body));
    ask(connection, &request, 201).await
}

fn text(value: &Value, name: &str) -> anyhow::Result<String> {
    let text = value.get(name).and_then(Value::as_str).map(str::to_owned);
    text.with_context(|| format!("the answer has no `{name}`"))
}
