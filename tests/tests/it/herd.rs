//! OVL-02: the bad moment in which everybody comes at once.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hanse_e2e::{Client, Herd, Scale, Server, Value, binary, free_port, hanse, json, until};

/// What `hanse dev seed` gives its accounts.
const PASSWORD: &str = "seeded for a benchmark";
/// Devices of a person, as many as one may have.
const DEVICES: usize = 10;

/// A platform that can be ended and started anew at the same address.
struct Place<'a> {
    data: &'a Path,
    address: SocketAddr,
}

impl Place<'_> {
    fn start(&self) -> Server {
        // Places for more than 10,000 devices and a visitor; nothing else is out of the ordinary.
        let more = ["--set", "server.connections=12000", "--set", "identity.access_minutes=600"];
        let at = [&self.address.to_string(), "127.0.0.1:0"];
        Server::spawn_at(Command::new(binary()), at.map(|at| at), self.data, &more)
            .unwrap_or_else(|log| panic!("the platform did not start:\n{log}"))
    }
}

/// The most memory that a process ever held, in MiB.
fn peak(server: &Server) -> u64 {
    let path = format!("/proc/{}/status", server.pid());
    let status = std::fs::read_to_string(path).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
}

/// Tells everybody something. It is done after the answer, piece by piece.
fn announce(admin: &Client, title: &str) {
    let news = json!({ "everybody": true, "title": title, "text": "x", "channels": ["in_app"] });
    let told = admin.post("/notifications", &news);
    assert_eq!(told.status, 201, "{}", told.text);
}

/// Somebody who goes on with their work: every answer is a good one, or says when to come back.
struct Visitor<'scope> {
    stop: Arc<AtomicBool>,
    work: std::thread::ScopedJoinHandle<'scope, (BTreeMap<String, u64>, Duration)>,
}

impl<'scope> Visitor<'scope> {
    fn enter<'env>(scope: &'scope std::thread::Scope<'scope, 'env>, client: &Client) -> Self {
        let (stop, client) = (Arc::new(AtomicBool::new(false)), client.apart());
        let stopped = Arc::clone(&stop);
        let work = scope.spawn(move || {
            let (mut answers, mut slowest) = (BTreeMap::new(), Duration::ZERO);
            while !stopped.load(Ordering::Acquire) {
                let begun = Instant::now();
                let body = ("application/json", json!({ "text": "business as usual" }).to_string());
                let said = match answers.values().sum::<u64>() % 4 {
                    0 => client.send("POST", "/thoughts", &[], Some(body)),
                    _ => client.send("GET", "/thoughts?limit=1", &[], None),
                };
                let said = said.expect("an answer");
                slowest = slowest.max(begun.elapsed());
                let shed =
                    matches!(said.status, 429 | 503) && !said.header("retry-after").is_empty();
                assert!(matches!(said.status, 200 | 201) || shed, "{}", said.text);
                *answers.entry(said.summary()).or_insert(0) += 1;
                if shed {
                    std::thread::sleep(Duration::from_millis(200));
                }
            }
            (answers, slowest)
        });
        Self { stop, work }
    }

    fn leave(self) -> (BTreeMap<String, u64>, Duration) {
        self.stop.store(true, Ordering::Release);
        self.work.join().expect("only good answers")
    }
}

fn seed(data: &Path, people: usize) -> (Vec<String>, String) {
    let count = people.to_string();
    let seeded = hanse(data, &["dev", "seed", "--thoughts", "0", "--users", &count]);
    assert_eq!(seeded.code, 0, "{}", seeded.err);
    let made = hanse(data, &["user", "create", "--admin", "--email", "root@example.com", "--json"]);
    let made: Value = serde_json::from_str(&made.out).unwrap_or_else(|_| panic!("{}", made.err));
    let emails = (0..people).map(|number| format!("seed-{number}@example.com")).collect();
    (emails, made["password"].as_str().expect("a password").to_owned())
}

