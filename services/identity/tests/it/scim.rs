//! Provisioning by SCIM 2.0 (RFC 7643, RFC 7644), as directories do it and as nobody should. That a
//! conformance tester finds nothing wrong is in `tests/tests/it/scim.rs`.

use hanse_http::{Method, Role};
use hanse_identity::IdentityConfig;
use hanse_identity::admin::{NewAccount, create_user};
use hanse_testkit::{Actor, Answer, Stage, Value, json, stage_test};

use crate::support::{PASSWORD, Person, login, refresh, services, text};

const USERS: &str = "/api/v1/scim/v2/Users";
const GROUPS: &str = "/api/v1/scim/v2/Groups";

/// An administrator, and a provisioning client whose key has this scope.
pub(crate) async fn directory(t: &Stage, scope: &str) -> (Actor, Actor) {
    let new = NewAccount { email: "olga@example.com", name: "Olga", password: PASSWORD };
    let config = IdentityConfig::for_tests();
    create_user(&t.db("identity"), &config, new, &[Role::Admin]).await.unwrap();
    let answer = login(t, "olga@example.com", PASSWORD).await.json();
    let olga = t.bearer(text(&answer, "access_token"));
    let machine = json!({ "name": "Directory", "kind": "service" });
    let machine = olga.post("/api/v1/users", machine).await.json();
    let client = key(t, &olga, json!({ "user_id": machine["id"], "scope": scope })).await;
    (olga, client)
}

/// Whoever holds a new key of this kind.
async fn key(t: &Stage, maker: &Actor, more: Value) -> Actor {
    let mut body = json!({ "name": "Key", "valid_days": 1 });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = maker.post("/api/v1/api-keys", body).await;
    assert_eq!(made.summary(), "201", "{}", made.text());
    let key = json!({ "key": text(&made.json(), "secret") });
    let exchanged = t.peer().post("/api/v1/auth/exchange-key", key).await.json();
    t.bearer(text(&exchanged, "access_token"))
}

pub(crate) async fn send(client: &Actor, method: Method, path: &str, body: Value) -> Answer {
    client.send(method, path, Some(("application/scim+json", body.to_string()))).await
}

pub(crate) async fn patch(client: &Actor, path: &str, steps: Value) -> Answer {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": steps,
    });
    send(client, Method::PATCH, path, body).await
}

/// Status and `scimType` of an answer.
fn said(answer: &Answer) -> String {
    let kind = answer.json()["scimType"].as_str().map(str::to_owned);
    format!("{} {}", answer.status.as_u16(), kind.unwrap_or_default()).trim().to_owned()
}

pub(crate) async fn make(client: &Actor, user_name: &str) -> Value {
    let made = send(
        client,
        Method::POST,
        USERS,
        json!({ "userName": user_name,
        "emails": [{ "value": user_name, "type": "work" }] }),
    )
    .await;
    assert_eq!(said(&made), "201", "{}", made.text());
    made.json()
}

async fn found(client: &Actor, path: &str) -> Vec<String> {
    let answer = client.get(path).await;
    assert_eq!(answer.summary(), "200", "{}", answer.text());
    let list = answer.json();
    let name = |one: &Value| one.get("userName").or_else(|| one.get("displayName")).cloned();
    let all = list["Resources"].as_array().unwrap().iter();
    all.map(|one| name(one).and_then(|name| name.as_str().map(str::to_owned)).unwrap()).collect()
}

/// The path of a resource, as this stage knows it.
pub(crate) fn path(resource: &Value) -> String {
    let location = text(&resource["meta"], "location");
    location.replace("https://stage.test", "/api/v1")
}

