//! Push messages to telephones, by Firebase Cloud Messaging (HTTP v1).

use std::sync::Mutex;
use std::sync::PoisonError;

use bytes::Bytes;
use hanse_outbound::Outbound;
use http::{Request, StatusCode};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Trouble, judge};
use crate::template::Note;

/// Seconds that an access token is used before a new one is asked for; Google's last an hour.
const TOKEN_SECONDS: i64 = 3_000;
const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
const SEND: &str = "https://fcm.googleapis.com";

/// A telephone that asked to be told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Phone {
    pub(crate) token: String,
}

/// The service account's file, as Google gives it.
#[derive(Deserialize)]
struct Account {
    project_id: String,
    client_email: String,
    private_key: String,
    token_uri: String,
    /// Where messages are handed in, when it is not Google.
    #[serde(default)]
    messaging_uri: Option<String>,
}

/// Speaks to Firebase.
pub(crate) struct Firebase {
    account: Account,
    key: EncodingKey,
    token: Mutex<Option<(String, Timestamp)>>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
}

impl Firebase {
    /// Reads the service account.
    pub(crate) fn read(file: &str) -> Result<Self, String> {
        let wrong = |what: String| format!("notifications.fcm_key_file: {what}");
        let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
        let account: Account =
            serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let key = EncodingKey::from_rsa_pem(account.private_key.as_bytes())
            .map_err(|error| wrong(error.to_string()))?;
        Ok(Self { account, key, token: Mutex::default() })
    }

    pub(crate) async fn send(
        &self,
        outbound: &Outbound,
        phone: &Phone,
        note: &Note,
        now: Timestamp,
    ) -> Result<(), Trouble> {
        let token = self.token(outbound, now).await?;
        let body = json!({ "message": {
            "token": phone.token,
            "notification": { "title": note.title, "body": note.body },
            "data": { "link": note.link.clone().unwrap_or_default() },
        }});
        let base = self.account.messaging_uri.as_deref().unwrap_or(SEND);
        let request =
            Request::post(format!("{base}/v1/projects/{}/messages:send", self.account.project_id))
                .header("authorization", format!("Bearer {token}"))
                .header("content-type", "application/json")
                .body(Bytes::from(body.to_string()))
                .map_err(|_| {
                    Trouble::last("the address of the messaging service cannot be used")
                })?;
        let response = outbound.send(request).await?;
        match response.status() {
            StatusCode::UNAUTHORIZED => {
                *self.token.lock().unwrap_or_else(PoisonError::into_inner) = None;
                Err(Trouble::later("answered 401"))
            }
            // The app is not on that telephone any more.
            StatusCode::NOT_FOUND => Err(Trouble::gone("answered 404")),
            _ => judge(&response),
        }
    }

    async fn token(&self, outbound: &Outbound, now: Timestamp) -> Result<String, Trouble> {
        let known = self.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((token, since)) = known
            && now.as_second() - since.as_second() < TOKEN_SECONDS
        {
            return Ok(token);
        }
        let claims = Claims {
            iss: &self.account.client_email,
            scope: SCOPE,
            aud: &self.account.token_uri,
            iat: now.as_second(),
            exp: now.as_second() + 3600,
        };
        let assertion = encode(&Header::new(Algorithm::RS256), &claims, &self.key)
            .map_err(|_| Trouble::last("the service account's key cannot sign"))?;
        let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
        let body = serde_urlencoded::to_string([("grant_type", grant), ("assertion", &assertion)])
            .map_err(|_| Trouble::last("no token can be asked for"))?;
        let request = Request::post(&self.account.token_uri)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(body))
            .map_err(|_| Trouble::last("the service account's token_uri cannot be used"))?;
        let response = outbound.send(request).await?;
        judge(&response)?;
        let granted: Granted = serde_json::from_slice(response.body())
            .map_err(|_| Trouble::later("the token cannot be read"))?;
        let fresh = Some((granted.access_token.clone(), now));
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(granted.access_token)
    }
}
