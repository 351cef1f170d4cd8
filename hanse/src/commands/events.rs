//! `hanse events list|positions|dead-letters|redrive|discard|replay|republish`

use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};
use hanse_events::{Subscription, admin, get_events};
use hanse_store::{Db, StoreError, Tx};
use serde_json::{Value, json};

use crate::compose;
use crate::config::Loaded;

/// What to do with events. Works beside a running platform.
#[derive(Subcommand)]
#[command(
    after_help = "Examples:\n  hanse events list --service thoughts --limit 5\n  hanse events list --service thoughts --subject thought/01932d5e-7c1a-7b3e-9d2f-5a6b7c8d9e0f\n  hanse events dead-letters --service search\n  hanse events redrive --service search --subscription index\n  hanse events replay --service analytics --subscription counters"
)]
pub enum EventsCommand {
    /// Print a service's events as CloudEvents, one per line
    List(ListArgs),
    /// Print how far a service's subscriptions have come
    Positions(ServiceArgs),
    /// Print events that could not be applied, and those that wait behind them
    DeadLetters(ServiceArgs),
    /// Try dead letters again
    Redrive(RedriveArgs),
    /// Drop one dead letter for good
    Discard(DiscardArgs),
    /// Empty a projection and rebuild it from the first event
    Replay(SubscriptionArgs),
    /// Send a service's events to Kafka again, for readers that were away for longer than it keeps
    /// them; whoever has applied an event already skips it
    Republish(RepublishArgs),
}

/// Options of `events list`.
#[derive(Args)]
pub struct ListArgs {
    /// Whose log
    #[arg(long)]
    service: String,
    /// Only what happened to this subject, such as thought/<id>
    #[arg(long)]
    subject: Option<String>,
    /// Only events after this position; of a subject, after this version of it
    #[arg(long, default_value_t = 0)]
    after: i64,
    /// At most this many, up to 1000
    #[arg(long, default_value_t = 100)]
    limit: u32,
    /// For a machine: one array
    #[arg(long)]
    json: bool,
}

/// Which service.
#[derive(Args)]
pub struct ServiceArgs {
    /// Whose subscriptions
    #[arg(long)]
    service: String,
    /// For a machine (the text is the same)
    #[arg(long)]
    json: bool,
}

/// Which subscription.
#[derive(Args)]
pub struct SubscriptionArgs {
    /// Whose subscription
    #[arg(long)]
    service: String,
    /// Which subscription
    #[arg(long)]
    subscription: String,
    /// For a machine
    #[arg(long)]
    json: bool,
}

/// Options of `events redrive`.
#[derive(Args)]
pub struct RedriveArgs {
    #[command(flatten)]
    which: SubscriptionArgs,
    /// Only this one
    #[arg(long)]
    seq: Option<i64>,
}

/// Options of `events discard`.
#[derive(Args)]
pub struct DiscardArgs {
    #[command(flatten)]
    which: SubscriptionArgs,
    /// Which one
    #[arg(long)]
    seq: i64,
}