/// A person comes, changes and leaves as the directory says; barred, they are out at once (AUTZ-08).
#[stage_test]
async fn a_directory_provisions_people(t: Stage) {
    let (_, client) = directory(&t, "scim:*").await;
    let anna = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "anna.berg", "externalId": "E-7", "password": "not kept",
        "name": { "givenName": "Anna", "familyName": "Berg" }, "title": "Captain",
        "emails": [{ "value": "x@example.com" }, { "value": "Anna@Example.com", "primary": true }],
        "id": "mine", "meta": { "version": "9" }, "groups": [{ "value": "admins" }],
    });
    let made = send(&client, Method::POST, USERS, anna.clone()).await;
    assert_eq!(said(&made), "201", "{}", made.text());
    assert_eq!(made.header("content-type"), "application/scim+json");
    let user = made.json();
    let at = path(&user);
    assert_eq!(made.location(), text(&user["meta"], "location"));
    assert_eq!(made.header("etag"), text(&user["meta"], "version"));
    assert_eq!(user["displayName"], "Anna Berg");
    assert_eq!((&user["active"], &user["groups"]), (&json!(true), &json!([])));
    let email = json!([{ "value": "anna@example.com", "primary": true }]);
    assert_eq!(user["emails"], email);
    assert_eq!(user.get("title"), None);
    assert_eq!(said(&send(&client, Method::POST, USERS, anna).await), "409 uniqueness");

    // She asks for a password, and signs in.
    let reset = json!({ "email": "anna@example.com" });
    assert_eq!(t.guest().post("/api/v1/auth/reset-password", reset).await.summary(), "204");
    let token = crate::support::link_token(&t, "identity.reset_password").await;
    let body = json!({ "token": token, "new_password": PASSWORD });
    assert_eq!(t.guest().post("/api/v1/auth/reset-password/confirm", body).await.summary(), "204");
    let signed_in = login(&t, "anna@example.com", PASSWORD).await.json();
    let hers = t.bearer(text(&signed_in, "access_token"));
    assert_eq!(hers.get("/api/v1/users/me").await.summary(), "200");

    let tag = client.get(&at).await.header("etag").to_owned();
    assert_eq!(client.with("if-none-match", &tag).get(&at).await.summary(), "304");
    let bar = json!([{ "op": "Replace", "path": "active", "value": "False" }]);
    let late = patch(&client.with("if-match", "\"99\""), &at, bar.clone()).await;
    assert_eq!(said(&late), "412");
    let barred = patch(&client.with("if-match", tag), &at, bar).await;
    assert_eq!(barred.json()["active"], false, "{}", barred.text());
    assert_eq!(hers.get("/api/v1/users/me").await.summary(), "401 HTT-011");
    assert_eq!(refresh(&t, text(&signed_in, "refresh_token")).await.summary(), "401 IDN-006");
    assert_eq!(login(&t, "anna@example.com", PASSWORD).await.summary(), "401 IDN-001");

    let back = json!({ "userName": "anna.berg", "displayName": "Anna B", "active": true,
        "emails": [{ "value": "anna@example.com" }] });
    let back = send(&client, Method::PUT, &at, back).await.json();
    assert_eq!((back.get("name"), back.get("externalId")), (None, None));
    assert_eq!(login(&t, "anna@example.com", PASSWORD).await.summary(), "200");
    assert_eq!(client.delete(&at).await.summary(), "204");
    assert_eq!(said(&client.get(&at).await), "404");
    assert_eq!(said(&client.delete(&at).await), "404");
    assert_eq!(login(&t, "anna@example.com", PASSWORD).await.summary(), "401 IDN-001");
    t.drain_events().await;
}

