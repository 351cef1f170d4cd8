//! Rolling restarts: with two processes of each service, no request fails while one after another is
//! stopped and started.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hanse_e2e::{Client, Split, json, until};

const CONFIG: &str = "[limits]\nenabled = false\n[identity]\naccess_minutes = 600\n";
const REPLICAS: [(&str, &str); 4] = [
    ("identity-2", "identity"),
    ("thoughts-2", "thoughts"),
    ("search-2", "search"),
    ("analytics-2", "analytics"),
];

/// Writes, reads, searches and refreshes until told to stop; every answer must be a good one.
fn use_it(mut client: Client, number: usize, stop: &AtomicBool, answers: &AtomicU64) {
    let mut round = 0;
    while !stop.load(Ordering::Acquire) {
        round += 1;
        let key = format!("writer-{number}-{round}");
        let body = json!({ "text": format!("tide {round}"), "tags": ["sea"] }).to_string();
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
            let answer = client.get(path);
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        }
        if round % 10 == 0 {
            let refresh = json!({ "refresh_token": client.refresh }).to_string();
            let body = Some(("application/json", refresh));
            let answer = client
                .send("POST", "/auth/refresh", &[("idempotency-key", &key)], body)
                .expect("an answer");
            assert_eq!(answer.status, 200, "{}", answer.text);
            client.signed_in(&answer);
        }
        answers.fetch_add(5, Ordering::Relaxed);
    }
}

#[test]
fn no_request_fails_while_one_process_after_another_is_replaced() {
    let mut split = Split::start_with(CONFIG, &REPLICAS);
    split.joined();
    let users: Vec<Client> =
        ["anna", "ben", "cora"].into_iter().map(|name| split.register(name)).collect();
    let (stop, answers) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let work: Vec<_> = users
            .into_iter()
            .enumerate()
            .map(|(number, user)| {
                let (stop, answers) = (&stop, &answers);
                scope.spawn(move || use_it(user, number, stop, answers))
            })
            .collect();
        for (second, first) in REPLICAS {
            for name in [first, second] {
                split.stop(name);
                let before = answers.load(Ordering::Relaxed);
                until("requests are answered without it", || {
                    answers.load(Ordering::Relaxed) >= before + 30
                        || work.iter().any(std::thread::ScopedJoinHandle::is_finished)
                });
                split.run(name);
                split.ready();
            }
        }
        stop.store(true, Ordering::Release);
        for worker in work {
            worker.join().expect("no request failed");
        }
    });
    split.stop_all();
}
