//! Programs that act by themselves, or for somebody; and what others may ask about tokens.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hanse_testkit::{Stage, json, stage_test};

use super::{App, admin, claims, post, said, tokens};
use crate::support::{Person, services, text};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

#[stage_test]
async fn a_program_acts_by_itself(t: Stage) {
    let admin = admin(&t).await;
    let machine = json!({ "grant_types": ["client_credentials"], "scope": "identity:read thoughts:read", "redirect_uris": [] });
    let app = App::register(&t, &admin, machine).await;
    // With the header that clients prefer, encoded as the standard asks.
    let pair = format!("{}:{}", app.id.replace('-', "%2D"), app.secret.clone().unwrap());
    let basic = t.guest().with("authorization", format!("Basic {}", STANDARD.encode(pair)));
    let fields = [("grant_type", "client_credentials"), ("scope", "identity:read")];
    let got = post(&basic, "/oauth/token", &fields).await;
    assert_eq!(said(&got), "200", "{}", got.text());
    assert_eq!(
        (&got.json()["scope"], got.json().get("refresh_token")),
        (&json!("identity:read"), None)
    );
    let token = got.json();
    let said_of = claims(text(&token, "access_token"));
    assert_eq!((said_of["client_id"].clone(), said_of.get("acr")), (json!(app.id), None));
    let holder = t.bearer(text(&token, "access_token"));
    let me = holder.get("/api/v1/users/me").await.json();
    assert_eq!((&me["id"], &me["roles"]), (&said_of["sub"], &json!(["user"])));
    assert_eq!(holder.delete("/api/v1/users/me").await.summary(), "403 HTT-022");
    for scope in ["openid", "thoughts:write", "*:*"] {
        let fields = [("grant_type", "client_credentials"), ("scope", scope)];
        assert_eq!(said(&app.token(&fields).await), "400 invalid_scope", "{scope}");
    }
    let resource =
        [("grant_type", "client_credentials"), ("resource", "https://elsewhere.example")];
    assert_eq!(said(&app.token(&resource).await), "400 invalid_target");
    assert_eq!(said(&app.redeem("x").await), "400 unauthorized_client");
    assert_eq!(said(&app.token(&[("grant_type", "password")]).await), "400 unsupported_grant_type");
    assert_eq!(admin.delete(format!("/api/v1/oauth/clients/{}", app.id)).await.summary(), "204");
    assert_eq!(holder.get("/api/v1/users/me").await.summary(), "401 HTT-011", "at once");
}

/// RFC 8693: narrower, no longer, named, and over with the session it came from.
#[stage_test]
async fn a_program_acts_for_somebody_with_less(t: Stage) {
    let admin = admin(&t).await;
    let agent = json!({ "grant_types": [EXCHANGE], "scope": "identity:read thoughts:*", "redirect_uris": [] });
    let app = App::register(&t, &admin, agent).await;
    let board =
        App::register(&t, &admin, json!({ "scope": "openid thoughts:read identity:read" })).await;
    let anna = Person::register(&t, "anna").await;
    let exchange = async |token: &str, scope: &str| {
        let fields = [
            ("grant_type", EXCHANGE),
            ("subject_token", token),
            ("subject_token_type", ACCESS_TOKEN),
            ("scope", scope),
        ];
        app.token(&fields).await
    };
    let own = text(&anna.answer, "access_token");
    let got = exchange(own, "identity:read").await;
    assert_eq!(said(&got), "200", "{}", got.text());
    let token = got.json();
    assert_eq!(token["issued_token_type"], ACCESS_TOKEN);
    let inside = claims(text(&token, "access_token"));
    assert_eq!(
        (&inside["sub"], &inside["act"]["sub"]),
        (&anna.answer["user"]["id"], &json!(app.id))
    );
    assert!(inside["exp"].as_i64() <= claims(own)["exp"].as_i64());
    let holder = t.bearer(text(&token, "access_token"));
    assert_eq!(holder.get("/api/v1/users/me").await.summary(), "200");
    assert_eq!(
        holder.put("/api/v1/users/me", json!({ "name": "X" })).await.summary(),
        "403 HTT-022"
    );
    // Never more than the token that was shown, nor than the program may.
    let narrow = tokens(&t, &board, &anna, &[("scope", "openid thoughts:read")]).await;
    let narrow = text(&narrow, "access_token");
    assert_eq!(said(&exchange(narrow, "thoughts:read").await), "200");
    for (subject, scope) in [
        (narrow, "identity:read"),
        (narrow, "thoughts:*"),
        (own, "openid"),
        (own, ""),
        (own, "*:*"),
    ] {
        assert_eq!(said(&exchange(subject, scope).await), "400 invalid_scope", "{scope}");
    }
    assert_eq!(said(&exchange("rubbish", "identity:read").await), "400 invalid_grant");
    let chained = exchange(text(&token, "access_token"), "identity:read").await.json();
    let chained = claims(text(&chained, "access_token"));
    assert_eq!(chained["act"]["act"]["sub"], json!(app.id));
    anna.actor.post("/api/v1/auth/logout", json!({})).await;
    assert_eq!(holder.get("/api/v1/users/me").await.summary(), "401 HTT-011");
    assert_eq!(said(&exchange(own, "identity:read").await), "400 invalid_grant");
}

