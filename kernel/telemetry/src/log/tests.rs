use super::*;
use crate::config::Format;
use serde_json::Value;
use std::io;
use std::sync::Mutex;

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Everything that is logged while `scene` plays.
fn logged(format: Format, scene: impl FnOnce()) -> String {
    let captured = Captured::default();
    let config = LogConfig {
        format,
        service: "thoughts".to_owned(),
        version: "1.2.3".to_owned(),
        ..LogConfig::default()
    };
    let (subscriber, guard) = assemble(&config, Box::new(captured.clone())).unwrap();
    tracing::dispatcher::with_default(&subscriber.into(), scene);
    drop(guard);
    let bytes = captured.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

const HOSTILE: &str = "a\r\nFORGED\u{1b}[31m \u{2028}\u{2029}\u{85}\u{9b}\u{7f}\u{202e}\t\"q\\";

fn hostile_scene() {
    let span = tracing::info_span!("request", request_id = HOSTILE);
    let _entered = span.enter();
    tracing::info!(header = HOSTILE, shown = %HOSTILE, debugged = ?HOSTILE, "got {HOSTILE}");
}

/// INJ-11: text from outside can neither break a line nor reach the terminal as a command.
#[test]
fn hostile_text_stays_one_line_in_both_formats() {
    for format in [Format::Json, Format::Pretty] {
        let output = logged(format, hostile_scene);
        let line = output.strip_suffix('\n').expect("a line ends with a line break");
        let bad = line.chars().find(|letter| {
            letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{202e}')
        });
        assert_eq!(bad, None, "{format:?}: {line}");
        assert!(line.contains("\\r\\nFORGED\\u001b[31m"), "{line}");
    }
    let json: Value = serde_json::from_str(&logged(Format::Json, hostile_scene)).unwrap();
    assert_eq!(json["request_id"], HOSTILE);
    assert_eq!(json["header"], HOSTILE);
    assert_eq!(json["shown"], HOSTILE);
    assert_eq!(json["message"], format!("got {HOSTILE}"));
}

#[test]
fn a_json_line_carries_its_origin_and_the_fields_of_its_spans() {
    let output = logged(Format::Json, || {
        let outer = tracing::info_span!(
            "request",
            request_id = "r-1",
            user = "outer",
            late = tracing::field::Empty
        );
        let _outer = outer.enter();
        outer.record("late", 7);
        let inner = tracing::info_span!("query", user = "inner");
        let _inner = inner.enter();
        tracing::warn!(target: "hanse_store", rows = 3, ratio = f64::NAN, service = "fake", "slow");
        tracing::debug!("not at this level");
    });
    assert_eq!(output.lines().count(), 1);
    let json: Value = serde_json::from_str(&output).unwrap();
    let expected = serde_json::json!({
        "level": "WARN", "target": "hanse_store", "message": "slow", "service": "thoughts",
        "version": "1.2.3", "environment": "development", "rows": 3, "ratio": "NaN",
        "field.service": "fake", "user": "inner", "request_id": "r-1", "late": 7,
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&json[name], value, "{name} in {output}");
    }
    assert!(json["timestamp"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn a_pretty_line_reads_like_a_sentence_and_quotes_what_needs_it() {
    let output = logged(Format::Pretty, || {
        tracing::info!(target: "hanse", port = 3000, path = "/a", note = "two words", "ready");
    });
    assert!(
        output.ends_with("  INFO hanse: ready port=3000 path=/a note=\"two words\"\n"),
        "{output}"
    );
}

#[test]
fn an_error_is_logged_as_its_chain_and_long_values_end() {
    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] io::Error);
    let error = Outer(io::Error::other("inner"));
    let output = logged(Format::Json, || {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            long = "ä".repeat(9_000),
            "failed"
        );
    });
    let json: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(json["error"], "outer: inner");
    assert!(json["long"].as_str().unwrap().len() < 8_200);
}

#[test]
fn a_value_that_logs_while_it_is_recorded_does_not_wait_for_itself() {
    struct Chatty;
    impl std::fmt::Debug for Chatty {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            tracing::info!("being looked at");
            f.write_str("chatty")
        }
    }
    let output = logged(Format::Pretty, || {
        let span = tracing::info_span!("request", late = tracing::field::Empty);
        let _entered = span.enter();
        span.record("late", tracing::field::debug(Chatty));
        tracing::info!("done");
    });
    assert_eq!(output.lines().count(), 2);
    assert!(output.ends_with("done late=chatty\n"), "{output}");
}
