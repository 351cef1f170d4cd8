//! May somebody do something? In our own words with the reasons, and in those of AuthZEN 1.0.

use garde::Validate;
use hanse_http::{Body, Cx, Json, KernelError, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::error::AdministrationError as Error;
use crate::permissions::exact;
use crate::service::Identity;

/// A question.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = Question { user_id: None, resource: "reports".into(), action: "write".into() })]
pub struct Question {
    /// Whom it is about; whoever asks, if nobody is named. Only administrators ask about others.
    #[serde(default)]
    #[garde(skip)]
    user_id: Option<Uuid>,
    /// What kind of thing.
    #[garde(length(min = 1, max = 64))]
    resource: String,
    /// To do what.
    #[garde(length(min = 1, max = 64))]
    action: String,
}

/// The answer, and why.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(example = Decision { allowed: true, reasons: vec![] })]
pub struct Decision {
    /// May it?
    pub allowed: bool,
    /// Everything that lets it; nothing when it may not.
    pub reasons: Vec<Reason>,
}

/// Why an account may do something.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// The permission that covers it.
    pub permission: String,
    /// The role that has it.
    pub role: String,
    /// The group by which the account has the role; null when it was given it itself.
    pub group: Option<String>,
}

/// An AuthZEN evaluation request (Authorization API 1.0, section 6).
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[schemars(example = Evaluation::example())]
pub struct Evaluation {
    /// Of type `user`, with the id of an account.
    #[garde(dive)]
    subject: Entity,
    /// `name` is the action of a permission.
    #[garde(dive)]
    action: Action,
    /// `type` is the resource of a permission.
    #[garde(dive)]
    resource: Entity,
    /// Not looked at.
    #[serde(default)]
    #[garde(skip)]
    #[schemars(with = "Map<String, Value>")]
    context: Option<Value>,
}

/// A subject or a resource.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
pub struct Entity {
    /// Its type.
    #[serde(rename = "type")]
    #[garde(length(min = 1, max = 64))]
    kind: String,
    /// Its identity.
    #[garde(length(min = 1, max = 256))]
    id: String,
    /// Not looked at.
    #[serde(default)]
    #[garde(skip)]
    #[schemars(with = "Map<String, Value>")]
    properties: Option<Value>,
}

/// An action.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
pub struct Action {
    /// Its name.
    #[garde(length(min = 1, max = 64))]
    name: String,
    /// Not looked at.
    #[serde(default)]
    #[garde(skip)]
    #[schemars(with = "Map<String, Value>")]
    properties: Option<Value>,
}

impl Evaluation {
    fn example() -> Self {
        let entity =
            |kind: &str, id: &str| Entity { kind: kind.into(), id: id.into(), properties: None };
        Self {
            subject: entity("user", "01955d3a-7c00-7000-8000-000000000001"),
            action: Action { name: "write".into(), properties: None },
            resource: entity("reports", "2026-11"),
            context: None,
        }
    }
}

/// An AuthZEN decision.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(example = Evaluated { decision: true })]
pub struct Evaluated {
    /// May it?
    pub decision: bool,
}

/// Where decisions are made (Authorization API 1.0, section 9).
#[derive(Debug, Serialize, JsonSchema)]
pub struct Configuration {
    /// This installation.
    pub policy_decision_point: String,
    /// Where to ask.
    pub access_evaluation_endpoint: String,
}

/// May an account do this, and why? (M-036)
pub async fn check_permission(
    cx: Cx<Identity>,
    Body(question): Body<Question>,
) -> Result<Json<Decision>, Error> {
    let user = about(&cx, question.user_id.unwrap_or(cx.user_id()))?;
    let reasons = match exact(&question.resource, &question.action) {
        Some(wanted) => cx.app.checks.reasons(&cx.app.home.db, user, &wanted).await?,
        None => return Err(Error::InvalidPermission),
    };
    let reasons: Vec<Reason> = reasons
        .into_iter()
        .map(|held| Reason {
            permission: held.permission.to_string(),
            role: held.role,
            group: held.group,
        })
        .collect();
    Ok(Json(Decision { allowed: !reasons.is_empty(), reasons }))
}

/// The same as AuthZEN asks it. A subject or a name that cannot be is allowed nothing.
pub async fn evaluate_access(
    cx: Cx<Identity>,
    Body(asked): Body<Evaluation>,
) -> Result<Json<Evaluated>, Error> {
    let user = (asked.subject.kind == "user").then(|| asked.subject.id.parse::<Uuid>().ok());
    let wanted = exact(&asked.resource.kind, &asked.action.name);
    let decision = match (user.flatten(), wanted) {
        (Some(user), Some(wanted)) => {
            let user = about(&cx, user)?;
            !cx.app.checks.reasons(&cx.app.home.db, user, &wanted).await?.is_empty()
        }
        _ => false,
    };
    Ok(Json(Evaluated { decision }))
}

/// Where decisions are made.
pub async fn get_authzen(cx: Cx<Identity>) -> Result<Json<Configuration>, Error> {
    let base = cx.app.issuer().trim_end_matches('/').to_owned();
    Ok(Json(Configuration {
        access_evaluation_endpoint: format!("{base}/api/v1/access/v1/evaluation"),
        policy_decision_point: base,
    }))
}

/// Whom somebody may ask about.
fn about(cx: &Cx<Identity>, user: Uuid) -> Result<Uuid, Error> {
    if user == cx.user_id() || cx.caller().is(Role::Admin) {
        return Ok(user);
    }
    Err(KernelError::Forbidden.into())
}
