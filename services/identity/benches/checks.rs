//! What every request asks of identity, in the process and on one thread: is this token good (a verdict
//! that is known), and may this account do that (known for two seconds, read from the embedded store then)?
//!
//! `cargo bench -p hanse-identity` prints both as lines of the table in `bench/RESULTS.md`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench stops at the first failure"
)]

use std::time::{Duration, Instant};

use hanse_http::{Permission, Role};
use hanse_identity::IdentityConfig;
use hanse_identity::admin::{NewAccount, create_user};
use hanse_identity::permissions::Checks;
use hanse_testkit::{Engine, Stage, Topology, json, run};
use uuid::Uuid;

const TIME: Duration = Duration::from_secs(2);
const PASSWORD: &str = "a password for benchmarks only";

fn main() {
    let services = vec![hanse_identity::service(IdentityConfig::for_tests())];
    run(Engine::Sqlite, Topology::Local, "checks", services, measure);
}

async fn measure(t: Stage) {
    let new = NewAccount { email: "olga@example.com", name: "Olga", password: PASSWORD };
    let config = IdentityConfig::for_tests();
    create_user(&t.db("identity"), &config, new, &[Role::Admin]).await.unwrap();
    let body = json!({ "email": "olga@example.com", "password": PASSWORD });
    let olga = t.guest().post("/api/v1/auth/login", body).await.json();
    let token = olga["access_token"].as_str().unwrap().to_owned();
    let admin = t.bearer(&token);
    let body = json!({ "email": "anna@example.com", "password": PASSWORD, "name": "Anna" });
    let anna = t.guest().post("/api/v1/auth/register", body).await.json();
    let user: Uuid = anna["user"]["id"].as_str().unwrap().parse().unwrap();
    let role = json!({ "description": "", "permissions": ["reports:*", "ledger:read"] });
    assert_eq!(admin.put("/api/v1/roles/editor", role).await.summary(), "200");
    let group = json!({ "name": "Newsroom", "roles": ["editor"] });
    let group = admin.post("/api/v1/groups", group).await.location().to_owned();
    let join = json!({ "add": [user] });
    assert_eq!(admin.post(format!("{group}/members"), join).await.summary(), "204");

    let rate = rate(|| t.verifier.verify(&token).is_ok());
    line("token verification, verdict known, one thread", rate, 500_000.0);

    let db = t.db("identity");
    let checks = Checks::default();
    let wanted = Permission::parse("reports:write").unwrap();
    let (begun, mut count) = (Instant::now(), 0_u32);
    while begun.elapsed() < TIME {
        let held = checks.of_user(&db, user).await.unwrap();
        assert!(held.iter().any(|held| held.permission.covers(&wanted)));
        count += 1;
    }
    let rate = f64::from(count) / begun.elapsed().as_secs_f64();
    line("permission check by a group's role, one thread", rate, 100_000.0);
}

/// How often in a second.
fn rate(work: impl Fn() -> bool) -> f64 {
    let (begun, mut count) = (Instant::now(), 0_u32);
    while begun.elapsed() < TIME {
        for _ in 0..1000 {
            assert!(work());
        }
        count += 1000;
    }
    f64::from(count) / begun.elapsed().as_secs_f64()
}

fn line(what: &str, rate: f64, bar: f64) {
    let verdict = if rate >= bar { "pass" } else { "**FAIL**" };
    println!("| {what} | {rate:.0} /s | \u{2265} {bar} /s | {verdict} | 2 s, in the process |");
}
