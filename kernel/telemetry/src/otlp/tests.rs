use super::*;
use crate::trace::TraceContext;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;

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

fn served(trace: TraceContext, operation: &'static str) -> Served {
    Served {
        trace,
        parent: Some(*b"the-span"),
        operation,
        method: "POST",
        status: 201,
        ended_us: 1_772_442_000_000_000,
        duration_us: 1_500,
    }
}

#[test]
fn a_recorded_request_reaches_the_collector_in_the_trace_of_its_caller() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = LogConfig { service: "thoughts".to_owned(), ..config(&listener) };
    let (received, collector) = mpsc::channel();
    let accept = move || _ = received.send(answer(listener.accept().unwrap().0));
    std::thread::Builder::new().spawn(accept).unwrap();

    let spans = Spans::start(&config).unwrap();
    let trace =
        TraceContext { trace_id: *b"trace-of-caller!", span_id: *b"our-span", sampled: true };
    spans.served(&served(trace, "create_thought"));
    spans.served(&served(TraceContext { sampled: false, ..trace }, "not_recorded"));
    spans.close();

    let request = collector.recv_timeout(Duration::from_secs(10)).unwrap();
    let contains = |text: &str| request.windows(text.len()).any(|bytes| bytes == text.as_bytes());
    assert!(request.starts_with(b"POST /v1/traces HTTP/1.1\r\n"));
    for expected in
        ["create_thought", "trace-of-caller!", "our-span", "the-span", "thoughts", "development"]
    {
        assert!(contains(expected), "{expected} is missing");
    }
    assert!(!contains("not_recorded"));
}

#[test]
fn the_ratio_decides_by_the_trace() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let share = |sample_ratio| {
        let spans = Spans::start(&LogConfig { sample_ratio, ..config(&listener) }).unwrap();
        let ids = (0..1000_u128).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).to_be_bytes());
        ids.filter(|id| spans.samples(*id)).count()
    };
    assert_eq!(share(0.0), 0);
    assert_eq!(share(1.0), 1000);
    assert!((200..300).contains(&share(0.25)), "{}", share(0.25));
}

#[test]
fn without_a_collector_nothing_is_recorded() {
    let spans = Spans::start(&LogConfig { sample_ratio: 1.0, ..LogConfig::default() }).unwrap();
    assert!(!spans.samples([1; 16]));
    let trace = TraceContext { trace_id: [1; 16], span_id: [2; 8], sampled: true };
    spans.served(&served(trace, "lonely"));
    spans.close();
}
