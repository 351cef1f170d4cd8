//! The operator's rules: prefixes, shares, headers, and their reload.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use hanse_gateway::{Address, GatewayConfig, RuleAccess, RuleConfig};

use crate::support::{Gate, Wire, echo, rule, rules};

fn who(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").and_then(|(_, body)| body.split('\n').next()).unwrap_or(answer)
}

#[tokio::test]
async fn a_prefix_goes_to_an_old_system() {
    let (old, things) = (echo("old").await, echo("things").await);
    let stripped = RuleConfig { address: Address::Stripped, ..rule("/files", "old") };
    let canonical = RuleConfig { address: Address::Canonical, ..rule("/new", "old") };
    let config = [rule("/legacy", "old"), stripped, canonical];
    let gate = Gate::before(&config, &[("old", &old)], Some(&things)).await;
    for (asked, reached) in [
        ("GET /legacy", "old\nGET /legacy "),
        ("GET /legacy/a/b?c=d", "old\nGET /legacy/a/b?c=d "),
        ("GET /api/legacy/a", "old\nGET /api/legacy/a "),
        ("DELETE /legacy/a", "old\nDELETE /legacy/a "),
        ("GET /files/a?b", "old\nGET /a?b "),
        ("GET /files", "old\nGET / "),
        ("GET /api/v1/files/a", "old\nGET /a "),
        ("GET /new/a", "old\nGET /api/v1/new/a "),
        ("GET /things", "things\nGET /api/v1/things "),
    ] {
        let answer = gate.ask(asked, "").await;
        assert!(answer.contains(reached), "{asked}: {answer}");
    }
    for elsewhere in ["GET /legacyx", "GET /leg"] {
        assert!(gate.ask(elsewhere, "").await.starts_with("HTTP/1.1 404 "), "{elsewhere}");
    }
    for confusing in ["GET /legacy/../x", "GET /legacy%2fx", "GET /legacy//x"] {
        assert!(gate.ask(confusing, "").await.starts_with("HTTP/1.1 400 "), "{confusing}");
    }
}

#[tokio::test]
async fn a_rule_wants_a_token_unless_it_says_otherwise() {
    let old = echo("old").await;
    let config = [RuleConfig { access: RuleAccess::User, ..rule("/legacy", "old") }];
    let gate = Gate::before(&config, &[("old", &old)], None).await;
    assert!(gate.ask("GET /legacy", "").await.starts_with("HTTP/1.1 401 "));
    let forged = "authorization: Bearer a.b.c\r\n";
    assert!(gate.ask("GET /legacy", forged).await.starts_with("HTTP/1.1 401 "));
    let token = format!("authorization: Bearer {}\r\n", gate.token(1));
    assert!(gate.ask("GET /legacy", &token).await.starts_with("HTTP/1.1 200 "));
    assert_eq!(old.count(), 1);
    assert!(RuleConfig::default().access == RuleAccess::User, "no default opens a door");
}

#[tokio::test]
async fn a_canary_gets_a_header_or_a_share_of_the_callers() {
    let (blue, green) = (echo("blue").await, echo("green").await);
    let by_header = RuleConfig { header: "x-canary: yes".into(), ..rule("/shop", "green") };
    let by_share = RuleConfig { percent: 20, ..rule("/shop", "green") };
    let config = [by_header, by_share, rule("/shop", "blue")];
    let gate = Gate::before(&config, &[("blue", &blue), ("green", &green)], None).await;
    let mut to_green = 0;
    for number in 0..300 {
        let token = format!("authorization: Bearer {}\r\n", gate.token(number * 1000));
        let first = gate.ask("GET /shop", &token).await;
        to_green += u32::from(who(&first) == "green");
        if number < 30 {
            let again = gate.ask("GET /shop", &token).await;
            assert_eq!(who(&first), who(&again), "a caller stays on one side");
            let canary = gate.ask("GET /shop", &format!("{token}x-canary: yes\r\n")).await;
            assert_eq!(who(&canary), "green");
        }
    }
    assert!((40..=80).contains(&to_green), "{to_green} of 300, a fifth expected");
}

/// Rules are replaced while requests are under way: none fails, and all follow in the end.
#[tokio::test]
async fn a_reload_under_load_loses_no_request() {
    let (blue, green) = (echo("blue").await, echo("green").await);
    let systems = [("blue", &blue), ("green", &green)];
    let gate = Arc::new(Gate::before(&[rule("/shop", "blue")], &systems, None).await);
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (gate, stop, answered) = (Arc::clone(&gate), Arc::clone(&stop), Arc::clone(&answered));
        clients.spawn(async move {
            let mut wire = Wire::to(gate.address).await;
            while !stop.load(Ordering::SeqCst) {
                wire.say("POST /shop HTTP/1.1\r\nhost: g\r\ncontent-length: 2\r\n\r\nhi").await;
                let answer = wire.message().await.expect("the connection stays");
                assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
                answered.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    for round in 0..50 {
        let target = if round % 2 == 0 { "green" } else { "blue" };
        let before = answered.load(Ordering::SeqCst);
        gate.router.replace_rules(rules(&[rule("/shop", target)], &systems));
        while answered.load(Ordering::SeqCst) < before + 10 {
            tokio::task::yield_now().await;
        }
    }
    stop.store(true, Ordering::SeqCst);
    clients.join_all().await;
    assert!(green.count() > 0 && blue.count() > 0);
    assert_eq!(green.count() + blue.count(), answered.load(Ordering::SeqCst), "each once");
    assert_eq!(who(&gate.ask("GET /shop", "").await), "blue");
}

#[test]
fn mistakes_are_named() {
    let config = GatewayConfig {
        routes: vec![RuleConfig {
            percent: 101,
            header: "nonsense".into(),
            ..rule("/a/../b", "nowhere")
        }],
        upstreams: vec![hanse_gateway::NamedUpstream {
            endpoints: vec!["ftp://old".into()],
            ..Default::default()
        }],
        ..GatewayConfig::default()
    };
    let mut keys: Vec<_> = config.mistakes().into_iter().map(|(key, _)| key).collect();
    keys.sort();
    assert_eq!(
        keys,
        [
            "gateway.routes[0].header",
            "gateway.routes[0].percent",
            "gateway.routes[0].prefix",
            "gateway.routes[0].upstream",
            "gateway.upstreams[0].endpoints",
            "gateway.upstreams[0].name",
        ]
    );
}
