//! Every answer × the headers that it must and must not carry (HTTP-08, HTTP-16).

use hanse_e2e::{Answer, Value, json};

use crate::support::{document, operations, platform};
use crate::walk::*;

/// Headers that every answer of the public door carries, and what must be in them.
const SECURITY: [(&str, &str); 7] = [
    ("strict-transport-security", "max-age=31536000"),
    ("content-security-policy", "object-src 'none'"),
    ("content-security-policy", "base-uri 'none'"),
    ("content-security-policy", "frame-ancestors 'none'"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("x-frame-options", "DENY"),
];

fn is_safe(answer: &Answer, what: &str) {
    for (name, part) in SECURITY {
        assert!(answer.header(name).contains(part), "{what}: {name} is {:?}", answer.header(name));
    }
    assert!(answer.header("x-request-id").len() == 36, "{what} has no request id");
    assert_eq!(answer.header("server"), "", "{what} tells what serves it");
    if answer.status >= 400 {
        assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
        let problem = answer.json();
        for member in ["type", "title", "status", "code", "detail", "request_id"] {
            assert!(problem.get(member).is_some(), "{what} has no {member}: {}", answer.text);
        }
        assert_eq!(
            problem.get("request_id").and_then(Value::as_str),
            Some(answer.header("x-request-id"))
        );
    }
}

/// HTTP-16: security headers on every answer, errors included; and every error is a problem.
#[test]
fn every_answer_carries_the_security_headers() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let anna = server.register("anna");
    for operation in operations(&document(&server)) {
        for who in [&anna, &server.guest()] {
            if ["delete_me", "logout_user"].contains(&operation.id.as_str()) && who.token.is_some()
            {
                continue;
            }
            let answer = call(who, &operation, &operation.at(NOBODY), &[]);
            is_safe(&answer, &operation.id);
        }
    }
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/docs"),
        ("GET", "/openapi.json"),
        ("GET", "/health"),
        ("GET", "/ready"),
        ("GET", "/docs/errors/HTT-001"),
        ("GET", "/nowhere"),
        ("GET", "/docs/errors/XXX-999"),
        ("BREW", "/docs"),
        ("TRACE", "/health"),
        ("GET", "/a//b"),
        ("GET", "/%2e%2e/etc/passwd"),
        ("OPTIONS", "/api/thoughts"),
        ("GET", "/api/thoughts?limit=x"),
        ("GET", "/api/thoughts?nothing=1"),
    ] {
        let answer = anna.send(method, path, &[], None).expect("an answer");
        is_safe(&answer, path);
        let answer = anna.send(method, path, &[("x_y", "z")], None).expect("an answer");
        is_safe(&answer, path);
        assert!(
            (400..500).contains(&answer.status),
            "{path} with an underscore: {}",
            answer.status
        );
    }
}

/// HTTP-08: headers by which a proxy speaks of a client are nobody's word. They change no answer and
/// come back in none, nor in a session's address.
#[test]
fn headers_of_proxies_are_neither_believed_nor_reflected() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let owned = Owned::of(&server, "owner");
    let owner = owned.owner.user.get("id").and_then(Value::as_str).expect("an id").to_owned();
    let canary = "canary.example";
    let headers = [
        ("x-forwarded-for", "203.0.113.77"),
        ("x-forwarded-host", canary),
        ("x-forwarded-proto", canary),
        ("x-forwarded-port", "1358"),
        ("x-forwarded-prefix", "/canary.example"),
        ("x-forwarded-server", canary),
        ("forwarded", "for=203.0.113.77;host=canary.example;proto=https"),
        ("x-real-ip", "203.0.113.77"),
        ("x-client-ip", "203.0.113.77"),
        ("true-client-ip", "203.0.113.77"),
        ("cf-connecting-ip", "203.0.113.77"),
        ("x-original-url", "/api/v1/thoughts/canary.example"),
        ("x-rewrite-url", "/canary.example"),
        ("x-user-id", owner.as_str()),
        ("x-user", owner.as_str()),
        ("x-user-email", "owner@example.com"),
        ("x-user-roles", "admin"),
        ("x-roles", "admin"),
        ("x-authenticated-user", owner.as_str()),
        ("x-remote-user", owner.as_str()),
        ("remote-user", owner.as_str()),
        ("x-tenant-id", owner.as_str()),
        ("x-request-id", canary),
        ("x-correlation-id", canary),
        ("x-api-key", canary),
        ("cookie", "access_token=canary.example; session=canary.example"),
        ("proxy-authorization", "Basic Y2FuYXJ5"),
        ("via", canary),
        ("origin", "https://canary.example"),
        ("referer", "https://canary.example/"),
    ];
    let spotless = |answer: &Answer, what: &str| {
        let said = format!("{:?} {}", answer.headers, answer.text);
        for mark in [canary, "203.0.113.77", &owner] {
            assert!(!said.contains(mark), "{what} says {mark}: {said}");
        }
    };
    let document = document(&server);
    for operation in operations(&document) {
        let path = format!("{}{}", operation.at(&owned.thought), query(&operation));
        let other = server.register(&format!("o-{}", operation.id.replace('_', "-")));
        for who in [&server.guest(), &other] {
            let plain = call(who, &operation, &path, &[]);
            let again = match operation.id.as_str() {
                // They end what they are called with.
                "delete_me" | "logout_user" if who.token.is_some() => continue,
                _ => call(who, &operation, &path, &headers),
            };
            assert_eq!(plain.summary(), again.summary(), "{}", operation.id);
            spotless(&again, &operation.id);
        }
        owned.check(&operation.id);
    }
    for path in ["/", "/docs", "/openapi.json", "/ready", "/nowhere"] {
        spotless(&owned.owner.send("GET", path, &headers, None).expect("an answer"), path);
    }
    // Who signs in from behind such headers is seen at the address of the connection.
    let login = json!({"email": "owner@example.com", "password": "kogge owner 1358"}).to_string();
    let answer = server
        .guest()
        .send("POST", "/auth/login", &headers, Some(("application/json", login)))
        .expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text);
    let sessions = owned.owner.get("/auth/sessions");
    assert!(!sessions.text.contains("203.0.113.77"), "{}", sessions.text);
    assert!(!server.log().contains("203.0.113.77"), "{}", server.log());
}
