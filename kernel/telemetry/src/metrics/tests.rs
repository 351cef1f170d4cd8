use super::*;

/// The value of a sample line, such as `http_requests_total{..}`.
fn sample(metrics: &Metrics, name: &str) -> Option<f64> {
    let text = metrics.render();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    line.parse().ok()
}

const ROUTE: &str = "operation=\"get_thought\",method=\"GET\"";

/// M-130, M-131, M-133.
#[test]
fn a_request_is_counted_timed_and_classed() {
    let metrics = Metrics::default();
    for status in [200, 200, 404, 500] {
        metrics.http("get_thought", "GET", status, 0.002);
    }
    let value = |name: &str, more: &str| sample(&metrics, &format!("{name}{{{ROUTE}{more}}}"));
    assert_eq!(value("http_requests_total", ",status=\"200\""), Some(2.0));
    assert_eq!(value("http_requests_total", ",status=\"404\""), Some(1.0));
    assert_eq!(value("http_errors_total", ",class=\"4xx\""), Some(1.0));
    assert_eq!(value("http_errors_total", ",class=\"5xx\""), Some(1.0));
    assert_eq!(value("http_request_duration_seconds_count", ""), Some(4.0));
    let text = metrics.render();
    assert!(
        text.contains(&format!("http_request_duration_seconds_bucket{{le=\"0.0025\",{ROUTE}}} 4")),
        "{text}"
    );
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn two_copies_of_a_name_are_one_series() {
    let metrics = Metrics::default();
    let copy: &'static str = String::from("get_thought").leak();
    metrics.http("get_thought", "GET", 200, 0.1);
    metrics.http(copy, "GET", 200, 0.1);
    let name = format!("http_requests_total{{{ROUTE},status=\"200\"}}");
    assert_eq!(sample(&metrics, &name), Some(2.0));
}

/// M-132.
#[test]
fn a_connection_counts_while_it_lives() {
    let metrics = Metrics::default();
    let first = metrics.connection();
    let second = metrics.clone().connection();
    assert_eq!(sample(&metrics, "active_connections"), Some(2.0));
    drop((first, second));
    assert_eq!(sample(&metrics, "active_connections"), Some(0.0));
}

/// M-134.
#[test]
fn business_events_are_counted_by_name() {
    let metrics = Metrics::default();
    metrics.business("thought_created").inc();
    metrics.business("thought_created").inc_by(2);
    assert_eq!(sample(&metrics, "business_events_total{event=\"thought_created\"}"), Some(3.0));
}

#[test]
fn asking_twice_gives_the_same_metric_and_another_type_is_not_shown() {
    let metrics = Metrics::default();
    metrics.counter("jobs_done_total", "Jobs done").inc();
    metrics.counter("jobs_done", "Jobs done").inc();
    metrics.gauge("jobs_done", "A mistake").set(99);
    assert_eq!(sample(&metrics, "jobs_done_total"), Some(2.0));
    assert_eq!(metrics.render().matches("# TYPE jobs_done ").count(), 1);
}

#[test]
fn families_have_one_label() {
    let metrics = Metrics::default();
    metrics.family_gauge("lag", "Events behind", "subscription").with("search.index").set(7);
    metrics.family_counter("retries", "Retries", "queue").with("mail").inc();
    metrics.family_histogram("commit_seconds", "Commit", "store").with("thoughts").observe(0.01);
    metrics.histogram("batch_size", "Rows", &[1.0, 10.0]).observe(3.0);
    assert_eq!(sample(&metrics, "lag{subscription=\"search.index\"}"), Some(7.0));
    assert_eq!(sample(&metrics, "retries_total{queue=\"mail\"}"), Some(1.0));
    assert_eq!(sample(&metrics, "commit_seconds_count{store=\"thoughts\"}"), Some(1.0));
    assert_eq!(sample(&metrics, "batch_size_bucket{le=\"10.0\"}"), Some(1.0));
}
