//! Traces, as a collector sees them that knows the protocol and nothing of us.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use hanse_e2e::{Server, Value, json, until};

struct Collector {
    process: Child,
    endpoint: String,
    spans: Arc<Mutex<Vec<Value>>>,
}

impl Collector {
    fn start() -> Self {
        let python = std::env::var("OTLP_PYTHON")
            .expect("OTLP_PYTHON is not set: run the tests with `cargo xtask test`");
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("otlp/collector.py");
        let mut process = Command::new(python)
            .arg(program)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the collector starts");
        let mut lines = BufReader::new(process.stdout.take().expect("a piped stream")).lines();
        let port = lines.next().expect("a first line").expect("text");
        let spans: Arc<Mutex<Vec<Value>>> = Arc::default();
        let heard = Arc::clone(&spans);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let span = serde_json::from_str(&line).expect("a span");
                heard.lock().expect("the spans").push(span);
            }
        });
        Self { process, endpoint: format!("http://127.0.0.1:{port}/v1/traces"), spans }
    }

    /// The span of this operation in this trace.
    fn span(&self, trace: &str, name: &str) -> Option<Value> {
        let spans = self.spans.lock().expect("the spans");
        spans.iter().find(|span| span["trace"] == trace && span["name"] == name).cloned()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// A request is a span in the trace of its caller, whose decision to record counts; a trace
/// that begins here is recorded by the ratio; and the last spans are sent when the process stops.
#[test]
fn requests_are_spans_in_the_traces_of_their_callers() {
    let collector = Collector::start();
    let folder = tempfile::tempdir().expect("a folder");
    let endpoint = format!("log.otlp_endpoint={}", collector.endpoint);
    let server =
        Server::start(folder.path(), &["--set", &endpoint, "--set", "log.sample_ratio=0.0"]);
    let ann = server.register("Ann");
    let traced = |trace: &str, flags: &str| {
        let parent = format!("00-{trace}-00f067aa0ba902b7-{flags}");
        let headers = [("traceparent", parent.as_str())];
        let body = json!({"text": "The harbour freezes in January"}).to_string();
        let body = Some(("application/json", body));
        let answer = ann.send("POST", "/api/thoughts", &headers, body).expect("an answer");
        assert_eq!(answer.status, 201, "{}", answer.text);
    };
    let (recorded, unrecorded) =
        ("4bf92f3577b34da6a3ce929d0e0e4736", "5bf92f3577b34da6a3ce929d0e0e4737");
    traced(unrecorded, "00");
    traced(recorded, "01");
    assert!(server.stop().success());
    until("the span of the request has come", || {
        collector.span(recorded, "create_thought").is_some()
    });
    let span = collector.span(recorded, "create_thought").expect("a span");
    assert_eq!(span["service"], "hanse");
    assert_eq!(span["parent"], "00f067aa0ba902b7");
    assert_eq!(span["kind"], "SPAN_KIND_SERVER");
    assert_eq!(span["failed"], false);
    assert_eq!(span["attributes"]["http.request.method"], "POST");
    assert_eq!(span["attributes"]["http.response.status_code"], 201);
    assert_ne!(span["span"], span["parent"]);
    assert!(span["nanoseconds"].as_i64().is_some_and(|time| time > 0), "{span}");
    let spans = collector.spans.lock().expect("the spans");
    assert_eq!(spans.len(), 1, "only what is to be recorded: {spans:?}");
}
