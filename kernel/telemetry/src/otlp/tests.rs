use super::*;
use crate::trace::TraceContext;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use tracing_subscriber::layer::SubscriberExt;

/// Reads one request, head and body, and answers it.
fn answer(mut stream: TcpStream) -> Vec<u8> {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let read = stream.read(&mut chunk).unwrap();
        request.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&request).to_lowercase();
        let length =
            text.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        let head = request.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        if let (Some(length), Some(head)) = (length, head)
            && request.len() >= head + 4 + length.parse::<usize>().unwrap()
        {
            break;
        }
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
    request
}

fn config(listener: &TcpListener) -> LogConfig {
    let address = listener.local_addr().unwrap();
    LogConfig { otlp_endpoint: Some(format!("http://{address}/v1/traces")), ..LogConfig::default() }
}

#[test]
fn a_sampled_span_reaches_the_collector_in_the_trace_of_its_caller() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let config =
        LogConfig { sample_ratio: 0.0, service: "thoughts".to_owned(), ..config(&listener) };
    let (received, collector) = mpsc::channel();
    let accept = move || _ = received.send(answer(listener.accept().unwrap().0));
    std::thread::Builder::new().spawn(accept).unwrap();

    let exporting = Exporting::start(&config).unwrap().unwrap();
    let subscriber = tracing_subscriber::registry().with(exporting.layer());
    let caller =
        TraceContext { trace_id: *b"trace-of-caller!", span_id: *b"the-span", sampled: true };
    tracing::subscriber::with_default(subscriber, || {
        let span = tracing::info_span!("create_thought");
        caller.adopt(&span);
        span.in_scope(|| {});
        drop(span);
        // Ratio zero: a trace that starts here is not exported, a sampled caller's is.
        tracing::info_span!("unsampled_work").in_scope(|| {});
    });
    drop(exporting);

    let request = collector.recv_timeout(Duration::from_secs(10)).unwrap();
    let contains = |text: &str| request.windows(text.len()).any(|bytes| bytes == text.as_bytes());
    assert!(request.starts_with(b"POST /v1/traces HTTP/1.1\r\n"));
    for expected in ["create_thought", "trace-of-caller!", "the-span", "thoughts", "development"] {
        assert!(contains(expected), "{expected} is missing");
    }
    assert!(!contains("unsampled_work"));
}

#[test]
fn without_a_collector_nothing_starts_and_adopting_is_harmless() {
    assert!(Exporting::start(&LogConfig::default()).unwrap().is_none());
    let context = TraceContext { trace_id: [1; 16], span_id: [2; 8], sampled: true };
    context.adopt(&tracing::info_span!("lonely"));
}