/// Thousands of devices lose their streams because the process is killed, and come back at one moment,
/// with the last id that they have seen, while everybody's tokens are renewed: nobody misses an event or
/// gets one twice, others are answered meanwhile, and the process needs no more than twice the memory that
/// it needed when they came one after another.
#[test]
fn everybody_comes_back_at_once() {
    let scale = Scale::of_this_run();
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let (emails, password) = seed(&data, scale.amount(100, 1_000));
    let address = SocketAddr::from(([127, 0, 0, 1], free_port().expect("a free port")));
    let place = Place { data: &data, address };
    let mut server = place.start();
    let mut admin = server.guest();
    let login = json!({ "email": "root@example.com", "password": password });
    admin.signed_in(&admin.post("/auth/login", &login));
    let visitor = server.register("visitor");
    let herd = Herd::gather(address, &emails, PASSWORD, DEVICES);
    herd.listens();
    // Whoever cannot be told yet is not known to notifications yet.
    let first =
        json!({ "users": herd.people(), "title": "first", "text": "x", "channels": ["in_app"] });
    until("everybody is known", || admin.post("/notifications", &first).status == 201);
    let mut titles = vec!["first".to_owned()];
    herd.told(&titles);
    let before = peak(&server);
    let (mut worst, mut most) = (Duration::ZERO, 0);
    for round in scale.rounds(2) {
        herd.hold();
        announce(&admin, &format!("at the last moment {round}"));
        server.kill();
        herd.scattered();
        server = place.start();
        let (admin, visitor) = (admin.apart(), visitor.apart());
        std::thread::scope(|scope| {
            let visitor = Visitor::enter(scope, &visitor);
            let begun = Instant::now();
            herd.release();
            herd.refresh();
            announce(&admin, &format!("to those who come back {round}"));
            herd.listens();
            worst = worst.max(begun.elapsed());
            titles.push(format!("at the last moment {round}"));
            titles.push(format!("to those who come back {round}"));
            herd.told(&titles);
            let (answers, slowest) = visitor.leave();
            println!("round {round}: {answers:?} for others, the slowest after {slowest:?}");
        });
        most = most.max(peak(&server));
        assert!(most <= 2 * before, "{most} MiB, and {before} when they came one after another");
    }
    println!(
        "found: {} devices of {} people, all back and refreshed within {:.1} s; {} times asked to come later; {most} MiB at most, {before} before",
        emails.len() * DEVICES,
        emails.len(),
        worst.as_secs_f64(),
        herd.shed(),
    );
    assert!(server.stop().success());
}

/// An old system that counts how often it is asked for the price; the gateway's checks of whether it
/// lives are no such asking.
fn old_system(asked: Arc<AtomicU64>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let asked = Arc::clone(&asked);
            std::thread::spawn(move || answer(stream, &asked));
        }
    });
    address
}

fn answer(mut stream: TcpStream, asked: &AtomicU64) {
    let (mut head, mut piece) = (Vec::new(), [0; 2048]);
    while let Ok(read @ 1..) = stream.read(&mut piece) {
        head.extend_from_slice(&piece[..read]);
        if head.ends_with(b"\r\n\r\n") {
            asked.fetch_add(head.starts_with(b"GET /old/price ").into(), Ordering::AcqRel);
            head.clear();
            // Slow enough that all who want it at the same time are there.
            std::thread::sleep(Duration::from_millis(50));
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nprice").ok();
        }
    }
}

/// A hot answer that the gateway keeps for a second is asked for once a second, however many ask.
#[test]
fn a_hot_answer_that_expires_is_asked_for_once() {
    let asked = Arc::new(AtomicU64::new(0));
    let old = old_system(Arc::clone(&asked));
    let folder = tempfile::tempdir().expect("a folder");
    let upstream = format!("gateway.upstreams=[{{name=\"old\",endpoints=[\"{old}\"]}}]");
    let route =
        "gateway.routes=[{prefix=\"/old\",upstream=\"old\",access=\"public\",cache_seconds=1}]";
    let server = Server::start(
        folder.path(),
        &["--set", &upstream, "--set", route, "--set", "limits.enabled=false"],
    );
    let time = Scale::of_this_run().amount(Duration::from_secs(4), Duration::from_secs(60));
    let (begun, answers) = (Instant::now(), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| {
                let client = server.guest();
                while begun.elapsed() < time {
                    let answer = client.get("/old/price");
                    assert_eq!((answer.status, answer.text.as_str()), (200, "price"));
                    answers.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    // Between two askings lies the time in which the answer was kept: a tenth less than a second at least.
    let most = u64::try_from(begun.elapsed().as_millis()).expect("a number") / 900 + 1;
    let (asked, answers) = (asked.load(Ordering::Acquire), answers.into_inner());
    assert!((1..=most).contains(&asked), "{asked} times in {:?}", begun.elapsed());
    println!("found: {answers} answers of {asked} askings in {} s", time.as_secs());
    assert!(server.stop().success());
}
