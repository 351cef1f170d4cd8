//! Every address × every method (HTTP-13).

use std::collections::BTreeSet;

use hanse_e2e::{Value, json};

use crate::support::{document, operations, platform};
use crate::walk::*;

/// HTTP-13: every address × 9 methods. What an address does not take is 405 and `Allow` says what it
/// takes; `HEAD` answers like `GET`, without a body; no header turns one method into another.
#[test]
fn every_address_takes_its_methods_and_no_others() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let anna = server.register("anna");
    let document = document(&server);
    let all = operations(&document);
    let mut paths: BTreeSet<String> = all.iter().map(|operation| operation.path.clone()).collect();
    paths.extend(
        ["/docs", "/openapi.json", "/health", "/ready", "/docs/errors/HTT-001"].map(String::from),
    );
    for path in paths {
        let takes: BTreeSet<&str> =
            all.iter().filter(|o| o.path == path).map(|o| o.method.as_str()).collect();
        let takes = if takes.is_empty() { BTreeSet::from(["GET"]) } else { takes };
        let known = all.iter().find(|operation| operation.path == path);
        let address = known.map_or(path.clone(), |operation| operation.at(NOBODY));
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"]
        {
            let taken = takes.contains(method) || method == "HEAD" && takes.contains("GET");
            if taken && method != "HEAD" {
                continue;
            }
            let answer = anna.send(method, &address, &[], None).expect("an answer");
            if taken {
                let get = anna.get(&address);
                assert_eq!((answer.status, answer.text.as_str()), (get.status, ""), "HEAD {path}");
                assert_eq!(
                    answer.header("content-type"),
                    get.header("content-type"),
                    "HEAD {path}"
                );
                continue;
            }
            assert_eq!(answer.status, 405, "{method} {path}: {}", answer.text);
            let allowed: BTreeSet<&str> =
                answer.header("allow").split(", ").filter(|name| *name != "HEAD").collect();
            assert_eq!(allowed, takes, "{method} {path}");
        }
    }
    let thought = anna.post("/api/thoughts", &json!({"text": "ballast"})).json();
    let address =
        format!("/api/thoughts/{}", thought.get("id").and_then(Value::as_str).expect("an id"));
    for header in ["x-http-method-override", "x-http-method", "x-method-override", "_method"] {
        for method in ["GET", "POST"] {
            anna.send(method, &format!("{address}?_method=DELETE"), &[(header, "DELETE")], None)
                .expect("an answer");
            anna.send(method, &address, &[(header, "DELETE")], None).expect("an answer");
        }
    }
    assert_eq!(anna.get(&address).status, 200, "a header has deleted it");
}
