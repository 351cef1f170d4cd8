//! What comes from outside: links in letters, and reports of providers.

use garde::Validate;
use hanse_http::{
    Answer, Answered, Context, Cx, Exchange, Input, KernelError, NoContent, OperationDoc, Path,
    Problem, Reply, ResponseBody, full,
};
use hanse_store::Tx;
use http::{HeaderMap, HeaderValue, Response};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::App;
use crate::channel::Channel;
use crate::channels::{email, signature};
use crate::deliveries::Key;
use crate::error::NotificationError;
use crate::{deliveries, desk, people, preferences, targets};

/// Whose letters of which type a link ends.
fn opened(cx: &Cx<App>, token: &str) -> Result<(Uuid, String), NotificationError> {
    let opened = cx.app.home.sealer.open(email::UNSUBSCRIBE, token);
    opened.map_err(|_| NotificationError::BadLink)
}

pub(crate) async fn unsubscribe(
    cx: Cx<App>,
    Path(token): Path<String>,
) -> Result<Answered<NoContent>, NotificationError> {
    let (owner, kind) = opened(&cx, &token)?;
    cx.write(async move |tx: &mut Tx| {
        // Who has left gets no letters anyway.
        if people::find(tx, owner).await?.is_some() {
            let (mut preferences, version) = preferences::find(tx, owner).await?;
            preferences.end(&kind, Channel::Email);
            preferences::save(tx, owner, &preferences, version + 1).await?;
        }
        Ok(NoContent)
    })
    .await
}

/// A page with one button. What only looks at links in letters must not end anything.
pub(crate) struct Question(&'static str);

impl Reply for Question {
    fn describe(doc: &mut OperationDoc) {
        let content = json!({ "text/html": { "schema": { "type": "string" } } });
        doc.response(200, "The page", &[], Some(content));
    }

    fn answer(self) -> Answer {
        Answer::empty(200)
    }

    fn respond(self, _: &Context) -> Response<ResponseBody> {
        let mut response = Response::new(full(self.0));
        let headers = response.headers_mut();
        let policy =
            "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
        for (name, value) in
            [("content-type", "text/html; charset=utf-8"), ("content-security-policy", policy)]
        {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

const ASK: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>End these letters</title>\
    <h1>End these letters?</h1><form method=\"post\"><button>Yes, end them</button></form></html>\n";

pub(crate) async fn ask_unsubscribe(
    cx: Cx<App>,
    Path(token): Path<String>,
) -> Result<Question, NotificationError> {
    opened(&cx, &token)?;
    Ok(Question(ASK))
}

/// What became of a letter.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(example = json!({ "event": "bounced", "message_id": "019a-019b@hanse.example" }))]
pub(crate) struct Report {
    /// What happened.
    #[garde(skip)]
    event: Happened,
    /// The letter's Message-ID.
    #[garde(length(max = 300))]
    message_id: String,
    /// Why, in the provider's words.
    #[serde(default)]
    #[garde(length(chars, max = 300))]
    cause: String,
}

/// What can become of a letter.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Happened {
    /// It is in the mailbox.
    Delivered,
    /// It was looked at.
    Opened,
    /// There is no such mailbox.
    Bounced,
    /// It was called unwanted.
    Complained,
}

/// A report with what proves where it comes from.
pub(crate) struct SignedReport {
    headers: HeaderMap,
    body: bytes::Bytes,
}

impl Input for SignedReport {
    const READS_BODY: bool = true;

    fn describe(doc: &mut OperationDoc) {
        hanse_http::Body::<Report>::describe(doc);
    }

    fn take(exchange: &Exchange) -> Result<Self, Problem> {
        Ok(Self { headers: exchange.parts.headers.clone(), body: exchange.body.clone() })
    }
}

pub(crate) async fn take_report(
    cx: Cx<App>,
    report: SignedReport,
) -> Result<Answered<NoContent>, NotificationError> {
    let secret = &cx.app.desk.config.feedback_secret;
    let header = |name: &str| {
        report.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    };
    let head = (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
    if secret.is_empty() || !signature::verify(secret, head, &report.body, cx.now()) {
        return Err(NotificationError::BadSignature);
    }
    let malformed = || KernelError::MalformedBody("it is no report".into());
    let report: Report = serde_json::from_slice(&report.body).map_err(|_| malformed())?;
    report.validate().map_err(|_| malformed())?;
    let key = email::parse_letter_id(&report.message_id);
    cx.write(async move |tx: &mut Tx| {
        // A letter that we do not know of says nothing to anybody.
        if let Some((notification, owner)) = key {
            take(tx, notification, owner, &report).await?;
        }
        Ok(NoContent)
    })
    .await
}

async fn take(
    tx: &mut Tx,
    notification: Uuid,
    owner: Uuid,
    report: &Report,
) -> Result<(), NotificationError> {
    let state = match report.event {
        Happened::Delivered => "delivered",
        Happened::Opened => "opened",
        Happened::Bounced => "bounced",
        Happened::Complained => "complained",
    };
    let cause = (!report.cause.is_empty()).then_some(report.cause.as_str());
    let key = Key { owner, notification, channel: Channel::Email, target: Uuid::nil() };
    let known = deliveries::report(tx, &key, state, cause).await?;
    if known && matches!(report.event, Happened::Bounced | Happened::Complained) {
        let person = desk::addressee(tx, owner).await?;
        if !person.email.is_empty() {
            targets::suppress(tx, &person.email, state).await?;
        }
    }
    Ok(())
}
