//! A service that has a store and jobs, and nothing else.

use hanse_http::Routes;
use hanse_jobs::{Job, Schedule as _};
use hanse_runtime::{BoxError, Built, Resources, Service};
use hanse_store::{Schema, StoreError, Tx};
use hanse_testkit::Stage;

pub fn services() -> Vec<Service> {
    let schema = Schema { owner: "works", migrations: &[] };
    let nothing = async |_: Resources| Ok::<_, BoxError>(Built::new(Routes::new("works")));
    vec![Service::new("works", schema, nothing)]
}

pub async fn ask(t: &Stage, kind: &'static str, payloads: std::ops::Range<u32>) {
    let ask = async move |tx: &mut Tx| {
        for payload in payloads {
            tx.schedule(Job::new(kind, payload)).await?;
        }
        Ok(())
    };
    t.db("works").write::<_, StoreError, _>(ask).await.unwrap();
}
