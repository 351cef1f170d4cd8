//! Registering programs: administrators only.

use std::sync::Arc;

use garde::Validate;
use hanse_http::{
    Answered, ApiError, Body, Created, Cx, Json, KernelError, NoContent, Page, PageQuery, Path,
    PreconditionError, Query, Role, Scope, Tagged,
};
use hanse_store::{StoreError, Tx};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::client::{Client, Grant, UnfitClient, new_secret};
use super::{clients, grants};
use crate::account::{Account, Kind, display_name};
use crate::accounts;
use crate::email::Email;
use crate::keys::Algorithm;
use crate::service::Identity;

/// Refusals about programs.
#[derive(Debug, thiserror::Error, ApiError)]
pub enum ClientError {
    #[api(404, "IDN-040")]
    #[error("there is no such client")]
    UnknownClient,
    #[api(422, "IDN-041")]
    #[error("a client cannot be registered so: {0}")]
    UnfitClient(UnfitClient),
    #[api(422, "IDN-011")]
    #[error("a name is one line of 1 to 100 visible characters")]
    InvalidName,
    #[api(transparent)]
    #[error(transparent)]
    Kernel(#[from] KernelError),
    #[api(transparent)]
    #[error(transparent)]
    Precondition(#[from] PreconditionError),
    #[api(transparent)]
    #[error(transparent)]
    Storage(#[from] StoreError),
}

impl From<UnfitClient> for ClientError {
    fn from(error: UnfitClient) -> Self {
        Self::UnfitClient(error)
    }
}

/// A program to register.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = ClientDraft::example())]
pub struct ClientDraft {
    /// Name that people see when they are asked.
    #[garde(length(min = 1, max = 400))]
    pub name: String,
    /// Can it keep a secret? A program on somebody's device cannot.
    #[garde(skip)]
    #[serde(default)]
    pub confidential: bool,
    /// Ways to get tokens: `authorization_code`, `refresh_token`, `client_credentials`,
    /// `urn:ietf:params:oauth:grant-type:device_code`, `urn:ietf:params:oauth:grant-type:token-exchange`.
    #[garde(length(min = 1, max = 5), inner(length(max = 128)))]
    pub grant_types: Vec<String>,
    /// The most that its tokens reach: permissions between spaces.
    #[garde(length(min = 1, max = 512))]
    pub scope: String,
    /// Where people may be sent back to; compared exactly.
    #[garde(length(max = 20), inner(length(max = 512)))]
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// Where people may be sent after signing out; compared exactly.
    #[garde(length(max = 20), inner(length(max = 512)))]
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<String>,
    /// Where it is told that somebody has signed out.
    #[garde(length(max = 512))]
    #[serde(default)]
    pub backchannel_logout_uri: Option<String>,
    /// It is ours: nobody is asked whether it may.
    #[garde(skip)]
    #[serde(default)]
    pub trusted: bool,
    /// How its ID tokens and logout tokens are signed. HS256 is not offered: a shared secret that
    /// verifies can also sign.
    #[garde(length(max = 16))]
    #[schemars(with = "Option<Algorithm>")]
    #[serde(default)]
    pub id_token_signed_response_alg: Option<String>,
}

impl ClientDraft {
    fn example() -> Self {
        Self {
            name: "Harbour board".into(),
            confidential: true,
            grant_types: vec!["authorization_code".into(), "refresh_token".into()],
            scope: "openid profile email thoughts:read".into(),
            redirect_uris: vec!["https://board.example.com/callback".into()],
            post_logout_redirect_uris: vec!["https://board.example.com/".into()],
            backchannel_logout_uri: None,
            trusted: false,
            id_token_signed_response_alg: Some(Algorithm::EdDSA.name().into()),
        }
    }

    fn algorithm(&self) -> Result<Algorithm, UnfitClient> {
        match self.id_token_signed_response_alg.as_deref() {
            Some("HS256") => Err(UnfitClient::SharedSecret),
            Some(name) => Algorithm::parse(name).ok_or(UnfitClient::Algorithm),
            None => Ok(Algorithm::default()),
        }
    }

    /// Puts what is wanted into a program.
    fn apply(self, mut client: Client) -> Result<Client, ClientError> {
        client.id_token_alg = self.algorithm()?;
        client.name = display_name(&self.name).ok_or(ClientError::InvalidName)?;
        let grants = self.grant_types.iter().map(|name| Grant::parse(name));
        client.grants = grants.collect::<Option<_>>().ok_or(UnfitClient::Grant)?;
        client.grants.sort_unstable();
        client.grants.dedup();
        client.scope = Scope::parse(&self.scope).map_err(|_| UnfitClient::Scope)?;
        client.redirect_uris = self.redirect_uris;
        client.logout_uris = self.post_logout_redirect_uris;
        client.backchannel_uri = self.backchannel_logout_uri;
        client.trusted = self.trusted;
        client.check()?;
        Ok(client)
    }
}

/// A registered program.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ClientView {
    /// Its `client_id`.
    pub client_id: Uuid,
    /// Its secret, shown once: when it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// Name that people see.
    pub name: String,
    /// Has it a secret?
    pub confidential: bool,
    /// Ways to get tokens.
    pub grant_types: Vec<String>,
    /// The most that its tokens reach.
    pub scope: String,
    /// Where people may be sent back to.
    pub redirect_uris: Vec<String>,
    /// Where people may be sent after signing out.
    pub post_logout_redirect_uris: Vec<String>,
    /// Where it is told that somebody has signed out.
    pub backchannel_logout_uri: Option<String>,
    /// Is nobody asked?
    pub trusted: bool,
    /// How its ID tokens and logout tokens are signed.
    pub id_token_signed_response_alg: Algorithm,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl From<Client> for ClientView {
    fn from(client: Client) -> Self {
        Self {
            client_id: client.id,
            client_secret: None,
            name: client.name,
            confidential: client.secret.is_some(),
            grant_types: client.grants.iter().map(|grant| grant.name().to_owned()).collect(),
            scope: client.scope.to_string(),
            redirect_uris: client.redirect_uris,
            post_logout_redirect_uris: client.logout_uris,
            backchannel_logout_uri: client.backchannel_uri,
            trusted: client.trusted,
            id_token_signed_response_alg: client.id_token_alg,
            created_at: client.created_at,
            updated_at: client.updated_at,
        }
    }
}

/// Registers a program. One that acts by itself gets an account to act as.
///
/// # Errors
/// [`ClientError`].
pub async fn register(tx: &mut Tx, draft: ClientDraft) -> Result<ClientView, ClientError> {
    let (id, now) = (tx.new_id(), tx.now());
    let secret = draft.confidential.then(|| new_secret(tx.random()));
    let blank = Client {
        id,
        name: String::new(),
        secret: secret.as_ref().map(|(_, stored)| stored.clone()),
        grants: Vec::new(),
        scope: Scope::default(),
        redirect_uris: Vec::new(),
        logout_uris: Vec::new(),
        backchannel_uri: None,
        trusted: false,
        id_token_alg: Algorithm::EdDSA,
        account_id: None,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let mut client = draft.apply(blank)?;
    if client.may(Grant::ClientCredentials) {
        let account = machine(tx, &client).ok_or(ClientError::InvalidName)?;
        accounts::insert(tx, &account).await?;
        client.account_id = Some(account.id);
    }
    clients::insert(tx, &client).await?;
    let client_secret = secret.map(|(secret, _)| secret);
    Ok(ClientView { client_secret, ..ClientView::from(client) })
}

/// The account that a program acts as. Nobody can sign in to it, and no mail reaches it.
fn machine(tx: &Tx, client: &Client) -> Option<Account> {
    let email = Email::parse(&format!("{}@client.invalid", client.id)).ok()?;
    let account = Account::new(tx, &email, client.name.clone(), String::new(), vec![Role::User]);
    Some(Account { kind: Kind::Service, ..account })
}

/// Registers a program; its secret is shown once.
pub async fn create_client(
    cx: Cx<Identity>,
    Body(draft): Body<ClientDraft>,
) -> Result<Answered<Created<ClientView>>, ClientError> {
    ready(&cx, &draft).await?;
    cx.write(async move |tx: &mut Tx| {
        let value = register(tx, draft).await?;
        let location = format!("/api/v1/oauth/clients/{}", value.client_id);
        Ok(Created { location, version: 1, value })
    })
    .await
}

/// Sees that there is a key to sign with as the program wants it.
async fn ready(cx: &Cx<Identity>, draft: &ClientDraft) -> Result<(), ClientError> {
    match draft.algorithm()? {
        Algorithm::EdDSA => Ok(()),
        Algorithm::RS256 => Ok(cx.app.keys.offer_rsa(&cx.app.home.db).await?),
    }
}

/// Registered programs, newest first.
pub async fn list_clients(
    cx: Cx<Identity>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<ClientView>>, ClientError> {
    let limit = page.limit as usize;
    let before = cx.open_cursor::<Uuid>(page.cursor.as_deref())?.unwrap_or(Uuid::max());
    let wanted = i64::from(page.limit) + 1;
    let found = cx
        .read::<_, StoreError, _>(async |tx: &mut Tx| clients::page(tx, before, wanted).await)
        .await?;
    let more = found.len() > limit;
    let items: Vec<_> = found.into_iter().take(limit).map(ClientView::from).collect();
    let next = items.last().filter(|_| more).map(|last| cx.seal_cursor(&last.client_id));
    Ok(Json(Page { items, next }))
}

/// Changes a program. Its secret stays; what it has of people stays too.
pub async fn replace_client(
    cx: Cx<Identity>,
    Path(id): Path<Uuid>,
    Body(draft): Body<ClientDraft>,
) -> Result<Answered<Tagged<ClientView>>, ClientError> {
    let if_match = cx.if_match();
    ready(&cx, &draft).await?;
    cx.write(async move |tx: &mut Tx| {
        let client = clients::find(tx, id).await?.ok_or(ClientError::UnknownClient)?;
        if_match.check(client.version)?;
        let mut client = draft.apply(client)?;
        client.version += 1;
        client.updated_at = tx.now();
        if !clients::save(tx, &client).await? {
            return Err(KernelError::Contention.into());
        }
        Ok(Tagged { version: client.version, value: ClientView::from(client) })
    })
    .await
}

/// Removes a program: its tokens end, and its secret is worth nothing.
pub async fn delete_client(
    cx: Cx<Identity>,
    Path(id): Path<Uuid>,
) -> Result<Answered<NoContent>, ClientError> {
    let app = Arc::clone(&cx.app);
    // So many at a time, so that no transaction holds up all others.
    loop {
        let some = async move |tx: &mut Tx| grants::end_of_client(tx, id).await;
        let ended = app.home.db.write::<_, StoreError, _>(some).await?;
        if ended.is_empty() {
            break;
        }
        app.refuse(ended);
    }
    let answer = cx
        .write(async move |tx: &mut Tx| {
            let client = clients::find(tx, id).await?.ok_or(ClientError::UnknownClient)?;
            if let Some(account) = client.account_id {
                hanse_runtime::erase(tx, account).await?;
                accounts::delete(tx, account).await?;
            }
            clients::delete(tx, id).await?;
            Ok::<_, ClientError>(NoContent)
        })
        .await?;
    cx.app.refuse([id]);
    Ok(answer)
}

/// Gives a program a new secret; the old one is worth nothing from then on.
pub async fn rotate_client_secret(
    cx: Cx<Identity>,
    Path(id): Path<Uuid>,
) -> Result<Answered<Json<ClientView>>, ClientError> {
    cx.write(async move |tx: &mut Tx| {
        let mut client = clients::find(tx, id).await?.ok_or(ClientError::UnknownClient)?;
        if client.secret.is_none() {
            return Err(UnfitClient::NeedsSecret.into());
        }
        let (secret, stored) = new_secret(tx.random());
        client.secret = Some(stored);
        client.version += 1;
        client.updated_at = tx.now();
        if !clients::save(tx, &client).await? {
            return Err(KernelError::Contention.into());
        }
        Ok(Json(ClientView { client_secret: Some(secret), ..ClientView::from(client) }))
    })
    .await
}
