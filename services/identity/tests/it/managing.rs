//! What administrators do with accounts, roles and groups, and who may do what by them.

use hanse_http::Role;
use hanse_identity::IdentityConfig;
use hanse_identity::admin::{NewAccount, create_user};
use hanse_testkit::{Actor, Stage, Value, json, stage_test};
use jiff::SignedDuration;

use crate::support::{PASSWORD, Person, link_token, login, refresh, services, text};

async fn administrator(t: &Stage) -> Actor {
    let new = NewAccount { email: "olga@example.com", name: "Olga", password: PASSWORD };
    let config = IdentityConfig::for_tests();
    create_user(&t.db("identity"), &config, new, &[Role::Admin]).await.unwrap();
    let answer = login(t, "olga@example.com", PASSWORD).await.json();
    t.bearer(text(&answer, "access_token"))
}

fn id(person: &Person) -> String {
    text(&person.answer["user"], "id").to_owned()
}

/// E-034, M-039, M-040, AUTZ-08: accounts are found, made, changed, barred and deleted.
#[stage_test]
async fn an_administrator_manages_accounts(t: Stage) {
    let olga = administrator(&t).await;
    let made =
        olga.post("/api/v1/users", json!({ "email": "Ben@example.com", "name": "Ben Bo" })).await;
    assert_eq!(made.summary(), "201", "{}", made.text());
    let ben = text(&made.json(), "id").to_owned();
    assert_eq!(login(&t, "ben@example.com", "").await.status, 422);
    assert_eq!(login(&t, "ben@example.com", PASSWORD).await.summary(), "401 IDN-001");
    let token = link_token(&t, "identity.reset_password").await;
    let body = json!({ "token": token, "new_password": PASSWORD });
    let set = t.guest().post("/api/v1/auth/reset-password/confirm", body).await;
    assert_eq!(set.summary(), "204");
    let signed_in = login(&t, "ben@example.com", PASSWORD).await.json();
    let twice =
        olga.post("/api/v1/users", json!({ "email": "ben@example.com", "name": "B" })).await;
    assert_eq!(twice.summary(), "409 IDN-002");

    for name in ["anna", "anton", "carl"] {
        Person::register(&t, name).await;
    }
    let found = async |query: &str| {
        let list = olga.get(format!("/api/v1/users?{query}")).await.json();
        let items = list["items"].as_array().unwrap();
        items.iter().map(|user| text(user, "email").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found("q=ANT").await, ["anton@example.com"]);
    assert_eq!(found("q=bo").await, ["ben@example.com"]);
    assert_eq!(found("q=%25").await, Vec::<String>::new());
    assert_eq!(found("role=admin").await, ["olga@example.com"]);
    assert_eq!(found("status=disabled").await, Vec::<String>::new());
    let page = olga.get("/api/v1/users?limit=2").await.json();
    let next = text(&page, "next").to_owned();
    assert_eq!(
        found(&format!("limit=2&cursor={next}")).await,
        ["ben@example.com", "carl@example.com"]
    );

    let change = json!({ "name": "Ben", "disabled": true, "roles": ["user"] });
    let path = format!("/api/v1/users/{ben}");
    assert_eq!(
        olga.with("if-match", "\"99\"").put(&path, change.clone()).await.summary(),
        "412 HTT-013"
    );
    assert_eq!(olga.put(&path, change).await.summary(), "200");
    let bens = t.bearer(text(&signed_in, "access_token"));
    assert_eq!(bens.get("/api/v1/users/me").await.summary(), "401 HTT-011");
    assert_eq!(refresh(&t, text(&signed_in, "refresh_token")).await.summary(), "401 IDN-006");
    assert_eq!(login(&t, "ben@example.com", PASSWORD).await.summary(), "401 IDN-001");
    assert_eq!(found("status=disabled").await, ["ben@example.com"]);
    assert_eq!(olga.delete(&path).await.summary(), "204");
    assert_eq!(olga.get(&path).await.summary(), "404 IDN-020");
    t.drain_events().await;
}

/// M-037, M-038: who loses a built-in role is signed out; the last administrator stays one.
#[stage_test]
async fn roles_are_given_and_taken(t: Stage) {
    let olga = administrator(&t).await;
    let me = olga.get("/api/v1/users/me").await.json();
    let anna = Person::register(&t, "anna").await;
    let path = format!("/api/v1/users/{}", id(&anna));
    let give =
        |roles: Value| olga.put(&path, json!({ "name": "A", "disabled": false, "roles": roles }));
    assert_eq!(give(json!(["user", "nobody"])).await.summary(), "422 IDN-021");
    assert_eq!(give(json!(["user", "admin"])).await.summary(), "200");
    let (again, _) = anna.login(&t).await;
    assert_eq!(again.get("/api/v1/users").await.summary(), "200");
    assert_eq!(give(json!(["user"])).await.summary(), "200");
    assert_eq!(again.get("/api/v1/users").await.summary(), "401 HTT-011");
    let own = format!("/api/v1/users/{}", text(&me, "id"));
    let less = json!({ "name": "Olga", "disabled": false, "roles": ["user"] });
    assert_eq!(olga.put(&own, less).await.summary(), "409 IDN-023");
    assert_eq!(olga.delete(&own).await.summary(), "409 IDN-023");
    assert_eq!(olga.get("/api/v1/users/me").await.summary(), "200");
}

/// D-020, M-036, E-033, AUTZ-04, AUTZ-07, AUTZ-09: permissions come from roles, one's own and those of groups;
/// the answer says why; taking the role takes the permission at once.
#[stage_test]
async fn permissions_come_from_roles_and_groups(t: Stage) {
    let olga = administrator(&t).await;
    let anna = Person::register(&t, "anna").await;
    let role =
        json!({ "description": "Writes reports", "permissions": ["reports:*", "ledger:read"] });
    assert_eq!(olga.put("/api/v1/roles/editor", role).await.summary(), "200");
    for (name, permission, code) in [
        ("editor", "reports", "200"),
        ("editor", "a:b:c", "422 IDN-025"),
        ("admin", "a:b", "403 IDN-026"),
    ] {
        let body = json!({ "description": "", "permissions": [permission] });
        let path = format!("/api/v1/roles/{name}");
        assert_eq!(olga.put(path, body).await.summary(), code, "{name} {permission}");
    }
    let role =
        json!({ "description": "Writes reports", "permissions": ["reports:*", "ledger:read"] });
    assert_eq!(olga.put("/api/v1/roles/editor", role).await.summary(), "200");
    let group = json!({ "name": "Newsroom", "roles": ["editor"] });
    let group = olga.post("/api/v1/groups", group).await;
    assert_eq!(group.summary(), "201", "{}", group.text());
    let group = group.location().to_owned();
    let built_in = json!({ "name": "Bosses", "roles": ["admin"] });
    assert_eq!(olga.post("/api/v1/groups", built_in).await.summary(), "403 IDN-026");
    let may = async |resource: &str, action: &str| {
        let body = json!({ "resource": resource, "action": action });
        let answer = anna.actor.post("/api/v1/permissions/check", body).await;
        assert_eq!(answer.summary(), "200", "{}", answer.text());
        answer.json()
    };
    assert_eq!(may("reports", "write").await, json!({ "allowed": false, "reasons": [] }));
    let add = json!({ "add": [id(&anna)] });
    assert_eq!(olga.post(format!("{group}/members"), add).await.summary(), "204");
    let because = json!([{ "permission": "reports:*", "role": "editor", "group": "Newsroom" }]);
    assert_eq!(may("reports", "write").await, json!({ "allowed": true, "reasons": because }));
    assert_eq!(may("ledger", "read").await["allowed"], true);
    assert_eq!(may("ledger", "write").await["allowed"], false);
    assert_eq!(may("users", "delete").await["allowed"], false);
    // AuthZEN says the same, and knows nobody who does not exist.
    let ask = |user: &str, action: &str| {
        json!({
            "subject": { "type": "user", "id": user },
            "action": { "name": action },
            "resource": { "type": "reports", "id": "2026-11" },
        })
    };
    let evaluate = async |actor: &Actor, body: Value| {
        actor.post("/api/v1/access/v1/evaluation", body).await.json()
    };
    assert_eq!(evaluate(&anna.actor, ask(&id(&anna), "write")).await, json!({ "decision": true }));
    let stranger = "00000000-0000-7000-8000-000000000009";
    assert_eq!(evaluate(&olga, ask(stranger, "write")).await, json!({ "decision": false }));
    assert_eq!(evaluate(&olga, ask("x", "write")).await, json!({ "decision": false }));
    assert_eq!(evaluate(&anna.actor, ask(stranger, "write")).await["code"], "HTT-012");
    let remove = json!({ "remove": [id(&anna)] });
    assert_eq!(olga.post(format!("{group}/members"), remove).await.summary(), "204");
    assert_eq!(may("reports", "write").await["allowed"], false);
    assert_eq!(olga.delete("/api/v1/roles/editor").await.summary(), "204");
    assert_eq!(olga.delete(&group).await.summary(), "204");
    assert_eq!(olga.get(format!("{group}/members")).await.summary(), "404 IDN-022");
}

/// Others are told what an account belongs to, whenever that changes: all of it each time.
#[stage_test]
async fn memberships_are_told(t: Stage) {
    let (olga, anna) = (administrator(&t).await, Person::register(&t, "anna").await);
    let role = json!({ "description": "Writes reports", "permissions": ["reports:*"] });
    assert_eq!(olga.put("/api/v1/roles/editor", role).await.summary(), "200");
    let group = olga.post("/api/v1/groups", json!({ "name": "Newsroom", "roles": [] })).await;
    let members = format!("{}/members", group.location());
    let path = format!("/api/v1/users/{}", id(&anna));
    let user = |roles: Value| json!({ "name": "Anna", "disabled": false, "roles": roles });
    assert_eq!(olga.put(&path, user(json!(["editor", "user"]))).await.summary(), "200");
    assert_eq!(olga.post(&members, json!({ "add": [id(&anna)] })).await.summary(), "204");
    assert_eq!(olga.post(&members, json!({ "add": [id(&anna)] })).await.summary(), "204");
    assert_eq!(olga.delete("/api/v1/roles/editor").await.summary(), "204");
    assert_eq!(olga.delete(group.location()).await.summary(), "204");
    let events = t.log("identity").await.into_iter();
    let told: Vec<Value> = events
        .filter(|event| event.kind == "identity.MembershipsChanged")
        .map(|event| serde_json::from_str(event.data.as_deref().unwrap()).unwrap())
        .filter(|data: &Value| data["user_id"] == id(&anna))
        .map(|data| json!([data["roles"], data["groups"].as_array().unwrap().len()]))
        .collect();
    let expected =
        json!([[["editor", "user"], 0], [["editor", "user"], 1], [["user"], 1], [["user"], 0],]);
    assert_eq!(json!(told), expected);
}

/// AUTZ-01, AUTZ-02: nothing of it is for anybody else.
#[stage_test]
async fn only_administrators_manage(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let ben = Person::register(&t, "ben").await;
    let target = id(&ben);
    for path in ["/users", "/roles", "/groups", &format!("/users/{target}")] {
        let path = format!("/api/v1{path}");
        assert_eq!(anna.actor.get(&path).await.summary(), "403 HTT-012", "{path}");
        assert_eq!(t.guest().get(&path).await.summary(), "401 HTT-010", "{path}");
    }
    let reason = json!({ "reason": "curious" });
    let act = anna.actor.post(format!("/api/v1/users/{target}/impersonate"), reason).await;
    assert_eq!(act.summary(), "403 HTT-012");
    let ask = json!({ "user_id": target, "resource": "a", "action": "b" });
    let asked = anna.actor.post("/api/v1/permissions/check", ask).await;
    assert_eq!(asked.summary(), "403 HTT-012");
}

/// Acting for somebody is told, names both, changes nothing that matters, and ends with the session of
/// whoever acts.
#[stage_test]
async fn acting_for_somebody_is_told(t: Stage) {
    let olga = administrator(&t).await;
    let anna = Person::register(&t, "anna").await;
    let path = format!("/api/v1/users/{}/impersonate", id(&anna));
    let reason = json!({ "reason": "Ticket 4711" });
    let acting = olga.post(&path, reason.clone()).await;
    assert_eq!(acting.summary(), "200", "{}", acting.text());
    let as_anna = t.bearer(text(&acting.json(), "access_token"));
    assert_eq!(as_anna.get("/api/v1/users/me").await.json()["email"], "anna@example.com");
    let change = json!({ "email": "mallory@example.com" });
    assert_eq!(as_anna.post("/api/v1/auth/email", change).await.summary(), "403 IDN-014");
    let factor = json!({ "factor": "totp" });
    assert_eq!(as_anna.post("/api/v1/auth/factors", factor).await.summary(), "403 IDN-014");
    let key = json!({ "name": "K", "valid_days": 1 });
    assert_eq!(as_anna.post("/api/v1/api-keys", key).await.summary(), "403 IDN-014");
    assert_eq!(as_anna.delete("/api/v1/users/me").await.summary(), "403 IDN-014");
    let events = t.log("identity").await;
    let told = events.iter().find(|event| event.kind == "identity.UserImpersonated").unwrap();
    assert!(told.data.as_ref().unwrap().contains("Ticket 4711"));
    let me = olga.get("/api/v1/users/me").await.json();
    let own = format!("/api/v1/users/{}/impersonate", text(&me, "id"));
    assert_eq!(olga.post(own, reason.clone()).await.summary(), "403 IDN-027");
    assert_eq!(olga.post("/api/v1/auth/logout", Value::Null).await.summary(), "204");
    assert_eq!(as_anna.get("/api/v1/users/me").await.summary(), "401 HTT-011");
    t.advance(SignedDuration::from_mins(11));
    let (answer, email) = (login(&t, "olga@example.com", PASSWORD).await.json(), "olga");
    let late = t.bearer(text(&answer, "access_token"));
    t.advance(SignedDuration::from_mins(11));
    assert_eq!(late.post(&path, reason).await.summary(), "403 IDN-014", "{email}");
}

/// E-032: preferences are one's own.
#[stage_test]
async fn preferences_are_kept(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let ben = Person::register(&t, "ben").await;
    let body = json!({ "preferences": { "locale": "de", "theme": { "dark": true } } });
    let saved = anna.actor.put("/api/v1/users/me/preferences", body.clone()).await;
    assert_eq!((saved.summary(), saved.json()), ("200".to_owned(), body.clone()));
    assert_eq!(anna.actor.get("/api/v1/users/me/preferences").await.json(), body);
    let none = json!({ "preferences": {} });
    assert_eq!(ben.actor.get("/api/v1/users/me/preferences").await.json(), none);
    let large = json!({ "preferences": { "a": "x".repeat(9000) } });
    let refused = anna.actor.put("/api/v1/users/me/preferences", large).await;
    assert_eq!(refused.summary(), "422 HTT-007");
}

/// AUTN-21, OPS-12: withdrawing the keys ends every access token, and no session.
#[stage_test]
async fn keys_can_be_withdrawn_at_once(t: Stage) {
    let olga = administrator(&t).await;
    let anna = Person::register(&t, "anna").await;
    assert_eq!(
        anna.actor.post("/api/v1/auth/keys/replace", Value::Null).await.summary(),
        "403 HTT-012"
    );
    assert_eq!(olga.post("/api/v1/auth/keys/replace", Value::Null).await.summary(), "204");
    for actor in [&olga, &anna.actor] {
        assert_eq!(actor.get("/api/v1/users/me").await.summary(), "401 HTT-011");
    }
    let next = refresh(&t, anna.refresh_token()).await;
    let again = t.bearer(text(&next.json(), "access_token"));
    assert_eq!(again.get("/api/v1/users/me").await.summary(), "200");
}
