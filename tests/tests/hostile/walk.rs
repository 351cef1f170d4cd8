//! Walking through every operation of the published OpenAPI document, so that none can be forgotten.

use hanse_e2e::{Answer, Client, Server, Value, json};

use crate::support::Operation;

pub const NOBODY: &str = "00000000-0000-7000-8000-000000000000";

pub fn call(who: &Client, operation: &Operation, path: &str, headers: &[(&str, &str)]) -> Answer {
    let body = operation.bodies.first().map(|kind| (kind.as_str(), example(operation).to_string()));
    who.send(&operation.method, path, headers, body)
        .unwrap_or_else(|error| panic!("{}: {error}", operation.id))
}

/// A body that the operation's own text calls right, as far as it can be told without its schema.
pub fn example(operation: &Operation) -> Value {
    match operation.id.as_str() {
        "create_thought" | "replace_thought" | "update_thought" | "import_thoughts" => {
            json!({"text": "seen"})
        }
        "add_thought_tags" => json!({"tags": ["seen"]}),
        "create_client" | "replace_client" => json!({
            "name": "Seen", "grant_types": ["authorization_code"], "scope": "openid",
            "redirect_uris": ["https://app.example.com/cb"],
        }),
        "replace_me" | "replace_profile" | "rename_passkey" => json!({"name": "Seen"}),
        "put_search_preferences" => json!({"record_history": true, "default_types": []}),
        // Whoever runs the place is refused for the thing, not for the body.
        _ if operation.access == "admin" || operation.access == "operator" => {
            operation.example.clone().unwrap_or_else(|| json!({}))
        }
        _ => json!({}),
    }
}

/// The query that a read needs.
pub fn query(operation: &Operation) -> &'static str {
    let parameters = operation.text.get("parameters").and_then(Value::as_array);
    let needs = |name: &str| {
        parameters.into_iter().flatten().any(|parameter| {
            parameter.get("name").and_then(Value::as_str) == Some(name)
                && parameter.get("required").and_then(Value::as_bool) == Some(true)
        })
    };
    match operation.id.as_str() {
        "export_thoughts" => "?format=jsonl",
        _ if needs("q") => "?q=harbour",
        _ => "",
    }
}

/// What somebody has: a thought and a session.
pub struct Owned {
    pub owner: Client,
    pub thought: String,
    pub session: String,
    before: String,
}

impl Owned {
    pub fn of(server: &Server, name: &str) -> Self {
        let owner = server.register(name);
        let thought =
            owner.post("/api/thoughts", &json!({"text": "ballast", "tags": ["hold"]})).json();
        let sessions = owner.get("/auth/sessions").json();
        let text = |value: Option<&Value>| value.and_then(Value::as_str).expect("an id").to_owned();
        let thought = text(thought.get("id"));
        let session = text(sessions.pointer("/items/0/id"));
        let before = owner.get(&format!("/api/thoughts/{thought}")).text;
        Self { owner, thought, session, before }
    }

    pub fn id_for(&self, operation: &Operation) -> &str {
        if operation.path.contains("/sessions/") { &self.session } else { &self.thought }
    }

    /// Nothing of theirs has changed.
    pub fn check(&self, after: &str) {
        let now = self.owner.get(&format!("/api/thoughts/{}", self.thought));
        assert_eq!(now.status, 200, "their session is gone after {after}");
        assert_eq!(now.text, self.before, "their thought has changed after {after}");
    }
}