/// Options of `events republish`.
#[derive(Args)]
pub struct RepublishArgs {
    /// Whose events
    #[arg(long)]
    service: String,
    /// The first event to send again
    #[arg(long, default_value_t = 1)]
    from: i64,
    /// For a machine
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(loaded: &Loaded, command: EventsCommand) -> anyhow::Result<ExitCode> {
    match command {
        EventsCommand::List(args) => list(loaded, args).await?,
        EventsCommand::Positions(args) => {
            let db = compose::look_at_db(loaded, &args.service).await?;
            super::print_json(&positions(&db).await?)?;
        }
        EventsCommand::DeadLetters(args) => {
            let db = compose::look_at_db(loaded, &args.service).await?;
            let found = db
                .read::<_, StoreError, _>(async |tx: &mut Tx| admin::held(tx, 1000).await)
                .await?;
            super::print_json(&found)?;
        }
        EventsCommand::Redrive(args) => redrive(loaded, args).await?,
        EventsCommand::Discard(args) => discard(loaded, args).await?,
        EventsCommand::Replay(args) => replay(loaded, args).await?,
        EventsCommand::Republish(args) => republish(loaded, args).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn republish(loaded: &Loaded, args: RepublishArgs) -> anyhow::Result<()> {
    if !loaded.config.kafka.enabled() {
        bail!("no broker is configured (kafka.brokers), so nothing is published");
    }
    let db = compose::open_db(loaded, &args.service).await?;
    let after = hanse_kafka::republish(&db, args.from).await?;
    if args.json {
        return super::print_json(&json!({ "service": args.service, "after": after }));
    }
    println!("the events of {} are sent again from {} on", args.service, after + 1);
    Ok(())
}

async fn list(loaded: &Loaded, args: ListArgs) -> anyhow::Result<()> {
    let db = compose::look_at_db(loaded, &args.service).await?;
    let (subject, after, limit) = (args.subject, args.after, args.limit);
    let found = db
        .read::<_, StoreError, _>(async move |tx: &mut Tx| match &subject {
            Some(subject) => {
                let mut stream = get_events(tx, subject, after.saturating_add(1)).await?;
                stream.truncate(limit as usize);
                Ok(stream)
            }
            None => admin::list(tx, after, limit).await,
        })
        .await?;
    let found: Vec<Value> = found.iter().map(hanse_events::Recorded::to_cloudevent).collect();
    if args.json {
        return super::print_json(&found);
    }
    for event in found {
        println!("{event}");
    }
    Ok(())
}

async fn redrive(loaded: &Loaded, args: RedriveArgs) -> anyhow::Result<()> {
    let db = open(loaded, &args.which).await?;
    let (subscription, seq) = (args.which.subscription, args.seq);
    let count = db
        .write::<_, StoreError, _>(async move |tx: &mut Tx| {
            admin::redrive(tx, &subscription, seq).await
        })
        .await?;
    if count == 0 && seq.is_some() {
        bail!("there is no such dead letter");
    }
    let text = format!("{count} dead letter(s) will be tried again");
    super::say(args.which.json, &json!({ "redriven": count }), &text)
}

async fn discard(loaded: &Loaded, args: DiscardArgs) -> anyhow::Result<()> {
    let db = open(loaded, &args.which).await?;
    let (subscription, seq) = (args.which.subscription, args.seq);
    let count = db
        .write::<_, StoreError, _>(async move |tx: &mut Tx| {
            admin::discard(tx, &subscription, seq).await
        })
        .await?;
    if count == 0 {
        bail!("there is no such dead letter");
    }
    let text = "dropped; the events behind it go on";
    super::say(args.which.json, &json!({ "discarded": count }), text)
}

async fn replay(loaded: &Loaded, args: SubscriptionArgs) -> anyhow::Result<()> {
    let db = open(loaded, &args).await?;
    let known = projections(&args.service);
    let Some(found) = known.into_iter().find(|known| known.name() == args.subscription) else {
        bail!("{} of {} is no projection; it cannot be replayed", args.subscription, args.service);
    };
    db.write::<_, StoreError, _>(async move |tx: &mut Tx| found.replay(tx).await).await?;
    let text = "emptied; a running platform rebuilds it now, else the next start does";
    super::say(args.json, &json!({ "replayed": args.subscription }), text)
}

/// Opens the store of a subscription that exists.
async fn open(loaded: &Loaded, which: &SubscriptionArgs) -> anyhow::Result<Db> {
    let db = compose::open_db(loaded, &which.service).await?;
    let mut known: Vec<String> =
        positions(&db).await?.into_iter().map(|position| position.subscription).collect();
    known.dedup();
    if known.is_empty() {
        bail!("{} has no subscriptions", which.service);
    }
    if !known.contains(&which.subscription) {
        bail!(
            "{} has no subscription {}; there are {}",
            which.service,
            which.subscription,
            known.join(", ")
        );
    }
    Ok(db)
}

async fn positions(db: &Db) -> Result<Vec<admin::Position>, StoreError> {
    db.read(async |tx: &mut Tx| admin::positions(tx).await).await
}

fn projections(service: &str) -> Vec<Subscription> {
    match service {
        "search" => hanse_search::projections(),
        "analytics" => hanse_analytics::projections(),
        _ => Vec::new(),
    }
}
