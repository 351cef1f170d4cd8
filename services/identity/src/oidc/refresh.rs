//! The next tokens of a program's session.

use hanse_store::{StoreError, Tx};

use super::client::Client;
use super::reply::OAuthError;
use super::token::{Granted, TokenRequest, Tokens, narrowed};
use super::{grants, id_token};
use crate::http::{Advance, advance};
use crate::service::Identity;

/// The rule is that of every session ([`crate::session`]): a token is good once, and an older one ends
/// the session (AUTN-12). Whoever is disabled, or has taken back what they allowed, has none (AUTN-13).
pub(super) async fn refresh(
    tx: &mut Tx,
    app: &Identity,
    client: &Client,
    request: &TokenRequest,
) -> Result<Granted, StoreError> {
    let program = client.id.to_string();
    let advanced = advance(tx, app, &request.refresh_token, Some(&program)).await?;
    let moved = match advanced {
        Advance::Tokens(moved) => moved,
        Advance::Invalid => return Ok(Granted::refused(OAuthError::INVALID_GRANT)),
        Advance::Contention => {
            return Err(StoreError::Unique("a session moved on twice at once".into()));
        }
        Advance::Reused { user, session } => {
            let ended = grants::end(tx, user, session).await?;
            let answer = Err(OAuthError::INVALID_GRANT);
            return Ok(Granted { answer, ended: ended.into_iter().collect() });
        }
    };
    let most = id_token::scope(&moved.session);
    // A narrower token for once would need a session of its own: the scope stays what was allowed.
    if let Err(error) = narrowed(request, &most) {
        return Ok(Granted::refused(error));
    }
    let id_token = id_token::issue(tx, app, client, &moved.account, &moved.session, None)?;
    let tokens = Tokens {
        access_token: moved.tokens.access_token,
        token_type: "Bearer",
        expires_in: moved.tokens.expires_in,
        scope: most.to_string(),
        refresh_token: Some(moved.tokens.refresh_token),
        id_token,
        issued_token_type: None,
    };
    Ok(Granted { answer: Ok(tokens), ended: Vec::new() })
}
