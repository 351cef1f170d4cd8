//! Ten thousand subjects that wait. The rows are written by hand, as the embedded log names its source.

use crate::support::*;
use hanse_store::{StoreError, Tx, params};

/// Ten thousand subjects wait; what is not among them flows, and a batch asks only about its own.
#[stage_test(local)]
async fn many_held_subjects_hold_up_nobody_else(t: Stage) {
    t.ends_with_held_events();
    let now = t.clock.clock().now();
    t.db("consumer")
        .write::<_, StoreError, _>(async move |tx: &mut Tx| {
            for chunk in 0..100 {
                let rows: Vec<String> = (0..100)
                    .map(|n| {
                        let n = chunk * 100 + n;
                        format!("('copy', 'producer', {}, 's{n}', 'producer.Told', 5, $1, $1, TRUE, '')", -n - 1)
                    })
                    .collect();
                let sql = format!(
                    "INSERT INTO held_events (subscription, source, seq, subject, type, attempts,
                     next_at, held_at, dead, cause) VALUES {}",
                    rows.join(",")
                );
                tx.execute(sql, params![now]).await?;
            }
            Ok(())
        })
        .await
        .unwrap();
    for number in 1..=3 {
        for subject in ["s0", "s9999", "free", "s10000"] {
            t.emit(told(subject, number)).await;
        }
    }
    t.drain_events().await;
    for (subject, applied) in [("free", 3), ("s10000", 3), ("s0", 0), ("s9999", 0)] {
        assert_eq!(numbers(&t, subject).await.len(), applied, "{subject}");
    }
    let count = async |tx: &mut Tx| {
        tx.one("SELECT count(*) AS n FROM held_events", &[]).await?.at::<i64>(0)
    };
    let count = t.db("consumer").read::<_, StoreError, _>(count).await.unwrap();
    assert_eq!(count, 10_006, "two subjects with three events each wait behind theirs");
}