/// RFC 7644, section 3.4.2: filters, order, pages and selections mean the same on both engines.
#[stage_test]
async fn a_directory_finds_people(t: Stage) {
    let (_, client) = directory(&t, "scim:*").await;
    for name in ["cleo@example.com", "anna@example.com", "Ben@example.com"] {
        make(&client, name).await;
    }
    let list = |query: &str| format!("{USERS}?{query}");
    let filter = |text: &str| {
        list(&format!("sortBy=userName&filter={}", text.replace(' ', "%20").replace('"', "%22")))
    };
    assert_eq!(
        found(&client, &filter("userName eq \"ben@EXAMPLE.com\"")).await,
        ["Ben@example.com"]
    );
    assert_eq!(
        found(&client, &filter("emails.value eq \"Anna@example.com\"")).await,
        ["anna@example.com"]
    );
    let both = filter("userName sw \"a\" or (userName co \"EN@\" and not (active eq false))");
    assert_eq!(found(&client, &both).await, ["anna@example.com", "Ben@example.com"]);
    assert!(found(&client, &filter("userName eq \"' OR 1=1 --\"")).await.is_empty());
    assert!(found(&client, &filter("userName co \"%25\"")).await.is_empty());
    let order = "sortBy=userName&sortOrder=descending&count=2&startIndex=2";
    assert_eq!(found(&client, &list(order)).await, ["cleo@example.com", "Ben@example.com"]);
    let page = client.get(list("startIndex=2&count=1&attributes=userName,name.familyName")).await;
    let page = page.json();
    // Olga has an account as well, and the directory's own is no person.
    assert_eq!((&page["totalResults"], &page["itemsPerPage"]), (&json!(4), &json!(1)));
    let keys: Vec<_> = page["Resources"][0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["schemas", "id", "userName"]);
    assert_eq!(client.get(list("count=0")).await.json()["totalResults"], 4);
    let without = client.get(list("count=1&excludedAttributes=emails.type,meta")).await.json();
    let one = &without["Resources"][0];
    assert_eq!((one.get("meta"), one["emails"][0].get("type")), (None, None));
    assert!(one["emails"][0].get("value").is_some());
    let search = json!({ "filter": "userName sw \"b\"", "attributes": ["userName"], "count": 5 });
    let search = send(&client, Method::POST, &format!("{USERS}/.search"), search).await.json();
    assert_eq!(search["Resources"][0]["userName"], "Ben@example.com");
    assert_eq!(search["Resources"][0].get("emails"), None);
    for (query, expected) in [
        ("filter=userName", "400 invalidFilter"),
        ("filter=userName%20eq%20%22%00%22", "400 invalidFilter"),
        ("sortBy=password", "400 invalidPath"),
        ("sortOrder=up", "400 invalidValue"),
        ("count=many", "400 invalidValue"),
        ("startIndex=99999999999999999999", "400 invalidValue"),
        ("attributes=id&excludedAttributes=name", "400 invalidValue"),
    ] {
        assert_eq!(said(&client.get(list(query)).await), expected, "{query}");
    }
}

/// Groups are the directory's own, or those an administrator opened; their roles never are.
#[stage_test]
async fn a_directory_fills_the_groups_that_are_open_to_it(t: Stage) {
    let (olga, client) = directory(&t, "scim:*").await;
    let (anna, ben) =
        (make(&client, "anna@example.com").await, make(&client, "ben@example.com").await);
    let member = |user: &Value| json!({ "value": user["id"] });
    let crew = json!({ "displayName": "Crew", "externalId": "G-1", "members": [member(&anna)] });
    let crew = send(&client, Method::POST, GROUPS, crew).await;
    assert_eq!(said(&crew), "201", "{}", crew.text());
    let (crew, at) = (crew.json(), path(&crew.json()));
    assert_eq!(crew["members"][0]["$ref"], anna["meta"]["location"]);
    let groups = client.get(path(&anna)).await.json()["groups"].take();
    assert_eq!((&groups[0]["value"], &groups[0]["display"]), (&crew["id"], &json!("Crew")));
    let add = json!([{ "op": "add", "path": "members", "value": [member(&ben)] }]);
    let added = patch(&client, &at, add).await.json();
    assert_eq!(added["members"].as_array().unwrap().len(), 2);
    let mine = format!(
        "{USERS}?sortBy=displayName&filter=groups.value%20eq%20%22{}%22",
        text(&crew, "id")
    );
    assert_eq!(found(&client, &mine).await, ["anna@example.com", "ben@example.com"]);
    let least = client.get(format!("{GROUPS}?excludedAttributes=members")).await.json();
    assert_eq!(least["Resources"][0].get("members"), None);
    let path_of = format!("members[value eq \"{}\"]", text(&anna, "id"));
    let removed = patch(&client, &at, json!([{ "op": "remove", "path": path_of }])).await.json();
    assert_eq!(removed["members"][0]["value"], ben["id"]);
    for (steps, expected) in [
        (
            json!([{ "op": "add", "path": "members", "value": [{ "value": "ben" }] }]),
            "400 invalidValue",
        ),
        (
            json!([{ "op": "add", "path": "members", "value": [{ "value": crew["id"] }] }]),
            "400 invalidValue",
        ),
        (json!([{ "op": "replace", "path": "displayName", "value": "" }]), "400 invalidValue"),
        (json!([{ "op": "add", "path": "roles", "value": ["admin"] }]), "400 invalidPath"),
    ] {
        assert_eq!(said(&patch(&client, &at, steps.clone()).await), expected, "{steps}");
    }

    // An administrator's group is closed until it is opened, and then its roles are given by it.
    let role = json!({ "description": "", "permissions": ["reports:*"] });
    assert_eq!(olga.put("/api/v1/roles/editor", role).await.summary(), "200");
    let newsroom = json!({ "name": "Newsroom", "roles": ["editor"] });
    let newsroom = olga.post("/api/v1/groups", newsroom).await;
    let theirs = format!("{GROUPS}/{}", text(&newsroom.json(), "id"));
    assert_eq!(found(&client, GROUPS).await, ["Crew"]);
    assert_eq!(said(&client.get(&theirs).await), "404");
    let join = json!([{ "op": "add", "path": "members", "value": [member(&ben)] }]);
    assert_eq!(said(&patch(&client, &theirs, join.clone()).await), "404");
    let same = json!({ "displayName": "Newsroom" });
    assert_eq!(said(&send(&client, Method::POST, GROUPS, same).await), "409 uniqueness");
    let open = json!({ "name": "Newsroom", "roles": ["editor"], "provisioned": true });
    assert_eq!(olga.put(newsroom.location(), open).await.summary(), "200");
    assert_eq!(said(&patch(&client, &theirs, join.clone()).await), "200");
    let may = json!({ "user_id": ben["id"], "resource": "reports", "action": "write" });
    assert_eq!(olga.post("/api/v1/permissions/check", may).await.json()["allowed"], true);

    // One whose members may do everything is nobody's to fill.
    let all = json!({ "description": "", "permissions": ["*:*"] });
    assert_eq!(olga.put("/api/v1/roles/lord", all).await.summary(), "200");
    let lords = json!({ "name": "Newsroom", "roles": ["lord"], "provisioned": true });
    assert_eq!(olga.put(newsroom.location(), lords).await.summary(), "200");
    assert_eq!(said(&patch(&client, &theirs, join).await), "403");
    assert_eq!(said(&client.delete(&theirs).await), "403");
    // And whoever is in it already is no client's to change.
    assert_eq!(said(&client.delete(path(&ben)).await), "403");
    assert_eq!(client.delete(&at).await.summary(), "204");
    assert_eq!(found(&client, GROUPS).await, ["Newsroom"]);
}

