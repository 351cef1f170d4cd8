//! `hanse events list|positions|dead-letters|redrive|discard|replay`

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Subcommand;
use hanse_events::{Subscription, admin};
use hanse_store::{StoreError, Tx};

use crate::compose;
use crate::config::Loaded;

/// What to do with events. Works beside a running platform.
#[derive(Subcommand)]
#[command(
    after_help = "Examples:\n  hanse events list --service thoughts --limit 5\n  hanse events dead-letters --service search\n  hanse events redrive --service search --subscription index\n  hanse events replay --service analytics --subscription counters"
)]
pub enum EventsCommand {
    /// Print a service's events as CloudEvents, one per line
    List {
        /// Whose log
        #[arg(long)]
        service: String,
        /// Only events after this position
        #[arg(long, default_value_t = 0)]
        after: i64,
        /// At most this many, up to 1000
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Print how far a service's subscriptions have come
    Positions {
        /// Whose subscriptions
        #[arg(long)]
        service: String,
    },
    /// Print events that could not be applied, and those that wait behind them
    DeadLetters {
        /// Whose subscriptions
        #[arg(long)]
        service: String,
    },
    /// Try dead letters again
    Redrive {
        /// Whose subscription
        #[arg(long)]
        service: String,
        /// Which subscription
        #[arg(long)]
        subscription: String,
        /// Only this one
        #[arg(long)]
        seq: Option<i64>,
    },
    /// Drop one dead letter for good
    Discard {
        /// Whose subscription
        #[arg(long)]
        service: String,
        /// Which subscription
        #[arg(long)]
        subscription: String,
        /// Which one
        #[arg(long)]
        seq: i64,
    },
    /// Empty a projection and rebuild it from the first event
    Replay {
        /// Whose subscription
        #[arg(long)]
        service: String,
        /// Which subscription
        #[arg(long)]
        subscription: String,
    },
}

/// Runs the command.
pub async fn run(loaded: &Loaded, command: EventsCommand) -> anyhow::Result<ExitCode> {
    match command {
        EventsCommand::List { service, after, limit } => {
            let db = compose::open_db(loaded, &service).await?;
            let found = db
                .read::<_, StoreError, _>(async move |tx: &mut Tx| {
                    admin::list(tx, after, limit).await
                })
                .await?;
            for event in found {
                println!("{}", event.to_cloudevent());
            }
        }
        EventsCommand::Positions { service } => {
            let db = compose::open_db(loaded, &service).await?;
            let found =
                db.read::<_, StoreError, _>(async |tx: &mut Tx| admin::positions(tx).await).await?;
            super::print_json(&found)?;
        }
        EventsCommand::DeadLetters { service } => {
            let db = compose::open_db(loaded, &service).await?;
            let found = db
                .read::<_, StoreError, _>(async |tx: &mut Tx| admin::held(tx, 1000).await)
                .await?;
            super::print_json(&found)?;
        }
        EventsCommand::Redrive { service, subscription, seq } => {
            let db = compose::open_db(loaded, &service).await?;
            let count = db
                .write::<_, StoreError, _>(async move |tx: &mut Tx| {
                    admin::redrive(tx, &subscription, seq).await
                })
                .await?;
            println!("{count} dead letter(s) will be tried again");
        }
        EventsCommand::Discard { service, subscription, seq } => {
            let db = compose::open_db(loaded, &service).await?;
            let count = db
                .write::<_, StoreError, _>(async move |tx: &mut Tx| {
                    admin::discard(tx, &subscription, seq).await
                })
                .await?;
            if count == 0 {
                bail!("there is no such dead letter");
            }
            println!("dropped; the events behind it go on");
        }
        EventsCommand::Replay { service, subscription } => {
            let db = compose::open_db(loaded, &service).await?;
            let found = subscriptions(&service)
                .into_iter()
                .find(|known| known.name() == subscription)
                .with_context(|| format!("{service} has no subscription {subscription}"))?;
            db.write::<_, StoreError, _>(async move |tx: &mut Tx| found.replay(tx).await).await?;
            println!("emptied; a running platform rebuilds it now, else the next start does");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn subscriptions(service: &str) -> Vec<Subscription> {
    match service {
        "search" => hanse_search::projections(),
        "analytics" => hanse_analytics::projections(),
        _ => Vec::new(),
    }
}
