use crate::support::*;
use hanse_events::{EmbeddedLog, RetryPolicy, Subscriber};

/// EXO-02: two readers of the same subscription, as in two replicas, apply every event once.
#[stage_test(local)]
async fn two_replicas_do_not_double_an_effect(t: Stage) {
    let log = std::sync::Arc::new(EmbeddedLog::new(t.db("producer")));
    let other = Subscriber::new(t.db("consumer"), log, subscription(), RetryPolicy::default());
    for round in 0..10 {
        for number in 0..30 {
            t.emit(told("s", round * 30 + number)).await;
        }
        let mine = subscriber(&t);
        // One of them may lose the race for the batch; it then starts from where the other is.
        let (one, two) = tokio::join!(mine.step(), other.step());
        assert!(one.is_ok() || two.is_ok());
    }
    t.drain_events().await;
    assert_eq!(numbers(&t, "s").await, (0..300).collect::<Vec<_>>());
}
