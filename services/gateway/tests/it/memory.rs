//! Answers given again: to whom they were made for, and nobody else.

use std::sync::Arc;

use hanse_gateway::RuleConfig;
use tokio::sync::Semaphore;

use crate::support::{Gate, System, Wire, echo, rule, system};

async fn cached(name: &'static str, head: &'static str) -> (System, Gate) {
    let old = system(move |mut wire| async move {
        while wire.message().await.is_some() {
            wire.say(&format!("HTTP/1.1 200 OK\r\n{head}content-length: 2\r\n\r\nok")).await;
        }
    })
    .await;
    let config = [RuleConfig { cache_seconds: 3600, ..rule("/old", name) }];
    let gate = Gate::before(&config, &[(name, &old)], None).await;
    (old, gate)
}

#[tokio::test]
async fn a_read_is_answered_from_memory_for_the_same_caller_only() {
    let (old, gate) = cached("old", "").await;
    let (anna, ben) = (gate.token(1), gate.token(10));
    let ask = async |line: &str, token: &str, more: &str| {
        gate.ask(line, &format!("authorization: Bearer {token}\r\n{more}")).await
    };
    for (line, token, more, asked) in [
        ("GET /old/a", &anna, "", 1),
        ("GET /old/a", &anna, "", 1),
        ("GET /old/a", &ben, "", 2),
        ("GET /old/a", &anna, "accept-language: de\r\n", 3),
        ("GET /old/a?b", &anna, "", 4),
        ("POST /old/b", &anna, "content-length: 0\r\n", 5),
        ("POST /old/b", &anna, "content-length: 0\r\n", 6),
        ("GET /old/a", &ben, "", 6),
    ] {
        let answer = ask(line, token, more).await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nok"), "{answer}");
        assert_eq!(old.count(), asked, "{line} {more}");
    }
    assert!(gate.ask("GET /old/a", "").await.ends_with("ok"));
    assert_eq!(old.count(), 7, "a guest is nobody else");
}

