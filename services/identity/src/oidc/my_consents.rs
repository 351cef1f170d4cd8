//! What somebody has allowed programs, and taking it back.

use hanse_http::{Answered, Cx, Json, NoContent, Path};
use hanse_store::{StoreError, Tx};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::admin::ClientError;
use super::{consents, grants};
use crate::ended::Ended;
use crate::service::Identity;

/// A program that I have let in.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ConsentView {
    /// The program.
    pub client_id: Uuid,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub scope: String,
    /// Since when.
    pub granted_at: Timestamp,
}

/// At most 200 of them, the newest programs first.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Consents {
    /// The programs.
    pub items: Vec<ConsentView>,
}

/// The programs that I have let in.
pub async fn list_consents(cx: Cx<Identity>) -> Result<Json<Consents>, StoreError> {
    let user = cx.user_id();
    let found = cx.read::<_, StoreError, _>(async |tx: &mut Tx| consents::of_user(tx, user).await);
    let view = |consent: consents::Consent| ConsentView {
        client_id: consent.client_id,
        name: consent.name,
        scope: consent.scope,
        granted_at: consent.granted_at,
    };
    Ok(Json(Consents { items: found.await?.into_iter().map(view).collect() }))
}

/// Takes back what I have allowed a program: its sessions end (AUTN-13).
pub async fn delete_consent(
    cx: Cx<Identity>,
    Path(client): Path<Uuid>,
) -> Result<Answered<NoContent>, ClientError> {
    let user = cx.user_id();
    let ended = Ended::default();
    let told = ended.clone();
    let answer = cx
        .write(async move |tx: &mut Tx| {
            let sessions = grants::end_of_user(tx, user, client).await?;
            let taken = consents::take_back(tx, user, client).await?;
            if !taken && sessions.is_empty() {
                return Err(ClientError::UnknownClient);
            }
            told.note(sessions);
            Ok(NoContent)
        })
        .await?;
    ended.refuse(&cx.app);
    Ok(answer)
}
