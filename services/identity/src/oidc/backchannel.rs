//! Telling programs that somebody has signed out (OpenID Connect Back-Channel Logout).

use std::sync::Arc;

use bytes::Bytes;
use hanse_jobs::{Outcome, Run, Worker};
use hanse_runtime::BoxError;
use hanse_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::clients;
use crate::service::Identity;

/// The kind of the job.
pub(super) const KIND: &str = "identity.backchannel_logout";
/// Seconds that a logout token is valid.
const LIFE: i64 = 120;

/// Whom to tell of which session.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Notice {
    pub(super) client_id: Uuid,
    pub(super) user_id: Uuid,
    pub(super) session_id: Uuid,
}

#[derive(Serialize)]
struct LogoutToken {
    iss: String,
    aud: Uuid,
    sub: Uuid,
    sid: Uuid,
    iat: i64,
    exp: i64,
    jti: Uuid,
    events: Value,
}

/// Performs the job.
pub(crate) fn worker(worker: Worker, app: &Arc<Identity>) -> Worker {
    let app = Arc::clone(app);
    worker.on(KIND, move |run: Run<Notice>| {
        let app = Arc::clone(&app);
        async move { tell(&app, run.payload).await }
    })
}

async fn tell(app: &Identity, notice: Notice) -> Result<Outcome, BoxError> {
    let id = notice.client_id;
    let find = async |tx: &mut Tx| clients::find(tx, id).await;
    let client = app.home.db.read::<_, StoreError, _>(find).await?;
    let Some(client) = client else { return Ok(Outcome::Done) };
    let Some(address) = client.backchannel_uri else { return Ok(Outcome::Done) };
    let now = app.home.db.clock().now();
    let (issuer, _) = app.verifier.names();
    let token = LogoutToken {
        iss: issuer.to_owned(),
        aud: notice.client_id,
        sub: notice.user_id,
        sid: notice.session_id,
        iat: now.as_second(),
        exp: now.as_second() + LIFE,
        jti: app.home.db.ids().new_id(),
        events: json!({ "http://schemas.openid.net/event/backchannel-logout": {} }),
    };
    let token = app.keys.state("logout+jwt", &token, (client.id_token_alg, now))?;
    let body = serde_urlencoded::to_string([("logout_token", token)])?;
    let request = http::Request::post(address)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from(body))?;
    let answer = app.outbound.send(request).await?;
    match answer.status().as_u16() {
        // 400: the program knows the token and could not do it; asking again does not help.
        200..=299 | 400 => Ok(Outcome::Done),
        other => Err(format!("the program answered {other}").into()),
    }
}
