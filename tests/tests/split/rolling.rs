//! OPS-02: rolling restarts. With two processes of everything and a balancer before the gateways, no
//! request fails while one process after another is stopped and started.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hanse_e2e::{Balancer, Client, Engines, Scale, Split, json, until};

use crate::CONFIG;

const REPLICAS: [(&str, &str); 5] = [
    ("identity-2", "identity"),
    ("thoughts-2", "thoughts"),
    ("search-2", "search"),
    ("analytics-2", "analytics"),
    ("gateway-2", "gateway"),
];

/// Requests a second of all users together, in the long form.
const RATE: u32 = 500;
const USERS: u32 = 20;

/// When the next request is due.
struct Pace {
    next: Instant,
    /// None for as soon as the last was answered.
    interval: Option<Duration>,
}

impl Pace {
    fn wait(&mut self) {
        if let Some(interval) = self.interval {
            std::thread::sleep(self.next.saturating_duration_since(Instant::now()));
            self.next += interval;
        }
    }
}

/// Writes, reads, searches and refreshes until told to stop; every answer must be a good one.
fn use_it(mut client: Client, number: usize, pace: &mut Pace, stop: &AtomicBool, done: &AtomicU64) {
    let mut round = 0;
    while !stop.load(Ordering::Acquire) {
        round += 1;
        let key = format!("writer-{number}-{round}");
        let body = json!({ "text": format!("tide {round}"), "tags": ["sea"] }).to_string();
        pace.wait();
        let created = client
            .send(
                "POST",
                "/api/thoughts",
                &[("idempotency-key", &key)],
                Some(("application/json", body)),
            )
            .expect("an answer");
        assert_eq!(created.status, 201, "{key}: {}", created.text);
        for path in ["/api/thoughts?limit=5", "/api/search?q=tide", "/api/analytics/overview"] {
            pace.wait();
            let answer = client.get(path);
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        }
        done.fetch_add(4, Ordering::Relaxed);
        if round % 10 == 0 {
            pace.wait();
            let refresh = json!({ "refresh_token": client.refresh }).to_string();
            let body = Some(("application/json", refresh));
            let answer = client
                .send("POST", "/auth/refresh", &[("idempotency-key", &key)], body)
                .expect("an answer");
            assert_eq!(answer.status, 200, "{}", answer.text);
            client.signed_in(&answer);
            done.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Everything twice, and gateways that say that they leave a second before they do, as behind any
/// balancer.
fn twice() -> Split {
    let mut split = Split::plan(&Engines::shared(), CONFIG, &REPLICAS);
    for gateway in ["gateway", "gateway-2"] {
        split.set(gateway, "server.drain_delay_seconds=1".to_owned());
    }
    split.run_all();
    split.joined();
    split
}

#[test]
fn no_request_fails_while_one_process_after_another_is_replaced() {
    let mut split = twice();
    let balancer = Balancer::before(&split, &["gateway", "gateway-2"]);
    let scale = Scale::of_this_run();
    let count = scale.amount(3, USERS);
    let users: Vec<Client> =
        (0..count).map(|user| Client::register(&balancer.url, &format!("user{user}"))).collect();
    let (stop, answers, mut replaced) = (AtomicBool::new(false), AtomicU64::new(0), 0);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let work: Vec<_> = users
            .into_iter()
            .enumerate()
            .map(|(number, user)| {
                let (stop, answers) = (&stop, &answers);
                let interval = scale.amount(None, Some(Duration::from_secs(1) * USERS / RATE));
                let mut pace = Pace { next: begun, interval };
                scope.spawn(move || use_it(user, number, &mut pace, stop, answers))
            })
            .collect();
        let all: Vec<&'static str> = REPLICAS.iter().flat_map(|(two, one)| [*one, *two]).collect();
        for round in scale.rounds(all.len()) {
            let name = all[round % all.len()];
            split.stop(name);
            let before = answers.load(Ordering::Relaxed);
            until("requests are answered without it", || {
                answers.load(Ordering::Relaxed) >= before + 30
                    || work.iter().any(std::thread::ScopedJoinHandle::is_finished)
            });
            split.run(name);
            split.ready();
            balancer.uses_all();
            replaced += 1;
        }
        stop.store(true, Ordering::Release);
        for worker in work {
            worker.join().expect("no request failed");
        }
    });
    let answers = answers.into_inner();
    let rate = answers as f64 / begun.elapsed().as_secs_f64();
    println!("found: {answers} requests, {rate:.0} a second, {replaced} replacements, 0 failed");
    split.stop_all();
}
