//! Devices and systems that are told.

use garde::Validate;
use hanse_http::{Answered, Body, Created, Cx, Json, NoContent, Path};
use hanse_store::Tx;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::channels::mobile::Phone;
use crate::channels::signature;
use crate::channels::web_push::Browser;
use crate::channels::webhook::Endpoint;
use crate::delivering::TARGET;
use crate::error::NotificationError;
use crate::targets::{self, Target};
use crate::{App, checks};

/// Targets of one person.
const MOST: usize = 50;

/// A browser, a telephone or a system.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(example = example())]
pub(crate) struct NewTarget {
    /// What it is.
    #[garde(skip)]
    kind: Kind,
    /// Its name, for the list.
    #[serde(default)]
    #[garde(length(chars, max = 100))]
    name: String,
    /// Of a browser: the subscription's endpoint. Of a system: where it is told.
    #[garde(inner(length(min = 8, max = 1_000)))]
    url: Option<String>,
    /// Of a browser: the subscription's `keys.p256dh`.
    #[garde(inner(length(max = 100)))]
    p256dh: Option<String>,
    /// Of a browser: the subscription's `keys.auth`.
    #[garde(inner(length(max = 50)))]
    auth: Option<String>,
    /// Of a telephone: the app's registration token.
    #[garde(inner(length(min = 8, max = 1_000), custom(checks::graphic)))]
    token: Option<String>,
}

/// Kinds of targets.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "TargetKind")]
enum Kind {
    /// A browser (Web Push).
    WebPush,
    /// A telephone (Firebase Cloud Messaging).
    Mobile,
    /// A system (Standard Webhooks).
    Webhook,
}

/// A target.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Target")]
pub(crate) struct TargetView {
    /// Its id.
    id: Uuid,
    /// `web_push`, `mobile` or `webhook`.
    kind: String,
    /// Its name.
    name: String,
    /// Of a webhook, once: what its messages are signed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    /// Since when.
    created_at: Timestamp,
}

/// All targets.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Targets {
    /// Oldest first.
    items: Vec<TargetView>,
    /// What a page gives as `applicationServerKey` when it subscribes.
    application_server_key: String,
}

fn view(target: Target, secret: Option<String>) -> TargetView {
    let Target { id, kind, name, created_at, .. } = target;
    TargetView { id, kind, name, secret, created_at }
}

pub(crate) async fn list_targets(cx: Cx<App>) -> Result<Json<Targets>, NotificationError> {
    let (owner, key) = (cx.user_id(), cx.app.vapid_public.clone());
    cx.read(async |tx: &mut Tx| {
        let items = targets::list(tx, owner).await?.into_iter().map(|it| view(it, None)).collect();
        Ok(Json(Targets { items, application_server_key: key }))
    })
    .await
}

pub(crate) async fn create_target(
    cx: Cx<App>,
    Body(new): Body<NewTarget>,
) -> Result<Answered<Created<TargetView>>, NotificationError> {
    let owner = cx.user_id();
    let app = std::sync::Arc::clone(&cx.app);
    let address = address(&app, &new)?;
    cx.write(async move |tx: &mut Tx| {
        let sealer = &app.home.sealer;
        let same = targets::same(tx, owner, &address).await?;
        if same.is_none() && targets::list(tx, owner).await?.len() >= MOST {
            return Err(NotificationError::Target("you have too many already".into()));
        }
        let mut secret = None;
        let sealed = match new.kind {
            Kind::WebPush => sealer.seal(TARGET, &browser(&new)),
            Kind::Mobile => sealer.seal(TARGET, &Phone { token: address.clone() }),
            Kind::Webhook => {
                let fresh = signature::secret(&tx.random());
                let before: Option<Endpoint> =
                    same.as_ref().and_then(|it| sealer.open(TARGET, &it.sealed).ok());
                let before = before.and_then(|endpoint| endpoint.secrets.into_iter().next());
                secret = Some(fresh.clone());
                let secrets = std::iter::once(fresh).chain(before).collect();
                sealer.seal(TARGET, &Endpoint { url: address.clone(), secrets })
            }
        };
        let kind = match new.kind {
            Kind::WebPush => "web_push",
            Kind::Mobile => "mobile",
            Kind::Webhook => "webhook",
        };
        let mut target = Target {
            id: tx.new_id(),
            kind: kind.into(),
            name: new.name,
            sealed,
            created_at: same.map_or(tx.now(), |same| same.created_at),
        };
        target.id = targets::save(tx, owner, &target, &address).await?;
        let location = format!("/api/v1/notifications/targets/{}", target.id);
        Ok(Created { location, version: 1, value: view(target, secret) })
    })
    .await
}

/// What tells the target apart, checked.
fn address(app: &App, new: &NewTarget) -> Result<String, NotificationError> {
    let missing = |what: &str| NotificationError::Target(format!("{what} is missing"));
    match new.kind {
        Kind::Mobile => new.token.clone().ok_or_else(|| missing("token")),
        Kind::WebPush | Kind::Webhook => {
            let url = new.url.clone().ok_or_else(|| missing("url"))?;
            let refused =
                |error: hanse_outbound::OutboundError| NotificationError::Target(error.to_string());
            app.outbound.check(&url).map_err(refused)?;
            if matches!(new.kind, Kind::WebPush) {
                browser(new).check().map_err(|what| NotificationError::Target(what.into()))?;
            }
            Ok(url)
        }
    }
}

fn browser(new: &NewTarget) -> Browser {
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    Browser { endpoint: text(&new.url), p256dh: text(&new.p256dh), auth: text(&new.auth) }
}

pub(crate) async fn delete_target(
    cx: Cx<App>,
    Path(id): Path<Uuid>,
) -> Result<Answered<NoContent>, NotificationError> {
    let owner = cx.user_id();
    cx.write(async move |tx: &mut Tx| {
        let gone = targets::delete(tx, owner, id).await?;
        gone.then_some(NoContent).ok_or(NotificationError::NoTarget)
    })
    .await
}

fn example() -> Value {
    json!({ "kind": "webhook", "name": "Our own system", "url": "https://hooks.example.com/hanse" })
}
