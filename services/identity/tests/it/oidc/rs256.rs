//! ID tokens of programs that cannot verify EdDSA.

use hanse_testkit::{Stage, Value, json, stage_test};
use jiff::SignedDuration;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};

use super::{App, admin, tokens};
use crate::support::{Person, services, text};

async fn published(t: &Stage) -> Vec<Value> {
    let set = t.guest().get("/.well-known/jwks.json").await.json();
    set["keys"].as_array().unwrap().clone()
}

/// What an ID token says, verified by the published key that it names.
async fn verified(t: &Stage, app: &App, token: &str) -> Value {
    let header = decode_header(token).unwrap();
    assert_eq!((header.alg, header.typ.as_deref()), (Algorithm::RS256, Some("JWT")));
    let keys = published(t).await;
    let kid = header.kid.unwrap();
    let key = keys.iter().find(|key| key["kid"] == kid.as_str()).expect("it is published");
    assert!(key.get("d").is_none() && key["kty"] == "RSA", "{key}");
    let key = DecodingKey::from_rsa_components(text(key, "n"), text(key, "e")).unwrap();
    let mut rules = Validation::new(Algorithm::RS256);
    rules.set_audience(&[&app.id]);
    // The stage has a clock of its own.
    rules.validate_exp = false;
    decode::<Value>(token, &key, &rules).unwrap().claims
}

/// OpenID Connect Core, section 15.1: RS256 where a program asks for it, and only there; both kinds of
/// keys are rotated and withdrawn as one, without a refusal (AUTN-21, OPS-12).
#[stage_test]
async fn a_program_can_have_its_id_tokens_signed_by_rs256(t: Stage) {
    let olga = admin(&t).await;
    let anna = Person::register(&t, "anna").await;
    let plain = App::register(&t, &olga, json!({})).await;
    assert_eq!(published(&t).await.len(), 1);
    let app = App::register(&t, &olga, json!({ "id_token_signed_response_alg": "RS256" })).await;
    assert_eq!(published(&t).await.len(), 2);
    let first = tokens(&t, &app, &anna, &[]).await;
    let said = verified(&t, &app, text(&first, "id_token")).await;
    assert_eq!(said["sub"], anna.answer["user"]["id"]);
    let other = tokens(&t, &plain, &anna, &[]).await;
    let alg = decode_header(text(&other, "id_token")).unwrap().alg;
    assert_eq!(alg, Algorithm::EdDSA);
    // An access token is never signed so, and an ID token is none.
    let access = decode_header(text(&first, "access_token")).unwrap();
    assert_eq!(access.alg, Algorithm::EdDSA);
    let as_access = t.bearer(text(&first, "id_token"));
    assert_eq!(as_access.get("/api/v1/users/me").await.summary(), "401 HTT-011");

    t.advance(SignedDuration::from_hours(24 * 29 + 1));
    t.run_jobs().await;
    assert_eq!(published(&t).await.len(), 4);
    t.advance(SignedDuration::from_hours(25));
    let again = [("prompt", "consent")];
    let later = tokens(&t, &app, &anna, &again).await;
    let kid = |tokens: &Value| decode_header(text(tokens, "id_token")).unwrap().kid;
    assert_ne!(kid(&later), kid(&first));
    verified(&t, &app, text(&later, "id_token")).await;
    let answer = crate::support::login(&t, "olga@example.com", crate::support::PASSWORD).await;
    let olga = t.bearer(text(&answer.json(), "access_token"));
    for wrong in ["HS256", "none", "ES256", "rs256"] {
        let draft = json!({ "name": "X", "grant_types": ["refresh_token"], "scope": "openid",
            "id_token_signed_response_alg": wrong });
        let refused = olga.post("/api/v1/oauth/clients", draft).await;
        assert_eq!(refused.summary(), "422 IDN-041", "{wrong}");
        let says_why = refused.text().contains("whoever can verify by it can sign");
        assert_eq!(says_why, wrong == "HS256", "{}", refused.text());
    }
    let replaced = olga.post("/api/v1/auth/keys/replace", Value::Null).await;
    assert_eq!(replaced.summary(), "204");
    let last = tokens(&t, &app, &anna, &again).await;
    verified(&t, &app, text(&last, "id_token")).await;
    assert_eq!(published(&t).await.len(), 2);
}
