//! What every request asks of identity, in the process: is this token good (a verdict that is known), and
//! may this account do that (known for two seconds, read from the embedded store then)?
//!
//! As a busy process does it: the tokens and accounts of many people in turn, so that no answer lies ready
//! in the processor's own cache, with a session ended among them, so that every verdict is compared with
//! what has ended; and the first also on every processor at once, which share the cache.
//!
//! `cargo bench -p hanse-identity` prints lines of the table in `bench/RESULTS.md`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench stops at the first failure"
)]

use std::time::{Duration, Instant};

use hanse_http::Verifier;
use hanse_identity::IdentityConfig;
use hanse_identity::admin::{NewAccount, create_user};
use hanse_identity::permissions::{Checks, exact};
use hanse_testkit::{Actor, Engine, Stage, Topology, Value, json, run};
use uuid::Uuid;

const TIME: Duration = Duration::from_secs(2);
const PASSWORD: &str = "a password for benchmarks only";
/// Who is signed in.
const PEOPLE: usize = 2000;

fn main() {
    let limit_sign_ins = false;
    let config = IdentityConfig { limit_sign_ins, ..IdentityConfig::for_tests() };
    let services = vec![hanse_identity::service(config)];
    run(Engine::Sqlite, Topology::Local, "checks", services, measure);
}

async fn measure(t: Stage) {
    let admin = administrator(&t).await;
    let role = json!({ "description": "", "permissions": ["reports:*", "ledger:read"] });
    assert_eq!(admin.put("/api/v1/roles/editor", role).await.summary(), "200");
    let group = json!({ "name": "Newsroom", "roles": ["editor"] });
    let group = admin.post("/api/v1/groups", group).await.location().to_owned();
    let (mut tokens, mut people) = (Vec::new(), Vec::new());
    for number in 0..PEOPLE {
        let (token, user) = register(&t, number).await;
        tokens.push(token);
        people.push(user);
    }
    for some in people.chunks(100) {
        let join = json!({ "add": some });
        assert_eq!(admin.post(format!("{group}/members"), join).await.summary(), "204");
    }
    // The last one signs out: what has ended is looked at from now on.
    let gone = t.bearer(&tokens.pop().unwrap());
    assert_eq!(gone.post("/api/v1/auth/logout", Value::Null).await.summary(), "204");

    let alone = verify(&t.verifier, &tokens);
    line("token verification, verdict known, one processor", alone, 500_000.0);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let together = std::thread::scope(|scope| {
        let each = |_| scope.spawn(|| verify(&t.verifier, &tokens));
        let running: Vec<_> = (0..threads).map(each).collect();
        running.into_iter().map(|one| one.join().unwrap()).fold(f64::INFINITY, f64::min)
    });
    let what = format!("token verification, verdict known, each of {threads} at once (slowest)");
    line(&what, together, 500_000.0);

    let (db, checks) = (t.db("identity"), Checks::default());
    let (begun, mut count) = (Instant::now(), 0_u32);
    while begun.elapsed() < TIME {
        for user in &people {
            let wanted = exact("reports", "write").unwrap();
            let reasons = checks.reasons(&db, *user, &wanted).await.unwrap();
            assert_eq!(reasons.len(), 1);
        }
        count += u32::try_from(people.len()).unwrap();
    }
    let rate = f64::from(count) / begun.elapsed().as_secs_f64();
    line("permission check by a group's role, one processor", rate, 100_000.0);
}

async fn administrator(t: &Stage) -> Actor {
    let new = NewAccount { email: "olga@example.com", name: "Olga", password: PASSWORD };
    let roles = [hanse_http::Role::Admin];
    create_user(&t.db("identity"), &IdentityConfig::for_tests(), new, &roles).await.unwrap();
    let body = json!({ "email": "olga@example.com", "password": PASSWORD });
    let olga = t.guest().post("/api/v1/auth/login", body).await.json();
    t.bearer(olga["access_token"].as_str().unwrap())
}

async fn register(t: &Stage, number: usize) -> (String, Uuid) {
    let email = format!("person{number}@example.com");
    let body = json!({ "email": email, "password": PASSWORD, "name": "Anna" });
    let made = t.guest().post("/api/v1/auth/register", body).await.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&made["access_token"]), text(&made["user"]["id"]).parse().unwrap())
}

/// How many of these tokens are verified in a second, one after the other, again and again.
fn verify(verifier: &Verifier, tokens: &[String]) -> f64 {
    // The first round makes the verdicts.
    assert!(tokens.iter().all(|token| verifier.verify(token).is_ok()));
    let (begun, mut count) = (Instant::now(), 0_u32);
    while begun.elapsed() < TIME {
        assert!(tokens.iter().all(|token| verifier.verify(token).is_ok()));
        count += u32::try_from(tokens.len()).unwrap();
    }
    f64::from(count) / begun.elapsed().as_secs_f64()
}

fn line(what: &str, rate: f64, bar: f64) {
    let verdict = if rate >= bar { "pass" } else { "**FAIL**" };
    println!("| {what} | {rate:.0} /s | \u{2265} {bar} /s | {verdict} | 2 s, in the process |");
}
