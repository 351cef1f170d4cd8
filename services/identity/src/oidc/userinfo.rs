//! What a program may know of whoever it has a token of (OpenID Connect Core, section 5.3).

use hanse_http::{Answer, Cx, KernelError, OperationDoc, Reply};
use hanse_store::{StoreError, Tx};
use serde_json::{Map, Value, json};

use super::id_token;
use crate::accounts;
use crate::http::ProfileError;
use crate::service::Identity;

/// Claims of an account.
#[derive(Debug)]
pub struct UserInfo(Map<String, Value>);

impl Reply for UserInfo {
    fn describe(doc: &mut OperationDoc) {
        let content = json!({ "application/json": { "schema": { "type": "object" } } });
        doc.response(200, "Claims", &[], Some(content));
    }

    fn answer(self) -> Answer {
        Answer::json(200, &Value::Object(self.0))
    }
}

/// The claims that the token's scope reaches.
pub async fn get_userinfo(cx: Cx<Identity>) -> Result<UserInfo, ProfileError> {
    let principal = cx.principal().ok_or(KernelError::Unauthenticated)?;
    let (user, limits) = (principal.user_id, principal.scope.clone());
    let account =
        cx.read::<_, StoreError, _>(async |tx: &mut Tx| accounts::find(tx, user).await).await?;
    let account = account.filter(|account| !account.disabled).ok_or(KernelError::InvalidToken)?;
    // A token without limits is its owner's own.
    let everything = || hanse_http::Scope::parse("openid profile email roles").unwrap_or_default();
    let mut claims = id_token::claims(&account, &limits.unwrap_or_else(everything));
    claims.insert("sub".into(), json!(account.id));
    Ok(UserInfo(claims))
}

/// The same by POST, as the standard asks.
pub async fn post_userinfo(cx: Cx<Identity>) -> Result<UserInfo, ProfileError> {
    get_userinfo(cx).await
}
