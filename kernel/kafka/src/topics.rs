//! Topics are made when they are missing, and never changed.

use std::sync::Arc;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError as Cause, RDKafkaErrorCode};

use crate::client::{PATIENCE, settings};
use crate::config::{KafkaConfig, Topic};
use crate::error::KafkaError;

/// Records larger than Kafka's default of 1 MiB are let in, as the log lets them in.
pub(crate) const LARGEST_RECORD: &str = "16777216";
/// How often a new topic is looked for until the whole cluster knows it.
const LOOKS: u32 = 50;
const BETWEEN_LOOKS: std::time::Duration = std::time::Duration::from_millis(100);

/// Makes the topic of `service` unless it exists with the right number of partitions.
///
/// # Errors
/// [`KafkaError::Partitions`] when the number differs, [`KafkaError::Broker`] when the broker does
/// not answer or refuses.
pub(crate) async fn ensure(config: &KafkaConfig, service: &str) -> Result<Topic, KafkaError> {
    let topic = config.topic(service);
    let failed = |error| KafkaError::broker("making a topic", error);
    let admin: AdminClient<DefaultClientContext> = settings(config).create().map_err(failed)?;
    let admin = Arc::new(admin);
    for look in 0..LOOKS {
        let found = count(Arc::clone(&admin), topic.name.clone()).await?;
        if found == topic.partitions {
            return Ok(topic);
        }
        if found > 0 {
            return Err(KafkaError::Partitions {
                topic: topic.name,
                service: service.to_owned(),
                found,
                wanted: topic.partitions,
            });
        }
        if look == 0 {
            create(&admin, &topic).await?;
        } else {
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }
    Err(KafkaError::broker("making a topic", std::io::Error::other("it does not appear")))
}

/// The number of partitions; 0 when there is no such topic.
async fn count(
    admin: Arc<AdminClient<DefaultClientContext>>,
    topic: String,
) -> Result<u32, KafkaError> {
    let looked = tokio::task::spawn_blocking(move || {
        let metadata = admin.inner().fetch_metadata(Some(&topic), PATIENCE)?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        Ok(found.map_or(0, |found| found.partitions().len()))
    });
    let failed = |error: Cause| KafkaError::broker("looking for a topic", error);
    match looked.await {
        Ok(Ok(count)) => Ok(count as u32),
        Ok(Err(error)) => Err(failed(error)),
        Err(error) => Err(KafkaError::broker("looking for a topic", error)),
    }
}

async fn create(
    admin: &AdminClient<DefaultClientContext>,
    topic: &Topic,
) -> Result<(), KafkaError> {
    let failed = |error| KafkaError::broker("making a topic", error);
    let replication = TopicReplication::Fixed(topic.replication as i32);
    let retention = topic.retention_ms.to_string();
    // An acknowledged record is on two brokers at least, where there are enough to lose one.
    let in_sync = if topic.replication >= 3 { "2" } else { "1" };
    let new = NewTopic::new(&topic.name, topic.partitions as i32, replication)
        .set("retention.ms", &retention)
        .set("cleanup.policy", "delete")
        .set("min.insync.replicas", in_sync)
        .set("max.message.bytes", LARGEST_RECORD)
        // Retention counts from the publishing, by the broker's clock alone.
        .set("message.timestamp.type", "LogAppendTime");
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
    let made = admin.create_topics([&new], &options).await.map_err(failed)?;
    for result in made {
        match result {
            // Another process was faster.
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((_, code)) => {
                return Err(failed(Cause::AdminOp(code)));
            }
        }
    }
    Ok(())
}