/// RFC 7662 and 7009.
#[stage_test(local)]
async fn tokens_are_looked_into_and_ended(t: Stage) {
    let admin = admin(&t).await;
    let app = App::register(&t, &admin, json!({})).await;
    let other = App::register(&t, &admin, json!({ "name": "Other" })).await;
    let public = App::register(&t, &admin, json!({ "confidential": false })).await;
    let anna = Person::register(&t, "anna").await;
    let got = tokens(&t, &app, &anna, &[]).await;
    let (access, refresh) = (text(&got, "access_token"), text(&got, "refresh_token"));
    let look =
        async |who: &App, token: &str| who.post("/oauth/introspect", &[("token", token)]).await;
    let seen = look(&other, access).await.json();
    assert_eq!((&seen["active"], &seen["sub"]), (&json!(true), &anna.answer["user"]["id"]));
    assert_eq!(seen["scope"], "openid profile");
    assert_eq!(look(&app, refresh).await.json()["active"], true);
    assert_eq!(look(&other, refresh).await.json(), json!({ "active": false }), "somebody else's");
    assert_eq!(look(&app, "rubbish").await.json(), json!({ "active": false }));
    assert_eq!(said(&look(&public, access).await), "401 invalid_client");
    let end = async |who: &App, token: &str| who.post("/oauth/revoke", &[("token", token)]).await;
    for token in [access, refresh, "rubbish"] {
        assert_eq!(said(&end(&other, token).await), "200");
    }
    assert_eq!(look(&app, refresh).await.json()["active"], true, "not by others");
    assert_eq!(said(&end(&app, refresh).await), "200");
    assert_eq!(look(&app, access).await.json(), json!({ "active": false }));
    assert_eq!(look(&app, refresh).await.json(), json!({ "active": false }));
}

/// What cannot be registered, and who cannot.
#[stage_test(local)]
async fn programs_are_registered_by_administrators(t: Stage) {
    let admin = admin(&t).await;
    let anna = Person::register(&t, "anna").await;
    let good = json!({ "name": "App", "grant_types": ["authorization_code"], "scope": "openid", "redirect_uris": ["https://a.example/"] });
    assert_eq!(
        anna.actor.post("/api/v1/oauth/clients", good.clone()).await.summary(),
        "403 HTT-012"
    );
    for (name, value) in [
        ("redirect_uris", json!(["http://a.example/"])),
        ("redirect_uris", json!(["javascript:alert(1)"])),
        ("redirect_uris", json!([])),
        ("grant_types", json!(["implicit"])),
        ("grant_types", json!(["client_credentials"])),
        ("scope", json!("a b:c:d")),
        ("backchannel_logout_uri", json!("ftp://a.example/")),
    ] {
        let mut draft = good.clone();
        draft[name] = value.clone();
        let answer = admin.post("/api/v1/oauth/clients", draft).await;
        assert_eq!(answer.summary(), "422 IDN-041", "{name} {value}");
    }
    let made = admin.post("/api/v1/oauth/clients", good.clone()).await;
    let view = made.json();
    assert_eq!(view.get("client_secret"), None, "it keeps none");
    let path = made.location().to_owned();
    let mut changed = good.clone();
    changed["name"] = json!("Renamed");
    let stale = admin.with("if-match", "\"9\"").put(&path, changed.clone()).await;
    assert_eq!(stale.summary(), "412 HTT-013");
    assert_eq!(admin.put(&path, changed).await.json()["name"], "Renamed");
    let list = admin.get("/api/v1/oauth/clients").await.json();
    assert_eq!(list["items"][0]["name"], "Renamed");
    assert_eq!(admin.post(format!("{path}/secret"), json!({})).await.summary(), "422 IDN-041");
    assert_eq!(admin.delete(&path).await.summary(), "204");
    assert_eq!(admin.delete(&path).await.summary(), "404 IDN-040");
}