/// AUTZ-01, AUTZ-02, AUTZ-04: only a machine whose key names it provisions; it never makes or becomes an
/// administrator.
#[stage_test]
async fn nobody_else_provisions(t: Stage) {
    let (olga, client) = directory(&t, "scim:read").await;
    let reading = client.get(USERS).await;
    assert_eq!(reading.summary(), "200", "{}", reading.text());
    let new = json!({ "userName": "new@example.com" });
    let write = send(&client, Method::POST, USERS, new.clone()).await;
    assert_eq!(write.summary(), "403 HTT-022");
    let anna = Person::register(&t, "anna").await;
    let hers = key(&t, &anna.actor, json!({ "scope": "scim:*" })).await;
    let olgas = key(&t, &olga, json!({ "scope": "scim:*" })).await;
    let machine = json!({ "name": "Robot", "kind": "service" });
    let machine = olga.post("/api/v1/users", machine).await.json();
    let id = &machine["id"];
    let unnamed = key(&t, &olga, json!({ "user_id": id })).await;
    let wide = key(&t, &olga, json!({ "user_id": id, "scope": "*:*" })).await;
    for (who, expected) in [
        (&anna.actor, "403"),
        (&hers, "403"),
        (&olga, "403"),
        (&olgas, "403"),
        (&unnamed, "403"),
        (&wide, "403"),
        (&t.guest(), "401 HTT-010"),
    ] {
        let search = send(who, Method::POST, &format!("{USERS}/.search"), json!({})).await;
        assert_eq!(search.summary(), expected);
        for path in [USERS, GROUPS, &format!("{USERS}/{}", text(&anna.answer["user"], "id"))] {
            assert_eq!(who.get(path).await.summary(), expected, "{path}");
        }
        assert_eq!(send(who, Method::POST, USERS, new.clone()).await.summary(), expected);
    }

    let client = key(&t, &olga, json!({ "user_id": id, "scope": "scim:read scim:write" })).await;
    let boss = client.get(format!("{USERS}?filter=userName%20eq%20%22olga@example.com%22")).await;
    let boss = path(&boss.json()["Resources"][0]);
    assert_eq!(said(&client.get(&boss).await), "200");
    for steps in [
        json!([{ "op": "replace", "path": "emails", "value": [{ "value": "me@example.com" }] }]),
        json!([{ "op": "replace", "path": "active", "value": false }]),
    ] {
        assert_eq!(said(&patch(&client, &boss, steps).await), "403");
    }
    assert_eq!(said(&client.delete(&boss).await), "403");
    let robot = format!("{USERS}/{}", text(&machine, "id"));
    assert_eq!(said(&client.get(&robot).await), "404");
    assert_eq!(said(&client.delete(&robot).await), "404");
    let rich = json!({ "userName": "eve@example.com", "roles": ["admin"],
        "groups": [{ "value": "admins" }], "userType": "admin", "kind": "service" });
    let eve = send(&client, Method::POST, USERS, rich).await.json();
    let shown = olga.get(format!("/api/v1/users/{}", text(&eve, "id"))).await.json();
    assert_eq!((&shown["roles"], &shown["kind"]), (&json!(["user"]), &json!("person")));
}