/// RFC 9111, section 4.4: a change that succeeds ends what is kept of its address, for everybody and in
/// every variant; one of another address, or one that fails, ends nothing.
#[tokio::test]
async fn a_change_ends_what_is_kept_of_its_address() {
    let old = system(move |mut wire| async move {
        while let Some(message) = wire.message().await {
            let status = if message.contains("fail: yes") { "409 Conflict" } else { "200 OK" };
            wire.say(&format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\nok")).await;
        }
    })
    .await;
    let config = [RuleConfig { cache_seconds: 3600, ..rule("/old", "old") }];
    let gate = Gate::before(&config, &[("old", &old)], None).await;
    let anna = format!("authorization: Bearer {}\r\n", gate.token(1));
    let change = "content-length: 0\r\n";
    let fails = format!("{change}fail: yes\r\n");
    for (line, more, asked) in [
        ("GET /old/a", "", 1),
        ("GET /old/a", "accept-language: de\r\n", 2),
        ("GET /old/a", &anna, 3),
        ("GET /old/b", "", 4),
        ("PUT /old/b", &fails, 5),
        ("GET /old/b", "", 5),
        ("DELETE /old/a", change, 6),
        ("GET /old/b", "", 6),
        ("GET /old/a", "", 7),
        ("GET /old/a", "accept-language: de\r\n", 8),
        ("GET /old/a", &anna, 9),
        ("GET /old/a", &anna, 9),
    ] {
        gate.ask(line, more).await;
        assert_eq!(old.count(), asked, "{line} {more}");
    }
}

/// What is said to be somebody's own is not for all who show nothing of themselves.
#[tokio::test]
async fn what_is_private_is_kept_for_somebody_known_only() {
    let (old, gate) = cached("old", "cache-control: private\r\n").await;
    let anna = format!("authorization: Bearer {}\r\n", gate.token(1));
    for (more, asked) in [("", 1), ("", 2), (&*anna, 3), (&*anna, 3)] {
        gate.ask("GET /old/a", more).await;
        assert_eq!(old.count(), asked);
    }
}

#[tokio::test]
async fn what_must_not_be_kept_is_not() {
    for head in [
        "cache-control: no-store\r\n",
        "cache-control: public, No-Cache\r\n",
        "cache-control: max-age=3599\r\n",
        "cache-control: max-age=7200, s-maxage=60\r\n",
        "cache-control: max-age=7200\r\nage: 3601\r\n",
        "cache-control: max-age=soon\r\n",
        "set-cookie: a=b\r\n",
        "vary: user-agent\r\n",
        "vary: *\r\n",
    ] {
        let (old, gate) = cached("old", head).await;
        gate.ask("GET /old/a", "").await;
        gate.ask("GET /old/a", "").await;
        assert_eq!(old.count(), 2, "{head}");
    }
}

/// RFC 9111, section 5.1: whoever gets a kept answer learns how old it is.
#[tokio::test]
async fn what_is_kept_says_its_age() {
    let (old, gate) = cached("old", "cache-control: max-age=7200\r\nage: 42\r\n").await;
    assert!(gate.ask("GET /old/a", "").await.contains("\r\nage: 42\r\n"));
    let kept = gate.ask("GET /old/a", "").await;
    let age = kept.lines().find_map(|line| line.strip_prefix("age: ")?.parse::<u64>().ok());
    assert!(age.is_some_and(|age| (42..102).contains(&age)), "{kept}");
    assert_eq!(old.count(), 1);
}

/// What is in a read is no part of what it is known by: if it were answered from memory, or kept, one
/// caller could choose what others get.
#[tokio::test]
async fn a_read_with_a_body_is_passed_on() {
    let (old, gate) = cached("old", "").await;
    let bodies = ["content-length: 1\r\n\r\n", "transfer-encoding: chunked\r\n\r\n1\r\n"];
    for (more, asked) in
        [(bodies[0], 1), (bodies[0], 2), (bodies[1], 3), ("", 4), ("", 4), (bodies[0], 5)]
    {
        let mut wire = Wire::to(gate.address).await;
        let rest = if more.contains("chunked") { "x\r\n0\r\n\r\n" } else { "x" };
        let end = if more.is_empty() { "\r\n" } else { rest };
        wire.say(&format!("GET /old/a HTTP/1.1\r\nhost: gate.test\r\n{more}{end}")).await;
        assert!(wire.message().await.expect("an answer").ends_with("ok"));
        assert_eq!(old.count(), asked, "{more:?}");
    }
}

#[tokio::test]
async fn nothing_is_remembered_unless_a_rule_says_so() {
    let old = echo("old").await;
    let gate = Gate::before(&[rule("/old", "old")], &[("old", &old)], None).await;
    gate.ask("GET /old/a", "").await;
    gate.ask("GET /old/a", "").await;
    assert_eq!(old.count(), 2);
}

/// A system that answers as it is told to: each answer needs a permit.
async fn held(answer: &'static str) -> (System, Arc<Semaphore>) {
    let open = Arc::new(Semaphore::new(0));
    let gate_open = Arc::clone(&open);
    let slow = system(move |mut wire| {
        let open = Arc::clone(&gate_open);
        async move {
            while wire.message().await.is_some() {
                open.acquire().await.unwrap().forget();
                wire.say(answer).await;
            }
        }
    })
    .await;
    (slow, open)
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn equal_reads_under_way_are_asked_once() {
    let (slow, open) = held(OK).await;
    let config = [RuleConfig { coalesce: true, ..rule("/slow", "slow") }];
    let gate = Gate::before(&config, &[("slow", &slow)], None).await;
    let tokens = [gate.token(1), gate.token(10)];
    let headers = tokens.map(|token| format!("authorization: Bearer {token}\r\n"));
    let asked = (0..20).map(|number| gate.ask("GET /slow", &headers[number % 2]));
    let release = async {
        // Both callers' requests are there, and the others had time to come; were they asked for
        // one by one, the count below would show it.
        while slow.count() < 2 {
            tokio::task::yield_now().await;
        }
        open.add_permits(20);
    };
    let (answers, ()) = tokio::join!(join_all(asked), release);
    assert!(answers.iter().all(|answer| answer.ends_with("\r\n\r\nok")));
    assert!(slow.count() < 20, "{} of 20", slow.count());
}

/// OVL-02: what many ask for at the moment it is no longer kept is asked for once, also when nothing but
/// the keeping was wished for.
#[tokio::test]
async fn a_hot_answer_that_is_kept_is_asked_for_once() {
    let (slow, open) = held(OK).await;
    let config = [RuleConfig { cache_seconds: 3600, ..rule("/slow", "slow") }];
    let gate = Gate::before(&config, &[("slow", &slow)], None).await;
    let release = async {
        while slow.count() < 1 {
            tokio::task::yield_now().await;
        }
        open.add_permits(100);
    };
    let asked = (0..50).map(|_| gate.ask("GET /slow", ""));
    let (answers, ()) = tokio::join!(join_all(asked), release);
    assert!(answers.iter().all(|answer| answer.ends_with("\r\n\r\nok")));
    assert_eq!(slow.count(), 1);
}

/// OVL-02: whoever asks for all may go away; one of the others asks then.
#[tokio::test]
async fn when_the_one_who_asks_goes_away_one_other_asks() {
    let (slow, open) = held(OK).await;
    let config = [RuleConfig { cache_seconds: 3600, ..rule("/slow", "slow") }];
    let gate = Gate::before(&config, &[("slow", &slow)], None).await;
    let impatient = gate.ask("GET /slow", "");
    let asked = async {
        while slow.count() < 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        answer = impatient => panic!("{answer}"),
        () = asked => {}
    }
    let release = async {
        while slow.count() < 2 {
            tokio::task::yield_now().await;
        }
        open.add_permits(100);
    };
    let asked = (0..50).map(|_| gate.ask("GET /slow", ""));
    let (answers, ()) = tokio::join!(join_all(asked), release);
    assert!(answers.iter().all(|answer| answer.ends_with("\r\n\r\nok")));
    assert_eq!(slow.count(), 2);
}

/// OVL-02: a system in trouble is not asked by everybody who waited for it, and its trouble is not kept.
#[tokio::test]
async fn trouble_is_shared_by_those_who_waited_and_not_kept() {
    let (slow, open) =
        held("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 2\r\n\r\nno").await;
    let config = [RuleConfig { cache_seconds: 3600, ..rule("/slow", "slow") }];
    let gate = Gate::before(&config, &[("slow", &slow)], None).await;
    let asked = (0..20).map(|_| gate.ask("GET /slow", ""));
    let release = async {
        while slow.count() < 1 {
            tokio::task::yield_now().await;
        }
        open.add_permits(100);
    };
    let (answers, ()) = tokio::join!(join_all(asked), release);
    assert!(answers.iter().all(|answer| answer.starts_with("HTTP/1.1 500 ")), "{answers:?}");
    let before = slow.count();
    assert!(before < 20, "{before} of 20");
    gate.ask("GET /slow", "").await;
    assert!(slow.count() > before);
}

async fn join_all<F: Future<Output = String>>(all: impl Iterator<Item = F>) -> Vec<String> {
    let mut answers = Vec::new();
    let mut waiting: Vec<_> = all.map(Box::pin).collect();
    std::future::poll_fn(|cx| {
        waiting.retain_mut(|future| match future.as_mut().poll(cx) {
            std::task::Poll::Ready(answer) => {
                answers.push(answer);
                false
            }
            std::task::Poll::Pending => true,
        });
        if waiting.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    answers
}
