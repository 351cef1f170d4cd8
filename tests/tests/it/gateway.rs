//! The real binary before services of another process and before another system.

use hanse_e2e::{Client, Server, json};

fn address(server: &Server) -> &str {
    server.url.strip_prefix("http://").expect("an address")
}

/// A gateway without any service serves all of them: it needs nothing but their addresses.
#[test]
fn a_gateway_alone_passes_everything_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let services = Server::start(
        &folder.path().join("services"),
        &["--only", "identity,notifications,thoughts,search,analytics"],
    );
    let peer = |name: &str| format!("peers.endpoints.{name}=[\"{}\"]", address(&services));
    let peers = ["identity", "notifications", "thoughts", "search", "analytics"].map(peer);
    // Processes of one installation share the master key.
    let key = format!(
        "secrets.master_key_file=\"{}\"",
        folder.path().join("services").join("master.key").display()
    );
    let mut more = vec!["--only", "gateway", "--set", key.as_str()];
    more.extend(peers.iter().flat_map(|peer| ["--set", peer.as_str()]));
    let gate = Server::start(&folder.path().join("gate"), &more);
    let anna = gate.register("anna");
    let created = anna.post("/thoughts", &json!({ "text": "behind the gate" }));
    assert_eq!(created.status, 201, "{}", created.text);
    let read = anna.get(created.header("location"));
    assert_eq!(read.json().get("text"), Some(&json!("behind the gate")));
    assert_eq!(read.header("etag"), created.header("etag"));
    assert_eq!(gate.guest().get("/thoughts").summary(), "401 HTT-010");
    assert_eq!(gate.guest().get("/nothing").summary(), "404 HTT-001");
    let documents = [&gate, &services].map(|server| server.guest().get("/openapi.json").text);
    assert_eq!(documents[0], documents[1], "the document is complete");
    services.kill();
    assert_eq!(anna.get("/thoughts").summary(), "502 UPS-002");
    assert_eq!(gate.guest().get("/health").status, 200);
}

#[test]
fn a_system_behind_a_rule_is_reached_and_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let old = Server::start(&folder.path().join("old"), &[]);
    let upstreams =
        format!("gateway.upstreams=[{{name=\"old\",endpoints=[\"{}\"]}}]", address(&old));
    let routes = "gateway.routes=[{prefix=\"/old\",upstream=\"old\",access=\"public\",address=\"stripped\"}]";
    let server =
        Server::start(&folder.path().join("new"), &["--set", upstreams.as_str(), "--set", routes]);
    assert_eq!(server.guest().get("/old/nothing").summary(), "404 HTT-001");
    assert_eq!(server.guest().get("/old/health").json().get("status"), Some(&json!("ok")));
    let operator = Client::new(&server.ops);
    let shown = operator.get("/upstreams").json();
    let shown = shown.pointer("/items/0").cloned().unwrap_or_default();
    assert_eq!(shown.get("name"), Some(&json!("old")));
    assert_eq!(shown.get("breaker"), Some(&json!("closed")));
    assert_eq!(shown.pointer("/endpoints/0/address"), Some(&json!(address(&old))));
    assert_eq!(shown.pointer("/endpoints/0/healthy"), Some(&json!(true)));
    let metrics = operator.get("/metrics").text;
    assert!(metrics.contains("upstream_requests_total{upstream=\"old\"} 2"), "{metrics}");
    assert_eq!(server.guest().get("/upstreams").status, 404, "it is not public");
}