/// HTTP-11: bodies that are none are refused in the protocol's words, and leave nothing.
#[stage_test]
async fn bodies_that_are_none_are_refused(t: Stage) {
    let (_, client) = directory(&t, "scim:*").await;
    let anna = make(&client, "anna@example.com").await;
    make(&client, "ben@example.com").await;
    let at = path(&anna);
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let raw = |kind: &'static str, body: String| {
        let client = client.clone();
        async move { said(&client.send(Method::POST, USERS, Some((kind, body))).await) }
    };
    let scim = "application/scim+json";
    for (kind, body, expected) in [
        (scim, String::new(), "400 invalidSyntax"),
        (scim, "[]".into(), "400 invalidSyntax"),
        (scim, deep, "400 invalidSyntax"),
        (scim, "{\"userName\":\"x@y.z\",\"USERNAME\":\"a@b.c\"}".into(), "400 invalidSyntax"),
        ("text/plain", "{\"userName\":\"x@y.z\"}".into(), "400 invalidSyntax"),
        (scim, "{}".into(), "400 invalidValue"),
        (scim, "{\"userName\":\"no address\"}".into(), "400 invalidValue"),
        (scim, "{\"userName\":\"a\\u0000@b.c\"}".into(), "400 invalidValue"),
        (scim, "{\"userName\":5}".into(), "400 invalidValue"),
        (scim, "{\"schemas\":[\"x\"],\"userName\":\"a@b.c\"}".into(), "400 invalidValue"),
        (scim, format!("{{\"userName\":\"{}\"}}", "a".repeat(300)), "400 invalidValue"),
    ] {
        assert_eq!(raw(kind, body.clone()).await, expected, "{}", &body[..body.len().min(60)]);
    }
    for (steps, expected) in [
        (
            json!([{ "op": "replace", "path": "userName", "value": "BEN@example.com" }]),
            "409 uniqueness",
        ),
        (
            json!([{ "op": "replace", "path": "emails[type eq \"work\"].value", "value": "ben@example.com" }]),
            "409 uniqueness",
        ),
        (json!([{ "op": "replace", "path": "id", "value": "1" }]), "400 mutability"),
        (json!([{ "op": "remove", "path": "displayName" }]), "400 mutability"),
        (json!([{ "op": "add", "path": "x".repeat(3000), "value": 1 }]), "400 invalidFilter"),
        (
            json!([{ "op": "replace", "path": "displayName", "value": "New" },
                { "op": "remove", "path": "userName" }]),
            "400 mutability",
        ),
    ] {
        let refused = patch(&client, &at, steps.clone()).await;
        assert_eq!(said(&refused), expected, "{steps}: {}", refused.text());
    }
    assert_eq!(client.get(&at).await.json(), anna);
    assert_eq!(said(&client.get(format!("{USERS}/nobody")).await), "404");
    assert_eq!(said(&client.get("/api/v1/scim/v2/Me").await), "404");
    assert_eq!(said(&client.get("/api/v1/scim/v2/Schemas?filter=id%20pr").await), "403");
}
