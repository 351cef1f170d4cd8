//! NET-07: a process without credentials gets nothing from any process.

use hanse_e2e::{Client, SERVICES, Split, json};

#[test]
fn no_process_trusts_a_word_from_outside() {
    let split = Split::start("");
    let anna = split.register("anna");
    let body = json!({ "text": "Salt is white gold", "tags": [] });
    assert_eq!(anna.post("/api/thoughts", &body).status, 201);
    let paths = [
        "/api/v1/thoughts",
        "/api/v1/search?q=salt",
        "/api/v1/analytics/overview",
        "/api/v1/users/me",
        "/api/v1/auth/trust",
    ];
    let forged: [&[(&str, &str)]; 5] = [
        &[],
        &[("authorization", "Hanse-Peer 1772442000.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")],
        &[("authorization", "Hanse-Peer")],
        &[("x-user-id", "00000000-0000-0000-0000-000000000000"), ("hanse-user", "anna")],
        &[("authorization", "Bearer eyJhbGciOiJub25lIn0.e30.")],
    ];
    for (service, _) in SERVICES {
        let guest = Client::new(&split.url_of(service));
        for path in paths {
            for headers in forged {
                let answer = guest.send("GET", path, headers, None).expect("an answer");
                assert!(
                    matches!(answer.status, 401 | 404),
                    "{service}{path} with {headers:?}: {} {}",
                    answer.status,
                    answer.text
                );
            }
        }
    }
    // Not even an account of ours is another process.
    let trust = anna.get("/api/v1/auth/trust");
    assert_eq!(trust.status, 403, "{}", trust.text);
}
